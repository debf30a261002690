"""Read one array from a .npy file that may be damaged or hostile."""

import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.errors import EdgewiseError
from ..child import in_words

_MOST_BYTES = 1 << 28  # a picture of 4,700 x 4,700 pixels in float32
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_array(path: Path) -> NDArray[Any]:
    """The array in the file, whose header must fit the number of bytes behind it.

    Raises:
        EdgewiseError: it cannot be read, is too large, or is not one array of plain values.
    """
    try:
        return _array(path)
    except Exception as error:  # the header is a Python literal, of which NumPy raises almost anything
        raise EdgewiseError(f"{path.name}: cannot be read as an array ({in_words(error)})") from error


def _array(path: Path) -> NDArray[Any]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    file = io.BytesIO(path.read_bytes())
    with warnings.catch_warnings(action="ignore"):  # about headers that Python 2 wrote
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    content = file.read()
    if math.prod(shape) * dtype.itemsize != len(content):  # before memory is taken for it
        raise ValueError("its header does not fit its content")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").copy()
