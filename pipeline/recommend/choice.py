"""Ranks candidates by what a scenario values, and says which wish to relax where none can be met."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor, log2
from statistics import median
from typing import Any

from ...export import targets as every_target
from ...models.errors import UsageError, unknown
from ...runtime.processors import names as processors
from ..document import document
from ..request import at_least
from ..sweep.figures import SweepRow
from .candidates import MEASURED, Candidate, Figure, candidates


@dataclass(frozen=True, slots=True)
class Scenario:
    """What counts: the targets that come into question, and how many points of top-1 a doubling costs."""

    targets: tuple[str, ...]
    latency: float
    size: float
    memory: float
    words: str


SCENARIOS: Mapping[str, Scenario] = {
    "mobile": Scenario(("tflite",), 2.0, 1.0, 0.5, "an app on a phone"),
    "edge": Scenario(every_target(), 2.0, 0.5, 1.0, "a small board"),
    "server": Scenario(("onnx", "openvino"), 1.0, 0.0, 0.0, "a server"),
    "realtime": Scenario(every_target(), 4.0, 0.0, 0.0, "pictures of a camera, each in time"),
    "transfer": Scenario(every_target(), 1.0, 0.5, 0.0, "a start for training on data of your own"),
}
_COSTS = {"latency": "latency_ms", "size": "size_mb", "memory": "memory_mb"}
_PROXY = "multiply-accumulates"
# Where a device is that has no address: the name that Raspberry Pi OS gives it, and the phone on the cable.
_ADDRESSES = {"pi4": "ssh://pi@raspberrypi.local", "pi5": "ssh://pi@raspberrypi.local", "android": "adb"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a file must keep; None means no limit."""

    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    max_memory_mb: float | None = None
    min_top1: float | None = None
    device: str = "local"
    scenario: str = "edge"

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise unknown("scenario", self.scenario, SCENARIOS)
        for name in _LIMITS:
            value = getattr(self, name)
            if value is not None:
                at_least(name, value, 0)


