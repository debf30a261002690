"""Keras models in every file format, and what is rejected."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.foreign.keras import KerasNetwork, is_keras, load_keras
from edgewise.models.foreign.tensorflow import tensorflow
from edgewise.models.spec import Preprocess, Tensor32
from edgewise.models.weights import Model, Overrides
from edgewise.runtime.reference import KerasSession

pytestmark = pytest.mark.slow  # importing TensorFlow alone takes ten seconds

HALF = (0.5, 0.5, 0.5)


def load(path: Path, overrides: Overrides | None = None) -> tuple[Model, list[str]]:
    said: list[str] = []
    return load_keras(path, overrides or Overrides(), said.append), said


def logits(model: Model, pictures: Tensor32) -> Tensor32:
    assert isinstance(model.network, KerasNetwork)
    return model.network(pictures)


@pytest.fixture
def layers(tiny_keras: Path) -> Any:
    """`keras.layers`, if Keras is installed."""
    assert tiny_keras.is_dir()
    import keras

    return keras.layers


def saved(folder: Path, *stack: Any, side: int | None = 32) -> Path:
    """Save a sequence of layers to a file."""
    import keras

    keras.Sequential([keras.layers.Input((side, side, 3)), *stack]).save(folder / "net.keras")
    return folder / "net.keras"


def test_keras_models_are_recognised_by_their_files(tiny_keras: Path) -> None:
    assert all(is_keras(str(tiny_keras / name)) for name in ("tiny.keras", "tiny.h5", "tiny"))
    assert not is_keras(str(tiny_keras))
    assert not is_keras("net.pt2")


@pytest.mark.parametrize("file", ["tiny.keras", "tiny.h5", "tiny"])
def test_every_format_returns_the_logits_of_the_model(
    tiny_keras: Path, tiny_pictures: Tensor32, file: str
) -> None:
    import keras

    model, said = load(tiny_keras / file)
    probabilities = keras.saving.load_model(tiny_keras / "tiny.keras")(tiny_pictures).numpy()
    found = logits(model, tiny_pictures)
    exponentials = np.exp(found - found.max(1, keepdims=True))
    np.testing.assert_allclose(exponentials / exponentials.sum(1, keepdims=True), probabilities, atol=1e-5)
    assert np.abs(found.sum(1) - 1).max() > 1  # not probabilities
    assert (model.spec.name, len(model.spec.labels), model.spec.preprocess.size) == ("tiny", 6, 32)
    assert (model.spec.preprocess.mean, model.spec.preprocess.std) == (HALF, HALF)
    first, second, third = said
    assert f"{file} ends in a softmax" in first
    assert "assuming the preprocessing of tf.keras.applications.mobilenet_v2" in second
    assert "'class 0' to 'class 5'" in third


def test_a_saved_model_without_keras_is_accepted(tiny_keras: Path, tmp_path: Path) -> None:
    import keras

    tensorflow("Testing").saved_model.save(
        keras.saving.load_model(tiny_keras / "tiny.keras"), tmp_path / "net"
    )
    model, _ = load(tmp_path / "net")
    assert (model.spec.name, len(model.spec.labels)) == ("net", 6)


def test_a_model_that_scales_its_input_gets_unscaled_pixels(tmp_path: Path, layers: Any) -> None:
    ends = layers.GlobalAveragePooling2D(), layers.Dense(4)
    for first in (
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Rescaling(1 / 255),
        layers.Normalization(mean=[120.0, 115.0, 105.0], variance=[3500.0, 3300.0, 3400.0]),
    ):
        model, said = load(saved(tmp_path, first, *ends))
        assert (model.spec.preprocess.mean, model.spec.preprocess.std) == ((0, 0, 0), (1 / 255,) * 3)
        assert "pixels from 0 to 255, which the model scales itself" in said[0]  # and there is no softmax
    white = model.spec.preprocess.normalise(np.full((1, 32, 32, 3), 255, np.uint8))
    np.testing.assert_allclose(white, 255, rtol=1e-6)


@pytest.mark.parametrize("first", ["resized", "cropped", "caffe", "torch", "tf"])
def test_scaling_is_seen_behind_what_moves_pixels(tmp_path: Path, layers: Any, first: str) -> None:
    import keras

    def preprocessed(mode: str) -> Any:
        return keras.applications.imagenet_utils.preprocess_input(pictures, mode=mode)

    pictures = layers.Input((48, 48, 3))
    x = {
        "resized": lambda: layers.Rescaling(1 / 255)(layers.Resizing(32, 32)(pictures)),
        "cropped": lambda: layers.Rescaling(1 / 255)(layers.CenterCrop(32, 32)(pictures)),
        "caffe": lambda: preprocessed("caffe"),  # which puts the channels in the order BGR
        "torch": lambda: preprocessed("torch"),
        "tf": lambda: preprocessed("tf"),
    }[first]()
    network = keras.Model(pictures, layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x))))
    network.save(tmp_path / "net.keras")
    model, said = load(tmp_path / "net.keras")
    assert "pixels from 0 to 255, which the model scales itself" in said[0]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    found = logits(model, model.spec.preprocess.normalise(pixels))
    np.testing.assert_allclose(found, network(pixels.astype(np.float32)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("first", ["conv", "unit", "branches"])
def test_other_first_layers_are_not_taken_for_scaling(tmp_path: Path, layers: Any, first: str) -> None:
    import keras

    pictures = layers.Input((32, 32, 3))
    x = {
        "conv": lambda: layers.Conv2D(4, 3)(pictures),
        "unit": lambda: layers.Rescaling(2.0, offset=-1)(pictures),
        "branches": lambda: layers.Add()([layers.Rescaling(1 / 255)(pictures), pictures]),
    }[first]()
    keras.Model(pictures, layers.Dense(4)(layers.GlobalAveragePooling2D()(x))).save(tmp_path / "net.keras")
    assert load(tmp_path / "net.keras")[0].spec.preprocess.mean == HALF


def test_overrides_win(tiny_keras: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\nf\n")
    mean = (0.1, 0.2, 0.3)
    overrides = Overrides(mean=mean, std=HALF, resize=40, labels=tmp_path / "labels.txt")
    model, said = load(tiny_keras / "tiny.keras", overrides)
    assert (model.spec.preprocess.mean, model.spec.preprocess.resize) == (mean, 40)
    assert (model.spec.labels.names[5], len(said)) == ("f", 1)


def test_an_input_of_any_size_requires_imgsz(tmp_path: Path, layers: Any) -> None:
    path = saved(tmp_path, layers.GlobalAveragePooling2D(), layers.Dense(4), side=None)
    with pytest.raises(UsageError, match="any size; set it in pixels with --imgsz"):
        load(path)
    model, _ = load(path, Overrides(imgsz=48))
    assert logits(model, np.zeros((2, 48, 48, 3), np.float32)).shape == (2, 4)


def test_a_lambda_layer_is_refused_and_does_not_run(tmp_path: Path, layers: Any) -> None:
    import keras

    path = saved(tmp_path, layers.Lambda(lambda x: x + 1), layers.GlobalAveragePooling2D())
    keras.saving.load_model(path, safe_mode=False).save(tmp_path / "net.h5")
    for file in (path, tmp_path / "net.h5"):
        with pytest.raises(
            EdgewiseError, match=r"Lambda layer, .* never runs Python code .* model\.export\('FOLDER'\)"
        ):
            load(file)


def test_an_unknown_layer_is_refused(tmp_path: Path, layers: Any) -> None:
    class Mine(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    path = saved(tmp_path, Mine(), layers.GlobalAveragePooling2D())
    with pytest.raises(EdgewiseError, match="custom layer, Mine, that Keras cannot load; export it"):
        load(path)


def test_a_model_that_is_not_a_classifier_is_refused(tmp_path: Path, layers: Any) -> None:
    with pytest.raises(UsageError, match=r"returns float32 \(\?, 30, 30, 4\); need .* scores \(N, classes\)"):
        load(saved(tmp_path, layers.Conv2D(4, 3)))


def test_two_inputs_and_other_channels_are_refused(tmp_path: Path, layers: Any) -> None:
    import keras

    two = [layers.Input((32, 32, 3)), layers.Input((32, 32, 3))]
    keras.Model(two, layers.Dense(4)(layers.Flatten()(layers.Add()(two)))).save(tmp_path / "two.keras")
    with pytest.raises(UsageError, match="one input, a batch of pictures"):
        load(tmp_path / "two.keras")
    four = layers.Input((32, 32, 4))
    keras.Model(four, layers.Dense(4)(layers.Flatten()(four))).save(tmp_path / "four.keras")
    with pytest.raises(
        UsageError, match=r"takes float32 \(\?, 32, 32, 4\) .* need float32 pictures \(N, H, W, 3\)"
    ):
        load(tmp_path / "four.keras")


def test_a_sigmoid_is_removed_from_a_single_output(tmp_path: Path, layers: Any) -> None:
    path = saved(tmp_path, layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid"))
    model, said = load(path)
    assert model.spec.labels.names == ("class 0", "class 1")
    assert said[0] == f"{path.name} ends in a sigmoid: removing it, so that the exported model returns logits"
    assert said[1].endswith(
        "has one output: taking it as a logit, positive for 'class 1' and negative for 'class 0'"
    )
    pictures = np.random.default_rng(0).normal(size=(20, 32, 32, 3)).astype(np.float32) * 30
    found = logits(model, pictures)
    assert found.shape == (20, 1)
    assert found.min() < 0  # which no sigmoid gives
    assert KerasSession(model.network)(pictures).shape == (20, 2)


def test_a_grey_strip_is_described(tmp_path: Path, layers: Any) -> None:
    import keras

    strip = layers.Input((16, 48, 1))
    keras.Model(strip, layers.Dense(4)(layers.Flatten()(strip))).save(tmp_path / "strip.keras")
    model, _ = load(tmp_path / "strip.keras")
    assert model.spec.preprocess == Preprocess((16, 48), (16, 48), (0.5,), (0.5,))
    assert logits(model, np.zeros((2, 16, 48, 1), np.float32)).shape == (2, 4)


def test_broken_files_are_refused(tmp_path: Path, tiny_keras: Path) -> None:
    with pytest.raises(UsageError, match="no such Keras model"):
        load(tmp_path / "none.keras")
    for name in ("a.keras", "b.h5"):
        (tmp_path / name).write_bytes((tiny_keras / "tiny.keras").read_bytes()[:500])
        with pytest.raises(EdgewiseError, match="Keras cannot load it"):
            load(tmp_path / name)
    (tmp_path / "saved").mkdir()
    for content, message in ((b"\xff" * 64, "saved_model.pb is damaged"), (b"", "TensorFlow cannot load it")):
        (tmp_path / "saved" / "saved_model.pb").write_bytes(content)
        with pytest.raises(EdgewiseError, match=message):
            load(tmp_path / "saved")


def test_a_graph_that_accesses_files_is_refused(tmp_path: Path, tiny_keras: Path) -> None:
    assert tiny_keras.is_dir()
    tf = tensorflow("Testing")

    def reads(x: Any) -> Any:
        return tf.reduce_mean(x, (1, 2)) + tf.cast(
            tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32
        )

    def writes(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "made"), "x")]):
            return tf.reduce_mean(x, (1, 2))

    for function, operator in ((reads, "ReadFile"), (writes, "WriteFile")):
        signature = tf.function(function).get_concrete_function(tf.TensorSpec((None, 32, 32, 3)))
        tf.saved_model.save(tf.Module(), tmp_path / operator, signatures=signature)
        with pytest.raises(EdgewiseError, match=f"has the operator {operator}, which can have side effects"):
            load(tmp_path / operator)
    assert not (tmp_path / "made").exists()


def test_checkpoint_operators_are_refused_in_inference(tmp_path: Path, tiny_keras: Path) -> None:
    assert tiny_keras.is_dir()
    tf = tensorflow("Testing")

    def restores(x: Any) -> Any:
        return (
            tf.reduce_mean(x, (1, 2))
            + tf.raw_ops.RestoreV2(
                prefix="elsewhere", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
            )[0]
        )

    signature = tf.function(restores).get_concrete_function(tf.TensorSpec((None, 32, 32, 3)))
    tf.saved_model.save(tf.Module(), tmp_path / "net", signatures=signature)
    with pytest.raises(EdgewiseError, match="uses RestoreV2, which is not a pure function of the picture"):
        load(tmp_path / "net")


def test_code_that_runs_on_loading_is_refused(tmp_path: Path, tiny_keras: Path) -> None:
    assert tiny_keras.is_dir()
    tf = tensorflow("Testing")
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [2]), 0)
    tf.saved_model.save(module, tmp_path / "net")
    with pytest.raises(EdgewiseError, match="contains a resource, which runs a function on loading"):
        load(tmp_path / "net")


@pytest.fixture
def mixed(layers: Any) -> Any:
    """A model of Keras's policy for GPUs, with weights in float32 and activations in float16."""
    import keras

    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        pictures = layers.Input((32, 32, 3))
        x = layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255)(pictures))
        x = layers.Dense(4, activation="softmax", dtype="float32")(layers.GlobalAveragePooling2D()(x))
        return keras.Model(pictures, x)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("file", ["net.keras", "net.h5", "net"])
