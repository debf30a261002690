"""Every picture is decoded; unreadable ones are reported without stopping the scan."""

import hashlib
from pathlib import Path

from PIL import Image

from edgewise.models.data.scan import Scanned, scan


def test_each_file_has_its_digest_its_kinds_or_its_fault(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("plain.png", "grey.jpg", "half.png", "none.png")]
    Image.new("RGB", (9, 9)).save(files[0])
    Image.new("L", (9, 9)).save(files[1])
    files[2].write_bytes(files[0].read_bytes()[:40])
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in files[:2]]
    told: list[tuple[int, int]] = []
    plain, grey, half, none = scan(list(zip(files, range(4), strict=True)), lambda *now: told.append(now))
    assert plain == Scanned(files[0], 0, digests[0])
    assert grey == Scanned(files[1], 1, digests[1], ("grey",))
    assert (half.label, half.path) == (2, files[2])
    assert half.fault is not None
    assert none == Scanned(files[3], 3, fault="No such file or directory")
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
