"""Keras models as TFLite and OpenVINO files, really converted and run."""

from pathlib import Path

import numpy as np
import pytest

from edgewise.export import exporter
from edgewise.export.artifact import Artifact
from edgewise.models.errors import UsageError
from edgewise.models.foreign.keras import KerasNetwork, load_keras
from edgewise.models.spec import ModelSpec, Tensor32
from edgewise.models.weights import Model, Overrides
from edgewise.quantize import quantizer
from edgewise.quantize.calibration import Calibration
from edgewise.quantize.recipe import Recipe
from edgewise.runtime import open_session, runtime
from edgewise.runtime.judge.stats import agreement, parity, softmax

pytestmark = pytest.mark.slow  # importing TensorFlow alone takes ten seconds

TARGETS = ("tflite", "openvino")


@pytest.fixture(scope="module")
def model(tiny_keras: Path, tiny_spec: ModelSpec) -> Model:
    preprocess = tiny_spec.preprocess
    overrides = Overrides(mean=preprocess.mean, std=preprocess.std, resize=preprocess.resize)
    return load_keras(tiny_keras / "tiny.keras", overrides, lambda _: None)


@pytest.fixture(scope="module")
def network(model: Model) -> KerasNetwork:
    assert isinstance(model.network, KerasNetwork)
    return model.network


@pytest.fixture(scope="module")
def files(
    model: Model, network: KerasNetwork, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Artifact]:
    folder = tmp_path_factory.mktemp("files")
    return {
        target: exporter(target).export(network, model.spec, folder / f"float.{target}") for target in TARGETS
    }


@pytest.mark.parametrize("target", TARGETS)
def test_float_files_compute_the_same_as_keras(
    files: dict[str, Artifact], network: KerasNetwork, tiny_pictures: Tensor32, target: str
) -> None:
    answers = open_session(files[target].path, target)(tiny_pictures)
    exact = network(tiny_pictures)
    assert len(np.unique(exact.argmax(1))) > 3  # agreement on one class would prove nothing
    assert parity(exact, answers).max_rel < 1e-5


def test_batch_norms_and_transposes_are_gone(files: dict[str, Artifact]) -> None:
    found = {target: runtime(target).read_structure(files[target].path) for target in TARGETS}
    kinds = {target: {one.type: one.count for one in found[target].operators} for target in TARGETS}
    expected = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 1, "ADD": 1, "MEAN": 1, "FULLY_CONNECTED": 1}
    assert kinds["tflite"] == expected
    assert not {"Transpose", "Softmax", "Multiply"} & kinds["openvino"].keys()
    assert {one.precision for one in found.values()} == {"fp32"}
    assert found["tflite"].macs == found["openvino"].macs


def test_files_describe_themselves(files: dict[str, Artifact], model: Model) -> None:
    found = {target: runtime(target).read_structure(files[target].path) for target in TARGETS}
    assert found["tflite"].metadata["name"] == "tiny"
    (source,), (answer,) = found["openvino"].inputs, found["openvino"].outputs
    assert (source.name, source.shape, answer.name) == ("input", (-1, 3, 32, 32), "logits")
    assert (files["openvino"].spec, files["openvino"].precision) == (model.spec, "fp32")


@pytest.mark.parametrize("target", TARGETS)
def test_equal_models_give_equal_bytes(
    files: dict[str, Artifact], model: Model, network: KerasNetwork, tmp_path: Path, target: str
) -> None:
    again = exporter(target).export(network, model.spec, tmp_path / f"again.{target}")
    pairs = zip(again.files.values(), files[target].files.values(), strict=True)
    assert all(one.read_bytes() == other.read_bytes() for one, other in pairs)


@pytest.mark.parametrize("target", TARGETS)
def test_they_become_int8_without_refinement(
    files: dict[str, Artifact],
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    target: str,
) -> None:
    make = quantizer(target).quantize
    file = make(files[target], None, tiny_calibration, Recipe(), tmp_path / f"int8.{target}")
    found = runtime(target).read_structure(file.path)
    assert (found.precision, found.float_layers, found.islands) == ("w8a8", 0, {})
    # Eight bits saturate on x86 without VNNI; how the file itself answers is what exact arithmetic says.
    exact, answers = (runtime(target).open_exact(one.path, 1)(tiny_pictures) for one in (files[target], file))
    compared = agreement(exact, answers)
    assert compared.top1 >= 0.9
    assert compared.sqnr_db > 18
    assert (file.details["equalize"], file.details["correct"]) == (False, target == "openvino")


@pytest.mark.parametrize("target", TARGETS)
def test_int8_weights_and_float16_work_too(
    files: dict[str, Artifact],
    tiny_calibration: Calibration,
    tiny_pictures: Tensor32,
    tmp_path: Path,
    target: str,
) -> None:
    made, recipe = quantizer(target), Recipe().weights_alone()
    light = made.quantize(files[target], None, tiny_calibration, recipe, tmp_path / f"light.{target}")
    half = made.halve(files[target], tmp_path / f"half.{target}")
    exact = open_session(files[target].path, target)(tiny_pictures)
    for file, precision, least_db in ((light, "w8a32", 25), (half, "fp16", 50)):
        assert (file.precision, runtime(target).read_structure(file.path).precision) == (precision, precision)
        assert agreement(exact, open_session(file.path, target)(tiny_pictures)).sqnr_db > least_db


def test_onnx_is_refused_for_keras(model: Model, network: KerasNetwork, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tiny is a Keras model, which exports to tflite and openvino only"):
        exporter("onnx").export(network, model.spec, tmp_path / "tiny.onnx")


@pytest.mark.parametrize("target", TARGETS)
def test_a_grey_strip_with_one_output_is_exported_without_its_sigmoid(tmp_path: Path, target: str) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    strip = layers.Input((16, 48, 1))
    body = layers.Conv2D(4, 3, strides=2, activation="relu", padding="same")(strip)
    answer = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(body))
    keras_model = keras.Model(strip, answer)
    keras_model.save(tmp_path / "strip.keras")
    model = load_keras(tmp_path / "strip.keras", Overrides(), lambda _: None)
    assert isinstance(model.network, KerasNetwork)
    artifact = exporter(target).export(model.network, model.spec, tmp_path / f"float.{target}")
    pictures = np.random.default_rng(0).normal(size=(6, 16, 48, 1)).astype(np.float32)
    found = open_session(artifact.path, target)(pictures)
    assert found.shape == (6, 2)
    np.testing.assert_allclose(
        softmax(found)[:, 1], keras_model.predict(pictures, verbose=0)[:, 0], atol=1e-5
    )
