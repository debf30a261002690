"""Compares a network's depthwise separable convolutions with the standard convolutions that they replace.

A standard convolution costs K²·Cin·Cout per position, a depthwise convolution followed by a pointwise one
only K²·Cin + Cin·Cout (A. Howard et al., "MobileNets", arXiv:1704.04861, section 3.1).
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from .layers import Kind

if TYPE_CHECKING:
    from .recorder import Step


@dataclass(frozen=True, slots=True)
class Separable:
    """A depthwise convolution and the pointwise convolution or linear layer that mixes its channels.

    `area` is K²; `channels`, between the two, is `inputs` or a multiple of it.
    """

    area: int
    inputs: int
    channels: int
    outputs: int
    positions: int

    @property
    def weights(self) -> int:
        """The number of weights, which is also the number of MACs per position."""
        return self.area * self.channels + self.channels * self.outputs

    @property
    def standard_weights(self) -> int:
        """The same for the standard convolution."""
        return self.area * self.inputs * self.outputs


@dataclass(frozen=True, slots=True)
class Savings:
    """The parameters and MACs the network would have with standard convolutions instead of separable ones."""

    blocks: tuple[Separable, ...]
    parameters: int
    macs: int


def savings(kinds: "dict[Step, Kind]", parameters: int, macs: int) -> Savings | None:
    """What depthwise separable convolutions save in a network with these steps; None without any."""
    blocks = tuple(_blocks(kinds))
    if not blocks:
        return None
    extra = [block.standard_weights - block.weights for block in blocks]
    more_macs = sum(block.positions * more for block, more in zip(blocks, extra, strict=True))
    return Savings(blocks, parameters + sum(extra), macs + more_macs)


def _blocks(kinds: "dict[Step, Kind]") -> list[Separable]:
    """Find the pairs, in order of execution.

    Norms, activations and the scaling of a squeeze-and-excitation may come in between. The pooled channels
    that the scaling factors are computed from do not count.
    """
    found: dict[Step, Separable] = {}
    carried: dict[Step, Step] = {}  # a step, and the depthwise convolution whose channels it passes on
    for step, kind in kinds.items():
        if kind is Kind.DEPTHWISE:
            carried[step] = step
            continue
        depthwise = next((carried[source] for source in step.sources if source in carried), None)
        if depthwise is None:
            continue
        if step.elementwise:
            carried[step] = depthwise
        elif kind in {Kind.POINTWISE, Kind.LINEAR} and depthwise not in found:
            found |= _paired(depthwise, step)
    return list(found.values())


def _paired(depthwise: "Step", mixing: "Step") -> "dict[Step, Separable]":
    """Both as one block, if the second mixes exactly the channels of the first at every position."""
    assert depthwise.weight  # noqa: S101 - every layer has one
    assert mixing.weight  # noqa: S101
    channels, _, *kernel = depthwise.weight
    # A convolution's weight is (Cout, Cin, 1, 1), a matrix product's (Cin, Cout).
    outputs, inputs = mixing.weight[:2] if mixing.operator == "convolution" else mixing.weight[:-3:-1]
    positions = mixing.macs // (inputs * outputs)
    if inputs != channels or positions * prod(kernel) * channels != depthwise.macs:
        return {}
    return {depthwise: Separable(prod(kernel), depthwise.groups, channels, outputs, positions)}
