"""TFLite, for LiteRT."""

from .quantizer import halve, quantize

__all__ = ["halve", "quantize"]
