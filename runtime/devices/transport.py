"""A connection to a board: an ssh session with a `_keeper` at the other end.

Everything goes through this one session, including files: nothing has to be quoted for a shell, and when the
session ends, for whatever reason, the keeper cleans up.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, Self

from ...models.errors import EdgewiseError
from ...models.printable import printable
from ..child import ending
from ._ssh_session import SshSession
from .ssh_address import Address

PYTHON = (3, 9)  # for the keeper; the engines need a newer one, see `board`

_KEEPER = Path(__file__).with_name("_keeper.py")
_HELLO = "edgewise-board"
# Inside single quotes, bash, zsh, fish and csh all pass it unchanged.
_BOOT = f'import sys;print("{_HELLO}",*sys.version_info[:3]);exec(eval(sys.stdin.buffer.readline()))'
_ANSWER = '{"keeper": '
_ANSWER_S = 60.0  # timeout for the first answer after login
_PATIENCE_S = 45  # for the board, with keep-alives every few seconds


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program on the board ended; `code` is negative for a signal."""

    code: int
    stderr: str

    @property
    def words(self) -> str:
        """Its last output, or the signal."""
        lines = [printable(line.strip()) for line in self.stderr.splitlines() if line.strip()]
        return ending(self.code) if self.code < 0 or not lines else lines[-1]


class Board:
    """A connected board; `folder` is its temporary folder, which is removed with the connection.

    Raises:
        EdgewiseError: on entry, why it cannot be used; later, why the connection ended.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._session = SshSession(address, f"exec python3 -uc '{_BOOT}'")

    def __enter__(self) -> Self:
        try:
            with self._session.at_most(_ANSWER_S):
                self._greet()
                ready = self._answer()
        except BaseException:
            self._session.close()
            raise
        self.folder: str = ready["folder"]
        self.free_bytes: int = ready["free_bytes"]
        self._session.ready = True
        self._session.keep_alive()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def store(self, name: str, content: bytes | Path) -> None:
        """Copy a file into the folder; `name` is relative to it."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        self._send(_line({"do": "store", "name": name, "size_bytes": len(data)}) + data)

    def run(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Generator[str, None, Ended]:
        """Run a program in the folder and yield each line that it prints; return how it ended."""
        order = {"command": [*command], "environment": {**(environment or {})}, "input": stdin}
        self._send(_line({"do": "run"} | order))
        for line in self._session.lines():
            if line.startswith(_ANSWER):
                answer = self._read(line)
                return Ended(answer["code"], answer["stderr"])
            yield line
        raise self._session.lost()

    def call(
        self,
        purpose: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> list[str]:
        """Run a program that must succeed and return its output; `tell` gets each line immediately.

        Raises:
            EdgewiseError: the program fails; the message contains `purpose`.
        """
        lines, running = [], self.run(command, environment)
        while True:
            try:
                lines.append(next(running))
            except StopIteration as stop:
                ended: Ended = stop.value
                break
            tell(lines[-1])
        if ended.code:
            raise EdgewiseError(f"{self.address.name}: cannot {purpose} ({ended.words})")
        return lines

    def _greet(self) -> None:
        """Wait for the board's Python, ignoring earlier output of the shell, and start the keeper in it."""
        for line in self._session.lines():
            if line.startswith(_HELLO):
                break
        else:
            raise self._session.lost()
        python = tuple(map(int, line.split()[1:]))
        if python[:2] < PYTHON:
            raise EdgewiseError(
                f"{self.address.name}: its python3 is {'.'.join(map(str, python))}, but needs to be "
                f"{'.'.join(map(str, PYTHON))} or newer; install a newer system, such as Debian 12, "
                "Ubuntu 22.04, Raspberry Pi OS bookworm or JetPack 6"
            )
        source = ascii(_KEEPER.read_text("utf-8"))
        self._send(f"{source}\n".encode() + _line({"patience_s": _PATIENCE_S}))

    def _answer(self) -> dict[str, Any]:
        for line in self._session.lines():
            if line.startswith(_ANSWER):
                return self._read(line)
        raise self._session.lost()

    def _read(self, line: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(line)
        if answer["keeper"] != "failed":
            return answer
        if answer["errno"] in {ENOSPC, EDQUOT}:
            raise EdgewiseError(
                f"{self.address.name}: no space left on the board ({answer['message']}); free some space"
            )
        raise EdgewiseError(f"{self.address.name}: the board reported an error ({answer['message']})")

    def _send(self, data: bytes) -> None:
        try:
            self._session.send(data)
        except OSError:
            self._answer()  # raises with the board's last message
            raise self._session.lost() from None


def _line(order: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(order)}\n".encode()
