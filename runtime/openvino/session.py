"""OpenVINO IR on the CPU, with float layers in float32: the plugin prefers bfloat16 if the CPU has it."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ...export.artifact import model_files
from ...export.engines import importing, reason
from ...models.errors import EdgewiseError
from ...models.spec import Tensor32
from .. import Opening, accepted, checked, running

if TYPE_CHECKING:
    import openvino as ov

    from ..bench.record import Engine
    from ..structure import Structure

# Float stays float32, including the activations of matrix products with INT8 weights.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
# Without low precision transformations, the plugin runs the file as written: float32, rounded to steps.
PLAIN = {"LP_TRANSFORMS_MODE": "NO"}
_ON_ANY_CORE = {"ENABLE_CPU_PINNING": "NO"}
_starting = Lock()


class OpenvinoSession:
    """A `Session` for one .xml file; pictures run one at a time, whichever threads they come from.

    `reference` computes the quantized values in float32 instead of with the integer kernels.
    """

    def __init__(self, path: Path, threads: int, *, reference: bool = False, pinned: bool = True) -> None:
        self._path, model = path, read_model(path)
        self.opening: Opening | None = Opening(path, "openvino", exact=reference)  # they are the same here
        self._alone = Lock()  # the request has one place for inputs and outputs
        self._picture = _require_classifier(path, model)
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(threads)}
        options |= (PLAIN if reference else {}) | ({} if pinned else _ON_ANY_CORE)
        compiled = compiled_for(path, for_one_picture(path, model), options)
        self._request = compiled.create_infer_request()

    def __call__(self, batch: Tensor32) -> Tensor32:
        """Map (N, H, W, C) normalised float32 pictures to (N, classes) float32 logits."""
        pictures = accepted(batch, self._picture).transpose(0, 3, 1, 2)
        return checked(np.concatenate([self._one(picture[None]) for picture in pictures]), len(batch))

    def loop(self, picture: Tensor32) -> Callable[[], None]:
        """A function that runs this (1, H, W, C) picture, which is already in the input's memory."""
        self(picture)
        return partial(self._request.infer, share_outputs=True)

    def engine(self) -> "Engine":
        """OpenVINO, with the device and the precision that it uses for float layers."""
        from ..bench.record import Engine

        compiled = self._request.get_compiled_model()
        device = "+".join(compiled.get_property("EXECUTION_DEVICES"))
        kind = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        count = sum(operator.count for operator in read_structure(self._path).operators)
        return Engine("OpenVINO", version(), f"{device} ({kind})", count, count)

    def _one(self, picture: Tensor32) -> Tensor32:
        with self._alone, running(self._path, "OpenVINO"):
            self._request.infer([np.ascontiguousarray(picture)])
            # A copy, because the next picture's output is written to the same memory.
            return np.array(self._request.get_output_tensor().data, np.float32)


def version() -> str:
    """OpenVINO's version; loads its library and the CPU plugin."""
    _core().get_property("CPU", "FULL_DEVICE_NAME")
    import openvino as ov

    return str(ov.__version__).partition("-")[0]


def open_session(path: Path, threads: int) -> OpenvinoSession:
    """Open an .xml file; raises the errors of `edgewise.runtime.open_session`."""
    return OpenvinoSession(path, threads)


def open_reference(path: Path) -> OpenvinoSession:
    """Open it with plain float32 arithmetic between the roundings in the file."""
    return OpenvinoSession(path, 1, reference=True)


def open_exact(path: Path, threads: int) -> OpenvinoSession:
    """Open it with INT8 products that cannot saturate; on x86 without VNNI, they are computed in float32."""
    return OpenvinoSession(path, threads, reference=True)


def open_shared(path: Path, *, exact: bool) -> OpenvinoSession:
    """Open it with one thread that is on no core of its own: all processes would have the first one."""
    return OpenvinoSession(path, 1, reference=exact, pinned=False)


def read_structure(path: Path) -> "Structure":
    """Read back the structure from the file and from the CPU plugin's execution graph."""
    from .structure import read

    model = read_model(path)
    single = for_one_picture(path, model.clone())
    return read(path, model, single, compiled_for(path, single, {}))


