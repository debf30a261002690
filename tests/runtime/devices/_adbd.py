"""AN EMULATION of the phone's side of adb, for tests: it speaks adb's wire protocol but is not Android.

The real adb connects to it over TCP. It has the services `shell,v2` and `sync`, as documented in AOSP's
protocol.txt, SYNC.TXT and shell_protocol.h. A command runs in the host's /bin/sh, with the phone's paths
replaced by those below `root`, and with the programs of `root/bin` (getprop, dumpsys) before the host's.
"""

import contextlib
import itertools
import os
import queue
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_VERSION, _PAYLOAD = 0x01000001, 1 << 18
_BANNER = b"device::ro.product.name=edgewise_emulation;ro.product.model=Emulation;features=shell_v2,cmd\0"
_PLACES = ("/data/local/tmp", "/sys/devices", "/proc/")
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_AUTH_TOKEN = 1


class Phone:
    """A phone that the real adb can connect to; the attributes say how it misbehaves.

    `authorized`: whether the user allowed this computer. `answers`: whether it responds at all. `room`: bytes
    that it accepts before it has no space left. `hang_up`: closes the connection when a command contains it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.authorized = self.answers = True
        self.room: int | None = None
        self.hang_up: str | None = None
        self.commands: list[str] = []
        (root / "data/local/tmp").mkdir(parents=True)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def left(self) -> list[str]:
        """The contents of the folder for temporary files."""
        return sorted(path.name for path in (self.root / "data/local/tmp").iterdir())

    def close(self) -> None:
        """Unplug it."""
        for connection in (self._server, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def here(self, text: str) -> str:
        """Text with the phone's paths replaced by those below `root`."""
        for place in _PLACES:
            text = text.replace(place, f"{self.root}{place}")
        return text

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._connections.append(connection)
                threading.Thread(target=_Transport(self, connection).run, daemon=True).start()


