"""A local web server: it serves the files of a page and receives the events that it posts."""

import json
import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

File: TypeAlias = Path | bytes

# With cross-origin isolation, a page may use threads and a clock with steps of 5 µs instead of 100.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "png": "image/png",
    "json": "application/json",
    "wasm": "application/wasm",
}
_LARGEST_POST = 1 << 24
_LENGTH = re.compile("[0-9]{1,9}")


class Loopback(ThreadingHTTPServer):
    """Serves only `files`, by name, below an address that cannot be guessed, to pages of its own origin.

    A request for another host name is that of a page that has bound its own name to this machine. The page's
    POSTs to 'events', each a JSON list of objects, are answered after `done` for each object.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, File], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.files, self.root = files, f"/{secrets.token_urlsafe()}/"
        self._events: Queue[dict[str, Any]] = Queue()

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"{self.origin}{self.root}"

    @property
    def origin(self) -> str:
        """Where the page is from, as browsers say it."""
        return f"http://127.0.0.1:{self.server_port}"

    def next(self, timeout_s: float) -> dict[str, Any] | None:
        """The next event, or None after `timeout_s`; call `done` when it has been processed."""
        try:
            return self._events.get(timeout=timeout_s)
        except Empty:
            return None

    def done(self) -> None:
        """Mark the last event from `next` as processed."""
        self._events.task_done()

    def take(self, events: list[dict[str, Any]]) -> None:
        """Queue events for `next`, and wait until all are done."""
        for event in events:
            self._events.put(event)
        self._events.join()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
        while self.next(0) is not None:  # a thread is waiting for it in `take`
            self.done()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _page(self) -> Loopback:
        return cast(Loopback, self.server)

    def do_GET(self) -> None:
        if self._is_foreign():
            return
        name = self.path.removeprefix(self._page.root) or "index.html"
        file = self._page.files.get(name) if self.path.startswith(self._page.root) else None
        if file is None:
            self._answer(HTTPStatus.NOT_FOUND)
        elif isinstance(file, bytes):
            self._answer(HTTPStatus.OK, name, len(file))
            self.wfile.write(file)
        else:
            with file.open("rb") as source:
                self._answer(HTTPStatus.OK, name, file.stat().st_size)
                shutil.copyfileobj(source, self.wfile)

    def do_POST(self) -> None:
        if self._is_foreign():
            return
        given = self.headers.get("Content-Length", "")
        length = int(given) if _LENGTH.fullmatch(given) else 0
        if self.path != f"{self._page.root}events" or not 0 < length <= _LARGEST_POST:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            events = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            events = None
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._page.take(events)
        self._answer(HTTPStatus.NO_CONTENT)

    def _is_foreign(self) -> bool:
        """Refuse a request for another host, or of a page of another origin."""
        origin = self._page.origin
        own = self.headers.get_all("Host") == [origin.removeprefix("http://")]
        if own and self.headers.get("Origin", origin) == origin:
            return False
        self._refuse(HTTPStatus.FORBIDDEN)
        return True

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # the body is not read
        self._answer(status)

    def _answer(self, status: HTTPStatus, name: str = "", length: int = 0) -> None:
        self.send_response(status)
        kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        for key, value in (_HEADERS | {"Content-Type": kind}).items():
            self.send_header(key, value)
        if status is not HTTPStatus.NO_CONTENT:  # which must not have a length
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Do not log."""

    def handle_one_request(self) -> None:
        """Handle a request; a closed page is not worth a traceback."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True
