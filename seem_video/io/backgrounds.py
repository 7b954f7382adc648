"""Videos whose background is replaced: by the green of a chroma key, or by its own blur."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.io.encode import Mp4Video
from seem_video.io.output import Shot

CHROMA_GREEN = (0, 177, 64)  # the usual green of a chroma key, #00B140
_BLUR_SHRINK = 4  # the blur is made at a fraction of the size, where nobody can see that
_BLUR_SHARE = 0.02  # standard deviation of the blur, as a share of the frame's longer side


class GreenScreenVideo(Mp4Video):
    """The objects before chroma-key green."""

    def picture(self, shot: Shot) -> npt.NDArray[np.uint8]:
        image = np.empty_like(shot.result.image)
        image[:] = CHROMA_GREEN
        return _over(image, shot)


class BlurredBackgroundVideo(Mp4Video):
    """The objects before their blurred surroundings."""

    def picture(self, shot: Shot) -> npt.NDArray[np.uint8]:
        return _over(blur_outside(shot.result.image, shot.foreground), shot)


def blur_outside(image: npt.NDArray[np.uint8], foreground: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The image blurred from background pixels alone, so that objects leave no glow around themselves.

    Args:
        image: (H, W, 3) uint8 RGB.
        foreground: (H, W) bool, the pixels that give nothing to the blur.

    Returns:
        (H, W, 3) uint8 RGB; what is deep inside the foreground means nothing.
    """
    height, width = foreground.shape
    size = max(1, width // _BLUR_SHRINK), max(1, height // _BLUR_SHRINK)
    weight = (~foreground).astype(np.float32)[..., None]
    weighted = np.concatenate((image * weight, weight), axis=2)
    small = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(1.0, max(size) * _BLUR_SHARE))
    mean = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 255), np.uint8)


def _over(background: npt.NDArray[np.uint8], shot: Shot) -> npt.NDArray[np.uint8]:
    """Copies the objects into a background."""
    cv2.copyTo(shot.result.image, shot.foreground.view(np.uint8), background)
    return background
