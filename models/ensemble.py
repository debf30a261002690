"""Combines several networks into one graph: the weighted mean of their probabilities or logits."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .errors import UsageError
from .model import Model
from .sizes import written
from .spec import Labels, ModelSpec, Origin, Preprocess
from .weights.fitting import count_outputs

if TYPE_CHECKING:
    from torch import Tensor, nn

Average: TypeAlias = Literal["probabilities", "logits"]

_LEAST = 1e-30  # smallest probability: its logarithm is finite in float32, and equal in every runtime


def combine(members: Sequence[Model], weights: Sequence[float] | None, average: Average) -> Model:
    """Combine `members` into one network with the first one's preprocessing and classes.

    Without `weights`, all members count equally. The outputs are logits: the weighted mean of the members'
    logits, or the logarithm of the mean of their probabilities, whose softmax is that mean. Members with
    another mean and std, or another order of classes, are adapted inside the graph.

    Raises:
        UsageError: there are fewer than two members, or the same one twice; weights are not positive or not
            one per member; the members' input sizes, interpolation or classes differ; a member has a single
            output for two classes.
    """
    shares = normalised(weights, len(members))
    _refuse_twins(members)
    _refuse_single_outputs(members)
    first = members[0].spec
    network = _network([aligned(member, first) for member in members], shares, average)
    spec = ModelSpec(_name(members), first.preprocess, first.labels, _origin(members, shares, average))
    parts = [_record(member, share) for member, share in zip(members, shares, strict=True)]
    return Model(network, spec, {"average": average, "members": parts})


def normalised(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Scale `weights` to sum to one; a `UsageError` unless there are `count`, at least two, all positive."""
    given = [1.0] * count if weights is None else [float(weight) for weight in weights]
    if count < 2:
        raise UsageError(f"an ensemble needs at least two members, found {count}; add another")
    if len(given) != count:
        raise UsageError(f"{len(given)} weights for {count} members; pass one for each, or none")
    if not all(0 < weight < float("inf") for weight in given):
        raise UsageError(f"weights {', '.join(f'{weight:g}' for weight in given)}: must be positive numbers")
    return tuple(weight / sum(given) for weight in given)


def averaged(logits: "Sequence[Tensor]", weights: "Tensor", average: Average) -> "Tensor":
    """The ensemble's logits (N, classes) from those of its members; `weights` are (members, 1).

    For probabilities the logarithm comes last, without logsumexp: INT8 files compute this part in float, and
    this takes the fewest operators. Probabilities below 1e-30 are clamped to it, a logit 69 below that of a
    probability of 1.
    """
    import torch

    terms = logits if average == "logits" else [values.softmax(1) for values in logits]
    mean = (torch.stack(list(terms), 1) * weights).sum(1)
    return mean if average == "logits" else mean.clamp_min(_LEAST).log()


def aligned(member: Model, like: ModelSpec) -> "nn.Module":
    """The network of `member`, adapted to the preprocessing and the order of classes of `like`.

    A different mean and std become a 1x1 depthwise convolution, which INT8 files quantize per channel without
    loss.

    Raises:
        UsageError: the input sizes, interpolation or classes differ.
    """
    from torch import nn

    preprocess, target = member.spec.preprocess, like.preprocess
    _require_same_pictures(member.spec, like)
    parts = [member.network]
    if (preprocess.mean, preprocess.std) != (target.mean, target.std):
        parts.insert(0, _renormalisation(target, preprocess))
    order = _order(member.spec, like)
    if order != list(range(len(order))):
        parts.append(_selection(order))
    return nn.Sequential(*parts).eval() if len(parts) > 1 else member.network


def _network(members: "list[nn.Module]", weights: Sequence[float], average: Average) -> "nn.Module":
    import torch
    from torch import nn

    class Ensemble(nn.Module):
        """Runs all members on the same pictures, (N, C, H, W), and averages their outputs, (N, classes)."""

        def __init__(self) -> None:
            super().__init__()
            self.members = nn.ModuleList(members)
            self.weights = nn.Buffer(torch.tensor(weights)[:, None])

        def forward(self, pictures: "Tensor") -> "Tensor":
            return averaged([member(pictures) for member in self.members], self.weights, average)

    return Ensemble().eval()


def _renormalisation(given: Preprocess, wanted: Preprocess) -> "nn.Module":
    """(x * std + mean - wanted mean) / wanted std, per channel."""
    import torch

    old_mean, old_std, mean, std = (
        torch.tensor(values, dtype=torch.float64)
        for values in (given.mean, given.std, wanted.mean, wanted.std)
    )
    channels = given.channels
    layer = torch.nn.Conv2d(channels, channels, 1, groups=channels)
    layer.load_state_dict({"weight": (old_std / std)[:, None, None, None], "bias": (old_mean - mean) / std})
    return layer


