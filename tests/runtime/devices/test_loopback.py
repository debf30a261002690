"""The server behind a page: what it serves, what it accepts, and what it does not reveal."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

import pytest

from edgewise.runtime.devices._loopback import File, Loopback


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    (tmp_path / "engine.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret").write_text("private")
    files: dict[str, File] = {"index.html": b"<p>page", "js/engine.wasm": tmp_path / "engine.wasm"}
    files |= {"style.css": b"p {}", "golden.png": b"png"}
    with Loopback(files) as opened:
        yield opened


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes


def ask(
    server: Loopback, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    """One request, by a client that does not normalise paths."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


def test_files_are_served_isolated_and_with_their_types(server: Loopback) -> None:
    page = ask(server, server.root)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert page.body == b"<p>page"
    engine = ask(server, f"{server.root}js/engine.wasm")
    assert engine.headers["Content-Type"] == "application/wasm"
    assert engine.body == b"\0asm"
    for name, kind in (("style.css", "text/css; charset=utf-8"), ("golden.png", "image/png")):
        assert ask(server, f"{server.root}{name}").headers["Content-Type"] == kind


def test_nothing_else_can_be_read(server: Loopback, tmp_path: Path) -> None:
    paths = ["/", "/index.html", "/wrong/index.html", f"{server.root}secret"]
    paths += [
        f"{server.root}js/../secret",
        f"{server.root}js/%2e%2e/secret",
        f"{server.root}{tmp_path}/secret",
    ]
    for path in paths:
        answer = ask(server, path)
        assert (answer.status, answer.body) == (404, b""), path


def test_only_this_machine_can_reach_it(server: Loopback) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert len(server.root) > 40


def test_events_are_answered_after_they_were_processed(server: Loopback) -> None:
    answered: list[int] = []
    body = json.dumps([{"event": "a"}, {"event": "b"}]).encode()

    def post() -> None:
        answered.append(ask(server, f"{server.root}events", "POST", body).status)

    thread = threading.Thread(target=post)
    thread.start()
    for name in ("a", "b"):
        assert server.next(10) == {"event": name}
        assert not answered
        server.done()
    thread.join(10)
    assert answered == [204]
    assert server.next(0) is None


def test_requests_without_the_token_are_refused(server: Loopback) -> None:
    assert ask(server, "/events", "POST", b"[]").status == 404
    assert server.next(0.1) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "evil.example:80"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_hosts_and_origins_are_refused(server: Loopback, method: str, headers: dict[str, str]) -> None:
    path, body = (server.root, None) if method == "GET" else (f"{server.root}events", b'[{"event": "a"}]')
    assert ask(server, path, method, body, **headers).status == 403
    assert server.next(0.05) is None


def test_its_own_origin_is_accepted(server: Loopback) -> None:
    assert ask(server, server.root, Origin=server.origin).status == 200


@pytest.mark.parametrize(
    ("body", "length", "status"),
    [
        (b"no json", "7", 400),
        (b"[" * 100_000, "100000", 400),
        (b"\xff\xfe[]", "4", 400),
        (b"{}", "2", 400),
        (b"[1]", "3", 400),
        (b"[]", "two", 404),
        (b"[]", "-2", 404),
        (b"[]", "\xb2", 404),
        (b"[]", "1" * 5000, 404),
        (b"[]", "0", 404),
    ],
)
def test_what_a_page_does_not_send_is_refused_without_a_word(
    server: Loopback, capfd: pytest.CaptureFixture[str], body: bytes, length: str, status: int
) -> None:
    answer = ask(server, f"{server.root}events", "POST", body, Content_Length=length)
    assert answer.status == status
    assert server.next(0.05) is None
    assert ask(server, server.root).status == 200
    assert capfd.readouterr() == ("", "")


def test_a_waiting_page_is_released_at_the_end() -> None:
    statuses: list[int] = []

    def post(server: Loopback) -> None:
        statuses.append(ask(server, f"{server.root}events", "POST", b'[{"event": "late"}]').status)

    with Loopback({}) as server:
        thread = threading.Thread(target=post, args=(server,))
        thread.start()
        while server._events.empty():
            thread.join(0.01)
    thread.join(10)
    assert statuses == [204]
