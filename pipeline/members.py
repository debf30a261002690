"""The members of an ensemble, as they are named or given."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..models.model import Model
from ..models.overrides import Overrides
from ..models.weights import load_model
from ..models.weights.names import require_model, require_weights
from .load import loaded
from .request import ModelLike


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A loaded network and what it is called in a table: as the user named it."""

    name: str
    model: Model


def load_members(
    members: Iterable[ModelLike],
    overrides: Overrides,
    say: Callable[[str], None],
) -> list[Member]:
    """Load NAME, NAME=WEIGHTS or the path of a checkpoint, and take what is in memory as it is.

    Raises:
        UsageError, EdgewiseError, MissingDependencyError: as `load_model` says.
    """
    found = [_member(member, overrides, say) for member in members]
    return [
        replace(member, model=_scaled(member.model, way)) if (way := overrides.interpolation) else member
        for member in found
    ]


def require_members(members: Iterable[ModelLike]) -> None:
    """Raise a `UsageError` where a member is no model or its weights are not there, before any is loaded."""
    for member in members:
        if isinstance(member, str | os.PathLike):
            name, weights = _parts(os.fspath(member))
            require_model(name)
            require_weights(weights)


def _member(given: ModelLike, overrides: Overrides, say: Callable[[str], None]) -> Member:
    if isinstance(given, str | os.PathLike):
        name = os.fspath(given)
        return Member(name, _load(name, overrides, say))
    model = loaded(given, "auto", overrides, say)
    return Member(model.spec.name, model)


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
    preprocess = replace(model.spec.preprocess, interpolation=interpolation)
    return replace(model, spec=replace(model.spec, preprocess=preprocess))
