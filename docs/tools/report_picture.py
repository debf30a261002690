"""Take the picture of a report that README.md shows: of the bundled network, whose pictures are generated.

    uv run python docs/tools/report_picture.py

Needs Chromium.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

import edgewise

PICTURE = Path(__file__).parents[1] / "images" / "report.png"
_WIDTH, _HEIGHT = 900, 1150


def main() -> None:
    """Export, and photograph the top of the page."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("there is no Chromium; install it: apt install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        edgewise.convert("mobilenetv2", weights="bundled", int8=True, out=folder / "bundle")
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        window = (f"--window-size={_WIDTH},{_HEIGHT}", f"--screenshot={folder / 'page.png'}")
        page = (folder / "bundle" / "report.html").as_uri()
        subprocess.run(
            [program, *options, *window, f"--user-data-dir={folder / 'profile'}", page], check=True
        )
        with Image.open(folder / "page.png") as image:
            image.convert("RGB").quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
