"""From labelled pictures to a checkpoint that `convert` takes as it is."""

import importlib
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..export.artifact import file_stem
from ..models.data import open_dataset, require_dataset
from ..models.errors import EdgewiseError, unknown
from ..models.files import is_full, write_file
from ..models.overrides import Channels, Overrides, PathLike, Resize
from ..models.sizes import Size, both
from ..models.training import run
from ..models.training.engine import train as run_plan
from ..models.training.plan import Plan, TrainingResult
from ..models.training.process import is_first
from ..models.training.recipe import TrainingRecipe
from ..models.training.starting import starting_point
from ..models.weights.names import require_model, require_weights
from ..models.zoo import find
from ..runtime.judge.evaluation import Pictures
from .checks import require_writable
from .document import document
from .progress import Journal, Progress
from .report import MOST, require, training_page, warnings, worst
from .report import thumbnails as pictures_of

_REPORT = "report.html"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Training:
    """The result of `train`: the plan that was followed, and the checkpoint with its figures.

    `report` is the page about the run, or None.
    """

    plan: Plan
    result: TrainingResult
    report: Path | None = None
    notices: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The checkpoint, which `convert` takes."""
        return self.result.path

    @property
    def top1(self) -> float:
        """Its top-1 accuracy on the validation pictures, from 0 to 1."""
        return self.result.top1

    def __repr__(self) -> str:
        found, pictures = self.result, len(self.plan.dataset.val)
        epochs = "1 epoch" if found.epochs == 1 else f"{found.epochs} epochs"
        scores = f"top-1 {found.top1:.2%} on {pictures} pictures after {epochs}"
        return f"<Training {self.plan.name}: {scores}; {found.path}>"

    def to_json(self) -> dict[str, Any]:
        """The document `training`."""
        content = asdict(self.result) | {"path": str(self.result.path)}
        content["report"] = None if self.report is None else str(self.report)
        return document("training", **content, notices=list(self.notices))


def train(
    model: PathLike,
    data: PathLike,
    *,
    weights: PathLike = "auto",
    mean: Channels | None = None,
    std: Channels | None = None,
    imgsz: Size | None = None,
    resize: Resize | None = None,
    channels: int | None = None,
    interpolation: str | None = None,
    val_share: float = 0.1,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    workers: int = 0,
    out: PathLike | None = None,
    resume: bool = False,
    report: bool = True,
    thumbnails: bool = True,
    progress: Progress | None = None,
    **recipe: Any,
) -> Training:
    """Train a network and write a checkpoint with its weights, classes, preprocessing, recipe and metrics.

        trained = edgewise.train("mobilenetv2", "photos", epochs=10, learning_rate=0.05)
        edgewise.convert(trained.path, int8=True, data="photos")

    Args:
        model: A network of the zoo, or what else `convert` takes as a model.
        data: Folder of class folders, or of `train/` and `val/` that hold them; or `shapes`.
        weights: What to begin with: `imagenet`, `bundled`, `random`, or a file; `auto` takes `imagenet`
            where available, otherwise `random`.
        mean: Mean of the pixels on the [0, 1] scale, one number or three.
        std: Standard deviation of the pixels, in the same form.
        imgsz: Size of the network's input in pixels: the side of a square, or (height, width).
        resize: How a picture is resized before its centre is cropped, in pixels: the length of its shorter
            side, (height, width) whatever its proportions, or `squash` for the size of the input.
        channels: Channels of the network's input, 3 for RGB or 1 for grey; what the network takes without it.
        interpolation: Filter that resizes pictures: `nearest`, `box`, `bilinear`, `hamming`, `bicubic` or
            `lanczos`; that of the weights without it, or `bilinear`.
        val_share: Part of each class that validates, where `data` has no `val/`.
        devices: GPUs, or processes, on each machine.
        nodes: Machines.
        accelerator: `auto`, `cpu` or `gpu`.
        workers: Processes that read pictures.
        out: The run's folder; `runs/NAME` without it.
        resume: Continue the run in that folder from its last complete epoch, for as many epochs as it was
            begun with, or for more, which then follow the learning rate schedule of the new number.
        report: Write report.html into the run's folder: curves, confusions, worst classes and pictures.
        thumbnails: Show pictures that are answered wrong in report.html; leave private ones out with False.
        progress: Receives stages and notices; silent without it. Where it has a `console` of rich, epochs
            are shown there.
        recipe: Fields of `TrainingRecipe`, such as `epochs` and `batch`, that replace its defaults.

    Raises:
        UsageError: The folder, the weights or the recipe cannot be used.
        MissingDependencyError: Lightning is not installed.
        EdgewiseError: The training diverged, or a file cannot be read or written.
    """
    known = TrainingRecipe.__dataclass_fields__
    if odd := [key for key in recipe if key not in known]:
        raise unknown("training option", odd[0], known)
    given = {key: value for key, value in recipe.items() if value is not None}
    TrainingRecipe(**given)  # what cannot be, before anything takes time
    if report:
        require()
    name = os.fspath(model)
    folder = run_folder(name, out)
    if is_first() and folder is not None:
        (run.require_begun if resume else run.require_free)(folder)
        require_writable(folder)
    require_model(name)
    require_weights(os.fspath(weights))
    require_dataset(os.fspath(data))
    first = is_first()
    journal = Journal(progress, 3 + (report and first))
    with journal.stage("Load the network"):
        overrides = Overrides.of(
            mean=mean, std=std, imgsz=imgsz, resize=resize, channels=channels, interpolation=interpolation
        )
        start = starting_point(name, os.fspath(weights), overrides, journal.notice)
    base = TrainingRecipe() if start.tensors is None else TrainingRecipe.for_tuning()
    place = folder or _runs(start.name)
    if resume and "epochs" not in given and (planned := run.planned_epochs(place)):
        given["epochs"] = planned
    chosen = replace(base, **given)
    with journal.stage("Read the pictures") as counter:
        dataset = open_dataset(
            str(data),
            val_share=val_share,
            seed=chosen.seed,
            size=max(both(start.preprocess.resize)),
            progress=counter,
        )
    for line in dataset.notes:
        journal.notice(line)
    plan = Plan(
        name=start.name,
        dataset=dataset,
        recipe=chosen,
        preprocess=start.preprocess,
        start=start.tensors_for(dataset.labels.names),
        origin=start.origin,
        out=place,
        devices=devices,
        nodes=nodes,
        accelerator=accelerator,
        workers=workers,
    )
    with journal.stage("Import Lightning"):
        importlib.import_module("lightning")
    console = getattr(progress, "console", None)
    with _room(place):
        result = run_plan(plan, resume=resume, announce=journal.notice, screen=console)
    if not first:
        return Training(plan, result)
    found = run.so_far(plan.out)
    for line in warnings(found.answers):
        journal.notice(line)
    page = None
    if report:
        with journal.stage("Write the report"), _room(place):
            page = _written(plan, found, thumbnails=thumbnails)
    return Training(plan, result, page, tuple(journal.notices))


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Say so where the disk of a run is full, whatever failed to write to it."""
    try:
        yield
    except EdgewiseError:
        raise
    except Exception as error:
        if is_full(error, folder):
            raise EdgewiseError(
                f"{folder}: the disk is full; free some space, then continue the run with --resume. "
                "What was complete is kept"
            ) from error
        raise


def _written(plan: Plan, found: run.RunSoFar, *, thumbnails: bool) -> Path:
    """The page about the run, written into its folder."""
    samples = plan.dataset.val
    pictures = Pictures(
        plan.dataset.description,
        lambda index, preprocess: preprocess.crop(samples.read(index)),
        len(samples),
        files=samples.files,
    )
    shown = worst(found.answers)[:MOST] if thumbnails else []
    images = pictures_of(shown, pictures, plan.preprocess)
    path = plan.out / _REPORT
    command = shlex.join(["edgewise", "export", str(plan.out / run.MODEL), "--to", "tflite", "--int8"])
    write_file(path, training_page(found, images, command).encode("utf-8", "replace"))
    return path


def run_folder(name: str, out: PathLike | None) -> Path | None:
    """The folder of a run; None where its name is known only once a library or a checkpoint is loaded."""
    if out is not None:
        return Path(out)
    return None if ":" in name or Path(name).suffix else _runs(find(name).name)


def _runs(name: str) -> Path:
    return Path("runs") / file_stem(name)
