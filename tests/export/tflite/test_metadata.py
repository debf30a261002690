"""The metadata of a .tflite, read back by independent readers: MediaPipe, zipfile and the interpreter."""

import importlib.util
import io
import zipfile
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tflite
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.export.tflite.metadata import attach
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.sizes import Shape
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess

NAMES = ("tench", "fish, goldfish", "naïve 大熊猫")
SIDE = 4
SCALE, ZERO_POINT = 0.018, -14  # of the int8 input; black is out of range in red, white in blue


def spec_of(*names: str, size: int = SIDE) -> ModelSpec:
    return ModelSpec("tiny", Preprocess(size=size, resize=8), Labels(names), Origin("random", "", ""))


def described(model: bytes, spec: ModelSpec | None = None, description: str = "Tells fish") -> bytes:
    return attach(model, spec or spec_of(*NAMES), description=description)


def tiny(
    kind: type[np.generic] = np.float32,
    *,
    outside: bool = False,
    inputs: int = 1,
    picture: Shape = (SIDE, SIDE, 3),
) -> bytes:
    """A fully connected layer from a `picture` of 48 values to (1, 3), with a single data type.

    `outside`: its weights are stored after the FlatBuffer, as ai-edge-quantizer writes them.
    """
    rng = np.random.default_rng(0)
    is_float = kind == np.float32
    weights = (
        rng.normal(size=(3, SIDE * SIDE * 3)) if is_float else rng.integers(-127, 128, (3, SIDE * SIDE * 3))
    )
    number = getattr(tflite.TensorType, np.dtype(kind).name.upper())

    def tensor(name: str, shape: list[int], buffer: int, scale: float, zero_point: int) -> tflite.TensorT:
        steps = None if is_float else tflite.QuantizationParametersT(scale=[scale], zeroPoint=[zero_point])
        return tflite.TensorT(name=name, shape=shape, type=number, buffer=buffer, quantization=steps)

    layer = tflite.OperatorT(
        opcodeIndex=0,
        inputs=[0, 1, -1],
        outputs=[2],
        builtinOptionsType=tflite.BuiltinOptions.FullyConnectedOptions,
        builtinOptions=tflite.FullyConnectedOptionsT(),
    )
    graph = tflite.SubGraphT(
        tensors=[
            tensor("x", [1, *picture], 0, SCALE, ZERO_POINT),
            tensor("w", [3, SIDE * SIDE * 3], 1, 0.01, 0),
            tensor("y", [1, 3], 0, 0.5, 3),
        ],
        inputs=[0] * inputs,
        outputs=[2],
        operators=[layer],
    )
    code = tflite.OperatorCodeT(
        deprecatedBuiltinCode=9, builtinCode=tflite.BuiltinOperator.FULLY_CONNECTED, version=4
    )
    payload = np.frombuffer(weights.astype(kind).tobytes(), np.uint8)
    held = tflite.BufferT(offset=1, size=1) if outside else tflite.BufferT(data=payload)
    version = tflite.BufferT(data=np.frombuffer(b"1.14.0", np.uint8))
    model = tflite.ModelT(
        version=3,
        operatorCodes=[code],
        subgraphs=[graph],
        buffers=[tflite.BufferT(), held, version],
        metadata=[tflite.MetadataT(name="min_runtime_version", buffer=2)],
    )
    packed = flatbuffer_utils.convert_object_to_bytearray(model)
    if outside:
        packed += bytes(-len(packed) % 16)
        root = tflite.Model.GetRootAs(packed)
        flatbuffer_utils.update_packed_buffer(root.Buffers(1), len(packed), payload.nbytes)
        packed += payload.tobytes()
    return bytes(packed)


def entries(model: bytes) -> dict[str, bytes]:
    """The metadata entries by name, read without edgewise."""
    parsed = tflite.ModelT.InitFromPackedBuf(model, 0)
    names = [item.name.decode() for item in parsed.metadata]
    assert len(set(names)) == len(names)
    return {item.name.decode(): bytes(parsed.buffers[item.buffer].data) for item in parsed.metadata}


