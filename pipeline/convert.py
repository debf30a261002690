"""The main job, step by step: load, calibrate, convert, quantize, judge, recover, measure, write."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from ..export.artifact import bundle_name
from ..export.precision import Precision
from ..models.checkpoint import CHECKPOINT
from ..models.errors import AccuracyError, PrecisionError
from ..models.model import Model
from ..models.spec import RGB
from ..models.weights import load_model, model_name
from ..models.weights.names import require_model
from ..quantize.calibration import Calibration, from_folder, generated
from ..quantize.refine.sensitivity import LayerError
from ..runtime import machine, runtime
from ..runtime.bundle import Bundle, refuse_other_model
from ..runtime.bundle.atomic import refuse_foreign
from ..runtime.judge import evaluation, saturation
from ..runtime.judge.evaluation import Answers, Pictures, answers
from ..runtime.judge.stats import is_constant
from ..runtime.judge.verdict import Verification, judge
from .document import document
from .product import Product, write
from .progress import Journal, Progress
from .recovery import Recovery, Search
from .request import ConvertRequest, PathLike
from .workshop import File, Twin, Workshop

_SATURATION_PICTURES = 16

_Asked: TypeAlias = tuple[Precision, Twin, File]


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """The result of a conversion: a product for each target and precision, each in its bundle.

    `seconds` has the wall time of each stage by its title; `notices` is what the user was told meanwhile.
    """

    products: tuple[Product, ...]
    notices: tuple[str, ...] = ()
    seconds: Mapping[str, float] | None = None

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The bundles that were written."""
        return tuple(product.bundle for product in self.products if product.bundle is not None)

    @property
    def as_requested(self) -> bool:
        """Whether every product has the precision that was asked for, none another by recovery."""
        return all(product.as_requested for product in self.products)

    def require(self) -> None:
        """Raise a `PrecisionError` where recovery gave a product another precision."""
        for product in self.products:
            if not product.as_requested and product.bundle is not None:
                raise PrecisionError(
                    f"{product.file.artifact.target}: passed its gate as {product.file.artifact.precision}, "
                    f"not as {product.requested}; {product.bundle.folder} holds that model"
                )

    def to_json(self) -> dict[str, Any]:
        """The document `conversion`."""
        return document(
            "conversion",
            as_requested=self.as_requested,
            bundles=[product.to_json() for product in self.products if product.bundle is not None],
            notices=list(self.notices),
            seconds={title: round(spent, 3) for title, spent in (self.seconds or {}).items()},
        )


class GateError(AccuracyError):
    """The accuracy gate of a target, with the layers that lose most and what was tried to pass it."""

    def __init__(self, message: str, layers: list[LayerError], recovery: Recovery | None) -> None:
        super().__init__(message)
        self.layers, self.recovery = layers, recovery

    def details(self) -> dict[str, Any]:
        """The layers, worst first, and the attempts."""
        trials = self.recovery.trials if self.recovery else []
        return {
            "layers": [asdict(layer) for layer in self.layers],
            "recovery": [trial.to_json() for trial in trials],
        }


