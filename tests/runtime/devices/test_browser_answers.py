"""A model answers pictures in a real Chromium, with the real engines, beside this machine."""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.spec import Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.pipeline.verify import verify
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices._browser_answers import _logits
from edgewise.runtime.devices.answers import DeviceSession
from edgewise.runtime.devices.browser import Browser

pytestmark = pytest.mark.usefixtures("no_browser_is_left")


@pytest.fixture
def labelled(tiny_bundle: Path, tmp_path: Path) -> Path:
    """Eighteen pictures, which are two batches."""
    names = Bundle.open(tiny_bundle).spec.labels.names
    for index in range(18):
        folder = tmp_path / "val" / names[index % len(names)]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, 5, index)).save(folder / f"{index}.png")
    return tmp_path / "val"


@pytest.mark.usefixtures("browser")
def test_accuracy_in_the_browser_is_this_machines_to_the_bit(tiny_bundle: Path, labelled: Path) -> None:
    here = verify(tiny_bundle, data=labelled, threads=1)
    there = verify(tiny_bundle, data=labelled, threads=1, device="browser")
    assert there.board is not None
    assert (there.board.pictures, there.board.identical, there.board.same_class) == (19, 19, 19)
    assert (there.board.max_rel, there.board.device) == (0, "browser")
    assert "headless, LiteRT.js 2." in (there.board.board or "")
    assert there.drop == here.drop
    assert there.drop is not None
    assert there.drop.count == 18


@pytest.mark.usefixtures("browser")
def test_onnx_runtime_web_gets_its_channels_first(tiny_bundles: dict[str, Path], labelled: Path) -> None:
    """Its INT8 rounds otherwise on WebAssembly, so answers need not have the same bits."""
    there = verify(tiny_bundles["onnx"], data=labelled, max_drop=100, threads=1, device="browser:headless")
    assert there.board is not None
    assert "ONNX Runtime Web 1." in (there.board.board or "")
    assert there.board.pictures == 19
    assert there.board.max_rel < 0.05
    assert there.drop is not None


def test_a_browser_that_crashes_only_repeats_the_batch_on_the_way(
    browser: Browser, browsers: Callable[[], list[int]], tiny_bundle: Path, tiny_pictures: Tensor32
) -> None:
    bundle = Bundle.open(tiny_bundle)
    expected = open_session(bundle.model, bundle.target, 1)
    with DeviceSession(browser, bundle, 1) as session:
        assert np.array_equal(session(tiny_pictures[:2]), expected(tiny_pictures[:2]))
        (first,) = browsers()
        os.kill(first, signal.SIGKILL)
        assert np.array_equal(session(tiny_pictures[2:5]), expected(tiny_pictures[2:5]))
        assert first not in browsers()
        assert session.board is not None


def test_a_page_that_cannot_open_the_model_is_reported(
    browser: Browser, tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = Bundle.open(tiny_bundle)
    with pytest.raises(UsageError, match=r"--threads 999: the browser offers \d+ processors"):
        DeviceSession(browser, bundle, 999).__enter__()
    with pytest.raises(EdgewiseError, match="the browser has not responded for 0 s"):
        DeviceSession(replace(browser, start_s=0.0), bundle, 1).__enter__()
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    (broken / bundle.model.name).write_bytes(b"not a model")
    manifest = json.loads((broken / "manifest.json").read_bytes())
    told = {"sha256": hashlib.sha256(b"not a model").hexdigest(), "size_bytes": len(b"not a model")}
    manifest["files"][bundle.model.name] |= told
    (broken / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EdgewiseError, match="the browser failed: tiny tflite w8a8: Failed to load model"):
        DeviceSession(browser, Bundle.open(broken), 1).__enter__()


def test_bundles_that_browsers_have_no_engine_for(browser: Browser, tiny_bundles: dict[str, Path]) -> None:
    told = "browsers have no engine for openvino files; .* or verify openvino without --device browser"
    with pytest.raises(UsageError, match=told):
        DeviceSession(browser, Bundle.open(tiny_bundles["openvino"]), 1).__enter__()


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ({}, "cannot be read .KeyError"),
        ({"logits": [[1, 2], [3]]}, "cannot be read .ValueError"),
        ({"logits": "no"}, "cannot be read .ValueError"),
        ({"logits": {"a": 1}}, "cannot be read .TypeError"),
        ({"logits": [1, 2]}, r"of shape \(2,\) for 2 pictures"),
        ({"logits": [[1, 2]]}, r"of shape \(1, 2\) for 2 pictures"),
    ],
)
def test_what_a_page_sends_may_be_anything(sent: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EdgewiseError, match=complaint):
        _logits(sent, 2)


def test_nulls_are_no_numbers() -> None:
    assert np.isnan(_logits({"logits": [[1, None]]}, 1)).tolist() == [[False, True]]
