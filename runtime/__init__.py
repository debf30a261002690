"""Run, evaluate and time model files. Needs numpy, Pillow and one inference engine, but not torch."""

import importlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from ..export.engines import reason
from ..models.errors import EdgewiseError, ParityError
from ..models.spec import Tensor32

if TYPE_CHECKING:
    from .bench.record import Engine
    from .products import Watch
    from .structure import Structure


class Session(Protocol):
    """An open model. It hides the layout, batch size, scales and zero points.

    Several threads may call one session: each gets the answers to its own pictures.
    """

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session was opened from, so that another process can open it too."""

    path: Path
    target: str
    exact: bool = False

    def again(self) -> Session:
        """The same session with one thread; raises as `open_session` does."""
        return runtime(self.target).open_shared(self.path, exact=self.exact)


class EngineSession(Session, Protocol):
    """A session in an inference engine, which can be timed without conversions around it.

    `opening` is None for reference arithmetic.
    """

    opening: Opening | None

    def loop(self, picture: Tensor32) -> Callable[[], None]:
        """Set a (1, H, W, C) picture and return a function that runs one inference on it, and nothing else.

        Calling the session in between replaces the picture, and only one thread may call the function.
        """

    def engine(self) -> "Engine":
        """The engine, and how much of the graph its delegate runs; may open the file again to find out."""


class Runtime(Protocol):
    """The interface of a target's module."""

    def version(self) -> str:
        """The engine's version. Loads its library, so that `open_session` takes only the model's own time."""

    def open_session(self, path: Path, threads: int) -> EngineSession:
        """Open a model file, with float arithmetic in float32 regardless of the engine's default."""

    def open_reference(self, path: Path) -> Session:
        """Open it with the engine's reference arithmetic, which does not saturate on any processor."""

    def open_exact(self, path: Path, threads: int) -> Session:
        """Open it with the arithmetic of processors that add INT8 products in 32 bits, on any processor."""

    def open_shared(self, path: Path, *, exact: bool) -> Session:
        """Open it for one of several processes: with one thread, which may run on any core."""

    def read_structure(self, path: Path) -> "Structure":
        """Read back the structure of the file as the engine runs it."""

    def watch(self, path: Path, names: Collection[str]) -> "Watch":
        """A function that runs pictures, and yields what the layers `names` of the file compute from.

        `names` are those of `Structure.overflow`. Layers that the engine does not let see are left out.
        """

    def files_beside(self, path: Path) -> tuple[str, ...]:
        """The names, as in the file, of other files that the engine would read; needs no engine.

        OpenVINO's .bin beside its .xml is not among them: it belongs to every model.
        """

    def caveat(self) -> str | None:
        """A sentence on what a user must know about the engine's defaults on this machine, or None."""


def runtime(target: str) -> Runtime:
    """The runtime of `target`; an unknown target raises `EdgewiseError`."""
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


@contextmanager
def running(path: Path, engine: str) -> Iterator[None]:
    """Explain what an engine raises while it runs the file at `path`.

    Raises:
        EdgewiseError: instead of anything else.
    """
    try:
        yield
    except EdgewiseError:
        raise
    except Exception as error:  # the engines' exceptions have no common base class
        raise EdgewiseError(f"{path.name}: {engine} cannot run it ({reason(error)})") from error


def accepted(batch: Tensor32, picture: tuple[int, ...]) -> Tensor32:
    """Check that `batch` is (N, *picture), finite, float32: engines silently cast, reshape and hide NaN."""
    if batch.dtype != np.float32 or batch.shape[1:] != picture or not len(batch):
        raise EdgewiseError(
            f"the model takes float32 pictures of shape (N, {', '.join(map(str, picture))}), "
            f"not {batch.dtype} {batch.shape}"
        )
    if not np.isfinite(batch).all():
        raise EdgewiseError("the pictures contain NaN or infinity, which INT8 arithmetic would hide")
    return batch


def checked(logits: Tensor32, count: int) -> Tensor32:
    """Check that `logits` are (count, classes) and finite: runtimes fail silently.

    A single logit z is that of the second of two classes, and is returned as the logits (0, z) of both: its
    sign decides, and the softmax of the two is its sigmoid.
    """
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] == 0:
        raise ParityError(f"the model returned an array of shape {logits.shape} for {count} pictures")
    if not np.isfinite(logits).all():
        raise ParityError("the model's logits contain NaN or infinity; check the weights and the pictures")
    return np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits
