"""The parts of the page that acts read or change."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class Parts:
    """Gradio's components, by what they are for.

    Attributes:
        key: of the work. gesture, shown, picked: where the page's script puts strokes on the picture and on the
            reference, and the colour chosen. reel: where it finds what there is to play.
        picture, status, frame, strip, timeline: the frame in view, a sentence, its number, thumbnails, confidence.
        model, tool: those chosen. objects, name, color, hide: the list, the chosen one's name and colour, the
            button that hides it.
        by_words, said, reference: the corner for models that take words and pictures, the words, the picture.
        way, first, last: of tracking. kinds, files: to download.
    """

    key: gr.Textbox
    gesture: gr.Textbox
    shown: gr.Textbox
    picked: gr.Textbox
    reel: gr.Textbox
    picture: gr.Image
    status: gr.Markdown
    frame: gr.Slider
    strip: gr.HTML
    timeline: gr.HTML
    model: gr.Dropdown
    tool: gr.Radio
    objects: gr.Radio
    name: gr.Textbox
    color: gr.HTML
    hide: gr.Button
    by_words: gr.Accordion
    said: gr.Dropdown
    reference: gr.Image
    way: gr.Radio
    first: gr.Number
    last: gr.Number
    kinds: gr.Dropdown
    files: gr.File

    def seen(self) -> list[gr.blocks.Block]:
        """What shows a frame."""
        return [self.picture, self.status, self.frame, self.timeline, self.reel]

    def view(self) -> list[gr.blocks.Block]:
        """What shows a frame and the list of objects."""
        return [*self.seen(), self.objects, self.name, self.color, self.hide]

    def whole(self) -> list[gr.blocks.Block]:
        """What changes with the clip or the model."""
        return [*self.view(), self.key, self.strip, self.model, self.by_words, self.first, self.last, self.files]