# The figure that each wish is about, and whether it is an upper limit.
_LIMITS = {
    "max_latency_ms": ("latency_ms", True),
    "max_size_mb": ("size_mb", True),
    "max_memory_mb": ("memory_mb", True),
    "min_top1": ("top1", False),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recommendation:
    """The files that keep all wishes, the best one first, why it is, and the command that comes next."""

    wishes: Wishes
    ranked: tuple[Candidate, ...]
    paragraph: str
    command: str

    def __repr__(self) -> str:
        return f"<Recommendation of {self.ranked[0].title} among {len(self.ranked)}: {self.command}>"

    def to_json(self) -> dict[str, Any]:
        """The document `recommendation`."""
        return document(
            "recommendation",
            wishes=asdict(self.wishes),
            ranked=[asdict(candidate) for candidate in self.ranked],
            paragraph=self.paragraph,
            command=self.command,
        )


def recommend(rows: Sequence[SweepRow], wishes: Wishes) -> Recommendation:
    """Rank what was measured and what was published.

    Raises:
        UsageError: nothing keeps all wishes; the message says which one to relax, and by how much.
    """
    scenario = SCENARIOS[wishes.scenario]
    known = candidates(rows, scenario.targets, wishes.device)
    kept = [one for one in known if _keeps(one, wishes)]
    if not kept:
        raise UsageError(f"no file keeps all wishes; {_relaxed(known, wishes)}")
    scores = _scores(kept, scenario)
    # A latency that nobody knows may be beyond its limit.
    ranked = sorted(kept, key=lambda one: (_unsure(one, wishes), -scores[one]))
    return Recommendation(wishes, tuple(ranked), _paragraph(ranked, wishes), _command(ranked[0], wishes))


def _keeps(one: Candidate, wishes: Wishes) -> bool:
    """Whether it keeps every wish, or nobody knows that it does not; an accuracy must be known."""
    if wishes.min_top1 is not None and one.top1 is None:
        return False
    return all(_excess(one, wishes, name) <= 0 for name in _LIMITS)


def _excess(one: Candidate, wishes: Wishes, name: str) -> float:
    """By what fraction of a wish a candidate misses it; 0 or less where it keeps it."""
    field, upper = _LIMITS[name]
    limit: float | None = getattr(wishes, name)
    figure: Figure | None = getattr(one, field)
    if limit is None or figure is None:
        return 0.0
    beyond = figure.value - limit if upper else limit - figure.value
    return beyond / max(limit, 1e-9)


def _unsure(one: Candidate, wishes: Wishes) -> int:
    """0 where all that has a limit is measured or published, 1 for estimates, 2 for what is unknown."""
    if wishes.max_latency_ms is None:
        return 0
    if one.latency_ms is None:
        return 2
    return int(one.latency_ms.source != MEASURED)


def _scores(kept: Sequence[Candidate], scenario: Scenario) -> dict[Candidate, float]:
    """Top-1 in points, less what each doubling beyond the median of all costs in this scenario."""
    costs = [*map(_costs, kept)]
    middle = {
        name: median(values)
        for name in {name for own in costs for name in own}
        if (values := [own[name] for own in costs if name in own])
    }
    return {
        one: (one.top1.value if one.top1 else 0.0)
        - sum(_points(scenario, name) * log2(value / middle[name]) for name, value in own.items())
        for one, own in zip(kept, costs, strict=True)
    }


def _costs(one: Candidate) -> dict[str, float]:
    """What a file costs, by name; where its latency is unknown, multiply-accumulates stand for it."""
    figures = {name: getattr(one, field) for name, field in _COSTS.items()}
    found = {name: figure.value for name, figure in figures.items() if figure and figure.value > 0}
    if "latency" not in found and one.macs:
        found[_PROXY] = one.macs
    return found


def _points(scenario: Scenario, name: str) -> float:
    found: float = getattr(scenario, "latency" if name == _PROXY else name)
    return found


def _relaxed(known: Sequence[Candidate], wishes: Wishes) -> str:
    """The smallest change of each wish alone that lets something through; of all together if none does."""
    given = [name for name in _LIMITS if getattr(wishes, name) is not None]
    ways = []
    for name in given:
        others = Wishes(**{**asdict(wishes), name: None})
        field, upper = _LIMITS[name]
        through = [one for one in known if _keeps(one, others) and getattr(one, field) is not None]
        if through:
            best = (min if upper else max)(through, key=lambda one: getattr(one, field).value)
            ways.append(f"{_said(wishes, name, getattr(best, field).value)} ({best.title})")
    if ways:
        return f"relax one of them: {'; or '.join(ways)}"
    able = [one for one in known if all(getattr(one, _LIMITS[name][0]) is not None for name in given)]
    if not able:
        return "nothing is known of such files; measure some with `edgewise sweep`"
    near = min(able, key=lambda one: max(_excess(one, wishes, name) for name in given))
    missed = [name for name in given if _excess(near, wishes, name) > 0]
    steps = [_said(wishes, name, getattr(near, _LIMITS[name][0]).value) for name in missed]
    return f"no single one is to blame; {near.title} is nearest, with {' and '.join(steps)}"


def _said(wishes: Wishes, name: str, value: float) -> str:
    """A wish as it would have to be, rounded so that it is kept."""
    limit, upper = getattr(wishes, name), _LIMITS[name][1]
    rounded = ceil(10 * value) / 10 if upper else floor(10 * value) / 10
    return f"--{name.replace('_', '-')} {rounded:g} instead of {limit:g}"


def _paragraph(ranked: Sequence[Candidate], wishes: Wishes) -> str:
    return " ".join(_sentences(ranked, wishes, SCENARIOS[wishes.scenario]))


def _sentences(ranked: Sequence[Candidate], wishes: Wishes, scenario: Scenario) -> Iterator[str]:
    best = ranked[0]
    count = "the only file that keeps all wishes"
    if len(ranked) > 1:
        count = f"first of {len(ranked)} files that keep all wishes"
    costs = [f"{name} {getattr(scenario, name):g}" for name in _COSTS if getattr(scenario, name) > 0]
    yield (
        f"{best.title} is {count}, for {scenario.words}, where a doubling costs as many points of top-1: "
        f"{', '.join(costs)}."
    )
    for name, figure, unit in (
        ("top-1", best.top1, "%"),
        ("latency", best.latency_ms, "ms"),
        ("size", best.size_mb, "MB"),
    ):
        if figure is not None:
            yield f"Its {name} of {figure.value:.4g} {unit} is {figure.source} ({figure.note})."
    if best.latency_ms is None:
        yield (
            f"No sweep has measured its latency on {wishes.device} yet; "
            "its multiply-accumulates stand for it."
        )
    if len(ranked) > 1:
        yield f"{ranked[1].title} comes next{_beside(ranked[1], best)}."


def _beside(second: Candidate, best: Candidate) -> str:
    """How the second differs from the best."""
    parts = []
    if second.top1 and best.top1:
        gap = second.top1.value - best.top1.value
        parts.append(
            f"{abs(gap):.1f} points {'more' if gap > 0 else 'less'} accurate" if gap else "as accurate"
        )
    for field, word in (("latency_ms", "latency"), ("size_mb", "size")):
        mine, its = getattr(second, field), getattr(best, field)
        if mine and its and its.value > 0:
            parts.append(f"with {mine.value / its.value:.2f} times the {word}")
    return f", {', '.join(parts)}" if parts else ""


def _command(best: Candidate, wishes: Wishes) -> str:
    """What makes the file, or measures it first where nobody has."""
    precision = ["--int8"] if best.precision == "w8a8" else ["--precision", best.precision]
    if best.latency_ms is None or best.latency_ms.source != MEASURED:
        device = _ADDRESSES.get(wishes.device, wishes.device)
        place = ["--on", device] if device.startswith(("adb", "browser", "ssh://")) else []
        kind = ["--int8"] if best.precision == "w8a8" else ["--float"]
        return shlex.join(["edgewise", "sweep", best.network, "--to", best.target, *kind, *place])
    made_for = ["--for", wishes.device] if wishes.device in processors() else []
    words = ["edgewise", "export", best.network, "--to", best.target, *precision]
    return shlex.join([*words, *(made_for if best.precision == "w8a8" else [])])
