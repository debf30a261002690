"""One process of the system's ssh, as a pair of pipes to a command on the board.

It uses the user's ssh config, agent and jump hosts; host keys are always checked.
"""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from ...models.errors import EdgewiseError
from ._ssh_errors import transport_error
from .ssh_address import Address

_OPTIONS = {
    "BatchMode": "yes",  # no prompts
    "ConnectTimeout": 10,
    "ServerAliveInterval": 5,
    "ServerAliveCountMax": 3,
    "ControlMaster": "no",  # use the user's master, but never become one
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "RequestTTY": "no",
    "LogLevel": "INFO",  # lower levels do not log how a connection ended
}
_BEAT_S = 5.0
_LEAVE_S = 15.0  # time for the board to clean up


class SshSession:
    """An ssh process that runs `command`, a single word in any shell, on the board."""

    def __init__(self, address: Address, command: str) -> None:
        program = shutil.which("ssh")
        if program is None:
            raise EdgewiseError("ssh is not installed here; run: sudo apt install openssh-client")
        options = [part for key, value in _OPTIONS.items() for part in ("-o", f"{key}={value}")]
        self.address, self.ready = address, False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        # In a separate process group: Ctrl-C reaches only us, and we end it in an orderly way.
        self._ssh = subprocess.Popen(  # noqa: S603 - the address is checked and follows "--"
            [program, *options, *address.arguments, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        self._in, self._out = cast("tuple[IO[bytes], IO[bytes]]", (self._ssh.stdin, self._ssh.stdout))
        self._writing, self._ended = threading.Lock(), threading.Event()

    def close(self) -> None:
        """End it; the board notices and cleans up."""
        self._ended.set()
        with suppress(OSError), self._writing:
            self._in.close()
        try:
            self._ssh.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        self._out.close()
        self._said.close()

    def send(self, data: bytes) -> None:
        """Send `data`; raises OSError if the connection is closed."""
        with self._writing:
            self._in.write(data)
            self._in.flush()

    def lines(self) -> Iterator[str]:
        """The lines received, without empty ones and an incomplete last one."""
        for line in self._out:
            if line.endswith(b"\n") and line.strip():
                yield line.decode(errors="replace").rstrip()

    def lost(self) -> EdgewiseError:
        """The error that ended the connection."""
        code = self._ssh.wait()
        self._said.seek(0)
        return transport_error(
            self.address, code, self._said.read().decode(errors="replace"), ready=self.ready
        )

    def keep_alive(self) -> None:
        """Send empty lines from now on, so that the board notices a dead connection too."""
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        with suppress(OSError, ValueError):  # the connection is closed
            while not self._ended.wait(_BEAT_S):
                self.send(b"\n")

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """End it if the block takes longer."""
        timer = threading.Timer(seconds, self._ssh.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
