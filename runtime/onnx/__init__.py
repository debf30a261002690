"""ONNX, for ONNX Runtime."""

from .session import caveat, open_reference, open_session, read_structure, version

__all__ = ["caveat", "open_reference", "open_session", "read_structure", "version"]
