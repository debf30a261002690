"""Draw a preview of the app's screens from its layouts, styles, colours and texts; needs Chromium.

    uv run python android_demo/preview.py BUNDLE [PNG]

This writes `preview.png` next to this file, or PNG. It is not a screenshot: a browser does the layout instead
of Android, the golden sample replaces the camera, and values that only a phone can measure are blank.
"""  # noqa: INP001 - a script, not a package

import base64
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from PIL import Image

from edgewise.models.spec import Preprocess
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices._chromium import find
from edgewise.runtime.judge.golden import check
from edgewise.runtime.judge.stats import softmax, top_k

HERE = Path(__file__).parent
RES = HERE / "app" / "src" / "main" / "res"
WIDTH, HEIGHT, GAP = 360, 800, 20  # of a screen, in dp
BLANK = "…"
_COLOURS = 128  # palette size of the PNG: enough, and half the file size
_SIDES = {"Start": "left", "End": "right", "Top": "top", "Bottom": "bottom", "": None}

States = dict[str, Any]


def values(night: bool) -> dict[str, str]:
    """All resources by reference, such as '@color/primary'."""
    found = {}
    for folder in ("values", "values-night") if night else ("values",):
        for path in sorted((RES / folder).glob("*.xml")):
            for node in ET.parse(path).getroot():  # noqa: S314 - our own files
                if node.tag in {"color", "dimen", "string"}:
                    found[f"@{node.tag}/{node.get('name')}"] = (node.text or "").replace("\\'", "'")
    return found


def styles() -> dict[str, dict[str, str]]:
    """The attributes of each style, including inherited ones."""
    nodes = {node.get("name", ""): node for node in ET.parse(RES / "values" / "themes.xml").iter("style")}  # noqa: S314

    def of(name: str) -> dict[str, str]:
        if name not in nodes:
            return {}
        own = {item.get("name", "").removeprefix("android:"): item.text or "" for item in nodes[name]}
        return of(nodes[name].get("parent") or name.rpartition(".")[0]) | own

    return {f"@style/{name}": of(name) for name in nodes}


