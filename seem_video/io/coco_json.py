"""COCO's JSON of a video, and YouTube-VIS's, which differ in what belongs together: a frame's masks or an object's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seem_video.io.documents import Document, frame_file


class CocoJson(Document):
    """COCO's instance format (`images`, `annotations`, `categories`), with `videos` and `track_id` as TAO adds them.

    An image's id is the frame's index in the source.
    """

    def compose(self) -> Iterator[str]:
        size = {"width": self.info.width, "height": self.info.height}
        images = (
            {"id": index, "video_id": 1, "frame_id": position, "file_name": frame_file(index), **size}
            for position, index in enumerate(self.indices)
        )
        yield _head(videos=[{"id": 1, "name": self.info.name, **size}], categories=_categories(self))
        yield from _list("images", images)
        yield from _list("annotations", self._annotations())
        yield "}\n"

    def _annotations(self) -> Iterator[dict[str, Any]]:
        categories = self.categories()
        regions = ((index, region) for index, regions in self.frames() for region in regions)
        for number, (index, region) in enumerate(regions, start=1):
            yield {
                "id": number,
                "image_id": index,
                "video_id": 1,
                "track_id": region.object_id,
                "category_id": categories[self.labels[region.object_id]],
                "segmentation": region.rle,
                "bbox": region.box,
                "area": region.area,
                "iscrowd": 0,
                "score": region.score,
            }


class YouTubeVisJson(Document):
    """YouTube-VIS's format: one annotation an object, with lists over the frames, `null` where it is not visible."""

    def compose(self) -> Iterator[str]:
        folder = Path(self.info.name).stem
        files = [f"{folder}/{frame_file(index)}" for index in self.indices]
        video = {"id": 1, "file_names": files, **self._measures()}
        yield _head(videos=[video], categories=_categories(self))
        yield ', "annotations": ['
        categories = self.categories()
        for number, (object_id, label) in enumerate(sorted(self.labels.items()), start=1):
            yield ",\n" if number > 1 else "\n"
            head = {"id": object_id, "video_id": 1, "category_id": categories[label], "iscrowd": 0}
            yield from self._annotation({**head, **self._measures()}, object_id)
        yield "\n]}\n"

    def _annotation(self, head: dict[str, Any], object_id: int) -> Iterator[str]:
        """One pass over the frames; run lengths go straight out, boxes and areas are small enough to wait."""
        boxes: list[list[int] | None] = []
        areas: list[int | None] = []
        yield json.dumps(head)[:-1] + ', "segmentations": ['
        for _, regions in self.frames():
            region = next((region for region in regions if region.object_id == object_id), None)
            yield (", " if areas else "") + json.dumps(region and region.rle)
            boxes.append(region and region.box)
            areas.append(region and region.area)
        yield f'], "bboxes": {json.dumps(boxes)}, "areas": {json.dumps(areas)}}}'

    def _measures(self) -> dict[str, int]:
        return {"width": self.info.width, "height": self.info.height, "length": len(self.indices)}


def _categories(document: Document) -> list[dict[str, Any]]:
    return [{"id": number, "name": name} for name, number in document.categories().items()]


def _head(**values: Any) -> str:
    """A JSON object without its end."""
    return json.dumps({"info": {"description": "made by seem-video"}, **values}, ensure_ascii=False)[:-1]


def _list(key: str, items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One more member of a JSON object: a list, an item a line."""
    yield f', "{key}": ['
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item)
    yield "\n]"