def labels_file(model: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        assert archive.testzip() is None
        return archive.read("labels.txt").decode()


def scores(model: bytes) -> Any:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    picture = np.random.default_rng(1).integers(-100, 100, source["shape"]).astype(source["dtype"])
    interpreter.set_tensor(source["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    """Google's generated reader for metadata_schema.fbs, from MediaPipe's wheel.

    Loaded by path: importing the package itself requires OpenCV, EGL and matplotlib.
    """
    try:
        path = distribution("mediapipe").locate_file(
            "mediapipe/tasks/metadata/metadata_schema_py_generated.py"
        )
    except PackageNotFoundError:
        pytest.skip("mediapipe, which contains the independent reader, is not installed")
    found = importlib.util.spec_from_file_location("metadata_schema", str(path))
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def read(reader: ModuleType, model: bytes) -> Any:
    table = entries(model)["TFLITE_METADATA"]
    assert reader.ModelMetadata.ModelMetadataBufferHasIdentifier(table, 0)
    return reader.ModelMetadataT.InitFromPackedBuf(table, 0)


def test_another_reader_finds_the_spec(reader: ModuleType) -> None:
    found = read(reader, described(tiny()))
    assert (found.name, found.description, found.minParserVersion) == (b"tiny", b"Tells fish", b"1.0.0")
    (graph,) = found.subgraphMetadata
    (image,), (output,) = graph.inputTensorMetadata, graph.outputTensorMetadata
    assert isinstance(image.content.contentProperties, reader.ImagePropertiesT)
    assert image.content.contentProperties.colorSpace == reader.ColorSpaceType.RGB
    assert isinstance(output.content.contentProperties, reader.FeaturePropertiesT)
    (file,) = output.associatedFiles
    assert (file.name, file.type) == (b"labels.txt", reader.AssociatedFileType.TENSOR_AXIS_LABELS)


def test_another_reader_finds_that_pictures_are_grey(reader: ModuleType) -> None:
    """The color space, one mean and the size of a strip."""
    strip = Preprocess((4, 12), (5, 13), (0.5,), (0.25,), "box")
    spec = replace(spec_of(*NAMES), preprocess=strip)
    found = read(reader, described(tiny(picture=strip.shape), spec))
    image = found.subgraphMetadata[0].inputTensorMetadata[0]
    assert image.content.contentProperties.colorSpace == reader.ColorSpaceType.GRAYSCALE
    assert image.description == (
        b"Grey picture: resized to 5x13 pixels (box, antialiased), centre 4 x 12 cut out, normalised"
    )
    (unit,) = image.processUnits
    assert [*unit.options.mean, *unit.options.std] == [127.5, 63.75]
    assert [*image.stats.min, *image.stats.max] == [-2, 2]


@pytest.mark.parametrize("kind", [np.float32, np.int8])
def test_following_the_metadata_gives_the_networks_input(reader: ModuleType, kind: type[np.generic]) -> None:
    """(pixel - mean) / std equals edgewise's preprocessing, for the quantized and the float model."""
    image = read(reader, described(tiny(kind))).subgraphMetadata[0].inputTensorMetadata[0]
    (unit,) = image.processUnits
    assert isinstance(unit.options, reader.NormalizationOptionsT)
    pixels = np.random.default_rng(2).integers(0, 256, (50, 3), np.uint8)
    expected = Preprocess().normalise(pixels)
    np.testing.assert_allclose((pixels - unit.options.mean) / unit.options.std, expected, atol=1e-5)


def test_stats_are_the_bounds_of_the_input_tensor(reader: ModuleType) -> None:
    def bounds(kind: type[np.generic]) -> Any:
        stats = read(reader, described(tiny(kind))).subgraphMetadata[0].inputTensorMetadata[0].stats
        return np.array([stats.min, stats.max])

    floats = np.array([[-2.117904, -2.035714, -1.804444], [2.248908, 2.428571, 2.64]])
    np.testing.assert_allclose(bounds(np.float32), floats, atol=1e-5)
    np.testing.assert_array_equal(bounds(np.int8), [[-128, -127, -114], [111, 121, 127]])
    np.testing.assert_array_equal(bounds(np.uint8), [[0, 0, 0], [111, 121, 133]])


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.int8])
def test_the_model_computes_the_same(kind: type[np.generic], outside: bool) -> None:
    model = tiny(kind, outside=outside)
    expected = scores(model)
    assert len(np.unique(expected)) == 3
    np.testing.assert_array_equal(scores(described(model)), expected)


@pytest.mark.parametrize("outside", [False, True])
def test_weights_are_inside_the_flatbuffer_and_aligned(outside: bool) -> None:
    model = described(tiny(outside=outside))
    root = tflite.Model.GetRootAs(model)
    buffers = [root.Buffers(index) for index in range(root.BuffersLength())]
    held = [buffer for buffer in buffers if not buffer.DataIsNone()]
    assert len(held) == 3
    for buffer in held:
        assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0
    assert not any(buffer.Offset() for buffer in buffers)


def test_labels_are_a_stored_file_with_a_fixed_date_after_the_model() -> None:
    model = described(tiny())
    assert labels_file(model) == "tench\nfish, goldfish\nnaïve 大熊猫\n"
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        (entry,) = archive.infolist()
    assert entry.compress_type == zipfile.ZIP_STORED
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert model[entry.header_offset :].startswith(b"PK\x03\x04")


def test_the_same_call_gives_the_same_bytes() -> None:
    assert described(tiny()) == described(tiny())


def test_other_entries_are_kept() -> None:
    found = entries(described(tiny()))
    assert found.keys() == {"min_runtime_version", "TFLITE_METADATA"}
    assert found["min_runtime_version"] == b"1.14.0"


def test_metadata_is_replaced_not_added() -> None:
    first = described(tiny(), spec_of("a", "b", "c"), "Something much longer than what comes after it")
    assert described(first) == described(tiny())


def test_zip_signatures_in_the_weights_are_ignored() -> None:
    """Weights may look like the end of a ZIP, which would mislead `zipfile`'s append mode."""
    plain = tiny(outside=True)
    model = plain[:-22] + b"PK\x05\x06" + bytes(18)
    assert labels_file(described(model)).splitlines() == list(NAMES)
    np.testing.assert_array_equal(scores(described(model)), scores(model))


LINES = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.splitlines() == [text])


