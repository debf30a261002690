"""What ssh says when it fails, in words that tell the mend. OpenSSH speaks English alone."""

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
        "the board's host key is not the one that is known: either it was installed anew, then run: "
        f"{forget}; or somebody stands between"
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

# The first that fits what ssh said, from the most telling on.
_TOLD: tuple[tuple[str, _Told], ...] = (
    (
        "Could not resolve hostname",
        lambda address, _: (
            f"no host is called {address.host} here; find the board's address by running on it: hostname -I"
        ),
    ),
    ("IDENTIFICATION HAS CHANGED|[Oo]ffending .* key", _changed_key),
    (
        "Host key verification failed|No .* host key is known",
        lambda address, _: (
            f"its host key is not known here; compare it with the board's once, by running: {address.command}"
        ),
    ),
    (
        _KEY_NEEDED,
        lambda address, said: (
            f"it does not let us in ({_asked(said)}); give it your key by running: "
            f"{address.command_of('ssh-copy-id')}, and the agent one that has a passphrase: ssh-add"
        ),
    ),
    (
        "Connection refused",
        lambda address, _: (
            f"nothing listens at its port {address.port or 22}; turn SSH on there by running: "
            "sudo raspi-config nonint do_ssh 0, or name another port"
        ),
    ),
    (
        _UNREACHABLE,
        lambda _, said: f"cannot be reached ({_last(said)}); see whether it is on, and in this network",
    ),
    (_LOST, lambda _, said: f"the connection was lost ({_last(said)}); see to the network and try again"),
)


def transport_error(address: "Address", code: int, said: str, *, ready: bool) -> EdgewiseError:
    """Why ssh ended with `code` and these words; `ready` is whether the board had answered before."""
    if code == _NOT_FOUND and not ready:
        told = "has no python3; run there: sudo apt install python3 python3-venv"
    elif code < 0 or (code == TRANSPORT and not said.strip()):
        told = "the connection was lost; see to the network and try again"
    elif ready and code != TRANSPORT:
        told = "the connection was lost (the board ended it, or heard nothing for too long); try again"
    elif code != TRANSPORT:
        told = f"its Python ended with status {code} ({_last(said)}); run: {address.command} python3 -V"
    else:
        found = (tell(address, said) for pattern, tell in _TOLD if re.search(pattern, said))
        told = next(found, f"ssh fails ({_last(said)}); run: {address.command}")
    return EdgewiseError(f"{address.name}: {told}")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("ssh: ") if lines else "it said nothing"


def _asked(said: str) -> str:
    found = re.search(r"Permission denied \(([^)]*)\)", said)
    return f"it takes {found[1]}" if found else _last(said)
