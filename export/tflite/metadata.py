"""Standard TFLite Metadata: describes the picture format, scaling and class names inside the .tflite file.

Android Studio, Netron and the TFLite libraries of every platform read it from the file. The standard
(https://ai.google.dev/edge/litert/models/metadata, `metadata_schema.fbs`, identifier M001) has two parts:
a FlatBuffer in the model's buffer 'TFLITE_METADATA', and the files it names, appended to the model as a
stored ZIP. It has no fields for resizing and cropping, so the input's description states those as text.
"""

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.errors import EdgewiseError
from ...models.sizes import written
from ...models.spec import ModelSpec, Preprocess, Tensor32, classes_of
from .flatbuffer import pack, unpack

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, TensorT
    from flatbuffers import Builder

LABELS_FILE = "labels.txt"

_ENTRY = b"TFLITE_METADATA"

# Field numbers in metadata_schema.fbs: a table's fields count from 0, and a union takes two, its type first.
_MODEL_NAME, _MODEL_DESCRIPTION, _MODEL_SUBGRAPH_METADATA, _MODEL_MIN_PARSER_VERSION = 0, 1, 3, 7
_SUBGRAPH_INPUT_TENSOR_METADATA, _SUBGRAPH_OUTPUT_TENSOR_METADATA = 2, 3
_TENSOR_NAME, _TENSOR_DESCRIPTION = 0, 1
_TENSOR_CONTENT, _TENSOR_PROCESS_UNITS, _TENSOR_STATS, _TENSOR_ASSOCIATED_FILES = 3, 4, 5, 6
_CONTENT_PROPERTIES_TYPE, _CONTENT_PROPERTIES = 0, 1
_IMAGE_COLOR_SPACE = 0
_UNIT_OPTIONS_TYPE, _UNIT_OPTIONS = 0, 1
_NORMALIZATION_MEAN, _NORMALIZATION_STD = 0, 1
_STATS_MAX, _STATS_MIN = 0, 1
_FILE_NAME, _FILE_DESCRIPTION, _FILE_TYPE = 0, 1, 2

# Values of its enums and unions.
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2  # ContentProperties
_NORMALIZATION_OPTIONS = 1  # ProcessUnitOptions
_RGB, _GREYSCALE = 1, 2  # ColorSpaceType
_TENSOR_AXIS_LABELS, _TENSOR_VALUE_LABELS = 2, 3  # AssociatedFileType


def attach(model: bytes, spec: ModelSpec, *, description: str) -> bytes:
    """Add `spec` and its class names to a .tflite file as standard metadata, replacing any that is there.

    The input must be (N, H, W, C) float32, int8 or uint8 and the output (N, classes). Weights that the
    quantizer stored after the FlatBuffer are moved into it, so that older runtimes find them; all are
    aligned to 16 bytes. Other metadata entries are kept. No timestamps: equal arguments give equal bytes.

    Raises:
        EdgewiseError: not a TFLite file, or its tensors do not match `spec`.
        UsageError: a class name is not a single line of text.
    """
    from ai_edge_litert.schema_py_generated import Model

    if not Model.ModelBufferHasIdentifier(model, 0):
        raise EdgewiseError("the model is not a TFLite file (it has no 'TFL3' identifier)")
    return described(unpack(model), spec, description)


def described(parsed: "ModelT", spec: ModelSpec, description: str) -> bytes:
    """The file of a parsed model with metadata; see `attach`. The model is changed in place."""
    from ai_edge_litert.schema_py_generated import BufferT, MetadataT

    labels = spec.labels.text()
    parsed.metadata = parsed.metadata or []
    entry = next((item for item in parsed.metadata if item.name == _ENTRY), None)
    if entry is None:
        entry = MetadataT(name=_ENTRY, buffer=len(parsed.buffers))
        parsed.metadata.append(entry)
        parsed.buffers.append(BufferT())
    source, target = _ends(parsed, spec)
    graph = {
        _SUBGRAPH_INPUT_TENSOR_METADATA: [_image(spec.preprocess, source)],
        _SUBGRAPH_OUTPUT_TENSOR_METADATA: [_logit(spec) if target.shape[1] == 1 else _scores()],
    }
    parsed.buffers[entry.buffer].data = _metadata(spec.name, description, graph)
    return _append(pack(parsed), LABELS_FILE, labels)


def _ends(model: "ModelT", spec: ModelSpec) -> "tuple[TensorT, TensorT]":
    """The input and the output, after checking that they match `spec`."""
    graph, picture, classes = model.subgraphs[0], spec.preprocess.shape, len(spec.labels)
    sources, targets = ([graph.tensors[index] for index in found] for found in (graph.inputs, graph.outputs))
    if len(sources) != 1 or len(targets) != 1:
        raise EdgewiseError(
            f"this TFLite model has {len(sources)} inputs and {len(targets)} outputs; "
            "an image classifier has one of each"
        )
    if tuple(sources[0].shape[1:]) != picture:
        raise EdgewiseError(
            f"this TFLite model's input is {tuple(sources[0].shape)}, but TFLite metadata requires "
            f"(N, {', '.join(map(str, picture))}): export it with channels last, at the size it was trained "
            "for"
        )
    outputs = list(targets[0].shape[1:])
    if len(outputs) != 1 or classes_of(outputs[0]) != classes:
        raise EdgewiseError(
            f"this TFLite model's output is {tuple(targets[0].shape)}, but there are {classes} class names"
        )
    return sources[0], targets[0]


