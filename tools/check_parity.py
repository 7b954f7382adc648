"""Compare the released models with golden outputs of the published code: `check_parity.py MANIFEST NPZ`.

Prints one line for each output of each stage and case: the largest difference, what is tolerated, and the verdict.
Exits 0 if all are within tolerance, 1 otherwise. The network is built from the manifest's shapes and filled with the
synthetic weights.

The masked attention compares logits with zero, so rounding may flip single positions and move a query visibly. So
before each layer the positions are compared with those of the golden run: where one differs its logit must be almost
zero. The layer then looks where the golden run did, so that what follows must agree closely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
import typer
from golden import Golden, Manifest
from torch import Tensor

from seem_video.model.architecture import build_filled
from seem_video.model.point_sampler import PointTokens
from seem_video.model.query_decoder import INTERFACES, Answer, Prompts, Rows
from seem_video.model.released import ReleasedFeatures, ReleasedSEEM, pick, text_similarity, visual_similarity
from seem_video.terminal import run

STAGE_TOLERANCE = 2e-4
DECODER_TOLERANCE = 1e-3
UNDECIDED_ATTENTION = 1e-4
"""A position whose mask logit is smaller may be looked at in one run and not in another."""
UNDECIDED_PIXEL = 1e-3


@dataclass(frozen=True)
class Case:
    """Inputs of a case: prompt points by name, sentences of each sequence, the cases whose mask or tokens it takes."""

    image: int = 1
    positive: str | None = None
    negative: str | None = None
    sentences: tuple[tuple[int, ...], ...] = ()
    previous: str | None = None
    reference: str | None = None


_TEXT = {
    "grounding_one": Case(sentences=((1,),)),
    "grounding_concat": Case(sentences=((0, 2),)),
    "grounding_batch": Case(sentences=((0,), (2,))),
}
_TWO = {
    "spatial_two": Case(positive="two_pos", negative="two_neg"),
    "spatial_two_round2": Case(positive="two_pos_r2", negative="two_neg_r2", previous="spatial_two"),
}
CASES: dict[str, dict[str, Case]] = {
    "v0": {
        "seg": Case(),
        "spatial_one": Case(positive="one_pos", negative="one_neg"),
        **_TWO,
        "ref_encode": Case(positive="ref_pos", negative="ref_neg"),
        "ref_apply": Case(image=2, reference="ref_encode"),
        **_TEXT,
        "spatial_grounding": Case(image=2, positive="one_pos", negative="one_neg", sentences=((2,),)),
    },
    "v1": {
        "seg": Case(),
        "spatial_one": Case(positive="one_pos"),
        "spatial_one_round2": Case(positive="one_pos", negative="one_neg", previous="spatial_one"),
        **_TWO,
        **_TEXT,
        "spatial_grounding": Case(image=2, positive="two_pos", negative="two_neg", sentences=((2,),)),
        "ref_encode": Case(positive="ref_pos", negative="ref_neg"),
        "ref_apply_patched": Case(image=2, reference="ref_encode"),
    },
    "demo": {
        "seg": Case(),
        "stroke": Case(positive="one_pos"),
        "stroke_neg": Case(positive="one_pos", negative="one_neg"),
        "ref_encode": Case(positive="ref_pos"),
        "ref_apply": Case(image=2, reference="ref_encode"),
        "ref_encode_neg": Case(positive="ref_pos", negative="ref_neg"),
        "ref_apply_neg": Case(image=2, reference="ref_encode_neg"),
        "text": Case(sentences=((1,),)),
        "stroke_ref_text": Case(
            image=2, positive="one_pos", negative="one_neg", sentences=((2,),), reference="ref_encode"
        ),
    },
}

GROUP_OUTPUTS = {
    "object": ("pred_masks", "pred_maskembs", "pred_captions"),
    "spatial": ("pred_smasks", "pred_smaskembs", "pred_stexts"),
    "grounding": ("pred_gmasks", "pred_gmaskembs", "pred_gtexts"),
}
"""Names under which the archives hold the masks, mask embeddings and captions of each group of queries."""


@dataclass(frozen=True)
class Finding:
    """One comparison: the largest difference of an output and the largest that is tolerated."""

    stage: str
    case: str
    difference: float
    tolerance: float
    remark: str = ""

    @property
    def passed(self) -> bool:
        return self.difference <= self.tolerance


@dataclass
class Steps:
    """What the heads said before each layer and after the last: mask logits at the next level, and class logits."""

    masks: list[Tensor]
    classes: list[Tensor]


class Parity:
    """One model against one archive."""

    def __init__(self, model: ReleasedSEEM, golden: Golden) -> None:
        self.model = model
        self.golden = golden
        self.interface: str = golden.meta["interface"]
        self.table = model.text.class_table(torch.from_numpy(golden["in/cls_ids"]))
        self.tokens, self.sentences = model.text(torch.from_numpy(golden["in/text_ids"]))
        self._features: dict[int, ReleasedFeatures] = {}
        self._encoded: dict[str, PointTokens] = {}
        self._chosen: dict[str, Tensor] = {}

    def findings(self) -> Iterator[Finding]:
        """All comparisons, one after another."""
        text = {"cls/emb": self.table, "text/token_emb": self.tokens, "text/class_emb": self.sentences}
        yield from self._compare("text", "-", text, STAGE_TOLERANCE, prefix="")
        known = CASES[self.interface]
        stored = {name: case for name, case in known.items() if self.golden.names(f"case/{name}/")}
        needed = {before for case in stored.values() for before in (case.previous, case.reference)}
        cases = {name: case for name, case in known.items() if name in stored or name in needed}
        unknown = {name.split("/")[0] for name in self.golden.names("case/")} - set(cases)
        for name in sorted(unknown):
            yield Finding("case", name, float("inf"), 0.0, "nothing is known of a case of this name")
        for number in sorted({case.image for case in cases.values()}):
            yield from self._encode_image(number)
        for name, case in cases.items():
            if "encode" in name:
                yield from self._encode_reference(name, case)
            else:
                yield from self._decode(name, case)

    def _encode_image(self, number: int) -> Iterator[Finding]:
        image = torch.from_numpy(self.golden.image(number)).permute(2, 0, 1)[None].float()
        height, width = self._padded(number)
        normalised = self.model.normalise(image)
        padded = F.pad(normalised, (0, width - image.shape[-1], 0, height - image.shape[-2]))
        maps = self.model.backbone(padded)
        yield from self._compare("backbone", f"img{number}", {f"res{i + 2}": m for i, m in enumerate(maps)})
        levels, mask_features = self.model.pixel_decoder(maps)
        outputs = {f"ms{i}": level for i, level in enumerate(levels)} | {"mask_features": mask_features}
        yield from self._compare("pixel decoder", f"img{number}", outputs)
        self._features[number] = self.model.features(levels, mask_features)

    def _padded(self, number: int) -> tuple[int, int]:
        height, width = self.golden[f"img{number}/padded_hw"].tolist()
        return height, width

    def _encode_points(self, case: Case) -> PointTokens:
        """The tokens of a case's points: v1 has all items in one sequence, v0 one an item, demo merges them."""
        size = self._padded(case.image)
        names = [case.positive, case.negative]
        items = 1 + max(int(self.golden[f"in/pts/{name}"][:, 0].max()) for name in names if name)
        regions = [torch.from_numpy(self.golden.points(name, items, size)) for name in names]
        if self.interface == "demo":
            regions = [region.any(0, keepdim=True) for region in regions]
        positive, negative = (r[None] if self.interface == "v1" else r[:, None] for r in regions)
        owner = torch.zeros(len(positive), dtype=torch.long)
        return self.model.encode_points(self._features[case.image], owner, positive, negative)

    def _encode_reference(self, name: str, case: Case) -> Iterator[Finding]:
        tokens = self._encoded[name] = self._encode_points(case)
        kind = "visual" if self.interface == "demo" else "spatial"
        outputs = {
            f"{kind}_query_pos": tokens.positive_mean.transpose(0, 1),
            f"{kind}_query_neg": tokens.negative_mean.transpose(0, 1),
        }
        for i, level in enumerate(tokens.levels):
            outputs[f"src_{kind}_queries{i}"] = level.transpose(0, 1)
            outputs[f"src_{kind}_maskings{i}"] = ~tokens.valid
            outputs[f"src_{kind}_indices{i}"] = tokens.item[..., None]
        yield from self._compare("sampler", name, outputs, prefix=f"case/{name}/")

    def _prompts(self, name: str, case: Case) -> Prompts:
        prompts = Prompts()
        if case.sentences:
            kept = torch.from_numpy(self.golden["in/text_mask"]).bool()
            texts = [torch.cat([self.tokens[s][kept[s]] for s in group]) for group in case.sentences]
            prompts.text = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
            prompts.text_valid = torch.nn.utils.rnn.pad_sequence(
                [torch.ones(len(text), dtype=torch.bool) for text in texts], batch_first=True
            )
        if case.positive:
            prompts.tokens["stroke"] = self._encode_points(case)
        if case.reference:
            prompts.tokens[self.model.interface.reference] = self._encoded[case.reference]
        if case.previous:
            prompts.previous = self._chosen[case.previous]
        for draw in ("query_draw", "memory_draw"):
            if f"case/{name}/{draw}" in self.golden:
                setattr(prompts, draw, torch.from_numpy(self.golden[f"case/{name}/{draw}"]).long())
        return prompts

    def _decode(self, name: str, case: Case) -> Iterator[Finding]:
        prompts = self._prompts(name, case)
        features = self._features[case.image]
        sequences = [len(tokens.valid) for tokens in prompts.tokens.values()] + [len(case.sentences) or 1]
        owner = torch.zeros(max(sequences), dtype=torch.long)
        rows, steps = self._run(features, owner, prompts, self.golden.blocked(f"case/{name}/attn_bits"))
        if f"case/{name}/attn_bits" in self.golden:
            yield self._compare_attention(name, steps.masks)
        answers = self.model.decoder.answers(rows)
        outputs = self._outputs(features, owner, prompts, answers)
        outputs["layer_logits"] = torch.stack(steps.classes)
        yield from self._compare("decoder", name, outputs, DECODER_TOLERANCE, prefix=f"case/{name}/")
        if f"case/{name}/similarity" in self.golden:
            yield from self._selection(name, case, features, owner, prompts, answers)

    def _compare_attention(self, name: str, masks: Sequence[Tensor]) -> Finding:
        """How undecided the positions are that are blocked here or there only."""
        own = torch.cat([step.flatten() for step in masks])
        blocked = torch.from_numpy(self._bits(f"case/{name}/attn_bits", own < 0))
        differs = (own < 0) != blocked
        return Finding(
            "attention",
            f"{name}/attn_bits",
            float(own[differs].abs().max()) if differs.any() else 0.0,
            UNDECIDED_ATTENTION,
            f"{int(differs.sum())} of {len(own)} positions differ",
        )

    def _bits(self, name: str, computed: Tensor) -> npt.NDArray[np.bool_]:
        """The stored bits that stand for a computed boolean tensor."""
        _, stored = self.golden.pair(name, np.packbits(computed.numpy().ravel()))
        return np.unpackbits(stored)[: computed.numel()].astype(bool)

    def _run(
        self, features: ReleasedFeatures, owner: Tensor, prompts: Prompts, blocked: npt.NDArray[np.bool_] | None
    ) -> tuple[Rows, Steps]:
        """The decoder layer by layer; rows look where `blocked`, of all steps one after another, lets them."""
        decoder, steps, taken = self.model.decoder, Steps([], []), 0
        rows, seen = decoder.start(len(owner), prompts), decoder.project(features.levels)
        for i in range(len(decoder.layers) + 1):
            k = i % len(features.levels)
            steps.masks.append(decoder.looks_at(rows, features.mask_levels[k], owner))
            captions = decoder.norm(rows.x[:, : steps.masks[-1].shape[1]]) @ decoder.class_embed
            steps.classes.append(self.model.text.classify(captions, self.table))
            if i < len(decoder.layers):
                logits = steps.masks[-1]
                if blocked is not None:
                    step = torch.from_numpy(blocked[taken : taken + logits.numel()])
                    logits, taken = 0.5 - step.view(logits.shape).float(), taken + logits.numel()
                rows = decoder.step(i, rows, logits, seen[i], owner, prompts)
        return rows, steps

    def _outputs(
        self, features: ReleasedFeatures, owner: Tensor, prompts: Prompts, answers: Mapping[str, Answer]
    ) -> dict[str, Tensor]:
        outputs = {"pred_logits": self.model.text.classify(answers["object"].captions, self.table)}
        for group, answer in answers.items():
            masks, embeddings, captions = GROUP_OUTPUTS[group]
            outputs[masks] = self.model.masks(features, owner, answer.embeddings)
            outputs[embeddings], outputs[captions] = answer.embeddings, answer.captions
        for kind, tokens in prompts.tokens.items():
            suffix = "visuals" if kind == "visual" else "spatials"
            outputs[f"pred_p{suffix}"], outputs[f"pred_n{suffix}"] = tokens.positive_mean, tokens.negative_mean
        return outputs

    def _selection(
        self,
        name: str,
        case: Case,
        features: ReleasedFeatures,
        owner: Tensor,
        prompts: Prompts,
        answers: Mapping[str, Answer],
    ) -> Iterator[Finding]:
        kind = next((k for k in ("stroke", "visual") if k in prompts.tokens), "text")
        answer = answers[self.model.interface.answers[kind]]
        if kind == "text":
            sentences = self.sentences[list(case.sentences[0])]
            similarity = text_similarity(answer, sentences, self.model.text.logit_scale)
        else:
            similarity = visual_similarity(answer, prompts.tokens[kind])
        _, stored = self.golden.pair(f"case/{name}/similarity", similarity.numpy())
        expected, own = torch.from_numpy(stored).reshape(similarity.shape), similarity.isfinite()
        chosen, wanted = similarity.argmax(1), expected.masked_fill(~own, -torch.inf).argmax(1)
        yield Finding("selection", f"{name}/similarity", _difference(similarity[own], expected[own]), DECODER_TOLERANCE)
        yield Finding("selection", f"{name}/selected", float((chosen != wanted).sum()), 0.0)
        embeddings = pick(answer.embeddings, similarity)
        logits = self._chosen[name] = self.model.masks(features, owner, embeddings)
        yield from self._compare("selection", name, {"prev_mask": logits}, DECODER_TOLERANCE, prefix=f"case/{name}/")
        if f"case/{name}/final_bits" in self.golden:
            yield self._final(name, case, logits)

    def _final(self, name: str, case: Case, logits: Tensor) -> Finding:
        height, width, _ = self.golden.image(case.image).shape
        resized = F.interpolate(logits, size=self._padded(case.image), mode="bilinear", align_corners=False)
        full = resized[..., :height, :width].flatten(0, 1)
        differs = (full > 0) != torch.from_numpy(self._bits(f"case/{name}/final_bits", full > 0)).view(full.shape)
        worst = float(full[differs].abs().max()) if differs.any() else 0.0
        return Finding("selection", f"{name}/final_bits", worst, UNDECIDED_PIXEL, f"{int(differs.sum())} pixels differ")

    def _compare(
        self,
        stage: str,
        case: str,
        outputs: Mapping[str, Tensor],
        tolerance: float = STAGE_TOLERANCE,
        *,
        prefix: str | None = None,
    ) -> Iterator[Finding]:
        """Those of the outputs that the archive holds."""
        prefix = f"{case}/" if prefix is None else prefix
        for name, value in outputs.items():
            if prefix + name in self.golden:
                difference = _difference(*self.golden.pair(prefix + name, value.numpy()))
                yield Finding(stage, f"{case}/{name}", difference, tolerance)


