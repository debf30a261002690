"""The workshop: what is refined once, and with a Keras model, whose reference is Keras, nothing."""

import io
from pathlib import Path

import pytest
from torch import nn

from edgewise.cli.progress import progress
from edgewise.models.foreign.keras import load_keras
from edgewise.models.spec import ModelSpec
from edgewise.models.weights import Model, Overrides
from edgewise.pipeline.progress import Journal
from edgewise.pipeline.recovery import Search
from edgewise.pipeline.workshop import Workshop
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.runtime.judge.answering import ALL_CORES
from edgewise.runtime.judge.evaluation import unlabelled
from edgewise.runtime.judge.limits import Limits

pytestmark = pytest.mark.slow  # TensorFlow alone takes ten seconds to come in


@pytest.mark.parametrize("learn", [False, True])
def test_layers_are_those_of_the_network_in_the_file(
    *,
    learn: bool,
    tiny_network: nn.Module,
    tiny_spec: ModelSpec,
    tiny_calibration: Calibration,
    tmp_path: Path,
) -> None:
    screen = io.StringIO()
    model = Model(tiny_network, tiny_spec)
    made = Workshop(model, tiny_calibration, tmp_path, Journal(progress(screen)))
    recipe = Recipe(learn=learn)
    made.quantized(made.twin("onnx"), recipe)
    few = made.shown(recipe)
    assert {layer.name for layer in few} == {layer.name for layer in made.sensitivities(recipe)}
    assert made.shown(recipe) is made.sensitivities(recipe)
    assert made.sources(recipe)
    assert screen.getvalue().count("Equalize channels, correct biases") == 1


@pytest.fixture(scope="module")
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def workshop(
    tiny_keras: Path,
    tiny_spec: ModelSpec,
    tiny_calibration: Calibration,
    screen: io.StringIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Workshop:
    preprocess = tiny_spec.preprocess
    overrides = Overrides(mean=preprocess.mean, std=preprocess.std, resize=preprocess.resize)
    model = load_keras(tiny_keras / "tiny", overrides, lambda _: None)
    folder = tmp_path_factory.mktemp("workshop")
    return Workshop(model, tiny_calibration, folder, Journal(progress(screen)))


@pytest.mark.parametrize("target", ["tflite", "openvino"])
def test_keras_goes_all_the_way(workshop: Workshop, screen: io.StringIO, target: str) -> None:
    twin = workshop.twin(target)
    assert twin.parity.max_rel < 1e-5
    assert f"Compare {target} with Keras" in screen.getvalue()
    file = workshop.quantized(twin, Recipe())
    assert file.artifact.precision == "w8a8"
    limits = Limits(max_drop=1, min_agreement=0.9)
    assert workshop.judged(twin, file, unlabelled(seed=0), limits, ALL_CORES).passed


def test_the_ladder_skips_what_needs_a_graph_of_torch(workshop: Workshop) -> None:
    assert workshop.sensitivities(Recipe()) == []
    twin = workshop.twin("tflite")
    never = Limits(max_drop=0, min_agreement=1.1)
    search = Search(workshop, twin, unlabelled(seed=0), never, ALL_CORES, Journal())
    tried = search.climb(workshop.quantized(twin, Recipe()), Recipe(), budget_s=600).trials
    assert [trial.rung.title for trial in tried] == [
        "unchanged",
        "mean-min-max ranges",
        "INT8 weights only (w8a32)",
    ]
