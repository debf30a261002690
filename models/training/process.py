"""Which of several training processes this is, found out without importing Lightning."""

import importlib.util
import os

from ..errors import MissingDependencyError

# Where launchers put the rank of a process, in the order in which Lightning reads them.
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


def is_first() -> bool:
    """Whether this is the main process, which alone writes and reports; with one device it is the only one.

    Raises:
        MissingDependencyError: Lightning is not installed.
    """
    if importlib.util.find_spec("lightning") is None:
        raise MissingDependencyError("Training", "train", "lightning")
    return int(next((os.environ[name] for name in _RANKS if name in os.environ), "0")) == 0
