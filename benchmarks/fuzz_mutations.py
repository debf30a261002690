"""Changes to bundles, checkpoints and pictures that keep digests right, for `fuzz.py`."""

import hashlib
import json
import random
import string
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

_NUMBERS = (0, -1, 1, 2, 255, 1 << 31, 1 << 63, 10**400, 0.5, -0.0, 1e30, 1e-30, 1e308)
_TEXTS = (
    "",
    "\0",
    "\x1b[2J",
    "..",
    "../../etc/passwd",
    "net.py:f",
    "NaN",
    "{",
    "n" * 100_000,
    "ant",
    "☃",
    "w8a8",
)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"a": {}}, [0] * 5, {"": 0})


def in_manifest(bundle: Path, draw: random.Random) -> str:
    """Another manifest: a value that differs, is missing, doubled or of another type; or other bytes."""
    path = bundle / "manifest.json"
    if draw.random() < 0.15:
        path.write_bytes(changed(path.read_bytes(), draw))
        return "bytes of the manifest"
    manifest = json.loads(path.read_bytes())
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        places = [*_places(manifest)]
        holder, key = draw.choice(places)
        kind = draw.random()
        if kind < 0.15:
            del holder[key]
        elif kind < 0.3:
            other, name = draw.choice(places)
            holder[key] = deepcopy(other[name])  # which may hold this very place
        elif kind < 0.4 and isinstance(holder[key], list):
            draw.shuffle(holder[key])
        else:
            holder[key] = _value(holder[key], draw)
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
        names[draw.randrange(len(names))] = draw.choice(_TEXTS)
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
    """Other bytes in a model file."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    name = draw.choice([name for name in manifest["files"] if "/" not in name and not name.endswith(".txt")])
    (bundle / name).write_bytes(changed((bundle / name).read_bytes(), draw))
    _sign(bundle, manifest, [name])
    return "a model file"


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
        holder, place = draw.choice([*_places(decoded[key])])
        holder[place] = _value(holder[place], draw)
        inner[key] = json.dumps(decoded[key])
    else:
        holder, place = draw.choice([*_places(header)])
        holder[place] = _value(holder[place], draw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _places(value: Any) -> Any:
    """Every place in a JSON value: its holder and key."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _value(old: Any, draw: random.Random) -> Any:
    kind = draw.random()
    if kind < 0.3 and isinstance(old, int | float):
        return draw.choice((old + 1, old - 1, -old, old * 2, old / 3, str(old)))
    if kind < 0.3 and isinstance(old, str) and old:
        place = draw.randrange(len(old))
        return old[:place] + draw.choice(string.printable) + old[place + 1 :]
    return draw.choice((draw.choice(_NUMBERS), draw.choice(_TEXTS), draw.choice(_OTHERS)))


def _sign(bundle: Path, manifest: dict[str, Any], names: list[str]) -> None:
    """Write the manifest with the digests of these files."""
    for name in names:
        content = (bundle / name).read_bytes()
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        manifest["files"][name] = entry
    (bundle / "manifest.json").write_text(json.dumps(manifest))
