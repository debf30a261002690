"""Errors suggest what was meant, and survive being copied and sent to another process."""

import copy
import pickle
from collections.abc import Callable

import pytest

from edgewise.models import errors
from edgewise.models.errors import EdgewiseError, MissingDependencyError, unknown

_KNOWN = ("onnx", "openvino", "tflite")
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EdgewiseError)]
AGAIN: list[Callable[[EdgewiseError], EdgewiseError]] = [
    copy.copy,
    copy.deepcopy,
    lambda error: pickle.loads(pickle.dumps(error)),  # noqa: S301
]


def made(kind: type[EdgewiseError]) -> EdgewiseError:
    if kind is MissingDependencyError:
        return MissingDependencyError("Exporting to TFLite", "export", "litert-torch")
    return kind("what was wrong; what to do")


@pytest.mark.parametrize("again", AGAIN, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_the_same_error(
    kind: type[EdgewiseError], again: Callable[[EdgewiseError], EdgewiseError]
) -> None:
    error = made(kind)
    error.add_note("seen")
    found = again(error)
    assert type(found) is kind
    assert (str(found), found.args) == (str(error), error.args)
    assert (found.exit_code, found.exit_name) == (kind.exit_code, kind.exit_name)
    assert found.details() == error.details()
    assert found.__notes__ == ["seen"]
    assert vars(found) == vars(error)


def test_a_copy_has_fields_of_its_own() -> None:
    error = made(EdgewiseError)
    found = copy.copy(error)
    found.args = ("another",)
    found.add_note("of the copy")
    assert str(error) == "what was wrong; what to do"
    assert not hasattr(error, "__notes__")


def test_what_is_missing_is_told_as_data() -> None:
    error = MissingDependencyError("Exporting to TFLite", "export", "litert-torch")
    assert error.details() == {"extra": "export", "library": "litert-torch"}
    for words in ("Exporting to TFLite needs litert-torch", "Run: pip install 'litert-torch"):
        assert words in str(error)


def test_one_that_a_child_process_sent_is_its_message_alone() -> None:
    error = MissingDependencyError.__new__(MissingDependencyError, "no litert here")
    assert (str(error), error.details()) == ("no litert here", {})
    assert EdgewiseError("x").details() == {}


def test_codes_and_names_tell_them_apart() -> None:
    assert [kind.exit_code for kind in KINDS] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len({kind.exit_name for kind in KINDS}) == len(KINDS)
    assert all(f"exit {kind.exit_code}" in (errors.__doc__ or "") for kind in KINDS)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("tflit", "did you mean tflite? Choose from onnx, openvino or tflite"),
        ("onx", "did you mean onnx? Choose"),
        ("tensorrt", "unknown target 'tensorrt': choose from onnx, openvino or tflite"),
        ("", "unknown target '': choose from"),
    ],
)
def test_the_nearest_name_is_suggested_if_there_is_one(asked: str, hint: str) -> None:
    assert hint in str(unknown("target", asked, _KNOWN))


def test_what_other_tools_call_it_is_known() -> None:
    error = unknown("precision", "int8", ("fp32", "w8a8"), "w8a8 (or --int8)")
    assert str(error) == "unknown precision 'int8': did you mean w8a8 (or --int8)? Choose from fp32 or w8a8"
    assert error.exit_code == 2
