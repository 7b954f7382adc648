"""Attempts on a Ray cluster, each in a worker process that ends with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seem_video.batch.runner import Attempt, Ending, run_attempt
from seem_video.errors import SeemVideoError


class RayEngine:
    """Runs attempts as Ray tasks of one processor, and one GPU where the device is CUDA.

    The sources, the folder of the outputs and this package must be there, under the same paths, on every node.

    Raises:
        SeemVideoError: Ray is not installed, or no cluster is running.
    """

    def __init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise SeemVideoError(
                "The engine ray needs the package 'ray', which is not installed; run: pip install 'seem-video[ray]'"
            ) from None
        self._ray = ray
        self._joined = not ray.is_initialized()
        if self._joined:
            try:
                ray.init(address="auto", log_to_driver=False)
            except ConnectionError:
                raise SeemVideoError(
                    "No Ray cluster is running here; start one with 'ray start --head', or set RAY_ADDRESS to one."
                ) from None
        self._running: dict[Any, Attempt] = {}

    def start(self, attempt: Attempt) -> None:
        # A worker runs one attempt only, as one that was used before would keep what that left in its memory.
        task = self._ray.remote(max_calls=1, max_retries=0)(run_attempt)
        gpus = int(attempt.device.startswith("cuda"))
        options = {"name": f"seem-video {attempt.job.name}", "num_cpus": 1, "num_gpus": gpus}
        # Ray itself sees to it that a task uses no more threads than processors.
        self._running[task.options(**options).remote(replace(attempt, threads=None))] = attempt

    def wait(self) -> list[tuple[Attempt, Ending]]:
        ready, _ = self._ray.wait(list(self._running), num_returns=1)
        return [(self._running.pop(reference), self._ending(reference)) for reference in ready]

    def _ending(self, reference: Any) -> Ending:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Ending(error=f"Its Ray worker was lost ({type(error).__name__}).")

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *error: object) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        if self._joined:
            self._ray.shutdown()
