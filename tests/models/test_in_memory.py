"""Modules that a program has: what becomes of them, and what is told of them."""

import math

import pytest
import torch
from torch import Tensor, nn

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.in_memory import of_module
from edgewise.models.overrides import Overrides
from edgewise.models.spec import Preprocess

FULL = Overrides.of(mean=0.5, std=(0.1, 0.2, 0.3), imgsz=16, resize=20, labels=iter(["a", "b", "c"]))


class Tiny(nn.Sequential):
    """Three classes, with what evaluation mode and another type change."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(4, 3)
        )


@pytest.fixture
def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny()


def test_it_is_a_copy_that_is_ready_to_convert(tiny: Tiny) -> None:
    tiny.half()
    model = of_module(tiny, FULL)
    assert model.network is not tiny
    assert not model.network.training
    assert {weight.dtype for weight in model.network.parameters()} == {torch.float32}
    assert tiny.training  # and the module is as it was
    assert {weight.dtype for weight in tiny.parameters()} == {torch.float16}
    pictures = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = tiny.float().eval()(pictures)
        torch.testing.assert_close(model.network(pictures), expected)
        tiny.get_parameter("4.weight").zero_()  # further training changes nothing of the model
        torch.testing.assert_close(model.network(pictures), expected)


def test_what_is_told_of_it_is_its_description(tiny: Tiny) -> None:
    model = of_module(tiny, FULL, "mine")
    assert model.spec.name == "mine"
    assert model.spec.preprocess == Preprocess(16, 20, (0.5, 0.5, 0.5), (0.1, 0.2, 0.3))
    assert model.spec.labels.names == ("a", "b", "c")
    assert (model.spec.origin.source, model.spec.origin.description) == ("memory", "the module Tiny")
    assert model.notices == ()
    assert repr(model) == "<Model mine: 16 x 16 pixels, 3 classes, the module Tiny>"


def test_what_is_not_told_is_assumed_and_said(tiny: Tiny) -> None:
    model = of_module(tiny, Overrides())
    assert (model.spec.name, model.spec.preprocess) == ("tiny", Preprocess())
    how, which = model.notices
    assert how == (
        "the module Tiny does not define its preprocessing: assuming the usual way "
        f"({Preprocess().text}); change it with imgsz, resize, mean, std"
    )
    assert which == (
        "the module Tiny does not name its 3 classes: assuming 'class 0' to 'class 2'; name them with labels"
    )


def test_its_weights_are_known_again(tiny: Tiny) -> None:
    first, again = (of_module(tiny, FULL).spec.origin.sha256 for _ in range(2))
    assert first == again
    with torch.no_grad():
        tiny.get_parameter("4.bias").add_(1)
    assert of_module(tiny, FULL).spec.origin.sha256 != first


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(tiny: Tiny, value: float) -> None:
    with torch.no_grad():
        tiny.get_parameter("4.weight")[1, 2] = value
    with pytest.raises(EdgewiseError, match=r"Tiny: 4.weight contains NaN or infinite values"):
        of_module(tiny, FULL)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Computed(nn.Module):
    """Holds what torch does not copy."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 3))
        self.twice = 2 * self.weight


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        (nn.LazyLinear(3), "LazyLinear: some weights have no values yet"),
        (nn.Linear(3, 3, device="meta"), "Linear: some weights have no values yet"),
        (nn.Linear(5, 3), r"linear: does not accept RGB pictures of 16 x 16 pixels \(mat1 and mat2"),
        (Pair(), r"pair: returns tuple for one picture; make it return \(1, classes\)"),
        (nn.Identity(), r"identity: returns \(1, 3, 16, 16\) float for one picture"),
        (Computed(), "Computed: cannot be copied"),
        (Tiny, "a type is not a network; pass a torch.nn.Module, a name or a file's path"),
        (None, "a NoneType is not a network"),
    ],
)
def test_what_is_no_classifier_is_refused(module: nn.Module, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        of_module(module, FULL)


def test_labels_of_another_number_are_refused(tiny: Tiny) -> None:
    with pytest.raises(UsageError, match="labels: names 2 classes, but the network has 3 outputs"):
        of_module(tiny, Overrides.of(imgsz=16, labels=["a", "b"]))
