"""What edgewise's extras bring, as the metadata of the installed package has it, and how to install it."""

import re
import shlex
from collections.abc import Iterable, Iterator
from importlib import metadata

_PACKAGE = "edgewise"
_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")
_NESTED = re.compile(rf"{_PACKAGE}\[([\w,\s-]+)\]")


def requirements(extra: str | None = None) -> list[str]:
    """What pip installs for an extra, extras in it included; without one, what edgewise always needs.

    Nothing where edgewise runs without being installed, as it does on a board.
    """
    return list(dict.fromkeys(_requirements(extra)))


def missing(extra: str) -> list[str]:
    """Those of an extra whose packages are not installed."""
    return [line for line in requirements(extra) if installed(package(line)) is None]


def install_command(extra: str, library: str) -> str:
    """The command that installs `library` and what else an extra lacks here.

    It names the packages themselves: edgewise need not come from an index that pip could ask for extras.
    """
    lines = requirements(extra)
    asked = [line for line in lines if package(line) == package(library)]
    if not asked:  # of another package's, or of unknown name
        asked = [library] if _NAME.fullmatch(library) else lines
    return pip_install(dict.fromkeys([*asked, *missing(extra)]))


def pip_install(lines: Iterable[str]) -> str:
    """The command that installs these requirements."""
    return shlex.join(["pip", "install", *lines])


def package(requirement: str) -> str:
    """The package that a requirement is of, its name in one form."""
    found = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement


def installed(name: str) -> str | None:
    """The version of an installed package, None where it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _requirements(extra: str | None) -> Iterator[str]:
    try:
        lines = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        of = _EXTRA.search(marker)
        if (of[1] if of else None) != extra:
            continue
        if nested := _NESTED.fullmatch(requirement):
            for inner in nested[1].split(","):
                yield from _requirements(inner.strip())
        else:
            yield requirement
