"""Changes to bundles, checkpoints and pictures that keep digests right, for `fuzz.py`."""

import hashlib
import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

from fuzz_models import with_other_values
from fuzz_values import TEXTS, other_value, places


def in_manifest(bundle: Path, draw: random.Random) -> str:
    """Another manifest: a value that differs, is missing, doubled or of another type; or other bytes."""
    path = bundle / "manifest.json"
    if draw.random() < 0.15:
        path.write_bytes(changed(path.read_bytes(), draw))
        return "bytes of the manifest"
    manifest = json.loads(path.read_bytes())
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        found = [*places(manifest)]
        holder, key = draw.choice(found)
        kind = draw.random()
        if kind < 0.15:
            del holder[key]
        elif kind < 0.3:
            other, name = draw.choice(found)
            holder[key] = deepcopy(other[name])  # which may hold this very place
        elif kind < 0.4 and isinstance(holder[key], list):
            draw.shuffle(holder[key])
        else:
            holder[key] = other_value(holder[key], draw)
        if not manifest:
            break
    text = json.dumps(manifest)
    if draw.random() < 0.05:
        text = '{"schema": 1, ' + text[1:]
    path.write_text(text)
    return "values of the manifest"


def in_labels(bundle: Path, draw: random.Random) -> str:
    """Other class names: in the manifest and in labels.txt, or in the latter alone."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    names = manifest["spec"]["labels"]["names"]
    kind = draw.randrange(5)
    if kind == 0:
        draw.shuffle(names)
    elif kind == 1:
        names[draw.randrange(len(names))] = draw.choice(TEXTS)
    elif kind == 2:
        names.append(draw.choice(names))
    elif kind == 3:
        names.pop()
    content = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogatepass")
    if kind == 4:
        content = changed(content, draw)
    (bundle / "labels.txt").write_bytes(content)
    _sign(bundle, manifest, ["labels.txt"])
    return "labels"


def in_golden(bundle: Path, draw: random.Random) -> str:
    """Other bytes in a file of the golden sample, or a .npy header of another array."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    name = draw.choice([name for name in manifest["files"] if name.startswith("golden/")])
    path = bundle / name
    content = path.read_bytes()
    if name.endswith(".npy") and draw.random() < 0.5:
        content = content[:10] + changed(content[10:128], draw) + content[128:]
    else:
        content = changed(content, draw)
    path.write_bytes(content)
    _sign(bundle, manifest, [name])
    return "the golden sample"


def in_model(bundle: Path, draw: random.Random) -> str:
    """Other bytes in a model file, or another file of its format: with other values."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    name = draw.choice([name for name in manifest["files"] if "/" not in name and not name.endswith(".txt")])
    path, what = bundle / name, "bytes of a model file"
    change = with_other_values(path.suffix)
    if change and draw.random() < 0.5:
        what = "values of a model file"
        path.write_bytes(change(path.read_bytes(), draw))
    else:
        path.write_bytes(changed(path.read_bytes(), draw))
    _sign(bundle, manifest, [name])
    return what


Change: TypeAlias = Callable[[Path, random.Random], str]
BUNDLES: tuple[Change, ...] = (
    in_manifest,
    in_manifest,
    in_labels,
    in_golden,
    in_model,
    in_model,
)


def changed(content: bytes, draw: random.Random) -> bytes:
    """The bytes with some of them flipped, missing, doubled, overwritten or added."""
    found = bytearray(content)
    size = len(found)
    kind = draw.randrange(7)
    if kind <= 2 or size < 8:
        for _ in range(draw.choice((1, 1, 2, 8, 64))):
            if size:
                found[draw.randrange(size)] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
    elif kind == 3:
        del found[draw.randrange(size) :]
    elif kind == 4:
        start = draw.randrange(size)
        found[start : start + draw.choice((1, 4, 100))] = b""
    elif kind == 5:
        start, length = draw.randrange(size), draw.choice((4, 16, 256))
        target = draw.randrange(size)
        found[target : target + length] = found[start : start + length]
    else:
        start = draw.randrange(size)
        found[start:start] = draw.randbytes(draw.choice((1, 4, 100)))
    return bytes(found)


def in_header(content: bytes, draw: random.Random) -> bytes:
    """A .safetensors file with other values in its header, or other bytes."""
    if draw.random() < 0.4:
        return changed(content, draw)
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    inner = header.get("__metadata__", {})
    decoded = {key: json.loads(text) for key, text in inner.items() if text[:1] in "{["}
    if decoded and draw.random() < 0.7:
        key = draw.choice(sorted(decoded))
        holder, place = draw.choice([*places(decoded[key])])
        holder[place] = other_value(holder[place], draw)
        inner[key] = json.dumps(decoded[key])
    else:
        holder, place = draw.choice([*places(header)])
        holder[place] = other_value(holder[place], draw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _sign(bundle: Path, manifest: dict[str, Any], names: list[str]) -> None:
    """Write the manifest with the digests of these files."""
    for name in names:
        content = (bundle / name).read_bytes()
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        manifest["files"][name] = entry
    (bundle / "manifest.json").write_text(json.dumps(manifest))
