"""A signal after OpenVINO came and went is a signal, and not the end of the program."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signal stacks are exchanged on Linux")

# Two cores that go in the order in which they came; and one that goes in another thread, and later.
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
end = threading.Thread(target=left.clear)
end.start()
end.join()
gc.collect()
assert interrupted()
"""


@pytest.mark.parametrize("options", [(), ("-X", "faulthandler")], ids=["no stack", "a stack of its own"])
def test_a_signal_finds_its_stack(options: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
