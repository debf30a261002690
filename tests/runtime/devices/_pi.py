"""An emulated Raspberry Pi: Debian for arm64 under qemu-user, behind the host's real sshd on loopback.

Everything happens in separate namespaces: the machine's binfmt entries, mounts and users are not changed, and
everything ends with one process. `-cpu cortex-a72` is the core of a Pi 4, `cortex-a76` that of a Pi 5; they
compute correctly, but their times mean nothing.
"""

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgewise.runtime.devices.setup import download_command

CORES = ("cortex-a72", "cortex-a76")
TARGETS = ("tflite", "onnx")
TMP_MB = 400

_ROOM_MB = 900
_TOOLS = ("arch-test", "mmdebstrap", "ssh", "ssh-keygen", "sshd", "tar", "unshare", "uv")
_KERNEL = (6, 7)  # the first with binfmt entries per user namespace
_PACKAGES = (
    "base-files,base-passwd,bash,coreutils,dash,grep,libc-bin,libgomp1,libstdc++6,mount,procps,"
    "python3,python3-venv,sed,util-linux"
)
# The files that qemu runs: 64-bit little-endian ELF for AArch64.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_INSIDE = f"""
set -e
read -r _  # wait until our user ids are mapped
cd "$1"
mount -t proc proc /proc
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
entry=":edgewise-arm64:M::{_MAGIC}:{_MASK}:$1/usr/bin/qemu-aarch64:OPF"
printf '%s' "$entry" > /proc/sys/fs/binfmt_misc/register
for file in passwd group shadow; do mount --bind extra/etc/$file /etc/$file; done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
install -m 644 key.pub /run/keys  # sshd reads it as the user, who cannot access our folder
mount -t tmpfs -o mode=755,size={_ROOM_MB}m tmpfs /mnt  # in memory, so nothing has to be deleted
tar -xf root.tar -C /mnt --exclude './dev/*'
cp -a extra/. /mnt
ln -sfn dash /mnt/bin/sh
mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/tmp
mount -t proc proc /mnt/proc
mount --rbind /sys /mnt/sys
mount --rbind /dev /mnt/dev
mount -t tmpfs -o mode=1777,size={TMP_MB}m tmpfs /mnt/tmp
"$2" -D -e -f sshd_config < /dev/null &
cat > /dev/null  # until the tests end, for whatever reason; when a namespace's first process ends, all end
"""
_USERS = ("pi", "new")  # one is set up, the other not
_VCGENCMD = "#!/bin/sh\necho throttled=0x50000\n"  # under-voltage and throttling in the past
# A stand-in, because no old Python is available.
_OLD = "#!/bin/sh\necho edgewise-board 3 8 2\nread -r _\n"


def reason_against() -> str | None:
    """The reason why the emulated Pi cannot run here, or None."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the emulated Pi needs Linux on x86-64"
    if missing := [tool for tool in _TOOLS if _tool(tool) is None]:
        return (
            f"the emulated Pi needs {', '.join(missing)}: apt-get install mmdebstrap arch-test openssh-server"
        )
    if os.geteuid():
        return "the emulated Pi needs root, to map user ids"
    kernel = tuple(map(int, platform.release().split(".")[:2]))
    return None if kernel >= _KERNEL else f"the emulated Pi needs Linux 6.7, this is {platform.release()}"


@dataclass(frozen=True, slots=True)
class Pi:
    """One file system, and a port for each core."""

    folder: Path
    ports: dict[str, int]
    process: "subprocess.Popen[bytes]"

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    @property
    def settings(self) -> dict[str, object]:
        """The user's ssh config."""
        return {"IdentityFile": self.folder / "key", "UserKnownHostsFile": self.folder / "known_hosts"}

    @property
    def path(self) -> str:
        """A PATH with an ssh that uses this config."""
        return f"{self.folder / 'bin'}:{os.environ['PATH']}"

    def name(self, port: str = CORES[1], user: str = "pi") -> str:
        return f"ssh://{user}@127.0.0.1:{self.ports[port]}"

    def shell(self, command: str) -> str:
        """The output of a command there."""
        ssh = [str(self.folder / "bin/ssh"), "-p", str(self.ports[CORES[1]]), "pi@127.0.0.1", command]
        return subprocess.run(ssh, capture_output=True, text=True, check=False).stdout

    def left(self) -> list[str]:
        """The contents of the board's folder for temporary files."""
        return self.shell("ls -A /tmp").split()


