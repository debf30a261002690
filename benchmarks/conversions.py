"""Converts networks with random weights, each in a process of its own, and keeps the documents."""

import json
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import edgewise
from edgewise.models.files import write_file

_PATIENCE_S = 3 * 3600
_CALIBRATION = 32  # pictures


def kept(results: Path, name: str) -> Path:
    """Where the document of a network is."""
    return results / f"{re.sub(r'[^A-Za-z0-9_.]', '-', name)}.json"


def measure(name: str, results: Path, imgsz: int | None, precisions: Iterable[str]) -> dict[str, Any]:
    """Convert one network for all targets; the document of the conversion, or why it failed."""
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as work:
        child = context.Process(target=_convert, args=(sender, name, imgsz, [*precisions], work))
        child.start()
        sender.close()  # the child's end alone is open, so that its death ends the waiting
        try:
            found = receiver.recv() if receiver.poll(_PATIENCE_S) else None
        except EOFError:
            child.join()
            found = {"failure": f"the process ended with status {child.exitcode}"}
        finally:
            child.kill()
            child.join()
    found = found or {"failure": f"took longer than {_PATIENCE_S} s"}
    found["total_seconds"] = round(time.perf_counter() - start, 1)
    results.mkdir(parents=True, exist_ok=True)
    write_file(kept(results, name), f"{json.dumps(found, indent=1)}\n".encode())
    return found


def _convert(sender: Connection, name: str, imgsz: int | None, precisions: list[str], out: str) -> None:
    """Be the child: convert, and send what `measure` returns."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # libraries print
        os.dup2(silence, descriptor)
    try:
        made = edgewise.convert(
            name,
            weights="random",
            to="all",
            precision=precisions,
            imgsz=imgsz,
            calib_count=_CALIBRATION,
            recover=False,
            force=True,
            report=False,
            out=out,
        )
        sender.send(made.to_json())
    except edgewise.EdgewiseError as error:
        sender.send(error.conversion.to_json() if error.conversion else {"failure": str(error)})
