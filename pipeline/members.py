"""The members of an ensemble, as they are named on the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..models.weights import Model, Overrides, load_model
from ..models.weights.names import require_model, require_weights


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A loaded network and what it is called in a table: as the user named it."""

    name: str
    model: Model


def load_members(
    arguments: tuple[str, ...], overrides: Overrides, interpolation: str | None, say: Callable[[str], None]
) -> list[Member]:
    """Load what `edgewise ensemble` was given: NAME, NAME=WEIGHTS, or the path of a checkpoint.

    Raises:
        UsageError, EdgewiseError, MissingDependencyError: as `load_model` says.
    """
    found = [Member(argument, _load(argument, overrides, say)) for argument in arguments]
    return [
        replace(member, model=_scaled(member.model, interpolation)) if interpolation else member
        for member in found
    ]


def require_members(arguments: Sequence[str]) -> None:
    """Raise a `UsageError` where a member is no model or its weights are not there, before any is loaded."""
    for name, weights in map(_parts, arguments):
        require_model(name)
        require_weights(weights)


def _parts(argument: str) -> tuple[str, str]:
    """What a member is called, and its weights."""
    name, _, weights = (argument, "", "") if Path(argument).is_file() else argument.partition("=")
    return name, weights or "auto"


def _load(argument: str, overrides: Overrides, say: Callable[[str], None]) -> Model:
    """One member; `overrides` of mean and std are for those alone that do not say theirs."""
    name, weights = _parts(argument)
    said: list[str] = []
    model = load_model(name, weights, replace(overrides, mean=None, std=None), said.append)
    if model.spec.origin.source == "file" and model.record is None and (overrides.mean or overrides.std):
        said.clear()
        model = load_model(name, weights, overrides, said.append)
    for line in said:
        say(line)
    return model


def _scaled(model: Model, interpolation: str) -> Model:
    preprocess = replace(model.spec.preprocess, interpolation=interpolation)  # type: ignore[arg-type]
    return replace(model, spec=replace(model.spec, preprocess=preprocess))
