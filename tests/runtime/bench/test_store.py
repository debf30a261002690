"""Records in real files: concurrent writers, killed writers, damaged files and full disks."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, Machine, Record, Trust
from edgewise.runtime.bench.store import SCHEMA, Store, default_path
from edgewise.runtime.bench.timing import percentiles

Build = Callable[..., Record]


def record(key: str, **changes: object) -> Record:
    """A trusted record of a separate run, from 12:01 on the day that `key` ends with."""
    samples = tuple(4 + 0.01 * (index % 9) for index in range(60))
    made = Record(
        id=key,
        run=f"run-{key}",
        started=f"2026-11-{key[-2:]}T12:01:00+00:00",
        edgewise="0.1.0",
        device="local",
        machine=Machine("Board 5", "Linux", "6.1", "glibc", "aarch64", "A76", None, 4, 8, "Python", None),
        model=BenchedModel("tiny", "tflite", "w8a8", "model", "ab" * 32, 1000),
        engine=Engine("LiteRT", "2.3.0", "XNNPACK", 1, 1),
        golden=None,
        threads=1,
        cpus=None,
        load_ms=1.5,
        first_ms=5.0,
        warm_ups=5,
        samples_ms=samples,
        end_to_end_ms=(),
        peak_rss_bytes=None,
        energy_mj=None,
        before=Conditions("2026-11-20T12:00:00Z", governors=("performance",)),
        after=None,
        others=0.0,
        interrupted=None,
        summary=percentiles(samples),
        end_to_end=None,
        drift=1.0,
        verdict=Trust(trusted=True),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "results.sqlite")


def ids(records: list[Record]) -> list[str]:
    return [found.id for found in records]


def test_a_record_is_read_back_unchanged(store: Store) -> None:
    store.append(record("a20"))
    assert store.select() == [record("a20")]


def test_the_same_record_is_stored_once(store: Store) -> None:
    store.append(record("a20"))
    store.append(record("a20", device="adb"))
    assert store.select() == [record("a20")]


def test_records_are_added_together_or_not_at_all(store: Store) -> None:
    store.add([record("a20"), record("a21")])
    with pytest.raises(UsageError, match=r"'a21' is already in .*results\.sqlite; nothing was added"):
        store.add([record("a22"), record("a21", device="adb")])
    with pytest.raises(UsageError, match="'a23' is already in"):
        store.add([record("a23"), record("a23")])
    assert store.select() == [record("a21"), record("a20")]


def test_reading_does_not_create_a_file(store: Store) -> None:
    assert store.select() == []
    assert store.last_undisturbed(record("a20")) is None
    assert not store.path.parent.exists()


def test_records_are_filtered_and_come_newest_first(store: Store) -> None:
    large = replace(record("x20").model, name="large", target="onnx", precision="fp32")
    doubted = Trust(trusted=False, reasons=("drift",))
    for made in (record("b21"), record("d23", model=large), record("c22", verdict=doubted, device="adb")):
        store.append(made)
    assert ids(store.select()) == ["d23", "c22", "b21"]
    assert ids(store.select(limit=2)) == ["d23", "c22"]
    assert ids(store.select(model="large")) == ids(store.select(target="onnx")) == ["d23"]
    assert ids(store.select(precision="w8a8", trusted=True)) == ["b21"]
    assert ids(store.select(trusted=False)) == ids(store.select(device="adb")) == ["c22"]
    assert ids(store.select(since=datetime(2026, 11, 22, tzinfo=UTC))) == ["d23", "c22"]
    assert store.select(model="large", precision="w8a8") == []


def test_times_of_different_zones_are_compared(store: Store) -> None:
    store.append(record("a", started="2026-11-20T23:30:00-02:00"))
    store.append(record("b", started="2026-11-21T01:00:00Z"))
    assert ids(store.select()) == ["a", "b"]


def test_the_last_undisturbed_record_is_of_the_same_model_on_the_same_device(store: Store) -> None:
    new = record("n25")
    board = replace(new.machine, board="Board 4")
    emulated = replace(new.machine, emulated="qemu-user")
    for made in (
        record("o20"),
        record("p21"),
        record("q22", verdict=Trust(trusted=False, reasons=("drift",))),
        record("r22", threads=2),
        record("s22", machine=board),
        record("t22", machine=emulated),
        record("u22", model=replace(new.model, part="reference")),
        record("v22", run=new.run),
        record("w26"),
    ):
        store.append(made)
    before = store.last_undisturbed(new)
    assert before is not None
    assert before.id == "p21"
    store.append(record("x23", verdict=Trust(trusted=False, unknown=("its frequency",))))
    assert store.last_undisturbed(new) == record(
        "x23", verdict=Trust(trusted=False, unknown=("its frequency",))
    )


def test_an_unknown_board_only_matches_an_unknown_board(store: Store) -> None:
    unknown = replace(record("x20").machine, board=None)
    store.append(record("a20"))
    assert store.last_undisturbed(record("b21", machine=unknown)) is None
    store.append(record("c20", machine=unknown))
    assert store.last_undisturbed(record("b21", machine=unknown)) == record("c20", machine=unknown)


def test_an_id_can_be_shortened_unless_ambiguous(store: Store) -> None:
    for key in ("ab20", "ac21", "%_22"):
        store.append(record(key))
    assert store.find("ab").id == "ab20"
    assert store.find("%").id == "%_22"
    for prefix, complaint in (("a", "several"), ("z", "no id"), ("", "no id")):
        with pytest.raises(UsageError, match=complaint):
            store.find(prefix)


def test_the_default_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("EDGEWISE_RESULTS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/paths/are/invalid")
    assert default_path() == tmp_path / ".local" / "share" / "edgewise" / "results.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_path() == tmp_path / "data" / "edgewise" / "results.sqlite"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_path() == tmp_path / "Library" / "Application Support" / "edgewise" / "results.sqlite"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert default_path() == tmp_path / "local" / "edgewise" / "results.sqlite"
    monkeypatch.setenv("EDGEWISE_RESULTS", "~/mine.sqlite")
    assert default_path() == tmp_path / "mine.sqlite"


# A process that appends copies of the record on its stdin and prints a line when each is on disk.
_WRITER = textwrap.dedent("""
    import json, sys
    from dataclasses import replace
    from pathlib import Path
    from edgewise.runtime.bench.record import Record
    from edgewise.runtime.bench.store import Store

    template, store = Record.from_json(json.load(sys.stdin)), Store(Path(sys.argv[1]))
    for index in range(int(sys.argv[3])):
        store.append(replace(template, id=f"{sys.argv[2]}-{index}"))
        print(index, flush=True)
