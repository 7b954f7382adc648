"""The prompts of a session as one value: what holds on a frame, an object's name, and what a change makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seem_video.prompts import MaskPrompt, Prompt, Text
from seem_video.prompts.records import to_record
from seem_video.tracking.session_file import Given


@dataclass(frozen=True)
class GivenPrompts:
    """Prompts that hold; a change makes a new value.

    Attributes:
        all: in the order given.
    """

    all: tuple[Given, ...] = ()

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects that have a prompt, ascending."""
        return sorted({given.object_id for given in self.all})

    @property
    def frames(self) -> set[int]:
        """Numbers of all frames that have a prompt."""
        return {given.frame for given in self.all}

    def on(self, frame: int, *, since: int | None = None) -> dict[int, list[Prompt]]:
        """The prompts of a frame by object; with `since`, those of frames from there on too."""
        on: dict[int, list[Prompt]] = {}
        for given in self.all:
            if (frame if since is None else since) <= given.frame <= frame:
                on.setdefault(given.object_id, []).append(given.prompt)
        return on

    def label_of(self, object_id: int) -> str:
        """An object's name: the one given last, else the words of its text prompt, else its id."""
        own = [given for given in self.all if given.object_id == object_id]
        named = [given.label for given in own if given.label is not None]
        said = [given.prompt.words for given in own if isinstance(given.prompt, Text)]
        return (named[-1:] or said[:1] or [str(object_id)])[0]

    def plus(self, given: Given) -> GivenPrompts:
        """With one more; the very same value if it says nothing new.

        A mask says all there is to say of its object on its frame, so what was given there before it no longer holds.
        """
        place = given.frame, given.object_id
        there = [other for other in self.all if (other.frame, other.object_id) == place]
        if isinstance(given.prompt, MaskPrompt):
            if there and _same(given, there[-1]):
                return self
            kept = [other for other in self.all if (other.frame, other.object_id) != place]
            return GivenPrompts((*kept, given))
        return self if any(_same(given, other) for other in there) else GivenPrompts((*self.all, given))

    def renamed(self, object_id: int, label: str) -> GivenPrompts:
        """With another name for an object."""
        return GivenPrompts(
            tuple(replace(given, label=label) if given.object_id == object_id else given for given in self.all)
        )

    def without(self, object_id: int) -> GivenPrompts:
        """Without an object."""
        return GivenPrompts(tuple(given for given in self.all if given.object_id != object_id))


def _same(a: Given, b: Given) -> bool:
    return a.label == b.label and to_record(a.prompt) == to_record(b.prompt)
