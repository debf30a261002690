"""Assigns operators to layer types."""

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .recorder import Step

BATCH_NORMS = {"native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"}


class Kind(StrEnum):
    """A layer type. Every parameter and every MAC of a network counts towards exactly one."""

    STANDARD = "standard convolution"
    POINTWISE = "pointwise convolution"
    DEPTHWISE = "depthwise convolution"
    GROUPED = "grouped convolution"
    LINEAR = "linear"
    PRODUCT = "matrix product"  # of two activations, as in attention
    FOLDED = "batch norm that folds"
    NORM = "batch norm that stays"
    OTHER = "other norms and embeddings"
    UNUSED = "not used at inference"


def kinds_of(steps: "list[Step]") -> "dict[Step, Kind]":
    """The type of each step, in the same order."""
    readers = Counter(source for step in steps for source in step.sources)
    return {step: _kind(step, readers) for step in steps}


def _kind(step: "Step", readers: "Counter[Step]") -> Kind:
    if step.operator in BATCH_NORMS:
        return Kind.FOLDED if _folds(step, readers) else Kind.NORM
    if step.operator == "convolution" and step.weight:
        return _convolution(step.weight, step.groups)
    if step.macs:
        return Kind.LINEAR if step.weight else Kind.PRODUCT
    return Kind.LINEAR if _is_bias(step) else Kind.OTHER


def _is_bias(step: "Step") -> bool:
    """Whether it adds the bias of a linear layer that torch split into a matrix product and an addition."""
    product = step.sources[0] if len(step.sources) == 1 else None
    return (
        step.operator == "add"
        and bool(step.parameters)
        and product is not None
        and product.operator in {"mm", "bmm"}
        and product.weight is not None
    )


def _folds(norm: "Step", readers: "Counter[Step]") -> bool:
    """Whether it has fixed statistics and is the only reader of a convolution's or linear layer's output."""
    return bool(norm.weight) and all(
        source.macs and source.weight and readers[source] == 1 for source in norm.sources
    )


def _convolution(weight: tuple[int, ...], groups: int) -> Kind:
    _, inputs, *kernel = weight  # inputs of one group
    if groups > 1:
        return Kind.DEPTHWISE if inputs == 1 else Kind.GROUPED
    return Kind.POINTWISE if set(kernel) == {1} else Kind.STANDARD
