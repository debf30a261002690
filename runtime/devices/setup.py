"""Put inference engines on a board, into a virtual environment of edgewise's own there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError, UsageError
from ...models.requirements import requirements
from ._facts import INSTALLED, VENV
from ._package import NAME, package
from .board import facts, require_fit, usable
from .transport import Board

_NEW_VENV = ("python3", "-m", "venv", "--without-pip", "--clear")
# Compiling every module takes longer than installing them; what is used is compiled at its first use.
_PIP = ("--no-compile", "--no-cache-dir", "--disable-pip-version-check", "--only-binary", ":all:")
_BASE = ("numpy", "pillow")  # of what edgewise itself needs, all that a device runs with
# That wheels name; `pip download` does not know that newer ones run older wheels.
_GLIBC = (35, 34, 31, 28, 27, 17)


def setup(
    board: Board, targets: Sequence[str], wheels: Sequence[Path], tell: Callable[[str], None]
) -> dict[str, str]:
    """Install the engines of `targets` beside those that are there; the version of each.

    `wheels` is all that pip may install, or nothing for a board with network. `tell` hears what is going on.

    Raises:
        EdgewiseError: the board is not fit, or pip fails there.
    """
    found = facts(board)
    require_fit(found, board.address.name)
    there = found["installed"]["targets"] if usable(found) else {}
    wanted = tuple(dict.fromkeys((*there, *targets)))
    board.store(NAME, package())
    for file in wheels:
        tell(f"copy {file.name}")
        board.store(f"wheels/{file.name}", file)
    venv = f"{found['home']}/{VENV}"
    board.call("begin", ["rm", "-f", f"{found['home']}/{INSTALLED}"])  # or half of it would be taken for all
    if not there:
        tell("make a virtual environment")
        board.call("make a virtual environment", [*_NEW_VENV, venv])
    _install(board, found, wanted, ["--no-index", "--find-links", "wheels"] if wheels else [], tell)
    return dict(facts(board)["installed"]["targets"])


def wheels_in(folder: Path) -> list[Path]:
    """The wheels in a folder.

    Raises:
        UsageError: there are none.
    """
    files = sorted(folder.glob("*.whl"))
    if not files:
        raise UsageError(f"--wheels {folder}: holds no wheels")
    return files


def needed(targets: Sequence[str]) -> list[str]:
    """What pip must install for these targets: as edgewise's own metadata has it."""
    base = [line for line in requirements() if line.startswith(_BASE)]
    return base + [line for target in targets for line in requirements(TARGETS[target].extra)]


def download_command(targets: Sequence[str], python: Sequence[int], architecture: str) -> str:
    """How a person gets the wheels for a board that has no network."""
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
    """Let the pip that comes with the board's Python install them, and prove that they load."""
    python = f"{found['home']}/{VENV}/bin/python"
    command = [python, "-m", "pip", "install", *_PIP, *source, *needed(targets)]
    try:
        board.call("install the engines", command, {"PYTHONPATH": found["pip"]}, tell)
    except EdgewiseError as error:
        mend = download_command(targets, found["python"], found["architecture"])
        raise EdgewiseError(
            f"{error}; a board without network takes --wheels with what this gets: {mend}"
        ) from error
    prove = [python, "-P", "-m", "edgewise.runtime.devices._installed"]
    board.call("load the engines", [*prove, f"{found['home']}/{INSTALLED}", *targets], {"PYTHONPATH": NAME})
