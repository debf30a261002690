"""Compares the main command with a script of the bare library calls: CPU and wall time, and the ratio.

    uv run python benchmarks/main_command.py [--rounds N]

Both make an INT8 TFLite file of MobileNetV2 with the bundled weights and the same number of calibration
pictures. The script (`--bare`) converts with litert-torch, calibrates and quantizes with ai-edge-quantizer,
and checks nothing; the command also compares, refines, judges, measures and writes a bundle. They run in
alternation, each in a process of its own, after one run of each that does not count.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_WEIGHTS = _ROOT / "models" / "bundled" / "mobilenetv2-shapes.safetensors"
_PROGRAM = "from edgewise.cli.main import main; main()"
_OURS = ("-c", _PROGRAM, "export", "mobilenetv2", "--weights", "bundled", "--to", "tflite", "--int8", "-q")
_PICTURES, _SIZE, _CLASSES = 128, 96, 12


def bare(out: Path) -> None:
    """What a user would write with the libraries alone."""
    import litert_torch
    import numpy as np
    import torch
    from ai_edge_quantizer import quantizer, recipe, recipe_manager
    from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
    from ai_edge_quantizer.utils import qsv_utils
    from safetensors.torch import load_file
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2(num_classes=_CLASSES)
    network.load_state_dict({name: weight.float() for name, weight in load_file(_WEIGHTS).items()})
    pictures = np.random.default_rng(0).random((_PICTURES, 1, _SIZE, _SIZE, 3), np.float32)
    network = litert_torch.to_channel_last_io(network.eval(), args=[0]).eval()
    exact = out / "float.tflite"
    litert_torch.convert(network, (torch.from_numpy(pictures[0]),)).export(str(exact))
    wanted = recipe.static_wi8_ai8()
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(wanted)
    calibrator = Calibrator(
        str(exact),
        num_threads=2,
        mode=CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=qsv_utils.min_max_update,
    )
    calibrator.calibrate({"serving_default": [{"args_0": picture} for picture in pictures]}, manager)
    made = quantizer.Quantizer(str(exact), wanted).quantize(calibrator.get_model_qsvs())
    made.export_model(str(out / "int8.tflite"), overwrite=True)


def timed(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds, those of children included, and wall seconds of a command that must succeed."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.perf_counter() - start


def main() -> None:
    """The command of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        bare(chosen.bare)
        return
    found: dict[str, list[tuple[float, float]]] = {"script": [], "edgewise": []}
    for number in range(chosen.rounds + 1):
        with tempfile.TemporaryDirectory() as work:
            commands = {"script": (__file__, "--bare", work), "edgewise": (*_OURS, "--out", f"{work}/bundle")}
            for name, command in commands.items():
                times = timed(command)
                if number:
                    found[name].append(times)
                    print(f"{name}: {times[0]:.1f} s of CPU time, {times[1]:.1f} s in all", flush=True)
    for place, what in enumerate(("CPU time", "wall time")):
        pairs = zip(found["edgewise"], found["script"], strict=True)
        ratios = [ours[place] / theirs[place] for ours, theirs in pairs]
        middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
        print(f"{what}, edgewise / script: {middle:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
