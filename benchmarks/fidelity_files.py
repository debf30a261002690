"""The INT8 files whose fidelity is measured, each made once, and what they answer for the photographs.

Answers are kept in a folder as soon as they are there, so a run that was stopped goes on.
"""

import re
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import edgewise
from edgewise.export import exporter
from edgewise.export.artifact import Artifact
from edgewise.export.graph import Network, trace
from edgewise.models.model import Model
from edgewise.models.spec import Tensor32
from edgewise.quantize import quantizer
from edgewise.quantize.calibration import Calibration, from_folder, generated
from edgewise.quantize.recipe import Recipe
from edgewise.quantize.refine import Refined, refine
from edgewise.quantize.refine.simulation import rounded_nodes, simulate
from edgewise.runtime import Session, runtime
from edgewise.runtime.judge import evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

WEIGHTS = {
    "mobilenetv2": "mobilenet_v2-imagenet.pth",
    **{f"efficientnetlite{size}": f"efficientnet_lite{size}-imagenet.pth" for size in range(3)},
}
CALIBRATIONS = ("photographs", "generated")
TARGETS = ("tflite", "onnx", "openvino")
_CHOSEN = "least-error"
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Method:
    """How a file is prepared; without `refined`, the library quantizes the plain float file."""

    title: str
    recipe: Recipe
    refined: bool = True


@dataclass(frozen=True, slots=True)
class Grid:
    """Which integers weights may have, on which targets, and the methods that are compared."""

    title: str
    change: "Callable[[Recipe], Recipe]"
    targets: tuple[str, ...]
    methods: tuple[Method, ...]


_LIBRARY = Method("library alone", Recipe(), refined=False)
_DEFAULT = Method("edgewise", Recipe())
_LEARNED = Method("edgewise, learned rounding", Recipe(learn=True))
_RANGES = Method("edgewise, chosen ranges", Recipe(ranges=_CHOSEN))
_BOTH = Method("edgewise, chosen ranges, learned rounding", Recipe(ranges=_CHOSEN, learn=True))
GRIDS = (
    Grid("w8a8", lambda recipe: recipe, TARGETS, (_DEFAULT, _RANGES, _BOTH, _LIBRARY)),
    Grid(
        "w8a8, cannot saturate",
        lambda recipe: replace(recipe, no_overflow=True),
        TARGETS[1:],
        (_DEFAULT, _BOTH),
    ),
    Grid(
        "w8a8 per tensor",
        lambda recipe: replace(recipe, per_channel=False),
        TARGETS,
        (_DEFAULT, _LEARNED, _BOTH, _LIBRARY),
    ),
)
BOUNDS = {"measured ranges": "min-max", "chosen ranges": _CHOSEN}


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One file: how it was calibrated and made."""

    calibration: str
    grid: str
    method: str
    target: str


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a file answers, (pictures, classes), its size, and the seconds that refinement took."""

    logits: Tensor32
    size: int = 0
    seconds: float = 0.0


