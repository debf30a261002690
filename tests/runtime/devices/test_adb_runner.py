"""The runner's output, taken from its source (shortened), and what is read from it."""

import pytest

from edgewise.models.errors import EdgewiseError
from edgewise.runtime.devices._adb_runner import Series, read

_HEAD = """INFO: Log parameter values verbosely: [0]
INFO: Loaded model 0.tflite
INFO: Explicitly applied XNNPACK delegate, and the model graph will be {} executed by the delegate{}.
INFO: The input model file size (MB): 4.0166
INFO: Initialized session in 12.345ms.
INFO: Running benchmark for at least 5 iterations and at least 1 seconds but so on.
"""
_WARM = "INFO: count=98 first=23456 curr=10111 min=9876 max=23456 avg=10200.5 std=1400 p5=9900 median=10100\n"
_TAIL = """
INFO: Running benchmark for at least 2 iterations and at least 0 seconds but so on.
INFO: count=2 first=10123 curr=9987 min=9987 max=10123 avg=10055 std=68 p5=9987 median=10123 p95=10123

INFO: Inference timings in us: Init: 12345, First inference: 23456, Warmup (avg): 10200.5
INFO: Memory footprint delta from the start of the tool (MB): init=3.32422 overall=7.5
"""


def test_the_output_is_parsed() -> None:
    assert read(0, _HEAD.format("completely", "") + _WARM + _TAIL) == Series(
        load_ms=12.345,
        first_ms=23.456,
        warm_ups=98,
        samples_ms=(10.123, 9.987),
        delegate="XNNPACK",
        operators=1,
        delegated=1,
        peak_rss_bytes=int(7.5 * 2**20),
    )


def test_a_delegate_with_several_partitions_is_reported() -> None:
    found = read(0, _HEAD.format("partially", " w/ 3 delegate kernels") + _WARM + _TAIL)
    assert (found.delegate, found.operators, found.delegated) == ("XNNPACK", None, 3)


def test_a_delegate_without_operators_is_reported() -> None:
    refused = (
        "INFO: Though XNNPACK delegate is explicitly applied, the model graph will not be executed by it.\n"
    )
    head = "".join(line for line in _HEAD.splitlines(keepends=True) if "Explicitly" not in line)
    found = read(0, head + refused + _WARM + _TAIL)
    assert (found.delegate, found.operators, found.delegated) == (None, None, None)


def test_another_number_of_samples_is_refused() -> None:
    with pytest.raises(EdgewiseError, match="is not that of benchmark_model"):
        read(0, _HEAD.format("completely", "") + _WARM + _TAIL.replace("count=2", "count=3"))


@pytest.mark.parametrize(
    ("status", "said", "complaint"),
    [
        (
            1,
            "INFO: hello\nERROR: Failed to load model x\nlast",
            r"phone: ERROR: Failed to load .*\(status 1\)$",
        ),
        (1, "", r"no output \(status 1\)$"),
        (
            126,
            "sh: ./runner: not executable: 64-bit ELF file",
            r"64-bit ELF file \(status 126\); set EDGEWISE_ANDROID_RUNNER",
        ),
        (137, "", "killed, perhaps out of memory"),
        (139, "", "a segmentation fault"),
    ],
)
def test_the_error_says_how_it_failed(status: int, said: str, complaint: str) -> None:
    with pytest.raises(EdgewiseError, match=complaint):
        read(status, said)
