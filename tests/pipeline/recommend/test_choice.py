"""The ranking, and what to relax where nothing keeps all wishes."""

import re

import pytest

from edgewise.models.errors import UsageError
from edgewise.pipeline.recommend.choice import SCENARIOS, Wishes, recommend


def test_the_issue_s_wish_is_granted_from_published_figures() -> None:
    wishes = Wishes(max_latency_ms=20, max_size_mb=5, min_top1=70, device="pi5", scenario="mobile")
    found = recommend([], wishes)
    for one in found.ranked:
        assert one.target == "tflite"
        assert one.top1 is not None
        assert one.size_mb is not None
        assert one.top1.value >= 70
        assert one.size_mb.value <= 5
    best = found.ranked[0]
    words = found.command.split()
    assert words[:4] == ["edgewise", "sweep", best.network, "--to"]
    assert words[-2:] == ["--on", "ssh://pi@raspberrypi.local"]
    assert "is published" in found.paragraph
    assert "No sweep has measured its latency on pi5 yet" in found.paragraph


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_an_answer_of_its_targets(scenario: str) -> None:
    found = recommend([], Wishes(scenario=scenario))
    assert {one.target for one in found.ranked} == {*SCENARIOS[scenario].targets}


def test_a_tighter_device_gets_a_smaller_network() -> None:
    fast, careful = (recommend([], Wishes(scenario=name)).ranked[0] for name in ("realtime", "transfer"))
    assert fast.macs is not None
    assert careful.macs is not None
    assert fast.macs < careful.macs


def test_what_is_said_to_be_enough_is_enough() -> None:
    """Each way out of an impossible wish, taken by itself, gives an answer."""
    asked = {"max_size_mb": 1.0, "min_top1": 75.0}
    with pytest.raises(UsageError) as caught:
        recommend([], Wishes(**asked))  # type: ignore[arg-type]
    ways = re.findall(r"--([\w-]+) ([\d.]+) instead of", str(caught.value))
    assert {name for name, _ in ways} == {"max-size-mb", "min-top1"}
    for name, value in ways:
        eased = asked | {name.replace("-", "_"): float(value)}
        assert recommend([], Wishes(**eased)).ranked


def test_where_no_single_wish_is_to_blame_the_nearest_is_named() -> None:
    with pytest.raises(UsageError, match=r"no single one is to blame; .* is nearest, with --"):
        recommend([], Wishes(max_size_mb=0.0001, min_top1=99.0))


@pytest.mark.parametrize(
    ("wish", "told"),
    [({"scenario": "mobil"}, "did you mean mobile"), ({"max_size_mb": -1.0}, "must be at least 0")],
)
def test_a_wish_that_cannot_be_is_refused(wish: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Wishes(**wish)  # type: ignore[arg-type]
