"""What is kept of a job beside its folder: `NAME.job.json`, by which a later run knows what is done, and how."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import seem_video
from seem_video.batch.jobs import Job
from seem_video.errors import SeemVideoError
from seem_video.prompts.records import fingerprint_prompts

State = Literal["begun", "done", "failed", "skipped"]


@dataclass
class Outcome:
    """How a job stands.

    Attributes:
        name: the job's.
        state: "skipped" if an earlier run had done it already.
        attempts: how often it was tried in this run.
        frames, seconds: of the tracking.
        files: what was written into its folder.
        note: why it failed, or where its source broke off.
    """

    name: str
    state: State = "begun"
    attempts: int = 0
    frames: int = 0
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Record:
    """A job's settings and outcome on disk.

    Attributes:
        folder: where the job's outputs go.
        settings: what decides them, as JSON.
    """

    folder: Path
    settings: dict[str, Any]

    @classmethod
    def of(cls, job: Job, folder: Path) -> Record:
        """The record of a job whose outputs go into `folder`."""
        settings = {
            "version": seem_video.__version__,
            "source": _identity(job.source),
            "prompts": fingerprint_prompts(job.prompts),
            **{name: _identity(value) if name == "model" else value for name, value in sorted(job.options.items())},
        }
        return cls(folder, json.loads(json.dumps(settings)))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder.with_name(f"{self.folder.name}.job.json")

    def earlier(self) -> Outcome | None:
        """The outcome that a run with the same settings left, "begun" if not all of its files are there; None if none.

        Raises:
            SeemVideoError: the outputs were made by other settings, or the file is not ours.
        """
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            settings, outcome = document["settings"], Outcome(**document["outcome"])
            outcome.files = tuple(outcome.files)
            is_whole = all((self.folder / file).exists() for file in outcome.files)
            keys = sorted({*settings, *self.settings})
            differing = [key for key in keys if settings.get(key) != self.settings.get(key)]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SeemVideoError(f"'{self.path}' is no record of a batch; move it away, or add --overwrite.") from error
        if differing:
            raise SeemVideoError(
                f"'{self.folder}' was made with another {', '.join(differing)}; "
                "add --overwrite, or name another folder."
            )
        if not is_whole:
            outcome.state = "begun"
        return outcome

    def write(self, outcome: Outcome) -> None:
        """Keeps an outcome; the file is replaced as a whole."""
        document = {"settings": self.settings, "outcome": dataclasses.asdict(outcome)}
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            part.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _identity(source: str) -> dict[str, Any]:
    """A file by its path, size and time of change; anything else by its name."""
    if not os.path.isfile(source):  # for a name too long for the disk, Path.is_file raises
        return {"name": source}
    path = Path(source)
    status = path.stat()
    return {"name": str(path.resolve()), "size": status.st_size, "changed_ns": status.st_mtime_ns}
