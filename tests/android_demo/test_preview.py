"""The preview in the README: references in the layouts are resolved, in light and dark colours."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgewise.runtime.devices import _chromium as chromium

ROOT = Path(__file__).parents[2]


def test_three_screens_are_drawn_in_the_right_colours(tiny_bundle: Path, tmp_path: Path) -> None:
    if chromium.find() is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    out = tmp_path / "preview.png"
    command = (ROOT / "android_demo" / "preview.py", tiny_bundle, out)
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as image, Image.open(ROOT / "android_demo" / "preview.png") as committed:
        drawn = image.convert("RGB")
        assert drawn.size == committed.size
    grounds = [drawn.getpixel((place, drawn.height - 30)) for place in (200, 580, 960)]
    assert grounds == [(0xFF, 0xFF, 0xFF), (0x12, 0x13, 0x16), (0xFF, 0xFF, 0xFF)]  # `surface`
    assert drawn.getpixel((200, 25)) == (0, 0, 0)  # `stage`
    assert (ROOT / "android_demo" / "preview.png").stat().st_size < 100_000
