"""What is installed, found out by importing it in a process of its own: an import can crash.

Run as a program, this module is that process.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from ..export.engines import unreported
from ..export.facts import TARGETS
from ..models.errors import MissingDependencyError
from ..runtime.child import ChildDiedError, answering, ask, in_words

if TYPE_CHECKING:
    from collections.abc import Callable

# What some commands and networks alone need: the extra of each library.
EXTRAS = {"lightning": "train", "tensorflow": "keras", "timm": "timm"}
NETWORK = ("torch", "torchvision", "safetensors")  # what every export needs beside what its target does


@dataclass(frozen=True, slots=True)
class InstalledLibrary:
    """A library as it is installed: its version, or why it cannot be imported."""

    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What can be done for one target here; `install` mends what cannot, `caveat` is its engine's own."""

    export: bool
    quantize: bool
    run: bool
    install: str | None
    caveat: str | None


def libraries() -> dict[str, InstalledLibrary]:
    """Every library that some target needs, by its module; as many at a time as there are processors."""
    names = modules()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(_library, names), strict=True))


def modules() -> list[str]:
    """The modules that exporting, quantizing and running import, for all targets."""
    return sorted({*NETWORK}.union(*(row.modules for row in TARGETS.values())))


def versions() -> dict[str, str]:
    """The versions of edgewise and of all installed libraries that what it makes may depend on."""
    names = {"edgewise", "keras", "pillow", *EXTRAS, *map(distribution, modules())}
    found = {name: _version(name) for name in sorted(names)}
    return {name: version for name, version in found.items() if version is not None}


def extras() -> dict[str, str | None]:
    """The version of each library of `EXTRAS`, None where it is not installed; none is imported."""
    return {name: _version(name) for name in EXTRAS}


def judge(target: str, found: dict[str, InstalledLibrary]) -> TargetStatus:
    """What the libraries that were found allow for `target`."""
    row = TARGETS[target]
    tasks = {"export": NETWORK + row.export, "quantize": row.quantize, "run": row.run}
    can = {task: not any(found[name].error for name in needed) for task, needed in tasks.items()}
    extra = row.extra if can["export"] and can["quantize"] else "export"
    install = None if all(can.values()) else f"pip install 'edgewise[{extra}]'"
    return TargetStatus(**can, install=install, caveat=_caveat_of(target) if can["run"] else None)


def cached_weights() -> list[str]:
    """The networks whose ImageNet weights lie in torch.hub's cache; needs torchvision."""
    try:
        names: list[str] = _ask("cached")
    except ChildDiedError:  # torchvision is not of this torch
        return []
    return names


def distribution(module: str) -> str:
    """What a module is installed by: 'ai-edge-litert'."""
    return module.partition(".")[0].replace("_", "-")


def main() -> None:
    """Be the child."""
    answers: dict[str, Callable[..., Any]] = {"library": _imported, "caveat": _caveat, "cached": _cached}
    task, *arguments = sys.argv[1:]
    with unreported(), answering() as answer:
        json.dump(answers[task](*arguments), answer)


def _library(name: str) -> InstalledLibrary:
    try:
        return InstalledLibrary(**_ask("library", name))
    except ChildDiedError as error:
        return InstalledLibrary(error=f"its import ends in {error}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _caveat_of(target: str) -> str | None:
    try:
        said: str | None = _ask("caveat", target)
    except ChildDiedError as error:
        return f"asking its engine ends in {error}"
    return said


def _ask(task: str, *arguments: str) -> Any:
    return ask(__name__, task, *arguments)


def _imported(name: str) -> dict[str, str]:
    """The fields of an `InstalledLibrary`."""
    try:
        module = import_module(name)
    except Exception as error:  # noqa: BLE001 - what a broken library raises
        absent = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
        return {"error": "not installed" if absent else in_words(error)}
    # Without one it is installed by another name, as onnxruntime-gpu is.
    version = _version(distribution(name)) or getattr(module, "__version__", "of unknown version")
    return {"version": str(version)}


def _caveat(target: str) -> str | None:
    from ..runtime import runtime

    return runtime(target).caveat()


def _cached() -> list[str]:
    from ..models.weights.download import cached_file
    from ..models.zoo import architectures, published

    found = []
    for row in architectures():
        with suppress(MissingDependencyError):  # timm is an extra
            weights = published(row)
            if weights and cached_file(weights).is_file():
                found.append(row.name)
    return found


if __name__ == "__main__":
    main()
