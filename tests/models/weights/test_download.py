"""Downloading published weights from a real server into a real cache."""

import hashlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from edgewise.models.errors import EdgewiseError
from edgewise.models.libraries import Published
from edgewise.models.spec import Preprocess
from edgewise.models.weights import download as _download

Publish = Callable[[str], Published]
Serve = Callable[..., str]
Patch = pytest.MonkeyPatch


def hub(url: str) -> Published:
    """Weights without a known digest."""
    return Published("hub net", url, "", Preprocess())


def test_the_file_is_downloaded_once(
    publish: Publish, serve: Serve, asked: list[str], tmp_path: Path
) -> None:
    published = publish(serve(b"weights"))
    path = _download.fetch(published)
    assert path.read_bytes() == b"weights"
    assert path.is_relative_to(tmp_path / "torch")
    assert _download.fetch(published) == _download.cached_file(published) == path
    assert asked == [f"GET /{path.name}"]


def test_availability(publish: Publish, serve: Serve, asked: list[str], published: Published) -> None:
    assert not _download.is_at_hand(published)
    assert not _download.is_at_hand(publish(serve(b"").replace("net", "gone")))
    published = publish(serve(b"weights"))
    assert _download.is_at_hand(published)
    _download.fetch(published)
    assert _download.is_at_hand(published)
    assert [line.split()[0] for line in asked] == ["HEAD", "HEAD", "GET"]  # the cached one needs no server


def test_proxies_are_used(publish: Publish, serve: Serve, asked: list[str], monkeypatch: Patch) -> None:
    name = Path(serve(b"weights")).name
    monkeypatch.setenv("http_proxy", serve(b"weights").removesuffix(f"/{name}"))
    published = publish(f"http://weights.invalid/{name}")  # no such host: RFC 6761
    assert _download.is_at_hand(published)
    assert _download.fetch(published).read_bytes() == b"weights"
    assert asked == [f"HEAD http://weights.invalid/{name}", f"GET http://weights.invalid/{name}"]


def test_a_server_that_never_responds_times_out(publish: Publish, monkeypatch: Patch) -> None:
    monkeypatch.setattr(_download, "PATIENCE_S", 0.2)
    monkeypatch.setattr(_download, "_STALL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        published = publish(f"http://127.0.0.1:{silent.getsockname()[1]}/net-0.pth")
        assert not _download.is_at_hand(published)
        with pytest.raises(EdgewiseError, match=r"cannot be downloaded .*timed out"):
            _download.fetch(published)
    assert socket.getdefaulttimeout() is None


def test_a_name_server_that_never_responds_times_out(published: Published, monkeypatch: Patch) -> None:
    monkeypatch.setattr(_download, "PATIENCE_S", 0.2)
    test_is_over = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        test_is_over.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert not _download.is_at_hand(published)
    test_is_over.set()


def test_the_timeout_is_less_than_five_seconds() -> None:
    assert 1 < _download.PATIENCE_S < 5


def test_without_a_network_the_error_suggests_a_file(published: Published) -> None:
    said = (
        r"MobileNet_V2_Weights\.IMAGENET1K_V2: cannot be downloaded from http.* pass it with --weights PATH"
    )
    with pytest.raises(EdgewiseError, match=said):
        _download.fetch(published)


def test_a_file_with_the_wrong_checksum_is_not_kept(publish: Publish, serve: Serve) -> None:
    published = publish(serve(b"other weights", "net-00000000.pth"))
    with pytest.raises(EdgewiseError, match=r"cannot be downloaded .*invalid hash value"):
        _download.fetch(published)
    assert list(_download.cached_file(published).parent.iterdir()) == []


def test_files_with_the_same_name_on_a_hub_are_cached_separately(publish: Publish) -> None:
    publish("http://127.0.0.1:9/net-00000000.pth")  # for the cache
    one, other = (
        _download.cached_file(hub(f"https://hub.invalid/timm/{name}.a1_in1k/resolve/main/model.safetensors"))
        for name in ("resnet18", "resnet34")
    )
    assert one.name == "timm-resnet18.a1_in1k.safetensors"
    assert other.parent == one.parent
    assert other.name == "timm-resnet34.a1_in1k.safetensors"


@pytest.mark.usefixtures("published")
def test_a_download_without_a_digest_must_be_complete(serve: Serve) -> None:
    whole = save({"weight": torch.zeros(64)})
    broken = hub(serve(whole[:-8], "broken.safetensors"))
    with pytest.raises(EdgewiseError, match=r"hub net: cannot be downloaded .*pass it with --weights PATH"):
        _download.fetch(broken)
    assert not _download.cached_file(broken).exists()
    assert _download.fetch(hub(serve(whole, "whole.safetensors"))).read_bytes() == whole


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/net.pth", "net.pth"])
def test_only_http_is_used(url: str) -> None:
    for ask in (_download.is_at_hand, _download.fetch):
        with pytest.raises(EdgewiseError, match="only downloaded over http and https"):
            ask(hub(url))


def test_a_damaged_cached_file_is_detected(published: Published) -> None:
    path = _download.cached_file(published)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    assert not hashlib.sha256(b"damaged").hexdigest().startswith("00000000")
    with pytest.raises(EdgewiseError, match=r"net-00000000\.pth: is damaged.*; delete it"):
        _download.fetch(published)
