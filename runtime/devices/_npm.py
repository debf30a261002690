"""The engines that are written in JavaScript, fetched once by npm into the user's cache folder.

`_page/package-lock.json` pins every package by its sha512, which npm checks, and names no address: npm takes
them from the registry that the user has set. Their install scripts do not run.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...models.errors import EdgewiseError

PAGE = Path(__file__).with_name("_page")
# What the page loads: 33 MB, a sixth of the packages. 'compat' is for browsers without relaxed SIMD.
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
# An error in a form to read; what npm has kept need not be asked for; a user waits for one more try.
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
    """The packages; the first call on a machine fetches them.

    Raises:
        EdgewiseError: npm is missing, cannot fetch them, or received something else than was pinned.
    """
    # Another release may pin others, or need other files: it has another folder.
    pinned = hashlib.sha256((PAGE / _LOCK).read_bytes() + "\n".join(FILES).encode()).hexdigest()
    folder = _cache() / f"browser-{pinned[:16]}"
    if not _whole(folder):
        _fetch(folder)
    return Packages(folder)


def _cache() -> Path:
    """The XDG base directory specification's place, on every system."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgewise"


def _whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def _fetch(folder: Path) -> None:
    """Install beside `folder`, and move there what is needed: whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise EdgewiseError(
            "measuring in a browser needs npm, once, to fetch the engines, and it is not installed; "
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
            f"{folder}: cannot be written ({error.strerror}); make room there, or name another folder in "
            "XDG_CACHE_HOME"
        ) from error


def _keep(work: Path, folder: Path) -> None:
    kept = work / "kept"
    for name in FILES:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "node_modules" / name).rename(kept / name)
    if not _whole(folder):  # or else another process was faster
        shutil.rmtree(folder, ignore_errors=True)
        kept.rename(folder)


def _install(npm: str, folder: Path) -> None:
    """Run `npm ci` in `folder`."""
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            [npm, "ci", *_OPTIONS],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise EdgewiseError(f"npm has not ended after {_TIMEOUT_S:g} s; look at the network") from error
    if done.returncode:
        raise _failure(done)


def _failure(done: "subprocess.CompletedProcess[str]") -> EdgewiseError:
    code, summary = _said(done)
    if code == "EINTEGRITY":
        return EdgewiseError(
            f"the npm registry sent something else than edgewise was tested with ({summary}); use another "
            "registry, and do not trust this one"
        )
    if code in _OFFLINE:
        return EdgewiseError(
            f"npm cannot reach its registry ({summary}); the engines are fetched once: connect to the "
            "network, or set npm's registry or proxy"
        )
    return EdgewiseError(f"npm cannot fetch the engines ({code}: {summary}); run it where npm works")


def _said(done: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """The code of its error, and the summary in one line."""
    try:
        error = json.loads(done.stdout)["error"]
        code, summary = str(error["code"]), str(error["summary"])
    except (ValueError, KeyError, TypeError):  # npm did not come so far
        found = re.search(r"code (E\w+)", done.stderr)
        code, summary = found[1] if found else f"status {done.returncode}", done.stderr
    return code, " ".join(summary.split())[:300]
