"""Defaults for files without metadata."""

from pathlib import Path

import pytest

from edgewise.models.errors import UsageError
from edgewise.models.foreign import assumed, describe, name_of, require_channels, size_of, usual
from edgewise.models.overrides import Overrides

HALF = (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("file", "name"),
    [("a/my net (2).keras", "my-net-2"), ("..keras", "model"), ("v1.5.pt2", "v1.5"), (".x.pt2", "x")],
)
def test_a_name_is_a_plain_file_name(file: str, name: str) -> None:
    assert name_of(Path(file)) == name


def test_a_folder_is_named_after_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.v2").mkdir()
    monkeypatch.chdir(tmp_path / "net.v2")
    assert name_of(Path()) == "net.v2"


def test_the_sha256_of_a_folder_covers_all_its_files(tmp_path: Path) -> None:
    def digest() -> str:
        return describe(tmp_path, usual(32, HALF, HALF), 3, Overrides()).origin.sha256

    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_text("1")
    first = digest()
    (tmp_path / "inner" / "b").write_text("")
    second = digest()
    (tmp_path / "inner" / "b").rename(tmp_path / "inner" / "c")
    assert len({first, second, digest()}) == 3


def test_the_usual_preprocessing_is_that_of_imagenet() -> None:
    assert (usual(224, HALF, HALF).resize, usual(32, HALF, HALF).resize) == (256, 37)
    assert usual((32, 96), HALF, HALF).resize == (32, 96)  # the whole picture


def test_the_size_comes_from_the_file_or_the_option() -> None:
    path = Path("net.pt2")
    assert size_of(32, path, Overrides()) == size_of(32, path, Overrides(imgsz=32)) == 32
    assert size_of(None, path, Overrides(imgsz=48)) == 48
    with pytest.raises(UsageError, match="any size; set it in pixels with --imgsz"):
        size_of(None, path, Overrides())
    with pytest.raises(UsageError, match=r"--imgsz 48: net.pt2 takes 32 x 32 pixels"):
        size_of(32, path, Overrides(imgsz=48))
    assert size_of((32, 96), path, Overrides()) == size_of(None, path, Overrides(imgsz=(32, 96))) == (32, 96)
    assert size_of((32, 32), path, Overrides(imgsz=(32, 32))) == 32
    with pytest.raises(UsageError, match=r"--imgsz 96x32: net.pt2 takes 32 x 96 pixels"):
        size_of((32, 96), path, Overrides(imgsz=(96, 32)))


def test_channels_that_the_file_does_not_take_are_refused() -> None:
    for asked in (None, 1):
        require_channels(1, Path("net.pt2"), Overrides(channels=asked))
    with pytest.raises(UsageError, match=r"--channels 3: net\.pt2 takes grey pictures; omit --channels"):
        require_channels(1, Path("net.pt2"), Overrides(channels=3))


def test_only_assumptions_are_announced(tmp_path: Path) -> None:
    file, labels = tmp_path / "net.pt2", tmp_path / "labels.txt"
    file.write_bytes(b"")
    labels.write_text("a\nb\n")
    settled = Overrides(resize=37, mean=HALF, std=HALF, labels=labels)

    def said(overrides: Overrides) -> list[str]:
        return assumed(describe(file, usual(32, HALF, HALF), 2, overrides), "a way", overrides)

    first, second = said(Overrides())
    assert "assuming a way (resize 37 (bilinear), crop 32, mean 0.5/0.5/0.5, std 0.5/0.5/0.5)" in first
    assert "assuming 'class 0' to 'class 1'" in second
    assert said(settled) == []


def test_1000_classes_are_assumed_to_be_imagenets(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"")
    labels = describe(tmp_path / "net.pt2", usual(32, HALF, HALF), 1000, Overrides()).labels
    assert (labels.names[0], labels.ids[0]) == ("tench", "n01440764")