class _Transport:
    """One connection: messages of 24 bytes and a payload, for any number of streams."""

    def __init__(self, phone: Phone, connection: socket.socket) -> None:
        self.phone, self._connection = phone, connection
        self._lock, self._ids = threading.Lock(), itertools.count(1)
        self._streams: dict[int, _Stream] = {}

    def run(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                command, one, two, length, _, _ = struct.unpack("<4s5I", self._read(24))
                self._handle(command, one, two, self._read(length))
        for stream in self._streams.values():
            stream.received.put(b"")

    def send(self, command: bytes, one: int, two: int, payload: bytes = b"") -> None:
        number = int.from_bytes(command, "little")
        header = struct.pack(
            "<6I", number, one, two, len(payload), sum(payload) & 0xFFFFFFFF, number ^ 0xFFFFFFFF
        )
        with self._lock:
            self._connection.sendall(header + payload)

    def drop(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    def _read(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            more = self._connection.recv(count - len(content))
            if not more:
                raise EOFError
            content += more
        return content

    def _handle(self, command: bytes, one: int, two: int, payload: bytes) -> None:
        if command in {b"CNXN", b"AUTH"}:
            if self.phone.answers and self.phone.authorized:
                self.send(b"CNXN", _VERSION, _PAYLOAD, _BANNER)
            elif self.phone.answers:
                self.send(b"AUTH", _AUTH_TOKEN, 0, os.urandom(20))
        elif command == b"OPEN":
            stream = _Stream(self, next(self._ids), one)
            self._streams[stream.own] = stream
            self.send(b"OKAY", stream.own, one)
            threading.Thread(target=stream.serve, args=(payload.rstrip(b"\0").decode(),), daemon=True).start()
        elif stream_there := self._streams.get(two):
            if command == b"WRTE":
                stream_there.received.put(payload)
                self.send(b"OKAY", two, one)
            elif command == b"OKAY":
                stream_there.may_send.release()
            elif command == b"CLSE":
                stream_there.received.put(b"")


class _Stream:
    """One service: bytes in both directions, one message in flight at a time."""

    def __init__(self, transport: _Transport, own: int, other: int) -> None:
        self.own, self._other, self._transport = own, other, transport
        self.received: queue.Queue[bytes] = queue.Queue()
        self.may_send = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._rest = b""

    def serve(self, service: str) -> None:
        with contextlib.suppress(OSError, EOFError):
            if service.startswith("shell,v2"):
                self._shell(service.partition(":")[2])
            elif service == "sync:":
                self._sync()
            self._transport.send(b"CLSE", self.own, self._other)

    def write(self, content: bytes) -> None:
        with self._lock:
            for start in range(0, len(content), _PAYLOAD):
                self.may_send.acquire()
                self._transport.send(b"WRTE", self.own, self._other, content[start : start + _PAYLOAD])

    def read(self, count: int) -> bytes:
        while len(self._rest) < count:
            more = self.received.get()
            if not more:
                raise EOFError
            self._rest += more
        content, self._rest = self._rest[:count], self._rest[count:]
        return content

    def _shell(self, command: str) -> None:
        phone = self._transport.phone
        phone.commands.append(command)
        if phone.hang_up and phone.hang_up in command:
            self._transport.drop()
            return
        child = subprocess.Popen(
            ["/bin/sh", "-c", phone.here(command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PATH": f"{phone.root}/bin:{os.environ['PATH']}"},
        )
        assert child.stdout is not None
        assert child.stderr is not None
        pipes = [
            threading.Thread(target=self._forward, args=pair)
            for pair in ((_STDOUT, child.stdout), (_STDERR, child.stderr))
        ]
        for pipe in pipes:
            pipe.start()
        for pipe in pipes:
            pipe.join()
        status = child.wait()
        self._packet(_EXIT, bytes([status if status >= 0 else 128 - status]))

    def _forward(self, kind: int, pipe: IO[bytes]) -> None:
        with pipe, contextlib.suppress(OSError):
            while content := os.read(pipe.fileno(), 1 << 16):
                self._packet(kind, content)

    def _packet(self, kind: int, content: bytes) -> None:
        self.write(struct.pack("<BI", kind, len(content)) + content)

    def _sync(self) -> None:
        while (request := self._request())[0] != b"QUIT":
            name, argument = request
            if name == b"STAT":
                self._stat(Path(self._transport.phone.here(argument)))
            elif name == b"SEND":
                self._take(argument)
            elif name == b"RECV":
                self._give(Path(self._transport.phone.here(argument)))

    def _request(self) -> tuple[bytes, str]:
        name, length = struct.unpack("<4sI", self.read(8))
        return name, self.read(length).decode()

    def _stat(self, path: Path) -> None:
        found = path.stat() if path.exists() else None
        numbers = (found.st_mode, found.st_size, int(found.st_mtime)) if found else (0, 0, 0)
        self.write(struct.pack("<4s3I", b"STAT", *numbers))

    def _take(self, argument: str) -> None:
        """Receive a pushed file: chunks, then its time; it is stored as far as there is room."""
        phone, (name, _, mode) = self._transport.phone, argument.rpartition(",")
        content = b"".join(self._chunks())
        if phone.room is not None and len(content) > phone.room:
            self._fail("couldn't write: No space left on device")
            return
        path = Path(phone.here(name))
        try:
            path.write_bytes(content)
        except OSError as error:
            self._fail(f"couldn't create file: {os.strerror(error.errno or 0)}")
            return
        path.chmod(int(mode) & 0o777)
        self.write(struct.pack("<4sI", b"OKAY", 0))

    def _chunks(self) -> Iterator[bytes]:
        while True:
            name, length = struct.unpack("<4sI", self.read(8))
            if name == b"DONE":
                return
            yield self.read(length)

    def _give(self, path: Path) -> None:
        if not path.is_file():
            self._fail("open failed: No such file or directory")
            return
        content = path.read_bytes()
        for start in range(0, len(content), 1 << 16):
            chunk = content[start : start + (1 << 16)]
            self.write(struct.pack("<4sI", b"DATA", len(chunk)) + chunk)
        self.write(struct.pack("<4sI", b"DONE", 0))

    def _fail(self, reason: str) -> None:
        self.write(struct.pack("<4sI", b"FAIL", len(reason)) + reason.encode())
