"""What can be exported, quantized and run on this machine, and what to install otherwise."""

import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from ..export.facts import TARGETS, TargetFacts
from ..models.errors import MissingDependencyError
from ..models.requirements import package, pip_install, requirements
from ..models.weights import BUNDLED
from ..models.zoo import architectures
from ..runtime import machine
from . import libraries
from .document import document
from .libraries import EXTRAS, NETWORK, InstalledLibrary
from .progress import Journal, Progress


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What can be done for one target here; `install` are the requirements that are missing for the rest.

    `caveat` is what a user of its engine must know, which only a deep diagnosis finds out.
    """

    export: bool
    quantize: bool
    run: bool
    install: tuple[str, ...]
    caveat: str | None


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """A network's weights on this machine; `imagenet` is None unless a deep diagnosis looked for them."""

    imagenet: bool | None
    bundled: bool

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return bool(self.imagenet) or self.bundled


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The result of `diagnose`.

    `libraries` are those that targets need, by module; `extras` the versions of those that some commands and
    networks need, None where they are not installed; `weights` has every network of the zoo.
    """

    deep: bool
    edgewise: str
    python: str
    machine: dict[str, Any]
    libraries: dict[str, InstalledLibrary]
    extras: dict[str, str | None]
    targets: dict[str, TargetStatus]
    weights: dict[str, KnownWeights]

    @property
    def install(self) -> str | None:
        """The command that installs everything that is missing for the targets; None where nothing is."""
        lines = dict.fromkeys(line for status in self.targets.values() for line in status.install)
        return pip_install(lines) if lines else None

    def require(self) -> None:
        """Raise a `MissingDependencyError` where no engine is installed."""
        if not any(status.run for status in self.targets.values()):
            raise MissingDependencyError("Running a model", "tflite", "ai-edge-litert")

    def to_json(self) -> dict[str, Any]:
        """The document `doctor`."""
        return document("doctor", **asdict(self), install=self.install)


def diagnose(*, deep: bool = False, progress: Progress | None = None) -> Diagnosis:
    """Find out what can be done on this machine.

    Args:
        deep: Import every library in a child process, which finds broken ones; ask the engines what to know
            about them, and look for cached ImageNet weights. Otherwise package metadata answers at once.
        progress: Receives stages and notices; silent without it.
    """
    journal = Journal(progress, planned=2 if deep else 0)
    if deep:
        with journal.stage("Import the libraries"):
            known = libraries.imported()
        with journal.stage("Ask the engines"):
            targets = {name: _status(row, known, deep=True) for name, row in TARGETS.items()}
            cached = [] if known["torchvision"].error else libraries.cached_weights()
    else:
        known, cached = libraries.found(), None
        targets = {name: _status(row, known, deep=False) for name, row in TARGETS.items()}
    return Diagnosis(
        deep=deep,
        edgewise=metadata.version("edgewise"),
        python=platform.python_version(),
        machine=machine.describe(),
        libraries=known,
        extras=libraries.extras(),
        targets=targets,
        weights={
            row.name: KnownWeights(
                None if cached is None else row.name in cached, any(BUNDLED.glob(f"{row.name}-*"))
            )
            for row in architectures()
        },
    )


def install_of(library: str) -> str:
    """The command that installs one of `EXTRAS`."""
    return pip_install(_requirements({library}, EXTRAS[library]))


def _status(row: TargetFacts, known: dict[str, InstalledLibrary], *, deep: bool) -> TargetStatus:
    tasks = {"export": NETWORK + row.export, "quantize": row.quantize, "run": row.run}
    lacking = {task: [name for name in needed if known[name].error] for task, needed in tasks.items()}
    packages = {libraries.distribution(name) for names in lacking.values() for name in names}
    can = {task: not names for task, names in lacking.items()}
    caveat = libraries.caveat(row.name) if deep and can["run"] else None
    return TargetStatus(**can, install=tuple(_requirements(packages, "export")), caveat=caveat)


def _requirements(packages: set[str], extra: str) -> list[str]:
    """How the extra asks for these packages."""
    lines = [line for line in requirements(extra) if package(line) in packages]
    return lines + sorted(packages - {package(line) for line in lines})
