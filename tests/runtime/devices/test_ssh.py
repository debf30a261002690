"""A board over real SSH: an emulated Raspberry Pi (see `_pi.py`) is set up, used and disturbed.

Its results are compared bit by bit; its times mean nothing, and every record is marked accordingly.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from edgewise import verify
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices import Event, _ssh_session, device, transport
from edgewise.runtime.devices.answers import DeviceSession
from edgewise.runtime.devices.setup import setup, wheels_in
from edgewise.runtime.devices.ssh import open_device
from edgewise.runtime.devices.ssh_address import parse
from edgewise.runtime.devices.transport import Board

TARGETS = ("tflite", "onnx")
CORES = ("cortex-a72", "cortex-a76")
_PROGRAM = "from edgewise.cli.main import main; main()"

Find = Callable[..., list[int]]


@pytest.fixture(scope="session")
def ready(emulated: Any) -> Any:
    """The board, set up from wheels like one without network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", emulated.path)
        with_settings(emulated)
        heard: list[str] = []
        with Board(parse(emulated.name())) as board:
            versions = setup(board, TARGETS, wheels_in(emulated.wheels), heard.append)
    assert [*versions] == [*TARGETS]
    assert any(line.startswith("Successfully installed") for line in heard)
    return emulated


@pytest.fixture
def endless(tiny_bundle: Path) -> BenchRequest:
    return BenchRequest((Contender(str(tiny_bundle)),), runs=2, seconds=1e6, warm_up_seconds=0, end_to_end=0)


def until(kind: str, events: Iterator[Event], gathered: Gathered) -> None:
    for event in events:
        gathered.add(event)
        if event["event"] == kind:
            return
    raise AssertionError(kind)


def rest(events: Iterator[Event], gathered: Gathered) -> str:
    """The error that a run ends with."""
    with pytest.raises(EdgewiseError) as caught:
        deque(map(gathered.add, events))
    return str(caught.value)


def nothing_left(pi: Any, patience_s: float = 20) -> bool:
    end = time.monotonic() + patience_s
    while pi.left() or "bench.runner" in pi.shell("ps -eo args"):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def edgewise(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_setup_of_a_board_is_explained(pi: Any, endless: BenchRequest) -> None:
    name = pi.name(user="new")
    checked = edgewise("device", "check", name)
    assert checked.returncode == 0, checked.stderr
    assert f"run: edgewise device setup {name}" in checked.stdout
    assert "under-voltage, throttling since boot" in checked.stdout
    with pytest.raises(EdgewiseError, match=f"run: edgewise device setup {name} --target tflite$"):
        next(device(name).run(endless))
    assert nothing_left(pi)


def test_the_python_of_a_board_is_chosen(pi: Any) -> None:
    name = pi.name(user="new")
    checked = edgewise("device", "check", name, "--python", "/usr/bin/python3.11")
    assert checked.returncode == 0, checked.stderr
    assert "3.11" in checked.stdout
    missing = edgewise("device", "setup", name, "--python", "python3.99")
    assert missing.returncode == 1
    assert "is 'python3.99' a Python of the board? It may have to be a path" in missing.stderr
    assert nothing_left(pi)


@pytest.mark.usefixtures("ready")
def test_both_cores_compute_the_same_as_this_machine(
    pi: Any, tiny_bundles: dict[str, Path], tmp_path: Path
) -> None:
    names = [pi.name(core) for core in CORES]
    options = [
        "--runs",
        2,
        "--seconds",
        0,
        "--launches",
        1,
        "--no-float",
        "--json",
        "--results",
        tmp_path / "results",
    ]
    devices = [part for name in names for part in ("--device", name)]
    done = edgewise("bench", *(tiny_bundles[target] for target in TARGETS), *devices, *options)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)["records"]
    assert {(record["device"], record["model"]["target"]) for record in records} == {
        (name, target) for name in names for target in TARGETS
    }
    for record in records:
        core = CORES[names.index(record["device"])]
        assert record["machine"]["emulated"].endswith(f"({core})")
        assert record["machine"]["architecture"] == "aarch64"
        assert ("asimddp" in record["machine"]["features"]) == (core == "cortex-a76")
        assert record["engine"]["delegate"] in {"XNNPACK", "CPUExecutionProvider"}
        assert round(record["golden"]["max_lsb"], 3) <= 1  # whole steps, but for the division
        assert not record["verdict"]["trusted"]
        assert any("emulated" in reason for reason in record["verdict"]["reasons"])
    answers = {(record["model"]["target"], record["golden"]["output_sha256"]) for record in records}
    assert len(answers) == len(TARGETS)  # the cores agree to the bit
    assert nothing_left(pi)


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("target", TARGETS)
def test_accuracy_on_the_board_is_this_machines_to_the_bit(
    pi: Any, tiny_bundles: dict[str, Path], tmp_path: Path, target: str
) -> None:
    names = Bundle.open(tiny_bundles[target]).spec.labels.names
    for index in range(18):  # two batches
        folder = tmp_path / "val" / names[index % len(names)]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, 5, index)).save(folder / f"{index}.png")
    here = verify(tiny_bundles[target], data=tmp_path / "val", threads=1)
    there = verify(tiny_bundles[target], data=tmp_path / "val", threads=1, device=pi.name())
    assert there.board is not None
    assert (there.board.pictures, there.board.identical, there.board.same_class) == (19, 19, 19)
    assert there.drop == here.drop
    assert there.drop is not None
    assert there.drop.count == 18
    assert nothing_left(pi)