""")


def writer(store: Store, name: str, count: int, written: Record) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(store.path), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    json.dump(written.to_json(), child.stdin)
    child.stdin.close()
    return child


def test_several_processes_write_at_once_and_nothing_is_lost(store: Store) -> None:
    children = [writer(store, name, 15, record("a20")) for name in ("one", "two", "three", "four")]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    for child in children:
        assert child.stdout is not None
        child.stdout.close()
    assert len(store.select()) == 60


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_written(store: Store) -> None:
    # Tens of thousands of samples, so that a write takes long enough to be interrupted.
    large = record("a20", samples_ms=tuple(4 + index / 1e6 for index in range(30_000)))
    hot = 0
    for attempt in range(8):
        with writer(store, f"{attempt}", 10_000, large) as child:
            assert child.stdout is not None
            told = [int(child.stdout.readline())]
            journal = store.path.with_name("results.sqlite-journal")
            deadline = time.monotonic() + 10
            while not (journal.exists() and journal.stat().st_size) and time.monotonic() < deadline:
                pass
            os.kill(child.pid, signal.SIGKILL)
            told += [int(line) for line in child.stdout.read().split()]
        hot += journal.exists()
        kept = {found.id for found in store.select()}
        assert {f"{attempt}-{index}" for index in told} <= kept
        with sqlite3.connect(store.path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    assert hot, "no kill interrupted a write"


def test_two_concurrent_first_writers_create_one_store(tmp_path: Path) -> None:
    for attempt in range(3):
        store = Store(tmp_path / str(attempt) / "results.sqlite")
        children = [writer(store, name, 1, record("a20")) for name in ("one", "two")]
        for child in children:
            assert child.wait(60) == 0
            assert child.stdout is not None
            child.stdout.close()
        assert len(store.select()) == 2


def test_a_damaged_file_is_named_and_not_changed(store: Store) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = store.path.read_bytes()
    for use in (store.select, lambda: store.append(record("a20"))):
        with pytest.raises(EdgewiseError, match=r"results\.sqlite: is damaged"):
            use()
    assert store.path.read_bytes() == before


def test_a_page_of_garbage_is_found(store: Store) -> None:
    for index in range(10, 30):
        store.append(record(f"a{index}"))
    content = bytearray(store.path.read_bytes())
    content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    store.path.write_bytes(content)
    with pytest.raises(EdgewiseError, match=r"results\.sqlite: is damaged"):
        store.select()


def test_a_newer_store_is_neither_read_nor_written(store: Store) -> None:
    store.append(record("a20"))
    database = sqlite3.connect(store.path)
    database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()
    for use in (store.select, lambda: store.append(record("b21"))):
        with pytest.raises(EdgewiseError, match="written by a newer edgewise"):
            use()


def test_another_programs_database_is_not_changed(store: Store) -> None:
    store.path.parent.mkdir()
    database = sqlite3.connect(store.path)
    database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()
    with pytest.raises(EdgewiseError, match="another program's database"):
        store.append(record("a20"))


def test_a_record_of_a_newer_schema_is_not_skipped(store: Store) -> None:
    store.append(record("a20"))
    database = sqlite3.connect(store.path)
    database.execute("UPDATE results SET record = json_set(record, '$.schema', 99)")
    database.commit()
    database.close()
    with pytest.raises(EdgewiseError, match="schema 99"):
        store.select()


# Without capabilities, even root is bound by file permissions.
_PLAIN_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
_READER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from edgewise.runtime.bench.store import Store

    store = Store(Path(sys.argv[1]))
    (found,) = store.select()
    print(found.id, flush=True)
    store.append(found)
""")


