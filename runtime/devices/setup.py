"""Install inference engines on a board, in a separate virtual environment."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError, UsageError
from ...models.requirements import requirements
from ._facts import INSTALLED, VENV
from ._package import NAME, package
from .board import facts, require_fit, require_libc, usable
from .transport import Board

_NEW_VENV = ("-m", "venv", "--without-pip", "--clear")
# Compiling all modules takes longer than installing them; they are compiled on first use instead.
_PIP = ("--no-compile", "--no-cache-dir", "--disable-pip-version-check", "--only-binary", ":all:")
_BASE = ("numpy", "pillow")  # the dependencies of edgewise that a device needs
# As named by wheels; `pip download` does not know that newer systems run older wheels.
_GLIBC = (35, 34, 31, 28, 27, 17)


def setup(
    board: Board,
    targets: Sequence[str],
    wheels: Sequence[Path],
    tell: Callable[[str], None],
    python: str | None = None,
) -> dict[str, str]:
    """Install the engines of `targets` in addition to existing ones; return all versions.

    `wheels` are the only ones that pip may install; empty for a board with network. `tell` reports progress.
    `python` is the interpreter to use there; without it, that of an earlier setup or python3. An environment
    of another version is replaced.

    Raises:
        EdgewiseError: the board is not suitable, or pip fails there.
    """
    found = facts(board, python or "python3")
    if python is not None and found["engine_python"] and found["engine_python"][:2] != found["python"][:2]:
        found["engine_python"] = None
    require_fit(found, board.address.name)
    require_libc(found, board.address.name, targets)
    there = found["installed"]["targets"] if usable(found) else {}
    wanted = tuple(dict.fromkeys((*there, *targets)))
    board.store(NAME, package())
    for file in wheels:
        tell(f"copy {file.name}")
        board.store(f"wheels/{file.name}", file)
    venv = f"{found['home']}/{VENV}"
    board.call(
        "start", ["rm", "-f", f"{found['home']}/{INSTALLED}"]
    )  # otherwise a partial setup would look complete
    if not there:
        tell("create a virtual environment")
        board.call("create a virtual environment", [python or "python3", *_NEW_VENV, venv])
    _install(board, found, wanted, ["--no-index", "--find-links", "wheels"] if wheels else [], tell)
    return dict(facts(board)["installed"]["targets"])


def wheels_in(folder: Path) -> list[Path]:
    """The wheels in a folder.

    Raises:
        UsageError: there are none.
    """
    files = sorted(folder.glob("*.whl"))
    if not files:
        raise UsageError(f"--wheels {folder}: contains no wheels")
    return files


def needed(targets: Sequence[str]) -> list[str]:
    """What pip must install for these targets, from edgewise's own metadata."""
    base = [line for line in requirements() if line.startswith(_BASE)]
    return base + [line for target in targets for line in requirements(TARGETS[target].extra)]


def download_command(targets: Sequence[str], python: Sequence[int], architecture: str) -> str:
    """The command to download the wheels for a board without network."""
    platforms = " ".join(f"--platform manylinux_2_{minor}_{architecture}" for minor in _GLIBC)
    version = ".".join(map(str, python[:2]))
    names = " ".join(f"'{requirement}'" for requirement in needed(targets))
    return f"pip download -d wheels --only-binary :all: --python-version {version} {platforms} {names}"


def _install(
    board: Board,
    found: dict[str, Any],
    targets: Sequence[str],
    source: list[str],
    tell: Callable[[str], None],
) -> None:
    """Install them with the pip of the board's Python, and check that they load."""
    python = f"{found['home']}/{VENV}/bin/python"
    command = [python, "-m", "pip", "install", *_PIP, *source, *needed(targets)]
    try:
        board.call("install the engines", command, {"PYTHONPATH": found["pip"]}, tell)
    except EdgewiseError as error:
        version = found["engine_python"] if usable(found) else found["python"]
        download = download_command(targets, version, found["architecture"])
        raise EdgewiseError(
            f"{error}; if the board has no network, pass --wheels with what this downloads: {download}"
        ) from error
    check = [python, "-P", "-m", "edgewise.runtime.devices._installed"]
    board.call("load the engines", [*check, f"{found['home']}/{INSTALLED}", *targets], {"PYTHONPATH": NAME})
