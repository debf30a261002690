"""What ai-edge-quantizer, which calls this a recipe, is to do with every operator of a TFLite file."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..recipe import Recipe

if TYPE_CHECKING:
    from ai_edge_quantizer.qtyping import OpQuantizationConfig
    from ai_edge_quantizer.recipe_manager import RecipeManager

_ALL = ".*"


def full_integer(recipe: Recipe, in_float: Iterable[str]) -> "RecipeManager":
    """Everything in INT8 but for what writes the tensors `in_float`; the ends as `recipe` says."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan, nothing = RecipeManager(), AlgorithmName.NO_QUANTIZE
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    plan.add_static_config(_ALL, TFLOperationName.ALL_SUPPORTED, 8, 8, granularity)
    ends = TFLOperationName.INPUT, TFLOperationName.OUTPUT
    for end in ends:
        if recipe.io == "float32":
            plan.add_quantization_config(_ALL, end, algorithm_key=nothing)
        elif recipe.io == "uint8":
            plan.add_quantization_config(_ALL, end, _unsigned())
    for name in in_float:
        # Not all types at once: the network's output goes by the name of the tensor that its last one writes.
        for kind in (
            kind for kind in TFLOperationName if kind not in (*ends, TFLOperationName.ALL_SUPPORTED)
        ):
            plan.add_quantization_config(f"^{re.escape(name)};$", kind, algorithm_key=nothing)
    return plan


def half_weights() -> "RecipeManager":
    """Weights in float16, which XNNPACK turns back to float32 when the file is opened."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan, cast = RecipeManager(), AlgorithmName.FLOAT_CASTING
    plan.add_weight_only_config(_ALL, TFLOperationName.ALL_SUPPORTED, 16, algorithm_key=cast)
    return plan


def integer_weights() -> "RecipeManager":
    """Weights in INT8 per channel; XNNPACK rounds the activations that they meet, picture by picture.

    Only for depthwise convolutions it has no such kernel: their weights turn back to float32 when the file
    is opened. MobileNetV2 on one thread takes 7.2 ms so, 8.2 with all weights turned back (as in float), and
    19 with none (18 partitions); the cosine of its logits with the float ones is 0.986 each time.
    """
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    plan = RecipeManager()
    plan.add_dynamic_config(_ALL, TFLOperationName.ALL_SUPPORTED, 8)
    plan.add_weight_only_config(_ALL, TFLOperationName.DEPTHWISE_CONV_2D, 8)
    return plan


def _unsigned() -> "OpQuantizationConfig":
    """UINT8, for an end of the network."""
    from ai_edge_quantizer import qtyping

    return qtyping.OpQuantizationConfig(
        activation_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT
        ),
        # The ends have no weights; the library's policy wants a weight type all the same.
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=8, granularity=qtyping.QuantGranularity.CHANNELWISE
        ),
        compute_precision=qtyping.ComputePrecision.INTEGER,
    )
