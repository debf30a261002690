"""Forks the children that look at model files, for `fuzz_children.py`: to start one takes a second.

They come from a process of their own that has imported everything and never opened a model. A process whose
engine has threads must not fork: its child may wait forever for a lock that a thread held.
"""

import importlib
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from edgewise.runtime.child import ChildDiedError, ending

MOST_BYTES = 4 << 30  # above it is counted as memory
LARGEST_BYTES = 12 << 30  # above it is refused by the system
_LIMIT_S = 45  # of the processor's time

_running: list[int] = []
_ends: list[Connection] = []


class MemoryExcessError(Exception):
    """A child took more than `MOST_BYTES`."""


def start() -> None:
    """Start the server; it ends with this process and its children."""
    client, served = Pipe()
    pid = os.fork()
    if pid == 0:
        client.close()
        _serve(served)
    served.close()
    _running.append(pid)
    _ends.append(client)


def renew() -> None:
    """Start another server in place of one that may be busy, if there is one."""
    if _running:
        stop()
        start()


def _serve(requests: Connection) -> NoReturn:
    try:
        os.setpgid(0, 0)
        while True:
            requests.send(_looked(*requests.recv()))
    except EOFError:
        os._exit(0)
    finally:
        os._exit(1)


def stop() -> None:
    """End it, and what it works for."""
    _ends.pop().close()
    pid = _running.pop()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def ask(module: str, *arguments: str, timeout_s: float = _LIMIT_S) -> Any:
    """As `edgewise.runtime.child.ask`, by a child of the server."""
    del timeout_s  # longer than a mutant may take
    _ends[0].send((module, arguments))
    code, text, most_bytes = _ends[0].recv()
    if most_bytes > MOST_BYTES:
        raise MemoryExcessError(f"{most_bytes / (1 << 30):.1f} GiB in {module}")
    if code:
        raise ChildDiedError(ending(code))
    return json.loads(text, parse_constant=lambda _: None)


def _looked(module: str, arguments: tuple[str, ...]) -> tuple[int, str, int]:
    """The exit code of a child, its answer, and the most bytes that it took."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (_LIMIT_S, _LIMIT_S))
            resource.setrlimit(resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor, target in ((nowhere, 0), (writing, 1), (nowhere, 2)):
                os.dup2(descriptor, target)
            sys.argv = [module, *arguments]
            importlib.import_module(module).main()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as answer:
        text = answer.read()
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), text, usage.ru_maxrss * 1024
