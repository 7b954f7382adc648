"""A task for Label Studio: the video and, as predictions, the boxes of its objects; its videos hold no masks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from seem_video.io.documents import Document, Region
from seem_video.io.frame import ASSUMED_FPS, SourceInfo
from seem_video.io.output import Shot
from seem_video.io.staging import Staged


class LabelStudioJson(Document):
    """One region of type `videorectangle` an object, with a key frame for every frame in which it is visible.

    Its format is that of the tag VideoRectangle: frames count from 1, lengths are percent of the frame's, and a key
    frame that is not `enabled` is the last before the object is gone.
    """

    def __init__(self, staged: Staged, info: SourceInfo) -> None:
        super().__init__(staged, info)
        self._times: list[float] = []

    def write(self, shot: Shot) -> None:
        super().write(shot)
        self._times.append(shot.result.time_s)

    def compose(self) -> Iterator[str]:
        yield json.dumps([{"data": {"video": self.info.name}}])[:-2]
        yield ', "predictions": [{"model_version": "seem-video", "result": ['
        begun = False
        for object_id, label in sorted(self.labels.items()):
            for number, key_frame in enumerate(self._key_frames(object_id)):
                if number == 0:
                    yield ("]}},\n" if begun else "\n") + self._head(object_id, label)
                    begun = True
                yield (",\n" if number else "\n") + json.dumps(key_frame)
        yield "]}}\n]}]}]\n" if begun else "]}]}]\n"

    def _head(self, object_id: int, label: str) -> str:
        """A region up to its key frames."""
        fps = self.info.fps or ASSUMED_FPS
        value: dict[str, Any] = {
            "framesCount": max(self.info.frames or 0, self.indices[-1] + 1),
            "duration": round(max(self.info.duration_s or 0, self._times[-1] + 1 / fps), 6),
            "labels": [label],
        }
        region = {"id": str(object_id), "from_name": "box", "to_name": "video", "type": "videorectangle"}
        return json.dumps({**region, "value": value})[:-2] + ', "sequence": ['

    def _key_frames(self, object_id: int) -> Iterator[dict[str, Any]]:
        """The frames in which an object is visible, each once it is known whether it is in the next one."""
        seen: dict[str, Any] | None = None
        for time_s, (index, regions) in zip(self._times, self.frames(), strict=False):
            region = next((region for region in regions if region.object_id == object_id), None)
            if seen is not None:
                yield {**seen, "enabled": region is not None}
            seen = None if region is None else self._key_frame(index, time_s, region)
        if seen is not None:
            yield {**seen, "enabled": False}

    def _key_frame(self, index: int, time_s: float, region: Region) -> dict[str, Any]:
        whole = (self.info.width, self.info.height) * 2
        shares = (round(100 * length / total, 4) for length, total in zip(region.box, whole, strict=True))
        box = dict(zip(("x", "y", "width", "height"), shares, strict=True))
        return {"frame": index + 1, "time": round(time_s, 6), **box, "rotation": 0}
