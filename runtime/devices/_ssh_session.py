"""One run of the system's ssh, as a pair of pipes to a command on the board.

The user's ssh config, agent and jump hosts count; host keys are always checked.
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
    "BatchMode": "yes",  # ask nobody anything
    "ConnectTimeout": 10,
    "ServerAliveInterval": 5,
    "ServerAliveCountMax": 3,
    "ControlMaster": "no",  # a master of the user's is used, but this one is never a master for others
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "RequestTTY": "no",
    "LogLevel": "INFO",  # less leaves out how a connection ended
}
_BEAT_S = 5.0
_LEAVE_S = 15.0  # for the board to tidy up


class SshSession:
    """An ssh that runs `command`, one word for every shell, on the board."""

    def __init__(self, address: Address, command: str) -> None:
        program = shutil.which("ssh")
        if program is None:
            raise EdgewiseError("ssh is not installed here; run: sudo apt install openssh-client")
        options = [part for key, value in _OPTIONS.items() for part in ("-o", f"{key}={value}")]
        self.address, self.ready = address, False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        # A process group of its own: Ctrl-C is for us, who then end it in good order.
        self._ssh = subprocess.Popen(  # noqa: S603 - the address is checked, and comes after "--"
            [program, *options, *address.arguments, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        self._in, self._out = cast("tuple[IO[bytes], IO[bytes]]", (self._ssh.stdin, self._ssh.stdout))
        self._writing, self._ended = threading.Lock(), threading.Event()

    def close(self) -> None:
        """End it, which the board notices and tidies up."""
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
        """Raises OSError where nobody takes it."""
        with self._writing:
            self._in.write(data)
            self._in.flush()

    def lines(self) -> Iterator[str]:
        """What comes back, but for empty lines and for one that could not be finished."""
        for line in self._out:
            if line.endswith(b"\n") and line.strip():
                yield line.decode(errors="replace").rstrip()

    def lost(self) -> EdgewiseError:
        """Why there is no more; `ready` is whether the board had answered before."""
        code = self._ssh.wait()
        self._said.seek(0)
        return transport_error(
            self.address, code, self._said.read().decode(errors="replace"), ready=self.ready
        )

    def keep_alive(self) -> None:
        """Send empty lines from now on, so that the board too notices a connection that died."""
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        with suppress(OSError, ValueError):  # it is closed
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
