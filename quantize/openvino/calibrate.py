"""Quantize with NNCF by the ranges of the network, instead of those that NNCF would measure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...models.spec import Tensor32
from ..calibration import Calibration
from ..matching import Observe, tensor_ranges
from ..measured import Measured

if TYPE_CHECKING:
    import nncf
    import openvino as ov
    from nncf.common.tensor_statistics.statistic_point import StatisticPoint
    from numpy.typing import NDArray


def quantized_by(
    model: "ov.Model",
    measured: Measured,
    calibration: Calibration,
    rule: str,
    picture: "nncf.Dataset",
    **options: Any,
) -> "ov.Model":
    """What `nncf.quantize` makes of `model` with `options` and these ranges.

    It takes the steps of `nncf.quantize`, which has no argument for statistics: those of weights come from a
    pass over one `picture`, and those of activations are replaced before the quantizers are inserted.
    """
    from nncf.openvino.graph.model_utils import remove_friendly_name_duplicates
    from nncf.openvino.graph.nncf_graph_builder import GraphConverter
    from nncf.quantization.algorithms.pipeline import collect_statistics
    from nncf.quantization.algorithms.post_training.algorithm import PostTrainingQuantization
    from openvino._offline_transformations import compress_quantize_weights_transformation

    model = remove_friendly_name_duplicates(model)
    graph = GraphConverter.create_nncf_graph(model)
    algorithm = PostTrainingQuantization(subset_size=1, **options)
    points = collect_statistics(algorithm.get_statistic_points(model, graph), model, graph, picture)
    operations = {operation.get_friendly_name(): operation for operation in model.get_ops()}
    collectors = [
        (_source(point, operations), collector)
        for _, point, collector in points.get_tensor_collectors()
        if not point.target_point.is_weight_target_point()
    ]
    names = list(dict.fromkeys(name for name, _ in collectors))
    found = tensor_ranges(names, lambda chosen: _observer(model, chosen), measured, calibration, rule)
    for name, collector in collectors:
        _replace(collector, *found[name])
    result: ov.Model = algorithm.apply(model, graph, statistic_points=points)
    compress_quantize_weights_transformation(result)
    return result


def _source(point: "StatisticPoint", operations: "dict[str, ov.Node]") -> str:
    """The tensor that is quantized there, as NAME:PORT of the operation that writes it."""
    from nncf.common.graph.transformations.commands import TargetType

    target: Any = point.target_point
    operation = operations[target.target_node_name]
    if target.type == TargetType.PRE_LAYER_OPERATION:
        output = operation.input_value(target.port_id)
    else:
        output = operation.output(target.port_id)
    return f"{output.get_node().get_friendly_name()}:{output.get_index()}"


def _observer(model: "ov.Model", names: Sequence[str]) -> Observe:
    import openvino as ov

    shown = model.clone()
    operations = {operation.get_friendly_name(): operation for operation in shown.get_ops()}
    ports = [operations[name].output(int(port)) for name, _, port in (name.rpartition(":") for name in names)]
    first = len(shown.outputs)
    shown.add_outputs(ports)
    compiled = ov.Core().compile_model(shown, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def observe(picture: Tensor32) -> "list[NDArray[Any]]":
        values = compiled(np.ascontiguousarray(picture.transpose(0, 3, 1, 2)))
        return [np.array(values[first + at]) for at in range(len(names))]

    return observe


def _replace(collector: Any, low: float, high: float) -> None:
    """Give `collector` the statistics; a symmetric quantizer expects the largest magnitude as maximum."""
    from nncf.common.tensor_statistics.collectors import AbsMaxReducer
    from nncf.common.tensor_statistics.statistics import MinMaxTensorStatistic
    from nncf.tensor import Tensor

    if any(isinstance(reducer, AbsMaxReducer) for reducer in collector.reducers):
        high = max(abs(low), abs(high))
    ends = (Tensor(np.array(end, np.float32)) for end in (low, high))
    collector.set_cache(MinMaxTensorStatistic(*ends))
