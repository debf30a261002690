"""What a model file really is, whoever wrote it. Needs no torch."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..models.errors import EdgewiseError, UsageError
from ..models.foreign import usual
from ..models.overrides import Channels, Overrides, PathLike
from ..models.sizes import simplest
from ..models.spec import Preprocess
from ..quantize.calibration import from_folder
from ..runtime.bundle import Bundle
from ..runtime.judge.described import require_described
from ..runtime.judge.observed import PICTURES, Observed, observe
from ..runtime.probe import probe, target_of
from ..runtime.structure import Structure
from .document import document
from .progress import Journal, Progress


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Inspection:
    """A model file as its engine reads it.

    `refusal` says why edgewise cannot classify pictures with a file that opens, or is None. `observed` is how
    often INT8 products exceeded 16 bits on the pictures that were given, or is None.
    """

    path: Path
    file: Path
    target: str
    structure: Structure
    refusal: str | None
    bundle: Bundle | None
    observed: Observed | None = None

    def __repr__(self) -> str:
        found = self.structure
        arithmetic: Counter[str] = Counter()
        for operator in found.operators:
            arithmetic[operator.arithmetic] += operator.count
        counts = ", ".join(f"{count} {kind}" for kind, count in arithmetic.most_common())
        kind, size = f"{self.target} {found.precision}", f"{found.size_bytes / 1e6:.2f} MB"
        return f"<Inspection {kind}: {size}, operators: {counts}; {self.file}>"

    def require(self) -> None:
        """Raise an `EdgewiseError` where the bundle's manifest does not describe the file."""
        if self.bundle:
            require_described(self.bundle, self.structure)

    def to_json(self) -> dict[str, Any]:
        """The document `inspection`."""
        return document(
            "inspection",
            path=str(self.path),
            target=self.target,
            structure=self.structure.to_json(),
            refusal=self.refusal,
            observed=self.observed and self.observed.to_json(),
            manifest=self.bundle.manifest if self.bundle else None,
        )


def inspect(
    path: PathLike,
    *,
    calib: PathLike | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Read operators, arithmetic, size, inputs, outputs and metadata of a model file or of a bundle's model.

    The file is opened in a child process, so that one that crashes its parser is reported. The result does
    not raise for a bundle whose model has another precision than its manifest says: call its `require()`.

    Args:
        path: A model file, the folder of a bundle, or a `Bundle`.
        calib: A folder of pictures on which to count INT8 products that exceed 16 bits.
        mean: Mean of the pixels of `calib` on the [0, 1] scale; a bundle knows its own.
        std: Standard deviation of the pixels, in the same form.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: It is not a `.tflite`, `.onnx` or `.xml` file or a bundle, or it is a file and `calib` was
            given without `mean` and `std`.
        MissingDependencyError: The engine is not installed.
        EdgewiseError: The engine cannot read the file.
    """
    path = Path(path)
    overrides = Overrides.of(mean=mean, std=std)
    bundle = Bundle.open(path) if path.is_dir() else None
    file = bundle.model if bundle else path
    target = bundle.target if bundle else target_of(path)
    journal = Journal(progress)
    with journal.stage(f"Read {file.name}"):
        found = probe(file, target)
    inspection = Inspection(path, file, target, found.structure, found.refusal, bundle)
    if calib is None:
        return inspection
    preprocess = _preprocess(inspection, overrides)
    if not found.structure.overflow:
        journal.notice(f"{file.name} has no INT8 products that can exceed 16 bits, whatever the pictures")
        return inspection
    with journal.stage("Look for saturated products"):
        batch = from_folder(Path(calib), preprocess, None, 0).batch(PICTURES)
        seen = observe(file, target, found.structure.overflow, batch)
    return replace(inspection, observed=seen)


def _preprocess(inspection: Inspection, overrides: Overrides) -> Preprocess:
    """How the model takes its pictures, by its bundle or by `overrides`."""
    if inspection.bundle:
        return overrides.preprocess(inspection.bundle.spec.preprocess)
    name = inspection.file.name
    if inspection.refusal:
        raise EdgewiseError(f"{name}: no pictures can be run: {inspection.refusal}")
    if overrides.mean is None or overrides.std is None:
        raise UsageError(
            f"{name}: a file without a bundle does not say how pictures are normalised; pass --mean and --std"
        )
    *_, height, width = inspection.structure.inputs[0].shape  # both engines' files have (N, C, H, W)
    channels = inspection.structure.inputs[0].shape[1]
    size = simplest((height, width))
    return overrides.preprocess(usual(size, Preprocess().mean, Preprocess().std), channels)
