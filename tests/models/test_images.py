"""Real files in real folders."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import _classes, crops, find_images, labelled_images, read_image, sha256_of
from edgewise.models.spec import Labels, Pixels, Preprocess

BIRDS = Labels(
    ("tench", "crane", "crane", "jack-o'-lantern"), ("n01440764", "n02012849", "n03126707", "n03590841")
)
NOISE = np.random.default_rng(0).integers(0, 256, (23, 31, 3), np.uint8)


def picture(path: Path, pixels: Pixels = NOISE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, kind)
    return buffer.getvalue()


def read(path: Path) -> Pixels:
    return np.asarray(read_image(path))


def outcome(path: Path) -> str:
    try:
        return read_image(path).mode
    except EdgewiseError as error:
        return str(error)


@pytest.mark.parametrize("extension", ["png", "bmp", "tiff", "webp", "gif", "jpg"])
def test_each_format_is_read_as_rgb(tmp_path: Path, extension: str) -> None:
    flat = np.full((23, 31, 3), (200, 120, 40), np.uint8)
    image = read_image(picture(tmp_path / f"a.{extension}", flat))
    assert (image.mode, image.size) == ("RGB", (31, 23))
    assert np.abs(np.asarray(image, int) - flat).max() <= 4  # lossy formats shift colours a little


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("CMYK", "TIFF"),
    ],
)
def test_other_colour_modes_are_converted(tmp_path: Path, mode: str, kind: str) -> None:
    original = Image.fromarray(NOISE).convert(mode)
    original.save(tmp_path / "a.png", kind)
    assert np.array_equal(read(tmp_path / "a.png"), np.asarray(original.convert("RGB")))


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    image = Image.fromarray(NOISE).quantize(16)
    image.save(tmp_path / "a.png", transparency=bytes(range(16)))
    assert np.array_equal(read(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    levels = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png")[..., 0].ravel(), np.arange(256))


TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
def test_the_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(NOISE).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read(tmp_path / "a.png"), TURNS[orientation](NOISE))


def test_an_animation_gives_its_first_picture(tmp_path: Path) -> None:
    black, white = (Image.new("RGB", (8, 8), colour) for colour in ("black", "white"))
    black.save(tmp_path / "a.gif", save_all=True, append_images=[white])
    assert read(tmp_path / "a.gif").max() == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_half_a_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path, content = tmp_path / "half.img", encoded(kind)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(EdgewiseError, match=r"half\.img: cannot be read as a picture \(.+\); save it anew"):
        read_image(path)


@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
    ),
)
def test_damage_is_an_edgewise_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(encoded(kind))
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path_factory.getbasetemp() / "damaged.img"
    path.write_bytes(content)
    assert outcome(path) == "RGB" or str(path) in outcome(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (20000, 10000)).save(tmp_path / "bomb.png")
    with pytest.raises(EdgewiseError, match=r"bomb\.png: .*exceeds limit"):
        read_image(tmp_path / "bomb.png")


def test_a_strip_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    Image.new("L", (30000, 1)).save(tmp_path / "strip.png")
    with pytest.raises(EdgewiseError, match="a strip of 30000 by 1 pixels"):
        read_image(tmp_path / "strip.png")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_greys_without_a_range_are_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(np.ones((9, 9), kind)).save(tmp_path / "a.tiff")
    with pytest.raises(EdgewiseError, match="32-bit grey values"):
        read_image(tmp_path / "a.tiff")


def test_what_only_pretends_to_be_a_picture_is_not_opened(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "script.jpg", "EPS")
    with pytest.raises(EdgewiseError, match="none of BMP, GIF, JPEG"):
        read_image(tmp_path / "script.jpg")


def test_a_missing_picture_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_image(tmp_path / "a.jpg")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"edgewise")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"edgewise").hexdigest()
    with pytest.raises(EdgewiseError, match="b: cannot be read"):
        sha256_of(tmp_path / "b")


def test_pictures_are_found_in_order_at_any_depth(tmp_path: Path) -> None:
    names = ["a/b/deep.TIF", "a/x.jpeg", "b.PNG", "c.jpg"]
    for name in [*names, ".hidden.jpg", ".cache/a.jpg", "a/.b.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.jpg").mkdir()
    assert find_images(tmp_path) == [tmp_path / name for name in names]


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    outside = picture(tmp_path / "outside" / "o.png").parent
    folder = picture(tmp_path / "in" / "a" / "i.png").parents[1]
    (folder / "link").symlink_to(outside)
    (folder / "again").symlink_to(outside)
    (folder / "a" / "circle").symlink_to(folder)
    (folder / "broken.png").symlink_to(folder / "nothing.png")
    assert find_images(folder) == [folder / "a" / "i.png", folder / "again" / "o.png"]


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no pictures \(.*\.jpg.*\) but no files"):
        find_images(tmp_path)
    for name in ["a.HEIC", "b.heic", "README"]:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"but 2 \.heic, 1 no extension"):
        find_images(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "file.jpg")
    with pytest.raises(UsageError, match=f"{name}: .+; name a folder of pictures"):
        find_images(tmp_path / name)


def test_crops_pass_over_what_cannot_be_read(tmp_path: Path) -> None:
    preprocess = Preprocess(size=8, resize=8)
    paths = [picture(tmp_path / "a.png"), tmp_path / "b.png", picture(tmp_path / "c.png", NOISE[::-1])]
    paths[1].write_text("no picture")
    skipped: list[EdgewiseError] = []
    found = list(crops(paths, preprocess, skipped))
    assert [index for index, _ in found] == [0, 2]
    assert np.array_equal(found[1][1], preprocess.crop(Image.fromarray(NOISE[::-1])))
    assert len(skipped) == 1
    assert str(paths[1]) in str(skipped[0])


@pytest.mark.parametrize("name", ["tench", "TENCH", "n01440764", "N01440764", "n01440764_tench", "Tench-"])
def test_class_folders_are_matched_by_name_or_id(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / name / "deeper" / "a.png")
    lantern = picture(tmp_path / "Jack O Lantern" / "b.png")
    (tmp_path / "empty folders do not count").mkdir()
    assert sorted(labelled_images(tmp_path, BIRDS), key=lambda pair: pair[1]) == [(path, 0), (lantern, 3)]


def test_a_name_of_two_classes_is_refused_with_their_ids(tmp_path: Path) -> None:
    picture(tmp_path / "crane" / "a.png")
    with pytest.raises(
        UsageError, match=r"several classes: 'crane' \(n02012849\), 'crane' \(n03126707\); .* its id"
    ):
        labelled_images(tmp_path, BIRDS)
    with pytest.raises(UsageError, match="give the ids by --labels"):
        labelled_images(tmp_path, Labels(BIRDS.names))
    (tmp_path / "crane").rename(tmp_path / "n03126707")
    assert labelled_images(tmp_path, BIRDS) == [(tmp_path / "n03126707" / "a.png", 2)]


def test_an_unknown_folder_is_refused_with_the_nearest_classes(tmp_path: Path) -> None:
    picture(tmp_path / "tensh" / "a.png")
    picture(tmp_path / "n02012849" / "a.png")
    with pytest.raises(
        UsageError, match=r"tensh: .* 4 classes \(1 of 2 folders do not\); nearest: 'tench' \(n014407"
    ):
        labelled_images(tmp_path, BIRDS)
    (tmp_path / "tensh").rename(tmp_path / "val")
    with pytest.raises(UsageError, match="the classes begin with: 'tench'"):
        labelled_images(tmp_path, BIRDS)


def test_an_exact_name_comes_before_a_similar_one(tmp_path: Path) -> None:
    labels = Labels(("c-3", "C 3", "C++"))
    paths = [picture(tmp_path / name / "a.png") for name in ("C 3", "C++", "c-3")]
    assert labelled_images(tmp_path, labels) == [(paths[0], 1), (paths[1], 2), (paths[2], 0)]


def test_pictures_outside_of_class_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "tench" / "a.png")
    picture(tmp_path / "loose.png")
    with pytest.raises(UsageError, match=r"1 pictures lie directly in it \(the first: loose\.png\)"):
        labelled_images(tmp_path, BIRDS)


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tench").mkdir()
    with pytest.raises(UsageError, match="holds no pictures"):
        labelled_images(tmp_path, BIRDS)


def test_numbers_are_places_in_the_output_where_no_name_matches() -> None:
    folder = Path("set")
    assert _classes(folder, ["0", "03", "2"], BIRDS) == {"0": 0, "03": 3, "2": 2}
    assert _classes(folder, ["1", "2"], Labels(("2", "1"))) == {"1": 1, "2": 0}
    for names in (["0", "tench"], ["0", "4"], ["-1"], ["²"]):
        with pytest.raises(UsageError, match="fits none"):
            _classes(folder, names, BIRDS)


@given(
    names=st.lists(st.text("abcdefgh é", min_size=1).filter(str.strip), min_size=1, max_size=8),
    upper=st.booleans(),
    separator=st.sampled_from(["_", "-", " ", ""]),
)
def test_spelling_does_not_matter(names: list[str], upper: bool, separator: str) -> None:
    unique = tuple({"".join(name.split()): name for name in names}.values())
    labels = Labels(unique, tuple(f"n{index:08}" for index in range(len(unique))))
    for index, name in enumerate(unique):
        spelled = separator.join((name.upper() if upper else name).split())
        for form in (spelled, labels.ids[index], f"{labels.ids[index]}{separator}{spelled}"):
            assert _classes(Path("set"), [form], labels) == {form: index}


def test_every_photograph_finds_its_class(realdata: Path) -> None:
    folder = realdata / "data" / "imagenet-sample"
    pairs = [line.split(" ", 1) for line in (folder / "classes.txt").read_text().splitlines()]
    labels = Labels(tuple(name for _, name in pairs), tuple(identity for identity, _ in pairs))
    found = labelled_images(folder / "images", labels)
    assert len(found) == 500
    assert all(labels.ids[label] == path.parent.name for path, label in found)
