"""A file to ship, what was measured of it, and the bundle that holds both."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ..export.precision import Precision
from ..quantize.refine.sensitivity import LayerError
from ..runtime import machine
from ..runtime.bench.latency import Latency
from ..runtime.bundle import Bundle, write_bundle
from ..runtime.judge import golden
from ..runtime.judge.drop import Drop, Verdict
from ..runtime.judge.estimate import Estimate
from ..runtime.judge.observed import Observed
from ..runtime.judge.stability import Stability
from ..runtime.judge.stats import Agreement
from ..runtime.judge.verdict import Verification
from ..runtime.processors import Processor
from .fidelity import Fidelity
from .libraries import versions
from .recovery import Recovery
from .report import PIPELINE, Evidence, documents
from .workshop import File, Twin, Workshop

T = TypeVar("T", bound=File)


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A file that is not written yet, with the float file of its target, which may be the same file."""

    requested: Precision
    twin: Twin
    file: File
    verification: Verification
    recovery: Recovery | None = None
    stability: Stability | None = None
    observed: Observed | None = None
    layers: tuple[LayerError, ...] = ()
    evidence: Evidence | None = None

    @property
    def quantized(self) -> bool:
        """Whether it is another file than its twin."""
        return self.file.artifact is not self.twin.artifact

    @property
    def cured(self) -> bool:
        """Whether it is the form that recovery has found."""
        chosen = None if self.recovery is None else self.recovery.chosen
        return chosen is not None and self.file is chosen.file


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Product:
    """A model file in its bundle, and what was measured of it.

    `requested` is the precision that was asked for, which recovery may have replaced by `precision`. `twin`
    is the float file of its target, which may be `file` itself; `recovery` is what was tried, where INT8 lost
    too much at first; `stability` is how much the choice of calibration pictures matters, or None.
    """

    requested: Precision
    twin: Twin
    file: File
    verification: Verification
    latency: Latency
    bundle: Bundle
    recovery: Recovery | None = None
    stability: Stability | None = None

    @property
    def target(self) -> str:
        """The target: 'tflite', 'onnx' or 'openvino'."""
        return self.file.artifact.target

    @property
    def precision(self) -> Precision:
        """What the file is: 'w8a8', say."""
        return self.file.artifact.precision

    @property
    def title(self) -> str:
        """What messages call it: 'tflite w8a8'."""
        return self.file.title

    @property
    def quantized(self) -> bool:
        """Whether it is another file than its twin."""
        return self.file.artifact is not self.twin.artifact

    @property
    def as_requested(self) -> bool:
        """Whether recovery left the precision as it was asked for."""
        recovered = self.recovery is not None and self.recovery.chosen is not None
        return not recovered or self.precision == self.requested

    @property
    def passed(self) -> bool:
        """Whether it passed the accuracy gate; one that did not was forced."""
        return self.verification.passed

    @property
    def verdict(self) -> Verdict:
        """What the accuracy gate says."""
        return self.verification.verdict

    @property
    def drop(self) -> Drop | None:
        """The loss of top-1 accuracy in percentage points; None without labels."""
        return self.verification.drop

    @property
    def estimate(self) -> Estimate | None:
        """The estimated loss where photographs without labels judged; None otherwise."""
        return self.verification.estimate

    @property
    def agreement(self) -> Agreement:
        """How it answers beside its float twin."""
        return self.verification.agreement

    @property
    def processors(self) -> tuple[Processor, ...]:
        """The processors that the verdict holds for."""
        return self.file.processors

    @property
    def fidelity(self) -> Fidelity | None:
        """What an INT8 file keeps of the float logits, beside what it should keep; None for others."""
        return self.file.fidelity

    @property
    def size_bytes(self) -> int:
        """The size of the model file."""
        return self.file.structure.size_bytes

    def __repr__(self) -> str:
        time = self.latency.quantized or self.latency.float
        return (
            f"<Product {self.title}: {self.verification.title}, {self.verification.reason()}; "
            f"{self.size_bytes / 1e6:.2f} MB, {time.p50_ms:.2f} ms; {self.bundle.folder}>"
        )

    def to_json(self) -> dict[str, Any]:
        """Its part of the document `conversion`: where the bundle is, its manifest, and what it cost."""
        return {
            "bundle": str(self.bundle.folder),
            "target": self.target,
            "requested": str(self.requested),
            "precision": str(self.precision),
            "as_requested": self.as_requested,
            "verdict": str(self.verdict),
            "basis": str(self.verification.basis),
            "pace": str(self.latency.pace) if self.latency.pace else None,
            "float_size_bytes": self.twin.structure.size_bytes,
            "size_bytes": self.size_bytes,
            "manifest": self.bundle.manifest,
        }


def write(
    draft: Draft,
    latency: Latency,
    folder: Path,
    workshop: Workshop,
    notices: Sequence[str],
    *,
    pipeline: bytes | None,
    overwrite: bool,
) -> Product:
    """The product in its bundle, whose manifest holds everything that was measured and what users were told.

    `pipeline` is the pipeline file to store with it. Raises as `write_bundle` does.
    """
    artifact, recovery = draft.file.artifact, draft.recovery
    record = measured(draft, latency, workshop, notices)
    sample = golden.sample(workshop.model.spec.preprocess, workshop.original, draft.file.session)
    reference = draft.twin.artifact if draft.quantized else None
    bundle = write_bundle(
        folder,
        artifact,
        reference,
        sample,
        record,
        documents=_documents(draft.evidence, pipeline),
        overwrite=overwrite,
    )
    twin = _at(bundle.reference or bundle.model, draft.twin)
    return Product(
        draft.requested,
        twin,
        _at(bundle.model, draft.file) if draft.quantized else twin,
        draft.verification,
        latency,
        bundle,
        recovery and recovery.closed(),
        draft.stability,
    )


def measured(
    draft: Draft, latency: Latency | None, workshop: Workshop, notices: Sequence[str]
) -> dict[str, Any]:
    """The sections of a manifest with everything that was measured, and what users were told."""
    artifact, recovery = draft.file.artifact, draft.recovery
    return {
        "parity": asdict(draft.twin.parity),
        "verification": draft.verification.to_json(),
        "structure": draft.file.structure.to_json(),
        "fidelity": draft.file.fidelity and draft.file.fidelity.to_json(),
        "processors": {
            "made_for": [*workshop.processors],
            "verdict_holds_for": [*draft.file.processors],
            "observed": draft.observed and draft.observed.to_json(),
        },
        "calibration": workshop.calibration.to_json() if artifact.precision.integer else None,
        "stability": draft.stability and draft.stability.to_json(),
        "layers": [asdict(layer) for layer in draft.layers],
        "notices": [*notices],
        "recovery": [trial.to_json() for trial in recovery.trials] if recovery else None,
        "diagnosis": recovery.symptoms.to_json() if recovery and recovery.symptoms else None,
        "latency": latency and asdict(latency),
        "training": workshop.model.record,
        "machine": machine.describe(),
        "versions": versions(),
    }


def _documents(
    evidence: Evidence | None, pipeline: bytes | None
) -> Callable[[dict[str, Any]], dict[str, bytes]] | None:
    """What makes the files for people; None where there are none."""
    kept = {} if pipeline is None else {PIPELINE: pipeline}
    if evidence is not None:
        return lambda manifest: kept | documents(manifest, evidence)
    return (lambda _: kept) if kept else None


def _at(path: Path, file: T) -> T:
    """A file in its bundle, without its engine."""
    return replace(file.closed(), artifact=replace(file.artifact, path=path))
