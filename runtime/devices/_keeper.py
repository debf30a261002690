"""The board's end of a connection: this source is sent through SSH to the board's own Python first.

It keeps a temporary folder for as long as the connection lasts, stores files there and runs programs. Orders
come on stdin, one JSON object per line, and empty lines as keep-alives:

    {"patience_s": 60}                                           the first order; answered by "ready"
    {"do": "store", "name": "a/b.tflite", "size_bytes": 3}       the bytes follow
    {"do": "run", "command": [..], "environment": {..}, "input": ".."}      answered by "ended"

What a program prints goes directly to stdout; answers are lines there that begin with {"keeper": ...}. When
the connection ends, or is silent for longer than `patience_s`, the program and all its children are killed
and the folder is removed. A keeper that is itself killed leaves its folder behind; the next one removes it.

It must run on any board: Python 3.9, and a kernel without pidfd_open, which Linux has since 5.3.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_PREFIX = "edgewise-board-"  # only for these folders: leftovers with it are removed
_CHUNK = 1 << 16
_TOLD = 4000  # characters of a program's last output


class GoneError(Exception):
    """The connection has ended."""


class Keeper:
    """The folder and the operations in it."""

    def __init__(self, folder: Path, patience_s: int) -> None:
        self.folder, self._patience_s = folder, patience_s
        self._orders = sys.stdin.buffer

    def order(self) -> dict[str, Any]:
        """The next order.

        Raises:
            GoneError: the connection ended, or there was no keep-alive.
        """
        line = b"\n"
        while line == b"\n":
            signal.alarm(self._patience_s)
            line = self._orders.readline()
        signal.alarm(0)
        if not line.endswith(b"\n"):
            raise GoneError
        order: dict[str, Any] = json.loads(line)
        return order

    def store(self, name: str, size_bytes: int) -> None:
        """Store a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while size_bytes:
                signal.alarm(self._patience_s)
                chunk = self._orders.read(min(size_bytes, _CHUNK))
                if not chunk:
                    raise GoneError
                file.write(chunk)
                size_bytes -= len(chunk)
        signal.alarm(0)

    def run(self, command: list[str], environment: dict[str, str], input: str) -> None:  # noqa: A002 - the order's key
        """Run a program in the folder until it ends or the connection does."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(input.encode())
            given.seek(0)
            program = subprocess.Popen(  # noqa: S603 - the purpose of the keeper
                command,
                cwd=self.folder,
                env=os.environ | environment,
                stdin=given,
                stderr=said,
                start_new_session=True,
            )
            try:
                self._watch(program.pid)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)  # before its id can be reused
                program.wait()
            said.seek(max(0, said.seek(0, os.SEEK_END) - _TOLD))
            say("ended", code=program.returncode, stderr=said.read().decode(errors="replace"))

    def _watch(self, program: int) -> None:
        """Sleep until the program ends, waking only for keep-alives, because any wake-up disturbs it."""
        ending, told = os.pipe()
        threading.Thread(target=_wait_for, args=(program, told), daemon=True).start()
        try:
            while True:
                ready, _, _ = select.select([0, ending], [], [], self._patience_s)
                if ending in ready:
                    return
                if not ready or not os.read(0, _CHUNK):
                    raise GoneError
        finally:
            os.close(ending)


def _wait_for(program: int, told: int) -> None:
    """Close `told` when the program has ended, and leave its exit status to others."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, program, os.WEXITED | os.WNOWAIT)
    os.close(told)


def say(answer: str, **fields: Any) -> None:
    """Answer on a new line: a program may have died in the middle of one."""
    sys.stdout.write("\n" + json.dumps({"keeper": answer} | fields) + "\n")
    sys.stdout.flush()


def place() -> tuple[Path, int]:
    """Create and lock a new folder; remove those of dead keepers."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # owned by another user, or in use
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
    new = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    lock = os.open(new, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return new.rename(new.with_name(new.name[1:])), lock  # invisible until it is locked


def leave(number: int, frame: object) -> None:
    """Handle a signal."""
    del number, frame
    raise GoneError


def main() -> None:
    """Execute orders until the connection ends."""
    for number in (signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    patience_s = json.loads(sys.stdin.buffer.readline())["patience_s"]
    folder, _ = place()
    try:
        say("ready", folder=str(folder), free_bytes=shutil.disk_usage(folder).free)
        keeper = Keeper(folder, patience_s)
        while True:
            order = keeper.order()
            getattr(keeper, order.pop("do"))(**order)
    except OSError as error:
        with suppress(OSError):  # the connection may be gone
            say("failed", errno=error.errno, message=f"{error.strerror} ({error.filename or 'connection'})")
    except GoneError:
        pass
    finally:
        for number in (signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
