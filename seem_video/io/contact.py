"""The contact sheet: a dozen frames spread over the clip, to judge a result at a glance."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from seem_video.io.frame import SourceInfo
from seem_video.io.output import EvenChoice, Shot
from seem_video.io.staging import Staged

_TILES, _COLUMNS = 12, 4
_TILE_SIDE = 320  # pixels, of a tile's longer side
_GAP = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class ContactSheet:
    """Collects tiles at bounded memory: an even choice of the frames."""

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        self.staged = staged
        self._tiles: EvenChoice[npt.NDArray[np.uint8]] = EvenChoice(2 * _TILES)

    def write(self, shot: Shot) -> None:
        self._tiles.offer(lambda: _tile(shot.drawn, f"{shot.result.index}  {shot.result.time_s:.2f}s"))

    def close(self) -> bool:
        tiles = self._tiles.items
        if not tiles:
            return False
        chosen = np.linspace(0, len(tiles) - 1, min(_TILES, len(tiles))).round().astype(int)
        Image.fromarray(_arrange([tiles[i] for i in chosen])).save(self.staged.part, "PNG", compress_level=3)
        return True

    salvage = close


def _tile(image: npt.NDArray[np.uint8], text: str) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, _TILE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tile = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, 0.4, 1)
    cv2.rectangle(tile, (0, size[1] - text_height - 2 * baseline), (text_width + baseline, size[1]), _BLACK, cv2.FILLED)
    cv2.putText(tile, text, (baseline // 2, size[1] - baseline), _FONT, 0.4, _WHITE, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _arrange(tiles: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    height, width = tiles[0].shape[:2]
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = _GAP + i // columns * (height + _GAP), _GAP + i % columns * (width + _GAP)
        sheet[y : y + height, x : x + width] = tile
    return sheet
