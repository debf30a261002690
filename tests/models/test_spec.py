"""Preprocessing compared with torchvision's, and the JSON round trip of model descriptions."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from edgewise.models.errors import UsageError
from edgewise.models.spec import FILTERS, Labels, ModelSpec, Origin, Preprocess

unit = st.floats(0, 1, width=32)
colours = st.tuples(unit, unit, unit)
sizes = st.tuples(st.integers(1, 96), st.integers(0, 96)).map(lambda pair: (pair[0], sum(pair)))
preprocesses = st.builds(
    lambda size_resize, mean, std, interpolation: Preprocess(
        size_resize[0], size_resize[1], mean, std, interpolation
    ),
    sizes,
    colours,
    st.tuples(*[st.floats(1 / 64, 2, width=32)] * 3),
    st.sampled_from([*FILTERS]),
)
texts = st.lists(st.text(), max_size=5).map(tuple)


@given(preprocesses, st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_preprocessing_is_bit_identical_to_torchvision(
    preprocess: Preprocess, width: int, height: int, seed: int
) -> None:
    from torchvision import transforms

    theirs = transforms.Compose(
        [
            transforms.Resize(preprocess.resize, transforms.InterpolationMode(preprocess.interpolation)),
            transforms.CenterCrop(preprocess.size),
            transforms.ToTensor(),
            transforms.Normalize(preprocess.mean, preprocess.std),
        ]
    )
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels)
    found = preprocess(image)
    assert found.dtype == np.float32
    assert np.array_equal(found, theirs(image).permute(1, 2, 0).numpy())


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
    st.sampled_from([*FILTERS]),
    st.booleans(),
    st.integers(1, 90),
    st.integers(1, 90),
)
def test_squashed_and_grey_pictures_are_bit_identical_to_torchvision(
    size: tuple[int, int], more: tuple[int, int], way: str, grey: bool, width: int, height: int
) -> None:
    from torchvision import transforms

    resize = (size[0] + more[0], size[1] + more[1])
    mean, std = ((0.1307,), (0.3081,)) if grey else ((0.5, 0.4, 0.3), (0.2, 0.1, 0.3))
    theirs = transforms.Compose(
        [
            *([transforms.Grayscale()] if grey else []),
            transforms.Resize(resize, transforms.InterpolationMode(way)),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    preprocess = Preprocess(size, resize, mean, std, way)
    found = preprocess(image)
    assert found.shape == preprocess.shape == (*size, len(mean))
    assert np.array_equal(found, theirs(image).permute(1, 2, 0).numpy())


def test_a_square_has_one_description() -> None:
    assert Preprocess((32, 32), (40, 40)) == Preprocess(32, (40, 40))
    assert Preprocess(32, (40, 40)) != Preprocess(32, 40)  # one squashes, one keeps the proportions
    text = Preprocess((32, 96), (40, 100), (0.5,), (0.25,), "box").text
    assert text == "grey, resize 40x100 (box), crop 32x96, mean 0.5, std 0.25"


def test_a_description_of_an_earlier_version_is_read() -> None:
    old = {"size": 21, "resize": 32, "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "interpolation": "bicubic"}
    assert ModelSpec.from_json({**SPEC, "preprocess": old}).preprocess.shape == (21, 21, 3)


@given(preprocesses, hnp.arrays(np.uint8, hnp.array_shapes(max_side=4).map(lambda shape: (*shape, 3))))
def test_normalising_works_on_stacks_of_any_shape(preprocess: Preprocess, pixels: NDArray[np.uint8]) -> None:
    found = preprocess.normalise(pixels)
    assert found.shape == pixels.shape
    for channel in range(3):
        mean, std = np.float32(preprocess.mean[channel]), np.float32(preprocess.std[channel])
        exact = (pixels[..., channel].astype(np.float32) / np.float32(255) - mean) / std
        assert np.array_equal(found[..., channel], exact)


@given(preprocesses, texts, st.text(), st.text(), st.booleans())
def test_a_description_survives_the_json_round_trip(
    preprocess: Preprocess, names: tuple[str, ...], name: str, digest: str, with_ids: bool
) -> None:
    labels = Labels(names, tuple(f"n{index}" for index in range(len(names))) if with_ids else ())
    spec = ModelSpec(name, preprocess, labels, Origin("file", name, digest))
    assert ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


SPEC = ModelSpec("mobilenetv2", Preprocess(), Labels(("a", "b")), Origin("file", "a.pth", "00")).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"preprocess": {}},
        {"preprocess": "size"},
        {"preprocess": {**SPEC["preprocess"], "colour": "BGR"}},
        {"preprocess": {**SPEC["preprocess"], "std": "abc"}},
        {"preprocess": {**SPEC["preprocess"], "size": 512}},
        {"labels": None},
        {"labels": {"names": ["a", "b"], "ids": ["n1"]}},
        {"origin": {"source": "file"}},
    ],
)
def test_an_invalid_description_is_a_usage_error(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ModelSpec.from_json({**SPEC, **change})
    assert ModelSpec.from_json(SPEC).labels.names == ("a", "b")


@pytest.mark.parametrize("missing", SPEC)
def test_every_field_of_a_description_is_required(missing: str) -> None:
    with pytest.raises(UsageError, match=f"not a valid edgewise model description: KeyError.'{missing}'"):
        ModelSpec.from_json({key: value for key, value in SPEC.items() if key != missing})


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        ({"size": 0}, "--imgsz"),
        ({"size": 224, "resize": 223}, "--resize"),
        ({"resize": 4097}, "4096"),
        ({"std": (0.2, 0.0, 0.2)}, "std above 0"),
        ({"mean": (0.5,)}, "three numbers each"),
        ({"mean": (0.5,), "std": (0.5,) * 2}, "one each for grey"),
        ({"size": (224, 300)}, "image size 224x300 and resize 256 do not fit"),
        ({"size": (32, 96), "resize": (96, 32)}, "image size 32x96 and resize 96x32 do not fit"),
        ({"interpolation": "area"}, "choose one of nearest, box, bilinear, hamming, bicubic, lanczos"),
    ],
)
def test_invalid_values_are_usage_errors(values: dict[str, Any], fix: str) -> None:
    with pytest.raises(UsageError, match=fix):
        Preprocess(**values)


def test_every_class_has_an_id_or_none_has() -> None:
    assert len(Labels(("a", "b"))) == 2
    with pytest.raises(UsageError, match="1 class ids for 2 class names"):
        Labels(("a", "b"), ("n1",))
