"""Ensembles: the mean, adapting members to each other, and what is rejected."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgewise.models.ensemble import Average, aligned, averaged, combine, normalised
from edgewise.models.errors import UsageError
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess
from edgewise.models.weights import Model

PREPROCESS = Preprocess(size=32, resize=40)
OTHER = Preprocess(size=32, resize=40, mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.2))
LABELS = Labels(("ant", "bee", "cat", "dog"))
AVERAGES: tuple[Average, ...] = ("probabilities", "logits")


def member(
    seed: int, preprocess: Preprocess = PREPROCESS, labels: Labels = LABELS, name: str = "small"
) -> Model:
    """A small network with zero padding in its first layer, as in real ones."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, len(labels)),
    )
    origin = Origin("file", f"{seed}.pth", f"{seed:064}")
    return Model(network.eval(), ModelSpec(name, preprocess, labels, origin), {"top1": seed / 10})


def test_a_member_with_a_single_output_is_refused() -> None:
    two = [member(seed, labels=Labels(("no", "yes"))) for seed in (1, 2)]
    combine(two, None, "logits")
    single = replace(two[0], network=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1)))
    with pytest.raises(UsageError, match="small has a single output for two classes; members of an ensemble"):
        combine([single, two[1]], None, "logits")


def pixels() -> Tensor:
    """Pictures on the scale from 0 to 1, (N, 3, 32, 32)."""
    return torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def fed(preprocess: Preprocess) -> Tensor:
    """The same pictures, normalised for a network."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (preprocess.mean, preprocess.std))
    return (pixels() - mean) / std


def answers(model: Model, preprocess: Preprocess = PREPROCESS) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.network(fed(preprocess))
    return found


def test_the_softmax_of_the_output_is_the_weighted_mean_of_the_softmaxes() -> None:
    a, b = member(1), member(2)
    found = answers(combine([a, b], (3, 1), "probabilities")).softmax(1)
    assert torch.allclose(found, 0.75 * answers(a).softmax(1) + 0.25 * answers(b).softmax(1), atol=1e-6)


def test_logits_are_averaged_directly() -> None:
    a, b, c = member(1), member(2), member(3)
    found = answers(combine([a, b, c], None, "logits"))
    assert torch.allclose(found, (answers(a) + answers(b) + answers(c)) / 3, atol=1e-6)


def test_logits_far_apart_stay_finite() -> None:
    logits = [torch.tensor([[0.0, 2000.0, -2000.0]]), torch.tensor([[0.0, 500.0, 40.0]])]
    found = averaged(logits, torch.tensor([[0.5], [0.5]]), "probabilities")
    assert found.isfinite().all()
    assert found.argmax() == 1


@pytest.mark.parametrize("average", AVERAGES)
def test_another_mean_and_std_are_adapted_even_at_padded_borders(average: Average) -> None:
    a, b = member(1), member(2, OTHER)
    mixed = combine([a, b], None, average)
    expected = averaged([answers(a), answers(b, OTHER)], torch.tensor([[0.5], [0.5]]), average)
    assert mixed.spec.preprocess == PREPROCESS
    assert torch.allclose(answers(mixed), expected, atol=1e-5)


def test_nothing_is_added_to_a_member_with_the_same_preprocessing() -> None:
    a, b = member(1), member(2)
    assert aligned(b, a.spec) is b.network


@pytest.mark.parametrize("average", AVERAGES)
def test_classes_in_another_order_are_reordered(average: Average) -> None:
    a, b = member(1), member(2, labels=Labels(("cat", "ant", "dog", "bee")))
    mixed = combine([a, b], None, average)
    reordered = answers(b)[:, [1, 3, 0, 2]]  # where b has ant, bee, cat, dog
    assert mixed.spec.labels == LABELS
    assert torch.allclose(
        answers(mixed),
        averaged([answers(a), reordered], torch.tensor([[0.5], [0.5]]), average),
        atol=1e-6,
    )


def test_ids_distinguish_classes_with_the_same_name() -> None:
    ids = ("n00000001", "n00000002")
    a = member(1, labels=Labels(("crane", "crane"), ids))
    b = member(2, labels=Labels(("crane (bird)", "crane (machine)"), ids[::-1]))
    found = answers(combine([a, b], None, "logits"))
    assert torch.allclose(found, (answers(a) + answers(b).flip(1)) / 2, atol=1e-6)


def test_the_members_are_not_changed() -> None:
    a, b = member(1), member(2, OTHER)
    before = [{name: value.clone() for name, value in one.network.state_dict().items()} for one in (a, b)]
    combine([a, b], (2, 1), "probabilities")
    for one, old in zip((a, b), before, strict=True):
        assert old.keys() == one.network.state_dict().keys()
        assert all(torch.equal(value, old[name]) for name, value in one.network.state_dict().items())


def test_it_records_its_members() -> None:
    mixed = combine([member(1), member(2, name="my/net.py:b"), member(3)], (2, 1, 1), "logits")
    spec = mixed.spec
    assert spec.name == "ensemble-smallx2-net-b"
    assert spec.origin.source == "ensemble"
    assert spec.origin.description.startswith("mean of logits: 0.5 small (1.pth) + 0.25 my/net.py:b (2.pth)")
    assert len(spec.origin.sha256) == 64
    assert spec.origin.sha256 != combine([member(1), member(2)], None, "logits").spec.origin.sha256
    assert mixed.record is not None
    assert [part["weight"] for part in mixed.record["members"]] == [0.5, 0.25, 0.25]
    assert mixed.record["members"][2] == {
        "name": "small",
        "weights": "3.pth",
        "sha256": f"{3:064}",
        "weight": 0.25,
        "top1": 0.3,
    }


def changed(**fields: Any) -> Callable[[], list[Model]]:
    return lambda: [member(1), member(2, replace(PREPROCESS, **fields))]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda: [member(1)], "needs at least two members, found 1"),
        (lambda: [member(1), member(1)], "small with the weights 1.pth is listed twice"),
        (changed(size=24), "small crops 24 pixels from 40, small 32 from 40: .* --imgsz 32 --resize 40"),
        (changed(resize=36), "--imgsz 32 --resize 40"),
        (changed(interpolation="bicubic"), "uses bicubic interpolation, .* --interpolation bilinear"),
        (
            lambda: [member(1), member(2, labels=Labels(("ant", "bee", "cat", "emu")))],
            "different classes, 4 and 4 .only one has 'emu'.; .* --labels",
        ),
        (lambda: [member(1), member(2, labels=Labels(("ant", "bee")))], "different classes, 4 and 2"),
        (
            lambda: [
                member(1, labels=Labels(("ant", "ant", "bee"))),
                member(2, labels=Labels(("ant", "bee", "ant"))),
            ],
            "their order differs and some names are not unique",
        ),
    ],
)
def test_incompatible_members_are_refused(members: Callable[[], list[Model]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        combine(members(), None, "probabilities")


@pytest.mark.parametrize(
    "weights", [(1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan")), (1.0, float("inf"))]
)
def test_invalid_weights_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="weights"):
        normalised(weights, 2)


def test_weights_sum_to_one() -> None:
    assert normalised((3, 1), 2) == (0.75, 0.25)
    assert normalised(None, 4) == (0.25,) * 4
