"""The bundle: a folder with a model and all that a device needs to run and check it. Does not need torch.

    mobilenetv2-tflite-w8a8/
        mobilenetv2-w8a8.tflite   the model; OpenVINO's .xml comes with its .bin
        mobilenetv2-fp32.tflite   the same model in float, in quantized bundles: the reference for accuracy
        manifest.json             described below
        labels.txt                one class name per line, in the order of the outputs
        golden/image.png          a picture (H, W, 3), larger than the input, to test preprocessing too
        golden/input.npy          the picture after `Preprocess`: float32 (1, H, W, C)
        golden/logits.npy         the original network's logits for it: float32 (1, C)
        golden/output.npy         the model's own logits on the exporting machine, dequantized: float32 (1, C)

`manifest.json` is one JSON object in ASCII, indented, with sorted keys; equal content gives equal bytes:

    schema       1; readers reject newer ones
    name         the architecture, 'mobilenetv2'
    target       'tflite'
    precision    a `Precision` by its name, 'w8a8'
    io           type of the model's input and output: 'float32', 'int8' or 'uint8'
    model        file name of the model
    reference    file name of the float model, or null
    spec         `ModelSpec.to_json()`: preprocessing, labels, origin of the weights
    details      what the quantizer did: its recipe, and how much of the network it refined
    processors   {"made_for": [...], "verdict_holds_for": [...]}: kinds of processors, such as 'arm64';
                 "observed" is what products did that can exceed 16 bits, or null
    files        every file that a device needs, by its path relative to the folder, with '/' as separator:
                 {"sha256": hexadecimal, "size_bytes": integer}
    documents    in the same form, the files for people, such as report.html; devices do without

The writer adds further sections: `calibration` and `verification` (objects), `versions` and others. These and
`processors` may be absent.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...export.artifact import IOS, Artifact, model_files
from ...export.facts import TARGETS
from ...export.precision import Precision
from ...models.errors import EdgewiseError, UsageError
from ...models.images import sha256_of
from ...models.spec import ModelSpec, Tensor32
from .. import runtime
from . import _manifest, _schema
from .atomic import MANIFEST, replacing_folder
from .golden import Golden

_LABELS = "labels.txt"
_IMAGE = "golden/image.png"
_ARRAYS = {name: f"golden/{name}.npy" for name in ("input", "logits", "output")}
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """A bundle on disk; `manifest` is its whole manifest.json as parsed JSON.

    It is path-like: pass it wherever a bundle's folder is accepted.
    """

    folder: Path
    manifest: dict[str, Any]
    name: str
    target: str
    precision: Precision
    io: str
    spec: ModelSpec
    model: Path
    reference: Path | None
    calibration: dict[str, Any] | None
    verification: dict[str, Any] | None

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        return f"<Bundle {self.name}: {self.target} {self.precision}, {self.folder}>"

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a bundle and check that each file exists and matches the manifest's size and SHA-256.

        Runtimes do not notice flipped bytes. A bundle that is replaced while being read may fail the check.

        Raises:
            UsageError: `folder` does not exist or is not a bundle.
            EdgewiseError: it is damaged, or was written by a newer edgewise.
        """
        manifest = _manifest.read(folder)
        try:
            bundle = cls.from_manifest(folder, manifest)
            for name in manifest["files"]:
                _manifest.check_file(folder, name, _manifest.typed(manifest["files"], name, dict))
            for name in bundle.documents:
                _manifest.check_file(folder, name, _manifest.typed(manifest["documents"], name, dict))
            _refuse_files_beside(bundle)
            _refuse_other_labels(bundle)
        except EdgewiseError as error:
            raise EdgewiseError(f"{folder}: {error}; {_manifest.HINT}") from error
        return bundle

    @classmethod
    def from_manifest(cls, folder: Path, manifest: dict[str, Any]) -> Self:
        """Check everything in the manifest that can be checked without other files."""
        names = _manifest.typed(manifest, "files", dict)
        further = _manifest.optional(manifest, "documents", dict) or {}
        if odd := [name for name in (*names, *further) if not _manifest.PLAIN.fullmatch(name)]:
            raise EdgewiseError(f"{MANIFEST}: {odd[0]!r} is not a plain file name")
        model, reference = (
            _manifest.typed(manifest, "model", str),
            _manifest.optional(manifest, "reference", str),
        )
        models = {file.as_posix() for name in (model, reference or model) for file in model_files(Path(name))}
        needed = {_LABELS, _IMAGE, *_ARRAYS.values(), *models}
        if missing := sorted(needed - names.keys()):
            raise EdgewiseError(f"{MANIFEST}: does not list {missing[0]!r} among its files")
        try:
            spec = ModelSpec.from_json(_manifest.typed(manifest, "spec", dict))
        except (UsageError, ValueError) as error:
            raise EdgewiseError(f"{MANIFEST}: {error}") from error
        opened = cls(
            folder=folder,
            manifest=manifest,
            name=_manifest.typed(manifest, "name", str),
            target=_manifest.choice(manifest, "target", tuple(TARGETS)),
            precision=Precision(_manifest.choice(manifest, "precision", tuple(Precision))),
            io=_manifest.choice(manifest, "io", IOS),
            spec=spec,
            model=folder / model,
            reference=folder / reference if reference else None,
            calibration=_manifest.optional(manifest, "calibration", dict),
            verification=_manifest.optional(manifest, "verification", dict),
        )
        _schema.check(manifest)
        return opened

    @property
    def documents(self) -> list[str]:
        """The names of those files for people that are there: copies on devices have none."""
        return [name for name in self.manifest.get("documents") or () if (self.folder / name).exists()]

    def golden(self) -> Golden:
        """Load the golden sample.

        Raises:
            EdgewiseError: it cannot be read, or does not match the spec.
        """
        try:
            with Image.open(self.folder / _IMAGE, formats=["PNG"]) as image:
                pixels = np.asarray(image)
            golden = Golden(pixels, **{name: _load_npy(self.folder / file) for name, file in _ARRAYS.items()})
            golden.check(self.spec)
        except (*_UNREADABLE, EdgewiseError) as error:
            found = f"the golden sample is unusable ({error})"
            raise EdgewiseError(f"{self.folder}: {found}; {_manifest.HINT}") from error
        return golden


