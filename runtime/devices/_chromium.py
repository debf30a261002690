"""A Chromium of our own: without a window, with a fresh profile, and gone with all its files afterwards."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ...models.errors import UsageError

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge")
_ELSEWHERE = (  # macOS has applications outside the path
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    # Nothing of its own to do or to ask for.
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-extensions",
    "--disable-sync",
    # A page that nobody looks at runs at full speed.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--remote-debugging-pipe",
)
# A browser that is debugged through a pipe ends when its other end, here our process, does: also by a kill.
_TIED = ("/bin/sh", "-c", 'exec "$@" 3<&0 4>/dev/null', "sh")
_PATIENCE_S = 5.0
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def find() -> Path | None:
    """The Chromium of this machine, or a browser built on it; not on Windows, which has no process groups."""
    if os.name != "posix":
        return None
    found = next(filter(None, map(shutil.which, (*_NAMES, *_ELSEWHERE))), None)
    return Path(found) if found else None


class Chromium:
    """The running browser, a process and its children, which share a session."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    @property
    def ending(self) -> str | None:
        """How it came to its end, and what it said last; None while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        lines = self._log.read_text("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f"status {status}; {last[:300]}"

    def cpu_seconds(self) -> float | None:
        """The processor time that it took so far, where Linux tells."""
        if not Path("/proc/self/stat").is_file():
            return None
        return sum(_cpu_seconds(stat, self._process.pid) for stat in Path("/proc").glob("[0-9]*/stat"))

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                # Also when it has crashed: its children may live on.
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)


@contextmanager
def opened(program: Path, address: str, cpus: tuple[int, ...] | None) -> Iterator[Chromium]:
    """`program` with the page at `address`, kept on the processors `cpus`.

    Raises:
        UsageError: it cannot be kept on them.
    """
    with TemporaryDirectory(prefix="edgewise_browser-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [*_TIED, str(program), *_FLAGS, f"--user-data-dir={folder / 'profile'}", address]
        if os.geteuid() == 0:
            command.insert(-1, "--no-sandbox")  # without which it refuses to run for root
        # What it writes beside its profile lies in the same folder.
        places = dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"), name)
        log = folder / "log"
        with log.open("wb") as file, _kept_on(cpus):
            process = subprocess.Popen(  # noqa: S603 - a browser that `find` found
                command,
                env=os.environ | places,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        chromium = Chromium(process, log)
        try:
            yield chromium
        finally:
            chromium.end()


@contextmanager
def _kept_on(cpus: tuple[int, ...] | None) -> Iterator[None]:
    """Processes that are started inside, by this thread, stay on `cpus`."""
    if cpus is None:
        yield
        return
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError("--cpus: this system cannot keep a browser on some processors; leave it out")
    own = os.sched_getaffinity(0)
    try:
        with suppress(OSError, OverflowError):  # none of them is there
            os.sched_setaffinity(0, cpus)
        if os.sched_getaffinity(0) != set(cpus):
            given, there = (",".join(map(str, sorted(numbers))) for numbers in (cpus, own))
            raise UsageError(f"--cpus {given}: need some of this machine's {there}")
        yield
    finally:
        os.sched_setaffinity(0, own)


def _cpu_seconds(stat: Path, session: int) -> float:
    """Of the process that `stat` is about, and of its ended children, if it belongs to `session`."""
    try:
        # After the name, which may hold anything: state, parent, group, session, ..., see proc_pid_stat(5).
        fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS if int(fields[3]) == session else 0.0
