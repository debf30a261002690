"""A run folder: what is trained in it, how far it got, and whether it can be resumed.

recipe.json describes the training. last.ckpt contains the state after the last completed epoch, including the
history of all epochs; metrics.csv is a readable copy of that history.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..checkpoint import CHECKPOINT
from ..errors import EdgewiseError, UsageError
from ..files import write_file
from .recipe import TrainingRecipe

Row: TypeAlias = dict[str, float]  # of an epoch: see COLUMNS
COLUMNS = ("epoch", "learning_rate", "train_loss", "train_top1", "val_loss", "val_top1", "val_ece", "seconds")

MODEL, LAST, RECIPE, METRICS = CHECKPOINT, "last.ckpt", "recipe.json", "metrics.csv"
HISTORY = "Recorder"  # the callback's name in last.ckpt
_SHOWN = 3


def begin(folder: Path, description: dict[str, Any]) -> None:
    """Create the folder of a new run.

    Raises:
        UsageError: it exists and is not empty.
        EdgewiseError: it cannot be written.
    """
    try:
        require_free(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / RECIPE, f"{json.dumps(description, indent=2, ensure_ascii=False)}\n".encode())
    except OSError as error:
        raise EdgewiseError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error


def require_free(folder: Path) -> None:
    """Raise a `UsageError` where a new run would find files in its folder."""
    if folder.is_dir() and any(folder.iterdir()):
        fix = "continue the run with --resume or " if (folder / RECIPE).is_file() else ""
        raise UsageError(f"{folder}: is not empty; {fix}choose another --out")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; choose another --out")


def require_begun(folder: Path) -> None:
    """Raise a `UsageError` where there is no run to resume."""
    if not (folder / RECIPE).is_file():
        raise UsageError(f"{folder}: contains no run to resume; omit --resume to start one")


def check(folder: Path, description: dict[str, Any]) -> None:
    """Refuse to resume a run that was started with other settings.

    Raises:
        UsageError: there is no run, or its recipe, network or data differ.
        EdgewiseError: its description cannot be read.
    """
    require_begun(folder)
    path = folder / RECIPE
    try:
        begun = dict(_flat(json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise EdgewiseError(f"{path}: cannot be read ({error}); start again with another --out") from error
    wanted = dict(_flat(json.loads(json.dumps(description))))
    differences = [
        f"{name} is {_short(wanted.get(name))} and was {_short(begun.get(name))}"
        for name in dict.fromkeys([*begun, *wanted])
        if begun.get(name) != wanted.get(name) and name != "origin"
    ]
    if differences:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise UsageError(
            f"{folder}: cannot be resumed, {'; '.join(differences[:_SHOWN])}{more}; "
            "use the original settings or choose another --out"
        )


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
        raise EdgewiseError(
            f"{path}: is damaged ({type(error).__name__}); start again with another --out"
        ) from error
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
