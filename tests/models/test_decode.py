"""Decoding files of every colour mode, depth and orientation to RGB; some are written byte by byte."""

import io
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from edgewise.models import _decode
from edgewise.models._decode import decode
from edgewise.models.spec import Pixels

NOISE = np.random.default_rng(0).integers(0, 256, (23, 31, 3), np.uint8)
GLASS = Image.fromarray(NOISE)
GLASS.putalpha(100)
DEEP = np.random.default_rng(1).integers(0, 65536, (23, 31, 4), np.uint16)
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


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pair(picture: Image.Image, kinds: tuple[str, ...]) -> tuple[Image.Image, tuple[str, ...]]:
    return picture, kinds


def pixels_of(content: bytes) -> Pixels:
    return np.asarray(decode(content, pair)[0])


def kinds_of(content: bytes) -> set[str]:
    return set(decode(content, pair)[1])


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def png16(levels: NDArray[np.uint16], colour: int) -> bytes:
    """A PNG with 16 bits per channel; `colour` is 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def grey_tiff(rows: bytes, width: int, height: int, bits: int, photometric: int, order: str) -> bytes:
    """An uncompressed greyscale TIFF; `photometric` 0 means white is zero, `order` is '<' or '>'."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(rows)),
    ]
    entries = b"".join(
        struct.pack(f"{order}HHI{'I' if kind == 4 else 'HH'}", tag, kind, 1, *([value, 0][: 5 - kind]))
        for tag, kind, value in tags
    )
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(rows))
    return start + rows + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("image", "kind", "kinds"),
    [
        (Image.fromarray(NOISE), "JPEG", set()),
        (Image.fromarray(NOISE), "PNG", set()),
        (Image.fromarray(NOISE), "WEBP", set()),
        (Image.fromarray(NOISE).convert("L"), "JPEG", {"grey"}),
        (Image.fromarray(NOISE).convert("1"), "PNG", {"grey"}),
        (Image.fromarray(NOISE).convert("LA"), "PNG", {"grey", "alpha"}),
        (GLASS, "PNG", {"alpha"}),
        (GLASS, "WEBP", {"alpha"}),
        (Image.fromarray(NOISE).convert("P"), "PNG", {"palette"}),
        (Image.fromarray(NOISE).convert("P"), "GIF", {"palette"}),
        (Image.fromarray(NOISE).convert("CMYK"), "JPEG", {"CMYK"}),
        (Image.fromarray(NOISE).convert("CMYK"), "TIFF", {"CMYK"}),
        (Image.fromarray(DEEP[..., 0]), "PNG", {"grey", "16-bit"}),
        (Image.fromarray(DEEP[..., 0]), "TIFF", {"grey", "16-bit"}),
    ],
)
def test_differences_from_plain_rgb_are_reported(image: Image.Image, kind: str, kinds: set[str]) -> None:
    read, found = decode(saved(image, kind), pair)
    assert (read.mode, read.size) == ("RGB", (31, 23))
    assert set(found) == kinds


def test_a_palette_with_transparency_keeps_its_colours() -> None:
    image = Image.fromarray(NOISE).quantize(16)
    content = saved(image, "PNG", transparency=bytes(range(16)))
    assert np.array_equal(pixels_of(content), np.asarray(image.convert("RGB")))
    assert kinds_of(content) == {"palette", "alpha"}


@pytest.mark.parametrize(
    ("colour", "channels", "kinds"),
    [
        (0, [0], {"16-bit", "grey"}),
        (2, [0, 1, 2], {"16-bit"}),
        (4, [0, 3], {"16-bit", "grey", "alpha"}),
        (6, [0, 1, 2, 3], {"16-bit", "alpha"}),
    ],
)
def test_png_with_16_bits_per_channel(colour: int, channels: list[int], kinds: set[str]) -> None:
    content = png16(DEEP[..., channels], colour)
    shown = [0, 1, 2] if len(channels) > 2 else [0, 0, 0]
    assert np.array_equal(pixels_of(content), DEEP[..., shown] >> 8)
    assert kinds_of(content) == kinds


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_with_16_bits(order: str) -> None:
    content = grey_tiff(DEEP[..., 0].astype(f"{order}u2").tobytes(), 31, 23, 16, 1, order)
    assert np.array_equal(pixels_of(content)[..., 0], DEEP[..., 0] >> 8)
    assert kinds_of(content) == {"16-bit", "grey"}


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_where_white_is_zero(bits: int) -> None:
    levels = DEEP[..., 0] >> 16 - bits
    content = grey_tiff(levels.astype(f"<u{bits // 8}").tobytes(), 31, 23, bits, 0, "<")
    assert np.array_equal(pixels_of(content)[..., 0], 255 - (DEEP[..., 0] >> 8))


def test_tiff_with_12_bits_reaches_white() -> None:
    levels = np.arange(0, 4096, 16, dtype=np.uint16)
    pairs = levels.reshape(-1, 2)  # three bytes each
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1)
    content = grey_tiff(packed.astype(np.uint8).tobytes(), 16, 16, 12, 1, "<")
    assert np.array_equal(pixels_of(content)[..., 0].ravel(), np.arange(256))
    assert kinds_of(content) == {"16-bit", "grey"}


