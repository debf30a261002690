"""Average pooling that counts its padding, which OpenVINO computes wrongly in INT8.

It pads integers with 0 whatever the zero point, so that values at the border are wrong where zero is another
integer (OpenVINO 2026.4: the low precision transformations move the scales behind the pooling, and a Pad in
front of it is fused into it). Pooling that does not count its padding is right. The other is this one times
the share of each window that lies in the picture, a constant.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import openvino as ov
    from numpy.typing import NDArray

_ALIKE = 1e-5  # of products of constants that are 1


def without_counted_padding(model: "ov.Model") -> None:
    """Replace average pooling that counts its padding by one that does not, in place.

    Where a constant that undoes the counting follows, as in networks whose own pooling does not count its
    padding (see `export/decompositions.py`), both constants go.
    """
    from openvino import opset8

    for operation in model.get_ordered_ops():
        if operation.get_type_name() != "AvgPool" or operation.get_attributes()["exclude-pad"]:
            continue
        given, sides = operation.get_attributes(), operation.get_input_partial_shape(0)
        padded = any([*given["pads_begin"], *given["pads_end"]])
        if not padded or any(side.is_dynamic for side in [*sides][2:]):
            continue
        share = _share([side.get_length() for side in [*sides][2:]], given)
        pooled = _pooling(operation.input_value(0), given, counted=False)
        pooled.set_friendly_name(operation.get_friendly_name())
        undone = _undone(operation, share)
        if undone is None:
            pooled = opset8.multiply(pooled, opset8.constant(share))
        (undone or operation).output(0).replace(pooled.output(0))


def _pooling(source: Any, given: dict[str, Any], *, counted: bool) -> "ov.Node":
    from openvino import opset8

    before, after = ([int(side) for side in given[key]] for key in ("pads_begin", "pads_end"))
    strides, kernel = ([int(side) for side in given[key]] for key in ("strides", "kernel"))
    return opset8.avg_pool(
        source, strides, before, after, kernel, exclude_pad=not counted, rounding_type=given["rounding_type"]
    )


def _share(sides: list[int], given: dict[str, Any]) -> "NDArray[np.float32]":
    """The share of each window that is not padding, (1, 1, ...): the pooling of ones."""
    import openvino as ov
    from openvino import opset8

    ones = opset8.parameter([1, 1, *sides], np.float32)
    model = ov.Model([_pooling(ones, given, counted=True).output(0)], [ones])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(np.ones((1, 1, *sides), np.float32))[0])


def _undone(operation: "ov.Node", share: "NDArray[np.float32]") -> "ov.Node | None":
    """The only reader of `operation` if it multiplies by the inverse of `share`."""
    readers = [port.get_node() for port in operation.output(0).get_target_inputs()]
    if len(readers) != 1 or readers[0].get_type_name() != "Multiply":
        return None
    constants = [port.get_source_output().get_node() for port in readers[0].inputs()]
    factors = [node.data for node in constants if node.get_type_name() == "Constant"]
    found = len(factors) == 1 and np.broadcast_shapes(factors[0].shape, share.shape) == share.shape
    return readers[0] if found and np.allclose(factors[0] * share, 1, atol=_ALIKE) else None
