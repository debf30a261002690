"""ONNX, for ONNX Runtime."""

from .exporter import export

__all__ = ["export"]
