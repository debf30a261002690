"""What a sweep is asked for: names and globs become networks, each with the settings of its conversion."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path
from typing import Any

from ...export.precision import Precision
from ...models.errors import UsageError, unknown
from ...models.libraries import libraries, library
from ...models.schema import Rule, boolean, listing, number, one_of, text
from ...models.weights.names import require_model
from ...models.zoo import architectures, is_own
from ..request import ConvertRequest

EVERYTHING = "all"
_GLOB = "*?["


def _either(*rules: Rule) -> Rule:
    """What one of the rules says."""

    def rule(value: Any, where: str) -> None:
        for one in rules[:-1]:
            try:
                return one(value, where)
            except UsageError:
                continue
        return rules[-1](value, where)

    return rule


_TEXTS = _either(text, listing(text, least=1))
_SIZE = _either(number(above=0, whole=True), listing(number(above=0, whole=True), least=2, most=2))
_CHANNELS = _either(number(), listing(number(), least=3, most=3))
PATHS = ("calib", "data", "labels", "weights")
# What decides about the files that are made. Nothing about time: a sweep measures that at its end.
SETTINGS: Mapping[str, Rule] = {
    "to": _TEXTS,
    "precision": _TEXTS,
    "processors": _TEXTS,
    "per_tensor": boolean,
    "io": text,
    "effort": text,
    "weights": text,
    "ema": boolean,
    "mean": _CHANNELS,
    "std": _CHANNELS,
    "imgsz": _SIZE,
    "resize": _either(_SIZE, one_of("squash")),
    "channels": number(above=0, whole=True),
    "interpolation": text,
    "labels": text,
    "calib": text,
    "calib_count": number(above=0, whole=True),
    "seed": number(whole=True),
    "stability": boolean,
    "data": text,
    "eval_count": number(above=0, whole=True),
    "max_drop": number(),
    "min_agreement": number(),
    "min_top1": number(),
    "strict": boolean,
    "recover": boolean,
    "recover_budget": number(),
    "force": boolean,
}
DEFAULTS: Mapping[str, Any] = {"to": "all", "precision": ("fp32", "w8a8"), "stability": False}


@dataclass(frozen=True, slots=True)
class SweptNetwork:
    """A network by the name that `convert` takes, and the settings of its conversion."""

    name: str
    settings: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What tables call it: a file by its folder and name."""
        return "/".join(Path(self.name).parts[-2:]) if Path(self.name).exists() else self.name

    @property
    def pairs(self) -> list[tuple[str, Precision]]:
        """Each target and precision that is asked for."""
        asked = self.request(None)
        return [(target, precision) for target in asked.targets for precision in asked.precisions]

    def request(
        self,
        out: Path | None,
        targets: Iterable[str] | None = None,
        precisions: Iterable[Precision] | None = None,
    ) -> ConvertRequest:
        """The conversion of some targets and precisions, or of all.

        Raises:
            UsageError: a setting is unknown or cannot be used.
        """
        own = {**self.settings}
        if targets is not None and precisions is not None:
            own |= {"to": (*targets,), "precision": (*map(str, precisions),)}
            if Precision.W8A8 not in precisions:  # what INT8 alone has, float files would refuse
                own = {name: value for name, value in own.items() if name not in _OF_INT8}
        if isinstance(own.get("resize"), list):
            own["resize"] = tuple(own["resize"])
        if isinstance(own.get("imgsz"), list):
            own["imgsz"] = tuple(own["imgsz"])
        return ConvertRequest(model=self.name, thumbnails=False, out=out, **own)


_OF_INT8 = ("per_tensor", "io", "effort", "stability")


def swept(names: Iterable[str], settings: Mapping[str, Any]) -> list[SweptNetwork]:
    """The networks that names and globs stand for, each once, checked without building any.

    Raises:
        UsageError: a name stands for nothing, or a setting cannot be used.
    """
    for key, value in settings.items():
        if key not in SETTINGS:
            raise unknown("setting of a sweep", key, SETTINGS)
        SETTINGS[key](value, key)
    found: dict[str, SweptNetwork] = {}
    for given in names:
        asked, weights = _parted(given)
        for name in _named(asked):
            own = {**DEFAULTS, **settings, **({"weights": weights} if weights else {})}
            network = SweptNetwork(name, own)
            network.request(None)
            found.setdefault(f"{name}={weights or ''}", network)
    return [*found.values()]


def _parted(given: str) -> tuple[str, str | None]:
    """'NAME=FILE' as a network and the file of its weights."""
    name, equals, weights = given.partition("=")
    if not equals or Path(given).exists():
        return given, None
    if not name or not weights:
        raise UsageError(f"{given}: is half a pair; pass NAME=FILE, a network and the file of its weights")
    return name, weights


def _named(asked: str) -> list[str]:
    """What a name or a glob stands for, in the order of the zoo."""
    if asked.casefold() == EVERYTHING:
        return [row.name for row in architectures()]
    if not any(letter in asked for letter in _GLOB) or Path(asked).exists() or is_own(asked):
        require_model(asked)
        return [asked]
    prefix, colon, pattern = asked.partition(":")
    if colon and prefix.casefold() in libraries():
        known = _matching(library(prefix.casefold()).names(), pattern, str)
        found = [f"{prefix.casefold()}:{name}" for name in known]
    else:
        found = _matching([row.name for row in architectures()], asked, str.casefold)
        found = found or sorted(glob(str(Path(asked).expanduser()), recursive=True))  # noqa: PTH207 - absolute ones, too
        for name in found:
            require_model(name)
    if not found:
        raise UsageError(f"{asked}: matches no network and no file; `edgewise models` lists the networks")
    return found


def _matching(names: Iterable[str], pattern: str, folded: Callable[[str], str]) -> list[str]:
    return [name for name in names if fnmatchcase(folded(name), folded(pattern))]
