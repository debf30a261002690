"""The JavaScript engines, downloaded once by npm into the user's cache folder.

`_page/package-lock.json` pins every package by its SHA-512, which npm checks, and contains no URLs: npm uses
the registry that the user has configured. Install scripts are not run.
"""

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...models.errors import EdgewiseError
from ...models.files import cache_folder

PAGE = Path(__file__).with_name("_page")
# The page's files: 33 MB, a sixth of the packages. 'compat' is for browsers without relaxed SIMD.
FILES = (
    "@litertjs/core/dist/index.js",
    *(
        f"@litertjs/core/wasm/litert_wasm_{build}internal.{end}"
        for build in ("", "compat_", "threaded_")
        for end in ("js", "wasm")
    ),
    "@litertjs/wasm-utils/dist/index.js",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
)

_LOCK = "package-lock.json"
# Machine-readable errors, cached packages preferred, and only one retry, because a user is waiting.
_OPTIONS = (
    "--json",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)
_TIMEOUT_S = 600.0
_OFFLINE = {"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"}


@dataclass(frozen=True, slots=True)
class Packages:
    """The folder with `FILES`."""

    folder: Path

    def version(self, name: str) -> str:
        """The version that the lock file pins of a package."""
        lock = json.loads((PAGE / _LOCK).read_bytes())
        return str(lock["packages"][f"node_modules/{name}"]["version"])


def packages() -> Packages:
    """The packages; the first call on a machine downloads them.

    Raises:
        EdgewiseError: npm is missing, cannot download them, or received something other than pinned.
    """
    # Another release may pin other versions or need other files, so it has another folder.
    pinned = hashlib.sha256((PAGE / _LOCK).read_bytes() + "\n".join(FILES).encode()).hexdigest()
    folder = cache_folder() / f"browser-{pinned[:16]}"
    if not _whole(folder):
        _fetch(folder)
    return Packages(folder)


def _whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def _fetch(folder: Path) -> None:
    """Install next to `folder`, and move what is needed to it atomically."""
    npm = shutil.which("npm")
    if npm is None:
        raise EdgewiseError(
            "running models in a browser needs npm once, to download the engines, but it is not installed; "
            "install Node.js (Debian: apt install npm)"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="fetching-", dir=folder.parent) as name:
            work = Path(name)
            for file in ("package.json", _LOCK):
                shutil.copyfile(PAGE / file, work / file)
            _install(npm, work)
            _keep(work, folder)
    except OSError as error:
        raise EdgewiseError(
            f"{folder}: cannot be written ({error.strerror}); free some space, or set another folder in "
            "XDG_CACHE_HOME"
        ) from error


def _keep(work: Path, folder: Path) -> None:
    kept = work / "kept"
    for name in FILES:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "node_modules" / name).rename(kept / name)
    if not _whole(folder):  # otherwise another process was faster
        shutil.rmtree(folder, ignore_errors=True)
        kept.rename(folder)


def _install(npm: str, folder: Path) -> None:
    """Run `npm ci` in `folder`."""
    try:
        done = subprocess.run(  # noqa: S603 - no external input
            [npm, "ci", *_OPTIONS],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise EdgewiseError(f"npm has not finished after {_TIMEOUT_S:g} s; check the network") from error
    if done.returncode:
        raise _failure(done)


def _failure(done: "subprocess.CompletedProcess[str]") -> EdgewiseError:
    code, summary = _said(done)
    if code == "EINTEGRITY":
        return EdgewiseError(
            f"the npm registry sent other packages than edgewise was tested with ({summary}); do not trust "
            "it, and use another registry"
        )
    if code in _OFFLINE:
        return EdgewiseError(
            f"npm cannot reach its registry ({summary}); the engines are downloaded once: connect to the "
            "network, or configure npm's registry or proxy"
        )
    return EdgewiseError(f"npm cannot download the engines ({code}: {summary}); check that npm works")


def _said(done: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """The code of npm's error, and its summary as one line."""
    try:
        error = json.loads(done.stdout)["error"]
        code, summary = str(error["code"]), str(error["summary"])
    except (ValueError, KeyError, TypeError):  # npm failed before that
        found = re.search(r"code (E\w+)", done.stderr)
        code, summary = found[1] if found else f"status {done.returncode}", done.stderr
    return code, " ".join(summary.split())[:300]
