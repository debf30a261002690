"""Packs the app's resources once, for tests that inspect the APK or compile against R."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "android_demo"
APP = DEMO / "app" / "src" / "main"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")


@dataclass(frozen=True, slots=True)
class Packed:
    """The output of aapt2: the APK without code, and the folder with R.java."""

    apk: Path
    java: Path


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Manifest, resources and the assets of a small bundle, packed with aapt2 as in Gradle."""
    if shutil.which("aapt2") is None or not FRAMEWORK.is_file():
        pytest.skip("aapt2 is not installed (apt install aapt android-framework-res)")
    folder = tmp_path_factory.mktemp("packed")
    out = Packed(folder / "app.apk", folder / "java")
    manifest, resources = folder / "AndroidManifest.xml", folder / "resources.zip"
    manifest.write_text(_merged(), "utf-8")
    assets = folder / "assets" / "edgewise"
    assets.mkdir(parents=True)
    (assets / "model.tflite").write_bytes(bytes(4096))
    (assets / "labels.txt").write_bytes(bytes(4096))
    whole = "." + _build(r'noCompress \+= "(\w+)"')  # Gradle adds the dot too
    _run("aapt2", "compile", "--dir", str(APP / "res"), "-o", str(resources))
    _run(
        *("aapt2", "link", "-o", str(out.apk), "--java", str(out.java), "-A", str(assets.parent)),
        *("--manifest", str(manifest), "-I", str(FRAMEWORK), "-0", whole),
        *("--auto-add-overlay", "--non-final-ids", str(resources)),
    )
    return out


def _merged() -> str:
    """The manifest with the values that Gradle merges from app/build.gradle.kts."""
    least, target = _build(r"minSdk = (\d+)"), _build(r"targetSdk = (\d+)")
    namespace, name = _build(r'namespace = "([\w.]+)"'), _build(r'applicationId = "([\w.]+)"')
    sdk = f'<uses-sdk android:minSdkVersion="{least}" android:targetSdkVersion="{target}" />'
    source = (APP / "AndroidManifest.xml").read_text("utf-8").replace("${applicationId}", name)
    named = source.replace("<manifest", f'<manifest package="{namespace}"', 1)
    return named.replace("<application", f"{sdk}<application", 1)


def _build(pattern: str) -> str:
    found = re.search(pattern, (DEMO / "app" / "build.gradle.kts").read_text("utf-8"))
    assert found, pattern
    return found[1]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
