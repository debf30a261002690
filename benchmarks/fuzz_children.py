"""Runs what may end badly in children of a process that has imported everything, for `fuzz.py`.

A child either calls the function that a command calls, with the product's own children forked, too (see
`fuzz_server.py`), or it starts the program, which starts its children.
"""

import faulthandler
import gc
import importlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NoReturn, TypeAlias

import fuzz_server as server
from fuzz_server import LARGEST_BYTES, MOST_BYTES, MemoryExcessError

from edgewise.models.errors import EdgewiseError
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime import probe
from edgewise.runtime.child import ending
from edgewise.runtime.judge import evaluation

KINDS = ("success", "clean error", "wrong answer", "traceback", "crash", "hang", "memory")
GOOD = KINDS[:2]
LIMIT_S = 60.0  # on an idle machine; as much longer as others keep it busy
_FIRST_CODE = 10  # of the child for KINDS
_TELL_S = 0.5
_PROGRAM = (sys.executable, "-c", "from edgewise.cli.main import main; main()")
Case: TypeAlias = Callable[[], None]


class EndError(Exception):
    """An end that is no error of edgewise: one of KINDS, and what was said."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


def preload_torch() -> None:
    """Import what checkpoints need, too."""
    for name in ("torch", "safetensors.torch", "torchvision.models", "edgewise.models.weights"):
        importlib.import_module(name)
    gc.freeze()


def preload() -> None:
    """Import what children need; none of it starts threads before it is used."""
    for name in ("ai_edge_litert.interpreter", "onnxruntime", "onnx", "openvino", "PIL.Image", "jinja2"):
        importlib.import_module(name)
    for name in ("figure", "backends.backend_agg", "backends.backend_svg"):
        importlib.import_module(f"matplotlib.{name}")
    for name in ("compare", "gate", "inspection", "reporting", "verify"):
        importlib.import_module(f"edgewise.pipeline.{name}")
    for name in ("android", "classifier"):
        importlib.import_module(f"edgewise.runtime.{name}")
    for name in ("tflite", "onnx", "openvino"):
        for part in ("session", "structure"):
            importlib.import_module(f"edgewise.runtime.{name}.{part}")
    from PIL import Image

    Image.init()
    vars(evaluation)["dead_leaves"] = cache(dead_leaves)  # the same pictures for each mutant
    server.start()
    vars(probe)["ask"] = server.ask
    gc.freeze()  # or each child copies what it looks at


def forked(case: Case) -> tuple[str, str]:
    """How `case` ends in a child process, one of KINDS, and what it says."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        pid = os.fork()
        if pid == 0:
            _be_child(case, said.fileno())
        end = time.monotonic() + LIMIT_S * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))
        done, status, usage = os.wait4(pid, os.WNOHANG)
        while not done and time.monotonic() < end:
            time.sleep(0.002)
            done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            os.kill(pid, signal.SIGUSR1)  # it says where it is
            time.sleep(_TELL_S)
        with suppress(ProcessLookupError):  # what it may have started lives in its group
            os.killpg(pid, signal.SIGKILL)
        if not done:
            os.wait4(pid, 0)
        said.seek(0)
        told = said.read()
    if not done:
        server.renew()  # it may still work for what was killed
        return "hang", f"longer than {LIMIT_S:g} s\n{told}"
    if usage.ru_maxrss * 1024 > MOST_BYTES:
        return "memory", f"{usage.ru_maxrss / (1 << 20):.1f} GiB\n{told}"
    code = os.waitstatus_to_exitcode(status)
    if _FIRST_CODE <= code < _FIRST_CODE + len(KINDS):
        return KINDS[code - _FIRST_CODE], told
    return "crash", told or ending(code)


def command(*arguments: str) -> None:
    """Run the program itself, and raise what it ends with."""
    done = subprocess.run(
        (*_PROGRAM, *arguments), capture_output=True, text=True, errors="replace", check=False
    )
    said = f"{done.stdout}{done.stderr}"
    if done.returncode < 0:
        raise EndError("crash", f"{ending(done.returncode)}\n{said}")
    if "Traceback (most recent" in said or "edgewise: unexpected" in said:
        raise EndError("traceback", said)
    if any(unicodedata.category(letter) == "Cc" for letter in said if letter not in "\n\t"):
        raise EndError("wrong answer", f"control characters in {said!a}")
    if done.returncode:
        complaint = done.stderr.rstrip().rpartition("\n")[2]
        if not complaint.startswith("edgewise: "):
            raise EndError("traceback", f"status {done.returncode} without a complaint: {said}")
        raise EdgewiseError(complaint)


def _be_child(case: Case, said: int) -> NoReturn:
    kind, told = "traceback", ""
    try:
        os.setpgid(0, 0)
        faulthandler.disable()  # or what is enabled already, and replaced by a library, is not enabled again
        faulthandler.enable(said, all_threads=False)
        faulthandler.register(signal.SIGUSR1, said, all_threads=True)
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        case()
        kind = "success"
    except EdgewiseError as error:
        kind, told = "clean error", f"{type(error).__name__}: {str(error)[:300]}"
    except MemoryExcessError as error:
        kind, told = "memory", str(error)
    except EndError as error:
        kind, told = error.kind, str(error)[-3000:]
    except BaseException:  # noqa: BLE001 - what else it is, is the result
        told = traceback.format_exc()[-3000:]
    finally:
        os.write(said, told.encode("utf-8", "replace"))
        os._exit(_FIRST_CODE + KINDS.index(kind))
