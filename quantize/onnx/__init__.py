"""ONNX, for ONNX Runtime."""

from .quantizer import halve, quantize

__all__ = ["halve", "quantize"]
