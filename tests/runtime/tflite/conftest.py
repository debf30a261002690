"""TFLite files by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgewise.export.tflite.flatbuffer import pack


def one_layer(path: Path, steps: Any) -> Path:
    """A file with a single INT8 layer of weights (O, 5, 5, 3), scale 1/127, over a picture of 5 x 5 pixels.

    Input steps have the scale 1/255; the output's scale is 1.
    """
    kinds, count = schema.TensorType, len(steps)

    def tensor(name: str, shape: list[int], kind: int, buffer: int, scale: list[float], zero: int) -> Any:
        grid = schema.QuantizationParametersT(
            scale=scale, zeroPoint=[zero] * len(scale), quantizedDimension=0
        )
        return schema.TensorT(name=name, shape=shape, type=kind, buffer=buffer, quantization=grid)

    scales = [1 / 127] * count
    tensors = [
        tensor("x", [1, 5, 5, 3], kinds.INT8, 0, [1 / 255], -128),
        tensor("weight", [*steps.shape], kinds.INT8, 1, scales, 0),
        tensor("bias", [count], kinds.INT32, 2, [scale / 255 for scale in scales], 0),
        tensor("y", [1, 1, 1, count], kinds.INT8, 0, [1.0], 0),
        tensor("logits", [1, count], kinds.INT8, 0, [1.0], 0),
    ]
    convolution = schema.Conv2DOptionsT(padding=schema.Padding.VALID, strideH=1, strideW=1)
    layer = schema.OperatorT(
        opcodeIndex=0,
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptionsType=schema.BuiltinOptions.Conv2DOptions,
        builtinOptions=convolution,
    )
    flat = schema.OperatorT(
        opcodeIndex=1,
        inputs=[3],
        outputs=[4],
        builtinOptionsType=schema.BuiltinOptions.ReshapeOptions,
        builtinOptions=schema.ReshapeOptionsT(newShape=[1, count]),
    )
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[4], operators=[layer, flat])
    codes = [
        schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=version)
        for code, version in ((schema.BuiltinOperator.CONV_2D, 3), (schema.BuiltinOperator.RESHAPE, 1))
    ]
    stored = (np.asarray(steps, np.int8), np.zeros(count, np.int32))
    buffers = [
        schema.BufferT(),
        *(schema.BufferT(data=np.frombuffer(one.tobytes(), np.uint8)) for one in stored),
    ]
    path.write_bytes(pack(schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers)))
    return path


@pytest.fixture(name="one_layer")
def one_layer_() -> Callable[[Path, Any], Path]:
    return one_layer