@pytest.mark.usefixtures("ready")
def test_a_lost_connection_only_repeats_the_batch_on_the_way(pi: Any, tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    golden = bundle.golden().input
    with DeviceSession(open_device(pi.name()), bundle, 1) as session:
        first = session(golden)
        cast("Any", session._there)._connection._session._ssh.kill()
        assert np.array_equal(session(golden), first)
    assert nothing_left(pi)


@pytest.mark.usefixtures("ready")
def test_a_killed_program_is_reported_and_samples_are_kept(pi: Any, endless: BenchRequest) -> None:
    gathered, events = Gathered(endless, pi.name()), device(pi.name()).run(endless)
    until("samples", events, gathered)
    pi.shell("pkill -KILL -f bench[.]runner")
    told = rest(events, gathered)
    assert told.startswith(f"{pi.name()}: the measuring program died (SIGKILL), perhaps out of memory")
    assert gathered.records(told)[0].interrupted == told
    assert nothing_left(pi)


@pytest.mark.usefixtures("ready")
def test_a_lost_connection_is_reported_and_the_board_cleans_up(
    pi: Any, endless: BenchRequest, descendants: Find
) -> None:
    gathered, events = Gathered(endless, pi.name()), device(pi.name()).run(endless)
    until("samples", events, gathered)
    for session in descendants(pi.process.pid, "sshd: pi"):
        os.kill(session, signal.SIGKILL)
    assert f"{pi.name()}: the connection was lost" in rest(events, gathered)
    assert len(gathered.records()) == 1
    assert nothing_left(pi)


def test_a_board_that_receives_nothing_cleans_up(
    pi: Any, descendants: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the cable is unplugged: neither side is told that the connection ended."""
    monkeypatch.setattr(transport, "_PATIENCE_S", 3)
    monkeypatch.setattr(_ssh_session, "_BEAT_S", 0.5)
    with Board(parse(pi.name())) as board:
        board.store("deep/file", b"content")
        assert board.call("look", ["cat", "deep/file"]) == ["content"]
        ssh = descendants(os.getpid(), "BatchMode")
        for pid in ssh:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert nothing_left(pi)
        finally:
            for pid in ssh:
                os.kill(pid, signal.SIGCONT)
        with pytest.raises(EdgewiseError, match="the connection was lost"):
            board.call("look", ["cat", "deep/file"])


@pytest.mark.usefixtures("ready")
def test_closing_the_events_leaves_nothing(pi: Any, endless: BenchRequest) -> None:
    gathered, events = Gathered(endless, pi.name()), device(pi.name()).run(endless)
    until("machine", events, gathered)
    cast("Generator[Event]", events).close()
    assert nothing_left(pi, 5)


@pytest.mark.usefixtures("ready")
def test_a_full_board_is_reported_before_and_while_copying(pi: Any, endless: BenchRequest) -> None:
    pi.shell("head -c 395M /dev/zero > /tmp/filling")
    try:
        with pytest.raises(
            EdgewiseError, match=r"MB left in /tmp, but \d+ MB are needed; free some space there"
        ):
            next(device(pi.name()).run(endless))
        told = "no space left on the board .* free some space"
        with Board(parse(pi.name())) as board, pytest.raises(EdgewiseError, match=told):
            fill(board)
    finally:
        pi.shell("rm /tmp/filling")
    assert nothing_left(pi)


@pytest.mark.parametrize(
    ("port", "told"),
    [
        (
            "old",
            r"its python3 is 3\.8\.2, but needs to be 3\.9 or newer; install a newer system",
        ),
        ("bare", "has no python3; run there: sudo apt install python3 python3-venv"),
    ],
)
def test_a_board_without_a_suitable_python_is_reported(pi: Any, port: str, told: str) -> None:
    assert_refused(pi.name(port), told)


def test_an_unknown_host_key_is_reported(pi: Any) -> None:
    with_settings(pi, UserKnownHostsFile="/dev/null")
    assert_refused(pi.name(), f"host key is unknown; .* running: ssh -p {port_of(pi)} pi@127.0.0.1$")


def test_a_changed_host_key_is_reported(pi: Any) -> None:
    other = (pi.folder / "stranger.pub").read_text()
    (pi.folder / "other_hosts").write_text(f"[127.0.0.1]:{port_of(pi)} {other}")
    with_settings(pi, UserKnownHostsFile=pi.folder / "other_hosts")
    assert_refused(pi.name(), "host key has changed: .* run: ssh-keygen .*; otherwise somebody")


def test_a_rejected_key_is_reported(pi: Any) -> None:
    with_settings(pi, IdentityFile=pi.folder / "stranger", IdentitiesOnly="yes")
    assert_refused(pi.name(), "access denied .it accepts publickey.; .*: ssh-copy-id -p .* ssh-add$")


@pytest.mark.usefixtures("pi")
def test_a_missing_board_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert_refused(f"ssh://pi@127.0.0.1:{port}", f"nothing is listening on port {port}; enable SSH")
    assert_refused("ssh://pi@nosuchboard.invalid", "the host name nosuchboard.invalid is unknown; find")


def test_a_board_that_does_not_respond_is_reported(pi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with_settings(pi, ProxyCommand="sleep 60")
    monkeypatch.setattr(transport, "_ANSWER_S", 0.5)
    assert_refused(pi.name(), "the connection was lost")


def fill(board: Board) -> None:
    board.store("large", bytes(20 << 20))
    board.call("look", ["ls"])


def port_of(pi: Any) -> int:
    return int(pi.ports[CORES[1]])


def with_settings(pi: Any, **settings: object) -> None:
    """Change the user's ssh config."""
    changed = pi.settings | settings
    (pi.folder / "ssh_config").write_text("".join(f"{name} {value}\n" for name, value in changed.items()))


def assert_refused(name: str, told: str) -> None:
    with pytest.raises(EdgewiseError, match=f"^{name}: .*{told}"), Board(parse(name)):
        pass


@pytest.mark.parametrize(
    "name",
    [
        "ssh://-oProxyCommand=id",
        "ssh://-l@host",
        "ssh://pi:secret@host",
        "ssh://host:0",
        "ssh://host:70000",
        "ssh://host/path",
        "ssh://a b",
        "ssh://$(id)",
        "ssh://[::1",
        "ssh://",
        "ssh://host\n",
    ],
)
def test_invalid_addresses_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a board; write ssh://pi@raspberrypi"):
        device(name)
