"""What a model file really is, whoever wrote it. Needs no torch."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.overrides import PathLike
from ..runtime.bundle import Bundle
from ..runtime.judge.described import require_described
from ..runtime.probe import probe, target_of
from ..runtime.structure import Structure
from .document import document
from .progress import Journal, Progress


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Inspection:
    """A model file as its engine reads it.

    `refusal` says why edgewise cannot classify pictures with a file that opens, or is None.
    """

    path: Path
    file: Path
    target: str
    structure: Structure
    refusal: str | None
    bundle: Bundle | None

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
            require_described(self.bundle, self.bundle.model, self.structure)

    def to_json(self) -> dict[str, Any]:
        """The document `inspection`."""
        return document(
            "inspection",
            path=str(self.path),
            target=self.target,
            structure=self.structure.to_json(),
            refusal=self.refusal,
            manifest=self.bundle.manifest if self.bundle else None,
        )


def inspect(path: PathLike, *, progress: Progress | None = None) -> Inspection:
    """Read operators, arithmetic, size, inputs, outputs and metadata of a model file or of a bundle's model.

    The file is opened in a child process, so that one that crashes its parser is reported. The result does
    not raise for a bundle whose model has another precision than its manifest says: call its `require()`.

    Args:
        path: A model file, the folder of a bundle, or a `Bundle`.
        progress: Receives stages and notices; silent without it.

    Raises:
        UsageError: It is not a `.tflite`, `.onnx` or `.xml` file or a bundle.
        MissingDependencyError: The engine is not installed.
        EdgewiseError: The engine cannot read the file.
    """
    path = Path(path)
    bundle = Bundle.open(path) if path.is_dir() else None
    file = bundle.model if bundle else path
    target = bundle.target if bundle else target_of(path)
    with Journal(progress).stage(f"Read {file.name}"):
        found = probe(file, target)
    return Inspection(path, file, target, found.structure, found.refusal, bundle)
