"""The one-to-one assignment with the largest total score, for the unsupervised protocol."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best_assignment(scores: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) whose scores sum highest, one to one and ordered by row; every row or every column is used.

    `scores` is (rows, columns), finite. The method is the Hungarian one with potentials (Kuhn, 1955; Jonker and
    Volgenant, 1987), O(n^3). Among equal totals the choice is deterministic but arbitrary.
    """
    if scores.shape[0] > scores.shape[1]:
        return sorted((row, column) for column, row in best_assignment(scores.T))
    cost = -np.asarray(scores, dtype=np.float64)
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    row_of = np.full(columns + 1, -1)  # the last column is virtual: it holds the row that is being placed
    for row in range(rows):
        row_of[-1] = row
        _place(cost, row_price, column_price, row_of)
    return sorted((int(row), column) for column, row in enumerate(row_of[:-1]) if row >= 0)


def _place(
    cost: npt.NDArray[np.float64],
    row_price: npt.NDArray[np.float64],
    column_price: npt.NDArray[np.float64],
    row_of: npt.NDArray[np.int_],
) -> None:
    """Moves the virtual column's row to a free column along the cheapest alternating path; changes all but `cost`."""
    columns = cost.shape[1]
    slack, came_from = np.full(columns, np.inf), np.full(columns, columns)
    visited = np.zeros(columns + 1, dtype=bool)
    column = columns
    while row_of[column] >= 0:
        visited[column] = True
        row = row_of[column]
        reduced = cost[row] - row_price[row] - column_price[:-1]
        better = ~visited[:-1] & (reduced < slack)
        slack[better], came_from[better] = reduced[better], column
        column = int(np.argmin(np.where(visited[:-1], np.inf, slack)))
        delta = slack[column]
        row_price[row_of[visited]] += delta
        column_price[visited] -= delta
        slack[~visited[:-1]] -= delta
    while column != columns:
        row_of[column] = row_of[came_from[column]]
        column = int(came_from[column])
