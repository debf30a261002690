"""The INT8 files that test the gate: healthy and damaged, made once, and what they answer.

Answers of every file are kept in a folder as soon as they are there, so a run that was stopped goes on.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from faults import FAULTS, Fault, damaged
from gate_networks import NETWORKS
from numpy.typing import NDArray

from edgewise.models.model import Model
from edgewise.pipeline.progress import Journal
from edgewise.pipeline.workshop import Twin, Workshop
from edgewise.quantize.calibration import Calibration, generated
from edgewise.quantize.recipe import Recipe
from edgewise.runtime import Session, open_session, runtime
from edgewise.runtime.judge import evaluation

_FLOAT = "float"
_CALIBRATION = 64  # photographs that calibrate and are never judged by
_PLAIN = Recipe(equalize=False, correct=False)
_SAFE = Recipe(no_overflow=True)


@dataclass(frozen=True, slots=True)
class Variant:
    """An INT8 file that a user could get: how it is made, and whether its products are added in 32 bits."""

    title: str
    recipe: Recipe
    calibration: str = "photographs"
    exact: bool = False


HEALTHY = Variant("as exported", Recipe())
_CALIBRATIONS = (
    "8 photographs",
    "generated pictures",
    "photographs of half the contrast",
    "photographs of a fifth of the contrast",
)
VARIANTS = {
    "tflite": (
        HEALTHY,
        Variant("one scale a weight", Recipe(per_channel=False)),
        Variant("neither equalized nor corrected", _PLAIN),
        # Not refined, because the refined network is that of the first calibration.
        *(Variant(f"calibrated by {name}, not corrected", _PLAIN, name) for name in _CALIBRATIONS),
    ),
    "onnx": (
        Variant("as exported", _SAFE),
        Variant("as exported for Arm, run here", HEALTHY.recipe),
        Variant("as exported for Arm, computed as there", HEALTHY.recipe, exact=True),
        Variant(
            "calibrated by generated pictures, not corrected",
            Recipe(equalize=False, correct=False, no_overflow=True),
            "generated pictures",
        ),
    ),
    "openvino": (
        Variant("as exported", _SAFE),
        Variant("as exported for Arm, run here", HEALTHY.recipe),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Logits of the files of a network, the float file first: (files, pictures, classes)."""

    titles: list[str]
    photos: NDArray[np.float32]
    labels: NDArray[np.int64]
    leaves: NDArray[np.float32]


class Made:
    """The files of a network for one target, each made when it is asked for."""

    def __init__(self, network: str, target: str, shared: Path, results: Path, folder: Path) -> None:
        self._source, self._target, self._folder = NETWORKS[network], target, folder
        self._places = shared, results

    def titled(self) -> Iterator[tuple[str, Callable[[], Session]]]:
        """Titles, and what makes and opens the file."""
        yield _FLOAT, lambda: self._twin.session
        for variant in VARIANTS[self._target]:
            yield variant.title, partial(self._variant, variant)
        for fault in FAULTS if self._target == "tflite" else ():
            yield fault.title, partial(self._faulty, fault)

    def _variant(self, variant: Variant) -> Session:
        return self._open(self._quantized(variant), exact=variant.exact)

    def _faulty(self, fault: Fault) -> Session:
        return self._damaged(damaged(self._healthy, fault))

    @cached_property
    def model(self) -> Model:
        """The network."""
        found: Model = self._source.load(*self._places)
        return found

    @cached_property
    def pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
        """Pixels of the photographs that calibrate, of those that judge, and the labels of the latter."""
        photos = evaluation.from_folder(self._source.photographs(*self._places), self.model.spec)
        order = np.random.default_rng(0).permutation(photos.count)
        pixels = np.stack([photos.read(index, self.model.spec.preprocess) for index in order.tolist()])
        labels = np.asarray(photos.labels)[order[_CALIBRATION:]]
        return pixels[:_CALIBRATION], pixels[_CALIBRATION:], labels

    @cached_property
    def leaves(self) -> NDArray[np.uint8]:
        """Pixels of the generated pictures that count."""
        asked, prepare = evaluation.unlabelled(seed=0), self.model.spec.preprocess
        found = evaluation.answers([self._twin.session], asked, prepare, _silent)
        return np.stack([asked.read(int(index), prepare) for index in found.indices])

    def answers(self, session: Session, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits for the pixels, (N, classes)."""
        given = evaluation.given(pixels, "pictures")
        return evaluation.answers([session], given, self.model.spec.preprocess, _silent).logits[0]

    @cached_property
    def _workshop(self) -> Workshop:
        calibration = self._calibration("photographs")
        return Workshop(self.model, calibration, self._folder, Journal())

    @cached_property
    def _twin(self) -> Twin:
        return self._workshop.twin(self._target)

    @cached_property
    def _healthy(self) -> bytes:
        return self._quantized(HEALTHY).read_bytes()

    def _quantized(self, variant: Variant) -> Path:
        self._workshop.calibration = self._calibration(variant.calibration)
        return self._workshop.quantized(self._twin, variant.recipe).artifact.path

    def _calibration(self, name: str) -> Calibration:
        pixels, prepare = self.pictures[0], self.model.spec.preprocess
        if name == "generated pictures":
            return generated(prepare, 32, 0)
        chosen = {
            "photographs": pixels,
            "8 photographs": pixels[:8],
            "photographs of half the contrast": (pixels[:32] // 2 + 64).astype(np.uint8),
            "photographs of a fifth of the contrast": (pixels[:32] // 5 + 102).astype(np.uint8),
        }
        return Calibration(chosen[name], name, 0, prepare)

    def _damaged(self, content: bytes) -> Session:
        path = self._folder / "damaged.tflite"
        path.write_bytes(content)
        return self._open(path, exact=False)

    def _open(self, path: Path, *, exact: bool) -> Session:
        return runtime(self._target).open_exact(path, 1) if exact else open_session(path, self._target, 1)


def kept(network: str, target: str, shared: Path, results: Path, *, make_missing: bool = True) -> Answered:
    """The answers of a network's files, from the folder of results where they are there."""
    folder = results / f"{network}-{target}"
    folder.mkdir(parents=True, exist_ok=True)
    stored = {}
    with tempfile.TemporaryDirectory() as work:
        made = Made(network, target, shared, results, Path(work))
        for title, make in made.titled():
            path = folder / f"{_slug(title)}.npz"
            if not path.is_file():
                if not make_missing:
                    continue
                _keep(path, made, make())
            with np.load(path) as file:
                stored[title] = {name: file[name] for name in file.files}
    first, files = stored[_FLOAT], stored.values()
    photos, leaves = (np.stack([file[name] for file in files]) for name in ("photos", "leaves"))
    return Answered([*stored], photos, first["labels"], leaves)


def _keep(path: Path, made: Made, session: Session) -> None:
    seen, labels = made.pictures[1:]
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, photos=made.answers(session, seen), leaves=made.answers(session, made.leaves), labels=labels
        )
    part.replace(path)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _silent(done: int, total: int) -> None:
    """Progress that is not shown."""
    del done, total