@contextmanager
def running(folder: Path) -> Iterator[Pi]:
    """Build it, start it, and remove it again."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(make, folder) for make in (_root, _qemu, _wheels)]:
            done.result()
    names = (*CORES, "old", "bare")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    _write_extra(folder)
    _write_settings(folder, ports)
    process = _started(folder)
    try:
        _wait_for(ports[CORES[0]], process, folder / "sshd.log")
        (folder / "root.tar").unlink()
        yield Pi(folder, ports, process)
    finally:
        process.communicate()


def _root(folder: Path) -> None:
    """A file system for arm64, unpacked but not configured, which would take minutes in emulation."""
    options = ("--architectures=arm64", "--variant=extract", f"--include={_PACKAGES}")
    _run("mmdebstrap", *options, "bookworm", folder / "root.tar")


def _write_extra(folder: Path) -> None:
    """Files that maintainer scripts would have created, and files that make it a board."""
    users = [("root", 0, "/root"), ("sshd", 100, "/run/sshd")]
    users += [(user, number, str(Path("/", "home", user))) for number, user in enumerate(_USERS, 1000)]
    files = {
        "etc/passwd": "".join(
            f"{name}:x:{number}:{number}::{home}:/bin/bash\n" for name, number, home in users
        ),
        "etc/group": "".join(f"{name}:x:{number}:\n" for name, number, _ in users),
        "etc/shadow": "".join(f"{name}:*:1::::::\n" for name, *_ in users),
        "opt/old/python3": _OLD,
        "usr/bin/vcgencmd": _VCGENCMD,
    }
    for name, text in files.items():
        path = folder / "extra" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    for _, number, home in users[2:]:
        path = folder / f"extra{home}"
        path.mkdir(parents=True)
        os.chown(path, number, number)


def _qemu(folder: Path) -> None:
    """From Debian trixie: bookworm's qemu shows the host's processor, which makes XNNPACK crash."""
    tar = folder / "qemu.tar"
    _run("mmdebstrap", "--variant=extract", "--include=qemu-user", "trixie", tar)
    _run("tar", "-xf", tar, "-C", folder, "./usr/bin/qemu-aarch64")
    tar.unlink()


def _wheels(folder: Path) -> None:
    """Download them as a person would for a board without network."""
    command = download_command(TARGETS, (3, 11), "aarch64").replace("-d wheels", "-q -d .", 1)
    (folder / "wheels").mkdir()
    _run("sh", "-c", f"uv tool run {command}", cwd=folder / "wheels")


def _write_settings(folder: Path, ports: dict[str, int]) -> None:
    for name in ("host", "key", "stranger"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    lines = [
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "StrictModes no",
        "PidFile none",
        "ChrootDirectory /mnt",
        f"HostKey {folder / 'host'}",
        "AuthorizedKeysFile /run/keys",
        *(f"ListenAddress 127.0.0.1:{port}" for port in ports.values()),
    ]
    variables = {core: f"QEMU_CPU={core}" for core in CORES} | {
        "old": "PATH=/opt/old:/bin",
        "bare": "PATH=/opt",
    }
    for name, port in ports.items():
        lines += [f"Match LocalPort {port}", f"SetEnv {variables[name]}"]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    kind, key, *_ = (folder / "host.pub").read_text().split()
    known = "".join(f"[127.0.0.1]:{port} {kind} {key}\n" for port in ports.values())
    (folder / "known_hosts").write_text(known)
    (folder / "bin").mkdir()
    (folder / "bin/ssh").write_text(f'#!/bin/sh\nexec {_tool("ssh")} -F {folder / "ssh_config"} "$@"\n')
    (folder / "bin/ssh").chmod(0o755)


def _started(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that is root in its own namespaces, which last until its stdin is closed."""
    flags = ("--user", "--mount", "--pid", "--fork")
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", *flags, "sh", "-c", _INSIDE, "sh", str(folder), str(_tool("sshd"))],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    own, its = Path("/proc/self/ns/user"), Path(f"/proc/{process.pid}/ns/user")
    while its.readlink() == own.readlink():
        time.sleep(0.01)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{process.pid}/{name}").write_text("0 0 65536\n")
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    return process


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def _tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _run(*command: object, cwd: Path | None = None) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
