"""OpenVINO IR."""

from .exporter import export

__all__ = ["export"]
