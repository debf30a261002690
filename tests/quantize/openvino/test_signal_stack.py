"""Signals are handled normally, without a crash, after OpenVINO was loaded and released."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signal stacks are replaced on Linux only")

# Two cores released in the order of their creation, and one released later in another thread.
PROGRAM = """
import gc, signal, threading
import openvino as ov
from openvino import opset13 as operators
from edgewise.quantize.openvino.signal_stack import signal_stack_kept

def loaded():
    picture = operators.parameter([1, 3], ov.Type.f32)
    core = ov.Core()
    return core, core.compile_model(ov.Model([operators.relu(picture)], [picture], "one"), "CPU")

def interrupted():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return True

with signal_stack_kept():
    first, second = loaded(), loaded()
    del first
    gc.collect()
    del second
    gc.collect()
assert interrupted()
with signal_stack_kept():
    left = [loaded()]
assert interrupted()
thread = threading.Thread(target=left.clear)
thread.start()
thread.join()
gc.collect()
assert interrupted()
"""


@pytest.mark.parametrize("options", [(), ("-X", "faulthandler")], ids=["no stack", "alternate stack"])
def test_a_signal_is_handled_after_cores_are_released(options: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
