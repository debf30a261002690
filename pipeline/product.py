"""A file to ship, what was measured of it, and the bundle that holds both."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..export.precision import Precision
from ..runtime import machine
from ..runtime.bench.latency import Latency
from ..runtime.bundle import Bundle, write_bundle
from ..runtime.judge import golden
from ..runtime.judge.verdict import Verification
from .libraries import versions
from .recovery import Recovery
from .workshop import File, Twin, Workshop


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A file to ship beside the float file of its target, which may be the same, and what was measured.

    `requested` is the precision that was asked for, which recovery may have replaced.
    """

    requested: Precision
    twin: Twin
    file: File
    verification: Verification
    recovery: Recovery | None = None
    latency: Latency | None = None
    bundle: Bundle | None = None

    @property
    def quantized(self) -> bool:
        """Whether it is another file than its twin."""
        return self.file.artifact is not self.twin.artifact

    @property
    def as_requested(self) -> bool:
        """Whether recovery left the precision as it was asked for."""
        recovered = self.recovery is not None and self.recovery.chosen is not None
        return not recovered or self.file.artifact.precision == self.requested

    @property
    def title(self) -> str:
        """What messages call it: 'tflite w8a8'."""
        return f"{self.file.artifact.target} {self.file.artifact.precision}"

    def to_json(self) -> dict[str, Any]:
        """Its part of the document `conversion`: where the bundle is, its manifest, and what it cost."""
        return {
            "bundle": str(self.bundle.folder) if self.bundle else None,
            "target": self.file.artifact.target,
            "requested": str(self.requested),
            "precision": str(self.file.artifact.precision),
            "as_requested": self.as_requested,
            "verdict": str(self.verification.verdict),
            "pace": str(self.latency.pace) if self.latency and self.latency.pace else None,
            "float_size_bytes": self.twin.structure.size_bytes,
            "size_bytes": self.file.structure.size_bytes,
            "manifest": self.bundle.manifest if self.bundle else None,
        }


def write(product: Product, folder: Path, workshop: Workshop, *, overwrite: bool) -> Product:
    """The product in its bundle, whose manifest holds everything that was measured.

    Raises as `write_bundle` does.
    """
    artifact, model = product.file.artifact, workshop.model
    record: dict[str, Any] = {
        "parity": asdict(product.twin.parity),
        "verification": product.verification.to_json(),
        "structure": product.file.structure.to_json(),
        "calibration": workshop.calibration.to_json() if artifact.precision.integer else None,
        "recovery": [trial.to_json() for trial in product.recovery.trials] if product.recovery else None,
        "latency": asdict(product.latency) if product.latency else None,
        "training": model.record,
        "machine": machine.describe(),
        "versions": versions(),
    }
    sample = golden.sample(model.spec.preprocess, workshop.original, product.file.session)
    twin = product.twin.artifact if product.quantized else None
    return replace(product, bundle=write_bundle(folder, artifact, twin, sample, record, overwrite=overwrite))
