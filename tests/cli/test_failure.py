"""How commands fail: one line on stderr, an exit code, and with --json one document on stdout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.cli.failure import document, is_written, written
from edgewise.models.errors import AccuracyError, EdgewiseError
from edgewise.runtime.bundle import Bundle

Run = Callable[..., Any]
Arguments = tuple[object, ...]


def test_a_document_names_the_exit_code_and_holds_the_details() -> None:
    class DetailedError(AccuracyError):
        def details(self) -> dict[str, Any]:
            return {"layers": [1, 2]}

    assert document(DetailedError("lost")) == {
        "schema": "edgewise.error",
        "schema_version": 1,
        "error": {
            "message": "lost",
            "exit_code": 3,
            "exit_name": "accuracy_gate",
            "details": {"layers": [1, 2]},
        },
    }


def test_a_document_is_written_once() -> None:
    error, other = EdgewiseError("x"), EdgewiseError("x")
    written(error)
    assert is_written(error)
    assert not is_written(other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["expot", "mobilenetv2"], "did you mean 'export'?"),
        (["export"], "Missing argument 'NAME'"),
        (["export", "mobilenetv2", "--max-drop", "many"], "'many' is not a valid float range"),
        (["export", "mobilenetv2", "--presicion", "fp16"], "No such option '--presicion'"),
        (["train", "mobilenetv2"], "Missing option '--data'"),
    ],
)
def test_what_cannot_be_parsed_is_a_document_too(edgewise: Run, arguments: list[str], message: str) -> None:
    ended = edgewise(*arguments, "--json")
    found = ended.document
    assert (ended.code, found["schema"], found["schema_version"]) == (2, "edgewise.error", 1)
    assert message in found["error"]["message"]
    assert (found["error"]["exit_code"], found["error"]["exit_name"]) == (2, "usage")
    assert found["error"]["message"] in ended.stderr


def test_what_nobody_expected_is_a_document_and_a_line(edgewise: Run, tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise RuntimeError('a bug')\n")
    ended = edgewise("models", "--json", PYTHONPATH=str(tmp_path))
    assert ended.code == 1
    assert ended.document["error"] == {
        "message": "unexpected RuntimeError: a bug",
        "exit_code": 1,
        "exit_name": "unexpected_error",
        "details": {},
    }
    assert ended.stderr == "edgewise: unexpected RuntimeError: a bug; -v shows where\n"
    told = edgewise("models", "--verbose", PYTHONPATH=str(tmp_path)).stderr.splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert told[-2:] == ["RuntimeError: a bug", "edgewise: unexpected RuntimeError: a bug"]


@pytest.mark.slow
def test_a_gate_that_fails_tells_the_layers_and_the_attempts(
    edgewise: Run, nets: Path, small: Arguments, tmp_path: Path
) -> None:
    gate = "--int8", "--recover-budget", 0, "--json", "--out", tmp_path / "out"
    ended = edgewise("export", f"{nets}:outlier", *small, *gate)
    assert (ended.code, ended.document["schema"]) == (3, "edgewise.error")
    assert ended.error["exit_name"] == "accuracy_gate"
    assert ended.error["message"].startswith("onnx w8a8: accuracy gate fail: top-1 agreement ")
    details = ended.error["details"]
    assert {layer["name"] for layer in details["layers"]} == {"colours", "large", "last"}
    (trial,) = details["recovery"]
    assert (trial["title"], trial["precision"]) == ("unchanged", "w8a8")
    assert trial["verification"]["verdict"] == "fail"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_passes_in_another_precision_is_where_it_was_asked_for_and_says_so(
    edgewise: Run, nets: Path, small: Arguments, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended = edgewise("export", f"{nets}:outlier", *small, "--int8", "--json", "--quiet", "--out", out)
    assert ended.code == 7
    assert ended.stderr.splitlines() == [ended.complaint]  # --quiet leaves the one line
    assert ended.error["exit_name"] == "other_precision"
    assert str(out) in ended.error["message"]
    document = ended.document
    assert (document["schema"], document["as_requested"]) == ("edgewise.conversion", False)
    (product,) = document["bundles"]
    assert (product["requested"], product["as_requested"]) == ("w8a8", False)
    assert (product["bundle"], product["verdict"]) == (str(out), "unproven")
    assert product["precision"] != "w8a8"
    assert Bundle.open(out).precision == product["precision"]
    assert document["notices"]  # which stderr did not show
