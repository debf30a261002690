"""Run a model file, judge it and time it. Needs numpy, Pillow and one inference engine; no torch."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from ..models.errors import EdgewiseError, ParityError
from ..models.spec import Tensor32

if TYPE_CHECKING:
    from .bench.record import Engine
    from .structure import Structure


class Session(Protocol):
    """An opened model. Layout, batch size, scales and zero points stay inside."""

    def __call__(self, batch: Tensor32) -> Tensor32:
        """(N, S, S, 3) normalised float32 pictures to (N, classes) float32 logits."""


class EngineSession(Session, Protocol):
    """One in an inference engine, which can be timed without what surrounds it."""

    def loop(self, picture: Tensor32) -> Callable[[], None]:
        """Take in a (1, S, S, 3) picture; each call of what is returned computes it once, and no more.

        Whoever calls the session meanwhile changes the picture.
        """

    def engine(self) -> "Engine":
        """What computes, and how much of the graph; may open the file once more to find out."""


class Runtime(Protocol):
    """What a target's module offers."""

    def version(self) -> str:
        """The engine's; loads its library, so that a later `open_session` takes the model's time alone."""

    def open_session(self, path: Path, threads: int) -> EngineSession:
        """Open a model file, with float arithmetic in float32 whatever the engine's default is."""

    def open_reference(self, path: Path) -> Session:
        """Open it with the engine's plain arithmetic, which no instruction set saturates."""

    def read_structure(self, path: Path) -> "Structure":
        """Read back what the file is, as the engine prepared it."""

    def caveat(self) -> str | None:
        """What a user of this engine on this machine must know about its defaults, in a sentence."""


def runtime(target: str) -> Runtime:
    """The runtime of `target`; an unknown one is an `EdgewiseError`."""
    try:
        return cast(Runtime, importlib.import_module(f".{target}", __package__))
    except ModuleNotFoundError as error:
        raise EdgewiseError(f"{target} has no runtime: add runtime/{target}.py") from error


def open_session(path: Path, target: str, threads: int = 1) -> EngineSession:
    """Open a model file with the runtime of `target`.

    Raises:
        EdgewiseError: the file cannot be opened, or there is no such runtime.
        MissingDependencyError: the runtime is not installed.
    """
    return runtime(target).open_session(path, threads)


def accepted(batch: Tensor32, picture: tuple[int, ...]) -> Tensor32:
    """`batch`, once it is (N, *picture) finite float32: engines cast, reshape and hide NaN silently."""
    if batch.dtype != np.float32 or batch.shape[1:] != picture or not len(batch):
        raise EdgewiseError(
            f"the model takes float32 pictures of shape (N, {', '.join(map(str, picture))}), "
            f"found {batch.dtype} {batch.shape}"
        )
    if not np.isfinite(batch).all():
        raise EdgewiseError("the pictures hold NaN or infinity, which INT8 arithmetic would hide")
    return batch


def checked(logits: Tensor32, count: int) -> Tensor32:
    """`logits`, once their shape is (count, classes) and every value is finite: runtimes fail silently."""
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] == 0:
        raise ParityError(f"the model answered {count} pictures with an array of shape {logits.shape}")
    if not np.isfinite(logits).all():
        raise ParityError("the model's logits hold NaN or infinity; check the weights and the pictures")
    return logits
