"""OpenVINO IR."""

from .quantizer import halve, quantize

__all__ = ["halve", "quantize"]
