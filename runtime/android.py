"""Install a bundle into an Android app: check it on this machine, then copy it into the app's `assets/`.

The app reads everything from the manifest, so it runs any bundle without code changes. Temporary folders next
to the bundle begin with a dot, so Android's build tools leave them out of the assets.
"""

import shutil
from pathlib import Path
from shlex import quote

from ..models.errors import AccuracyError, EdgewiseError, UsageError
from . import open_session
from .bundle import Bundle
from .bundle.atomic import MANIFEST, refuse_foreign, replacing_folder
from .first_opening import require_sound
from .judge.golden import GoldenCheck
from .judge.golden import check as check_golden

TARGET = "tflite"
_FOLDER = "edgewise"  # in `assets/`, next to the app's other files
_ENDS = {"inputs", "outputs", "output_step"}  # what the app reads from a manifest's `structure`
_APP = Path("android_demo/app/src/main")
_DEPTH = 4  # of MODULE/src/main/assets
BUILD = "gradle -p android_demo :app:installDebug"  # the demo app, from a checkout


def default_assets() -> Path:
    """The demo app's assets folder, if the current folder is a checkout of edgewise.

    Raises:
        UsageError: it is not a checkout.
    """
    if not _APP.is_dir():
        raise UsageError(
            f"there is no {_APP} in the current folder; run this from a checkout of edgewise, "
            "or pass your app's folder: edgewise android BUNDLE app/src/main/assets"
        )
    return _APP / "assets"


def build_command(assets: Path) -> str:
    """The command that builds the app with this assets folder and installs it on the connected phone.

    Raises:
        UsageError: the folder is not that of a Gradle module.
    """
    if assets.parts[-3:] != ("src", "main", "assets") or len(assets.parts) < _DEPTH:
        raise UsageError(f"{assets}: is not the src/main/assets of a Gradle module, which --build builds")
    module = assets.parents[2]
    return f"gradle -p {quote(str(module.parent))} :{module.name}:installDebug"


def place(assets: Path) -> Path:
    """The folder for edgewise in `assets`. `assets` itself need not exist, but its parent must.

    Raises:
        UsageError: there is no such app, or the folder contains other files.
    """
    if not (assets if assets.exists() else assets.parent).is_dir():
        raise UsageError(f"{assets}: is not a folder of an app; pass one like myapp/app/src/main/assets")
    refuse_foreign(assets / _FOLDER)
    return assets / _FOLDER


def require_fit(bundle: Bundle) -> None:
    """Check what the app will rely on, as far as the manifest says it.

    Raises:
        UsageError: it is for a runtime that the app does not have.
        AccuracyError: it failed its gate when it was exported.
        EdgewiseError: its manifest leaves out the model's inputs and outputs.
    """
    if bundle.target != TARGET:
        raise UsageError(
            f"{bundle.folder}: needs {bundle.target}, which the app does not have; export with --to {TARGET}"
        )
    recorded = bundle.verification or {}
    if recorded.get("verdict") == "fail" or recorded.get("passed") is False:
        raise AccuracyError(
            f"{bundle.folder}: failed its accuracy gate and was only written because of --force; "
            "export it without --force"
        )
    if _ENDS - (bundle.manifest.get("structure") or {}).keys():
        raise EdgewiseError(
            f"{bundle.folder}: its manifest does not describe the inputs and outputs of "
            f"{bundle.model.name}, which the app needs; export it again"
        )


def check(bundle: Bundle) -> GoldenCheck:
    """Check a bundle that was judged just now: `require_fit`, its description and its golden sample.

    Raises:
        UsageError, AccuracyError, EdgewiseError: see `require_fit`.
        EdgewiseError: the model crashes its engine, or the manifest does not describe it.
        ParityError: the golden sample gives another result.
    """
    require_fit(bundle)
    require_sound(bundle)
    return check_golden(bundle, open_session(bundle.model, TARGET))


def write(bundle: Bundle, assets: Path) -> Bundle:
    """Copy the bundle into `assets` atomically, replacing any bundle there.

    Raises:
        UsageError: see `place`.
        EdgewiseError: it cannot be written, or the bundle changed in the meantime.
    """
    folder = place(assets)
    with replacing_folder(folder) as partial:
        for name in (MANIFEST, *bundle.manifest["files"]):
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.folder / name, partial / name)
        Bundle.open(partial)
    return Bundle.open(folder)