def test_a_read_only_store_can_be_read_and_explains_why_it_cannot_be_written(store: Store) -> None:
    store.append(record("a20"))
    store.path.chmod(0o444)
    store.path.parent.chmod(0o555)
    ended = subprocess.run(
        [*_PLAIN_USER, sys.executable, "-c", _READER, str(store.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    store.path.parent.chmod(0o755)
    assert ended.stdout == "a20\n", ended.stderr
    assert "results.sqlite: cannot be written; choose another file with --results" in ended.stderr


def test_a_folder_in_place_of_the_file_is_reported(store: Store) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(EdgewiseError, match="cannot be opened or created"):
        store.append(record("a20"))


def test_a_file_in_place_of_the_folder_is_reported(store: Store) -> None:
    store.path.parent.write_text("")
    with pytest.raises(EdgewiseError, match="cannot be opened or created"):
        store.append(record("a20"))


def test_a_full_disk_leaves_no_partial_record(store: Store) -> None:
    store.append(record("a20"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # A limit for the size of files: the kernel refuses the write as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.stat().st_size, before[1]))
    try:
        with pytest.raises(EdgewiseError, match=r"check the disk, its free space|the disk is full"):
            store.append(record("b21", samples_ms=tuple(4 + index / 1e6 for index in range(10_000))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert ids(store.select()) == ["a20"]
