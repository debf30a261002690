"""Complete trainings on a few generated shapes: killed, resumed and distributed over two processes.

Run as a program, this file trains: its arguments are OUT, and fields of the plan and of the recipe as JSON.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from edgewise.models.checkpoint import load
from edgewise.models.data import Dataset, Samples
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.shapes import EVALUATION_SEED, SHAPES, TRAIN_SEED, shape_picture
from edgewise.models.spec import Labels, Preprocess
from edgewise.models.training.engine import train
from edgewise.models.training.optimizer import schedule
from edgewise.models.training.plan import Plan, TrainingResult
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.run import LAST, so_far
from edgewise.models.weights import BUNDLED, load_model

SIZE = 48  # at 32 the shapes are so small that two epochs end near chance on some processors
PREPROCESS = Preprocess(size=SIZE, resize=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
QUICK = TrainingRecipe(epochs=2, batch=16, learning_rate=0.5, crop=1)
# Everything that keeps state between steps or uses random numbers.
RICH: dict[str, Any] = {
    "epochs": 4,
    "cycles": 2,
    "tune": "gradual",
    "ema": 0.9,
    "mixup": 0.2,
    "dropout": 0.3,
    "layer_decay": 0.7,
    "patience": 4,
    "clip": 1,
}
INTERRUPTED = 130


@cache
def dataset() -> Dataset:
    """Discs, rings, half discs and crescents: 64 for training, 32 for validation."""
    return Dataset(
        "generated shapes", samples(TRAIN_SEED, 64), samples(EVALUATION_SEED, 32), Labels(SHAPES[:4])
    )


def samples(seed: int, count: int) -> Samples:
    drawn = [shape_picture(SIZE, seed, index) for index in range(count * len(SHAPES) // 4)]
    few = [(Image.fromarray(pixels), label) for pixels, label in drawn if label < 4]
    return Samples(tuple(label for _, label in few), lambda index: few[index][0])


def plan(out: Path, recipe: TrainingRecipe = QUICK, **fields: Any) -> Plan:
    start = load(BUNDLED / "mobilenetv2-shapes.safetensors").tensors
    whole: dict[str, Any] = {
        "start": start,
        "origin": "the bundled checkpoint",
        "accelerator": "cpu",
        **fields,
    }
    return Plan("mobilenetv2", dataset(), recipe, PREPROCESS, out=out, **whole)


def child(out: Path, recipe: dict[str, Any], **fields: Any) -> "subprocess.Popen[bytes]":
    arguments = [str(out), json.dumps(fields), json.dumps(recipe)]
    return subprocess.Popen([sys.executable, "-W", "error::UserWarning", __file__, *arguments])


def main() -> None:
    torch.set_num_threads(1)
    out, fields, recipe = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    try:
        result = train(plan(out, replace(QUICK, **recipe), **fields))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED if signal.getsignal(signal.SIGINT) is signal.default_int_handler else 1)
    rank = os.environ.get("LOCAL_RANK", "0")
    out.with_name(f"result{rank}.json").write_text(json.dumps([result.top1, result.ece, result.epochs]))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in the child process: sums in another order round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, TrainingResult]:
    chosen = plan(tmp_path_factory.mktemp("trained") / "below" / "run")
    return chosen, train(chosen)


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 240
    while not path.is_file():
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.01)


def answers(path: Path) -> NDArray[np.float32]:
    network = load_model("mobilenetv2", str(path)).network
    images = np.stack([PREPROCESS(dataset().val.read(index)) for index in range(len(dataset().val))])
    with torch.inference_mode():
        logits: NDArray[np.float32] = network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    return logits


def test_load_model_reads_the_result(trained: tuple[Plan, TrainingResult]) -> None:
    _, result = trained
    model = load_model("mobilenetv2", str(result.path))
    assert model.spec.preprocess == PREPROCESS
    assert model.spec.labels == dataset().labels
    stored = load(result.path).spec
    assert stored
    assert stored.origin.description == "MobileNetV2 trained by edgewise on generated shapes"
    assert model.record
    assert model.record["recipe"] == QUICK.to_json()
    assert model.record["judged_on"] == "32 pictures of generated shapes"
    assert model.record["started_from"] == "the bundled checkpoint"
    assert set(model.record["versions"]) >= {"torch", "lightning"}


def test_the_reported_top1_is_that_of_the_file(trained: tuple[Plan, TrainingResult]) -> None:
    _, result = trained
    right = answers(result.path).argmax(axis=1) == dataset().val.labels
    assert result.top1 == right.mean() > 0.25  # which is chance
    record = load(result.path).record
    assert record
    assert record["top1"] == pytest.approx(result.top1, abs=1e-6)


def test_the_folder_contains_one_line_per_epoch_and_events(trained: tuple[Plan, TrainingResult]) -> None:
    chosen, result = trained
    rows = curve(chosen.out)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == [
        "epoch", "learning_rate", "train_loss", "train_top1", "val_loss", "val_top1", "val_ece"
    ]  # fmt: skip
    assert max(float(row["val_top1"]) for row in rows) == pytest.approx(result.top1, abs=1e-5)
    assert list((chosen.out / "tensorboard").glob("events.*"))
    assert not list(chosen.out.glob(".*"))


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    trained: tuple[Plan, TrainingResult], tmp_path: Path
) -> None:
    chosen, result = trained
    first = load(result.path).tensors
    again = load(train(plan(tmp_path / "again")).path).tensors
    assert all(torch.equal(first[name], again[name]) for name in first)
    train(plan(tmp_path / "other", replace(QUICK, seed=1)))
    assert curve(tmp_path / "other") != curve(chosen.out)


def test_the_answers_are_those_of_the_file(trained: tuple[Plan, TrainingResult]) -> None:
    chosen, result = trained
    rows = so_far(chosen.out).answers
    logits = answers(result.path)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert [row.picture for row in rows] == [f"number {index}" for index in range(len(logits))]
    assert [row.label for row in rows] == [SHAPES[label] for label in dataset().val.labels]
    assert [row.answer for row in rows] == [SHAPES[label] for label in logits.argmax(1)]
    assert [row.probability for row in rows] == pytest.approx(shares.max(1), abs=1e-4)


def test_more_epochs_extend_a_finished_run(trained: tuple[Plan, TrainingResult], tmp_path: Path) -> None:
    first, _ = trained
    shutil.copytree(first.out, tmp_path / "run")
    longer = plan(tmp_path / "run", replace(QUICK, epochs=3))
    said: list[str] = []
    assert train(longer, resume=True, announce=said.append).epochs == 3
    assert said == [f"{longer.out}: resuming after epoch 2 of 3"]
    before, after = curve(first.out), curve(longer.out)
    assert after[:2] == before
    # The third epoch follows the schedule of three epochs: its rate at the beginning is that of the cosine.
    peak = 0.5 * 16 / 256
    assert float(after[2]["learning_rate"]) == pytest.approx(peak * schedule(longer.recipe, 4)(8), rel=1e-4)
    assert json.loads((longer.out / "recipe.json").read_text())["recipe"]["epochs"] == 3
    assert not list(longer.out.glob(".*"))


def test_a_folder_that_is_not_empty_is_left_unchanged(trained: tuple[Plan, TrainingResult]) -> None:
    with pytest.raises(UsageError, match="is not empty; continue the run with --resume or choose another"):
        train(trained[0])


def test_a_finished_run_says_so(trained: tuple[Plan, TrainingResult]) -> None:
    chosen, result = trained
    said: list[str] = []
    assert train(chosen, resume=True, announce=said.append) == result
    assert said == [f"{chosen.out}: this run is already finished (2 epochs); --epochs with more extends it"]


def test_a_run_only_resumes_with_the_same_recipe_and_classes(trained: tuple[Plan, TrainingResult]) -> None:
    chosen, _ = trained
    other = replace(chosen.recipe, epochs=1, label_smoothing=0.2)
    with pytest.raises(
        UsageError, match=r"recipe.epochs is 1 and was 2; recipe.label_smoothing is 0.2 and was"
    ):
        train(replace(chosen, recipe=other), resume=True)
    fewer = replace(chosen.dataset, labels=Labels(("a", "b", "c", "d")))
    with pytest.raises(UsageError, match=r'classes is \["a", "b", "c", "d"\] and was \["disc"'):
        train(replace(chosen, dataset=fewer), resume=True)


def test_nothing_to_resume_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contains no run to resume; omit --resume"):
        train(plan(tmp_path / "new"), resume=True)


def test_no_folder_is_created_for_weights_of_another_network(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the bundled checkpoint: does not fit mobilenetv2"):
        train(plan(tmp_path / "run", start={"stem.weight": torch.zeros(1)}))
    assert not (tmp_path / "run").exists()


def test_a_diverging_training_stops_before_weights_are_stored(tmp_path: Path) -> None:
    with pytest.raises(EdgewiseError, match=r"in epoch 1, step \d: the training diverged.*--learning-rate"):
        train(plan(tmp_path / "run", replace(QUICK, learning_rate=1e30)))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "metrics.csv",
        "recipe.json",
        "tensorboard",
    ]


def test_patience_stops_a_training_without_improvement(tmp_path: Path) -> None:
    stuck = plan(tmp_path / "run", replace(QUICK, epochs=9, learning_rate=1e-9, tune="head", patience=1))
    result = train(stuck)
    assert (result.epochs, result.stopped_early) == (2, True)
    said: list[str] = []
    assert train(stuck, resume=True, announce=said.append) == result
    assert "finished (2 epochs), because --patience 1 ended it" in said[0]


def test_only_the_last_layer_trains_with_head(tmp_path: Path) -> None:
    chosen = plan(tmp_path / "run", replace(QUICK, epochs=1, tune="head"))
    assert chosen.start
    found = load(train(chosen).path).tensors
    moved = {name for name, tensor in found.items() if not torch.equal(tensor, chosen.start[name])}
    assert moved == {"classifier.1.weight", "classifier.1.bias"}  # batch norm statistics stay unchanged


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run with every option of the recipe."""
    out = tmp_path_factory.mktemp("rich") / "run"
    with (out.parent / "screen").open("w") as file:
        train(plan(out, replace(QUICK, **RICH)), screen=Console(file=file, width=200))
    return out


