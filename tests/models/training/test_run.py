"""Run folders: starting, resuming and finishing a run."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.tables import to_csv
from edgewise.models.training.answers import ValidationAnswer
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.run import (
    COLUMNS,
    Row,
    RunSoFar,
    begin,
    best,
    check,
    extend,
    history,
    is_finished,
    is_run,
    is_stopped,
    planned_epochs,
    require_free,
    so_far,
    write_metrics,
)

ABOUT = {"name": "tiny", "recipe": {"epochs": 3, "seed": 0}, "classes": ["a", "b"], "origin": "random"}


def rows(*top1: float) -> list[Row]:
    return [
        {**dict.fromkeys(COLUMNS, 0.5), "epoch": epoch + 1, "val_top1": value}
        for epoch, value in enumerate(top1)
    ]


def test_a_new_folder_describes_the_training(tmp_path: Path) -> None:
    begin(tmp_path / "a" / "b", ABOUT)
    assert json.loads((tmp_path / "a" / "b" / "recipe.json").read_text()) == ABOUT
    check(tmp_path / "a" / "b", ABOUT)


def test_only_an_empty_folder_is_accepted(tmp_path: Path) -> None:
    begin(tmp_path, ABOUT)
    with pytest.raises(UsageError, match=r"is not empty; continue the run with --resume or choose"):
        begin(tmp_path, ABOUT)
    (tmp_path / "recipe.json").rename(tmp_path / "thesis.txt")
    with pytest.raises(UsageError, match=r"is not empty; choose another --out"):
        begin(tmp_path, ABOUT)
    with pytest.raises(UsageError, match=r"thesis.txt: is a file"):
        begin(tmp_path / "thesis.txt", ABOUT)
    with pytest.raises(EdgewiseError, match=r"cannot be written \(.*\); choose another --out"):
        begin(tmp_path / "thesis.txt" / "run", ABOUT)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "other"}, 'name is "other" and was "tiny"'),
        ({"recipe": {"epochs": 2, "seed": 0}}, "recipe.epochs is 2 and was 3"),
        ({"recipe": {"epochs": 4, "seed": 1}}, "recipe.seed is 1 and was 0"),
        ({"recipe": {"epochs": 3}}, "recipe.seed is null and was 0"),
        ({"recipe": {"epochs": 3, "seed": 0, "new": True}}, "recipe.new is true and was null"),
        ({"classes": ["a", "c" * 99]}, r'classes is \["a", "c+\.\.\. and was \["a", "b"\]'),
        ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, "and 2 more; use the original settings"),
    ],
)
def test_differences_from_the_original_run_are_named(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    begin(tmp_path, ABOUT)
    with pytest.raises(UsageError, match=f"cannot be resumed, .*{named}"):
        check(tmp_path, {**ABOUT, **change})


def test_more_epochs_extend_a_run(tmp_path: Path) -> None:
    begin(tmp_path, ABOUT)
    assert planned_epochs(tmp_path) == 3
    longer = {**ABOUT, "recipe": {"epochs": 5, "seed": 0}}
    check(tmp_path, longer)
    assert planned_epochs(tmp_path) == 3  # until it is known that the plan is valid
    extend(tmp_path, longer)
    assert planned_epochs(tmp_path) == 5
    with pytest.raises(UsageError, match=r"recipe\.epochs is 3 and was 5"):
        check(tmp_path, ABOUT)


def test_a_run_with_snapshots_is_not_extended(tmp_path: Path) -> None:
    begin(tmp_path, {"recipe": {"epochs": 4, "cycles": 2}})
    with pytest.raises(UsageError, match=r"snapshot for each of --cycles 2.*--weights .*model\.safetensors"):
        check(tmp_path, {"recipe": {"epochs": 8, "cycles": 2}})


def test_what_a_run_says_without_torch(tmp_path: Path) -> None:
    begin(tmp_path, ABOUT)
    assert not is_run(tmp_path)
    with pytest.raises(UsageError, match="no epoch of this run is complete"):
        so_far(tmp_path)
    write_metrics(tmp_path / "metrics.csv", rows(0.5, 0.25))
    assert is_run(tmp_path)
    assert so_far(tmp_path) == RunSoFar(ABOUT, rows(0.5, 0.25), [])
    answers = [ValidationAnswer("a/1.png", "a", "b", 0.75)]
    (tmp_path / "predictions.csv").write_bytes(to_csv(ValidationAnswer, answers))
    assert so_far(tmp_path).answers == answers
    (tmp_path / "metrics.csv").write_text("epoch\n1\n")
    with pytest.raises(EdgewiseError, match=r"metrics.csv: cannot be read as a table \(no column"):
        so_far(tmp_path)


def test_the_description_of_the_origin_may_differ(tmp_path: Path) -> None:
    begin(tmp_path, ABOUT)
    check(tmp_path, {**ABOUT, "origin": "the cache"})


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 9999, "\udcff"])
def test_a_damaged_description_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(EdgewiseError, match=r"recipe.json: cannot be read"):
        check(tmp_path, ABOUT)


def test_the_history_is_read_from_the_last_checkpoint(tmp_path: Path) -> None:
    assert history(tmp_path) == []
    torch.save({"callbacks": {"Recorder": {"history": rows(0.5, 0.6)}}}, tmp_path / "last.ckpt")
    assert history(tmp_path) == rows(0.5, 0.6)
    (tmp_path / "last.ckpt").write_bytes((tmp_path / "last.ckpt").read_bytes()[:100])
    with pytest.raises(EdgewiseError, match=r"last.ckpt: is damaged"):
        history(tmp_path)


def test_the_best_epoch_has_the_highest_top1_and_then_the_lowest_loss() -> None:
    told = rows(0.5, 0.7, 0.7, 0.6)
    told[2]["val_loss"] = 0.4
    assert best(told) is told[2]
    assert best(rows(0.7, 0.7))["epoch"] == 1


@pytest.mark.parametrize(
    ("top1", "patience", "stopped"),
    [
        ([], 1, False),
        ([0.5, 0.5], 0, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.6], 1, False),
        ([0.5, 0.6, 0.5], 2, False),
        ([0.6, 0.5, 0.6], 2, True),
    ],
)
def test_patience_counts_the_epochs_since_the_best_one(
    top1: list[float], patience: int, stopped: bool
) -> None:
    recipe = TrainingRecipe(epochs=9, patience=patience)
    assert is_stopped(rows(*top1), recipe) is is_finished(rows(*top1), recipe) is stopped


def test_a_run_with_all_its_epochs_is_finished() -> None:
    assert is_finished(rows(0.1, 0.2), TrainingRecipe(epochs=2))
    assert not is_finished(rows(0.1), TrainingRecipe(epochs=2))


def test_metrics_have_one_line_per_epoch(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.csv", rows(0.123456789))
    assert (
        tmp_path / "metrics.csv"
    ).read_text() == f"{','.join(COLUMNS)}\n1,0.5,0.5,0.5,0.5,0.123457,0.5,0.5\n"
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_a_run_that_was_killed_in_its_first_file_can_begin_again(tmp_path: Path) -> None:
    (tmp_path / ".recipe.json.partial").write_text('{"name": "mob')
    require_free(tmp_path)
    begin(tmp_path, {"name": "a"})
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]
    with pytest.raises(UsageError, match="is not empty; continue the run with --resume"):
        require_free(tmp_path)
