"""Use the system's `adb` as a subprocess: select a phone, run commands, copy files."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from ...models.errors import EdgewiseError

TIMEOUT_S = 600.0
# A command's status is printed as the last line: phones before Android 7 have no other way. If the line is
# missing, the connection was lost, which adb's own status 1 does not distinguish from the command's.
_ENDED = "edgewise-ended:"
_HINTS = {
    "unauthorized": "unlock it and allow USB debugging from this computer",
    "authorizing": "unlock it and allow USB debugging from this computer",
    "offline": "reconnect the cable, or run: adb reconnect offline",
    "no permissions": "give your user access with a udev rule (Debian: android-sdk-platform-tools-common)",
}


class Adb:
    """One phone, identified by its serial."""

    def __init__(self, serial: str) -> None:
        self.serial = serial

    def shell(self, script: str, timeout_s: float = TIMEOUT_S) -> tuple[int, str]:
        """Run a script in the phone's shell; return its status and output, including stderr.

        Raises:
            EdgewiseError: the phone cannot be reached, was disconnected, or does not answer.
        """
        command = [
            "-s",
            self.serial,
            "shell",
            f"({script}\n) 2>&1 </dev/null; status=$?; echo; echo {_ENDED}$status",
        ]
        done = _adb(*command, timeout_s=timeout_s)
        printed, marker, status = done.stdout.replace("\r\n", "\n").rpartition(f"\n{_ENDED}")
        if not marker:
            raise EdgewiseError(f"{self.serial}: the connection to the phone was lost ({_last_line(done)})")
        return int(status), printed

    def need(self, script: str, purpose: str) -> str:
        """Run a script that must succeed, and return its output."""
        status, printed = self.shell(script)
        if status:
            raise EdgewiseError(f"{self.serial}: cannot {purpose}: {_reason(printed)} (status {status})")
        return printed

    def push(self, file: Path, to: str) -> None:
        """Copy a file to the phone."""
        done = _adb("-s", self.serial, "push", str(file), to)
        if done.returncode:
            said = _last_line(done)
            if "No space left" in said:
                raise EdgewiseError(
                    f"{self.serial}: no space left on the phone for {file.name}; free some space there"
                )
            raise EdgewiseError(f"{self.serial}: cannot copy {file.name} to the phone ({said})")

    def pull(self, file: str, to: Path) -> None:
        """Copy a file from the phone."""
        done = _adb("-s", self.serial, "pull", file, str(to))
        if done.returncode:
            raise EdgewiseError(f"{self.serial}: cannot copy {file} from the phone ({_last_line(done)})")


def connect(serial: str | None) -> Adb:
    """The phone with this serial, or else the only one; respects ANDROID_SERIAL like adb.

    Raises:
        EdgewiseError: adb is not installed, there is no such phone or several, or it denies access.
    """
    serial = serial or os.environ.get("ANDROID_SERIAL")
    done = _adb("devices", timeout_s=60)
    if done.returncode:
        raise EdgewiseError(f"adb cannot list its devices ({_last_line(done)}); run: adb kill-server")
    states = dict(re.findall(r"^(\S+)\t(.+)$", done.stdout, re.MULTILINE))
    if serial is None and len(states) > 1:
        raise EdgewiseError(
            f"several phones are connected: {', '.join(states)}; choose one, such as adb:{min(states)}"
        )
    if not states or (serial and serial not in states):
        wanted = f"phone {serial}" if serial else "phone"
        found = f"; it finds {', '.join(states)}" if states else ""
        raise EdgewiseError(
            f"adb finds no {wanted}{found}; connect it and allow USB debugging, or run: adb connect HOST"
        )
    serial = serial or min(states)
    if (state := states[serial]) != "device":
        hint = next((hint for begin, hint in _HINTS.items() if state.startswith(begin)), "see: adb devices")
        raise EdgewiseError(f"{serial}: the phone is {state.partition(' (')[0]}; {hint}")
    return Adb(serial)


def _adb(*arguments: str, timeout_s: float = TIMEOUT_S) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("adb")
    if program is None:
        raise EdgewiseError(
            "adb is not installed; add Android's platform-tools to the PATH (Debian: apt-get install adb)"
        )
    try:
        return subprocess.run(  # noqa: S603 - the user's own adb; callers quote words for the shell
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EdgewiseError(f"adb {arguments[-1]}: no answer from the phone for {timeout_s:g} s") from error


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The error message of adb without its prefix; the stream depends on the version."""
    lines = f"{done.stdout}\n{done.stderr}".splitlines()
    said = next((line for line in lines if "error: " in line), done.stderr or done.stdout)
    return _reason(said).removeprefix("adb: ").removeprefix("error: ")


def _reason(text: str) -> str:
    return next(reversed([line.strip() for line in text.splitlines() if line.strip()]), "no output")
