"""A STAND-IN for the demo app's self-test, for tests: `am start`'s options, and records of the host's LiteRT.

It really computes and measures, on the host: the records are made by edgewise's own runner, and carry the
fields of the app's. Written to the folder that `run-as` shows as the app's data.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np

from edgewise.runtime import open_session
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices import device


def main() -> None:
    data, arguments = Path(sys.argv[1]), sys.argv[2:]
    order = _order(arguments)
    folder = data / "files" / "bench"
    if "pictures" in order:
        np.save(folder / order["logits"], _logits(folder, order))
        _answer(folder, order, {"logits": order["logits"]})
        return
    request = BenchRequest(
        tuple(
            Contender(str(folder / order["bundle"]), cast("Any", part)) for part in order["parts"].split(",")
        ),
        threads=int(order["threads"]),
        runs=int(order["runs"]),
        seconds=float(order["seconds"]),
        warm_ups=int(order["warm_ups"]),
        warm_up_seconds=float(order["warm_up_seconds"]),
        end_to_end=2,
    )
    gathered = Gathered(request, "android")
    for event in device("local").run(request):
        gathered.add(event)
    records = [record.to_json() for record in gathered.records()]
    for record in records:
        record["engine"]["delegate"] = order["accelerator"]
    _answer(folder, order, {"records": records})


def _logits(folder: Path, order: dict[str, str]) -> Any:
    bundle = Bundle.open(folder / order["bundle"])
    return open_session(bundle.model, bundle.target, int(order["threads"]))(
        np.load(folder / order["pictures"])
    )


def _answer(folder: Path, order: dict[str, str], document: dict[str, Any]) -> None:
    """It appears complete, as the app's does."""
    partial = folder / "partial"
    partial.write_text(json.dumps(document), "utf-8")
    partial.rename(folder / order["answer"])


def _order(arguments: list[str]) -> dict[str, str]:
    """The extras of an intent."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-W", action="store_true")
    parser.add_argument("-n", required=True)
    for kind in ("--es", "--ei", "--ef"):
        parser.add_argument(kind, nargs=2, action="append", default=[])
    told = parser.parse_args(arguments)
    assert told.n == "edgewise.demo/.SelfTestActivity"
    return {name: text for pairs in (told.es, told.ei, told.ef) for name, text in pairs}


main()