def files_beside(path: Path) -> tuple[str, ...]:  # noqa: ARG001 - required by the protocol
    """None: an .xml refers to places in its .bin, and cannot name a file."""
    return ()


def caveat() -> str | None:
    """What this CPU does by default with float layers, if that is not float32."""
    default = str(_core().get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name())
    if default == "f32":
        return None
    name = {"bf16": "bfloat16", "f16": "float16"}.get(default, default)
    return (
        f"OpenVINO computes float layers in {name} on this CPU by default (bfloat16 changed 2.5 % of "
        "MobileNetV2's float top-1 answers); edgewise verifies in float32: for the same answers, "
        "compile with INFERENCE_PRECISION_HINT=f32"
    )


def read_model(path: Path) -> "ov.Model":
    """Read the model, unchanged."""
    core = _core()
    if missing := [file for file in model_files(path) if not file.is_file()]:
        raise EdgewiseError(
            f"{path.name}: OpenVINO cannot open it ({missing[0].name} is missing); copy both files"
        )
    with path.open("rb") as file:
        head = file.read(4096)
    # OpenVINO would try its readers for all formats, some of which write to the terminal.
    if path.suffix != ".xml" or b"<net" not in head:
        raise EdgewiseError(
            f"{path.name}: OpenVINO cannot open it (not an OpenVINO IR file); pass the .xml of a model"
        )
    try:
        return core.read_model(path)
    except Exception as error:  # damaged files raise UnicodeDecodeError and others, too
        raise EdgewiseError(f"{path.name}: OpenVINO cannot open it ({reason(error)})") from error


def for_one_picture(path: Path, model: "ov.Model") -> "ov.Model":
    """`model` reshaped to one picture, which is 5 to 9 % faster than a dynamic batch size."""
    import openvino as ov

    shape = model.inputs[0].partial_shape if len(model.inputs) == 1 else ov.PartialShape.dynamic()
    if shape.rank.is_static and shape.rank.get_length() == 4:
        try:
            model.reshape(ov.PartialShape([1, *list(shape)[1:]]))
        except RuntimeError as error:
            raise EdgewiseError(f"{path.name}: cannot take one picture ({reason(error)})") from error
    return model


def compiled_for(path: Path, model: "ov.Model", options: dict[str, str]) -> "ov.CompiledModel":
    """`model`, of the file at `path`, for the CPU; an `EdgewiseError` if the plugin cannot run it."""
    try:
        return _core().compile_model(model, "CPU", _EXACT | options)
    except RuntimeError as error:
        raise EdgewiseError(f"{path.name}: OpenVINO cannot run it ({reason(error)})") from error


def _core() -> "ov.Core":
    with _starting:
        return _started()


@cache
def _started() -> "ov.Core":
    with importing("Running OpenVINO", "openvino"):
        import openvino as ov
    # The binding prepares for NumPy's arrays when it first sees one. Two threads that do so at once wait for
    # each other forever, one with Python's lock, the other with the binding's.
    ov.Tensor(np.zeros(1, np.float32)).data.copy()
    return ov.Core()


def _require_classifier(path: Path, model: "ov.Model") -> tuple[int, ...]:
    """Check that `model` maps (N, C, H, W) to (N, classes) and return the shape of a picture, (H, W, C)."""
    inputs, outputs = ([str(end.partial_shape) for end in ends] for ends in (model.inputs, model.outputs))
    shapes = [end.partial_shape for end in (*model.inputs, *model.outputs)]
    ranks = [shape.rank.get_length() if shape.rank.is_static else -1 for shape in shapes]
    sides = [side.get_length() if side.is_static else -1 for side in shapes[0]] if ranks[0] == 4 else []
    if len(inputs) != 1 or ranks != [4, 2] or sides[1] not in {1, 3} or -1 in sides[1:]:
        raise EdgewiseError(
            f"{path.name}: has inputs {', '.join(inputs)} and outputs {', '.join(outputs)}; "
            "must have one input [?,3,H,W] or [?,1,H,W] and one output [?,classes]"
        )
    return sides[2], sides[3], sides[1]
