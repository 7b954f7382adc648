"""Random geometry and colour: how a still becomes a clip, and how a clip is varied."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """A square window on a picture: where it looks, how far, turned and bent how.

    Attributes:
        x, y: centre in source pixels. span: source pixels across the window. angle: radians. shear: ratio.
        mirror: horizontal flip. bend: (4, 4, 2) displacements as shares of the span, or None.
    """

    x: float
    y: float
    span: float
    angle: float = 0.0
    shear: float = 0.0
    mirror: bool = False
    bend: npt.NDArray[np.float32] | None = None

    def shifted(self, by: npt.NDArray[np.float64]) -> View:
        """The same view x, y source pixels further."""
        return replace(self, x=self.x + float(by[0]), y=self.y + float(by[1]))

    def moved(self, rng: np.random.Generator, strength: float) -> View:
        """The view a little later: shifted, zoomed, turned, sheared and bent at random."""
        shift = rng.normal(0, 0.10 * strength, 2) * self.span
        bend = rng.normal(0, 0.018 * strength, (4, 4, 2)).astype(np.float32) if rng.random() < 0.6 else None
        return replace(
            self,
            x=self.x + shift[0],
            y=self.y + shift[1],
            span=self.span * float(np.exp(rng.normal(0, 0.12 * strength))),
            angle=self.angle + rng.normal(0, 0.18 * strength),
            shear=self.shear + rng.normal(0, 0.08 * strength),
            bend=bend if bend is None or self.bend is None else bend + self.bend,
        )

    def grid(self, size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Source x and y of each of the size x size window pixels."""
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
        u, v = np.meshgrid(axis, axis)
        if self.bend is not None:
            field = cv2.resize(self.bend, (size, size), interpolation=cv2.INTER_CUBIC)
            u, v = u + field[..., 0], v + field[..., 1]
        if self.mirror:
            u = -u
        u = u + self.shear * v
        cos, sin = np.cos(self.angle) * self.span, np.sin(self.angle) * self.span
        return (self.x + cos * u - sin * v - 0.5).astype(np.float32), (self.y + sin * u + cos * v - 0.5).astype(
            np.float32
        )


def look(
    image: Image, mask: Mask, view: View, size: int, *, border: int = cv2.BORDER_REFLECT_101
) -> tuple[Image, Mask]:
    """Sample (size, size, 3) of the image and (size, size) of the id map through a view."""
    x, y = view.grid(size)
    factor = min(1.6 * size / view.span, 1.0)  # below 1, shrink first: against aliasing
    source = image if factor == 1.0 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    columns, rows = (((axis + 0.5) * factor - 0.5).astype(np.float32) for axis in (x, y))
    seen = cv2.remap(source, columns, rows, cv2.INTER_LINEAR, borderMode=border)
    ids = cv2.remap(mask, x, y, cv2.INTER_NEAREST, borderMode=border)
    return seen.astype(np.uint8, copy=False), ids.astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Tint:
    """A colour change: per-channel gain and offset, saturation, blur radius."""

    gain: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    saturation: float
    blur: int

    @classmethod
    def random(cls, rng: np.random.Generator, strength: float) -> Tint:
        gain = 1 + rng.normal(0, 0.18 * strength) + rng.normal(0, 0.06 * strength, 3)
        offset = rng.normal(0, 18 * strength) + rng.normal(0, 6 * strength, 3)
        saturation = 0.0 if rng.random() < 0.05 * strength else float(np.exp(rng.normal(0, 0.3 * strength)))
        blur = int(rng.integers(1, 3)) if rng.random() < 0.1 * strength else 0
        return cls(gain.astype(np.float32), offset.astype(np.float32), saturation, blur)

    def apply(self, image: Image) -> Image:
        colours = self.gain[:, None] * (self.saturation * np.eye(3) + (1 - self.saturation) / 3)
        out = cv2.transform(image, np.column_stack([colours, self.offset]))
        return np.asarray(cv2.blur(out, (2 * self.blur + 1, 2 * self.blur + 1)) if self.blur else out, np.uint8)
