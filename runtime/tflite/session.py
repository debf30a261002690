"""TFLite files in LiteRT, with XNNPACK enabled as by default and a given number of threads."""

from collections.abc import Callable, Collection
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...export.engines import importing, reason
from ...models.errors import EdgewiseError
from ...models.spec import Tensor32
from .. import Opening, accepted, checked, running

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

    from ..bench.record import Engine
    from ..products import Watch
    from ..structure import Structure

_DELEGATE = "DELEGATE"


class TfliteSession:
    """A `Session` for one .tflite file; pictures run one at a time, whichever threads they come from.

    `reference` uses TFLite's slow reference kernels, which define each operator, instead of XNNPACK.
    """

    def __init__(self, path: Path, threads: int, *, reference: bool = False) -> None:
        self._path, self._alone = path, Lock()  # the interpreter has one place for inputs and outputs
        self.opening = None if reference else Opening(path, "tflite")
        self._interpreter = interpreter(path, threads, reference=reference)
        self._input = _only(path, "input", self._interpreter.get_input_details())
        self._output = _only(path, "output", self._interpreter.get_output_details())
        shape = self._shape = tuple(map(int, self._input["shape"]))
        if len(shape) != 4 or shape[0] != 1 or shape[3] not in {1, 3}:
            raise EdgewiseError(
                f"{path.name}: its input is {_words(self._input)}; must be (1, H, W, 3) or (1, H, W, 1)"
            )
        if self._input["dtype"] is not np.float32 and not self._input["quantization"][0]:
            raise EdgewiseError(
                f"{path.name}: its input is {_words(self._input)} without a scale; use float32 or add one"
            )

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""
        pictures = accepted(batch, self._shape[1:])
        return checked(np.concatenate([self._one(picture[None]) for picture in pictures]), len(batch))

    def _one(self, picture: Tensor32) -> Tensor32:
        with self._alone, running(self._path, "LiteRT"):
            self._set(picture)
            self._interpreter.invoke()
            return _to_float(self._interpreter.get_tensor(self._output["index"]), self._output)

    def _set(self, picture: Tensor32) -> None:
        self._interpreter.set_tensor(self._input["index"], _to_type(picture, self._input))

    def loop(self, picture: Tensor32) -> Callable[[], None]:
        """A function that runs this (1, H, W, C) picture; LiteRT never overwrites a graph's inputs."""
        self._set(accepted(picture, self._shape[1:]))
        invoke: Callable[[], None] = self._interpreter.invoke
        return invoke

    def engine(self) -> "Engine":
        """LiteRT, and how many of the file's operators XNNPACK runs."""
        from ..bench.record import Engine

        nodes = self._interpreter._get_ops_details()  # noqa: SLF001 - no public API shows delegation
        delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
        original = [node for node in nodes if node["op_name"] != _DELEGATE]
        # No other delegate is requested, and LiteRT adds none on its own.
        name = "XNNPACK" if delegates else "built-in kernels"
        return Engine("LiteRT", version(), name, len(original), len(_taken(delegates, original)))


def version() -> str:
    """LiteRT's version; loads its library."""
    with importing("Running TFLite", "tflite"):
        import ai_edge_litert
        import ai_edge_litert.interpreter
    return str(ai_edge_litert.__version__)


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a .tflite file; raises the errors of `edgewise.runtime.open_session`."""
    return TfliteSession(path, threads)


def open_reference(path: Path) -> TfliteSession:
    """Open it with TFLite's reference kernels, which compute the same on every machine."""
    return TfliteSession(path, 1, reference=True)


def open_exact(path: Path, threads: int) -> TfliteSession:
    """Open it as `open_session` does: all kernels of LiteRT add INT8 products in 32 bits."""
    return TfliteSession(path, threads)


def open_shared(path: Path, *, exact: bool) -> TfliteSession:  # noqa: ARG001 - required by the protocol
    """Open it with one thread, which is exact in any case."""
    return TfliteSession(path, 1)


def read_structure(path: Path) -> "Structure":
    """Read back the structure of the file and of the graph that LiteRT runs."""
    from .structure import read

    return read(path, interpreter(path, 1))


def watch(path: Path, names: Collection[str]) -> "Watch":  # noqa: ARG001 - required by the protocol
    """A function that yields nothing: LiteRT adds INT8 products in 32 bits on every processor."""
    return lambda _batch: iter(())


def caveat() -> str | None:
    """None: LiteRT computes in the types of the file on every machine."""
    return None


def interpreter(path: Path, threads: int, *, reference: bool = False) -> "Interpreter":
    """LiteRT's interpreter, ready to run.

    Raises:
        EdgewiseError: the file cannot be opened.
        MissingDependencyError: LiteRT is not installed.
    """
    with importing("Running TFLite", "tflite"):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    try:
        opened = Interpreter(str(path), num_threads=threads, experimental_op_resolver_type=kernels)
        opened.allocate_tensors()
    except Exception as error:  # damaged files raise MemoryError and others, too
        raise EdgewiseError(f"{path.name}: LiteRT cannot open it ({reason(error)})") from error
    return opened


def _taken(delegates: list[dict[str, Any]], original: list[dict[str, Any]]) -> set[int]:
    """The operators between inputs and outputs of delegates; the interpreter lists them all."""
    makers = {int(output): node for node in original for output in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        given, wanted = set(map(int, delegate["inputs"])), list(map(int, delegate["outputs"]))
        while wanted:
            tensor = wanted.pop()
            node = makers.get(tensor)
            if node and tensor not in given and node["index"] not in taken:
                taken.add(node["index"])
                wanted.extend(map(int, node["inputs"]))
    return taken


def _only(path: Path, end: str, tensors: list[dict[str, Any]]) -> dict[str, Any]:
    if len(tensors) != 1:
        found = ", ".join(map(_words, tensors)) or "none"
        raise EdgewiseError(f"{path.name}: has {len(tensors)} {end}s ({found}); must have one")
    return tensors[0]


def _words(tensor: dict[str, Any]) -> str:
    return f"{np.dtype(tensor['dtype']).name} {tuple(map(int, tensor['shape']))}"


def _to_type(value: Tensor32, tensor: dict[str, Any]) -> NDArray[Any]:
    """Real / scale + zero point, rounded and clipped, if the tensor has an integer type."""
    if tensor["dtype"] is np.float32:
        return value
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    steps = np.round(value / np.float32(scale)) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), tensor["dtype"])


def _to_float(value: NDArray[Any], tensor: dict[str, Any]) -> Tensor32:
    """(integer - zero point) * scale, if the tensor has an integer type."""
    scale, zero_point = tensor["quantization"]
    if value.dtype == np.float32 or scale == 0:
        return value.astype(np.float32)
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
