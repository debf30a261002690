"""The main job, step by step: load, calibrate, convert, quantize, judge, recover, measure, write."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ..export.artifact import bundle_name
from ..export.precision import Precision
from ..models.checkpoint import CHECKPOINT
from ..models.foreign.keras import KerasNetwork, is_keras
from ..models.model import Model
from ..models.overrides import Channels, ClassNames, PathLike, Resize
from ..models.scratch import scratch_folder
from ..models.sizes import Size
from ..models.weights import model_name
from ..models.weights.names import require_model
from ..runtime.bundle import refuse_other_model
from ..runtime.bundle.atomic import refuse_foreign
from ..runtime.judge import evaluation
from ..runtime.judge.ahead import reading_ahead
from . import steps
from .collector import collecting_seldom
from .conversion import Conversion
from .documented import documented
from .failures import Failures
from .load import loaded
from .product import Draft, Product, write
from .progress import Journal, Progress
from .refused import Refusals, forget
from .report import require
from .request import ConvertRequest, ModelLike
from .stability import compared
from .workshop import Workshop


def convert(
    model: ModelLike,
    *,
    to: str | Iterable[str] = "tflite",
    int8: bool = False,
    precision: str | Iterable[str] | None = None,
    per_tensor: bool = False,
    io: str = "float32",
    effort: str = "default",
    processors: str | Iterable[str] = "any",
    weights: PathLike = "auto",
    ema: bool = False,
    mean: Channels | None = None,
    std: Channels | None = None,
    imgsz: Size | None = None,
    resize: Resize | None = None,
    channels: int | None = None,
    interpolation: str | None = None,
    labels: ClassNames | None = None,
    calib: PathLike | None = None,
    calib_count: int | None = None,
    seed: int = 0,
    stability: bool | None = None,
    data: PathLike | None = None,
    eval_count: int = 1200,
    max_drop: float = 1.0,
    min_agreement: float = 0.75,
    min_top1: float | None = None,
    strict: bool = False,
    recover: bool = True,
    recover_budget: float = 300.0,
    max_latency: float | None = None,
    require_speedup: float | None = None,
    force: bool = False,
    all_or_nothing: bool = False,
    report: bool = True,
    thumbnails: bool = True,
    pipeline: PathLike | None = None,
    overwrite: bool = False,
    out: PathLike | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a network, prove the result, and write a bundle for each target and precision.

    A target or precision that fails does not keep the others from being written. The most severe error is
    raised at the end; its `conversion` is the `Conversion` with the bundles that were written and all
    `failures`, or None where one file alone was asked for.

    Args:
        model: A network of the zoo by its name, `timm:NAME`, `torchvision:NAME`, `net.py:factory`, the path
            of a model file (a checkpoint, `.pt2`, `.keras`, `.h5` or a SavedModel), a `torch.nn.Module` in
            memory, or a loaded `Model`, which knows what `weights` to `labels` say.
        to: One or more of `tflite`, `onnx` and `openvino`, or `all`.
        int8: Quantize to INT8, in the form that suits the network and the target best.
        precision: One or more of `fp32`, `fp16`, `w8a32` and `w8a8`; `fp32` without `int8`.
        per_tensor: Give each weight one scale instead of one per output channel.
        io: Type of an INT8 TFLite model's inputs and outputs: `float32`, `int8` or `uint8`.
        effort: How much time INT8 models may take: `fast` calibrates with 32 pictures and leaves out
            `stability`; `best` learns the weights' rounding and the activations' ranges from the photographs
            of `calib`; or `default`.
        processors: What INT8 models are for: `any`, `host`, or one or more of `arm64`, `x86-vnni`,
            `x86-avx2`, `pi4`, `pi5` and `android`.
        weights: `imagenet`, `bundled`, `random`, or the path of a state dict; `auto` takes the first of
            `imagenet` and `bundled` that is available.
        ema: Use the averaged weights (EMA, SWA) of a checkpoint that has raw ones as well.
        mean: Mean of the pixels on the [0, 1] scale, one number or three, for weights that do not record it.
        std: Standard deviation of the pixels, in the same form.
        imgsz: Size of the network's input in pixels: the side of a square, or (height, width).
        resize: How a picture is resized before its centre is cropped, in pixels: the length of its shorter
            side, (height, width) whatever its proportions, or `squash` for the size of the input.
        channels: Channels of the network's input, 3 for RGB or 1 for grey; what the network takes without it.
        interpolation: Filter that resizes pictures: `nearest`, `box`, `bilinear`, `hamming`, `bicubic` or
            `lanczos`; that of the weights without it, or `bilinear`.
        labels: Names of the classes in the order of the network's outputs, or a text file with one per line.
        calib: Folder of calibration pictures; generated pictures without it.
        calib_count: Number of calibration pictures; up to 128 without it.
        seed: Seed for drawing or generating pictures.
        stability: Make each INT8 file from either half of the calibration pictures too, and report how far
            the two differ; None means if `calib` is given.
        data: Labelled folders to measure the drop in accuracy with.
        eval_count: Number of generated pictures that judge bundled weights, at least 12.
        max_drop: Largest loss of top-1 accuracy, in percentage points; estimated where photographs have no
            labels.
        min_agreement: Smallest top-1 agreement with the float model, from 0 to 1, without labels.
        min_top1: Smallest top-1 accuracy of an exported model itself, in percent, on labelled pictures.
        strict: Fail also where the pictures are too few to decide, or cannot prove an accuracy.
        recover: Try other forms where INT8 loses too much.
        recover_budget: Seconds after which no further attempt begins.
        max_latency: Largest CPU time of one picture on this machine, in ms.
        require_speedup: Smallest speed-up of a quantized model over float on this machine.
        force: Write a bundle even if it fails the accuracy gate.
        all_or_nothing: Write no bundle unless every target and precision passes; the first failure ends it.
        report: Write report.html and other files for people into the bundle. For a model that fails a gate,
            write the report alone, as `dist/NAME-TARGET-PRECISION.failed.html`.
        thumbnails: Show pictures whose answer changed in report.html; leave private ones out with False.
        pipeline: Pipeline file to store in the bundle, which `edgewise run` takes.
        overwrite: Replace a bundle that was made from another model.
        out: The bundle's folder, or the folder of several bundles; `dist/NAME-TARGET-PRECISION` without it.
        jobs: Processes that answer pictures, where there are many; one per core without it.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: An option cannot be used, a bundle of another model is in the way, or `min_top1` was
            given without labelled pictures. Nothing was written.
        AccuracyError: A quantized model lost too much and was not written. It is a `GateError`, whose
            `layers` lose most and whose `recovery` was tried.
        ParityError: A converted model does not compute what the network computes.
        LatencyError: A model is slower than the options allow.
        MissingDependencyError: A library is not installed.
        EdgewiseError: A file cannot be read or written.
    """
    options = dict(locals())
    made = run(ConvertRequest(**{key: options[key] for key in options if key != "progress"}), progress)
    made.require_written()
    return made


