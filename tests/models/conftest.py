"""A network to save, and a real server to fetch it from."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.models import _imagenet
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


@dataclass
class Server:
    """Gives `files` by the last part of whatever address it is asked for; `asked` is what it was asked."""

    port: int
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def offer(self, content: bytes, digest: str = "") -> str:
        """The address of `content`, called as torchvision calls its files."""
        name = f"net-{(digest or hashlib.sha256(content).hexdigest())[:8]}.pth"
        self.files[name] = content
        return f"http://127.0.0.1:{self.port}/{name}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    serving = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    shared = Server(serving.server_port)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            shared.asked.append(f"{self.command} {self.path}")
            content = shared.files.get(Path(self.path).name)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content and self.command == "GET":
                self.wfile.write(content)

        do_GET = do_HEAD  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    serving.RequestHandlerClass = Handler
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield shared
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The default weights of MobileNetV2 with an empty cache, and nothing at their address."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    weights = _imagenet.default_weights(find("mobilenetv2"))
    # The name is reserved for what does not exist (RFC 6761), but a proxy would answer for it.
    monkeypatch.setattr(weights.value, "url", "http://weights.invalid/net-00000000.pth")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return weights
