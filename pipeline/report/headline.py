"""The verdict in sentences that need no knowledge of quantization."""

from dataclasses import dataclass, replace

from ...models.errors import EdgewiseError
from .fields import Fields

_WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "unproven": "UNPROVEN"}


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict's name, what it means, and what the model costs."""

    verdict: str
    title: str
    sentence: str
    cost: str


def headline(manifest: Fields) -> Headline:
    """What to say first about the model of a manifest."""
    found = manifest.under("verification")
    verdict = found.text("verdict") or "unproven"
    verdict = verdict if verdict in _WORDS else "unproven"
    estimated = found.text("basis") == "estimated"
    title = _WORDS[verdict] + (" (estimated)" if estimated else "")
    if manifest.text("precision") == "fp32":
        sentence = _float(found)
    elif found.under("estimate"):
        sentence = _estimated(found, verdict)
    else:
        sentence = _measured(found, verdict) if found.under("drop") else _unproven(found, verdict)
    return Headline(verdict, title, sentence, _cost(manifest))


def not_written(manifest: Fields, error: EdgewiseError) -> Headline:
    """What to say first about a model that was not written because of `error`."""
    title = f"NOT WRITTEN ({error.exit_name.replace('_', ' ')})"
    return replace(headline(manifest), verdict="fail", title=title)


def percent(share: float | None, digits: int = 2) -> str:
    """A fraction in percent."""
    return "unknown" if share is None else f"{100 * share:.{digits}f} %"


def points(value: float | None) -> str:
    """Percentage points."""
    return "unknown" if value is None else f"{value:.2f} point{'s' * (abs(value) != 1)}"


def _float(found: Fields) -> str:
    top1, count = found.number("quantized_accuracy", "top1"), found.count("agreement", "count")
    if top1 is None:
        return (
            "This is the float model; its accuracy was not measured, because there were no labelled pictures."
        )
    return f"This is the float model. It answers {percent(top1)} of {count:,} labelled pictures right."


def _measured(found: Fields, verdict: str) -> str:
    exact, own = (found.number(f"{side}_accuracy", "top1") for side in ("float", "quantized"))
    lost, count = found.number("drop", "points") or 0.0, found.count("drop", "count") or 0
    limit = points(found.number("limits", "max_drop"))
    low, high = (found.number("drop", "interval", end) for end in ("low", "high"))
    right = (
        f"On {count:,} labelled pictures, the smaller model answers {percent(own)} right and the original "
        f"{percent(exact)}."
    )
    interval = _between(low, high)
    match verdict:
        case "pass":
            return f"{right} It is safe to say (95 % confidence) that it loses no more than {limit}."
        case "fail":
            return f"{right} It loses {points(lost)} ({interval}, with 95 % confidence); {limit} is allowed."
    settle = found.count("drop", "images_to_settle")
    more = f" About {settle:,} pictures would settle it." if settle else ""
    return (
        f"{right} Whether it loses more than {limit} is not decided by so few pictures: with 95 % "
        f"confidence, the change lies {interval}.{more}"
    )


def _between(low: float | None, high: float | None) -> str:
    """An interval of a loss, whose negative values are gains."""
    if low is None or high is None:
        return "in an unknown range"
    first = f"a gain of {-low:.2f}" if low < 0 else f"a loss of {low:.2f}"
    last = f"a gain of {-high:.2f}" if high < 0 else f"a loss of {high:.2f}"
    return f"between {first} and {last} points"


def _estimated(found: Fields, verdict: str) -> str:
    guess, count = found.number("estimate", "points"), found.count("estimate", "count") or 0
    limit, high = points(found.number("limits", "max_drop")), found.number("estimate", "interval", "high")
    differing = found.count("estimate", "differing") or 0
    base = (
        f"The pictures have no labels, so the loss is estimated: {points(guess)}, at most {points(high)} "
        f"with 95 % confidence. Both models answer alike on {count - differing:,} of {count:,} photographs."
    )
    return {
        "pass": f"{base} That is within the {limit} allowed.",
        "fail": f"{base} At most {limit} is allowed.",
    }.get(verdict, f"{base} That does not decide whether it loses more than {limit}.")


def _unproven(found: Fields, verdict: str) -> str:
    agreement, count = found.number("agreement", "top1"), found.count("agreement", "count") or 0
    told = (
        f"Its accuracy is not known: it was judged by {count:,} generated pictures, on which it agrees "
        f"with the original in {percent(agreement, 1)}."
    )
    if verdict == "fail":
        return f"{told} That is less than the {percent(found.number('limits', 'min_agreement'), 0)} required."
    return f"{told} Judge it by labelled pictures, with edgewise verify BUNDLE --data DIR."


def _cost(manifest: Fields) -> str:
    size, own = manifest.count("structure", "size_bytes"), manifest.number("latency", "quantized", "p50_ms")
    exact, ratio = (
        manifest.number("latency", "float", "p50_ms"),
        manifest.number("latency", "speedup", "ratio"),
    )
    words = f"The file has {size / 1e6:.2f} MB" if size else "The size of the file is unknown"
    where = manifest.text("machine", "processor") or "the exporting machine"
    time = own if own is not None else exact
    if time is None:
        return f"{words}."
    faster = f", {ratio:.2f} times as fast as the original" if ratio is not None else ""
    return f"{words} and takes {time:.2f} ms for a picture on one thread of {where}{faster}."
