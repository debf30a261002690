"""Makes files from one network, and remembers what several of them need."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ..export import exporter
from ..export.artifact import Artifact
from ..export.graph import Network, trace
from ..export.precision import Precision
from ..models.errors import EdgewiseError
from ..models.foreign.keras import KerasNetwork
from ..models.model import Model
from ..models.spec import Tensor32
from ..quantize import quantizer
from ..quantize.calibration import Calibration
from ..quantize.forms import without_int8
from ..quantize.recipe import Recipe
from ..quantize.refine import Refined, refine
from ..quantize.refine.sensitivity import LayerError, sensitivities
from ..quantize.refine.simulation import PICTURES
from ..quantize.refine.sources import Sources, median_sqnr_db, sources
from ..runtime import Session, open_session, runtime
from ..runtime.bench.latency import Latency, measure
from ..runtime.judge import evaluation, saturation, stats
from ..runtime.judge.answering import Means, tallied
from ..runtime.judge.evaluation import Pictures, answers
from ..runtime.judge.limits import Limits
from ..runtime.judge.observed import PICTURES as OBSERVED
from ..runtime.judge.observed import Observed, observe
from ..runtime.judge.stats import Parity
from ..runtime.judge.verdict import Verification, judge, require_parity
from ..runtime.probe import probe
from ..runtime.processors import EVERY, Processor
from ..runtime.reference import reference
from ..runtime.structure import Structure
from .claims import known
from .fidelity import Fidelity
from .progress import Journal

_PARITY_PICTURES = 8
_SHOWN_PICTURES = 8  # for the layers in a report, which then takes half the time
_THREADS = 1  # of a session that runs beside others; the number changes no bit (measured with 1, 2 and 4)


class ClosedSession:
    """Replaces the session of a file once its conversion is over."""

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Always raises."""
        del batch
        raise EdgewiseError("the conversion is over; open its bundle with edgewise.open_bundle")


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A model file, opened, and what it was found to be.

    `processors` compute as its session does, so they are those that its verdict holds for. `fidelity` is of
    files with INT8 activations.
    """

    artifact: Artifact
    session: Session
    structure: Structure
    processors: tuple[Processor, ...] = field(default=EVERY, kw_only=True)
    fidelity: Fidelity | None = field(default=None, kw_only=True)

    @property
    def title(self) -> str:
        """What messages call it: 'tflite w8a8'."""
        return f"{self.artifact.target} {self.artifact.precision}"

    def closed(self) -> Self:
        """The same without its engine, so that a result is plain data that can be pickled."""
        return replace(self, session=ClosedSession())

    def exact(self) -> Session:
        """Its session, or one with products added in 32 bits where this engine would saturate."""
        if not self.structure.overflow:
            return self.session
        return runtime(self.artifact.target).open_exact(self.artifact.path, _THREADS)


@dataclass(frozen=True, slots=True, eq=False)
class Twin(File):
    """The float file of a target, and how it compares with the `original` network, of PyTorch or Keras."""

    parity: Parity
    original: str


class Workshop:
    """One network, one set of calibration pictures, one folder for the files.

    Networks of Keras have no graph of torch's operators: nothing can be refined or found out layer by layer.
    """

    def __init__(
        self,
        model: Model,
        calibration: Calibration,
        folder: Path,
        journal: Journal,
        processors: tuple[Processor, ...] = EVERY,
        *,
        captured: "Network | KerasNetwork | None" = None,
    ) -> None:
        self.model, self.calibration, self.processors = model, calibration, processors
        self.original = reference(model.network)
        self.known = known(model.spec, model.record)
        self._folder, self._journal = folder, journal
        self._refined: dict[Recipe, Refined] = {}
        self._sampled: dict[Twin, Tensor32] = {}
        self._sensitive: dict[Recipe, list[LayerError]] = {}
        self._shown: dict[Recipe, list[LayerError]] = {}
        self._count = 0
        self._network = self._captured(model) if captured is None else captured

    def calibrated_with(self, calibration: Calibration, folder: Path) -> "Workshop":
        """A silent workshop for the same network with other calibration pictures and a folder of its own."""
        folder.mkdir()
        return Workshop(self.model, calibration, folder, Journal(), self.processors, captured=self._network)

    def refinements(self, recipes: Iterable[Recipe]) -> int:
        """How many times the network is refined for files of these recipes."""
        return len({_refinement(recipe) for recipe in recipes}) if self.refines else 0

    @property
    def refines(self) -> bool:
        """Whether it can prepare the network itself for INT8."""
        return not isinstance(self._network, KerasNetwork)

    def twin(self, target: str) -> Twin:
        """The float file of `target`; a `ParityError` where it does not compute what the network does."""
        with self._journal.stage(f"Convert to {target}"):
            artifact = exporter(target).export(self._network, self.model.spec, self._path(target))
            file = self._opened(artifact)
        with self._journal.stage(f"Compare {target} with {self.original.framework}") as progress:
            seen = evaluation.given(self.calibration.pixels[:_PARITY_PICTURES], self.calibration.source)
            sessions = [self.original, file.session]
            answered = answers(sessions, seen, self.model.spec.preprocess, progress)
            parity = require_parity(stats.parity(*answered.logits))
        return Twin(file.artifact, file.session, file.structure, parity, self.original.framework)

    def quantized(self, twin: Twin, recipe: Recipe) -> File:
        """The INT8 form of `twin`."""
        target = twin.artifact.target
        refined = self._refine(recipe)
        with self._journal.stage(f"Quantize {target} to {recipe.precision}"):
            make = quantizer(target).quantize
            file = self._made(
                target, lambda path: make(twin.artifact, refined, self.calibration, recipe, path)
            )
            if not recipe.activations:
                return file
            return replace(file, fidelity=self._fidelity(twin, file, refined, recipe))

    def halved(self, twin: Twin) -> File:
        """`twin` with float16 weights."""
        target = twin.artifact.target
        with self._journal.stage(f"Halve the weights of {target}"):
            return self._made(target, lambda path: quantizer(target).halve(twin.artifact, path))

    def without_int8(self, target: str) -> list[str]:
        """The operators that make static INT8 a bad choice on `target`; none are known of Keras networks."""
        return [] if isinstance(self._network, KerasNetwork) else without_int8(self._network, target)

    def sensitivities(self, recipe: Recipe) -> list[LayerError]:
        """The layers by what INT8 costs them, worst first; none where that cannot be found out."""
        refined = self._refine(recipe)
        if refined is None:
            return []
        if recipe not in self._sensitive:
            with self._journal.stage("Find the layers that lose most"):
                self._sensitive[recipe] = sensitivities(refined.network, self.calibration, _simulated(recipe))
        return self._sensitive[recipe]

    def shown(self, recipe: Recipe) -> list[LayerError]:
        """The same for a report, from fewer pictures where nothing else has asked for them."""
        refined = self._refine(recipe)
        if refined is None or recipe in self._sensitive:
            return self._sensitive.get(recipe, [])
        if recipe not in self._shown:
            found = sensitivities(refined.network, self.calibration, _simulated(recipe), _SHOWN_PICTURES)
            self._shown[recipe] = found
        return self._shown[recipe]

    def sources(self, recipe: Recipe) -> Sources | None:
        """What weights and activations lose each; None where that cannot be found out."""
        refined = self._refine(recipe)
        if refined is None:
            return None
        with self._journal.stage("Compare weights with activations"):
            return sources(refined.network, self.calibration, _simulated(recipe))

    def judged(
        self, exact: File, file: File, pictures: Pictures, limits: Limits, means: Means
    ) -> Verification:
        """How `file` answers `pictures` beside its float twin."""
        target = file.artifact.target
        with self._journal.stage(f"Judge {target} by {pictures.count} pictures") as progress:
            sessions = [exact.session, file.session]
            tally = tallied(sessions, pictures, self.model.spec.preprocess, progress, means)
        return judge(tally, pictures, limits, self.known)

    def observed(self, file: File) -> Observed:
        """How often products in `file` exceed 16 bits on the first calibration pictures."""
        batch = self.calibration.batch(OBSERVED)
        return observe(file.artifact.path, file.artifact.target, file.structure.overflow, batch)

    def timed(self, exact: File, file: File) -> Latency:
        """Both measured in turn on this machine; a float file alone."""
        artifacts = [exact.artifact] if file is exact else [exact.artifact, file.artifact]
        sessions = [open_session(artifact.path, artifact.target, threads=1) for artifact in artifacts]
        return measure(sessions, self.calibration.batch(1))

    def _captured(self, model: Model) -> "Network | KerasNetwork":
        """What is exported: the graph of a network in PyTorch, or one of Keras as it is."""
        if isinstance(model.network, KerasNetwork):
            return model.network
        with self._journal.stage("Capture the graph"):
            return trace(model.network, model.spec.preprocess.shape)

    def _refine(self, recipe: Recipe) -> Refined | None:
        if isinstance(self._network, KerasNetwork):
            return None
        key = _refinement(recipe)
        if key not in self._refined:
            with self._journal.stage("Equalize channels, correct biases"):
                self._refined[key] = found = refine(self._network, self.calibration, key)
            if key.learn and not found.learned_layers:
                self._journal.notice(
                    "Learned rounding was left out: calibration pictures that it did not learn from gain "
                    "nothing"
                )
        return self._refined[key]

    def _fidelity(self, twin: Twin, file: File, refined: Refined | None, recipe: Recipe) -> Fidelity:
        """What `file` keeps of the logits of `twin`, beside what the simulation keeps of them."""
        batch = self.calibration.batch(PICTURES)
        if twin not in self._sampled:
            self._sampled[twin] = twin.session(batch)
        found = median_sqnr_db(self._sampled[twin], file.exact()(batch))
        # The simulation cannot take the mean, and the ranges of all pictures differ from those of a few.
        simulated = refined is not None and recipe.ranges != "mean-min-max"
        return Fidelity(found, refined.simulated_db if refined and simulated else None)

    def _made(self, target: str, make: Callable[[Path], Artifact]) -> File:
        file = self._opened(make(self._path(target)))
        found = file.structure
        if (file.artifact.precision, found.precision) == (Precision.W8A8, Precision.MIXED):
            # A quantizer may know better: NNCF spares the small layers of squeeze-and-excitation blocks.
            mixed = Precision.MIXED
            self._journal.notice(
                f"{target}: its quantizer leaves {found.float_layers} layers in float, so it is {mixed}"
            )
            file = replace(file, artifact=replace(file.artifact, precision=mixed))
        found.require(file.artifact.precision)
        return file

    def _opened(self, artifact: Artifact) -> File:
        # What a quantizer wrote has crashed an engine before: a child process is the first to open it.
        structure = probe(artifact.path, artifact.target).structure
        exact = saturation.needs_exact(structure, self.processors)
        opened = runtime(artifact.target).open_exact if exact else runtime(artifact.target).open_session
        session = opened(artifact.path, _THREADS)
        return File(artifact, session, structure, processors=saturation.scope(structure, exact=exact))

    def _path(self, target: str) -> Path:
        self._count += 1
        return self._folder / f"{self._count}.{target}"


def beside_others(files: Sequence[File]) -> list[File]:
    """`files`, the fidelity of each beside that of the best file of another target in the same precision."""
    kept = [(file, file.fidelity) for file in files if file.fidelity is not None]

    def compared(file: File) -> File:
        others = [
            (found.sqnr_db, other.title)
            for other, found in kept
            if other.artifact.target != file.artifact.target
            and other.artifact.precision is file.artifact.precision
        ]
        if file.fidelity is None or not others:
            return file
        best, title = max(others)
        return replace(file, fidelity=replace(file.fidelity, other_db=best, other=title))

    return list(map(compared, files))


def _refinement(recipe: Recipe) -> Recipe:
    """The part of a recipe that changes the network; the rest is for the quantizer."""
    plain = Recipe()
    ranges = recipe.ranges if recipe.chooses_ranges else plain.ranges
    return replace(recipe, io=plain.io, ranges=ranges)


def _simulated(recipe: Recipe) -> Recipe:
    """The recipe with which a refined network is simulated: what was learned is in its weights already."""
    return replace(recipe, learn=False)