def run(request: ConvertRequest, progress: Progress | None = None) -> Conversion:
    """Run a checked request; see `convert`. Raises for failures only where nothing was written."""
    # Otherwise torch's threads spin at the end of every small operator: refining MobileNetV2 takes 7 s of CPU
    # time instead of 1.2 s on a busy two-core machine. It is read when torch is loaded, and changes no bit.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if isinstance(request.model, str | os.PathLike):
        require_model(os.fspath(request.model))
    request.require_files()
    if request.report:
        require()
    journal = Journal(progress, _stages(request))
    failures = Failures(journal, at_once=request.is_single or request.all_or_nothing)
    with collecting_seldom(), scratch_folder() as work:
        products = _made(request, journal, work, failures)
    made = Conversion(products, tuple(journal.notices), journal.seconds, tuple(failures.found))
    if not products:
        made.require_written()
    return made


def _made(request: ConvertRequest, journal: Journal, work: Path, failures: Failures) -> tuple[Product, ...]:
    model, title = _loaded(request, journal)
    with journal.stage("Prepare calibration pictures"):
        calibration = steps.calibration(request, model)
        data = None if request.data is None else Path(request.data)
        pictures = evaluation.choose(model.spec, data, request.eval_count, calibration.unused, request.seed)
        overlap = evaluation.refuse_overlap(pictures, calibration.seen)
        request.limits.require_measurable(pictures)
        for notice in dict.fromkeys((*calibration.notices, *pictures.notices, *filter(None, [overlap]))):
            journal.notice(notice)
    with reading_ahead(pictures, model.spec.preprocess, work) as ready:
        workshop = Workshop(model, calibration, work, journal, request.runs_on)
        made = steps.files(request, workshop, journal, failures)
        if not made:
            return ()
        drafts, by = steps.judged(made, ready, request, workshop, journal)
        refusals = Refusals(request, by, journal, partial(_place_of, request, title))
        drafts = steps.gated(drafts, by, request, journal, failures, refusals)
        drafts = compared(drafts, by, request, work, journal)
        drafts = documented(drafts, by, request, journal)
    timed = steps.timed(drafts, request, workshop, journal, failures, refusals)
    if not timed:
        return ()
    with journal.stage("Write the bundle" if len(timed) == 1 else "Write the bundles"):
        products = tuple(
            write(
                draft,
                latency,
                _place_of(request, title, draft),
                workshop,
                journal.notices,
                pipeline=request.pipeline_file,
                overwrite=request.overwrite,
            )
            for draft, latency in timed
        )
        for product in products:
            forget(product.bundle.folder)
    return products


