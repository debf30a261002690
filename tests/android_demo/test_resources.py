"""The app's manifest and resources: packaging, unused resources and accessibility."""

import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from edgewise.tests.android_demo.conftest import Packed

DEMO = Path(__file__).parents[2] / "android_demo"
APP = DEMO / "app" / "src" / "main"
RES = APP / "res"
A = "{http://schemas.android.com/apk/res/android}"
LAYOUTS = sorted(RES.glob("layout*/*.xml"))
CLICKABLE = {"Button", "ImageButton", "RadioButton", "CheckBox", "Switch"}
# WCAG 2.2, 1.4.3 and 1.4.11: contrast of at least 4.5 for text, 3 for graphics and controls.
TEXT, PART = 4.5, 3.0


def test_the_camera_is_the_only_permission(packed: "Packed") -> None:
    told = subprocess.run(
        ["aapt", "dump", "badging", str(packed.apk)], capture_output=True, text=True, check=True
    ).stdout
    assert "package: name='edgewise.demo'" in told
    assert "sdkVersion:'24'" in told
    assert re.findall(r"uses-permission: name='([\w.]+)'", told) == ["android.permission.CAMERA"]
    assert "launchable-activity: name='edgewise.demo.MainActivity'" in told
    # Devices without a camera can install the app and use the gallery.
    assert "uses-feature: name='android.hardware.camera'" not in told


def test_only_models_are_stored_uncompressed(packed: "Packed") -> None:
    with zipfile.ZipFile(packed.apk) as apk:
        how = {entry.filename: entry.compress_type for entry in apk.infolist()}
    assert how["assets/edgewise/model.tflite"] == zipfile.ZIP_STORED
    assert how["assets/edgewise/labels.txt"] == zipfile.ZIP_DEFLATED


def test_manifest_classes_exist_and_only_the_shell_may_open_more_than_the_main_screen() -> None:
    manifest = _tree(APP / "AndroidManifest.xml")
    activities = manifest.findall("application/activity")
    names = [activity.attrib[f"{A}name"] for activity in activities]
    assert names == [".MainActivity", ".SelfTestActivity"]
    for name in names:
        assert (APP / "kotlin" / "edgewise" / "demo" / f"{name[1:]}.kt").is_file()
    opened = [*activities, *manifest.findall("application/provider")]
    assert [part.attrib[f"{A}exported"] for part in opened] == ["true", "true", "false"]
    # adb's shell has this permission and other apps cannot get it: `edgewise bench` starts the self-test.
    guards = [part.get(f"{A}permission") for part in opened]
    assert guards == [None, "android.permission.DUMP", None]


@pytest.mark.parametrize("file", [*LAYOUTS, APP / "AndroidManifest.xml"], ids=lambda path: path.name)
def test_no_text_is_hard_coded(file: Path) -> None:
    for element in _tree(file).iter():
        for name in ("text", "hint", "title", "label", "contentDescription"):
            assert element.get(f"{A}{name}", "@string/").startswith("@string/"), (file.name, element.tag)


def test_resources_exist_and_are_used() -> None:
    files = [*APP.rglob("*.kt"), *RES.rglob("*.xml"), APP / "AndroidManifest.xml"]
    text = "\n".join(path.read_text("utf-8") for path in files)
    for kind in ("string", "color", "dimen", "layout"):
        used = set(re.findall(rf"(?:\bR\.{kind}\.|(?<!:)@{kind}/)(\w+)", text))
        if kind == "layout":
            made = {path.stem for path in LAYOUTS}
        else:
            made = {name for path in RES.glob("values/*.xml") for name in _values(path, kind)}
        assert used == made, kind


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_controls_and_pictures_have_labels_for_screen_readers(layout: Path) -> None:
    for element in _tree(layout).iter():
        kind = element.tag.rpartition(".")[2]
        said = element.get(f"{A}contentDescription") or element.get(f"{A}text")
        if kind in CLICKABLE:
            assert said, (kind, element.attrib)
        if kind in {"ImageView", "PreviewView", "ProgressBar", "CutView", "RadioGroup"}:
            assert said or element.get(f"{A}importantForAccessibility") == "no", (kind, element.attrib)


def test_touch_targets_are_large_enough() -> None:
    assert _values(RES / "values" / "dimens.xml", "dimen")["touch"] == "48dp"
    styles = {style.attrib["name"]: style for style in _tree(RES / "values" / "themes.xml").iter("style")}
    for layout in LAYOUTS:
        for element in _tree(layout).iter():
            if element.tag in CLICKABLE:
                style = styles[element.attrib["style"].removeprefix("@style/")]
                items = {item.attrib["name"]: item.text for item in style}
                assert items["android:minHeight"] == "@dimen/touch", element.attrib


def test_only_views_that_rarely_change_are_announced() -> None:
    live = {
        element.attrib[f"{A}id"]
        for layout in LAYOUTS
        for element in _tree(layout).iter()
        if f"{A}accessibilityLiveRegion" in element.attrib
    }
    assert live == {"@+id/status", "@+id/verdict"}


def test_the_camera_screen_has_the_same_views_in_portrait_and_landscape() -> None:
    upright, side = (
        [
            element.get("layout") or element.get(f"{A}id")
            for element in _tree(RES / folder / "activity_main.xml").iter()
        ]
        for folder in ("layout", "layout-land")
    )
    assert upright == side


@pytest.mark.parametrize(
    ("above", "below", "least"),
    [
        ("on_surface", "surface", TEXT),
        ("muted", "surface", TEXT),
        ("good", "surface", TEXT),
        ("bad", "surface", TEXT),
        ("on_primary", "primary", TEXT),
        ("primary", "surface", PART),
        ("on_stage", "stage", PART),
    ],
)
@pytest.mark.parametrize("night", [False, True], ids=["light", "dark"])
def test_colours_have_sufficient_contrast(above: str, below: str, least: float, *, night: bool) -> None:
    colours = _values(RES / "values" / "colors.xml", "color")
    if night:
        dark = _values(RES / "values-night" / "colors.xml", "color")
        assert colours.keys() - dark.keys() == {"stage", "on_stage"}
        colours |= dark
    light, dim = sorted((_luminance(colours[name]) for name in (above, below)), reverse=True)
    assert (light + 0.05) / (dim + 0.05) >= least


def _values(path: Path, kind: str) -> dict[str, str]:
    return {entry.attrib["name"]: entry.text or "" for entry in _tree(path).iter(kind)}


def _luminance(colour: str) -> float:
    """The WCAG relative luminance of '#RRGGBB'."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _tree(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314 (our own file)
