"""What an address in the cache depends on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewise.export.precision import Precision
from edgewise.pipeline.sources import sources
from edgewise.pipeline.sweep.keys import Keys, address
from edgewise.pipeline.sweep.plan import swept


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text("def make(num_classes): ...\n")
    (tmp_path / "weights.pth").write_bytes(b"weights")
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photos" / "a.png")
    return tmp_path


def key(files: Path, **more: object) -> str:
    settings = {"weights": str(files / "weights.pth"), "calib": str(files / "photos"), **more}
    (network,) = swept([f"{files / 'net.py'}:make"], settings)
    return address(Keys().material(network, "onnx", Precision.W8A8))


def test_the_same_gives_the_same_address_wherever_weights_and_pictures_lie(files: Path) -> None:
    before = key(files)
    (files / "weights.pth").rename(files / "moved.pth")
    (files / "photos").rename(files / "album")
    assert key(files, weights=str(files / "moved.pth"), calib=str(files / "album")) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda files: (files / "net.py").write_text("def make(num_classes): return 1\n"),
        lambda files: (files / "weights.pth").write_bytes(b"others"),
        lambda files: (files / "photos" / "a.png").rename(files / "photos" / "b.png"),
        lambda files: Image.fromarray(np.ones((8, 8, 3), np.uint8)).save(files / "photos" / "a.png"),
    ],
)
def test_content_decides(files: Path, change: Callable[[Path], object]) -> None:
    before = key(files)
    change(files)
    assert key(files) != before


def test_settings_decide_and_other_targets_do_not(files: Path) -> None:
    before = key(files)
    assert key(files, seed=1) != before
    assert key(files, max_drop=2.0) != before
    assert key(files, to="onnx", precision="w8a8") == before


def test_edgewise_itself_decides(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(sources()) == 64
    before = key(files)
    monkeypatch.setattr("edgewise.pipeline.sweep.keys.sources", lambda: "another")
    assert key(files) != before
