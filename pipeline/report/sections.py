"""The tables of the page, as plain rows."""

from dataclasses import dataclass, replace

from ...runtime.processors import Processor
from .fields import Fields
from .headline import percent

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One form that was tried because INT8 lost too much."""

    title: str
    reason: str
    milliseconds: float
    agreement: float
    sqnr_db: float
    size: float
    front: bool = False

    def beats(self, other: "Attempt") -> bool:
        """Whether it is as good in fidelity, time and size, and better in one of them."""
        mine, theirs = ((-row.agreement, row.milliseconds, row.size) for row in (self, other))
        return mine != theirs and all(x <= y for x, y in zip(mine, theirs, strict=True))


def accuracy(manifest: Fields) -> list[tuple[str, str, str]]:
    """A title, the original's figure and the file's; the first is empty where one figure compares both."""
    found, rows = manifest.under("verification"), []
    for title, key in (("top-1 accuracy", "top1"), ("top-5 accuracy", "top5")):
        exact, own = (_share(found.under(f"{side}_accuracy"), key) for side in ("float", "quantized"))
        if {exact, own} != {_UNKNOWN}:
            rows.append((title, exact, own))
    agreement = found.under("agreement")
    sqnr, cosine, worst = (agreement.number(key) for key in ("sqnr_db", "cosine", "worst_cosine"))
    rows.append(("answers that agree", "", _share(agreement, "top1")))
    if sqnr is not None:
        rows.append(("SQNR of the logits", "", f"{sqnr:.1f} dB"))
    if cosine is not None and worst is not None:
        name = found.text("worst_picture") or _UNKNOWN
        rows.append(("cosine of the logits", "", f"{cosine:.4f} (least {worst:.4f}, {name})"))
    count, kind = agreement.count("count"), found.text("pictures") or _UNKNOWN
    rows.append(("judged by", "", f"{count:,} pictures ({kind})" if count else kind))
    rows.append(("arithmetic of", "", found.text("isa") or _UNKNOWN))
    return rows


def latency(manifest: Fields) -> list[tuple[str, str]]:
    """What was measured of time and size, and where."""
    rows = []
    for title, key in (("size of the original", "float"), ("size of the file", "quantized")):
        size = _size(manifest, key)
        if size is not None:
            rows.append((title, f"{size / 1e6:.2f} MB"))
    ratio, low, high = (
        manifest.number("latency", "speedup", *path)
        for path in (("ratio",), ("interval", "low"), ("interval", "high"))
    )
    if ratio is not None and low is not None and high is not None:
        rows.append(("speed", f"{ratio:.2f} times as fast as float (95 % interval {low:.2f} to {high:.2f})"))
    count = manifest.count("latency", "float", "count")
    if count is None:
        return [*rows, ("time", "was not measured")]
    rows.append(
        ("measured on", f"{manifest.text('machine', 'processor')}, {manifest.text('machine', 'system')}")
    )
    how = f"{count} runs in turn, one thread, CPU time"
    rows.append(("how", f"{how}; edgewise bench measures longer, and says whether to trust it"))
    return rows


def recovery(manifest: Fields) -> list[Attempt]:
    """The attempts in their order, with those that no other beats in everything."""
    found = [attempt for row in manifest.rows("recovery") if (attempt := _attempt(row)) is not None]
    return [replace(one, front=not any(other.beats(one) for other in found)) for one in found]


def processors(manifest: Fields) -> list[tuple[str, str]]:
    """Each kind of processor, and whether the verdict holds there."""
    holds = manifest.texts("processors", "verdict_holds_for")
    if not holds:
        return []
    layers = manifest.rows("structure", "overflow")
    fine = "the verdict holds"
    other = f"computes otherwise: products can exceed 16 bits in {len(layers)} layers"
    return [(processor.words, fine if processor.value in holds else other) for processor in Processor]


def assumptions(manifest: Fields) -> list[tuple[str, str]]:
    """How pictures must be prepared, and what the answers mean."""
    taken = manifest.under("spec", "preprocess")
    mean, std = taken.at("mean"), taken.at("std")
    grey = isinstance(mean, list) and len(mean) == 1
    labels = manifest.texts("spec", "labels", "names")
    return [
        ("channels", "grey" if grey else "RGB, in this order (OpenCV and picamera2 may give BGR)"),
        (
            "size",
            f"{_sides(taken.at('size'))} pixels, the centre of a picture {_resized(taken.at('resize'))}",
        ),
        ("filter", taken.text("interpolation") or _UNKNOWN),
        ("mean and standard deviation", f"{_numbers(mean)} and {_numbers(std)}, on the scale from 0 to 1"),
        ("classes", f"{len(labels):,}: {', '.join(labels[:3])}{', ...' if len(labels) > 3 else ''}"),
    ]


def provenance(manifest: Fields) -> list[tuple[str, str]]:
    """From the weights to the files, each with its SHA-256."""
    origin, rows = manifest.under("spec", "origin"), []
    rows.append(
        (f"weights: {origin.text('description')} ({origin.text('source')})", origin.text("sha256") or "")
    )
    if calibration := manifest.under("calibration"):
        title = (
            f"calibration: {calibration.count('count')} pictures ({calibration.text('source')}), their pixels"
        )
        rows.append((title, calibration.text("sha256") or ""))
    rows += [(name, entry.text("sha256") or "") for name, entry in manifest.items("files")]
    versions = manifest.at("versions")
    if isinstance(versions, dict):
        known = [f"{name} {version}" for name, version in versions.items() if isinstance(version, str)]
        rows.append((f"made with {', '.join(known)}", ""))
    return rows


def _share(found: Fields, key: str) -> str:
    share, low, high = (
        found.number(key),
        found.number(f"{key}_interval", "low"),
        found.number(f"{key}_interval", "high"),
    )
    if share is None:
        return _UNKNOWN
    if low is None or high is None:
        return percent(share)
    return f"{percent(share)} ({100 * low:.1f} to {100 * high:.1f})"


def _size(manifest: Fields, side: str) -> int | None:
    name = manifest.text("model" if side == "quantized" else "reference")
    files = manifest.under("files")
    return None if name is None else files.count(name, "size_bytes")


def _attempt(row: Fields) -> Attempt | None:
    times = row.number("latency", "quantized", "p50_ms"), row.number("latency", "float", "p50_ms")
    time = times[0] if times[0] is not None else times[1]
    agreement, sqnr = (row.number("verification", "agreement", key) for key in ("top1", "sqnr_db"))
    size = row.number("size_bytes")
    if time is None or agreement is None or sqnr is None or not size:
        return None
    return Attempt(row.text("title") or _UNKNOWN, row.text("reason") or "", time, agreement, sqnr, size)


def _sides(size: object) -> str:
    """Height and width."""
    if isinstance(size, int):
        return f"{size} x {size}"
    return " x ".join(map(str, size)) if isinstance(size, list) else _UNKNOWN


def _resized(size: object) -> str:
    if isinstance(size, int):
        return f"whose shorter side was resized to {size}"
    return f"resized to {_sides(size)}, whatever its proportions"


def _numbers(values: object) -> str:
    return (
        ", ".join(f"{value:g}" for value in values if isinstance(value, int | float))
        if isinstance(values, list)
        else _UNKNOWN
    )
