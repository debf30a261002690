"""Starts commands as forks of a process that has imported their libraries, for `kills.py`.

A fresh process spends most of its seconds on imports, in which a kill meets nothing. What forks here imports
modules and does nothing else with them: no session runs and no thread exists before the fork but those of
OpenBLAS, which can be forked. The child leaves the server's loop and runs the text after `-c` at the top of
the module `__main__`, with the streams, the arguments and the session of a process of its own, and ends as
the interpreter ends.
"""

import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from edgewise.export.engines import unreported

_POLL_S = 0.002
_LARGEST = 1 << 16  # bytes of a request: a program and its arguments
_WITH_OPENBLAS = {"numpy", "scipy.linalg"}  # one each
_SERVE = """
import sys
sys.path.insert(0, {folder!r})
from kills_server import serve
del sys.path[0]
exec(serve({descriptor}))
"""
_NOTE = """
def note():
    import json, pathlib, sys
    kept = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.name == name and not str(spec.origin).startswith({own!r}):
            kept.append(name)
    pathlib.Path({path!r}).write_text(json.dumps(kept))
import atexit
atexit.register(note)
del atexit, note
"""


class Server:
    """Forks commands from a process that has imported `modules`, with these variables of the environment."""

    def __init__(self, modules: Sequence[str], environment: dict[str, str]) -> None:
        self._end, other = socket.socketpair()
        with other:
            code = _SERVE.format(folder=str(Path(__file__).parent), descriptor=other.fileno())
            self._child = subprocess.Popen(
                (sys.executable, "-c", code), env=environment, pass_fds=[other.fileno()]
            )
        _send(self._end, list(modules))
        _received(self._end)  # once it has imported them

    def start(self, command: Sequence[str], out: IO[str], err: IO[str]) -> "Forked":
        """Start a command `(sys.executable, "-c", code, *arguments)` with these streams."""
        assert command[:2] == (sys.executable, "-c")  # noqa: S101 - what a fork can be
        request = json.dumps(["start", *command[2:]]).encode()
        socket.send_fds(self._end, [request], [out.fileno(), err.fileno()])
        return Forked(self, _received(self._end)[0])

    def poll(self, pid: int) -> int | None:
        """The exit code of a child that has ended, as `Popen.returncode` has it."""
        _send(self._end, ["poll", pid])
        found = _received(self._end)[0]
        return None if found is None else int(found)

    def stop(self) -> None:
        """End the server."""
        self._end.close()
        self._child.wait()


class Forked:
    """A command that the server has started: a part of what `subprocess.Popen` has."""

    def __init__(self, server: Server, pid: int) -> None:
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.poll(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(_POLL_S)
        return code


Process: TypeAlias = "subprocess.Popen[str] | Forked"


def noting(command: Sequence[str], path: Path) -> tuple[str, ...]:
    """The command, which writes the names of its modules in the end, without those that lie beside `path`."""
    note = _NOTE.format(path=str(path), own=str(path.parent))
    return (*command[:2], f"{note}\n{command[2]}", *command[3:])


def serve(descriptor: int) -> str:
    """Fork a process for each request; return the code to run in a child, and never in the server."""
    end = socket.socket(fileno=descriptor)
    names = [str(name) for name in _received(end)]
    for name in _WITH_OPENBLAS & {*names}:
        importlib.import_module(name)
    before = _threads()  # those of OpenBLAS, which ends them before each fork
    for name in names:
        if name not in sys.modules:
            with unreported(), suppress(Exception):  # made by other modules, or not for this machine
                importlib.import_module(name)
            if _threads() > before:
                sys.exit(f"{name} starts a thread when it is imported, and what has threads must not fork")
    gc.freeze()  # or each child copies what it looks at
    _send(end, [os.getpid()])
    while True:
        text, streams, _, _ = socket.recv_fds(end, _LARGEST, 2)
        if not text:
            os._exit(0)
        what, *words = json.loads(text.rstrip(b"\0"))
        if what == "poll":
            pid, status = os.waitpid(words[0], os.WNOHANG)
            _send(end, [os.waitstatus_to_exitcode(status) if pid else None])
            continue
        code = _forked(end, streams, words)
        if code is not None:
            return code


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _forked(end: socket.socket, streams: Sequence[int], words: list[str]) -> str | None:
    """In the child, once it is like a fresh process, the code; in the server None."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with os.fdopen(reading) as ready:
            ready.read()  # until it leads a session: before that, its group cannot be killed
        for stream in streams:
            os.close(stream)
        _send(end, [pid])
        return None
    os.setsid()
    end.close()
    for stream, target in zip(streams, (1, 2), strict=True):
        os.dup2(stream, target)
        os.close(stream)
    os.close(reading)
    os.close(writing)
    gc.unfreeze()
    tempfile.tempdir = None
    sys.argv = ["-c", *words[1:]]
    return words[0]


def _send(end: socket.socket, content: Sequence[object]) -> None:
    end.sendall(json.dumps([*content]).encode() + b"\0")


def _received(end: socket.socket) -> list[Any]:
    text = b""
    while not text.endswith(b"\0"):
        more = end.recv(_LARGEST)
        if not more:
            raise EOFError("the other end is gone")
        text += more
    found: list[Any] = json.loads(text[:-1])
    return found
