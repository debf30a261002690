"""The model to measure: which file of which bundle, and whether its output is correct."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...export.artifact import model_files
from ...export.precision import Precision
from ...models.errors import ParityError, UsageError
from ...models.spec import Tensor32
from .. import checked
from ..bundle import Bundle
from ..judge.golden import compare
from ..judge.stats import parity
from ..judge.verdict import require_parity
from .record import BenchedModel, GoldenRun
from .request import Contender


@dataclass(frozen=True, slots=True)
class Subject:
    """A contender with its open bundle; `path` is the model file."""

    bundle: Bundle
    part: str
    path: Path

    @classmethod
    def of(cls, contender: Contender) -> Self:
        """Open its bundle and check all checksums.

        Raises:
            UsageError: the bundle, or this part of it, does not exist.
            EdgewiseError: the bundle is damaged.
        """
        bundle = Bundle.open(Path(contender.bundle))
        path = bundle.model if contender.part == "model" else bundle.reference
        if path is None:
            raise UsageError(
                f"{bundle.folder}: is a float model, which has no float reference to compare with"
            )
        return cls(bundle, contender.part, path)

    @property
    def model(self) -> BenchedModel:
        """Describe the model. For OpenVINO's two files, the checksum is that of their `sha256sum` listing."""
        files = [(file.name, self.bundle.manifest["files"][file.name]) for file in model_files(self.path)]
        sha256 = files[0][1]["sha256"]
        if len(files) > 1:
            listed = "".join(f"{entry['sha256']}  {name}\n" for name, entry in files)
            sha256 = hashlib.sha256(listed.encode()).hexdigest()
        precision = self.bundle.precision if self.part == "model" else Precision.FP32
        size_bytes = sum(entry["size_bytes"] for _, entry in files)
        return BenchedModel(self.bundle.name, self.bundle.target, precision, self.part, sha256, size_bytes)

    def judged(self, output: Tensor32) -> GoldenRun:
        """How (1, classes) logits for the golden input differ from the exporting machine's.

        Those of a float reference are compared with the original network's.

        Raises:
            ParityError: they differ by more than rounding explains, or are invalid.
        """
        golden, given = self.bundle.golden(), output.shape[-1]
        output = checked(output, 1)
        if output.shape != golden.output.shape:
            raise ParityError(
                f"{self.bundle.folder}: the golden sample gave {given} logits "
                f"instead of {golden.output.shape[1]}"
            )
        digest = hashlib.sha256(output.astype("<f4").tobytes()).hexdigest()
        if self.part == "reference":
            return GoldenRun(None, require_parity(parity(golden.logits, output)).max_rel, digest)
        lsb, distance = compare(self.bundle, golden, output)
        return GoldenRun(lsb, distance.max_rel, digest)
