"""The ladder: its rungs and their order."""

import pytest

from edgewise.quantize.diagnosis import Cure, Part, plan
from edgewise.quantize.ladder import (
    Rung,
    in_float,
    no_overflow,
    other_ranges,
    other_refinement,
    rungs,
    weights_alone,
)
from edgewise.quantize.recipe import Recipe

LAYERS = tuple(f"layer{index}" for index in range(40))


def test_without_figures_rungs_come_cheapest_first() -> None:
    plain = Recipe()
    ladder = [rung for part in plan(None, plain).parts for rung in rungs(part, plain, plain, LAYERS)]
    assert [(rung.title, rung.recipe.precision) for rung in ladder] == [
        ("mean-min-max ranges", "w8a8"),
        ("learned rounding", "w8a8"),
        ("without equalization", "w8a8"),
        ("without bias correction", "w8a8"),
        ("worst layer in float", "w8a8-mixed"),
        ("worst 2 layers in float", "w8a8-mixed"),
        ("worst 4 layers in float", "w8a8-mixed"),
        ("worst 8 layers in float", "w8a8-mixed"),
        ("INT8 weights only (w8a32)", "w8a32"),
    ]
    assert all(rung.reason for rung in ladder)


def test_a_rung_says_why_it_is_tried() -> None:
    part = Part(Cure.NO_OVERFLOW, "it saturates")
    (rung,) = rungs(part, Recipe(), Recipe(), LAYERS)
    assert rung == Rung("weights that cannot overflow", Recipe(no_overflow=True), "it saturates")


def test_ranges_and_refinement_change_what_was_asked_for_and_the_rest_the_best() -> None:
    best = Recipe(ranges="mean-min-max")
    found = {
        step: next(rungs(Part(step, ""), Recipe(), best, LAYERS)).recipe
        for step in (Cure.RANGES, Cure.ROUNDING, Cure.REFINEMENT, Cure.FLOAT_LAYERS, Cure.WEIGHTS_ALONE)
    }
    assert found == {
        Cure.RANGES: Recipe(ranges="mean-min-max"),
        Cure.ROUNDING: Recipe(learn=True),
        Cure.REFINEMENT: Recipe(equalize=False),
        Cure.FLOAT_LAYERS: Recipe(ranges="mean-min-max", float_layers=LAYERS[:1]),
        Cure.WEIGHTS_ALONE: Recipe(ranges="mean-min-max", activations=False),
    }


def test_a_variant_changes_one_thing_and_keeps_the_rest() -> None:
    given = Recipe(io="uint8", per_channel=False, correct=False)
    assert [rung.recipe for rung in (other_ranges(given), *other_refinement(given), no_overflow(given))] == [
        Recipe(io="uint8", per_channel=False, correct=False, ranges="mean-min-max"),
        Recipe(io="uint8", per_channel=False, correct=False, equalize=False),
        Recipe(io="uint8", per_channel=False, correct=True),
        Recipe(io="uint8", per_channel=False, correct=False, no_overflow=True),
    ]


def test_options_that_are_off_are_tried() -> None:
    plain = Recipe(ranges="mean-min-max", equalize=False, correct=False)
    assert [rung.title for rung in (other_ranges(plain), *other_refinement(plain))] == [
        "min-max ranges",
        "with equalization",
        "with bias correction",
    ]


def test_the_worst_layers_are_the_first_ones() -> None:
    first, second, *_ = in_float(Recipe(io="int8"), LAYERS)
    assert first.recipe == Recipe(io="int8", float_layers=LAYERS[:1])
    assert second.recipe == Recipe(io="int8", float_layers=LAYERS[:2])


def test_layers_already_in_float_stay_there_and_count() -> None:
    found = list(in_float(Recipe(float_layers=LAYERS[1:4]), LAYERS))
    assert [rung.recipe.float_layers for rung in found] == [
        (*LAYERS[1:4], LAYERS[0]),
        (*LAYERS[1:4], LAYERS[0], LAYERS[4]),
        (*LAYERS[1:4], LAYERS[0], *LAYERS[4:7]),
    ]


@pytest.mark.parametrize(("layers", "most"), [(0, 0), (3, 0), (4, 1), (15, 2), (16, 4)])
def test_at_most_a_quarter_is_put_into_float(layers: int, most: int) -> None:
    counts = [len(rung.recipe.float_layers) for rung in in_float(Recipe(), LAYERS[:layers])]
    assert max(counts, default=0) == most


def test_the_last_rung_keeps_the_options_for_weights() -> None:
    rung = weights_alone(Recipe(io="int8", per_channel=False, equalize=False, float_layers=("a",)))
    assert rung == Rung("INT8 weights only (w8a32)", Recipe(activations=False, equalize=False))
