"""A contender as a page opens it: which engine, which file, which input, and whether the answer is right."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...export._artifact import Bundle
from ...models.errors import UsageError
from ...models.spec import Tensor32
from .. import checked
from ..bench.record import Engine, Golden, Model
from ..bench.request import Contender
from ..golden import compare
from ..stats import parity
from ..verify import require_parity
from ._loopback import File
from ._npm import Packages

# By target: the engine's name and its package.
_ENGINES = {
    "tflite": ("LiteRT.js", "@litertjs/core"),
    "onnx": ("ONNX Runtime Web", "onnxruntime-web"),
}


@dataclass(frozen=True, slots=True)
class WebContender:
    """One model of a bundle: `path` is its file."""

    bundle: Bundle
    path: Path
    model: Model

    @classmethod
    def of(cls, contender: Contender) -> "WebContender":
        """Open its bundle.

        Raises:
            UsageError: there is no such bundle, no such part, or no engine for it in browsers.
            EdgewiseError: the bundle is damaged.
        """
        bundle = Bundle.open(Path(contender.bundle))
        if bundle.target not in _ENGINES:
            raise UsageError(
                f"{bundle.folder}: browsers have no engine for {bundle.target} files; measure a "
                f"{' or '.join(_ENGINES)} bundle, or {bundle.target} with --device local"
            )
        twin = contender.part == "reference"
        path = bundle.reference if twin else bundle.model
        if path is None:
            raise UsageError(f"{bundle.folder}: has no float twin; measure its model")
        if bundle.io != "float32" and not twin:
            raise UsageError(
                f"{bundle.folder}: takes {bundle.io} pictures, which LiteRT.js does not; "
                "export it with --io float32: its interior is INT8 all the same"
            )
        precision = "fp32" if twin else bundle.precision
        file = bundle.manifest["files"][path.name]  # sha256 and size_bytes
        return cls(bundle, path, Model(bundle.name, bundle.target, precision, contender.part, **file))

    def plan(self, place: int, threads: int) -> tuple[dict[str, Any], dict[str, File]]:
        """What the page is told, and the files that it loads then, by their names."""
        picture = self.bundle.golden().input
        if self.bundle.target == "onnx":  # channels first
            picture = picture.transpose(0, 3, 1, 2)
        files: dict[str, File] = {
            f"model/{place}": self.path,
            f"input/{place}": np.ascontiguousarray(picture, "<f4").tobytes(),
        }
        model, source = files
        told = {"title": self.model.title, "target": self.bundle.target, "threads": threads}
        return told | {"model": model, "input": source, "shape": picture.shape}, files

    def engine(self, installed: Packages, delegate: str | None) -> Engine:
        """What computed it; engines for browsers do not tell what they made of the graph."""
        name, package = _ENGINES[self.bundle.target]
        return Engine(name, installed.version(package), delegate, None, None)

    def check(self, values: list[float | None]) -> Golden:
        """Judge the page's output for the golden input; JSON has null for NaN and infinity.

        Raises:
            ParityError: it is not what it must be.
        """
        golden, output = self.bundle.golden(), checked(_logits(values), 1)
        digest = hashlib.sha256(output.tobytes()).hexdigest()
        if self.model.part == "reference":
            return Golden(None, require_parity(parity(golden.logits, output)).max_rel, digest)
        lsb, distance = compare(self.bundle, golden, output)
        return Golden(lsb, distance.max_rel, digest)


def _logits(values: list[float | None]) -> Tensor32:
    return np.array([values], np.float32)
