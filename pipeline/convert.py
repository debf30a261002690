"""The main job, step by step: load, calibrate, convert, quantize, judge, recover, time, write."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..export.artifact import bundle_name
from ..models.errors import AccuracyError
from ..models.weights import Model, Overrides, load_model, model_name
from ..quantize.calibration import Calibration, from_folder, generated
from ..quantize.recipe import Recipe
from ..quantize.refine.sensitivity import LayerError
from ..runtime import machine, runtime
from ..runtime.bench.latency import SpeedLimits
from ..runtime.bundle.atomic import refuse_foreign
from ..runtime.judge import evaluation, saturation
from ..runtime.judge.evaluation import Answers, Pictures, answers
from ..runtime.judge.stats import is_constant
from ..runtime.judge.verdict import Limits, Verification, judge
from .product import Product, write
from .progress import Journal
from .recovery import Recovery, Search
from .workshop import File, Twin, Workshop

_SATURATION_PICTURES = 16


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What the user asked for; None stands for a default that depends on the rest.

    `form_is_open` says that INT8 may be whatever serves best.
    """

    name: str
    targets: tuple[str, ...]
    precisions: tuple[str, ...]
    form_is_open: bool
    recipe: Recipe
    weights: str
    overrides: Overrides
    calib: Path | None
    calib_count: int | None
    seed: int
    data: Path | None
    eval_count: int
    limits: Limits
    speed: SpeedLimits
    recover: bool
    recover_budget: float
    force: bool
    out: Path | None

    def folder(self, name: str) -> Path:
        """Where the bundle of that name goes: to `out` itself, or into it where there are several."""
        if self.out is not None and len(self.targets) * len(self.precisions) == 1:
            return self.out
        return (self.out or Path("dist")) / name


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """All that came of a request."""

    products: list[Product]
    seconds: Mapping[str, float]


class GateError(AccuracyError):
    """The accuracy gate of a target, with the layers that lose most and what was tried to pass it."""

    def __init__(self, message: str, layers: list[LayerError], recovery: Recovery | None) -> None:
        super().__init__(message)
        self.layers, self.recovery = layers, recovery


def run(request: ConvertRequest, journal: Journal, model: Model | None = None) -> Conversion:
    """Do the main job, with `model` where it is loaded already.

    A gate that fails raises its error, and then nothing is written.
    """
    name = model.spec.name if model else model_name(request.name)
    for target in request.targets:
        for precision in request.precisions:  # a folder that holds something else, before anything takes time
            refuse_foreign(request.folder(bundle_name(name, target, precision)))
    if model is None:
        with journal.stage("Load the network"):
            model = load_model(request.name, request.weights, request.overrides, journal.notice)
    with journal.stage("Prepare calibration pictures"):
        calibration = _calibration(request, model)
        pictures = evaluation.choose(
            model.spec, request.data, request.eval_count, calibration.unused, request.seed
        )
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
                write(product, request.folder(product.file.artifact.bundle_name), workshop)
                for product in products
            ]
    return Conversion(products, journal.seconds)


def _files(request: ConvertRequest, workshop: Workshop, journal: Journal) -> list[tuple[Twin, File]]:
    """Every file that was asked for, with its float twin."""
    made: list[tuple[Twin, File]] = []
    for twin in map(workshop.twin, request.targets):
        for precision in request.precisions:
            if precision == "fp32":
                made.append((twin, twin))
            elif precision == "fp16":
                made.append((twin, workshop.halved(twin)))
            elif precision == "w8a32" or _better_light(twin, request, workshop, journal):
                made.append((twin, workshop.quantized(twin, request.recipe.weights_alone())))
            else:
                made.append((twin, workshop.quantized(twin, request.recipe)))
    return made


def _better_light(twin: Twin, request: ConvertRequest, workshop: Workshop, journal: Journal) -> bool:
    """Whether INT8 weights alone serve better, where --int8 leaves the form open; says so."""
    target = twin.artifact.target
    missing = workshop.without_int8(target) if request.form_is_open else []
    if missing:
        journal.notice(
            f"{target} has no fast INT8 form of {' and '.join(missing)}: taking w8a32, INT8 weights with "
            "activations scaled for each picture, which is faster and closer; --precision w8a8 insists"
        )
    return bool(missing)


def _judged(
    files: list[tuple[Twin, File]],
    pictures: Pictures,
    request: ConvertRequest,
    workshop: Workshop,
    journal: Journal,
) -> list[Product]:
    """Let all files answer the same pictures, in one pass over them."""
    original = [workshop.original] if "fp32" in request.precisions else []
    twins = list({id(twin): twin for twin, _ in files}.values())
    others = [file for twin, file in files if file is not twin]
    sessions = [*original, *(file.session for file in (*twins, *others))]
    with journal.stage(f"Judge by {pictures.count} pictures") as progress:
        answered = answers(sessions, pictures, workshop.model.spec.preprocess, progress)
    if is_constant(answered.logits[0]):
        journal.notice(
            "The network answers every picture alike, in float already: its weights are untrained or broken, "
            "and no comparison means anything"
        )
    logits = {id(session): given for session, given in zip(sessions, answered.logits, strict=True)}

    def verified(twin: Twin, file: File) -> Verification:
        exact = workshop.original if file is twin else twin.session
        pair: Answers = replace(answered, logits=(logits[id(exact)], logits[id(file.session)]))
        return judge(pair, pictures, request.limits)

    return [Product(twin, file, verified(twin, file)) for twin, file in files]


def _gated(
    product: Product, request: ConvertRequest, workshop: Workshop, pictures: Pictures, journal: Journal
) -> Product:
    """The product once it has passed the gate, if need be as another file."""
    integer = product.file.artifact.precision.startswith("w8a8")
    if not product.verification.passed and request.recover and integer:
        journal.notice(f"{product.title}: {product.verification.reason()}. Looking for a cure")
        search = Search(workshop, product.twin, pictures, request.limits, journal)
        found = search.climb(product.file, request.recipe, request.recover_budget)
        product = replace(product, recovery=found)
        if found.chosen is not None and found.verification is not None:
            cured = replace(product, file=found.chosen.file, verification=found.verification)
            if found.verification.passed:
                journal.notice(f"{cured.title} passes: {found.chosen.rung.title}")
                return cured
            journal.notice(f"{found.chosen.rung.title} is no cure: {found.verification.reason()}")
    try:
        product.verification.require()
    except AccuracyError as error:
        if not request.force:
            message = f"{product.title}: {error}. Nothing was written; --force writes it all the same"
            layers = workshop.sensitivities(request.recipe) if integer else []
            raise GateError(message, layers, product.recovery) from error
        journal.notice(f"{product.title}: {error}. Written all the same, because of --force")
    return product


def _measured(product: Product, request: ConvertRequest, workshop: Workshop, journal: Journal) -> Product:
    """The product with its latency, once that has passed its own gate."""
    artifact = product.file.artifact
    with journal.stage(f"Measure latency of {product.title}"):
        latency = workshop.timed(product.twin, product.file)
    if product.quantized or len(request.precisions) == 1:  # a float file beside others is their twin
        latency.require(request.speed, product.title)
    if artifact.precision.startswith("w8a8") and machine.saturates():
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
    return from_folder(request.calib, preprocess, request.calib_count, request.seed)