def test_mixed_precision_is_taken_to_float32(mixed: Any, tmp_path: Path, file: str) -> None:
    if file == "net":
        mixed.export(tmp_path / file, verbose=False)
    else:
        mixed.save(tmp_path / file)
    model, said = load(tmp_path / file)
    assert said[0].startswith(
        f"{file} computes in float16, as by Keras's mixed precision: taking it to float32"
    )
    assert "removing it" in said[1]  # the softmax
    kinds = {end.dtype.name for node in model.network.function.graph.get_operations() for end in node.outputs}
    assert "float16" not in kinds
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    found = logits(model, pictures)
    exponentials = np.exp(found)
    np.testing.assert_allclose(
        exponentials / exponentials.sum(1, keepdims=True), mixed(pictures).numpy(), atol=2e-3
    )


def test_augmentation_is_left_out_of_a_file_and_refused_in_an_export(tmp_path: Path, layers: Any) -> None:
    import keras

    pictures = layers.Input((32, 32, 3))
    x = layers.RandomRotation(0.1, name="turning")(layers.RandomFlip(name="flipping")(pictures))
    network = keras.Model(pictures, layers.Dense(4)(layers.Flatten()(layers.Dropout(0.5)(x))))
    network.save(tmp_path / "net.keras")
    network.export(tmp_path / "net", verbose=False)
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    found = logits(load(tmp_path / "net.keras")[0], batch)
    np.testing.assert_allclose(found, network(batch, training=False), rtol=1e-4, atol=1e-4)
    with pytest.raises(UsageError, match=r"random numbers in flipping\w* and turning\w*: model.export keeps"):
        load(tmp_path / "net")
