"""A bundle as an Android app carries it: proven here first, then copied whole into the app's `assets/`.

The app reads everything from the manifest, so that another bundle is another app without a line of code.
While the folder is written its siblings begin with a dot, which Android's build tools leave out of assets.
"""

import json
import shutil
from pathlib import Path

from ..models.errors import AccuracyError, EdgewiseError, UsageError
from . import open_session, runtime
from .bundle import Bundle
from .bundle.atomic import MANIFEST, refuse_foreign, replacing_folder
from .judge.golden import GoldenCheck
from .judge.golden import check as check_golden

TARGET = "tflite"
_FOLDER = "edgewise"  # in `assets/`, beside what else the app keeps there
_ENDS = ("inputs", "outputs", "output_step")  # what the app reads of a manifest's `structure`
_APP = Path("android_demo/app/src/main")


def default_assets() -> Path:
    """The demo app's assets folder, where the current folder is a checkout of edgewise.

    Raises:
        UsageError: it is none.
    """
    if not _APP.is_dir():
        raise UsageError(
            f"there is no {_APP} below the current folder; run this from a checkout of edgewise, "
            "or name your app's folder: edgewise android BUNDLE app/src/main/assets"
        )
    return _APP / "assets"


def place(assets: Path) -> Path:
    """The folder in `assets` that is edgewise's; `assets` itself need not be there, the one above must.

    Raises:
        UsageError: there is no such app, or files of someone else are in the way.
    """
    if not (assets if assets.exists() else assets.parent).is_dir():
        raise UsageError(f"{assets}: is no folder in an app; name one like myapp/app/src/main/assets")
    refuse_foreign(assets / _FOLDER)
    return assets / _FOLDER


def check(bundle: Bundle) -> GoldenCheck:
    """Prove on this machine what the app will rely on: the runtime, the gate, the ends, the golden sample.

    Raises:
        UsageError: it is for another runtime than the app's.
        AccuracyError: it failed its gate when it was exported.
        EdgewiseError: its manifest does not describe the model's ends.
        ParityError: the golden sample comes out otherwise.
    """
    if bundle.target != TARGET:
        raise UsageError(
            f"{bundle.folder}: is for {bundle.target}, which the app does not have; export with --to {TARGET}"
        )
    if (bundle.verification or {}).get("verdict") == "fail":
        raise AccuracyError(
            f"{bundle.folder}: failed its accuracy gate and was written by --force alone; "
            "no app gets it, export it without --force"
        )
    told = bundle.manifest.get("structure") or {}
    found = json.loads(json.dumps(runtime(TARGET).read_structure(bundle.model).to_json()))
    if any(told.get(key) != found[key] for key in _ENDS):
        raise EdgewiseError(
            f"{bundle.folder}: its manifest does not describe the ends of {bundle.model.name}, "
            "by which the app fills and reads it; export it anew"
        )
    return check_golden(bundle, open_session(bundle.model, TARGET))


def write(bundle: Bundle, assets: Path) -> Bundle:
    """Copy the bundle to its place in `assets`, whole or not at all, in place of one that is there.

    Raises:
        UsageError: see `place`.
        EdgewiseError: it cannot be written, or the bundle changed meanwhile.
    """
    folder = place(assets)
    with replacing_folder(folder) as partial:
        for name in (MANIFEST, *bundle.manifest["files"]):
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.folder / name, partial / name)
        Bundle.open(partial)
    return Bundle.open(folder)
