"""Start a headless Chromium with a fresh profile, and remove it and all its files afterwards."""

import html
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...models.errors import UsageError
from ...models.scratch import scratch_folder

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge")
_ELSEWHERE = (  # macOS applications are not in the PATH
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    # No background activity and no prompts.
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-extensions",
    "--disable-sync",
    # Run invisible pages at full speed.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--remote-debugging-pipe",
)
# A browser debugged through a pipe exits when the other end, our process, exits or is killed.
_TIED = ("/bin/sh", "-c", 'exec "$@" 3<&0 4>/dev/null', "sh")
_PATIENCE_S = 5.0
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def find() -> Path | None:
    """An installed Chromium or a browser based on it; not on Windows, which lacks process groups."""
    if os.name != "posix":
        return None
    found = next(filter(None, map(shutil.which, (*_NAMES, *_ELSEWHERE))), None)
    return Path(found) if found else None


class Chromium:
    """The running browser: a process and its children in one session."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    @property
    def ending(self) -> str | None:
        """How it ended, and its last line of output; None while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        lines = self._log.read_text("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
        return f"status {status}; {last[:300]}"

    def cpu_seconds(self) -> float | None:
        """The processor time used so far, on Linux."""
        if not Path("/proc/self/stat").is_file():
            return None
        return sum(_cpu_seconds(stat, self._process.pid) for stat in Path("/proc").glob("[0-9]*/stat"))

    def end(self) -> None:
        """End it in whatever state it is."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                # Even after a crash, its children may still run.
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)


@contextmanager
def opened(program: Path, address: str, cpus: tuple[int, ...] | None) -> Iterator[Chromium]:
    """Run `program` with the page at `address`, pinned to the processors `cpus`.

    Other users can read a program's arguments. They name a page that only this user can read and that leads
    to `address`, which is a secret.

    Raises:
        UsageError: it cannot be pinned to them.
    """
    with scratch_folder() as folder:
        start = folder / "start.html"
        start.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(address)}">', "utf-8")
        command = [*_TIED, str(program), *_FLAGS, f"--user-data-dir={folder / 'profile'}", start.as_uri()]
        if os.geteuid() == 0:
            command.insert(-1, "--no-sandbox")  # required to run as root
        # Its other temporary files go into the same folder as its profile.
        places = dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"), str(folder))
        log = folder / "log"
        with log.open("wb") as file, _kept_on(cpus):
            process = subprocess.Popen(  # noqa: S603 - a browser found by `find`
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
    """Pin processes started by this thread inside the block to `cpus`."""
    if cpus is None:
        yield
        return
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError("--cpus: this system cannot pin a browser to processors; leave it out")
    own = os.sched_getaffinity(0)
    try:
        with suppress(OSError, OverflowError):  # none of them exists
            os.sched_setaffinity(0, cpus)
        if os.sched_getaffinity(0) != set(cpus):
            given, there = (",".join(map(str, sorted(numbers))) for numbers in (cpus, own))
            raise UsageError(f"--cpus {given}: choose from this machine's {there}")
        yield
    finally:
        os.sched_setaffinity(0, own)


def _cpu_seconds(stat: Path, session: int) -> float:
    """Processor time of the process of `stat` and its ended children, if it belongs to `session`."""
    try:
        # After the name, which may hold anything: state, parent, group, session, ..., see proc_pid_stat(5).
        fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS if int(fields[3]) == session else 0.0
