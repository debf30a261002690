"""Keeps the stack on which signals are handled, which OpenVINO's CPU plugin exchanges and does not give back.

Each `ov.Core` that loads the plugin has the thread use a stack of its own, and frees it when it goes: in
whichever thread that is, and in whichever order. What is freed may then still be in use, and the next signal,
a Ctrl-C or a data loader's end, is a segmentation fault (OpenVINO 2026.4). NNCF makes many a core.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DISABLED = 2  # SS_DISABLE: signals are handled on the thread's own stack


class _Stack(ctypes.Structure):
    """Linux's stack_t."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Give the thread its signal stack back at the end: cores that are left then free their own alone."""
    if sys.platform != "linux":
        yield
        return
    exchange = ctypes.CDLL(None).sigaltstack
    before = _Stack()
    exchange(None, ctypes.byref(before))
    try:
        yield
    finally:
        if exchange(ctypes.byref(before), None):  # too small for the registers that are saved by now
            exchange(ctypes.byref(_Stack(flags=_DISABLED)), None)
