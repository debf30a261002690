"""How many copies of photographs are found, and how many different photographs are taken for copies.

    uv run python benchmarks/copies.py FOLDER

It takes every eighth picture in FOLDER as calibration, at most 60 of them, saves each again in several ways,
and looks for these among what was calibrated with. Then it compares each picture with each other one. The
table goes to `benchmarks/copies.md`.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from math import comb
from pathlib import Path

import numpy as np
from PIL import Image

from edgewise.models.data.copies import MOST_BITS, Seen
from edgewise.models.images import find_images, read_image

_COUNT, _EVERY = 60, 8


def main() -> None:
    """Measure and write the table."""
    files = find_images(Path(sys.argv[1]))
    chosen = files[::_EVERY][:_COUNT]
    seen = Seen.of(chosen)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, save in _WAYS.items():
            again = []
            for place, file in enumerate(chosen):
                again.append(Path(folder, f"{place}.{name.split()[-1].lower()}"))
                again[-1].write_bytes(save(file))
            found = seen.copies(again)
            rows.append(f"| {name} | {len(found.same)} | {len(found.alike)} | {len(chosen)} |")
            for path in again:
                path.unlink()
    nearest, wrong = _between(files)
    Path(__file__).with_suffix(".md").write_text(
        f"""# Copies of photographs

By `uv run python benchmarks/copies.py FOLDER`, with {len(files)} photographs of as many classes of ImageNet.

| saved again as | found by pixels | found by looks | of |
|---|---:|---:|---:|
{chr(10).join(rows)}

Different photographs that are taken for copies: {wrong} of {comb(len(files), 2):,} pairs.
The two most alike differ in {nearest} of 256 bits; copies may differ in {MOST_BITS}.
""",
        "utf-8",
    )


def _between(files: list[Path]) -> tuple[int, int]:
    """The smallest distance of two different photographs, and how many pairs are taken for copies."""
    looks = [bytes.fromhex(*Seen.of([file]).looks) for file in files]
    bits = np.frombuffer(b"".join(looks), np.uint8).reshape(len(files), -1)
    distances = np.concatenate(
        [
            np.bitwise_count(bits[place] ^ bits[place + 1 :]).sum(1, dtype=np.int64)
            for place in range(len(bits))
        ]
    )
    return int(distances.min()), int((distances <= MOST_BITS).sum())


def _saved(
    kind: str, change: Callable[[Image.Image], Image.Image] = lambda same: same, **options: object
) -> Callable[[Path], bytes]:
    def save(file: Path) -> bytes:
        buffer = io.BytesIO()
        change(read_image(file)).save(buffer, kind, **options)
        return buffer.getvalue()

    return save


def _cropped(picture: Image.Image) -> Image.Image:
    """Without a tenth of its width and height at the edges."""
    across, down = picture.width // 20, picture.height // 20
    return picture.crop((across, down, picture.width - across, picture.height - down))


_WAYS: dict[str, Callable[[Path], bytes]] = {
    "the file and one byte, JPEG": lambda file: file.read_bytes() + b"\0",
    "PNG": _saved("PNG"),
    "lossless WebP": _saved("WEBP", lossless=True),
    "quality 95, JPEG": _saved("JPEG", quality=95),
    "quality 50, JPEG": _saved("JPEG", quality=50),
    "half the size, PNG": _saved("PNG", lambda picture: picture.reduce(2)),
    "cropped to 90 %, PNG": _saved("PNG", _cropped),
}


if __name__ == "__main__":
    main()
