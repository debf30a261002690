"""A phone answers pictures, over the real adb; the phone is an EMULATION (`_adbd.py`) with a stand-in app.

The stand-in computes with this machine's real LiteRT, so that transfer, intent and comparison are tested.
"""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.synthetic import dead_leaves
from edgewise.pipeline.verify import verify
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices._adb_answers import PhoneAnswers
from edgewise.runtime.devices._adb_client import Adb
from edgewise.runtime.devices._adb_installed import App
from edgewise.runtime.devices.adb import open_device
from edgewise.runtime.devices.answers import DeviceSession

Install = Callable[..., Any]
DATA = "data/user/0/edgewise.demo/files/bench"

pytestmark = pytest.mark.skipif(shutil.which("adb") is None, reason="no adb: apt-get install adb")


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_accuracy_on_a_phone_is_compared_to_the_bit(
    installed: Install, bundle: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    phone, folder = installed(), bundle(kind)
    names = Bundle.open(folder).spec.labels.names
    for index in range(18):  # two batches
        place = tmp_path / "val" / names[index % len(names)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, 5, index)).save(place / f"{index}.png")
    here = verify(folder, data=tmp_path / "val", max_drop=100, threads=1)
    there = verify(folder, data=tmp_path / "val", max_drop=100, threads=1, device="adb")
    assert there.board is not None
    assert (there.board.device, there.board.board) == ("adb", "Example Phone 8")
    assert (there.board.pictures, there.board.identical, there.board.same_class) == (19, 19, 19)
    assert there.drop == here.drop
    assert there.drop is not None
    assert there.drop.count == 18
    starts = [command for command in phone.commands if "am start" in command]
    assert len(starts) == 3  # the golden sample and two batches
    assert all("--es pictures pictures.npy" in command and "--ei threads 1" in command for command in starts)
    assert phone.left == []
    assert not (phone.root / DATA).exists()


def test_a_batch_that_fails_once_is_repeated_on_a_new_connection(
    installed: Install, bundle: Callable[[str], Path]
) -> None:
    phone, opened = installed(), Bundle.open(bundle("float32"))
    golden = opened.golden().input
    with DeviceSession(open_device("adb"), opened, 1) as session:
        first = session(golden)
        (phone.root / DATA / "bundle/manifest.json").unlink()
        assert np.array_equal(session(golden), first)
    assert phone.left == []


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ('{"error": "the CPU cannot run the model: no memory"}', "the app failed: the CPU cannot run"),
        ("nonsense", "the app's answer cannot be read"),
        ('{"records": []}', "cannot answer pictures; install the app of this version: gradle"),
        ('{"logits": "logits.npy"}', "cannot copy logits.npy from the app: .*No such file"),
    ],
)
def test_an_app_that_gives_no_logits_is_reported(
    installed: Install, bundle: Callable[[str], Path], answer: str, complaint: str
) -> None:
    phone = installed(f"printf %s '{answer}' > $(dirname $0)/../{DATA}/answer.json")
    opened = Bundle.open(bundle("float32"))
    golden = opened.golden().input
    with (
        DeviceSession(open_device("adb"), opened, 1) as session,
        pytest.raises(EdgewiseError, match=complaint),
    ):
        session(golden)
    assert phone.left == []


def test_what_phones_cannot_run_is_refused_before_they_are_looked_for(
    tiny_bundles: dict[str, Path], plug: Callable[..., Any]
) -> None:
    phone = plug()
    with pytest.raises(UsageError, match="is for onnx; phones can only run tflite bundles"):
        verify(tiny_bundles["onnx"], device="adb")
    assert phone.commands == []
    with pytest.raises(UsageError, match="the demo app is not installed, which runs models on phones"):
        verify(tiny_bundles["tflite"], device="adb")
    assert phone.left == []


def test_what_a_phone_sends_may_be_anything(installed: Install) -> None:
    phone = Adb(installed().serial)
    session = PhoneAnswers(phone, App(phone, "/data/local/tmp"), 1, None)
    buffer = io.BytesIO()
    for array, complaint in (
        (np.zeros((1, 3), np.float32), r"are float32 \(1, 3\) for 2 pictures"),
        (np.zeros((2, 3)), r"are float64 \(2, 3\) for 2 pictures"),
        (np.array([{}, {}]), "cannot be read"),
    ):
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=True)
        with pytest.raises(EdgewiseError, match=complaint):
            session._read(buffer.getvalue(), 2)
    for content in (b"", b"nonsense", buffer.getvalue()[:20]):
        with pytest.raises(EdgewiseError, match="the app's logits cannot be read"):
            session._read(content, 2)
