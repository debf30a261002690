"""Downloads published weights once, into torch.hub's cache."""

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
from ..files import replacing_file
from ..images import sha256_of
from ..libraries import Published
from .packaged import alternatives

PATIENCE_S = 4.0  # timeout for a first response, including name resolution: under five seconds in total
_STALL_S = 30.0  # timeout for the next bytes of a download


def cached_file(published: Published) -> Path:
    """The path of the file in torch.hub's cache, whether it exists or not."""
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", _file_name(published.url))


def is_at_hand(published: Published) -> bool:
    """Whether the file is cached, or its server confirms it within `PATIENCE_S`."""
    if cached_file(published).exists():
        return True
    answered = threading.Event()
    request = Request(_checked(published.url), method="HEAD")  # noqa: S310 - checked

    def ask() -> None:
        with suppress(OSError, HTTPException):
            urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310 - checked
            answered.set()

    # The timeout does not cover name resolution; a thread can be abandoned, a blocking call cannot.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return answered.is_set()


def fetch(published: Published) -> Path:
    """The weights file, downloaded unless it is already in torch.hub's cache.

    Raises:
        EdgewiseError: it cannot be downloaded, or the cached file does not match the published checksum.
    """
    import torch

    path, url, digest = cached_file(published), _checked(published.url), published.sha256
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing_file(path) as partial, _stalling_at_most(_STALL_S):
                torch.hub.download_url_to_file(
                    url, str(partial), digest or None, progress=sys.stderr.isatty()
                )
                _refuse_truncated(partial, digest, path.suffix)
        except (OSError, HTTPException, RuntimeError) as error:
            raise EdgewiseError(
                f"{published.description}: cannot be downloaded from {url} ({error}); "
                f"download it on another machine, and pass it with --weights PATH; {alternatives()}"
            ) from error
    if not sha256_of(path).startswith(digest):
        raise EdgewiseError(f"{path}: is damaged (its sha256 does not start with {digest}); delete it")
    return path


def _file_name(url: str) -> str:
    """The last part of the URL, or owner and repository on a hub where all files have the same name."""
    path = PurePosixPath(urlsplit(url).path)
    if "resolve" not in path.parts:
        return path.name
    _, owner, repository, *_ = path.parts
    return f"{owner}-{repository}{path.suffix}"


def _refuse_truncated(path: Path, digest: str, suffix: str) -> None:
    """Check the file's header if there is no digest: a broken connection looks like a finished one."""
    if digest or suffix != ".safetensors":
        return
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            return
    except SafetensorError as error:
        raise OSError(f"incomplete: {error}") from error


def _checked(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise EdgewiseError(f"{url}: weights are only downloaded over http and https; pass --weights PATH")
    return url


@contextmanager
def _stalling_at_most(seconds: float) -> Iterator[None]:
    """Set a timeout for each read from the network, which torch.hub does not do."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
