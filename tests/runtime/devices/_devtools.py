"""A tab of a real Chromium, driven by the Chrome DevTools Protocol through a pipe."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from edgewise.runtime.devices._chromium import _FLAGS

# The browser reads commands from descriptor 3 and answers on 4.
_AS_3_AND_4 = """
import os, sys
theirs, own = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2]))
for number, descriptor in ((3, theirs), (4, own)):
    os.dup2(descriptor, number)
    os.set_inheritable(number, True)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """A page; `errors` are what its console and its scripts complained about."""

    def __init__(self, to: IO[bytes], answers: IO[bytes]) -> None:
        self._to, self._from = to, answers
        self._count, self._rest, self._session = 0, b"", ""
        self.errors: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._count:
                assert "error" not in found, found
                answer: dict[str, Any] = found["result"]
                return answer

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._from.fileno(), 1 << 20)
            assert part, "the browser has exited"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        told = found.get("params", {})
        if found.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"]))
        if found.get("method") == "Runtime.consoleAPICalled" and told["type"] in {"error", "assert"}:
            self.errors.append(json.dumps(told["args"]))
        if found.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(json.dumps(told["entry"]))
        return found

    def js(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        options = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        found = self.ask("Runtime.evaluate", **options)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 120.0) -> Any:
        """The value of an expression, once it is true."""
        begun = time.monotonic()
        while not (value := self.js(expression)):
            page = self.js("document.body.innerText")
            assert time.monotonic() - begun < seconds, f"{expression} is still {value!r}: {page}"
            time.sleep(0.1)
        return value

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files for an input."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def shape(self, width: int, height: int, scheme: str) -> None:
        """Give the page a size, and a colour scheme, 'light' or 'dark'."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def photograph(self, file: Path) -> None:
        """Write the whole page as PNG."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def opened(program: Path, *flags: str) -> Iterator[Tab]:
    """Start a browser with a tab, and end it."""
    (theirs, to), (answers, own) = os.pipe(), os.pipe()
    with TemporaryDirectory(prefix="devtools-", ignore_cleanup_errors=True) as folder:
        start = [sys.executable, "-c", _AS_3_AND_4, str(theirs), str(own), str(program)]
        command = [*start, *_FLAGS, *flags, "--no-sandbox", f"--user-data-dir={folder}", "about:blank"]
        nowhere = subprocess.DEVNULL
        with (
            os.fdopen(to, "wb", buffering=0) as commands,
            os.fdopen(answers, "rb") as found,
            subprocess.Popen(command, pass_fds=(theirs, own), stdout=nowhere, stderr=nowhere) as browser,
        ):
            os.close(theirs)
            os.close(own)
            try:
                yield Tab(commands, found)
            finally:
                commands.close()  # which ends it, as does the end of this process
                try:
                    browser.wait(20)
                except subprocess.TimeoutExpired:
                    browser.kill()
