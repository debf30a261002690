"""A STAND-IN for LiteRT's benchmark_model, for tests: the same options and output, with LiteRT in Python.

It really computes, on the host: the output for the golden input is the model's.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def say(line: str) -> None:
    """Print a line; the program writes to stderr."""
    sys.stderr.write(f"{line}\n")


def main() -> None:
    options = _options()
    start = time.perf_counter()
    interpreter = Interpreter(options.graph, num_threads=options.num_threads)
    interpreter.allocate_tensors()
    say(f"Initialized session in {1e3 * (time.perf_counter() - start):.6g}ms.")
    say(
        "Explicitly applied XNNPACK delegate, and the model graph will be completely executed by the "
        "delegate."
    )
    given, answered = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    content = Path(options.input_layer_value_files.partition(":")[2]).read_bytes()
    assert tuple(map(int, options.input_layer_shape.split(","))) == tuple(given["shape"])
    interpreter.set_tensor(given["index"], np.frombuffer(content, given["dtype"]).reshape(given["shape"]))
    _series(interpreter, options.warmup_runs, options.warmup_min_secs)
    _series(interpreter, options.num_runs, options.min_secs)
    Path(options.output_filepath).write_bytes(interpreter.get_tensor(answered["index"]).tobytes())
    say("Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.25")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("graph", "use_xnnpack", "input_layer", "input_layer_shape", "input_layer_value_files"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--output_filepath", required=True)
    for name in ("num_threads", "num_runs", "warmup_runs"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("min_secs", "warmup_min_secs"):
        parser.add_argument(f"--{name}", type=float, required=True)
    return parser.parse_args()


def _series(interpreter: Interpreter, runs: int, seconds: float) -> None:
    """In the format of tensorflow::Stat, which prints equal times once."""
    times: list[int] = []
    start = time.perf_counter()
    while len(times) < runs or time.perf_counter() - start < seconds:
        before = time.perf_counter_ns()
        interpreter.invoke()
        times.append(max(1, (time.perf_counter_ns() - before) // 1000))
    middle = f"p5={min(times)} median={sorted(times)[len(times) // 2]} p95={max(times)}"
    if len(set(times)) == 1:
        alike = "(all same)" if len(times) > 1 else ""
        say(f"count={len(times)} curr={times[-1]}{alike} {middle}\n")
        return
    say(
        f"count={len(times)} first={times[0]} curr={times[-1]} min={min(times)} max={max(times)} "
        f"avg={np.mean(times):.6g} std={np.std(times):.4g} {middle}\n"
    )


if __name__ == "__main__":
    main()