def _difference(computed: Tensor | npt.NDArray, expected: Tensor | npt.NDArray) -> float:
    """Largest absolute difference; infinite where the shapes differ or a number is missing."""
    a, b = np.asarray(computed, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0))


def findings(manifest: Manifest, golden: Golden) -> Iterator[Finding]:
    """All comparisons of the model that a manifest describes with an archive, each as soon as it is made."""
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in manifest.fill().items()}
    yield from Parity(build_filled(tensors, INTERFACES[golden.meta["interface"]]), golden).findings()


@torch.inference_mode()
def main(
    manifest: Annotated[Path, typer.Argument(help="The .manifest.json of a checkpoint's tensors.")],
    npz: Annotated[Path, typer.Argument(help="Golden outputs of its network.")],
) -> int:
    """Compare the released models with golden outputs of the published code; the exit code says whether all is well."""
    failed = 0
    for finding in findings(Manifest.read(manifest), Golden(npz)):
        failed += not finding.passed
        verdict = "ok" if finding.passed else "FAILED"
        print(
            f"{finding.stage:14s} {finding.case:42s} {finding.difference:9.2e} (<= {finding.tolerance:.0e})  {verdict}"
            f"  {finding.remark}".rstrip(),
            flush=True,
        )
    print(f"{npz.name}: {'all within tolerance' if not failed else f'{failed} outside tolerance'}")
    return int(failed > 0)


if __name__ == "__main__":
    run(main)
