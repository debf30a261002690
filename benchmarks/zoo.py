"""Exports every architecture to every target in float and INT8 and writes what came of it as a table.

    uv run python benchmarks/zoo.py [--only NAME,...] [--largest MACS] [--imgsz N]
                                    [--results DIR] [--table FILE]

Each network runs in a process of its own; what was measured is kept in DIR, one JSON file a network, so that
an interrupted run goes on where it was. All of them at their own size take some hours on two cores.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import edgewise
from edgewise.models.zoo import Architecture, architectures, find

HERE = Path(__file__).parent
_HEADINGS = (
    "network",
    "pixels",
    "target",
    "INT8 form",
    "parity",
    "MB float",
    "MB INT8",
    "ms float",
    "ms INT8",
    "faster",
    "INT8 operators",
    "SQNR",
    "agreement",
    "verdict",
)
_ABOUT = """# Every architecture on every target

By `uv run python benchmarks/zoo.py`; {machine}; {versions}.

Weights are random, since trained ones cannot be had for all of them everywhere: the table proves conversion,
parity, structure, speed and that INT8 follows float. It says nothing of accuracy. Batch norms have the
statistics of pictures and a shift that keeps deep networks from amplifying what is rounded; even so, random
networks do so more than trained ones: MobileNetV2 comes to 14 dB here, to 21 dB with ImageNet weights. 32
generated pictures calibrate, and nothing is cured (`--no-recover`).

- pixels: the network's own, unless `--imgsz` gave others.
- parity: largest difference of the float file from PyTorch, relative to the largest output.
- ms: CPU time of one picture in one thread, median of interleaved rounds; faster: float / INT8, with its 95 %
  interval.
- INT8 operators: how many of the file's operators that compute do so in integers; w8a32 converts weights and
  activations inside of an operator, which then counts as float.
- SQNR, agreement: of the INT8 file's logits, and of its first choices among 1,000 classes, with the float
  file's, for those 40 of 160 generated pictures that the float file answers most decidedly.
- verdict: of the accuracy gate, which wants an agreement of 75 %, and of the times.

"""
_PATIENCE_S = 3 * 3600
_CALIBRATION = 32  # pictures
# Static INT8 is not their best form on every target: w8a32 stands beside it.
_TRANSFORMERS = ("convnext", "vit", "deit")
_PACE = {"faster": "faster", "alike": "no faster", "slower": "SLOWER"}


def measure(row: Architecture, results: Path, imgsz: int | None) -> dict[str, Any]:
    """Convert one network for all targets; the document of the conversion, or why it failed."""
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as work:
        child = context.Process(target=_convert, args=(sender, row.name, imgsz, work))
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
    (results / f"{row.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _convert(sender: Connection, name: str, imgsz: int | None, out: str) -> None:
    """Be the child: convert, and send what `measure` returns."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # libraries print
        os.dup2(silence, descriptor)
    precisions = ("fp32", "w8a8", "w8a32") if name.startswith(_TRANSFORMERS) else ("fp32", "w8a8")
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
            out=out,
        )
        sender.send(made.to_json())
    except edgewise.EdgewiseError as error:
        sender.send({"failure": str(error)})


def lines(row: Architecture, found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line of the table for each INT8 file."""
    if "failure" in found:
        yield (row.title, *[""] * (len(_HEADINGS) - 2), found["failure"])
        return
    for bundle in found["bundles"]:
        manifest = bundle["manifest"]
        if manifest["precision"] == "fp32":
            continue
        latency, agreed = manifest["latency"], manifest["verification"]["agreement"]
        speedup = latency["speedup"]
        yield (
            row.title,
            str(manifest["spec"]["preprocess"]["size"]),
            manifest["target"],
            manifest["precision"],
            f"{manifest['parity']['max_rel']:.0e}",
            f"{bundle['float_size_bytes'] / 1e6:.1f}",
            f"{bundle['size_bytes'] / 1e6:.1f}",
            f"{latency['float']['p50_ms']:.1f}",
            f"{latency['quantized']['p50_ms']:.1f}",
            f"{speedup['ratio']:.2f} ({speedup['interval']['low']:.2f} to {speedup['interval']['high']:.2f})",
            _share(manifest["structure"]["operators"]),
            f"{agreed['sqnr_db']:.1f} dB",
            f"{100 * agreed['top1']:.1f} %",
            f"{manifest['verification']['verdict'].upper()}, {_PACE[bundle['pace']]}",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command of this file; returns how many networks failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="names with commas between; all without it")
    parser.add_argument("--largest", type=float, default=float("inf"), help="leave out networks of more MACs")
    parser.add_argument("--imgsz", type=int, help="side in pixels; each network's own without it")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--table", type=Path, default=HERE / "zoo.md")
    chosen = parser.parse_args(arguments)
    rows = [find(name) for name in chosen.only.split(",")] if chosen.only else list(architectures())
    rows = sorted((row for row in rows if (row.macs or 0) <= chosen.largest), key=lambda row: row.macs or 0)
    failures = 0
    for row in rows:
        kept = chosen.results / f"{row.name}.json"
        found = json.loads(kept.read_text()) if kept.is_file() else measure(row, chosen.results, chosen.imgsz)
        failures += "failure" in found
        print(row.name, found["total_seconds"], "s", found.get("failure", ""), file=sys.stderr, flush=True)
    known = [
        (row, json.loads(kept.read_text()))
        for row in architectures()
        if (kept := chosen.results / f"{row.name}.json").is_file()
    ]
    table = _markdown([line for row, found in known for line in lines(row, found)])
    measured = {row.name for row, _ in known}
    missing = [row.title for row in architectures() if row.name not in measured]
    chosen.table.write_text(_about([found for _, found in known], missing) + table)
    return failures


def _about(results: list[dict[str, Any]], missing: list[str]) -> str:
    """What stands above the table: on what it was measured, how to read it, and what it lacks."""
    manifests = [bundle["manifest"] for found in results for bundle in found.get("bundles", ())]
    machines = {machine["processor"] + ", " + machine["isa"] for machine in _each(manifests, "machine")}
    versions = {
        ", ".join(f"{library} {version}" for library, version in used.items())
        for used in _each(manifests, "versions")
    }
    about = _ABOUT.format(machine="; ".join(sorted(machines)), versions="; ".join(sorted(versions)))
    return about + (f"Not in it yet: {', '.join(missing)}.\n\n" if missing else "")


def _each(manifests: list[dict[str, Any]], key: str) -> Iterator[dict[str, Any]]:
    return (manifest[key] for manifest in manifests)


def _share(operators: list[dict[str, Any]]) -> str:
    """How many of the operators that compute do so in INT8."""
    computing = [operator for operator in operators if operator["arithmetic"] != "cast"]
    whole = sum(operator["count"] for operator in computing)
    integer = sum(operator["count"] for operator in computing if operator["arithmetic"].startswith("int"))
    return f"{integer} of {whole}"


def _markdown(table: list[tuple[str, ...]]) -> str:
    rows = [_HEADINGS, ("---",) * len(_HEADINGS), *table]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
