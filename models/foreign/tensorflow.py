"""Imports TensorFlow: after Triton's library, without log output and without GPUs.

TensorFlow and Triton each ship their own LLVM. If TensorFlow's is loaded first, loading Triton's crashes with
a segmentation fault, and torch loads it for `torch.export` and litert-torch; the other order works.
"""

import os
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..errors import MissingDependencyError


def tensorflow(task: str) -> Any:
    """The module `tensorflow`, set up as the backend of Keras.

    Raises:
        MissingDependencyError: it is not installed; the message says that `task` needs it.
    """
    with suppress(ImportError):  # torch without CUDA has no Triton, and no conflict
        import_module("triton._C.libtriton")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # overrides the user's choice
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependencyError(task, "keras", (error.name or "tensorflow").partition(".")[0]) from error
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    tf.get_logger().setLevel("ERROR")
    with suppress(RuntimeError):  # the devices are already initialised
        tf.config.set_visible_devices([], "GPU")
    return tf
