"""Training: clips repeat exactly, a resumed run equals an uninterrupted one, and the loss can be lowered."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from seem_video.errors import SeemVideoError
from seem_video.model.checkpoints import read_weights
from seem_video.training import train as training
from seem_video.training.data import collate
from seem_video.training.prompting import add_corrections, damage, draw_prompts
from seem_video.training.recipe import load_recipe

CONFIGS = Path(__file__).parents[2] / "configs"
TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny training set: one video of six frames and three stills, each with two rectangles."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)

    def picture(shift: int) -> tuple[np.ndarray, np.ndarray]:
        image = rng.integers(0, 90, (72, 96, 3), dtype=np.uint8)
        mask = np.zeros((72, 96), np.uint8)
        for number, (x, y) in enumerate(((12 + shift, 20), (56, 30)), start=1):
            image[y : y + 30, x : x + 28] = (200, 90 * number, 20)
            mask[y : y + 30, x : x + 28] = number
        return image, mask

    for kind in ("JPEGImages", "Annotations"):
        (root / "videos" / kind / "480p/box").mkdir(parents=True)
    for t in range(6):
        image, mask = picture(2 * t)
        cv2.imwrite(str(root / f"videos/JPEGImages/480p/box/{t:05d}.jpg"), image)
        cv2.imwrite(str(root / f"videos/Annotations/480p/box/{t:05d}.png"), (mask == 1) * np.uint8(255))
    (root / "stills/images").mkdir(parents=True)
    (root / "stills/masks").mkdir()
    rows = []
    for i in range(3):
        image, mask = picture(i)
        cv2.imwrite(str(root / f"stills/images/{i}.jpg"), image)
        cv2.imwrite(str(root / f"stills/masks/{i}.png"), mask)
        instances = [{"id": k, "area": int((mask == k).sum())} for k in (1, 2)]
        row = {"image": f"images/{i}.jpg", "mask": f"masks/{i}.png", "width": 96, "height": 72, "instances": instances}
        rows.append(json.dumps(row))
    (root / "stills/index.jsonl").write_text("\n".join(rows) + "\n")
    return root


def _recipe(folder: Path, **changes: object) -> Path:
    recipe = yaml.safe_load((CONFIGS / "train-nano.yaml").read_text())
    recipe |= {"model": str(CONFIGS / "seem-nano.yaml"), "batch": 2, "size": 64, "points": 64, "warmup": 1}
    recipe["data"] |= {"videos": "videos", "held_out": [], "stills": {"stills": 1.0}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe | changes))
    return path


def test_clip_number_i_is_always_the_same_clip_and_its_targets_are_visible(data: Path, tmp_path: Path) -> None:
    recipe = load_recipe(_recipe(tmp_path))
    first, again = (training.make_dataset(recipe, data, 20) for _ in range(2))
    for i in range(20):
        a, b = first[i], again[i]
        assert np.array_equal(a.images, b.images)
        assert np.array_equal(a.masks, b.masks)
        assert all((a.masks[0] == target).any() for target in a.targets)


def test_simulated_prompts_lie_on_the_object_and_corrections_on_the_error() -> None:
    truth = torch.zeros(3, 16, 16)
    truth[:, 4:10, 5:12] = 1
    prompt = draw_prompts(truth, np.random.default_rng(0))
    assert not (prompt.positive & (truth == 0)).any()
    assert (prompt.positive | prompt.box).flatten(1).any(1).all()
    spilled = torch.zeros(3, 16, 16)
    spilled[:, 4:10, 5:16] = 1
    corrected = add_corrections(prompt, truth, spilled, np.random.default_rng(0))
    assert corrected.negative.flatten(1).sum(1).tolist() == [1, 1, 1]
    assert not (corrected.negative & (truth > 0)).any()


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY_S", -1.0)
    recipe = _recipe(tmp_path, steps=4)
    torch.manual_seed(1)
    whole = training.train(recipe, data, tmp_path / "whole", workers=0, backbone_weights=None)

    class KilledError(Exception):
        pass

    take_step, taken = training._step, []

    def die_on_the_third(*args: object, **kwargs: object) -> object:
        taken.append(1)
        if len(taken) == 3:
            raise KilledError
        return take_step(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_step", die_on_the_third)
    torch.manual_seed(1)
    with pytest.raises(KilledError):
        training.train(recipe, data, tmp_path / "parts", workers=0, backbone_weights=None)
    torch.manual_seed(99)  # whatever the new process starts with must not matter
    parts = training.train(recipe, data, tmp_path / "parts", workers=0, backbone_weights=None)
    ours, theirs = read_weights(whole).state_dict(), read_weights(parts).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_recipe_after_another_one_has_that_done_first_and_takes_its_other_settings(
    data: Path, tmp_path: Path
) -> None:
    _recipe(tmp_path, steps=1, seed=3)
    (tmp_path / "second.yaml").write_text("after: recipe.yaml\nseed: 4\ndata: {share: {motion: 1.0}}\n")
    recipe = load_recipe(tmp_path / "second.yaml")
    assert (recipe.seed, recipe.steps, recipe.size) == (4, 1, 64)
    assert recipe.data["share"] == {"motion": 1.0}
    assert recipe.data["videos"] == "videos"
    weights = training.train(tmp_path / "second.yaml", data, tmp_path / "out", workers=0)
    first, second = read_weights(tmp_path / "out/recipe/weights.safetensors"), read_weights(weights)
    moved = [float((a - b).abs().max()) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    assert 0 < max(moved) < 0.01  # one small step on from there, not another beginning


def test_a_recipe_after_two_others_begins_with_the_mean_of_their_weights(data: Path, tmp_path: Path) -> None:
    _recipe(tmp_path, steps=1)
    (tmp_path / "second.yaml").write_text("after: recipe.yaml\nlr: 1.0e-3\n")
    (tmp_path / "last.yaml").write_text("after: [recipe.yaml, second.yaml]\nsteps: 0\n")
    last = read_weights(training.train(tmp_path / "last.yaml", data, tmp_path / "out", workers=0))
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["recipe", "second"]
    first, second = (read_weights(tmp_path / "out" / name / "weights.safetensors") for name in ("recipe", "second"))
    for a, b, mean in zip(first.parameters(), second.parameters(), last.parameters(), strict=True):
        assert torch.allclose(mean, (a + b) / 2, atol=1e-3)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_recipe_that_is_named_twice_counts_twice_in_the_mean(data: Path, tmp_path: Path) -> None:
    _recipe(tmp_path, steps=1)
    (tmp_path / "second.yaml").write_text("after: recipe.yaml\nlr: 1.0\n")
    (tmp_path / "last.yaml").write_text("after: [second.yaml, recipe.yaml, second.yaml]\nsteps: 0\n")
    last = read_weights(training.train(tmp_path / "last.yaml", data, tmp_path / "out", workers=0))
    first, second = (read_weights(tmp_path / "out" / name / "weights.safetensors") for name in ("recipe", "second"))
    for a, b, mean in zip(first.parameters(), second.parameters(), last.parameters(), strict=True):
        assert torch.allclose(mean, (a + 2 * b) / 3, atol=2e-3)
    moved = [float((a - b).abs().max()) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    assert max(moved) / 6 > 0.1  # the plain mean would be this far off


def test_heads_that_are_shared_learn_as_one_and_apart_from_each_other_otherwise(data: Path, tmp_path: Path) -> None:
    weights = training.train(_recipe(tmp_path, steps=1, frames=2), data, tmp_path / "shared", workers=0)
    shared = read_weights(weights)
    for ours, theirs in zip(shared.prompting.parameters(), shared.tracking.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    recipe = _recipe(tmp_path, steps=1, frames=2, lr=0.01, shared_head=False)
    apart = read_weights(training.train(recipe, data, tmp_path / "apart", workers=0, initial=weights))
    for head in ("prompting", "tracking"):
        before, after = (each.get_submodule(f"{head}.decoder.layers.0.ffn").state_dict() for each in (shared, apart))
        assert any(not torch.equal(before[name], after[name]) for name in before)
    pairs = zip(apart.prompting.parameters(), apart.tracking.parameters(), strict=True)
    assert any(not torch.equal(ours, theirs) for ours, theirs in pairs)


def test_clips_of_one_frame_teach_prompting_alone(data: Path, tmp_path: Path) -> None:
    weights = training.train(_recipe(tmp_path, steps=1, frames=2), data, tmp_path / "first", workers=0)
    recipe = _recipe(tmp_path, steps=1, frames=1, lr=0.01, backbone_lr=0.0, shared_head=False)
    before = read_weights(weights)
    after = read_weights(training.train(recipe, data, tmp_path / "second", workers=0, initial=weights))
    moved = {name for name, value in after.named_parameters() if not torch.equal(value, before.get_parameter(name))}
    assert {name.split(".")[0] for name in moved} == {"prompting"}


def test_a_recipe_can_take_the_prompting_head_of_another_one(data: Path, tmp_path: Path) -> None:
    _recipe(tmp_path, steps=1)
    (tmp_path / "second.yaml").write_text("after: recipe.yaml\nlr: 1.0\n")
    (tmp_path / "last.yaml").write_text("after: recipe.yaml\nprompting: second.yaml\nshared_head: false\nsteps: 0\n")
    last = read_weights(training.train(tmp_path / "last.yaml", data, tmp_path / "out", workers=0)).state_dict()
    first, second = (
        read_weights(tmp_path / "out" / name / "weights.safetensors").state_dict() for name in ("recipe", "second")
    )
    for name, value in last.items():
        assert torch.equal(value, (second if name.startswith("prompting.") else first)[name]), name
    assert any(not torch.equal(first[name], second[name]) for name in last if name.startswith("prompting."))


def test_damage_takes_parts_of_some_masks_and_adds_only_near_them() -> None:
    masks = torch.zeros(64, 48, 48)
    masks[:, 10:30, 10:30] = 0.9
    damaged = damage(masks, np.random.default_rng(0))
    lost, won = (damaged < masks).flatten(1).any(1), (damaged > masks).flatten(1).any(1)
    assert 10 < lost.sum() < 40
    assert 3 < won.sum() < 25
    assert (~lost & ~won).any()
    assert not damaged[:, 40:].any()


def test_a_backbone_of_no_learning_rate_stands_still(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = training.train(_recipe(tmp_path, steps=1), data, tmp_path / "first", workers=0)
    recipe = _recipe(tmp_path, steps=1, frames=2, backbone_lr=0.0)
    before = read_weights(weights)
    after = read_weights(training.train(recipe, data, tmp_path / "second", workers=0, initial=weights))
    for name, parameter in after.named_parameters():
        if name.startswith("backbone."):
            assert torch.equal(parameter, before.get_parameter(name)), name
    moved = [not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    assert sum(moved) > 50


def test_small_objects_of_stills_are_seen_from_close_by(data: Path, tmp_path: Path) -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    mask = np.zeros((400, 600), np.uint8)
    mask[200:214, 300:316] = 1  # 0.09 % of the image
    small = tmp_path / "small"
    for folder, content in (("images", image), ("masks", mask)):
        (small / folder).mkdir(parents=True)
        cv2.imwrite(str(small / folder / "0.png"), content)
    row = {"image": "images/0.png", "mask": "masks/0.png", "width": 600, "height": 400}
    row["instances"] = [{"id": 1, "area": 224}]
    (small / "index.jsonl").write_text(json.dumps(row) + "\n")
    sources = {"stills": {"small": 1.0}, "share": {"motion": 1.0}}
    clips = training.make_dataset(load_recipe(_recipe(tmp_path, data=sources)), tmp_path, 20)
    shares = [float((clips[i].masks[0] == 1).mean()) for i in range(20)]
    assert min(shares) > 0.005
    assert np.median(shares) > 0.05


def test_held_out_sequences_are_tracked_and_scored(data: Path, tmp_path: Path) -> None:
    sources = {"videos": "videos", "held_out": ["box"], "share": {"video": 1.0}}
    recipe = _recipe(tmp_path, data=sources)
    command = [sys.executable, str(TOOLS / "evaluate_held_out.py"), str(recipe), "--data", str(data), "--init", "box"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("J 0.")
    assert float(last.split()[1].rstrip(",")) > 0.5
    refused = subprocess.run(
        [*command[:2], str(_recipe(tmp_path)), *command[3:]], capture_output=True, text=True, timeout=600
    )
    assert refused.returncode == 2
    assert "holds no sequence out" in refused.stderr


def test_the_recipes_that_come_with_the_project_can_be_read() -> None:
    for path in CONFIGS.glob("train-*.yaml"):
        assert load_recipe(path).model.is_file()


def test_two_processes_under_torchrun_train_one_model(data: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, steps=2)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(TOOLS / "train.py"), str(recipe), "--data", str(data), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--workers", "0", "--threads", "1"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    state = torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)
    assert state["step"] == 2
    assert read_weights(tmp_path / "out/weights.safetensors")


def test_training_lowers_the_loss_on_clips_it_sees_again(data: Path, tmp_path: Path) -> None:
    recipe = load_recipe(_recipe(tmp_path))
    torch.manual_seed(0)
    model = training.SEEM(training.load_config(CONFIGS / "seem-nano.yaml"))
    trainer = training.ClipTrainer(model, recipe.points).train()
    batch = collate([training.make_dataset(recipe, data, 4)[i] for i in range(2)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    losses = []
    for _ in range(12):
        loss = training._step(trainer, batch, torch.device("cpu"), seed=(0, 0, 0)).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_recipe_with_a_wrong_setting_and_a_folder_without_videos_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SeemVideoError, match="colour"):
        load_recipe(_recipe(tmp_path, colour="blue"))
    with pytest.raises(SeemVideoError, match="No training video in"):
        training.make_dataset(load_recipe(_recipe(tmp_path)), tmp_path, 1)
    with pytest.raises(SeemVideoError, match="no training data"):
        training.make_dataset(load_recipe(_recipe(tmp_path, data={"share": {}})), tmp_path, 1)
