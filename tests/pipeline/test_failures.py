"""What is kept of files that fail: the most severe error, and what else failed or was written."""

import pickle

import pytest

from edgewise.export.precision import Precision
from edgewise.models.errors import (
    AccuracyError,
    EdgewiseError,
    LatencyError,
    MissingDependencyError,
    ParityError,
    UsageError,
)
from edgewise.pipeline.failures import Failure, Failures, most_severe
from edgewise.pipeline.progress import Journal
from edgewise.pipeline.steps import GateError


def failure(error: EdgewiseError, target: str = "onnx") -> Failure:
    return Failure(target, Precision.W8A8, error)


def test_an_error_becomes_the_failure_of_every_file_that_waited_for_it() -> None:
    journal = Journal(planned=9)
    failures = Failures(journal, at_once=False)
    with failures.apart("onnx", [Precision.W8A8, Precision.FP16], stages=6), journal.stage("Convert"):
        raise ParityError("it computes something else")
    assert [failure.title for failure in failures.found] == ["onnx w8a8", "onnx fp16"]
    assert failures.found[0].message == "onnx w8a8: it computes something else"
    assert failures.found[0].error.__traceback__ is None
    with journal.stage("Convert the next"):
        pass
    assert journal.begun == 2


def test_stages_that_will_not_run_are_not_counted() -> None:
    seen: list[tuple[int, int]] = []

    class Watching(Journal):
        def look(self) -> None:
            seen.append((self._begun, self._planned))

    journal = Watching(planned=9)
    with Failures(journal, at_once=False).apart("onnx", [Precision.W8A8], stages=6), journal.stage("Convert"):
        raise ParityError("no")
    journal.look()
    assert seen == [(1, 4)]  # of six stages one has begun


def test_at_once_and_mistakes_of_usage_end_it() -> None:
    at_once, apart = (Failures(Journal(), at_once=flag) for flag in (True, False))
    with pytest.raises(ParityError), at_once.apart("onnx", [Precision.W8A8], stages=1):
        raise ParityError("no")
    with pytest.raises(UsageError), apart.apart("onnx", [Precision.W8A8], stages=1):
        raise UsageError("no")
    with pytest.raises(ZeroDivisionError), apart.apart("onnx", [Precision.W8A8], stages=1):
        _ = 1 / 0
    assert at_once.found == apart.found == []


def test_what_fails_earliest_in_its_making_is_the_most_severe() -> None:
    errors = [
        EdgewiseError("it cannot be made"),
        MissingDependencyError("Running ONNX", "onnx", "onnxruntime"),
        ParityError("it is wrong"),
        AccuracyError("it loses too much"),
        LatencyError("it is slow"),
    ]
    for place, error in enumerate(errors):
        found = most_severe([failure(other) for other in errors[place:][::-1]], [])
        assert type(found) is type(error)
        assert found.exit_code == error.exit_code


def test_the_message_names_the_others_and_what_was_written() -> None:
    failures = [
        failure(LatencyError("openvino w8a8: latency gate"), "openvino"),
        failure(GateError("onnx w8a8: accuracy gate fail. It was not written")),
    ]
    error = most_severe(failures, ["tflite w8a8"])
    assert str(error) == (
        "onnx w8a8: accuracy gate fail. It was not written. Also failed: openvino w8a8 (latency gate). "
        "Written: tflite w8a8"
    )
    assert isinstance(error, GateError)
    assert (error.layers, error.recovery) == ((), None)
    assert str(failures[1].error) == "onnx w8a8: accuracy gate fail. It was not written"  # a copy was changed
    error.conversion = tuple(failures)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.conversion[0].title) == (str(error), "openvino w8a8")


def test_a_failure_is_plain_data() -> None:
    assert failure(ParityError("no")).to_json() == {
        "target": "onnx",
        "requested": "w8a8",
        "message": "onnx w8a8: no",
        "exit_code": 4,
        "exit_name": "parity_gate",
        "details": {},
    }