def _loaded(request: ConvertRequest, journal: Journal) -> tuple[Model, str]:
    """The network and what its bundles are called, once nothing else is where they go."""
    given, source = request.model, (request.weights, request.overrides, journal.notice)
    if isinstance(given, str | os.PathLike):
        with journal.stage("Load the network"):
            title = _title(os.fspath(given))
            places = _places(request, title)
            model = loaded(given, *source, ema=request.ema)
    else:
        model = loaded(given, *source)
        title = model.spec.name
        places = _places(request, title)
    if not request.overwrite:
        for folder in places:
            refuse_other_model(folder, model.spec)
    return model, title


def _places(request: ConvertRequest, title: str) -> list[Path]:
    """Where bundles are to go; foreign files there are refused before anything takes time."""
    asked = [(target, precision) for target in request.targets for precision in request.precisions]
    places = [_place(request, title, *pair) for pair in asked]
    for folder in places:
        refuse_foreign(folder)
    return places


def _place(request: ConvertRequest, title: str, target: str, precision: Precision) -> Path:
    return request.folder(bundle_name(title, target, precision))


def _place_of(request: ConvertRequest, title: str, draft: Draft) -> Path:
    return _place(request, title, draft.file.artifact.target, draft.requested)


def _title(name: str) -> str:
    """What bundles of a model are called: a run of `edgewise train` by its folder, others by their name."""
    folder = Path(name).expanduser().resolve().parent.name
    return folder if Path(name).name == CHECKPOINT and folder else model_name(name)


def _stages(request: ConvertRequest) -> int:
    """How many stages a conversion has, if nothing has to be recovered.

    Loading, preparing pictures, capturing and judging; for each target converting and comparing; for each
    file that is not the float one quantizing; refining for the kinds of INT8; calibrating with halves;
    collecting what reports show; measuring each file; writing.
    Networks of Keras are neither captured nor refined.
    """
    model, count = request.model, len(request.targets)
    if named := isinstance(model, str | os.PathLike):
        keras = is_keras(os.fspath(model))
    else:
        keras = isinstance(model, Model) and isinstance(model.network, KerasNetwork)
    refined = 0 if keras else sum(precision.quantized for precision in request.precisions)
    smaller = sum(precision is not Precision.FP32 for precision in request.precisions)
    files = len(request.precisions)
    return (
        named
        + 2
        + (not keras)
        + refined
        + (2 + smaller + files) * count
        + request.measures_stability
        + request.report
        + 1
    )
