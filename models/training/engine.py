"""Turns a plan into a trained checkpoint: Lightning's training loop and the run folder."""

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import checkpoint
from ..files import write_file
from ..images import picture_name
from ..printable import printable
from ..spec import ModelSpec, Origin
from ..tables import to_csv
from ..zoo import find
from . import progressive, run
from .answers import ValidationAnswer
from .balance import class_weights
from .plan import Plan, TrainingResult
from .process import is_first

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor, nn

    from .callbacks import Store
    from .module import Learner

_GLIMPSE, _BATCH = 256, 32  # pictures
_LIBRARIES = ("lightning", "numpy", "pillow", "torch", "torchvision")


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


def train(
    plan: Plan,
    *,
    resume: bool = False,
    announce: Callable[[str], None] = _say,
    screen: "Console | None" = None,
) -> TrainingResult:
    """Train, and keep the best epoch's weights in `plan.out`; `resume` continues after the last full epoch.

    A resumed run may have more epochs than it was begun with: those that are left follow the schedule of the
    new number. Progress is shown on `screen`: bars on a terminal, otherwise lines.

    With several devices, Lightning starts a process for each from the same command line, and all of them run
    this function; only the first writes files and calls `announce`.

    Raises:
        UsageError: the folder, the initial weights or the devices do not fit the plan.
        EdgewiseError: the training diverged, or a file cannot be read or written.
        MissingDependencyError: Lightning is not installed.
        KeyboardInterrupt: the user stopped the training; it can be resumed.
    """
    first = is_first()
    if resume and first:
        run.check(plan.out, plan.to_json())
    rows = run.history(plan.out) if resume else []
    if resume and first:
        announce(_where(plan, rows))
    if not run.is_finished(rows, plan.recipe):
        fit = _prepared(plan, screen)
        if first:  # only now is the plan known to be valid
            (run.extend if resume else run.begin)(plan.out, plan.to_json())
        rows = fit(plan.out / run.LAST if rows else None)
    best = run.best(rows)
    return TrainingResult(
        path=plan.out / run.MODEL,
        top1=best["val_top1"],
        ece=best["val_ece"],
        epochs=len(rows),
        seconds=sum(row["seconds"] for row in rows),
        stopped_early=len(rows) < plan.recipe.epochs,
    )


def _where(plan: Plan, rows: list[run.Row]) -> str:
    if len(rows) >= plan.recipe.epochs:
        return f"{plan.out}: this run is already finished ({len(rows)} epochs); --epochs with more extends it"
    if run.is_stopped(rows, plan.recipe):
        return (
            f"{plan.out}: this run is already finished ({len(rows)} epochs), because --patience "
            f"{plan.recipe.patience} ended it"
        )
    if not rows:
        return f"{plan.out}: this run has no completed epoch; starting again"
    return f"{plan.out}: resuming after epoch {len(rows)} of {plan.recipe.epochs}"


def _prepared(plan: Plan, screen: "Console | None") -> Callable[[Path | None], list[run.Row]]:
    """Set up Lightning's loop, which starts fresh or from a checkpoint and returns the epochs of the run."""
    import lightning

    from .callbacks import EpochRecorder, RunningMean, ThreadFailures
    from .loader import TrainingPictures
    from .trainer import interruptible, make_trainer, progress, quiet

    recipe = plan.recipe
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    learner = _learner(plan)
    mean = RunningMean(recipe.ema) if recipe.ema else None
    store = _store(plan, lambda: mean.network if mean else learner.network)
    recorder = EpochRecorder(plan.out, recipe, store, partial(_tell, plan))
    data = TrainingPictures(plan.dataset, plan.preprocess, recipe, plan.workers)
    failures = ThreadFailures()
    callbacks = [failures, *progress(recipe.epochs, screen), *([mean] if mean else []), recorder]
    with quiet():
        trainer = make_trainer(plan, callbacks)

    def fit(last: Path | None) -> list[run.Row]:
        with quiet(), interruptible(), failures:
            trainer.loggers[0].log_hyperparams(recipe.to_json())
            trainer.fit(learner, datamodule=data, ckpt_path=last, weights_only=True)
        return recorder.history

    return fit


def _tell(plan: Plan, path: Path, answers: dict[int, tuple[int, float]]) -> None:
    """Write the answers to validation pictures, which come by their numbers, with classes as numbers."""
    data = plan.dataset
    names, labels = data.labels.names, data.val.labels
    rows = [
        ValidationAnswer(
            printable(picture_name(data.val.files, index)),
            names[labels[index]],
            names[answer],
            round(share, 6),
        )
        for index, (answer, share) in sorted(answers.items())
    ]
    write_file(path, to_csv(ValidationAnswer, rows))


def _learner(plan: Plan) -> "Learner":
    from ..weights.fitting import head
    from .module import Learner
    from .start import begin, set_dropout
    from .tune import layer_groups
    from .unfold import unfold

    architecture, classes = find(plan.name), len(plan.dataset.labels)
    network = begin(architecture, classes, plan.start, plan.origin)
    if plan.start is not None:
        unfold(network, _glimpse(plan))
    if plan.recipe.dropout is not None:
        set_dropout(network, plan.recipe.dropout)
    if plan.recipe.progressive < 1:
        progressive.check(network, plan.recipe, plan.preprocess.shape)
    groups = layer_groups(network, head(architecture))
    weights = class_weights(plan.dataset.train.labels, classes) if plan.recipe.balance else None
    return Learner(network, plan.recipe, groups, classes, weights)


def _glimpse(plan: Plan) -> "Iterator[Tensor]":
    """A sample of the training pictures, evenly spaced, with the preprocessing of the evaluation."""
    import torch

    samples, count = plan.dataset.train, len(plan.dataset.train)
    chosen = [place * count // min(count, _GLIMPSE) for place in range(min(count, _GLIMPSE))]
    for start in range(0, len(chosen), _BATCH):
        pictures = [plan.preprocess(samples.read(index)) for index in chosen[start : start + _BATCH]]
        yield torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def _store(plan: Plan, network: "Callable[[], nn.Module]") -> "Store":
    """A function that writes the result of `network()` as a checkpoint for `load_model`."""
    architecture, data = find(plan.name), plan.dataset
    origin = Origin("trained", f"{architecture.title} trained by edgewise on {data.description}", "")
    spec = ModelSpec(architecture.name, plan.preprocess, data.labels, origin)
    libraries = [*_LIBRARIES, *({"timm"} & {architecture.library})]

    def store(path: Path, rows: list[run.Row]) -> None:
        row = rows[-1]
        record = {
            "recipe": plan.recipe.to_json(),
            "epoch": row["epoch"],
            "top1": round(row["val_top1"], 6),
            "ece": round(row["val_ece"], 6),
            "loss": round(row["val_loss"], 6),
            "judged_on": f"{len(data.val):,} pictures of {data.description}",
            "started_from": plan.origin,
            "seconds": round(sum(row["seconds"] for row in rows), 1),
            "versions": {library: importlib.metadata.version(library) for library in libraries},
        }
        checkpoint.save(path, network().state_dict(), spec, record)

    return store
