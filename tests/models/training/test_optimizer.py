"""The learning rates by step and by layer."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgewise.models.training.optimizer import cycle_ends, optimizer, rate, schedule
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.models.training.tune import layer_groups

STEPS = 10


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def rates(**fields: Any) -> list[float]:
    recipe = TrainingRecipe(**fields)
    factor = schedule(recipe, STEPS)
    return [factor(step) for step in range(recipe.epochs * STEPS + 1)]


def test_the_rate_scales_with_the_total_batch_size() -> None:
    recipe = TrainingRecipe(learning_rate=0.1, batch=64)
    assert rate(recipe, 4) == pytest.approx(0.1) == 2 * rate(recipe, 2)


def test_a_cosine_falls_to_zero_after_a_linear_warm_up() -> None:
    found = rates(epochs=5, warmup=1)
    assert found[:STEPS] == pytest.approx([(step + 1) / STEPS for step in range(STEPS)])
    assert found[STEPS] == 1
    assert found[3 * STEPS] == pytest.approx(0.5)
    assert found[-2] < 0.01
    assert found[-1] == 0
    assert all(before > after for before, after in zip(found[STEPS:], found[STEPS + 1 :], strict=False))


def test_each_cycle_starts_at_the_peak_rate_and_ends_near_zero() -> None:
    recipe = TrainingRecipe(epochs=7, cycles=3, warmup=0)
    found, ends = rates(epochs=7, cycles=3, warmup=0), cycle_ends(recipe)
    assert ends == (2, 4, 7)
    assert [found[end * STEPS] for end in (0, *ends[:-1])] == [1, 1, 1]
    assert all(found[end * STEPS - 1] < 0.03 for end in ends)


def test_the_step_schedule_drops_every_step_epochs() -> None:
    found = rates(epochs=5, schedule="step", step_epochs=2, step_factor=0.1, warmup=0)
    assert found[:-1:STEPS] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


@given(
    st.integers(1, 30).flatmap(lambda epochs: st.tuples(st.just(epochs), st.integers(1, epochs))),
    st.floats(0, 40),
    st.integers(1, 9),
)
def test_rates_are_at_most_the_peak_and_only_zero_at_the_end(
    spans: tuple[int, int], warmup: float, steps: int
) -> None:
    recipe = TrainingRecipe(epochs=spans[0], cycles=spans[1], warmup=min(warmup, spans[0]))
    factor = schedule(recipe, steps)
    assert all(0 < factor(step) <= 1 for step in range(recipe.epochs * steps))
    assert len(set(cycle_ends(recipe))) == recipe.cycles


def test_earlier_groups_train_slower_and_biases_and_norms_have_no_weight_decay() -> None:
    net = network()
    recipe = TrainingRecipe(learning_rate=1, batch=256, layer_decay=0.5, weight_decay=0.01)
    groups = optimizer(net, layer_groups(net, "3"), recipe, 1).param_groups
    of = {id(parameter): group for group in groups for parameter in group["params"]}
    found = {name: (of[id(p)]["lr"], of[id(p)]["weight_decay"]) for name, p in net.named_parameters()}
    assert found == {
        "0.weight": (0.5, 0.01),
        "0.bias": (0.5, 0),
        "1.weight": (0.5, 0),
        "1.bias": (0.5, 0),
        "3.weight": (1, 0.01),
        "3.bias": (1, 0),
    }
    assert groups[0]["lr"] == 1


def test_per_channel_scales_of_any_shape_have_no_weight_decay() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 2, bias=False))
    net.register_parameter("layer_scale", nn.Parameter(torch.ones(4, 1, 1)))
    groups = optimizer(net, layer_groups(net, "1"), TrainingRecipe(weight_decay=0.1), 1).param_groups
    plain = [
        parameter.shape for group in groups if not group["weight_decay"] for parameter in group["params"]
    ]
    assert plain == [(4, 1, 1)]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("sgd", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("adamw", torch.optim.AdamW, {"betas": (0.8, 0.999)}),
    ],
)
def test_both_optimisers_use_the_momentum(name: Any, kind: type, expected: dict[str, Any]) -> None:
    net = network()
    made = optimizer(net, layer_groups(net, "3"), TrainingRecipe(optimizer=name, momentum=0.8), 1)
    assert isinstance(made, kind)
    assert expected.items() <= made.defaults.items()
