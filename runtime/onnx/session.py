"""ONNX files in ONNX Runtime, on the CPU."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...export.engines import importing, reason
from ...models.errors import EdgewiseError
from ...models.scratch import scratch_folder
from ...models.sizes import planes
from ...models.spec import Tensor32
from .. import Opening, accepted, checked, running

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

    from ..bench.record import Engine
    from ..structure import Structure

_FLOAT32 = "tensor(float)"
_SILENT = 4  # errors are raised, so nothing needs to be printed


class OnnxSession:
    """A `Session` for one .onnx file; pictures run as one batch if its batch dimension is dynamic.

    `reference` runs the file as written: INT8 layers compute in float32 between their QuantizeLinear and
    DequantizeLinear operators, instead of with the integer kernels that replace all three. `exact` adds INT8
    products in 32 bits on every processor.
    """

    def __init__(self, path: Path, threads: int, *, reference: bool = False, exact: bool = False) -> None:
        self._path, self._level = path, "ORT_DISABLE_ALL" if reference else "ORT_ENABLE_ALL"
        self.opening = None if reference else Opening(path, "onnx", exact)
        settings = options(self._level, threads, exact=exact)
        self._session = opened(path, settings)
        source = _only(path, "input", self._session.get_inputs())
        target = _only(path, "output", self._session.get_outputs())
        count, channels, *sides = source.shape if len(source.shape) == 4 else (0, 0)
        self._input, self._output, self._together = source.name, target.name, not isinstance(count, int)
        self._picture = (*sides, channels)
        known = channels in {1, 3} and all(isinstance(side, int) for side in sides)
        if source.type != _FLOAT32 or not known or not (self._together or count == 1):
            raise EdgewiseError(
                f"{path.name}: its input is {_words(source)}; must be float32 (N, 3, H, W) or "
                "(N, 1, H, W), N dynamic or 1"
            )
        if target.type != _FLOAT32 or len(target.shape) != 2:
            raise EdgewiseError(f"{path.name}: its output is {_words(target)}; must be float32 (N, classes)")

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""
        pictures = np.ascontiguousarray(accepted(batch, self._picture).transpose(0, 3, 1, 2))
        blocks = [pictures] if self._together else np.split(pictures, len(pictures))
        with running(self._path, "ONNX Runtime"):  # which is safe to call from several threads
            logits = [self._session.run(None, {self._input: block})[0] for block in blocks]
        return checked(np.concatenate(logits), len(batch))

    def loop(self, picture: Tensor32) -> Callable[[], None]:
        """A function that runs this (1, H, W, C) picture, which is bound to the model's input once."""
        binding = self._session.io_binding()
        planes = np.ascontiguousarray(accepted(picture, self._picture).transpose(0, 3, 1, 2))
        binding.bind_cpu_input(self._input, planes)
        binding.bind_output(self._output)
        return partial(self._session.run_with_iobinding, binding)

    def engine(self) -> "Engine":
        """ONNX Runtime; a profile of one inference shows which provider ran how many operators."""
        from ..bench.record import Engine

        with scratch_folder() as folder:
            settings = options(self._level, 1)
            settings.enable_profiling, settings.profile_file_prefix = True, str(folder / "profile")
            session = opened(self._path, settings)
            session.run(None, {self._input: np.zeros(planes(self._picture, 1), np.float32)})
            events = json.loads(Path(session.end_profiling()).read_bytes())
        runs = [event["args"] for event in events if event["name"].endswith("_kernel_time")]
        (provider, most), *_ = Counter(run["provider"] for run in runs).most_common()
        return Engine("ONNX Runtime", version(), provider, len(runs), most)


def version() -> str:
    """ONNX Runtime's version; loads its library."""
    with importing("Running ONNX", "onnx"):
        import onnxruntime
    return str(onnxruntime.__version__)


def open_session(path: Path, threads: int) -> OnnxSession:
    """Open an .onnx file; raises the errors of `edgewise.runtime.open_session`."""
    return OnnxSession(path, threads)


def open_reference(path: Path) -> OnnxSession:
    """Open it without ONNX Runtime's graph optimisations."""
    return OnnxSession(path, 1, reference=True)


def open_exact(path: Path, threads: int) -> OnnxSession:
    """Open it with INT8 products added in 32 bits."""
    return OnnxSession(path, threads, exact=True)


def open_shared(path: Path, *, exact: bool) -> OnnxSession:
    """Open it with one thread."""
    return OnnxSession(path, 1, exact=exact)


def read_structure(path: Path) -> "Structure":
    """Read back the structure of the file and of the graph that the runtime makes of it."""
    from .structure import read

    with scratch_folder() as folder:
        return read(path, prepared(path, folder))


def caveat() -> str | None:
    """Nothing: whether INT8 products saturate on x86 without VNNI depends on the file."""
    return None


def prepared(path: Path, folder: Path) -> Path:
    """Write the graph that the runtime makes of the file at `path` into `folder`."""
    file = folder / "prepared.onnx"
    # Not all optimisations: the layout optimisations for this processor cannot be saved.
    settings = options("ORT_ENABLE_EXTENDED", 1)
    settings.optimized_model_filepath = str(file)
    opened(path, settings)
    return file


def options(level: str, threads: int, *, exact: bool = False) -> "SessionOptions":
    """Those of a session; with `exact`, it adds INT8 products in 32 bits on every processor.

    On x86 without VNNI, ONNX Runtime then replaces signed weights by unsigned ones, whose kernels do so.
    """
    with importing("Running ONNX", "onnx"):
        from onnxruntime import GraphOptimizationLevel, SessionOptions
    settings = SessionOptions()
    settings.graph_optimization_level = getattr(GraphOptimizationLevel, level)
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = _SILENT
    if exact:
        settings.add_session_config_entry("session.x64quantprecision", "1")
    return settings


def opened(path: Path, settings: "SessionOptions") -> "InferenceSession":
    """A session of ONNX Runtime; raises an `EdgewiseError` if it cannot open the file."""
    from onnxruntime import InferenceSession

    try:
        return InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's exceptions have no common base class
        raise EdgewiseError(f"{path.name}: ONNX Runtime cannot open it ({reason(error)})") from error


def _only(path: Path, end: str, tensors: list[Any]) -> Any:
    if len(tensors) != 1:
        names = ", ".join(tensor.name for tensor in tensors) or "none"
        raise EdgewiseError(f"{path.name}: has {len(tensors)} {end}s ({names}); must have one")
    return tensors[0]


def _words(tensor: Any) -> str:
    return f"{tensor.name!r}, {tensor.type} of shape ({', '.join(map(str, tensor.shape))})"
