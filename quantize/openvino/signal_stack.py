"""Preserve the thread's alternate signal stack, which OpenVINO's CPU plugin replaces and does not restore.

Each `ov.Core` that loads the plugin installs its own stack for the thread and frees it when the core is
destroyed, in any thread and in any order. The freed stack may still be installed, and then the next signal, a
Ctrl-C or the exit of a data loader, is a segmentation fault (OpenVINO 2026.4). NNCF creates many cores.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DISABLED = 2  # SS_DISABLE: handle signals on the thread's normal stack


class _Stack(ctypes.Structure):
    """Linux's stack_t."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Restore the thread's signal stack at the end, so that remaining cores free only their own stacks."""
    if sys.platform != "linux":
        yield
        return
    before = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        if ctypes.CDLL(None).sigaltstack(ctypes.byref(before), None):  # too small for the registers saved now
            leave_signal_stack()


def leave_signal_stack() -> None:
    """Let this thread handle signals on its normal stack, whatever became of the other one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).sigaltstack(ctypes.byref(_Stack(flags=_DISABLED)), None)
