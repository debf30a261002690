"""Whether a manifest describes the model file beside it: precision, types, shapes, labels and preprocessing.

Digests show that a file is the one that the manifest was written for. They do not show that the manifest
tells the truth: whoever wrote both can permute the labels, or call a float file INT8.
"""

import json
import math
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...export.precision import Precision
from ...models.errors import EdgewiseError
from ...models.spec import Preprocess, classes_of
from .. import machine
from ..bundle import Bundle
from ..structure import Structure

_LABELS, _MOST_BYTES = "labels.txt", 10_000_000  # of the class names in a .tflite file
_STEP = "output_step"


def require_described(bundle: Bundle, file: Path, found: Structure) -> None:
    """Raise an `EdgewiseError` with the first thing that the manifest says otherwise than one of its files.

    `file` is the bundle's model or its float model, and `found` what is in it.
    """
    for said, is_ in _differences(bundle, file, found):
        raise EdgewiseError(
            f"{bundle.folder}: its manifest {said}, but {file.name} {is_}; do not trust the bundle, "
            "export it again"
        )


def _differences(bundle: Bundle, file: Path, found: Structure) -> Iterator[tuple[str, str]]:
    """What the manifest says, and what the file says instead, as parts of a sentence."""
    own = file == bundle.model
    precision, io = (bundle.precision, bundle.io) if own else (Precision.FP32, "float32")
    if precision != _precision(bundle, precision, found):
        yield f"calls it {precision}", f"is {found.precision} ({found.float_layers} layers in float)"
    for end in (*found.inputs, *found.outputs):
        if end.dtype != io:
            yield f"has {io} inputs and outputs", f"has {end.name!r} of type {end.dtype}"
    height, width, channels = bundle.spec.preprocess.shape
    shapes = [end.shape[1:] for end in found.inputs]
    if shapes not in ([(height, width, channels)], [(channels, height, width)]):
        yield f"has pictures of {height} x {width} x {channels}", f"takes {shapes}"
    classes = [classes_of(end.shape[-1]) if end.shape else 0 for end in found.outputs]
    if classes != [len(bundle.spec.labels)]:
        yield f"names {len(bundle.spec.labels)} classes", f"has outputs for {classes}"
    if own:
        yield from _structure(bundle.manifest.get("structure") or {}, found)
    for key, told, is_ in _metadata(bundle, file, found.metadata):
        if told != is_:
            yield f"has other {key} ({_short(told)})", f"records {_short(is_)}"


def _precision(bundle: Bundle, told: Precision, found: Structure) -> Precision | str:
    """The file's precision, or the one that was `told` where this machine cannot tell them apart.

    OpenVINO computes in INT8 where its plugin has kernels for it, which on Arm are not those of x86.
    """
    elsewhere = bundle.target == "openvino" and not machine.is_x86()
    return told if elsewhere and told.quantized == found.stores_integers else found.precision


def _structure(told: dict[str, Any], found: Structure) -> Iterator[tuple[str, str]]:
    """Where the manifest's description of inputs, outputs and the output's step differs."""
    if _STEP in told and not _same_step(told[_STEP], found.output_step):
        yield f"has an output step of {told[_STEP]}", f"has one of {found.output_step}"
    for key in ("inputs", "outputs"):
        is_ = json.loads(json.dumps([asdict(end) for end in getattr(found, key)]))
        if key in told and told[key] != is_:
            yield f"has other {key} ({_short(told[key])})", f"has {_short(is_)}"


def _same_step(told: float | None, own: float | None) -> bool:
    return told == own if told is None or own is None else math.isclose(told, own, rel_tol=1e-6)


def _metadata(bundle: Bundle, file: Path, stored: dict[str, str]) -> Iterator[tuple[str, Any, Any]]:
    """What the manifest and the file's own metadata say of one thing, where the file has any."""
    preprocess = bundle.spec.preprocess
    names = [*bundle.spec.labels.names]
    if "normalisation" in stored:  # TFLite Metadata
        yield "normalisation", _normalisation(preprocess), stored["normalisation"]
        with suppress(OSError, KeyError, ValueError, zipfile.BadZipFile):
            yield "labels", bundle.spec.labels.text(), _zipped(file)
        return
    given = json.loads(json.dumps(asdict(preprocess)))
    for key, told in (("labels", names), ("preprocess", given), ("edgewise.preprocess", given)):
        if key in stored:
            yield key.rpartition(".")[2], told, _parsed(stored[key])
    if "model_info.labels" in stored:  # OpenVINO's Model API, whose labels have no spaces
        told = " ".join("_".join(name.split(" ")) for name in names)
        yield "labels", "".join(told.split()), "".join(stored["model_info.labels"].split())


def _zipped(file: Path) -> str:
    """The class names that are appended to a .tflite file."""
    with zipfile.ZipFile(file) as archive:
        if archive.getinfo(_LABELS).file_size > _MOST_BYTES:
            raise ValueError("too many labels")
        return archive.read(_LABELS).decode()


def _normalisation(preprocess: Preprocess) -> str:
    """As `runtime.tflite.metadata` tells it."""
    mean, std = (
        [f"{float(value):g}" for value in np.multiply(values, 255).astype(np.float32)]
        for values in (preprocess.mean, preprocess.std)
    )
    words = [texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})" for texts in (mean, std)]
    return f"(pixel - {words[0]}) / {words[1]}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _short(value: Any) -> str:
    shown = str(value).strip().replace("\n", ", ")
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
