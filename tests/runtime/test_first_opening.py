"""Bundles whose digests are right and whose files crash their engine."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import (
    BuiltinOperator,
    BuiltinOptions,
    CallOnceOptionsT,
    OperatorCodeT,
    OperatorT,
    SubGraphT,
)

import edgewise
from edgewise.export.tflite.flatbuffer import pack, unpack
from edgewise.models.errors import EdgewiseError
from edgewise.runtime import android
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.first_opening import require_sound

if TYPE_CHECKING:
    from collections.abc import Callable


NONE = np.array([], np.int32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache folder in which no file has been opened."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def crashing(bundle: Path, folder: Path, part: str) -> Path:
    """A copy whose model or float model has two graphs that call each other until the stack is full."""
    shutil.copytree(bundle, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    model = unpack((folder / manifest[part]).read_bytes())
    model.operatorCodes.append(
        OperatorCodeT(deprecatedBuiltinCode=127, builtinCode=BuiltinOperator.CALL_ONCE, version=1)
    )

    def call(graph: int) -> OperatorT:
        return OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=NONE,
            outputs=NONE,
            builtinOptionsType=BuiltinOptions.CallOnceOptions,
            builtinOptions=CallOnceOptionsT(initSubgraphIndex=graph),
        )

    model.subgraphs[0].operators.insert(0, call(1))
    model.subgraphs += [
        SubGraphT(tensors=[], inputs=NONE, outputs=NONE, operators=[call(other)]) for other in (2, 1)
    ]
    content = pack(model)
    (folder / manifest[part]).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    manifest["files"][manifest[part]] = entry
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("part", ["model", "reference"])
def test_a_file_that_crashes_its_engine_is_an_error_wherever_it_is_opened(
    tiny_bundle: Path, tmp_path: Path, part: str
) -> None:
    hostile = crashing(tiny_bundle, tmp_path / "hostile", part)
    ways: list[Callable[[], Any]] = [
        lambda: edgewise.verify(hostile),
        lambda: edgewise.compare(hostile, torch=False, count=4),
        lambda: android.check(Bundle.open(hostile)),
    ]
    if part == "model":
        ways.append(lambda: edgewise.open_bundle(hostile))
    for way in ways:
        with pytest.raises(
            EdgewiseError, match=r"crashes the tflite runtime \(SIG[A-Z]+\), so it is damaged"
        ):
            way()


def test_a_file_is_tried_once(tiny_bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.open(tiny_bundle)
    require_sound(bundle, bundle.model)
    require_sound(bundle)
    assert len([*(cache / "edgewise" / "opened").iterdir()]) == 2
    monkeypatch.setattr("sys.executable", "/nowhere")
    require_sound(bundle)  # starts nothing


def test_a_cache_that_cannot_be_written_is_no_error(tiny_bundle: Path, cache: Path) -> None:
    cache.write_text("a file")
    require_sound(Bundle.open(tiny_bundle))
    assert cache.read_text() == "a file"


@pytest.mark.parametrize(
    "other", [{"resize": 255}, {"interpolation": "nearest"}, {"mean": [0.4] * 3}, {"std": [0.6] * 3}]
)
def test_other_preprocessing_than_that_of_the_golden_sample_is_refused_everywhere(
    tiny_bundle: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    """Also a size to resize to, of which the model file says nothing."""
    forged = Path(shutil.copytree(tiny_bundle, tmp_path / "forged"))
    manifest = json.loads((forged / "manifest.json").read_bytes())
    manifest["spec"]["preprocess"] |= other
    (forged / "manifest.json").write_text(json.dumps(manifest))
    ways: list[Callable[[], Any]] = [
        lambda: edgewise.open_bundle(forged),
        lambda: edgewise.verify(forged),
        lambda: edgewise.gate(forged, tiny_bundle, latency=False),
        lambda: edgewise.gate(tiny_bundle, forged, latency=False),
        lambda: edgewise.compare(forged, torch=False, count=4),
        lambda: android.check(Bundle.open(forged)),
    ]
    for way in ways:
        with pytest.raises(EdgewiseError, match="preprocessing does not give the input of the golden sample"):
            way()