def _metadata(name: str, description: str, graph: dict[int, Any]) -> NDArray[np.uint8]:
    """The root table ModelMetadata, finished with its identifier."""
    from flatbuffers import Builder

    root = {
        _MODEL_NAME: name,
        _MODEL_DESCRIPTION: description,
        _MODEL_SUBGRAPH_METADATA: [graph],
        _MODEL_MIN_PARSER_VERSION: "1.0.0",  # the first schema version with every field written here
    }
    builder = Builder(1024)
    builder.Finish(_put(builder, root), b"M001")
    return np.frombuffer(builder.Output(), np.uint8)


def _image(preprocess: Preprocess, source: "TensorT") -> dict[int, Any]:
    """TensorMetadata of the input. Mean and std are on the scale of pixels 0..255, for quantized models too.

    A quantized model has the normalisation of its float model (NormalizationOptions in the schema): the
    caller normalises first and then applies the tensor's scale and zero point. MediaPipe Tasks (1.2) is
    stricter than the standard: it requires the same scaling for all channels and rejects int8 inputs.
    """
    kept, grey = isinstance(preprocess.resize, int), preprocess.channels == 1
    low, high = _range(preprocess, source)
    normalization = {
        _NORMALIZATION_MEAN: np.multiply(preprocess.mean, 255).astype(np.float32),
        _NORMALIZATION_STD: np.multiply(preprocess.std, 255).astype(np.float32),
    }
    return {
        _TENSOR_NAME: "image",
        _TENSOR_DESCRIPTION: (
            f"{'Grey' if grey else 'RGB'} picture: {'shorter side ' if kept else ''}resized to "
            f"{written(preprocess.resize)} pixels ({preprocess.interpolation}, antialiased), centre "
            f"{' x '.join(map(str, preprocess.shape[:2]))} cut out, normalised"
        ),
        _TENSOR_CONTENT: {
            _CONTENT_PROPERTIES_TYPE: _IMAGE_PROPERTIES,
            _CONTENT_PROPERTIES: {_IMAGE_COLOR_SPACE: _GREYSCALE if grey else _RGB},
        },
        _TENSOR_PROCESS_UNITS: [
            {_UNIT_OPTIONS_TYPE: _NORMALIZATION_OPTIONS, _UNIT_OPTIONS: normalization},
        ],
        _TENSOR_STATS: {_STATS_MAX: high, _STATS_MIN: low},
    }


def _scores() -> dict[int, Any]:
    """TensorMetadata of the output with one logit for each class."""
    labels = {
        _FILE_NAME: LABELS_FILE,
        _FILE_DESCRIPTION: "The class names, one a line, in the order of the scores",
        _FILE_TYPE: _TENSOR_AXIS_LABELS,
    }
    return _output("scores", "One score a class, before softmax", labels)


def _logit(spec: ModelSpec) -> dict[int, Any]:
    """TensorMetadata of the output with a single logit, whose sign is the class."""
    negative, positive = spec.labels.names
    labels = {
        _FILE_NAME: LABELS_FILE,
        _FILE_DESCRIPTION: "The class names, one a line: that of a negative logit, that of a positive one",
        _FILE_TYPE: _TENSOR_VALUE_LABELS,
    }
    return _output("logit", f"Before sigmoid: positive for {positive}, negative for {negative}", labels)


def _output(name: str, description: str, labels: dict[int, Any]) -> dict[int, Any]:
    """No Stats, because logits have no bounds."""
    return {
        _TENSOR_NAME: name,
        _TENSOR_DESCRIPTION: description,
        _TENSOR_CONTENT: {_CONTENT_PROPERTIES_TYPE: _FEATURE_PROPERTIES, _CONTENT_PROPERTIES: {}},
        _TENSOR_ASSOCIATED_FILES: [labels],
    }


def _range(preprocess: Preprocess, source: "TensorT") -> tuple[Tensor32, Tensor32]:
    """The values of black and white in the input tensor, one per channel: (C,) and (C,)."""
    from ai_edge_litert.schema_py_generated import TensorType

    bounds = preprocess.normalise(np.array([[0], [255]], np.uint8).repeat(preprocess.channels, 1))
    if source.type == TensorType.FLOAT32:
        return bounds[0], bounds[1]
    dtypes = {TensorType.INT8: np.int8, TensorType.UINT8: np.uint8}
    if source.type not in dtypes:
        raise EdgewiseError("this TFLite model's input is not float32, int8 or uint8")
    limits = np.iinfo(dtypes[source.type])
    steps = np.round(bounds / source.quantization.scale[0]) + source.quantization.zeroPoint[0]
    low, high = np.clip(steps, limits.min, limits.max).astype(np.float32)
    return low, high


def _put(builder: "Builder", value: Any) -> int:
    """Write a string, a float32 vector, a list or a table of such values, and return its offset.

    A table is a dict from field number to value; an int in it is a one-byte enum or union type.
    """
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, np.ndarray):
        return int(builder.CreateNumpyVector(value))
    if isinstance(value, list):
        offsets = [_put(builder, item) for item in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())
    children = {slot: _put(builder, item) for slot, item in value.items() if not isinstance(item, int)}
    builder.StartObject(max(value, default=-1) + 1)
    for slot, item in value.items():
        if slot in children:
            builder.PrependUOffsetTRelativeSlot(slot, children[slot], 0)
        else:
            builder.PrependUint8Slot(slot, item, 0)
    return int(builder.EndObject())


def _append(model: bytes, name: str, text: str) -> bytes:
    """Append a ZIP with one file to `model`: stored, as readers reject compression, with a fixed date."""
    entry = zipfile.ZipInfo(name)  # stored and dated 1980-01-01 by default
    entry.create_system = 3  # Unix, so that every system writes the same bytes
    entry.external_attr = 0o644 << 16
    whole = io.BytesIO(model)
    whole.seek(0, io.SEEK_END)
    # Mode "w", not "a", which could mistake bytes of the weights for the end of an archive.
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(entry, text.encode())
    return whole.getvalue()
