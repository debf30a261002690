"""The main job, step by step: load, calibrate, export, compare, quantize, judge, time, write."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from ..export import exporter
from ..export._artifact import Artifact, Bundle, write_bundle
from ..export._graph import trace
from ..models.errors import AccuracyError, EdgewiseError
from ..models.weights import Model, Overrides, load_model
from ..quantize import quantizer
from ..quantize._calibration import Calibration, from_folder, generated
from ..quantize._refine import refine
from ..runtime import Session, evaluation, golden, machine, open_session, stats
from ..runtime.evaluation import Pictures, answers
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
_PARITY_PICTURES = 16
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


class GateError(AccuracyError):
    """The accuracy gate, with the layers that lose most."""

    def __init__(self, message: str, layers: list[LayerError]) -> None:
        super().__init__(message)
        self.layers = layers


def run(request: Request, terminal: Terminal) -> Outcome:
    """Do the main job. A gate that fails raises its error, and then nothing is written."""
    exporter(request.target)  # a wrong name is refused before anything takes time
    with terminal.stage("Load the network"):
        model = load_model(request.name, request.weights, request.overrides, terminal.announce)
    with terminal.stage("Prepare calibration pictures"):
        calibration = _calibration(request, model)
        pictures = evaluation.choose(
            model.spec, request.data, request.eval_count, calibration.unused, request.seed
        )
        evaluation.refuse_overlap(pictures, calibration.digests)
    with tempfile.TemporaryDirectory(prefix="edgewise-") as work:
        return _prove(request, model, calibration, pictures, Path(work), terminal)


def _prove(
    request: Request,
    model: Model,
    calibration: Calibration,
    pictures: Pictures,
    work: Path,
    terminal: Terminal,
) -> Outcome:
    original, preprocess = TorchSession(model.network), model.spec.preprocess
    with terminal.stage("Capture the graph"):
        network = trace(model.network, preprocess.size)
    with terminal.stage(f"Convert to {request.target}"):
        exact = exporter(request.target).export(network, model.spec, work / f"fp32.{request.target}")
    with terminal.stage("Compare with PyTorch") as progress:
        exact_session = open_session(exact.path, request.target, _THREADS)
        seen = evaluation.given(calibration.pixels[:_PARITY_PICTURES], calibration.source)
        answered = answers([original, exact_session], seen, preprocess, progress)
        parity = require_parity(stats.parity(*answered.logits))
    shipped, sessions = exact, [original, exact_session]
    if request.precision == "w8a8":
        with terminal.stage("Equalize channels, correct biases"):
            refined = refine(network, calibration)
        with terminal.stage("Quantize to INT8"):
            path = work / f"w8a8.{request.target}"
            shipped = quantizer(request.target).quantize(exact, refined, calibration, request.io, path)
        sessions = [exact_session, open_session(shipped.path, request.target, _THREADS)]
    found = _read_back(shipped)
    with terminal.stage(f"Judge by {pictures.count} pictures") as progress:
        answered = answers(sessions, pictures, preprocess, progress)
        verification = judge(answered, pictures, request.limits)
    _gate(verification, shipped, calibration, force=request.force, terminal=terminal)
    with terminal.stage("Measure latency"):
        latency = _latency(exact, shipped, calibration)
    with terminal.stage("Write the bundle"):
        record = {
            "parity": asdict(parity),
            "verification": verification.to_json(),
            "structure": asdict(found),
            "calibration": calibration.to_json() if shipped is not exact else None,
            "latency": asdict(latency),
            "training": model.record,
            "machine": machine.describe(),
            "versions": {name: version(name) for name in _LIBRARIES},
        }
        sample = golden.sample(preprocess, original, sessions[1])
        folder = request.out or Path("dist") / shipped.bundle_name
        bundle = write_bundle(folder, shipped, None if shipped is exact else exact, sample, record)
    size = exact.path.stat().st_size
    return Outcome(bundle, parity, verification, found, latency, size, terminal.seconds)


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


def _latency(exact: Artifact, shipped: Artifact, calibration: Calibration) -> Latency:
    sessions: list[Session] = [open_session(file.path, file.target, threads=1) for file in (exact, shipped)]
    return measure(sessions[0], None if shipped is exact else sessions[1], calibration.batch(1))
