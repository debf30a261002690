"""The demo's page in a real Chromium, with the real engines, beside what edgewise itself computes."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import read_image
from edgewise.models.spec import FILTERS, Preprocess
from edgewise.models.synthetic import dead_leaves
from edgewise.pipeline.report import style
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle, write_bundle
from edgewise.runtime.devices import _chromium as chromium
from edgewise.runtime.devices.demo import DemoPage, ShownModel, served
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.judge.stats import softmax, top_k
from edgewise.runtime.reference import TorchSession

Devtools = Callable[..., AbstractContextManager[Any]]
_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
_ANSWERS = """[...document.querySelectorAll(".answer")].map((box) => [
  box.querySelector("h2").textContent,
  [...box.querySelectorAll("li")].map((row) => [row.children[0].textContent, row.children[1].textContent]),
])"""


@dataclass
class Shown:
    """A page, the tab that shows it, and what it said."""

    page: DemoPage
    tab: Any
    said: list[Any]


def showing(bundles: list[Path], devtools: Devtools, *flags: str) -> Iterator[Shown]:
    program = chromium.find()
    assert program is not None
    with served(bundles, style().encode()) as page:
        said: list[Any] = []

        def listen() -> None:
            for event in page.events():
                said.append(event)
                if ended.is_set():
                    return

        ended = threading.Event()
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            with devtools(program, *flags) as tab:
                tab.ask("Page.navigate", url=page.address)
                tab.until("document.getElementById('status')?.textContent.startsWith('Ready')")
                yield Shown(page, tab, said)
        finally:
            ended.set()
            listener.join()


@pytest.fixture(scope="module")
def cached(javascript_engines: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(javascript_engines))
        yield


@pytest.fixture(scope="module")
def onnx_bundle(
    tiny_network: nn.Module, onnx_float: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    golden = sample(
        onnx_float.spec.preprocess, TorchSession(tiny_network), open_session(onnx_float.path, "onnx")
    )
    return write_bundle(tmp_path_factory.mktemp("demo") / "onnx", onnx_float, None, golden, {}).folder


@pytest.fixture(scope="module")
def shown(cached: None, tiny_bundle: Path, onnx_bundle: Path, devtools: Devtools) -> Iterator[Shown]:
    """Two bundles, of which one has its float model, and a camera."""
    del cached
    yield from showing([tiny_bundle, onnx_bundle], devtools, *_CAMERA)


def picture(kind: str, folder: Path) -> Path:
    """A picture as cameras and programs write them."""
    image = Image.fromarray(dead_leaves((90, 133), 3, 7))
    file = folder / f"{kind}.{'png' if kind in {'grey', 'palette'} else 'jpg'}"
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(file, exif=exif, quality=92)
    elif kind == "grey":
        image.convert("L").save(file)
    elif kind == "palette":
        image.quantize(64).save(file)
    else:
        image.save(file, quality=80)
    return file


@pytest.mark.parametrize("kind", ["jpeg", "turned", "grey", "palette"])
def test_a_picture_gets_the_answers_of_edgewise(shown: Shown, kind: str, tmp_path: Path) -> None:
    file = picture(kind, tmp_path)
    shown.tab.choose("#file", file)
    shown.tab.until(f"document.getElementById('status').textContent.startsWith('{file.name}: ')")
    expected = []
    for of in shown.page.subjects:
        spec, session = of.bundle.spec, open_session(of.path, of.bundle.target, 1)
        shares = softmax(session(spec.preprocess(read_image(file))[None]))[0]
        best = [[spec.labels.names[index], f"{100 * shares[index]:.2f} %"] for index in top_k(shares, 5)]
        expected.append([of.model.title, best])
    assert [title for title, _ in expected] == ["tiny tflite fp32", "tiny tflite w8a8", "tiny onnx fp32"]
    assert shown.tab.js(_ANSWERS) == expected
    assert "median of 5" in shown.tab.js("document.querySelector('.answer p').textContent")


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize(
    ("size", "resize", "channels"),
    [(32, 40, 3), ((24, 40), (50, 41), 3), (64, 64, 1), (50, 200, 3)],
    ids=["usual", "squashed", "grey", "enlarged"],
)
def test_pictures_are_prepared_bit_for_bit(
    shown: Shown, interpolation: str, size: Any, resize: Any, channels: int
) -> None:
    middle, spread = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) if channels == 3 else ((0.4,), (0.3,))
    preprocess = Preprocess(size, resize, middle, spread, interpolation)
    random = np.random.default_rng(5)
    given = {"size": size, "resize": resize, "mean": middle, "std": spread, "interpolation": interpolation}
    for height, width in ((67, 101), (128, 53)):
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        rgba = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
        found = shown.tab.js(f"""(async () => {{
          const {{ crop, normalise }} = await import("./pixels.js");
          const text64 = "{base64.b64encode(rgba.tobytes()).decode()}";
          const data = Uint8ClampedArray.from(atob(text64), (letter) => letter.charCodeAt(0));
          const given = {json.dumps(given)};
          const bytes = crop(given, {{ data, width: {width}, height: {height} }});
          const input = new Uint8Array(normalise(given, bytes, true).buffer);
          const text = (from) => btoa(Array.from(from, (byte) => String.fromCharCode(byte)).join(""));
          return [text(bytes), text(input)];
        }})()""")
        expected = preprocess.crop(Image.fromarray(pixels))
        assert base64.b64decode(found[0]) == expected.tobytes()
        planes = np.ascontiguousarray(preprocess.normalise(expected).transpose(2, 0, 1), "<f4")
        assert base64.b64decode(found[1]) == planes.tobytes()


def test_the_golden_sample_is_judged(shown: Shown) -> None:
    assert [model.passed for model in shown.page.models] == [True, True, True]
    assert [event["event"] for event in shown.said if event][:4] == ["golden"] * 3 + ["ready"]
    cells = shown.tab.js(
        "[...document.querySelectorAll('#checks td')].map((cell) => [cell.textContent, cell.className])"
    )
    assert cells[::2] == [["equal in every bit", "good"]] * 3
    assert [kind for _, kind in cells[1::2]] == ["good"] * 3
    shown.tab.js("document.getElementById('golden').click()")
    shown.tab.until("document.getElementById('status').textContent.startsWith('the golden sample: ')")


def test_the_camera_is_classified_until_it_is_stopped(shown: Shown) -> None:
    shown.tab.js("document.getElementById('camera').click()")
    shown.tab.until("document.getElementById('seen').getAttribute('aria-label').endsWith('the camera')")
    assert shown.tab.js("document.getElementById('camera').getAttribute('aria-pressed')") == "true"
    shown.tab.js("document.getElementById('camera').click()")
    assert shown.tab.js("document.getElementById('status').textContent") == "The camera is off."
    assert shown.tab.js("document.getElementById('video').hidden") is True


def test_what_is_no_picture_is_said_and_the_next_one_works(shown: Shown, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    shown.tab.choose("#file", broken)
    shown.tab.until("!document.getElementById('failure').hidden")
    said = shown.tab.js("document.getElementById('failure').textContent")
    assert said == "Failed: broken.jpg is no picture that this browser can decode; save it as JPEG or PNG"
    shown.tab.choose("#file", picture("jpeg", tmp_path))
    shown.tab.until("document.getElementById('status').textContent.startsWith('jpeg.jpg: ')")
    assert shown.tab.js("document.getElementById('failure').hidden") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_used_with_a_keyboard(shown: Shown, scheme: str) -> None:
    shown.tab.shape(360, 800, scheme)
    assert shown.tab.js("document.documentElement.scrollWidth <= innerWidth") is True
    dark = shown.tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")
    reached = []
    for _ in range(6):  # from wherever the focus is
        for kind in ("keyDown", "keyUp"):
            shown.tab.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(shown.tab.js("document.activeElement.id"))
    first = reached.index("file")
    assert reached[first : first + 3] == ["file", "camera", "golden"]
    assert shown.tab.js("[...document.querySelectorAll('iframe')].every((one) => one.title)") is True


def test_the_console_has_no_errors(shown: Shown) -> None:
    # LiteRT writes whatever it logs to the stream of errors.
    assert [line for line in shown.tab.errors if not re.search(r'"(INFO|WARNING): ', line)] == []


def test_another_golden_sample_is_marked(
    cached: None, onnx_bundle: Path, tmp_path: Path, devtools: Devtools
) -> None:
    del cached
    bundle = Bundle.open(onnx_bundle)
    golden = bundle.golden()
    off = replace(golden, output=golden.output * np.float32(1.01), input=golden.input + np.float32(0.02))
    model = Artifact(bundle.model, bundle.target, bundle.precision, bundle.io, bundle.spec)
    other = write_bundle(tmp_path / "other", model, None, off, {})
    for shown in showing([other.folder], devtools):
        (model_shown,) = shown.page.models
        assert model_shown.prepared == pytest.approx(0.02, abs=1e-3)
        assert "golden sample differs" in (model_shown.error or "")
        cells = shown.tab.js("[...document.querySelectorAll('#checks td')].map((cell) => cell.className)")
        assert cells == ["bad", "bad"]


def test_a_port_that_is_taken_and_files_that_browsers_cannot_run(
    cached: None, onnx_bundle: Path, tiny_bundles: dict[str, Path]
) -> None:
    del cached
    with served([onnx_bundle], b"") as page:
        assert page.server.server_address[0] == "127.0.0.1"
        port = page.server.server_port
        with (
            pytest.raises(UsageError, match=f"--port {port}: is taken by another program"),
            served([onnx_bundle], b"", port=port),
        ):
            pass
    with (
        pytest.raises(UsageError, match=r"no engine for openvino files; .* `edgewise predict`"),
        served([tiny_bundles["openvino"]], b""),
    ):
        pass


def test_events_that_are_none_end_the_page(cached: None, onnx_bundle: Path) -> None:
    del cached
    with served([onnx_bundle], b"") as page:
        for odd in (
            {},
            {"contender": 7, "prepared": 0, "output": [1]},
            {"contender": 0, "prepared": 0, "output": "x"},
        ):
            page.server._events.put({"event": "golden", **odd})
            with pytest.raises(EdgewiseError, match="something else than a golden output"):
                next(page.events())


def test_a_model_that_was_not_judged() -> None:
    model = ShownModel("tiny tflite fp32")
    assert (model.passed, model.told) == (False, "not computed yet")
