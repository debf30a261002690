"""Published weights, downloaded once into torch.hub's cache."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ..errors import EdgewiseError
from ..images import sha256_of
from ..libraries import Published

PATIENCE_S = 4.0  # for a sign of life, name resolution included: with all the rest, under five seconds
_STALL_S = 30.0  # for the next bytes of a download


def cached_file(published: Published) -> Path:
    """Where torch.hub keeps the file, whether it is there or not."""
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", _file_name(published.url))


def is_at_hand(published: Published) -> bool:
    """Whether the file is cached, or its server offers it within `PATIENCE_S`."""
    if cached_file(published).exists():
        return True
    answered = threading.Event()
    request = Request(_checked(published.url), method="HEAD")  # noqa: S310 - checked

    def ask() -> None:
        with suppress(OSError, HTTPException):
            urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310 - checked
            answered.set()

    # The timeout does not bound the look-up of the name. A thread can be left behind, a call cannot.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return answered.is_set()


def fetch(published: Published) -> Path:
    """The weights file, downloaded where it is not in torch.hub's cache yet.

    Raises:
        EdgewiseError: it cannot be downloaded, or the cached file is not the published one.
    """
    import torch

    path, url, digest = cached_file(published), _checked(published.url), published.sha256
    if not path.exists():
        partial = path.with_name(f"{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _stalling_at_most(_STALL_S):
                torch.hub.download_url_to_file(
                    url, str(partial), digest or None, progress=sys.stderr.isatty()
                )
            _refuse_truncated(partial, digest, path.suffix)
            partial.replace(path)
        except (OSError, HTTPException, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise EdgewiseError(
                f"{published.description}: cannot be downloaded from {url} ({error}); "
                "get that file on a machine that can, and give it by --weights PATH"
            ) from error
    if not sha256_of(path).startswith(digest):
        raise EdgewiseError(f"{path}: is damaged, its sha256 does not start with {digest}; delete it")
    return path


def _file_name(url: str) -> str:
    """The last part of the address, which tells weights apart but for those that a hub calls all alike."""
    path = PurePosixPath(urlsplit(url).path)
    if "resolve" not in path.parts:
        return path.name
    _, owner, repository, *_ = path.parts
    return f"{owner}-{repository}{path.suffix}"


def _refuse_truncated(path: Path, digest: str, suffix: str) -> None:
    """A connection that breaks is not told from one that ends; without a digest the file's header does."""
    if digest or suffix != ".safetensors":
        return
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            return
    except SafetensorError as error:
        raise OSError(f"not whole: {error}") from error


def _checked(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise EdgewiseError(f"{url}: weights are downloaded by http and https alone; give --weights PATH")
    return url


@contextmanager
def _stalling_at_most(seconds: float) -> Iterator[None]:
    """Bound each wait for the network, which torch.hub does not."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
