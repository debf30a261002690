"""Which libraries are installed, and which of them can be imported.

Imports run in child processes, because a broken library can crash its process. Run as a program, this module
is such a child.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..export.engines import unreported
from ..export.facts import TARGETS
from ..models.errors import MissingDependencyError
from ..models.requirements import installed
from ..runtime.child import ChildDiedError, answering, ask, in_words

if TYPE_CHECKING:
    from collections.abc import Callable

# Libraries that only some commands and networks need, with their extras.
EXTRAS = {"lightning": "train", "tensorflow": "keras", "timm": "timm"}
NETWORK = ("torch", "torchvision", "safetensors")  # every export of a PyTorch network needs these
_ABSENT = "not installed"
_UNKNOWN = "of unknown version"


@dataclass(frozen=True, slots=True)
class InstalledLibrary:
    """The version of a library, or why it cannot be used."""

    version: str | None = None
    error: str | None = None


def modules() -> list[str]:
    """The modules that exporting, quantizing and running import, for all targets."""
    return sorted({*NETWORK}.union(*(row.modules for row in TARGETS.values())))


def distribution(module: str) -> str:
    """The package that a module comes in: 'ai-edge-litert'."""
    return module.partition(".")[0].replace("_", "-")


def found() -> dict[str, InstalledLibrary]:
    """Every library that a target needs, by module, from the metadata of installed packages."""
    return {name: _found(name) for name in modules()}


def imported() -> dict[str, InstalledLibrary]:
    """The same from importing each in a child process, as many at a time as there are processors."""
    names = modules()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(_imported, names), strict=True))


def extras() -> dict[str, str | None]:
    """The version of each library of `EXTRAS`, None where it is not installed; nothing is imported."""
    return {name: _found(name).version for name in EXTRAS}


def versions() -> dict[str, str]:
    """The installed versions of edgewise and of the libraries that its results may depend on."""
    names = {"edgewise", "keras", "pillow", *EXTRAS, *map(distribution, modules())}
    known = {name: installed(name) for name in sorted(names)}
    return {name: version for name, version in known.items() if version is not None}


def caveat(target: str) -> str | None:
    """What a user of the target's engine on this machine must know, as a child process tells."""
    try:
        said: str | None = ask(__name__, "caveat", target)
    except ChildDiedError as error:
        return f"asking its engine ends in {error}"
    return said


def cached_weights() -> list[str]:
    """The networks whose ImageNet weights are in torch.hub's cache, as a child with torchvision finds."""
    try:
        names: list[str] = ask(__name__, "cached")
    except ChildDiedError:  # torch and torchvision do not fit together
        return []
    return names


def main() -> None:
    """Be the child."""
    answers: dict[str, Callable[..., Any]] = {
        "library": _import,
        "caveat": _caveat,
        "cached": _cached,
    }
    task, *arguments = sys.argv[1:]
    with unreported(), answering() as answer:
        json.dump(answers[task](*arguments), answer)


def _found(name: str) -> InstalledLibrary:
    top = name.partition(".")[0]
    try:
        absent = find_spec(top) is None
    except (ImportError, ValueError):  # what an import hook says; a module without a spec
        absent = top not in sys.modules
    if absent:
        return InstalledLibrary(error=_ABSENT)
    # It has no version if it comes in a package of another name, such as onnxruntime-gpu.
    return InstalledLibrary(installed(distribution(name)) or _UNKNOWN)


def _imported(name: str) -> InstalledLibrary:
    try:
        return InstalledLibrary(**ask(__name__, "library", name))
    except ChildDiedError as error:
        return InstalledLibrary(error=f"its import ends in {error}")


def _import(name: str) -> dict[str, str]:
    """The fields of an `InstalledLibrary`."""
    try:
        module = import_module(name)
    except Exception as error:  # noqa: BLE001 - a broken library raises anything
        absent = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
        return {"error": _ABSENT if absent else in_words(error)}
    version = installed(distribution(name)) or getattr(module, "__version__", _UNKNOWN)
    return {"version": str(version)}


def _caveat(target: str) -> str | None:
    from ..runtime import runtime

    return runtime(target).caveat()


def _cached() -> list[str]:
    from ..models.weights.published import is_here
    from ..models.zoo import architectures

    names = []
    for row in architectures():
        with suppress(MissingDependencyError):  # timm is an extra
            if is_here(row):
                names.append(row.name)
    return names


if __name__ == "__main__":
    main()
