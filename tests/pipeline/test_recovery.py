"""The ladder, climbed for real by a small network with one scale a weight, which breaks it."""

import io
import json

import pytest
from torch import nn

from edgewise.cli.progress import progress
from edgewise.models.spec import ModelSpec
from edgewise.models.weights import Model
from edgewise.pipeline.progress import Journal
from edgewise.pipeline.recovery import Recovery, Search
from edgewise.pipeline.workshop import File, Twin, Workshop
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.diagnosis import plan
from edgewise.quantize.recipe import Recipe
from edgewise.runtime.judge.answering import ALL_CORES
from edgewise.runtime.judge.evaluation import Pictures, unlabelled
from edgewise.runtime.judge.limits import Limits

LIMITS = Limits(max_drop=1, min_agreement=0.9)
BROKEN = Recipe(per_channel=False, equalize=False, correct=False)


@pytest.fixture(scope="module")
def terminal() -> Journal:
    return Journal()


@pytest.fixture(scope="module")
def workshop(
    tiny_network: nn.Module,
    tiny_spec: ModelSpec,
    tiny_calibration: Calibration,
    terminal: Journal,
    tmp_path_factory: pytest.TempPathFactory,
) -> Workshop:
    model = Model(tiny_network, tiny_spec)
    return Workshop(model, tiny_calibration, tmp_path_factory.mktemp("workshop"), terminal)


@pytest.fixture(scope="module")
def twin(workshop: Workshop) -> Twin:
    return workshop.twin("onnx")  # the quickest to convert


@pytest.fixture(scope="module")
def failed(workshop: Workshop, twin: Twin) -> File:
    return workshop.quantized(twin, BROKEN)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return unlabelled(seed=0)


@pytest.fixture(scope="module")
def recovery(workshop: Workshop, twin: Twin, failed: File, pictures: Pictures, terminal: Journal) -> Recovery:
    assert not workshop.judged(twin, failed, pictures, LIMITS, ALL_CORES).passed
    return Search(workshop, twin, pictures, LIMITS, ALL_CORES, terminal).climb(failed, BROKEN, budget_s=600)


def test_it_ends_with_a_file_that_passes(recovery: Recovery) -> None:
    assert recovery.chosen is not None
    assert recovery.verification is not None
    assert recovery.verification.passed
    first, *others = recovery.trials
    cures = [trial for trial in others if trial.cures(first)]
    assert recovery.chosen in cures
    # Whatever was tried after it does not cure what it left.
    later = others[others.index(recovery.chosen) + 1 :]
    assert len(later) <= 1
    assert not any(trial.cures(recovery.chosen) for trial in later)
    artifact = recovery.chosen.file.artifact
    assert recovery.chosen.file.structure.precision == artifact.precision


def test_what_the_figures_blame_comes_first(recovery: Recovery, terminal: Journal) -> None:
    titles = [trial.rung.title for trial in recovery.trials]
    assert titles[0] == "unchanged"
    assert len(set(titles)) == len(titles)
    found = recovery.symptoms
    assert found is not None
    assert not found.saturates
    assert found.weights_db is not None
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    order = plan(found, BROKEN)
    assert recovery.trials[1].rung.reason == order.parts[0].reason
    assert f"Trying {order.parts[0].step}: {order.parts[0].reason}" in terminal.notices
    assert {*order.skipped} <= {*terminal.notices}


def test_the_search_does_not_see_the_pictures_of_the_verdict(recovery: Recovery, pictures: Pictures) -> None:
    assert recovery.verification is not None
    assert recovery.verification.pictures == pictures.description
    assert recovery.chosen is not None
    searched, judged = recovery.chosen.verification, recovery.verification
    assert searched.agreement != judged.agreement  # the same file, other pictures


def test_the_first_attempt_costs_least_or_is_not_the_best(recovery: Recovery) -> None:
    for trial in recovery.trials:
        beaten = [other for other in recovery.trials if trial.beaten_by(other)]
        assert bool(beaten) == (trial not in recovery.best)


def test_what_was_tried_can_be_written_down(recovery: Recovery) -> None:
    written = json.loads(json.dumps([trial.to_json() for trial in recovery.trials], allow_nan=False))
    assert written[0]["title"] == "unchanged"
    assert all(trial["reason"] for trial in written)
    assert recovery.symptoms is not None
    json.dumps(recovery.symptoms.to_json(), allow_nan=False)
    assert "unproven" in {trial["verification"]["verdict"] for trial in written[1:]}
    assert all(trial["size_bytes"] > 0 for trial in written)


def test_no_budget_no_search(workshop: Workshop, twin: Twin, failed: File, pictures: Pictures) -> None:
    said = io.StringIO()
    search = Search(workshop, twin, pictures, LIMITS, ALL_CORES, Journal(progress(said)))
    found = search.climb(failed, BROKEN, budget_s=0)
    assert [trial.rung.title for trial in found.trials] == ["unchanged"]
    assert (found.chosen, found.verification) == (None, None)
    assert "! No time left for mean-min-max ranges; --recover-budget gives more" in said.getvalue()
    assert said.getvalue().count("No time left") == 1
    assert "Find the layers that lose most" not in said.getvalue()
