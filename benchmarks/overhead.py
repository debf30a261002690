"""Measures the overhead of `edgewise bench` compared with each engine's own benchmark on the same file.

    python benchmarks/overhead.py BUNDLE... [--rounds 20] [--seconds 1] [--threads 1]

The tools are litert-benchmark and benchmark_app from the LiteRT and OpenVINO wheels and, because ONNX
Runtime's wheel has none, a loop around a bound input. Every round measures each bundle with both, in new
processes and in alternating order, so that effects on both, such as load and memory layout, cancel out. The
ratio is that of the medians over all rounds, with a 95 % bootstrap interval. Both tools round to 0.01 ms, so
results are taken before rounding.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bench.timing import Ratio, bootstrap_ratio
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices.local import Local

_ALLOWED = 1.02
_WARM_UPS = 50
_HEADINGS = ("model", "tool", "tool, ms", "ours, ms", "ours / tool", "95 % interval", "of minima", "verdict")

_LITERT = """
import json, sys
from ai_edge_litert.tools import benchmark_litert_model as tool
tool.round = lambda value, digits: value
sys.argv[1:] = ["--model", sys.argv[1], "--num_threads", sys.argv[2], "--warmup_runs", sys.argv[4],
    "--num_runs", sys.argv[3]]
found = tool.run_benchmark(tool.parse_args())["latency"]
print(json.dumps([found["median_ms"], found["min_ms"]]))
"""
_OPENVINO = """
import json, sys
from openvino.tools.benchmark import benchmark, main
path, threads, count, _, shape, settings = sys.argv[1:]
found, loop = [], benchmark.Benchmark.main_loop
benchmark.Benchmark.main_loop = lambda *given: found.append(loop(*given)) or found[0]
sys.argv[1:] = ["-m", path, "-d", "CPU", "-hint", "latency", "-api", "sync", "-niter", count, "-ip", "f32",
    "-shape", shape, "-load_config", settings]
main.main()
print(json.dumps([found[0][1], found[0][3]]))
"""
_ONNX = """
import json, sys, time
import numpy as np, onnxruntime
path, threads, count, warm_ups, size = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
binding, times = session.io_binding(), []
picture = np.random.default_rng(0).uniform(-1, 1, (1, 3, int(size), int(size))).astype(np.float32)
binding.bind_cpu_input(session.get_inputs()[0].name, picture)
binding.bind_output(session.get_outputs()[0].name)
for _ in range(int(warm_ups)):
    session.run_with_iobinding(binding)
for _ in range(int(count)):
    start = time.perf_counter_ns()
    session.run_with_iobinding(binding)
    times.append(time.perf_counter_ns() - start)
print(json.dumps([np.median(times) / 1e6, min(times) / 1e6]))
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement in milliseconds."""

    median_ms: float
    min_ms: float


@dataclass(frozen=True, slots=True)
class Setting:
    """The settings for measuring a bundle with both: `count` inferences take about the same time."""

    bundle: Bundle
    threads: int
    count: int
    seconds: float


def ours(setting: Setting) -> Figure:
    """Measure with the complete code path of `edgewise bench` on this machine."""
    request = BenchRequest(
        (Contender(str(setting.bundle.folder)),),
        threads=setting.threads,
        runs=setting.count,
        seconds=setting.seconds,
        warm_ups=_WARM_UPS,
        warm_up_seconds=0,
        end_to_end=0,
    )
    events = list(Local().run(request))
    if events[-1]["event"] == "error":
        raise SystemExit(events[-1]["message"])
    times = [ms for event in events if event["event"] == "samples" for ms in event["ms"]]
    return Figure(median(times), min(times))


def litert(setting: Setting) -> Figure:
    """Measure with litert-benchmark."""
    return _run(_LITERT, setting)


def onnx(setting: Setting) -> Figure:
    """Measure with a minimal loop."""
    return _run(_ONNX, setting, str(setting.bundle.spec.preprocess.size))


def openvino(setting: Setting) -> Figure:
    """Measure with benchmark_app, with the same precision as ours."""
    size = setting.bundle.spec.preprocess.size
    properties = {"INFERENCE_NUM_THREADS": str(setting.threads), "INFERENCE_PRECISION_HINT": "f32"}
    with TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        settings.write_text(json.dumps({"CPU": properties | {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}}))
        return _run(_OPENVINO, setting, f"[1,3,{size},{size}]", str(settings))


TOOLS: dict[str, tuple[str, Callable[[Setting], Figure]]] = {
    "tflite": ("litert-benchmark", litert),
    "onnx": ("bare loop, I/O binding", onnx),
    "openvino": ("benchmark_app", openvino),
}


def _run(program: str, setting: Setting, *more: str) -> Figure:
    """Run `program` in a new process and parse its last line of output."""
    told = (str(setting.bundle.model), str(setting.threads), str(setting.count), str(_WARM_UPS), *more)
    command = [sys.executable, "-P", "-c", program, *told]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{setting.bundle.folder}: the tool failed\n{done.stderr}")
    return Figure(*json.loads(done.stdout.strip().splitlines()[-1]))


def compare(setting: Setting, rounds: int) -> tuple[str, ...]:
    """A row of the table."""
    tool, theirs = TOOLS[setting.bundle.target]
    found: dict[Callable[[Setting], Figure], list[Figure]] = {ours: [], theirs: []}
    for place in range(rounds):
        for measured in (ours, theirs) if place % 2 else (theirs, ours):
            found[measured].append(measured(setting))
        print(f"{setting.bundle.folder.name} {place + 1} of {rounds}", file=sys.stderr)
    medians = [[figure.median_ms for figure in figures] for figures in found.values()]
    least = [min(figure.min_ms for figure in figures) for figures in found.values()]
    ratio = bootstrap_ratio(*medians)
    return (
        setting.bundle.folder.name,
        tool,
        f"{median(medians[1]):.3f}",
        f"{median(medians[0]):.3f}",
        f"{ratio.ratio:.3f}",
        f"{ratio.interval.low:.3f} to {ratio.interval.high:.3f}",
        f"{least[0] / least[1]:.3f}",
        _verdict(ratio),
    )


def _verdict(ratio: Ratio) -> str:
    if ratio.interval.high <= _ALLOWED:
        return "within 2 %"
    return "above 2 %" if ratio.interval.low > _ALLOWED else "not shown"


def _setting(folder: Path, threads: int, seconds: float) -> Setting:
    """Choose the number of inferences that fit into `seconds`, from a short trial."""
    bundle = Bundle.open(folder)
    look = ours(Setting(bundle, threads, 2, 0.0))
    return Setting(bundle, threads, max(2, int(1000 * seconds / look.median_ms)), 0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each measurement")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args(arguments)
    settings = [_setting(folder, chosen.threads, chosen.seconds) for folder in chosen.bundles]
    table = [compare(setting, chosen.rounds) for setting in settings]
    for row in (_HEADINGS, ("---",) * len(_HEADINGS), *table):
        print(f"| {' | '.join(row)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