def refuse_other_model(folder: Path, spec: ModelSpec) -> None:
    """Raise a `UsageError` if `folder` holds a bundle of other weights or classes than those of `spec`.

    A bundle that this version cannot read may be one, too.
    """
    ways = "choose another folder with --out, or replace it with --overwrite"
    try:
        manifest = _manifest.read(folder)
    except UsageError:
        return  # not a bundle that could be lost; `replacing_folder` judges whatever it is
    except EdgewiseError as error:
        raise UsageError(f"{error}; or {ways}") from error
    try:
        found = ModelSpec.from_json(_manifest.typed(manifest, "spec", dict))
    except (EdgewiseError, ValueError) as error:
        raise UsageError(f"{folder}: holds a bundle of an unknown model ({error}); {ways}") from error
    same_weights = (found.origin.sha256, found.origin.averaged) == (spec.origin.sha256, spec.origin.averaged)
    if same_weights and found.labels.names == spec.labels.names:
        return
    other = "weights" if not same_weights else "classes"
    raise UsageError(
        f"{folder}: holds a bundle made from other {other} ({found.name}, {found.origin.description}), which "
        f"would be lost; {ways}"
    )


def write_bundle(  # noqa: PLR0913 - all that a bundle is made of
    folder: Path,
    model: Artifact,
    reference: Artifact | None,
    golden: Golden,
    record: dict[str, Any],
    *,
    documents: Callable[[dict[str, Any]], dict[str, bytes]] | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Write a bundle to `folder` atomically, replacing any bundle there.

    `record` holds additional sections of the manifest: JSON values, with finite numbers only. `documents`
    makes files for people from the manifest, by their names.
    The new bundle is opened and checked before it replaces anything. A bundle of other weights or classes is
    replaced only with `overwrite`.

    Raises:
        UsageError: `folder` contains something other than a bundle, or a name is not valid in a bundle.
        EdgewiseError: `folder` cannot be written, or `golden` does not match the model.
        ValueError, TypeError: `record` cannot be stored in a manifest.
    """
    golden.check(model.spec)
    contents = _contents(model, reference, golden)
    with replacing_folder(folder) as partial:
        manifest = {
            "schema": _manifest.SCHEMA,
            "name": model.spec.name,
            "target": model.target,
            "precision": str(model.precision),
            "io": model.io,
            "model": model.file_name,
            "reference": reference.file_name if reference else None,
            "spec": model.spec.to_json(),
            "details": model.details,
            "files": {name: _store(partial / name, content) for name, content in contents.items()},
        }
        if taken := manifest.keys() & record.keys():
            raise ValueError(f"these manifest sections are reserved: {sorted(taken)}")
        manifest |= record
        if documents:
            made = documents(manifest)
            manifest["documents"] = {name: _store(partial / name, content) for name, content in made.items()}
        text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
        (partial / MANIFEST).write_bytes(f"{text}\n".encode())
        written = Bundle.open(partial)
        if not overwrite:
            refuse_other_model(folder, model.spec)
    return Bundle.from_manifest(folder, written.manifest)


def _refuse_files_beside(bundle: Bundle) -> None:
    """Refuse a model that takes weights from a file that the manifest has no digest of."""
    for path in filter(None, (bundle.model, bundle.reference)):
        for name in runtime(bundle.target).files_beside(path):
            if name not in bundle.manifest["files"]:
                raise EdgewiseError(
                    f"{path.name} takes weights from {name!r}, which {MANIFEST} does not list"
                )


def _refuse_other_labels(bundle: Bundle) -> None:
    """Refuse a labels.txt, which apps show, that differs from the manifest, which edgewise shows."""
    if (bundle.folder / _LABELS).read_bytes() != bundle.spec.labels.text().encode():
        raise EdgewiseError(f"{_LABELS} names other classes than {MANIFEST}")


def _contents(model: Artifact, reference: Artifact | None, golden: Golden) -> dict[str, bytes | Path]:
    """The files of a bundle by name, without the manifest: their bytes, or the file to copy."""
    contents: dict[str, bytes | Path] = {
        _LABELS: model.spec.labels.text().encode(),
        _IMAGE: _png(golden.image),
        **{file: _npy(getattr(golden, name)) for name, file in _ARRAYS.items()},
    }
    for artifact in (model, reference) if reference else (model,):
        if artifact.file_name in contents:
            raise ValueError(f"model and reference are both called {artifact.file_name}")
        if "/" in artifact.file_name or not _manifest.PLAIN.fullmatch(artifact.file_name):
            raise UsageError(f"{artifact.file_name!r} is not a plain file name; rename the model")
        contents.update(artifact.files)
    return contents


def _store(path: Path, content: bytes | Path) -> dict[str, Any]:
    """Write one file and return its entry in the manifest."""
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    shutil.copyfile(content, path)
    return {"sha256": sha256_of(content), "size_bytes": content.stat().st_size}


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _npy(array: Tensor32) -> bytes:
    # In memory first: on a full disk numpy's error has no errno. Every reader supports C order.
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _load_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:  # np.load would also accept an archive of arrays
        return np.lib.format.read_array(file, allow_pickle=False)