def _selection(order: list[int]) -> "nn.Module":
    import torch
    from torch import nn

    class Selection(nn.Module):
        """Reorders the classes."""

        def __init__(self) -> None:
            super().__init__()
            self.order = nn.Buffer(torch.tensor(order))

        def forward(self, logits: "Tensor") -> "Tensor":
            return logits.index_select(1, self.order)

    return Selection()


def _order(spec: ModelSpec, like: ModelSpec) -> list[int]:
    """The indices in `spec` of the classes of `like`; by id if both have ids, as names may not be unique."""
    both = bool(spec.labels.ids and like.labels.ids)
    own, wanted = (_keys(labels, ids=both) for labels in (spec.labels, like.labels))
    if own == wanted:
        return list(range(len(own)))
    odd = [name for name in (*own, *wanted) if own.count(name) != wanted.count(name)]
    if odd or len(set(own)) != len(own):
        example = f"only one has {odd[0]!r}" if odd else "their order differs and some names are not unique"
        raise UsageError(
            f"{like.name} and {spec.name} have different classes, {len(wanted)} and {len(own)} ({example}); "
            "use members trained on the same data set, or name the classes with --labels"
        )
    places = {key: place for place, key in enumerate(own)}
    return [places[key] for key in wanted]


def _keys(labels: Labels, *, ids: bool) -> tuple[str, ...]:
    return labels.ids if ids else labels.names


def _require_same_pictures(spec: ModelSpec, like: ModelSpec) -> None:
    """Reject differences that the graph cannot undo: another crop, resize or interpolation."""
    own, wanted = spec.preprocess, like.preprocess
    if own.channels != wanted.channels:
        raise UsageError(
            f"{spec.name} and {like.name} take different pictures, one of them grey ones; "
            "use members that take the same"
        )
    if (own.size, own.resize) != (wanted.size, wanted.resize):
        raise UsageError(
            f"{spec.name} crops {written(own.size)} pixels from {written(own.resize)}, {like.name} "
            f"{written(wanted.size)} from {written(wanted.resize)}: set the same for all with --imgsz "
            f"{written(wanted.size)} --resize {written(wanted.resize)}"
        )
    if own.interpolation != wanted.interpolation:
        raise UsageError(
            f"{spec.name} uses {own.interpolation} interpolation, {like.name} {wanted.interpolation}: "
            f"set the same for all with --interpolation {wanted.interpolation}"
        )


def _refuse_single_outputs(members: Sequence[Model]) -> None:
    for member in members:
        spec = member.spec
        if len(spec.labels) == 2 and count_outputs(spec.name, member.network, spec.preprocess.shape) == 1:
            raise UsageError(
                f"{spec.name} has a single output for two classes; members of an ensemble need one for each"
            )


def _refuse_twins(members: Sequence[Model]) -> None:
    seen: dict[str, ModelSpec] = {}
    for member in members:
        spec = member.spec
        key = spec.origin.sha256 or str(id(member.network))
        if twin := seen.get(key):
            raise UsageError(
                f"{spec.name} with the weights {twin.origin.description} is listed twice; use another "
                "member, or raise the weight of this one with --weights"
            )
        seen[key] = spec


def _name(members: Sequence[Model]) -> str:
    """Such as 'ensemble-mobilenetv2x2-resnet18'; a user's own network is named after its file."""
    counts = Counter(re.split(r"[/\\]", member.spec.name)[-1].replace(".py:", "-") for member in members)
    names = (f"{name}x{count}" if count > 1 else name for name, count in counts.items())
    return re.sub(r"[^\w.+-]+", "-", f"ensemble-{'-'.join(names)}")


def _origin(members: Sequence[Model], weights: Sequence[float], average: Average) -> Origin:
    parts = " + ".join(
        f"{weight:.3g} {member.spec.name} ({member.spec.origin.description})"
        for member, weight in zip(members, weights, strict=True)
    )
    digests = "".join(member.spec.origin.sha256 for member in members)
    return Origin("ensemble", f"mean of {average}: {parts}", hashlib.sha256(digests.encode()).hexdigest())


def _record(member: Model, weight: float) -> dict[str, Any]:
    origin = member.spec.origin
    return {
        "name": member.spec.name,
        "weights": origin.description,
        "sha256": origin.sha256,
        "weight": weight,
        "top1": (member.record or {}).get("top1"),
    }
