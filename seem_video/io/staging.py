"""Outputs under temporary names until they are whole."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from seem_video.errors import SeemVideoError


class Staged:
    """One output file or folder: `.name.part` while it is written, `name` once whole, `name.partial` if cut short.

    Attributes:
        part: where to write it.
        final: its name once whole.
        partial: its name if it was cut short, with the suffix kept: `overlay.partial.mp4`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.final = folder / name
        self.part = folder / f".{name}.part"
        self.partial = folder / f"{self.final.stem}.partial{self.final.suffix}"
        remove(self.part)

    def beside(self, suffix: str) -> Path:
        """Another temporary file of the same output: `.overlay.frames.mp4.part` for ".frames.mp4"."""
        return self.part.with_name(f".{self.final.stem}{suffix}.part")

    def discard(self) -> None:
        """Removes what has been written."""
        remove(self.part)

    def publish(self) -> Path:
        """Gives the output its final name, in place of an earlier one and of what earlier runs left in part."""
        _move(self.part, self.final)
        remove(self.partial)
        return self.final

    def keep_partial(self) -> Path:
        """Names the output as partial; an earlier whole one stays."""
        _move(self.part, self.partial)
        return self.partial


def prepare_folder(out: Path, overwrite: bool) -> None:
    """Creates the output folder.

    Raises:
        SeemVideoError: it cannot be written to, or holds something and `overwrite` is not given.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not overwrite and any(out.iterdir()):
            raise SeemVideoError(
                f"The folder '{out}' is not empty; add --overwrite (overwrite=True) or name another one."
            )
        probe = out / ".write-test.part"
        probe.touch()
        probe.unlink()
    except FileExistsError:
        raise SeemVideoError(f"'{out}' is a file; name a folder for the outputs.") from None
    except OSError as error:
        raise SeemVideoError(f"The folder '{out}' cannot be written to ({reason(error)}); name another one.") from None


def failure(error: Exception, out: Path) -> SeemVideoError:
    """What to tell a user of an error while writing."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return SeemVideoError(
            f"There is no room left to write into '{out}'; free some or name a folder on another disk."
        )
    return SeemVideoError(f"Writing into '{out}' failed ({reason(error)}); check the disk or name another folder.")


def reason(error: Exception) -> str:
    """What the system or FFmpeg says of an error."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def remove(path: Path) -> None:
    """Removes a file or folder that may not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _move(path: Path, target: Path) -> None:
    """Renames a file or folder; a folder in its place is moved aside first, so that no moment lacks both."""
    old = target.with_name(f".{target.name}.old.part")
    if target.is_dir():
        remove(old)
        target.replace(old)
    path.replace(target)
    remove(old)