@pytest.mark.parametrize(
    ("ink", "shown"),
    [
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 0, 0), (255, 0, 255)),
        ((0, 0, 255, 0), (255, 255, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_cmyk_is_converted_although_jpeg_stores_it_inverted(
    ink: tuple[int, ...], shown: tuple[int, ...]
) -> None:
    image = Image.new("CMYK", (16, 16), ink)
    for kind, options in ("JPEG", {"quality": 100}), ("TIFF", {}):
        pixels = pixels_of(saved(image, kind, **options)).astype(int)
        assert np.abs(pixels - shown).max() <= 2


def test_torchvision_reads_cmyk_the_same_way() -> None:
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    smooth = Image.fromarray(NOISE).resize((64, 64), Image.Resampling.BICUBIC).convert("CMYK")
    content = saved(smooth, "JPEG", quality=95)
    assert b"Adobe" in content
    raw = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    with warnings.catch_warnings(action="ignore"):  # it is deprecated in favour of torchcodec
        other = decode_jpeg(raw, ImageReadMode.RGB).permute(1, 2, 0).numpy()
    assert np.abs(pixels_of(content).astype(int) - other).max() <= 2


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_and_reported(kind: str, orientation: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(Image.fromarray(NOISE), kind, exif=exif(orientation), **options)
    assert np.array_equal(pixels_of(content), TURNS[orientation](NOISE))
    assert kinds_of(content) == ({"EXIF-rotated"} if orientation > 1 else set())


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16"])
def test_rotated_tiff_in_any_mode(mode: str, orientation: int) -> None:
    image = Image.fromarray(DEEP[..., 0]) if mode == "I;16" else Image.fromarray(NOISE).convert(mode)
    upright = pixels_of(saved(image, "TIFF"))
    turned = saved(image, "TIFF", exif=exif(orientation))
    assert np.array_equal(pixels_of(turned), TURNS[orientation](upright))


@given(garbage=st.binary(max_size=60))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_unreadable_metadata_does_not_lose_the_picture(kind: str, garbage: bytes) -> None:
    content = saved(Image.fromarray(NOISE), kind, exif=b"Exif\0\0MM\0*" + garbage)
    plain = saved(Image.fromarray(NOISE), kind)
    shown, upright = pixels_of(content), pixels_of(plain)
    assert any(np.array_equal(shown, turn(upright)) for turn in TURNS.values())


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("GIF", {"animated", "palette"}),
        ("PNG", {"animated"}),
        ("WEBP", {"animated"}),
        ("TIFF", {"multi-page"}),
        ("MPO", set()),  # a photo with its preview
    ],
)
def test_the_first_of_several_frames_is_used(kind: str, told: set[str]) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("teal", "white"))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(first, kind, save_all=True, append_images=[second], **options)
    assert np.abs(pixels_of(content).astype(int) - (0, 128, 128)).max() <= 4
    assert kinds_of(content) == told


def test_a_damaged_later_frame_is_ignored() -> None:
    frames = [Image.fromarray(np.roll(NOISE, shift, 0)).quantize(64) for shift in (0, 5)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    alone = saved(frames[0], "GIF")
    cut = content[: len(alone) + 40]
    assert np.array_equal(pixels_of(cut), pixels_of(alone))


def test_warning_filters_are_restored_after_the_last_thread() -> None:
    started, finish = threading.Event(), threading.Event()

    def read() -> None:
        with _decode._quiet():
            started.set()
            finish.wait(10)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        other = threading.Thread(target=read)
        with _decode._quiet():
            other.start()
            assert started.wait(10)
        warnings.warn("the other still reads", stacklevel=1)
        finish.set()
        other.join(10)
        assert list(warnings.filters) == before
        with pytest.raises(UserWarning, match="again"):
            warnings.warn("again", stacklevel=1)


def test_threads_share_the_room_for_pixels_and_one_picture_alone_always_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = (saved(Image.new("RGB", (side, side)), "PNG") for side in (10, 40))
    monkeypatch.setattr(_decode, "_MOST_PIXELS", 350)  # three small ones
    lock, held, most = threading.Lock(), 0, 0

    def use(picture: Image.Image, _: tuple[str, ...]) -> None:
        nonlocal held, most
        with lock:
            held += picture.width * picture.height
            most = max(most, held)
        time.sleep(0.01)
        with lock:
            held -= picture.width * picture.height

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda content: decode(content, use), [small] * 20))
        assert 100 < most <= 350
        list(threads.map(lambda content: decode(content, use), [large, small] * 6))
    assert most == 1600
    assert _decode._taken == 0


def test_a_failure_leaves_the_room_to_others() -> None:
    content = saved(Image.new("RGB", (10, 10)), "PNG")
    with pytest.raises(ZeroDivisionError):
        decode(content, lambda *_: 1 // 0)
    with pytest.raises(OSError, match=r"truncated|broken"):
        decode(saved(Image.fromarray(NOISE), "PNG")[:200], pair)
    assert _decode._taken == 0
