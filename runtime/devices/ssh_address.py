"""The address of a board, 'ssh://pi@raspberrypi:22', as arguments for ssh."""

import re
import shlex
from dataclasses import dataclass

from ...models.errors import UsageError

# Nothing that ssh, a shell or a proxy command could misinterpret.
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_ADDRESS = re.compile(
    rf"ssh://(?:(?P<user>{_NAME})@)?(?:(?P<host>{_NAME})|\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%{_NAME})?)\])"
    r"(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Parts that are missing are left to the user's ssh config."""

    name: str
    user: str | None
    host: str
    port: int | None

    @property
    def arguments(self) -> list[str]:
        """The arguments for ssh; the last one is the host."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*user, *port, "--", self.host]

    @property
    def command(self) -> str:
        """The command that a person types to connect."""
        return self.command_of("ssh")

    def command_of(self, program: str) -> str:
        """The same with another program, such as ssh-copy-id."""
        port = f"-p {self.port} " if self.port else ""
        return f"{program} {port}{shlex.quote(f'{self.user}@{self.host}' if self.user else self.host)}"


def parse(name: str) -> Address:
    """Parse the address of a board.

    Raises:
        UsageError: it is not an address.
    """
    found = _ADDRESS.fullmatch(name)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or not (port is None or 0 < port < 1 << 16):
        raise UsageError(
            f"{name!r} is not the address of a board; write ssh://pi@raspberrypi or ssh://pi@192.168.1.7:22 "
            "and log in with a key, not a password"
        )
    return Address(name, found["user"], found["host"] or found["ipv6"], port)
