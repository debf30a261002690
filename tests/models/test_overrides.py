"""Overrides and labels files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.errors import UsageError
from edgewise.models.overrides import Overrides, read_labels
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess

GIVEN = Preprocess(size=200, resize=250, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), interpolation="bicubic")
SPEC = ModelSpec("toy", GIVEN, Labels(("a", "b")), Origin("file", "toy.pth", ""))


def applied(**said: Any) -> Preprocess:
    return Overrides(**said).apply(SPEC, 2).preprocess


def test_settings_that_are_not_given_stay() -> None:
    assert Overrides().apply(SPEC, 2) == SPEC


def test_each_override_wins() -> None:
    assert applied(mean=(0, 0, 0)).mean == (0, 0, 0)
    assert applied(std=(1, 1, 1)).std == (1, 1, 1)
    assert applied(resize=300) == Preprocess(200, 300, GIVEN.mean, GIVEN.std, "bicubic")
    assert applied(imgsz=100, resize=101) == Preprocess(100, 101, GIVEN.mean, GIVEN.std, "bicubic")


def test_a_strip_is_squashed_unless_told_otherwise() -> None:
    assert applied(imgsz=(32, 96)).resize == (32, 96)
    assert applied(imgsz=(32, 96), resize=100).resize == 100
    assert applied(imgsz=(100, 100)).resize == 125  # a square as before
    strip = replace(GIVEN, size=(20, 60), resize=(25, 66))
    assert Overrides(imgsz=(40, 120)).preprocess(strip).resize == (50, 132)
    assert Overrides(resize="squash").preprocess(strip).resize == (20, 60)


def test_squash_takes_the_size_of_the_input() -> None:
    assert applied(resize="squash").resize == (200, 200)
    assert applied(imgsz=64, resize="squash").resize == (64, 64)
    assert Overrides.of(imgsz=64, resize=(70, 80)).preprocess(GIVEN).resize == (70, 80)


def test_grey_pictures_have_one_mean() -> None:
    assert applied(channels=1).mean == applied(channels=1).std == (0.5,)
    assert Overrides.of(channels=1, mean=0.1307, std=[0.3081]).preprocess(GIVEN).std == (0.3081,)
    with pytest.raises(UsageError, match=r"--mean 0\.1,0\.2,0\.3: the network takes grey pictures; pass one"):
        applied(channels=1, mean=(0.1, 0.2, 0.3))
    with pytest.raises(UsageError, match="--channels 2: must be 3 for RGB, or 1 for grey"):
        Overrides(channels=2)


@pytest.mark.parametrize("size", ["224", 1.5, True, (1, 2, 3), (1, 2.5)])
@pytest.mark.parametrize("option", ["imgsz", "resize"])
def test_what_is_no_size_is_a_usage_error(option: str, size: Any) -> None:
    with pytest.raises(UsageError, match=f"{option} .*must be the side of a square in pixels, or height and"):
        Overrides.of(**{option: size})


@given(st.integers(1, 3000))
def test_the_size_alone_scales_the_resize(size: int) -> None:
    found = applied(imgsz=size)
    assert found.size == size
    assert isinstance(found.resize, int)
    assert abs(found.resize - 1.25 * size) <= 0.5


@pytest.mark.parametrize(
    "said", [{"imgsz": 0}, {"imgsz": -4}, {"resize": 199}, {"resize": 0}, {"imgsz": 4000}]
)
def test_invalid_sizes_are_usage_errors(said: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="need 1 <= --imgsz <= --resize"):
        applied(**said)


@pytest.mark.parametrize("value", [123.675, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("option", ["mean", "std"])
def test_other_scales_are_usage_errors(option: str, value: float) -> None:
    with pytest.raises(UsageError, match=rf"--{option} \(.*divide by 255"):
        applied(**{option: (0.5, value, 0.5)})


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("tench\ngoldfish\n", Labels(("tench", "goldfish"))),
        (
            "n01440764 tench\nn01484850\tgreat white shark",
            Labels(("tench", "great white shark"), ("n01440764", "n01484850")),
        ),
        ("\ufeff a \r\nb\r\n\r\n", Labels(("a", "b"))),
        ("n01440764\nn01484850\n", Labels(("n01440764", "n01484850"))),
        ("n1 nail\n", Labels(("n1 nail",))),
    ],
)
def test_labels_are_read_with_or_without_ids(tmp_path: Path, text: str, labels: Labels) -> None:
    (tmp_path / "labels.txt").write_bytes(text.encode())
    assert read_labels(tmp_path / "labels.txt") == labels


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        (b"", "line 1 is empty"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"n01440764 tench\ngoldfish\n", "line 2 has no WordNet id but other lines do"),
        (b"\xff\xfe\x00a", "is not UTF-8 text"),
    ],
)
def test_unusable_labels_are_usage_errors(tmp_path: Path, content: bytes, fix: str) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(UsageError, match=rf"labels\.txt: {fix}"):
        read_labels(tmp_path / "labels.txt")


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_labels_path_that_is_not_a_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="pass a text file with one class per line"):
        read_labels(tmp_path / name)


def test_labels_replace_those_of_the_weights_if_their_number_matches(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("tench\ngoldfish\n")
    assert Overrides(labels=path).apply(SPEC, 2).labels == Labels(("tench", "goldfish"))
    with pytest.raises(UsageError, match=r"labels\.txt: names 2 classes, but the network has 3 outputs"):
        Overrides(labels=path).apply(SPEC, 3)
    with pytest.raises(UsageError, match=r"toy\.pth: names 2 classes, but the network has 3 outputs"):
        Overrides().apply(SPEC, 3)


def test_the_labels_of_the_imagenet_sample_have_1000_classes(realdata: Path) -> None:
    labels = read_labels(realdata / "data" / "imagenet-sample" / "classes.txt")
    assert (labels.names[0], labels.ids[0], len(labels)) == ("tench", "n01440764", 1000)