class Screen:
    """A screen in HTML; `states` has the values that the app would set, by view id."""

    def __init__(self, bundle: Bundle, states: States, *, night: bool = False) -> None:
        self._bundle, self._states, self._values, self._styles = bundle, states, values(night), styles()

    def html(self, layout: str) -> str:
        """The whole screen."""
        colours = f"background:{self._value('@color/surface')};color:{self._value('@color/on_surface')}"
        return f'<div class="screen" style="{colours}">{self._layout(layout, self._states)}</div>'

    def _layout(self, name: str, states: States) -> str:
        root = ET.parse(RES / "layout" / f"{name}.xml").getroot()  # noqa: S314
        return self._view(root, states)

    def _value(self, text: str) -> str:
        return re.sub(r"(dp|sp)$", "px", self._values[text] if text.startswith("@") else text)

    def _view(self, node: ET.Element, states: States) -> str:
        own = {key.rpartition("}")[2]: value for key, value in node.attrib.items()}
        own = self._styles.get(node.get("style", ""), {}) | own
        name = own.get("id", "").partition("/")[2]
        if node.tag == "include":
            return self._layout(own["layout"].partition("/")[2], states.get(name, states))
        state = states.get(name, {})
        shown = state.get("visibility", own.get("visibility"))
        if shown == "gone":
            return ""
        inside = "".join(self._view(child, states) for child in node) + self._content(node.tag, own, state)
        if node.tag == "merge":
            return inside
        css = ";".join(self._css(own, state)) + (";visibility:hidden" if shown == "invisible" else "")
        direction = (
            own.get("orientation", "horizontal") if node.tag.endswith(("LinearLayout", "Group")) else ""
        )
        return f'<div class="{node.tag.rpartition(".")[2]} {direction}" style="{css}">{inside}</div>'

    def _css(self, own: dict[str, str], state: dict[str, Any]) -> Iterator[str]:
        for attribute, css in {
            "background": "background",
            "textColor": "color",
            "textSize": "font-size",
            "minHeight": "min-height",
        }.items():
            if text := state.get(attribute, own.get(attribute)):
                yield f"{css}:{self._value(text)}"
        for kind, css in (("padding", "padding"), ("layout_margin", "margin")):
            for end, side in _SIDES.items():
                if text := own.get(kind + end):
                    yield f"{css}{f'-{side}' if side else ''}:{self._value(text)}"
        for side in ("width", "height"):
            length = own.get(f"layout_{side}", "wrap_content")
            if (weight := own.get("layout_weight")) and length == "0dp":
                yield f"flex:{weight} 1 0;" + ("min-width:0" if side == "width" else "min-height:0")
            elif length != "wrap_content":
                yield f"{side}:{'100%' if length == 'match_parent' else self._value(length)}"
        if own.get("gravity") == "center_vertical":
            yield "justify-content:center"

    def _content(self, tag: str, own: dict[str, str], state: dict[str, Any]) -> str:
        accent = self._value("@color/primary")
        text = escape(self._text(state.get("text", own.get("text", "")))).replace("\n", "<br>")
        match tag.rpartition(".")[2]:
            case "Button":
                return f'<span class="button" style="background:{accent}">{text}</span>'
            case "RadioButton":
                dot = f"background:{accent}" if state.get("checked") else ""
                return f'<span class="ring" style="color:{accent}"><i style="{dot}"></i></span>{text}'
            case "ProgressBar":
                part = 100 * state.get("progress", 0.0)
                return f'<span class="track" style="color:{accent}"><i style="width:{part:.0f}%"></i></span>'
            case "PreviewView":
                picture = base64.b64encode(
                    (self._bundle.folder / "golden" / "image.png").read_bytes()
                ).decode()
                return self._drawn(
                    f'<image href="data:image/png;base64,{picture}" width="100%" height="100%"/>'
                )
            case "CutView":
                height, width, _ = self._bundle.golden().image.shape
                wide, high = _taken(self._bundle.spec.preprocess, width, height)
                line = (
                    f'stroke="{self._value("@color/on_stage")}" stroke-width="{self._value("@dimen/frame")}"'
                )
                place = f'x="{(width - wide) / 2}" y="{(height - high) / 2}" width="{wide}" height="{high}"'
                return self._drawn(f'<rect {place} {line} fill="none" vector-effect="non-scaling-stroke"/>')
        return text

    def _drawn(self, content: str) -> str:
        """Fit the content into the view as CameraX does."""
        height, width, _ = self._bundle.golden().image.shape
        return f'<svg viewBox="0 0 {width} {height}" width="100%" height="100%">{content}</svg>'

    def _text(self, text: str | tuple[Any, ...]) -> str:
        """Resolve a text, or a reference with its arguments; nested tuples are several lines."""
        if isinstance(text, str):
            return self._values[text] if text.startswith("@") else text
        name, *given = text
        if not isinstance(name, str):
            return "\n".join(map(self._text, text))

        def put(found: re.Match[str]) -> str:
            value = given[int(found[1]) - 1]
            return str(value) if isinstance(value, str) else f"%{found[2]}" % value

        return re.sub(r"%(\d)\$([.\d]*[sdfe])", put, self._values[name]).replace("%%", "%")


def _taken(preprocess: Preprocess, width: int, height: int) -> tuple[float, float]:
    """The width and height of the part that the crop takes from a picture."""
    high, wide, _ = preprocess.shape
    if isinstance(preprocess.resize, int):
        scale = min(width, height) / preprocess.resize
        return wide * scale, high * scale
    return width * wide / preprocess.resize[1], height * high / preprocess.resize[0]


