"""Annotations for CVAT, in its format "CVAT for images 1.1", the one that holds masks; tasks of a video take it too."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from seem_video.io.documents import Document, Region
from seem_video.io.palette import object_color
from seem_video.io.run_lengths import decode_mask


class CvatXml(Document):
    """Masks of every frame, named as CVAT names a video's frames; an object's masks share a group, its id."""

    def compose(self) -> Iterator[str]:
        yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        yield f"<meta><task><name>{escape(self.info.name)}</name><size>{len(self.indices)}</size>"
        yield "<mode>annotation</mode><labels>\n"
        colors = {label: object_color(object_id) for object_id, label in sorted(self.labels.items(), reverse=True)}
        for label in self.categories():
            color = "#{:02x}{:02x}{:02x}".format(*colors[label])
            yield f"<label><name>{escape(label)}</name><color>{color}</color><type>mask</type><attributes/></label>\n"
        yield "</labels></task></meta>\n"
        size = f'width="{self.info.width}" height="{self.info.height}"'
        for index, regions in self.frames():
            yield f'<image id="{index}" name="frame_{index:06d}" {size}>\n'
            yield from map(self._mask, regions)
            yield "</image>\n"
        yield "</annotations>\n"

    def _mask(self, region: Region) -> str:
        left, top, width, height = region.box
        crop = decode_mask(region.rle)[top : top + height, left : left + width]
        return (
            f'<mask label={quoteattr(self.labels[region.object_id])} source="auto" occluded="0" '
            f'rle="{", ".join(map(str, run_lengths(crop)))}" '
            f'left="{left}" top="{top}" width="{width}" height="{height}" '
            f'z_order="0" group_id="{region.object_id}"/>\n'
        )


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Run lengths as CVAT has them: row by row, the first of zeros, of a mask (H, W) bool cropped to its box."""
    flat = np.concatenate(([False], mask.ravel()))
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate(([0], changes, [mask.size]))).tolist()
