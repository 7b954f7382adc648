"""Names that masks are told apart by: COCO's panoptic classes, or a user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seem_video.errors import SeemVideoError

VOID = "background"
"""The class of candidates that show nothing; the last of every table."""


@dataclass(frozen=True)
class Vocabulary:
    """Class names, and which of them are stuff: regions without instances, such as sky."""

    names: tuple[str, ...]
    stuff: frozenset[str] = frozenset()

    @classmethod
    def of(cls, words: str) -> Vocabulary:
        """Names separated by commas, or a file with one name a line; all are things.

        Raises:
            SeemVideoError: there is no name in it.
        """
        path = Path(words)
        is_file = path.suffix == ".txt"
        if is_file and not path.is_file():
            raise SeemVideoError(
                f"The file of labels '{words}' does not exist; check the path, or give names as a,b,c."
            )
        listed: Sequence[str] = path.read_text(encoding="utf-8").splitlines() if is_file else words.split(",")
        names = tuple(dict.fromkeys(name.strip() for name in listed if name.strip()))
        if not names:
            raise SeemVideoError(f"There is no label in '{words}'; give names separated by commas, or a file of them.")
        return cls(names)


_THINGS = """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop
sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
teddy bear, hair drier, toothbrush"""
_STUFF = """banner, blanket, bridge, cardboard, counter, curtain, door, floor wood, flower, fruit, gravel, house,
light, mirror, net, pillow, platform, playingfield, railroad, river, road, roof, sand, sea, shelf, snow, stairs,
tent, towel, wall brick, wall stone, wall tile, wall wood, water, window blind, window, tree, fence, ceiling, sky,
cabinet, table, floor, pavement, mountain, grass, dirt, paper, food, building, rock, wall, rug"""


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


COCO = Vocabulary(_names(_THINGS) + _names(_STUFF), frozenset(_names(_STUFF)))
"""The 133 classes of COCO panoptic, in its order; `-merged`, `-other` and `-stuff` are left out of the names."""
