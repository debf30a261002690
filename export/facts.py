"""What is static about each target: one row, which everything else reads instead of a list of its own.

Needs no torch. A target is a row here and a package of its name in `export/`, `quantize/` and `runtime/`.
"""

from collections.abc import Callable
from dataclasses import dataclass

# The first byte of a ModelProto, which announces its version, and what may follow that: the other fields.
_ONNX_FIRST, _ONNX_THEN = b"\x08", b"\x12\x1a\x22\x28\x32\x3a\x42\x72"


@dataclass(frozen=True, slots=True)
class WebEngine:
    """The engine that runs a target's files in a browser, and the npm package that it comes in."""

    name: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """One target.

    `suffix` is that of the file to open; `weights_suffix` that of a second file beside it. `recognises` tells
    by a file's first bytes whether it is of this format. `export`, `quantize` and `run` are the modules that
    each task imports, `extra` is edgewise's extra with the engine. `ios` are the types that the inputs and
    outputs of an INT8 file can have. `without_int8` are operators without a fast INT8 form in the engine, by
    the names that torch gives them.
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    suffix: str
    weights_suffix: str | None = None
    recognises: Callable[[bytes], bool]
    extra: str
    export: tuple[str, ...]
    quantize: tuple[str, ...]
    run: tuple[str, ...]
    ios: tuple[str, ...] = ("float32",)
    channels_first: bool
    without_int8: tuple[str, ...] = ()
    adds_pairs: bool = False  # of INT8 products in 16 bits, on x86 without VNNI
    arm_glibc: tuple[int, int] = (2, 28)
    needs_dot_product: bool = False  # to run INT8 on Arm, where a Raspberry Pi 4 has none
    web: WebEngine | None = None

    @property
    def modules(self) -> frozenset[str]:
        """What all tasks import."""
        return frozenset(self.export + self.quantize + self.run)


def _is_onnx(head: bytes) -> bool:
    return head[:1] == _ONNX_FIRST and head[2:3] != b"" and head[2] in _ONNX_THEN


def _is_openvino(head: bytes) -> bool:
    return b"<net" in head and head.lstrip().startswith(b"<")


def _is_tflite(head: bytes) -> bool:
    return head[4:8] == b"TFL3"


_ROWS = (
    TargetFacts(
        name="onnx",
        title="ONNX",
        suffix=".onnx",
        recognises=_is_onnx,
        extra="onnx",
        export=("onnx", "onnxscript"),
        quantize=("onnx", "onnxruntime"),
        run=("onnxruntime",),
        channels_first=True,
        adds_pairs=True,
        web=WebEngine("ONNX Runtime Web", "onnxruntime-web"),
    ),
    TargetFacts(
        name="openvino",
        title="OpenVINO",
        aliases=("ov",),
        suffix=".xml",
        weights_suffix=".bin",
        recognises=_is_openvino,
        extra="openvino",
        export=("onnx", "onnxscript", "openvino"),
        quantize=("openvino", "nncf"),
        run=("openvino",),
        channels_first=True,
        adds_pairs=True,
        arm_glibc=(2, 35),
        needs_dot_product=True,
    ),
    TargetFacts(
        name="tflite",
        title="TFLite",
        aliases=("litert",),
        suffix=".tflite",
        recognises=_is_tflite,
        extra="tflite",
        export=("litert_torch", "flatbuffers"),
        quantize=("ai_edge_quantizer", "flatbuffers"),
        run=("ai_edge_litert.interpreter",),
        ios=("float32", "int8", "uint8"),
        channels_first=False,
        without_int8=("layer_norm", "gelu"),
        arm_glibc=(2, 34),
        web=WebEngine("LiteRT.js", "@litertjs/core"),
    ),
)
TARGETS = {row.name: row for row in _ROWS}
