"""Weights to save, and a real server to download them from."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import install_opener

import pytest
import torch
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights

from edgewise.models.libraries import Published, library
from edgewise.models.zoo import build, find


@pytest.fixture(scope="session")
def thousand() -> dict[str, Tensor]:
    """The state dict of a MobileNetV2 with random weights and 1000 classes."""
    torch.manual_seed(0)
    return dict(build(find("mobilenetv2"), 1000).state_dict())


@pytest.fixture(scope="session")
def ten() -> dict[str, Tensor]:
    """The same with 10 classes."""
    torch.manual_seed(1)
    return dict(build(find("mobilenetv2"), 10).state_dict())


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Published]]:
    """Give torchvision's MobileNetV2 weights another URL, and an empty cache."""
    install_opener(None)  # the default opener remembers the proxies of its first call
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def publish(url: str) -> Published:
        monkeypatch.setattr(MobileNet_V2_Weights.DEFAULT.value, "url", url)
        found = library("torchvision").published("mobilenet_v2", {})
        assert found is not None
        return found

    yield publish
    install_opener(None)


@pytest.fixture
def published(publish: Callable[[str], Published]) -> Published:
    """These weights, not cached, at a URL that refuses connections."""
    return publish("http://127.0.0.1:9/net-00000000.pth")  # port 9: the discard service


@pytest.fixture
def asked() -> list[str]:
    """The requests that the server received, such as 'GET /net-00000000.pth'."""
    return []


@pytest.fixture
def serve(asked: list[str]) -> Iterator[Callable[..., str]]:
    """Serve bytes under the file name that torchvision would use; returns the URL."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(f"{self.command} {self.path}")
            content = files.get(self.path.rpartition("/")[2], b"")
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_GET = do_HEAD  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            pass

    def offer(content: bytes, name: str = "") -> str:
        name = name or f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        files[name] = content
        return f"http://127.0.0.1:{server.server_port}/{name}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=[0.01])
        serving.start()
        yield offer
        server.shutdown()
        serving.join()
