"""Training clips: real videos with masks, stills under camera motion, objects of stills moving over other stills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from seem_video.training.sources import Still, Video
from seem_video.training.warp import Image, Mask, Tint, View, look

SMALLEST = 0.0015
"""Least share of the crop that a target covers in the first frame."""
CLOSE = 0.35
"""Chance that a still is seen from close to its object, as trackers look at small ones."""
SMALLEST_CUTOUT = 0.003
"""Least share of a still that an object covers to be cut out of it, or to be seen from afar."""
TOGETHER = 0.25
"""Chance that an object of a still is followed together with one that touches it."""
FOLLOWED = 0.85
"""Share of the video clips whose crop goes along with the object; of the others it often leaves."""
FROM_VIDEO = 0.5
"""Share of the pasted objects that are cut out of videos, where they bend and turn as real things do."""
TWIN = 0.3
"""Chance that a pasted object has a look-alike in the clip."""


@dataclass(frozen=True)
class Clip:
    """T frames (T, size, size, 3) uint8 and their id maps (T, size, size); targets are ids 1..n."""

    images: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    targets: list[int]


@dataclass(frozen=True)
class Cutout:
    """An object by itself: T images (H, W, 3) and where it is in each, 0/1 maps (H, W)."""

    images: list[Image]
    regions: list[Mask]


@dataclass
class ClipBatch:
    """A batch of B clips with N targets: images (B, T, 3, S, S) uint8, masks (N, T, S, S) bool, owner (N,)."""

    images: Tensor
    masks: Tensor
    owner: Tensor


class ClipMaker(Dataset[Clip]):
    """Clip number i is always the same clip: randomness comes from (seed, i), so training resumes exactly."""

    def __init__(
        self,
        videos: Sequence[Video],
        stills: Sequence[Still],
        weights: Sequence[float],
        share: Mapping[str, float],
        *,
        frames: int,
        size: int,
        seed: int,
        length: int,
    ) -> None:
        """Args: weights: of each still; share: of "video", "motion" and "paste" clips; length: clips to number."""
        self.videos, self.stills = videos, stills
        self.weights = np.cumsum(weights) / np.sum(weights)
        self.kinds = list(share)
        self.chances = np.array(list(share.values())) / sum(share.values())
        self.frames, self.size, self.seed, self.length = frames, size, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        rng = np.random.default_rng([self.seed, index])
        make = {"video": self._from_video, "motion": self._from_motion, "paste": self._from_paste}
        while True:
            clip = make[str(rng.choice(self.kinds, p=self.chances))](rng)
            area = [(clip.masks[0] == target).mean() for target in clip.targets]
            targets = [target for target, share in zip(clip.targets, area, strict=True) if share >= SMALLEST]
            if targets:
                return Clip(clip.images, clip.masks, targets)

    def _still(self, rng: np.random.Generator) -> tuple[Image, Mask, list[int]]:
        still = self.stills[int(np.searchsorted(self.weights, rng.random()))]
        return *still.read(), still.ids

    def _view(self, rng: np.random.Generator, mask: Mask, target: int, *, close: bool = False) -> View:
        """A view that sees a random pixel of the target, at about the scale at which videos are tracked, or close."""
        ys, xs = np.nonzero(mask == target)
        pick = int(rng.integers(len(xs)))
        if close:
            extent = max(cv2.boundingRect((mask == target).astype(np.uint8))[2:])
            span = max(extent, 8) * float(np.exp(rng.uniform(np.log(1.4), np.log(4.0))))
        else:
            span = min(mask.shape) * float(np.exp(rng.uniform(np.log(0.55), np.log(1.2))))
        x, y = np.array([xs[pick], ys[pick]]) + rng.uniform(-0.35, 0.35, 2) * span
        height, width = mask.shape
        x = float(np.clip(x, min(span, width) / 2, width - min(span, width) / 2))
        y = float(np.clip(y, min(span, height) / 2, height - min(span, height) / 2))
        return View(x, y, span, angle=rng.normal(0, 0.06), mirror=bool(rng.random() < 0.5))

    def _moments(self, rng: np.random.Generator) -> list[tuple[Image, Mask]]:
        """Frames of a video, a few to many steps apart, forwards or backwards, with their id maps."""
        video = self.videos[int(rng.integers(len(self.videos)))]
        gaps = rng.integers(1, 7, self.frames - 1) if rng.random() < 0.7 else rng.integers(1, 16, self.frames - 1)
        steps = np.concatenate([[0], np.cumsum(gaps)])
        last = len(video.images) - 1
        start = int(rng.integers(0, max(last - int(steps[-1]), 0) + 1))
        picks = np.minimum(start + steps, last)
        return [video.read(i) for i in (picks[::-1] if rng.random() < 0.5 else picks)]

    def _from_video(self, rng: np.random.Generator) -> Clip:
        decoded = self._moments(rng)
        ids = [int(number) for number in np.unique(decoded[0][1]) if number]
        if not ids:
            return Clip(np.zeros((1, 1, 1, 3), np.uint8), np.zeros((1, 1, 1), np.uint8), [1])
        if len(ids) > 1:
            ids = rng.permutation(ids)[: 1 + int(rng.random() < 0.6)].tolist()
        targets = [[number] for number in ids]
        relabelled = [(image, _relabel(mask, targets)) for image, mask in decoded]
        view, followed = self._view(rng, relabelled[0][1], 1), bool(rng.random() < FOLLOWED)
        middle, seen = _middle(relabelled[0][1]), []
        for image, mask in relabelled:
            if followed and mask.any():
                before, middle = middle, _middle(mask)
                view = view.shifted(middle - before)
            seen.append(look(image, mask, view.moved(rng, 0.3), self.size))
        images, masks = np.stack([s[0] for s in seen]), np.stack([s[1] for s in seen])
        count = len(targets)
        if rng.random() < 0.4:
            count += int(rng.random() < 0.5)
            self._paste(rng, self._cutout(rng), images, masks, new_id=count if count > len(targets) else 0)
        return Clip(self._tinted(rng, images), masks, list(range(1, count + 1)))

    def _from_motion(self, rng: np.random.Generator) -> Clip:
        image, mask, ids = self._still(rng)
        targets = [[int(t)] for t in rng.permutation(ids)[: 1 + int(rng.random() < 0.4)]]
        if len(targets) == 1:
            targets = [_object(rng, mask, ids)]
        relabelled = _relabel(mask, targets)
        is_close = (relabelled == 1).mean() < SMALLEST_CUTOUT or bool(rng.random() < CLOSE)
        view = self._view(rng, relabelled, 1, close=is_close)
        strength = rng.uniform(0.3, 1.3)
        seen = [look(image, relabelled, view, self.size)]
        for _ in range(self.frames - 1):
            view = view.moved(rng, strength)
            seen.append(look(image, relabelled, view, self.size))
        images, masks = np.stack([s[0] for s in seen]), np.stack([s[1] for s in seen])
        if rng.random() < 0.3:
            self._paste(rng, self._cutout(rng), images, masks, new_id=0)
        return Clip(self._tinted(rng, images), masks, list(range(1, len(targets) + 1)))

    def _from_paste(self, rng: np.random.Generator) -> Clip:
        image, mask, ids = self._still(rng)
        view = self._view(rng, mask, int(rng.choice(ids)))
        images = []
        for _ in range(self.frames):
            images.append(look(image, mask, view, self.size)[0])
            view = view.moved(rng, 0.3)
        frames, masks = np.stack(images), np.zeros((self.frames, self.size, self.size), np.uint8)
        if rng.random() < 0.4:
            self._paste(rng, self._cutout(rng), frames, masks, new_id=0)
        count = 1 + int(rng.random() < 0.4)
        for target in range(1, count + 1):
            cutout = self._cutout(rng)
            if rng.random() < TWIN:
                self._paste(rng, cutout, frames, masks, new_id=0)
            self._paste(rng, cutout, frames, masks, new_id=target)
        if rng.random() < 0.4:
            self._paste(rng, self._cutout(rng), frames, masks, new_id=0)
        return Clip(self._tinted(rng, frames), masks, list(range(1, count + 1)))

    def _cutout(self, rng: np.random.Generator) -> Cutout:
        """An object of a video, or of a still (there it is the same at all times)."""
        if self.videos and (not self.stills or rng.random() < FROM_VIDEO):
            moments = self._moments(rng)
            shown = np.unique(moments[0][1])[1:]
            if len(shown):
                picked = [int(rng.choice(shown))]
                return Cutout([image for image, _ in moments], [_relabel(mask, [picked]) for _, mask in moments])
        if not self.stills:
            return self._cutout(rng)
        image, mask, ids = self._still(rng)
        ids = [each for each in ids if (mask == each).mean() >= SMALLEST_CUTOUT] or ids
        return Cutout([image] * self.frames, [_relabel(mask, [_object(rng, mask, ids)])] * self.frames)

    def _paste(self, rng: np.random.Generator, cutout: Cutout, images: Image, masks: Mask, *, new_id: int) -> None:
        """Let an object move over the clip, in place; id 0 makes it an unlabelled occluder or distractor."""
        span = max(cv2.boundingRect(cutout.regions[0])[2:]) / float(np.exp(rng.uniform(np.log(0.15), np.log(0.8))))
        middle = _middle(cutout.regions[0])
        x, y = middle + rng.uniform(-0.38, 0.38, 2) * span
        view = View(float(x), float(y), span, mirror=bool(rng.random() < 0.5))
        strength, tint = rng.uniform(0.3, 1.3), Tint.random(rng, 0.6)
        for t, (frame, ids_of_frame) in enumerate(zip(images, masks, strict=True)):
            if cutout.regions[t].any():
                before, middle = middle, _middle(cutout.regions[t])
                view = view.shifted(middle - before)
            seen, inside = look(cutout.images[t], cutout.regions[t], view, self.size, border=cv2.BORDER_CONSTANT)
            alpha = cv2.GaussianBlur(inside.astype(np.float32), (3, 3), 0)[..., None] * inside[..., None]
            frame[:] = (tint.apply(seen) * alpha + frame * (1 - alpha)).astype(np.uint8)
            ids_of_frame[inside > 0] = new_id
            view = view.moved(rng, strength)

    def _tinted(self, rng: np.random.Generator, images: Image) -> Image:
        tint = Tint.random(rng, 1.0)
        return np.stack([Tint.random(rng, 0.2).apply(tint.apply(image)) for image in images])


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Stack clips; the targets of all of them become one axis."""
    images = torch.from_numpy(np.stack([clip.images for clip in clips])).permute(0, 1, 4, 2, 3)
    masks = [clip.masks == target for clip in clips for target in clip.targets]
    owner = [i for i, clip in enumerate(clips) for _ in clip.targets]
    return ClipBatch(images, torch.from_numpy(np.stack(masks)), torch.tensor(owner))


def _object(rng: np.random.Generator, mask: Mask, ids: Sequence[int]) -> list[int]:
    """One of the ids, sometimes with one that touches it: a rider and the horse are one object to many a user."""
    picked = int(rng.choice(ids))
    if rng.random() < TOGETHER:
        around = cv2.dilate((mask == picked).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        touching = [other for other in ids if other != picked and (around & (mask == other)).any()]
        if touching:
            return [picked, int(rng.choice(touching))]
    return [picked]


def _middle(region: Mask) -> npt.NDArray[np.float64]:
    """x, y of the centre of what is not 0."""
    moments = cv2.moments(region, binaryImage=True)
    return np.array([moments["m10"], moments["m01"]]) / moments["m00"]


def _relabel(mask: Mask, targets: Sequence[Sequence[int]]) -> Mask:
    """An id map in which the ids of the first target are 1, those of the second 2, ... and everything else is 0."""
    out = np.zeros_like(mask)
    for new, old in enumerate(targets, start=1):
        out[np.isin(mask, old)] = new
    return out
