"""The diagnosis, on figures: what comes first, why, and what is left out."""

from dataclasses import replace

import pytest

from edgewise.quantize.diagnosis import Cure, LayerShare, Symptoms, plan
from edgewise.quantize.recipe import Recipe

EVEN = tuple(LayerShare(f"layer{index}", 1 / 40) for index in range(40))
PLAIN = Symptoms(
    engine_db=10.0, exact_db=10.0, weights_db=14.0, activations_db=13.0, layers=EVEN, peak_ratio=1.8
)
BY_COST = [Cure.RANGES, Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS, Cure.WEIGHTS_ALONE]


def steps(found: Symptoms | None, recipe: Recipe | None = None) -> list[Cure]:
    return [part.step for part in plan(found, recipe or Recipe()).parts]


def first_reason(found: Symptoms) -> str:
    return plan(found, Recipe()).parts[0].reason


def with_worst(*worst: float, count: int = 40) -> Symptoms:
    """The figures with layers of these shares, and others that share the rest."""
    others = [(1 - sum(worst)) / (count - len(worst))] * (count - len(worst))
    layers = tuple(LayerShare(f"layer{i}", share) for i, share in enumerate((*worst, *others)))
    return replace(PLAIN, layers=layers)


@pytest.mark.parametrize("found", [None, PLAIN])
def test_where_nothing_stands_out_the_cheapest_comes_first(found: Symptoms | None) -> None:
    assert steps(found) == BY_COST
    assert plan(found, Recipe()).skipped == ()


def test_every_part_has_a_reason_without_an_end() -> None:
    figures = [None, PLAIN, with_worst(0.9), replace(PLAIN, peak_ratio=12), replace(PLAIN, exact_db=30)]
    for found in figures:
        for part in plan(found, Recipe()).parts:
            assert part.reason
            assert not part.reason.endswith(".")


def test_arithmetic_that_saturates_is_cured_first() -> None:
    found = replace(PLAIN, exact_db=25.0)
    assert steps(found) == [Cure.NO_OVERFLOW, *BY_COST]
    assert first_reason(found) == (
        "this processor's arithmetic saturates: SQNR 10.0 dB, and 25.0 dB with products added in 32 bits"
    )


def test_where_weights_cannot_overflow_already_only_float_arithmetic_is_left() -> None:
    found = plan(replace(PLAIN, exact_db=25.0), Recipe(no_overflow=True))
    assert [part.step for part in found.parts] == [Cure.WEIGHTS_ALONE]
    assert found.skipped == (
        "No other form with INT8 activations is tried: weights are rounded against overflow already",
    )


def test_a_little_difference_is_no_saturation() -> None:
    assert Cure.NO_OVERFLOW not in steps(replace(PLAIN, exact_db=15.9))


def test_pictures_that_stretch_the_ranges_bring_other_ranges_first() -> None:
    found = replace(with_worst(0.9), peak_ratio=12.34)
    assert steps(found)[:3] == [Cure.RANGES, Cure.ROUNDING, Cure.FLOAT_LAYERS]
    assert "one calibration picture is 12.3 times that of the median picture" in first_reason(found)


def test_activations_that_lose_most_bring_other_ranges_first() -> None:
    found = replace(PLAIN, weights_db=30.0, activations_db=12.0)
    assert steps(found) == BY_COST
    assert first_reason(found) == (
        "activations lose most: SQNR 30.0 dB with only the weights in INT8, 12.0 dB with only the "
        "activations (simulated)"
    )


def test_weights_that_lose_most_bring_refinement_and_float_layers_first() -> None:
    found = replace(PLAIN, weights_db=12.0, activations_db=17.0)
    first = [Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS]
    assert steps(found) == [*first, Cure.RANGES, Cure.WEIGHTS_ALONE]
    assert first_reason(found).startswith("weights lose most: SQNR 12.0 dB")


def test_ranges_are_left_out_where_activations_hardly_lose() -> None:
    found = plan(replace(PLAIN, weights_db=5.0, activations_db=25.0), Recipe())
    assert [part.step for part in found.parts] == [Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS]
    ranges, alone = found.skipped
    assert ranges.startswith("Other ranges are not tried: SQNR 5.0 dB with only the weights")
    assert alone == "INT8 weights alone are not tried: they are the same weights"


@pytest.mark.parametrize("recipe", [Recipe(per_channel=False), Recipe(no_overflow=True)])
def test_weights_alone_are_tried_where_they_are_rounded_otherwise(recipe: Recipe) -> None:
    found = replace(PLAIN, weights_db=5.0, activations_db=25.0)
    assert steps(found, recipe)[-1] is Cure.WEIGHTS_ALONE


def test_one_scale_a_weight_is_named_as_what_cannot_be_changed() -> None:
    found = plan(replace(PLAIN, weights_db=12.0, activations_db=17.0), Recipe(per_channel=False))
    assert found.skipped == (
        "One scale per output channel, the usual cure, is not tried: per_tensor rules it out",
    )


@pytest.mark.parametrize(
    ("found", "concentrated"),
    [
        (with_worst(0.85), True),
        (with_worst(0.5, 0.2, 0.12), True),  # five of forty layers are few
        (with_worst(0.4), False),
        (with_worst(0.9, count=4), True),
        (with_worst(0.9, count=3), False),  # none of three may stay in float
    ],
)
def test_few_layers_with_most_of_the_error_come_before_variants(found: Symptoms, concentrated: bool) -> None:
    assert found.concentrated is concentrated
    assert (steps(found)[:2] == [Cure.ROUNDING, Cure.FLOAT_LAYERS]) is concentrated


def test_learned_rounding_is_not_learned_again() -> None:
    found = plan(None, Recipe(learn=True))
    assert Cure.ROUNDING not in [part.step for part in found.parts]
    assert found.skipped == ("Learned rounding is not tried again: the file has it already",)


def test_learned_rounding_needs_bias_correction() -> None:
    found = plan(None, Recipe(correct=False))
    assert Cure.ROUNDING not in [part.step for part in found.parts]
    assert found.skipped == ("Learned rounding is not tried: it needs bias correction, which is off",)


def test_float_layers_say_which_carry_the_error() -> None:
    (reason,) = (
        p.reason for p in plan(with_worst(0.9, count=4), Recipe()).parts if p.step is Cure.FLOAT_LAYERS
    )
    assert reason == ("the worst layer carries 90 % of the error of 4, layer0 the most")


def test_too_few_layers_for_one_in_float() -> None:
    found = plan(with_worst(0.9, count=3), Recipe())
    assert Cure.FLOAT_LAYERS not in [part.step for part in found.parts]
    assert found.skipped == ("No layer is left in float: one of 3 would be more than a quarter",)


def test_a_network_that_is_no_graph_of_pytorch_has_ranges_and_float_arithmetic() -> None:
    found = replace(PLAIN, weights_db=None, activations_db=None, layers=())
    order = plan(found, Recipe(), refines=False)
    assert [part.step for part in order.parts] == [Cure.RANGES, Cure.WEIGHTS_ALONE]
    assert len(order.skipped) == 1


def test_figures_are_plain_data_with_the_layers_that_count() -> None:
    written = with_worst(0.85).to_json()
    assert written["layers"][0] == {"name": "layer0", "share": 0.85}
    assert len(written["layers"]) == 5
    assert written["peak_ratio"] == 1.8