def convert(
    model: str | Model,
    *,
    to: str | Iterable[str] = "tflite",
    int8: bool = False,
    precision: str | Iterable[str] | None = None,
    per_tensor: bool = False,
    io: str = "float32",
    weights: PathLike = "auto",
    mean: float | RGB | None = None,
    std: float | RGB | None = None,
    imgsz: int | None = None,
    resize: int | None = None,
    labels: PathLike | None = None,
    calib: PathLike | None = None,
    calib_count: int | None = None,
    seed: int = 0,
    data: PathLike | None = None,
    eval_count: int = 1200,
    max_drop: float = 1.0,
    min_agreement: float = 0.75,
    strict: bool = False,
    recover: bool = True,
    recover_budget: float = 300.0,
    max_latency: float | None = None,
    require_speedup: float | None = None,
    force: bool = False,
    overwrite: bool = False,
    out: PathLike | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a network, prove the result, and write a bundle for each target and precision.

    Args:
        model: A network of the zoo by its name, `timm:NAME`, `torchvision:NAME`, `net.py:factory`, the path
            of a model file (a checkpoint, `.pt2`, `.keras`, `.h5` or a SavedModel), or a loaded `Model`.
        to: One or more of `tflite`, `onnx` and `openvino`, or `all`.
        int8: Quantize to INT8, in the form that suits the network and the target best.
        precision: One or more of `fp32`, `fp16`, `w8a32` and `w8a8`; `fp32` without `int8`.
        per_tensor: Give each weight one scale instead of one per output channel.
        io: Type of an INT8 TFLite model's inputs and outputs: `float32`, `int8` or `uint8`.
        weights: `imagenet`, `bundled`, `random`, or the path of a state dict; `auto` takes the first of
            `imagenet` and `bundled` that is available.
        mean: Mean of the pixels on the [0, 1] scale, one number or three, for weights that do not record it.
        std: Standard deviation of the pixels, in the same form.
        imgsz: Side of the network's input in pixels.
        resize: Shorter side of a picture before its centre is cropped, in pixels.
        labels: Text file with one class name per line, in the order of the network's outputs.
        calib: Folder of calibration pictures; generated pictures without it.
        calib_count: Number of calibration pictures; up to 128 without it.
        seed: Seed for drawing or generating pictures.
        data: Labelled folders to measure the drop in accuracy with.
        eval_count: Number of generated pictures that judge bundled weights, at least 12.
        max_drop: Largest loss of top-1 accuracy, in percentage points.
        min_agreement: Smallest top-1 agreement with the float model, from 0 to 1, without labels.
        strict: Fail also where the pictures are too few to decide.
        recover: Try other forms where INT8 loses too much.
        recover_budget: Seconds after which no further attempt begins.
        max_latency: Largest CPU time of one picture on this machine, in ms.
        require_speedup: Smallest speed-up of a quantized model over float on this machine.
        force: Write a bundle even if it fails the accuracy gate.
        overwrite: Replace a bundle that was made from another model.
        out: The bundle's folder, or the folder of several bundles; `dist/NAME-TARGET-PRECISION` without it.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: An option cannot be used, or a bundle of another model is in the way.
        AccuracyError: A quantized model lost too much; nothing was written.
        ParityError: A converted model does not compute what the network computes.
        LatencyError: A model is slower than the options allow.
        MissingDependencyError: A library is not installed.
        EdgewiseError: A file cannot be read or written.
    """
    options = dict(locals())
    return run(ConvertRequest(**{key: options[key] for key in options if key != "progress"}), progress)


def run(request: ConvertRequest, progress: Progress | None = None) -> Conversion:
    """Run a checked request; see `convert`. A gate that fails raises its error, and nothing is written."""
    if isinstance(request.model, str):
        require_model(request.model)
    request.require_files()
    journal = Journal(progress, _stages(request))
    model, title = _loaded(request, journal)
    with journal.stage("Prepare calibration pictures"):
        calibration = _calibration(request, model)
        data = None if request.data is None else Path(request.data)
        pictures = evaluation.choose(model.spec, data, request.eval_count, calibration.unused, request.seed)
        evaluation.refuse_overlap(pictures, calibration.digests)
    for target in request.targets:
        if caveat := runtime(target).caveat():
            journal.notice(caveat)
    with tempfile.TemporaryDirectory(prefix="edgewise-") as work:
        workshop = Workshop(model, calibration, Path(work), journal)
        products = [
            _measured(_gated(product, request, workshop, pictures, journal), request, workshop, journal)
            for product in _judged(_files(request, workshop, journal), pictures, request, workshop, journal)
        ]
        with journal.stage("Write the bundle" if len(products) == 1 else "Write the bundles"):
            products = [
                write(
                    product,
                    _place(request, title, product.file.artifact.target, product.requested),
                    workshop,
                    overwrite=request.overwrite,
                )
                for product in products
            ]
    return Conversion(tuple(products), tuple(journal.notices), journal.seconds)


def _loaded(request: ConvertRequest, journal: Journal) -> tuple[Model, str]:
    """The network and what its bundles are called, once nothing else is where they go."""
    if isinstance(request.model, Model):
        model, title = request.model, request.model.spec.name
        places = _places(request, title)
    else:
        with journal.stage("Load the network"):
            title = _title(request.model)
            places = _places(request, title)
            source = os.fspath(request.weights)
            model = load_model(request.model, source, request.overrides, journal.notice)
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


def _title(name: str) -> str:
    """What bundles of a model are called: a run of `edgewise train` by its folder, others by their name."""
    folder = Path(name).expanduser().resolve().parent.name
    return folder if Path(name).name == CHECKPOINT and folder else model_name(name)


def _stages(request: ConvertRequest) -> int:
    """How many stages a conversion has, if nothing has to be recovered.

    Loading, preparing pictures, capturing and judging; for each target converting and comparing; for each
    quantized file quantizing; refining once; measuring each file; writing.
    """
    smaller = [precision for precision in request.precisions if precision is not Precision.FP32]
    files = len(request.targets) * len(request.precisions)
    refined = any(precision.quantized for precision in request.precisions)
    loading = not isinstance(request.model, Model)
    return loading + 3 + (2 + len(smaller)) * len(request.targets) + refined + files + 1


def _files(request: ConvertRequest, workshop: Workshop, journal: Journal) -> list[_Asked]:
    """Every file that was asked for: the precision that was asked for, its float twin, and the file."""
    made: list[_Asked] = []
    for twin in map(workshop.twin, request.targets):
        for precision in request.precisions:
            if precision is Precision.FP32:
                made.append((precision, twin, twin))
            elif precision is Precision.FP16:
                made.append((precision, twin, workshop.halved(twin)))
            elif precision is Precision.W8A32 or _better_light(twin, request, workshop, journal):
                made.append((Precision.W8A32, twin, workshop.quantized(twin, request.recipe.weights_alone())))
            else:
                made.append((precision, twin, workshop.quantized(twin, request.recipe)))
    return made


def _better_light(twin: Twin, request: ConvertRequest, workshop: Workshop, journal: Journal) -> bool:
    """Whether INT8 weights alone serve better, where --int8 leaves the form open; says so."""
    target = twin.artifact.target
    missing = workshop.without_int8(target) if request.form_is_open else []
    if missing:
        journal.notice(
            f"{target} has no fast INT8 form of {' and '.join(missing)}; using w8a32 (INT8 weights, "
            "activations scaled per picture), which is faster and more accurate; --precision w8a8 insists "
            "on INT8"
        )
    return bool(missing)


def _judged(
    files: list[_Asked],
    pictures: Pictures,
    request: ConvertRequest,
    workshop: Workshop,
    journal: Journal,
) -> list[Product]:
    """Let all files answer the same pictures, in one pass over them."""
    original = [workshop.original] if Precision.FP32 in request.precisions else []
    twins = list({id(twin): twin for _, twin, _ in files}.values())
    others = [file for _, twin, file in files if file is not twin]
    sessions = [*original, *(file.session for file in (*twins, *others))]
    with journal.stage(f"Judge by {pictures.count} pictures") as progress:
        answered = answers(sessions, pictures, workshop.model.spec.preprocess, progress)
    if is_constant(answered.logits[0]):
        journal.notice(
            "The float network gives the same answer for every picture, so its weights are untrained or "
            "broken, and comparisons mean nothing"
        )
    logits = {id(session): given for session, given in zip(sessions, answered.logits, strict=True)}

    def verified(twin: Twin, file: File) -> Verification:
        exact = workshop.original if file is twin else twin.session
        pair: Answers = replace(answered, logits=(logits[id(exact)], logits[id(file.session)]))
        return judge(pair, pictures, request.limits)

    return [Product(precision, twin, file, verified(twin, file)) for precision, twin, file in files]


def _gated(
    product: Product, request: ConvertRequest, workshop: Workshop, pictures: Pictures, journal: Journal
) -> Product:
    """The product once it has passed the gate, if need be as another file."""
    integer = product.file.artifact.precision.integer
    if not product.verification.passed and request.recover and integer:
        journal.notice(f"{product.title}: {product.verification.reason()}. Trying other forms")
        search = Search(workshop, product.twin, pictures, request.limits, journal)
        with journal.unplanned():
            found = search.climb(product.file, request.recipe, request.recover_budget)
        product = replace(product, recovery=found)
        if found.chosen is not None and found.verification is not None:
            cured = replace(product, file=found.chosen.file, verification=found.verification)
            if found.verification.passed:
                journal.notice(f"{cured.title} passes: {found.chosen.rung.title}")
                return cured
            journal.notice(f"{found.chosen.rung.title} did not help: {found.verification.reason()}")
    try:
        product.verification.require()
    except AccuracyError as error:
        if not request.force:
            message = f"{product.title}: {error}. Nothing was written; --force writes it anyway"
            layers = workshop.sensitivities(request.recipe) if integer else []
            raise GateError(message, layers, product.recovery) from error
        journal.notice(f"{product.title}: {error}. Written anyway (--force)")
    return product


def _measured(product: Product, request: ConvertRequest, workshop: Workshop, journal: Journal) -> Product:
    """The product with its latency, once that has passed its own gate."""
    artifact = product.file.artifact
    with journal.stage(f"Measure latency of {product.title}"):
        latency = workshop.timed(product.twin, product.file)
    if product.quantized or len(request.precisions) == 1:  # a float file beside others is their twin
        latency.require(request.speed, product.title)
    if artifact.precision.integer and machine.saturates():
        reference = runtime(artifact.target).open_reference(artifact.path)
        sessions = product.twin.session, product.file.session, reference
        warning = saturation.check(*sessions, workshop.calibration.batch(_SATURATION_PICTURES))
        if warning:
            journal.notice(f"{product.title}: {warning}")
    return replace(product, latency=latency)


def _calibration(request: ConvertRequest, model: Model) -> Calibration:
    preprocess = model.spec.preprocess
    if request.calib is None:
        return generated(preprocess, request.calib_count, request.seed)
    return from_folder(Path(request.calib), preprocess, request.calib_count, request.seed)
