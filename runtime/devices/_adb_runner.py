"""Options and output of LiteRT's `benchmark_model`, the native program that measures on the phone.

Of single inferences it only reports the first and the last of a series. It is therefore run for series of
two, repeatedly and in turn with the other models: every sample is then a real inference, none is left out,
and none is derived from a mean. Each process warms up before its two.

The program built on the Interpreter API (//tflite/tools/benchmark:benchmark_model) reads the golden input and
writes the output. The one built on the CompiledModel API (//litert/tools:benchmark_model) ignores options
that it does not know, with a warning: then there is no golden check, and the delegate is unknown.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ...models.errors import EdgewiseError, UsageError
from ...models.images import sha256_of
from ...models.sizes import Shape

VARIABLE = "EDGEWISE_ANDROID_RUNNER"
_DIGEST = f"{VARIABLE}_SHA256"
SAMPLES = 2  # per series; with more, the times in between are not reported
_COUNTS = re.compile(r"count=(\d+)(?: first=(\d+))? curr=(\d+)")
_DELEGATED = re.compile(
    r"Explicitly applied (\w+) delegate, and the model graph will be (completely|partially)"
)
_KERNELS = re.compile(r"executed by the delegate w/ (\d+) delegate kernels")
_LOADED = re.compile(r"Initialized session in ([\d.e+]+)ms")
_MEMORY = re.compile(r"Memory footprint delta .*overall=([\d.e+]+)")
_KILLED = {134: "it aborted", 137: "killed, perhaps out of memory", 139: "a segmentation fault"}
_HINT = f"set {VARIABLE} to LiteRT's benchmark_model for this phone (android_arm64)"


@dataclass(frozen=True, slots=True)
class Series:
    """The output of one process of the program; None for what it did not report.

    `operators` and `delegated` are those of the prepared graph, see `bench.record.Engine`.
    """

    load_ms: float
    first_ms: float
    warm_ups: int
    samples_ms: tuple[float, ...]
    delegate: str | None
    operators: int | None
    delegated: int | None
    peak_rss_bytes: int | None


def program() -> Path | None:
    """The path of the program, from the environment; None without one.

    Nothing else tells one build of it from another, so its digest can be given too, and is then checked.

    Raises:
        UsageError: it is not a file, or not the one with that digest.
    """
    named, wanted = os.environ.get(VARIABLE), os.environ.get(_DIGEST)
    if not named:
        return None
    if not Path(named).is_file():
        raise UsageError(f"{VARIABLE}: {named} is not a file; {_HINT}, or unset it to measure with the app")
    if wanted and (found := sha256_of(Path(named))) != wanted.lower():
        raise UsageError(f"{VARIABLE}: {named} has the sha256 {found}, and {_DIGEST} is {wanted}; {_HINT}")
    return Path(named)


def command(model: str, picture: Shape, threads: int, cpus: tuple[int, ...] | None) -> str:
    """The command to measure `model`, in the folder with its input and the program `runner`."""
    options = [
        f"--graph={model}",
        f"--num_threads={threads}",
        "--use_xnnpack=true",  # the default, but only logged if given explicitly
        "--input_layer=input",
        f"--input_layer_shape=1,{','.join(map(str, picture))}",
        f"--input_layer_value_files=input:{model}.input",
        f"--output_filepath={model}.output",
        f"--num_runs={SAMPLES}",
        "--min_secs=0",
    ]
    pinned = f"taskset {sum(1 << cpu for cpu in cpus):x} " if cpus else ""
    return f"{pinned}./runner {' '.join(options)}"


def read(status: int, text: str) -> Series:
    """Parse the output of the program.

    Raises:
        EdgewiseError: it failed, or is another program.
    """
    if status:
        raise EdgewiseError(f"the runner failed on the phone: {_failure(status, text)}")
    warming, measured = [*_COUNTS.findall(text), None, None][:2]
    loaded, memory = _LOADED.search(text), _MEMORY.search(text)
    if not (warming and measured and loaded and int(measured[0]) == SAMPLES):
        raise EdgewiseError(f"the runner's output is not that of benchmark_model; {_HINT}")
    times = (measured[1] or measured[2], measured[2])  # equal times are printed once
    delegate, operators, delegated = _delegate(text)
    return Series(
        load_ms=float(loaded[1]),
        first_ms=int(warming[1] or warming[2]) / 1000,
        warm_ups=int(warming[0]),
        samples_ms=tuple(int(time) / 1000 for time in times),
        delegate=delegate,
        operators=operators,
        delegated=delegated,
        peak_rss_bytes=round(float(memory[1]) * 2**20) if memory else None,
    )


def _delegate(text: str) -> tuple[str | None, int | None, int | None]:
    """The delegate, the number of operators in the prepared graph, and the number that it runs."""
    if taken := _DELEGATED.search(text):
        kernels = _KERNELS.search(text)
        return (taken[1], None, int(kernels[1])) if kernels else (taken[1], 1, 1)
    return None, None, None


def _failure(status: int, text: str) -> str:
    if status in _KILLED:
        return f"{_KILLED[status]} (status {status})"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no output")
    return f"{said} (status {status})" + (f"; {_HINT}" if status in {126, 127} else "")
