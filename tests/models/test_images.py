"""Finding and reading picture files."""

import hashlib
import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgewise.models import images
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import crops, find_images, look, read_image, sha256_of
from edgewise.models.spec import Pixels, Preprocess

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


@pytest.mark.parametrize("extension", ["png", "bmp", "tiff", "webp", "gif", "jpg", "jfif", "avif"])
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
def test_other_colour_modes_are_converted_to_rgb(tmp_path: Path, mode: str, kind: str) -> None:
    original = Image.fromarray(NOISE).convert(mode)
    original.save(tmp_path / "a.png", kind)
    assert np.array_equal(read(tmp_path / "a.png"), np.asarray(original.convert("RGB")))


def test_the_orientation_of_a_tiff_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "a.tiff", exif=exif)  # Pillow memory-maps this file
    assert np.array_equal(read(tmp_path / "a.tiff")[..., 0], np.rot90(NOISE[..., 0], -1))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_truncated_file_is_refused_and_named(tmp_path: Path, kind: str) -> None:
    path, content = tmp_path / "half.img", encoded(kind)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(EdgewiseError, match=r"half\.img: cannot be read as a picture \(.+\); save it again"):
        read_image(path)


@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
    ),
)
def test_a_damaged_file_is_an_edgewise_error_or_still_loads(
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


def test_a_long_strip_is_refused_before_it_exhausts_the_memory(tmp_path: Path) -> None:
    Image.new("L", (30000, 1)).save(tmp_path / "strip.png")
    with pytest.raises(EdgewiseError, match="a strip of 30000 by 1 pixels"):
        read_image(tmp_path / "strip.png")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_greyscale_without_a_defined_range_is_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(np.ones((9, 9), kind)).save(tmp_path / "a.tiff")
    with pytest.raises(EdgewiseError, match="32-bit greyscale"):
        read_image(tmp_path / "a.tiff")


def test_other_content_with_a_picture_suffix_is_not_opened(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "script.jpg", "EPS")
    with pytest.raises(EdgewiseError, match="not one of BMP, GIF, JPEG"):
        read_image(tmp_path / "script.jpg")


def test_a_missing_picture_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_image(tmp_path / "a.jpg")


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
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


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    outside = picture(tmp_path / "outside" / "o.png").parent
    folder = picture(tmp_path / "in" / "a" / "i.png").parents[1]
    (folder / "link").symlink_to(outside)
    (folder / "again").symlink_to(outside)
    (folder / "a" / "circle").symlink_to(folder)
    (folder / "broken.png").symlink_to(folder / "nothing.png")
    assert find_images(folder) == [folder / "a" / "i.png", folder / "again" / "o.png"]


def test_the_error_for_a_folder_without_pictures_lists_its_content(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"contains no pictures \(.*\.jpg.*\), found no files"):
        find_images(tmp_path)
    for name in ["a.HEIC", "b.heic", "README"]:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=r"found 2 \.heic, 1 no extension"):
        find_images(tmp_path)


def test_jfif_and_avif_are_found(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"a.{extension}") for extension in ("AVIF", "JPG", "jfif")]
    assert find_images(tmp_path) == files
    assert look(tmp_path).notice(tmp_path) is None


def test_other_files_are_counted_by_extension(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    for name in (
        "1.CR2",
        "a/2.cr2",
        "a/3.cr2",
        "4.txt",
        "5.txt",
        "6.pdf",
        "7.mov",
        "README",
        ".x",
        "Thumbs.db",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert look(tmp_path).notice(tmp_path) == (
        f"{tmp_path}: 8 other files were not looked at, 3 .cr2, 2 .txt, 1 .mov and 2 more kinds"
    )


def test_what_iphones_save_needs_a_plugin_which_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "formats", lambda: {"JPEG": (".jpg",)})
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.HEIC").touch()
    assert look(tmp_path).notice(tmp_path) == (
        f"{tmp_path}: 1 other file was not looked at, 1 .heic; pip install pillow-heif to read HEIC"
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv installs the plugin for this test alone")
def test_with_the_plugin_heic_is_read(tmp_path: Path) -> None:
    script = f"""
import numpy, pillow_heif
from pathlib import Path
from PIL import Image
from edgewise.models.images import find_images, read_image
folder = Path({str(tmp_path)!r})
grey = numpy.full((40, 60, 3), (200, 120, 40), numpy.uint8)
pillow_heif.from_pillow(Image.fromarray(grey)).save(folder / "a.HEIC")
(found,) = find_images(folder)
read = read_image(found)
assert (read.mode, read.size) == ("RGB", (60, 40))
assert numpy.abs(numpy.asarray(read).astype(int) - grey).max() <= 8
"""
    command = ("uv", "run", "--quiet", "--with", "pillow-heif", "python", "-c", script)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_anything_but_a_folder_is_a_usage_error(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "file.jpg")
    with pytest.raises(UsageError, match=f"{name}: .+; pass a folder of pictures"):
        find_images(tmp_path / name)


def test_unreadable_files_are_skipped(tmp_path: Path) -> None:
    preprocess = Preprocess(size=8, resize=8)
    paths = [picture(tmp_path / "a.png"), tmp_path / "b.png", picture(tmp_path / "c.png", NOISE[::-1])]
    paths[1].write_text("no picture")
    skipped: list[EdgewiseError] = []
    found = list(crops(paths, preprocess, skipped))
    assert [index for index, _ in found] == [0, 2]
    assert np.array_equal(found[1][1], preprocess.crop(Image.fromarray(NOISE[::-1])))
    assert len(skipped) == 1
    assert str(paths[1]) in str(skipped[0])
