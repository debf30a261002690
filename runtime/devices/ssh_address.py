"""A board by its address, 'ssh://pi@raspberrypi:22': who and where, as ssh takes it."""

import re
import shlex
from dataclasses import dataclass

from ...models.errors import UsageError

# Nothing that ssh, a shell on the way or a proxy's command line could take for something else.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_ADDRESS = re.compile(
    rf"ssh://(?:(?P<user>{_NAME})@)?(?:(?P<host>{_NAME})|\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%{_NAME})?)\])"
    r"(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """What is not named is left to the user's ssh config."""

    name: str
    user: str | None
    host: str
    port: int | None

    @property
    def arguments(self) -> list[str]:
        """For ssh; the last one is the host."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*user, *port, "--", self.host]

    @property
    def command(self) -> str:
        """What a person types to get there."""
        return self.command_of("ssh")

    def command_of(self, program: str) -> str:
        """The same with a program of ssh's family."""
        port = f"-p {self.port} " if self.port else ""
        return f"{program} {port}{shlex.quote(f'{self.user}@{self.host}' if self.user else self.host)}"


def parse(name: str) -> Address:
    """What a user calls a board.

    Raises:
        UsageError: it is no address.
    """
    found = _ADDRESS.fullmatch(name)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or not (port is None or 0 < port < 1 << 16):
        raise UsageError(
            f"{name!r} is no address of a board; write ssh://pi@raspberrypi or ssh://pi@192.168.1.7:22; "
            "passwords are not taken, but keys"
        )
    return Address(name, found["user"], found["host"] or found["ipv6"], port)
