"""report/index.html: one file that shows a result and where it fails, without anything from the network."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np
import numpy.typing as npt

from seem_video.evaluation import charts
from seem_video.evaluation.attributes import ATTRIBUTES, sequence_attributes
from seem_video.evaluation.confidence import confidence
from seem_video.evaluation.davis import DavisDataset, DavisSequence
from seem_video.evaluation.labels import Labels, read_labels
from seem_video.evaluation.metrics import mean_statistics
from seem_video.evaluation.record import RunRecord, round_curve
from seem_video.evaluation.scores import ObjectScores, Scores, SequenceScores, report_path, write_whole
from seem_video.evaluation.spread import spread
from seem_video.io.overlay import draw_overlay
from seem_video.results import FrameResult

_WORST = 8
_PICTURE_WIDTH = 480
_JPEG_QUALITY = 80


def write_report(
    dataset: DavisDataset, masks: Path, scores: Scores, out: Path, record: RunRecord | None = None, *, jobs: int = 1
) -> Path:
    """Writes `out/report/index.html` from the scores of the results in `masks`, and returns its path.

    `record` adds the run's speed, memory, rounds and settings; `jobs` processes read the annotations. Raises
    SeemVideoError where masks cannot be read again or the file cannot be written.
    """
    sections = [
        ("Result", _made_by(record) + _summary(scores, dataset)),
        (
            "Sequences",
            _LEGEND + charts.bars(_by_sequence(scores)) if scores.objects else "<p>No object was scored.</p>",
        ),
        ("Worst frames", "".join(_pictures(dataset, masks, scores))),
        ("Over time", "".join(_timelines(scores))),
        ("Attributes", _attributes(dataset, scores, jobs)),
    ]
    if record is not None:
        sections.append(("Run", _run(record, scores)))
    page = _PAGE.substitute(
        title=escape(f"DAVIS {dataset.year} {scores.title}"),
        sections="".join(f"<section><h2>{name}</h2>{content}</section>" for name, content in sections),
    )
    write_whole(report_path(out), page)
    return report_path(out)


def _made_by(record: RunRecord | None) -> str:
    if record is None:
        return ""
    given = record.settings
    rounds = f", then {given.rounds} rounds of correction clicks" if given.rounds else ""
    return f"<p>{escape(given.model)}; first prompt of each object: {given.init}{rounds}.</p>"


def _summary(scores: Scores, dataset: DavisDataset) -> str:
    """The table as papers print it: percent, one decimal."""
    j, f = scores.j, scores.f
    head = ["Set", "Objects", "J&F", "J mean", "J recall", "J decay", "F mean", "F recall", "F decay"]
    values = (scores.jf, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)
    table = _table(head, [[scores.title, str(len(scores.objects)), *map(_percent, values)]])
    if not dataset.missing:
        return table
    missing = escape(
        f"A partial copy of {dataset.set_name}, so these are not its numbers: {', '.join(dataset.missing)}"
    )
    return f"{table}<p>{missing} missing.</p>"


def _by_sequence(scores: Scores) -> list[tuple[str, float, float]]:
    rows = []
    for sequence in scores.sequences:
        if sequence.objects:
            j = mean_statistics([o.j_statistics for o in sequence.objects]).mean
            f = mean_statistics([o.f_statistics for o in sequence.objects]).mean
            rows.append((sequence.name, j, f))
    return sorted(rows, key=lambda row: row[1] + row[2])


def _timelines(scores: Scores) -> Iterator[str]:
    yield _LEGEND
    for sequence in scores.sequences:
        for o in sequence.objects:
            means = f"{o.row}: J {_percent(o.j_statistics.mean)}, F {_percent(o.f_statistics.mean)}"
            yield charts.timeline(means, sequence.frames, o.j, o.f)


@dataclass(frozen=True)
class _WorstFrame:
    sequence: DavisSequence
    index: int
    j: float
    f: float


def _worst_frames(dataset: DavisDataset, scores: Scores) -> list[_WorstFrame]:
    """The frame of lowest mean J of each sequence, the worst sequences first."""
    worst = []
    for sequence, result in zip(dataset.sequences, scores.sequences, strict=True):
        if result.objects:
            j, f = (np.mean([getattr(o, name) for o in result.objects], axis=0) for name in ("j", "f"))
            i = int(np.argmin(j))
            worst.append(_WorstFrame(sequence, i, float(j[i]), float(f[i])))
    return sorted(worst, key=lambda frame: frame.j)[:_WORST]


def _pictures(dataset: DavisDataset, masks: Path, scores: Scores) -> Iterator[str]:
    yield "<p>The frame of lowest J of a sequence: ground truth on the left, prediction on the right.</p>"
    for worst in _worst_frames(dataset, scores):
        annotation = worst.sequence.evaluated[worst.index]
        truth, _ = worst.sequence.truth(annotation)
        prediction = read_labels(masks / worst.sequence.name / worst.sequence.result_name(annotation))
        image = _image(worst.sequence, annotation.stem, truth.shape)
        caption = f"{worst.sequence.name}, frame {annotation.stem}: J {_percent(worst.j)}, F {_percent(worst.f)}"
        sides = {"ground truth": truth, "prediction": prediction}
        pair = "".join(f'<img alt="{s}" src="{_jpeg(_painted(image, labels))}">' for s, labels in sides.items())
        yield f"<figure>{pair}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(sequence: DavisSequence, stem: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The frame, (H, W, 3) RGB; gray where there is no JPEG of the annotation's size."""
    path = next((p for p in sequence.frames if p.stem == stem), None)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if path else None
    if image is None or image.shape[:2] != shape:
        return np.full((*shape, 3), 128, np.uint8)
    return np.asarray(image, np.uint8)


