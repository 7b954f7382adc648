"""The command line's prompt options, declared once for all commands that take prompts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

_PANEL = "Prompts, read in the order given"
_OPTIONS = {
    "click": ("X,Y[,-]", "A point on the object; with ,- one off it."),
    "click-neg": ("X,Y", "A point off the object."),
    "box": ("X0,Y0,X1,Y1", "A box around the object, from its top left to its bottom right pixel."),
    "scribble": ("X,Y;X,Y;...[;-]", "A stroke over the object; with ;- off it."),
    "polygon": ("X,Y;X,Y;...", "The object's outline."),
    "mask": ("FILE", "An image with the object's mask: 0 and 255, or one id an object."),
    "text": ("WORDS", "The object in words (released models)."),
    "reference": ("IMAGE", "Another image of the object (released models); the next three mark it there."),
    "reference-mask": ("FILE", "The object's mask in the reference image."),
    "reference-box": ("X0,Y0,X1,Y1", "A box around the object in the reference image."),
    "reference-click": ("X,Y[,-]", "A point on the object in the reference image; with ,- one off it."),
    "object": ("N", "The object of the prompts after this (1); N: before a value is for that one alone."),
    "at": ("FRAME|SECONDSs", "The frame of the prompts after this, such as 30 or 1.5s (the first)."),
    "prompts": ("FILE.json", "All of these in a file, see docs/prompts.md."),
}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def command_with_prompts(app: typer.Typer, *, without: Collection[str] = ()) -> Callable[[_Function], _Function]:
    """Make a function a command of `app` that takes the prompt options beside its own, but for those `without`.

    The function does not get them as arguments: they are in `ctx.obj`, for `prompts.read_options`, as (name, value)
    pairs in the order of the command line. By name, in which typer hands options over, `--object 2 --click 5,5` and
    `--click 5,5 --object 2` would be the same.
    """
    names = {f"prompt_{name.replace('-', '_')}": name for name in _OPTIONS if name not in without}

    def register(function: _Function) -> _Function:
        def command(**given: Any) -> Any:
            return function(**{key: value for key, value in given.items() if key not in names})

        own = inspect.signature(function, eval_str=True)
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            *(inspect.Parameter(key, keyword, default=None, annotation=_option(name)) for key, name in names.items()),
            *(parameter.replace(kind=keyword) for parameter in own.parameters.values()),
        ]
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        app.command(cls=_OrderedCommand)(command)
        return function

    return register


def _option(name: str) -> Any:
    metavar, words = _OPTIONS[name]
    return Annotated[list[str] | None, typer.Option(f"--{name}", metavar=metavar, help=words, rich_help_panel=_PANEL)]


class _OrderedCommand(TyperCommand):
    """Leaves the prompt options in `ctx.obj`, in their order."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        names = [(param.name, param.opts[0].removeprefix("--")) for param in order]
        given = {key: iter(values[key]) for key, name in names if name in _OPTIONS}
        ctx.obj = [(name, next(given[key])) for key, name in names if key in given]
        return super().parse_args(ctx, args)
