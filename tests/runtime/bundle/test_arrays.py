"""Arrays in .npy files whose headers lie, are no literals, or ask for more memory than there is."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.bundle.arrays import load_array


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


WHOLE = npy(np.arange(6, dtype=np.float32).reshape(1, 6))


def headed(header: str, content: bytes = bytes(24)) -> bytes:
    """A file with this header."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin1") + content


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_read_as_it_was_written(tmp_path: Path, order: Any) -> None:
    array = np.asarray(np.random.default_rng(0).normal(size=(2, 3, 4)), np.float32, order=order)
    (tmp_path / "a.npy").write_bytes(npy(array))
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:-1],
        WHOLE + b"\0",
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }"),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': ('6',), }"),
        headed("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"),
        headed("{'descr': '<f4', 'fortran_order': 1e999, 'shape': (6,), }"),
        headed("{'descr': [('a', 5)], 'fortran_order': False, 'shape': (6,), }"),
        headed("(" * 3000),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)"),
        headed("{'descr': '\0', 'fortran_order': False, 'shape': (6,), }"),
        headed("{1: 2}"),
        headed("\xff"),
        b"\x93NUMPY\x09\x00" + WHOLE[8:],
    ],
)
def test_what_is_no_array_is_one_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.npy"
    file.write_bytes(content)
    with pytest.raises(EdgewiseError, match=r"^a\.npy: cannot be read as an array \("):
        load_array(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EdgewiseError, match=r"^a\.npy: cannot be read as an array \(FileNotFoundError"):
        load_array(tmp_path / "a.npy")


@given(st.binary(max_size=40), st.integers(0, len(WHOLE) - 1))
def test_other_bytes_anywhere_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "noise.npy"
    file.write_bytes(WHOLE[:place] + noise + WHOLE[place + len(noise) :])
    with suppress(EdgewiseError):
        load_array(file)
