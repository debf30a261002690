"""TFLite, for LiteRT."""

from .exporter import export

__all__ = ["export"]