def test_each_cycle_saves_a_snapshot_for_an_ensemble(rich: Path) -> None:
    first, second = (answers(rich / f"snapshot-{number}.safetensors") for number in (1, 2))
    assert not np.allclose(first, second)
    assert not (rich / "snapshot-3.safetensors").exists()


def test_without_a_terminal_each_epoch_prints_a_line(rich: Path) -> None:
    lines = (rich.parent / "screen").read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("epoch 1 of 4: loss ")


def same_run(one: Path, other: Path) -> bool:
    first, second = (load(folder / "snapshot-2.safetensors").tensors for folder in (one, other))
    return curve(one) == curve(other) and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGINT, INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["Ctrl-C", "kill"],
)
def test_an_interrupted_run_gives_the_same_result_as_an_uninterrupted_one(
    rich: Path, tmp_path: Path, ending: int, code: int
) -> None:
    out = tmp_path / "run"
    running = child(out, RICH, workers=1)
    wait_for(out / LAST)  # which is written last of all, once an epoch is whole
    time.sleep(0.2)  # into the next epoch
    running.send_signal(ending)
    assert running.wait(60) == code
    assert 1 <= len(curve(out)) < 4
    if ending == signal.SIGINT:
        assert not list(out.rglob(".*"))
    said: list[str] = []
    train(plan(out, replace(QUICK, **RICH)), resume=True, announce=said.append)
    assert "resuming after epoch" in said[0]
    assert same_run(rich, out)


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    recipe = {"epochs": 2, "batch": 8, "tune": "gradual"}
    assert child(tmp_path / "run", recipe, devices=2).wait(240) == 0
    first, second = (json.loads((tmp_path / f"result{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first[2] == len(curve(tmp_path / "run")) == 2
    assert len(list((tmp_path / "run" / "tensorboard").glob("events.*"))) == 1
    right = answers(tmp_path / "run" / "model.safetensors").argmax(axis=1) == dataset().val.labels
    assert first[0] == pytest.approx(right.mean(), abs=1e-6)  # each picture was counted once
    told = so_far(tmp_path / "run").answers
    assert [row.right for row in told] == right.tolist()  # those of both processes, in order


if __name__ == "__main__":
    main()
