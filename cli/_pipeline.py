"""The main job, step by step: load, calibrate, export, compare, quantize, judge, time, write."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..export import exporter
from ..export._artifact import Artifact, Bundle, write_bundle
from ..export._atomic import refuse_foreign
from ..export._graph import trace
from ..models.errors import AccuracyError, EdgewiseError
from ..models.weights import Model, Overrides, load_model
from ..quantize import quantizer
from ..quantize._calibration import Calibration, from_folder, generated
from ..quantize._refine import refine
from ..runtime import Session, evaluation, golden, machine, open_session, stats
from ..runtime.evaluation import answers
from ..runtime.latency import Latency, measure
from ..runtime.layers import LayerError, worst_layers
from ..runtime.reference import TorchSession
from ..runtime.stats import Parity
from ..runtime.tflite import Structure, structure
from ..runtime.verify import Limits, Verification, judge, require_parity
from ._terminal import Terminal

_LIBRARIES = (
    "edgewise",
    "torch",
    "torchvision",
    "litert-torch",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "pillow",
)
_PARITY_PICTURES = 8
_LAYER_PICTURES, _WORST_LAYERS = 4, 8
_THREADS = 2  # for verification, where the number changes no bit (measured with 1, 2 and 4)


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None stands for a default that depends on the rest."""

    name: str
    target: str
    precision: str
    io: str
    weights: str
    overrides: Overrides
    calib: Path | None
    calib_count: int | None
    seed: int
    data: Path | None
    eval_count: int
    limits: Limits
    force: bool
    out: Path | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The bundle and what was measured on the way; `float_bytes` is the size of the float file."""

    bundle: Bundle
    parity: Parity
    verification: Verification
    structure: Structure
    latency: Latency
    float_bytes: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Files:
    """The float file and the one to ship, which may be the same.

    `sessions` are those to compare: the float file's (the network's own where that ships), the shipped one's.
    """

    exact: Artifact
    shipped: Artifact
    parity: Parity
    sessions: tuple[Session, Session]

    @property
    def quantized(self) -> bool:
        return self.shipped is not self.exact


class GateError(AccuracyError):
    """The accuracy gate, with the layers that lose most."""

    def __init__(self, message: str, layers: list[LayerError]) -> None:
        super().__init__(message)
        self.layers = layers


def run(request: Request, terminal: Terminal) -> Outcome:
    """Do the main job. A gate that fails raises its error, and then nothing is written."""
    exporter(request.target)  # a wrong name is refused before anything takes time,
    if request.out is not None:
        refuse_foreign(request.out)  # and so is a folder that holds something else
    with terminal.stage("Load the network"):
        model = load_model(request.name, request.weights, request.overrides, terminal.announce)
    with terminal.stage("Prepare calibration pictures"):
        calibration = _calibration(request, model)
        pictures = evaluation.choose(
            model.spec, request.data, request.eval_count, calibration.unused, request.seed
        )
        evaluation.refuse_overlap(pictures, calibration.digests)
    with tempfile.TemporaryDirectory(prefix="edgewise-") as work:
        files = _convert(request, model, calibration, Path(work), terminal)
        found = _read_back(files.shipped)
        with terminal.stage(f"Judge by {pictures.count} pictures") as progress:
            answered = answers(files.sessions, pictures, model.spec.preprocess, progress)
            verification = judge(answered, pictures, request.limits)
        _gate(verification, files.shipped, calibration, force=request.force, terminal=terminal)
        with terminal.stage("Measure latency"):
            latency = _latency(files, calibration)
        with terminal.stage("Write the bundle"):
            record = {
                "parity": asdict(files.parity),
                "verification": verification.to_json(),
                "structure": asdict(found),
                "calibration": calibration.to_json() if files.quantized else None,
                "latency": asdict(latency),
                "training": model.record,
                "machine": machine.describe(),
                "versions": {name: version(name) for name in _LIBRARIES},
            }
            bundle = _write(request, model, files, record)
        size = files.exact.path.stat().st_size
    return Outcome(bundle, files.parity, verification, found, latency, size, terminal.seconds)


def _convert(
    request: Request, model: Model, calibration: Calibration, work: Path, terminal: Terminal
) -> _Files:
    """Make the float file, compare it with the network, and quantize it if that was asked for."""
    original, preprocess = TorchSession(model.network), model.spec.preprocess
    with terminal.stage("Capture the graph"):
        network = trace(model.network, preprocess.size)
    with terminal.stage(f"Convert to {request.target}"):
        exact = exporter(request.target).export(network, model.spec, work / f"fp32.{request.target}")
    with terminal.stage("Compare with PyTorch") as progress:
        session = open_session(exact.path, request.target, _THREADS)
        seen = evaluation.given(calibration.pixels[:_PARITY_PICTURES], calibration.source)
        answered = answers([original, session], seen, preprocess, progress)
        parity = require_parity(stats.parity(*answered.logits))
    if request.precision == "fp32":
        return _Files(exact, exact, parity, (original, session))
    with terminal.stage("Equalize channels, correct biases"):
        refined = refine(network, calibration)
    with terminal.stage("Quantize to INT8"):
        path = work / f"w8a8.{request.target}"
        shipped = quantizer(request.target).quantize(exact, refined, calibration, request.io, path)
    return _Files(exact, shipped, parity, (session, open_session(shipped.path, request.target, _THREADS)))


def _write(request: Request, model: Model, files: _Files, record: dict[str, Any]) -> Bundle:
    sample = golden.sample(model.spec.preprocess, TorchSession(model.network), files.sessions[1])
    folder = request.out or Path("dist") / files.shipped.bundle_name
    return write_bundle(folder, files.shipped, files.exact if files.quantized else None, sample, record)


def _calibration(request: Request, model: Model) -> Calibration:
    preprocess = model.spec.preprocess
    if request.calib is None:
        return generated(preprocess, request.calib_count, request.seed)
    return from_folder(request.calib, preprocess, request.calib_count, request.seed)


def _read_back(artifact: Artifact) -> Structure:
    """What the file really is.

    Raises:
        EdgewiseError: a file called w8a8 computes in float somewhere.
    """
    found = structure(artifact.path)
    if artifact.precision == "w8a8" and found.float_operators:
        raise EdgewiseError(
            f"the quantizer left {found.float_operators} operators of {artifact.spec.name} in float, so the "
            "file is not w8a8 and was not written; export it with --precision fp32"
        )
    return found


def _gate(
    verification: Verification,
    shipped: Artifact,
    calibration: Calibration,
    *,
    force: bool,
    terminal: Terminal,
) -> None:
    try:
        verification.require()
    except AccuracyError as error:
        if force:
            terminal.announce(f"{error}. Written all the same, because of --force")
            return
        layers: list[LayerError] = []
        if shipped.source is not None:
            with terminal.stage("Find the layers that lose most"):
                pictures = calibration.batch(_LAYER_PICTURES)
                layers = worst_layers(shipped.source, shipped.path, pictures, _WORST_LAYERS)
        raise GateError(f"{error}. Nothing was written; --force writes it all the same", layers) from error


def _latency(files: _Files, calibration: Calibration) -> Latency:
    exact, shipped = (
        open_session(file.path, file.target, threads=1) for file in (files.exact, files.shipped)
    )
    return measure(exact, shipped if files.quantized else None, calibration.batch(1))
