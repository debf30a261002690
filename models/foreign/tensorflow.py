"""The one door through which TensorFlow comes in: after Triton's library, quietly, and without GPUs.

TensorFlow and Triton each bring an LLVM of their own. With TensorFlow's loaded first, loading Triton's is a
segmentation fault, and torch loads it with `torch.export` and litert-torch; the other order works.
"""

import os
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..errors import MissingDependencyError


def tensorflow(task: str) -> Any:
    """The module `tensorflow`, with Keras on top of it.

    Raises:
        MissingDependencyError: it is not installed, and `task` needs it.
    """
    with suppress(ImportError):  # torch without CUDA has no Triton, and then nothing to fear
        import_module("triton._C.libtriton")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever else the user's Keras may run on
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependencyError(task, "keras", (error.name or "tensorflow").partition(".")[0]) from error
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    tf.get_logger().setLevel("ERROR")
    with suppress(RuntimeError):  # its devices are in use already
        tf.config.set_visible_devices([], "GPU")
    return tf
