"""Turn errors of ssh into messages with a fix. OpenSSH's messages are always in English."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...models.errors import EdgewiseError

if TYPE_CHECKING:
    from .ssh_address import Address

TRANSPORT = 255  # ssh's own exit code; others are the board's
_NOT_FOUND = 127

_Told = Callable[["Address", str], str]


def _changed_key(address: "Address", said: str) -> str:
    where = f"[{address.host}]:{address.port}" if address.port not in {None, 22} else address.host
    found = re.search(r"ssh-keygen -f .*", said)
    forget = found[0].strip() if found else f"ssh-keygen -R '{where}'"
    return (
        "the board's host key has changed: if the board was reinstalled, run: "
        f"{forget}; otherwise somebody may be intercepting the connection"
    )


_UNREACHABLE = (
    "timed out during banner|Connection timed out|Operation timed out|No route to host|"
    "Network is unreachable|Host is down"
)
_LOST = (
    "Timeout, server|Connection reset|Broken pipe|[Cc]onnection closed|closed by remote host|Read from remote"
)
_KEY_NEEDED = (
    r"Permission denied \(|Too many authentication failures|no mutual signature|sign_and_send_pubkey"
)

# The first that matches the output of ssh, most specific first.
_TOLD: tuple[tuple[str, _Told], ...] = (
    (
        "Could not resolve hostname",
        lambda address, _: (
            f"the host name {address.host} is unknown; find the board's address by running on it: hostname -I"
        ),
    ),
    ("IDENTIFICATION HAS CHANGED|[Oo]ffending .* key", _changed_key),
    (
        "Host key verification failed|No .* host key is known",
        lambda address, _: (
            f"its host key is unknown; connect once and confirm the key by running: {address.command}"
        ),
    ),
    (
        _KEY_NEEDED,
        lambda address, said: (
            f"access denied ({_asked(said)}); install your key by running: "
            f"{address.command_of('ssh-copy-id')}; if it has a passphrase, add it to the agent: ssh-add"
        ),
    ),
    (
        "Connection refused",
        lambda address, _: (
            f"nothing is listening on port {address.port or 22}; enable SSH there by running: "
            "sudo raspi-config nonint do_ssh 0, or use another port"
        ),
    ),
    (
        _UNREACHABLE,
        lambda _, said: f"cannot be reached ({_last(said)}); check that it is on and in this network",
    ),
    (_LOST, lambda _, said: f"the connection was lost ({_last(said)}); check the network and try again"),
)


def transport_error(address: "Address", code: int, said: str, *, ready: bool) -> EdgewiseError:
    """The error for an ssh that exited with `code` and output `said`; `ready` if the board had answered."""
    if code == _NOT_FOUND and not ready:
        told = "has no python3; run there: sudo apt install python3 python3-venv"
    elif code < 0 or (code == TRANSPORT and not said.strip()):
        told = "the connection was lost; check the network and try again"
    elif ready and code != TRANSPORT:
        told = "the connection was lost (the board closed it, or received nothing for too long); try again"
    elif code != TRANSPORT:
        told = f"its Python exited with status {code} ({_last(said)}); run: {address.command} python3 -V"
    else:
        found = (tell(address, said) for pattern, tell in _TOLD if re.search(pattern, said))
        told = next(found, f"ssh fails ({_last(said)}); run: {address.command}")
    return EdgewiseError(f"{address.name}: {told}")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("ssh: ") if lines else "no output"


def _asked(said: str) -> str:
    found = re.search(r"Permission denied \(([^)]*)\)", said)
    return f"it accepts {found[1]}" if found else _last(said)