@settings(deadline=None)
@given(st.lists(LINES, min_size=3, max_size=3))
def test_any_line_of_text_can_be_a_class_name(names: list[str]) -> None:
    model = described(tiny(), spec_of(*names))
    assert labels_file(model).splitlines() == names
    assert described(model, spec_of(*names)) == model


@pytest.mark.parametrize("name", ["", "two\nlines", "line\n", "paragraph\u2029"])
def test_a_class_name_of_several_lines_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a single line of UTF-8 text"):
        described(tiny(), spec_of("a", name, "c"))


@pytest.mark.parametrize(
    ("model", "spec", "message"),
    [
        (b"PK\x03\x04 something else", spec_of(*NAMES), "not a TFLite file"),
        (b"", spec_of(*NAMES), "not a TFLite file"),
        (tiny(), spec_of("a", "b"), r"output is \(1, 3\), but there are 2 class names"),
        (tiny(), spec_of(*NAMES, size=5), r"input is \(1, 4, 4, 3\).* \(N, 5, 5, 3\)"),
        (tiny(np.int16), spec_of(*NAMES), "not float32, int8 or uint8"),
        (tiny(inputs=2), spec_of(*NAMES), "2 inputs and 1 outputs"),
    ],
)
def test_a_model_that_does_not_match_is_refused(model: bytes, spec: ModelSpec, message: str) -> None:
    with pytest.raises(EdgewiseError, match=message):
        attach(model, spec, description="")