class Files:
    """The files of one network; `results` keeps what they answer."""

    def __init__(self, network: str, places: tuple[Path, Path, Path], results: Path, work: Path) -> None:
        self._network, self._work, self._results = network, work, results / network
        self._weights, self._calib, self._data = places
        self._refined: dict[tuple[str, Recipe], tuple[Refined, float]] = {}
        self._results.mkdir(parents=True, exist_ok=True)

    def answered(self, grids: tuple[Grid, ...], *, make: bool) -> "Iterator[tuple[Case, Answered]]":
        """Each file of the grids, made where it is missing if `make` says so."""
        for calibration in CALIBRATIONS:
            for grid in grids:
                for method in grid.methods:
                    if calibration == "generated" and method not in (_DEFAULT, _LIBRARY):
                        continue  # only photographs choose ranges and integers
                    recipe = grid.change(method.recipe)
                    for target in grid.targets:
                        case = Case(calibration, grid.title, method.title, target)
                        path = self._results / f"{_slug(case)}.npz"
                        if make and not path.is_file():
                            keep(path, self._made(calibration, recipe, target, refined=method.refined))
                        if path.is_file():
                            yield case, read(path)

    def exact(self) -> Answered:
        """What the float network answers."""
        path = self._results / "float.npz"
        if not path.is_file():
            import torch

            with torch.no_grad():
                planes = self._planes()
                logits = np.concatenate([self._graph(batch).numpy() for batch in planes])
            keep(path, Answered(logits))
        return read(path)

    def bounds(self, *, make: bool) -> "Iterator[tuple[str, str, Answered]]":
        """The simulated network with float weights and INT8 activations, by calibration and ranges."""
        for calibration in CALIBRATIONS:
            for title, rule in BOUNDS.items():
                if calibration == "generated" and rule == _CHOSEN:
                    continue
                path = self._results / f"activations-{calibration}-{rule}.npz"
                if make and not path.is_file():
                    keep(path, self._activations(calibration, rule))
                if path.is_file():
                    yield calibration, title, read(path)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each photograph."""
        return np.asarray(self._photographs.labels)

    @cached_property
    def _model(self) -> Model:
        found: Model
        if self._network in WEIGHTS:
            weights = self._weights / WEIGHTS[self._network]
            found = edgewise.load_model(self._network, weights=weights, mean=0.5, std=0.5)
        else:
            found = edgewise.load_model(self._weights / f"{self._network}.safetensors")
        return found

    @cached_property
    def _graph(self) -> Network:
        return trace(self._model.network, self._model.spec.preprocess.shape)

    @cached_property
    def _photographs(self) -> evaluation.Pictures:
        return evaluation.from_folder(self._data, self._model.spec)

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        prepare = self._model.spec.preprocess
        read = self._photographs.read
        return np.stack([read(number, prepare) for number in range(self._photographs.count)])

    @cached_property
    def _calibrations(self) -> dict[str, Calibration]:
        prepare = self._model.spec.preprocess
        return {
            "photographs": from_folder(self._calib, prepare, None, 0),
            "generated": generated(prepare, None, 0),
        }

    @cached_property
    def _floats(self) -> dict[str, Artifact]:
        return {
            target: exporter(target).export(self._graph, self._model.spec, self._work / f"float.{target}")
            for target in TARGETS
        }

    def _made(self, calibration: str, recipe: Recipe, target: str, *, refined: bool) -> Answered:
        pictures, path = self._calibrations[calibration], self._work / f"int8.{target}"
        found, seconds = self._refine(calibration, recipe) if refined else (None, 0.0)
        made = quantizer(target).quantize(self._floats[target], found, pictures, recipe, path)
        size = sum(file.stat().st_size for file in made.files.values())
        return Answered(self._answers(runtime(target).open_exact(made.path, 1)), size, seconds)

    def _refine(self, calibration: str, recipe: Recipe) -> tuple[Refined, float]:
        key = calibration, recipe
        if key not in self._refined:
            start = time.perf_counter()
            found = refine(self._graph, self._calibrations[calibration], recipe)
            self._refined = {key: (found, time.perf_counter() - start)}  # the last alone, to save memory
        return self._refined[key]

    def _answers(self, session: Session) -> Tensor32:
        prepare = self._model.spec.preprocess
        seen = evaluation.given(self._pixels, "photographs")
        found: Tensor32 = evaluation.answers([session], seen, prepare, _silent).logits[0]
        return found

    def _planes(self) -> "Iterator[torch.Tensor]":
        import torch

        prepare = self._model.spec.preprocess
        for start in range(0, len(self._pixels), _BATCH):
            pixels = self._pixels[start : start + _BATCH]
            yield torch.from_numpy(prepare.normalise(pixels)).permute(0, 3, 1, 2)

    def _activations(self, calibration: str, rule: str) -> Answered:
        import torch

        recipe = Recipe(correct=False, ranges=rule)
        refined, seconds = self._refine(calibration, recipe)
        assert refined.measured is not None  # noqa: S101 - activations are rounded
        by_name = refined.measured.ranges(rule)
        ranges = {node: by_name[node.name] for node in rounded_nodes(refined.network, recipe)}
        with torch.no_grad():
            found = [
                simulate(refined.network, batch, recipe, weights=False, ranges=ranges).quantized.numpy()
                for batch in self._planes()
            ]
        return Answered(np.concatenate(found), seconds=seconds)


def keep(path: Path, found: Answered) -> None:
    """Write it at once or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, logits=found.logits, size=found.size, seconds=found.seconds)
    part.replace(path)


def read(path: Path) -> Answered:
    """What `keep` wrote."""
    with np.load(path) as file:
        return Answered(file["logits"], int(file["size"]), float(file["seconds"]))


def _slug(case: Case) -> str:
    text = f"{case.calibration} {case.grid} {case.method} {case.target}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _silent(done: int, total: int) -> None:
    """Progress that is not shown."""
    del done, total
