"""How networks of keras.applications want their pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.models.foreign.keras import load_keras
from edgewise.models.foreign.keras_conventions import BY_LAYER
from edgewise.models.overrides import Overrides

pytestmark = pytest.mark.slow  # importing TensorFlow alone takes ten seconds


@pytest.fixture
def keras(tiny_keras: Path) -> Any:
    assert tiny_keras.is_dir()
    import keras

    return keras


@pytest.mark.parametrize(
    ("application", "layer"),
    [
        ("ResNet50", "conv2_block1_3_bn"),
        ("VGG16", "block5_conv3"),
        ("DenseNet121", "conv2_block1_concat"),
        ("ResNet50V2", None),
        ("Xception", None),
        ("MobileNetV2", None),
    ],
)
def test_layers_tell_the_networks_apart(keras: Any, application: str, layer: str | None) -> None:
    make = getattr(keras.applications, application)
    network = make(weights=None, include_top=False, input_shape=(96, 96, 3))
    assert [name for name in BY_LAYER if name in {part.name for part in network.layers}] == [layer] * bool(
        layer
    )


def named(keras: Any, folder: Path, layer: str, first: Any = None) -> tuple[Any, Path]:
    """A small network with a layer of that name, and its file."""
    pictures = keras.layers.Input((32, 32, 3))
    x = keras.layers.ZeroPadding2D(1)(first(pictures) if first else pictures)
    x = keras.layers.Conv2D(8, 3, strides=2, name=layer)(x)
    network = keras.Model(pictures, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x)))
    network.save(folder / "net.keras")
    return network, folder / "net.keras"


@pytest.mark.parametrize(
    ("layer", "mode"),
    [("conv2_block1_3_bn", "caffe"), ("block5_conv3", "caffe"), ("conv2_block1_concat", "torch")],
)
def test_a_network_gets_what_its_preprocess_input_makes(
    keras: Any, tmp_path: Path, layer: str, mode: str
) -> None:
    network, path = named(keras, tmp_path, layer)
    said: list[str] = []
    model = load_keras(path, Overrides(), said.append)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    prepared = keras.applications.imagenet_utils.preprocess_input(pixels.astype(np.float32), mode=mode)
    found = model.network(model.spec.preprocess.normalise(pixels))
    np.testing.assert_allclose(found, network(prepared), rtol=1e-3, atol=1e-3)
    assert "assuming the preprocessing of keras.applications." in said[0]
    assert ("pixels in the order BGR" in said[0]) == (mode == "caffe")


def test_the_users_mean_and_deviation_are_for_rgb(keras: Any, tmp_path: Path) -> None:
    network, path = named(keras, tmp_path, "conv2_block1_3_bn")
    given = Overrides(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize=32)
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    found = load_keras(path, given, lambda _: None).network(batch)
    np.testing.assert_allclose(found, network(batch), rtol=1e-4, atol=1e-4)


def test_what_another_layer_precedes_is_no_network_of_the_list(keras: Any, tmp_path: Path) -> None:
    network, path = named(keras, tmp_path, "block5_conv3", keras.layers.ReLU())
    said: list[str] = []
    model = load_keras(path, Overrides(), said.append)
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model.network(batch), network(batch), rtol=1e-4, atol=1e-4)
    assert "mobilenet_v2" in said[0]
