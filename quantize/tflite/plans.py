"""Plans for ai-edge-quantizer (its "recipes"): how to quantize each operator of a TFLite file."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..recipe import Recipe

if TYPE_CHECKING:
    from ai_edge_quantizer.qtyping import OpQuantizationConfig
    from ai_edge_quantizer.recipe_manager import RecipeManager

_ALL = ".*"


def full_integer(recipe: Recipe, in_float: Iterable[str]) -> "RecipeManager":
    """All in INT8 except the operators that write the tensors `in_float`; input and output as in `recipe`."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan, nothing = RecipeManager(), AlgorithmName.NO_QUANTIZE
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    plan.add_static_config(_ALL, TFLOperationName.ALL_SUPPORTED, 8, 8, granularity)
    ports = TFLOperationName.INPUT, TFLOperationName.OUTPUT
    for port in ports:
        if recipe.io == "float32":
            plan.add_quantization_config(_ALL, port, algorithm_key=nothing)
        elif recipe.io == "uint8":
            plan.add_quantization_config(_ALL, port, _unsigned())
    for name in in_float:
        # Not ALL_SUPPORTED: the network's output has the same name as the tensor of its last operator.
        for kind in (
            kind for kind in TFLOperationName if kind not in (*ports, TFLOperationName.ALL_SUPPORTED)
        ):
            plan.add_quantization_config(f"^{re.escape(name)};$", kind, algorithm_key=nothing)
    return plan


def half_weights() -> "RecipeManager":
    """Weights in float16, which XNNPACK converts to float32 when the file is loaded."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan, cast = RecipeManager(), AlgorithmName.FLOAT_CASTING
    plan.add_weight_only_config(_ALL, TFLOperationName.ALL_SUPPORTED, 16, algorithm_key=cast)
    return plan


def integer_weights() -> "RecipeManager":
    """Weights in INT8 per channel; XNNPACK quantizes their activations dynamically, for each picture.

    It has no such kernel for depthwise convolutions: their weights are converted to float32 when the file is
    loaded. MobileNetV2 on one thread then takes 7.2 ms, 8.2 if all weights are converted (as in float), and
    19 if none are (18 partitions); the cosine of its logits with the float ones is always 0.986.
    """
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan = RecipeManager()
    plan.add_dynamic_config(_ALL, TFLOperationName.ALL_SUPPORTED, 8)
    plan.add_weight_only_config(_ALL, TFLOperationName.DEPTHWISE_CONV_2D, 8)
    return plan


def _unsigned() -> "OpQuantizationConfig":
    """UINT8, for the input or output of the network."""
    from ai_edge_quantizer import qtyping

    return qtyping.OpQuantizationConfig(
        activation_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT
        ),
        # Inputs and outputs have no weights, but the library requires a weight type.
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=8, granularity=qtyping.QuantGranularity.CHANNELWISE
        ),
        compute_precision=qtyping.ComputePrecision.INTEGER,
    )
