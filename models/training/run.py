"""A run folder: what is trained in it, how far it got, and whether it can be resumed.

recipe.json describes the training. last.ckpt contains the state after the last completed epoch, including the
history of all epochs; metrics.csv is a readable copy of that history. model.safetensors has the weights of
the best epoch, and predictions.csv what they answer to the validation pictures.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..checkpoint import CHECKPOINT
from ..errors import EdgewiseError, UsageError
from ..files import partial_of, read_file, write_file
from ..tables import from_csv, rows_of
from .answers import ValidationAnswer
from .recipe import TrainingRecipe

Row: TypeAlias = dict[str, float]  # of an epoch: see COLUMNS
COLUMNS = ("epoch", "learning_rate", "train_loss", "train_top1", "val_loss", "val_top1", "val_ece", "seconds")

MODEL, LAST, RECIPE, METRICS = CHECKPOINT, "last.ckpt", "recipe.json", "metrics.csv"
ANSWERS = "predictions.csv"
HISTORY = "Recorder"  # the callback's name in last.ckpt
_SHOWN = 3
_EPOCHS = "recipe.epochs"
_AGAIN = "start again with another --out"


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """What the readable files of a run say: its description, its epochs, and the best one's answers."""

    description: dict[str, Any]
    rows: list[Row]
    answers: list[ValidationAnswer]


def begin(folder: Path, description: dict[str, Any]) -> None:
    """Create the folder of a new run.

    Raises:
        UsageError: it exists and is not empty.
        EdgewiseError: it cannot be written.
    """
    try:
        require_free(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _describe(folder, description)
    except OSError as error:
        raise EdgewiseError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error


def _describe(folder: Path, description: dict[str, Any]) -> None:
    write_file(folder / RECIPE, f"{json.dumps(description, indent=2, ensure_ascii=False)}\n".encode())


def require_free(folder: Path) -> None:
    """Raise a `UsageError` where a new run would find files in its folder.

    What a kill has left of the very first one is overwritten.
    """
    if folder.is_dir() and any(path != partial_of(folder / RECIPE) for path in folder.iterdir()):
        fix = "continue the run with --resume or " if (folder / RECIPE).is_file() else ""
        raise UsageError(f"{folder}: is not empty; {fix}choose another --out")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; choose another --out")


def require_begun(folder: Path) -> None:
    """Raise a `UsageError` where there is no run to resume."""
    if not (folder / RECIPE).is_file():
        raise UsageError(f"{folder}: contains no run to resume; omit --resume to start one")


def check(folder: Path, description: dict[str, Any]) -> None:
    """Refuse to resume a run that was started with other settings; more epochs extend it.

    Raises:
        UsageError: there is no run, or its recipe, network or data differ.
        EdgewiseError: its description cannot be read.
    """
    begun = dict(_flat(_described(folder)))
    wanted = dict(_flat(json.loads(json.dumps(description))))
    differences = [
        f"{name} is {_short(wanted.get(name))} and was {_short(begun.get(name))}"
        for name in dict.fromkeys([*begun, *wanted])
        if begun.get(name) != wanted.get(name) and name != "origin" and not _extends(name, begun, wanted)
    ]
    if differences:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise UsageError(
            f"{folder}: cannot be resumed, {'; '.join(differences[:_SHOWN])}{more}; "
            "use the original settings or choose another --out"
        )
    if begun.get(_EPOCHS) != wanted.get(_EPOCHS) and wanted.get("recipe.cycles", 1) != 1:
        raise UsageError(
            f"{folder}: has a snapshot for each of --cycles {wanted['recipe.cycles']}, which more epochs "
            f"would move; start another run with --weights {folder / MODEL}"
        )


def extend(folder: Path, description: dict[str, Any]) -> None:
    """Store the description of a run that goes on for more epochs, once it is known to be valid."""
    if _described(folder) != json.loads(json.dumps(description)):
        _describe(folder, description)


def planned_epochs(folder: Path) -> int | None:
    """For how many epochs a run was begun; None where its description does not say.

    Raises:
        UsageError: there is no run.
        EdgewiseError: its description cannot be read.
    """
    planned = dict(_flat(_described(folder))).get(_EPOCHS)
    return planned if type(planned) is int else None


def _extends(name: str, begun: dict[str, Any], wanted: dict[str, Any]) -> bool:
    before, now = begun.get(name), wanted.get(name)
    return name == _EPOCHS and type(before) is int and type(now) is int and now > before


def _described(folder: Path) -> dict[str, Any]:
    require_begun(folder)
    path = folder / RECIPE
    try:
        found = json.loads(read_file(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EdgewiseError(f"{path}: cannot be read ({error}); {_AGAIN}") from error
    if not isinstance(found, dict):
        raise EdgewiseError(f"{path}: cannot be read (it is no JSON object); {_AGAIN}")
    return found


def _flat(data: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of nested dictionaries, as 'recipe.epochs'."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name}{key}.")
        else:
            yield f"{name}{key}", value


def _short(value: Any, most: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def history(folder: Path) -> list[Row]:
    """The epochs in last.ckpt; empty if it does not exist.

    Raises:
        EdgewiseError: it cannot be read.
    """
    import torch

    path = folder / LAST
    if not path.is_file():
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        rows: list[Row] = state["callbacks"][HISTORY]["history"]
    except Exception as error:  # the unpickler raises almost anything on a damaged file
        raise EdgewiseError(f"{path}: is damaged ({type(error).__name__}); {_AGAIN}") from error
    return rows


def best(rows: Sequence[Row]) -> Row:
    """The epoch that provides the result: the highest top-1, and among equals the lowest loss."""
    return max(rows, key=lambda row: (row["val_top1"], -row["val_loss"]))


def is_finished(rows: Sequence[Row], recipe: TrainingRecipe) -> bool:
    """Whether all epochs are done, or early stopping ended the run."""
    return len(rows) >= recipe.epochs or is_stopped(rows, recipe)


def is_stopped(rows: Sequence[Row], recipe: TrainingRecipe) -> bool:
    """Whether the last `recipe.patience` epochs did not improve the best top-1."""
    if not rows or not recipe.patience:
        return False
    first_best = max(rows, key=lambda row: row["val_top1"])
    return recipe.patience <= rows[-1]["epoch"] - first_best["epoch"]


def write_metrics(path: Path, rows: Sequence[Row]) -> None:
    """Write one line per epoch, with the columns `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([f"{row[column]:.6g}" for column in COLUMNS] for row in rows)
    write_file(path, text.getvalue().encode())


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a training run."""
    return (folder / RECIPE).is_file() and (folder / METRICS).is_file()


def so_far(folder: Path) -> RunSoFar:
    """What the readable files of a run say. Needs no torch.

    Raises:
        UsageError: there is no run, or none of its epochs is complete.
        EdgewiseError: a file cannot be read.
    """
    description = _described(folder)
    rows = rows_of(folder / METRICS, dict.fromkeys(COLUMNS, float), _AGAIN)
    if not rows:
        raise UsageError(
            f"{folder}: no epoch of this run is complete; continue it with edgewise train --resume"
        )
    return RunSoFar(description, rows, from_csv(ValidationAnswer, folder / ANSWERS, _AGAIN))