def states_of(bundle: Bundle) -> tuple[States, States]:
    """The camera screen with the golden sample, and the self-test screen after it passed on this machine."""
    golden, files = bundle.golden(), bundle.manifest["files"]
    probabilities = softmax(golden.output[0])
    choices: States = {
        "part_model": {"text": _variant(bundle.precision, files[bundle.model.name]), "checked": True},
        "accelerator_cpu": {"checked": True},
        "threads_1": {"checked": True},
    }
    if bundle.reference:
        twin = _variant("fp32", files[bundle.reference.name])
        choices["part_reference"] = {"text": twin, "visibility": "visible"}
    camera: States = choices | {
        f"result_{place}": {
            "label": {"text": bundle.spec.labels.names[index]},
            "probability": {"text": ("@string/percent", 100 * probabilities[index])},
            "bar": {"progress": probabilities[index]},
        }
        for place, index in enumerate(top_k(golden.output[0], 3), start=1)
    }
    (height, width, _), classes = bundle.spec.preprocess.shape, len(bundle.spec.labels)
    camera["status"] = {"text": ("@string/ready", bundle.name, classes, height, width)}
    camera["latency"] = {"text": ("@string/latency", *[BLANK] * 4)}
    found = check(bundle, open_session(bundle.model, bundle.target))
    difference = (
        ("@string/relative", found.max_rel) if found.max_lsb is None else ("@string/steps", found.max_lsb)
    )
    title = ("@string/tested", bundle.name, bundle.precision.upper())
    times = (
        ("@string/summary", *[BLANK] * 3),
        ("@string/opening", *[BLANK] * 2),
        ("@string/threads", BLANK, "CPU"),
    )
    test: States = choices | {
        "parts": {"visibility": "gone"},
        "verdict": {"text": "@string/passed", "textColor": "@color/good"},
        "golden": {"text": (title, difference, ("@string/cosine", found.cosine))},
        "record": {"text": times},
        "history": {"visibility": "visible"},
        "share": {"visibility": "visible"},
    }
    return camera, test


def _variant(precision: str, entry: dict[str, Any]) -> tuple[Any, ...]:
    return "@string/variant", precision.upper(), entry["size_bytes"] / 1e6


def main(folder: Path, out: Path = HERE / "preview.png") -> None:
    """Draw three screens side by side."""
    bundle = Bundle.open(folder)
    camera, test = states_of(bundle)
    screens = [
        Screen(bundle, camera).html("activity_main"),
        Screen(bundle, camera, night=True).html("activity_main"),
        Screen(bundle, test).html("activity_self_test"),
    ]
    page = f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{''.join(screens)}"
    browser = find()
    if browser is None:
        sys.exit("preview.py needs Chromium (apt install chromium)")
    size = f"{len(screens) * (WIDTH + GAP) + GAP},{HEIGHT + 2 * GAP}"
    with tempfile.TemporaryDirectory() as work:
        html = Path(work, "preview.html")
        html.write_text(page)
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        own = (f"--user-data-dir={work}/profile", f"--window-size={size}")
        picture = Path(work, "preview.png")
        command = (str(browser), *options, *own, f"--screenshot={picture}", html.as_uri())
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own page
        with Image.open(picture) as drawn:
            drawn.convert("RGB").quantize(_COLOURS).save(out, optimize=True)


STYLE = f"""
body {{ margin: {GAP}px; display: flex; gap: {GAP}px; background: #b9bec7 }}
.screen {{ width: {WIDTH}px; height: {HEIGHT}px; border-radius: 16px; overflow: hidden }}
* {{ box-sizing: border-box; font-family: Roboto, Arial, sans-serif }}
.LinearLayout, .RadioGroup {{ display: flex; align-items: flex-start }}
.vertical {{ flex-direction: column }}
.FrameLayout {{ position: relative }}
.FrameLayout > div {{ position: absolute; inset: 0 }}
.ScrollView {{ flex: none }}
svg {{ image-rendering: pixelated; display: block }}
.Button, .RadioButton {{ display: flex; align-items: center }}
.button {{ flex: 1; padding: 10px 8px; border-radius: 2px; font-size: 14px; text-align: center }}
.ring {{ width: 18px; height: 18px; border: 2px solid; border-radius: 50%; padding: 3px; margin-right: 7px }}
.ring i {{ display: block; height: 100%; border-radius: 50% }}
.ProgressBar {{ display: flex; align-items: center; min-height: 4px }}
.track {{ flex: 1; height: 4px; background: color-mix(in srgb, currentColor 25%, transparent) }}
.track i {{ display: block; height: 100%; background: currentColor }}
"""

if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
