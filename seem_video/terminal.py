"""How a command ends: with its exit code, and after a user's mistake with one sentence instead of a traceback.

Exit codes: 0 done; 2 something to mend, said in one sentence; 3 the source broke off, and what decoded is tracked and
kept; 130 stopped by Ctrl-C; a command may return others. What the program itself does wrong keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from seem_video.errors import SeemVideoError

MISTAKE, BROKEN_SOURCE, INTERRUPTED = 2, 3, 130
# Newer releases of typer carry click inside themselves, older ones depend on it: either way, what words can do wrong.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def run(command: typer.Typer | Callable[..., Any], *, name: str | None = None) -> NoReturn:
    """Runs a typer app, or a function as the one command of a script, on the words of the command line, and leaves."""
    if not isinstance(command, typer.Typer):
        script = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        script.command()(command)
        command = script
    try:
        code = command(standalone_mode=False, prog_name=name)
    except SeemVideoError as error:
        code = _say_mistake(str(error))
    except _UsageError as error:
        code = _say_mistake(_with_help(error))
    except typer.Abort:  # how older releases of typer report Ctrl-C
        code = INTERRUPTED
    sys.exit(code)


def _with_help(error: Any) -> str:
    command = error.ctx.command_path if error.ctx else "the command"
    return f"{error.format_message().rstrip('.')}; see '{command} --help'."


def _say_mistake(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return MISTAKE