def _painted(image: npt.NDArray[np.uint8], labels: Labels) -> npt.NDArray[np.uint8]:
    ids = [int(i) for i in np.unique(labels) if i]
    names, unscored = tuple(map(str, ids)), np.zeros(len(ids), np.float32)
    masks = np.stack([labels == i for i in ids]) if ids else np.zeros((0, *labels.shape), bool)
    drawn = draw_overlay(FrameResult(0, 0.0, None, image, tuple(ids), masks, unscored, names))
    scale = _PICTURE_WIDTH / image.shape[1]
    return np.asarray(cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: npt.NDArray[np.uint8]) -> str:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _attributes(dataset: DavisDataset, scores: Scores, jobs: int) -> str:
    marked: list[tuple[frozenset[str], ObjectScores]] = []
    found_in = spread(sequence_attributes, dataset.sequences, jobs)
    for found, result in zip(found_in, scores.sequences, strict=True):
        marked += [(found[o.object_id], o) for o in result.objects]
    rows = []
    for name, meaning in ATTRIBUTES.items():
        having = [o for found, o in marked if name in found]
        others = [o for found, o in marked if name not in found]
        rows.append([name, meaning, str(len(having)), _percent(_jf(having)), _percent(_jf(others))])
    return _table(["Attribute", "An object has it when", "Objects", "J&F with", "J&F without"], rows)


def _jf(objects: Sequence[ObjectScores]) -> float:
    return Scores("", (SequenceScores("", (), tuple(objects)),)).jf


def _run(record: RunRecord, scores: Scores) -> str:
    runs = record.sequences.values()
    seconds, passes = sum(run.seconds for run in runs), sum(run.passes for run in runs)
    memory = "unknown" if record.peak_memory_mb is None else f"{record.peak_memory_mb:.0f} MB"
    rows = [
        [
            "speed",
            f"{passes / seconds:.1f} frames/s ({passes} frames in {seconds:.0f} s, reading and writing included)",
        ],
        ["peak memory", memory],
        ["confidence", str(confidence(record, scores))],
        *([name, ", ".join(v) if isinstance(v, tuple) else str(v)] for name, v in asdict(record.settings).items()),
    ]
    table = _table(None, rows)
    if not record.settings.rounds:
        return table
    values = [jf for jf, _, _ in round_curve(record)]
    listed = ", ".join(map(_percent, values))
    return f"<p>J&amp;F after each round: {listed}.</p>{charts.curve('J&F by round of clicks', values)}{table}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _table(head: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in head)] if head else []
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


_LEGEND = '<p><b class="j">J</b>, region, and <b class="f">F</b>, boundary, in percent.</p>'
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title><style>
:root { color-scheme: light dark; --j: #2a78d6; --f: #e07b1f; --grid: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .3rem 1.2rem .3rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th, td { border-bottom: 1px solid var(--grid); } th, td:first-child { white-space: nowrap; }
svg { max-width: 100%; height: auto; margin: .3rem .6rem .3rem 0; }
svg text { font-size: 12px; fill: currentColor; } svg text.tick { font-size: 10px; opacity: .65; }
rect.j, svg text.j { fill: var(--j); } rect.f, svg text.f { fill: var(--f); }
b.j { color: var(--j); } b.f { color: var(--f); }
polyline { fill: none; stroke-width: 1.5; } polyline.j { stroke: var(--j); } polyline.f { stroke: var(--f); }
line.grid { stroke: var(--grid); }
figure { margin: 0 0 1.2rem; } figcaption { font-variant-numeric: tabular-nums; }
figure img { width: calc(50% - 2px); } figure img + img { margin-left: 4px; }
</style></head><body><h1>$title</h1>$sections</body></html>
""")
