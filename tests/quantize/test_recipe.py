"""A recipe is plain data."""

import json

from edgewise.quantize.recipe import RANGES, Recipe


def test_the_default_is_full_int8_with_min_max_ranges() -> None:
    assert Recipe().precision == "w8a8"
    assert Recipe().ranges == RANGES[0] == "min-max"


def test_what_only_refined_networks_have_is_left_out_without_refinement() -> None:
    recipe = Recipe(io="int8", ranges="least-error", learn=True)
    assert recipe.chooses_ranges
    assert recipe.without_refinement() == Recipe(io="int8", equalize=False, correct=False)
    assert Recipe(ranges="mean-min-max").without_refinement().ranges == "mean-min-max"
    assert not recipe.weights_alone().chooses_ranges


def test_layers_in_float_are_in_the_name() -> None:
    assert Recipe(float_layers=("features.1",)).precision == "w8a8-mixed"


def test_it_can_be_written_into_a_manifest() -> None:
    written = json.loads(json.dumps(Recipe(float_layers=("a", "b")).to_json()))
    assert written["float_layers"] == ["a", "b"]
    assert Recipe(**{**written, "float_layers": tuple(written["float_layers"])}).per_channel
