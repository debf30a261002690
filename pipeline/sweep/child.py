"""The process that makes all missing files of one network.

    python -P -m edgewise.pipeline.sweep.child < request.json

Its memory returns when it ends, and a crash of a library ends it alone. One line on stdin says what to make;
lines on stdout tell its stages and notices and, in the end, what was made. It ends as soon as stdin does, and
so when the sweep is killed.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ...export.precision import Precision
from ...models.errors import EdgewiseError, MissingDependencyError, UsageError
from ...runtime.bench.memory import Memory
from ...runtime.child import answering
from ..convert import run
from ..progress import Counter
from ..report import from_csv
from .figures import SweptFailure, SweptFile
from .plan import SweptNetwork

if TYPE_CHECKING:
    from ..conversion import Conversion


_LOADING = 2  # stages before anything is converted: what is missing may come, a file or a connection


class _Lines:
    """Progress, as lines of JSON."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self.reached = stream, 0

    def say(self, **content: Any) -> None:
        print(json.dumps(content, allow_nan=False), file=self._stream, flush=True)

    @contextmanager
    def stage(self, title: str, number: int, of: int) -> Iterator[Counter]:
        self.say(stage=title, number=number, of=of)
        self.reached = max(self.reached, number)
        yield _uncounted

    def notice(self, line: str) -> None:
        self.say(notice=line)


def _uncounted(done: int, total: int) -> None:
    """The sweep counts stages alone."""


def main() -> None:
    """Be the child."""
    memory = Memory()
    with answering() as answer:
        asked = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        lines = _Lines(answer)
        found = _made(asked, lines)
        lines.say(**found, peak_rss_bytes=memory.grown())


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


def _made(asked: dict[str, Any], lines: _Lines) -> dict[str, Any]:
    """Convert; each file with its figures, and each failure."""
    network = SweptNetwork(asked["name"], asked["settings"])
    targets, precisions = asked["targets"], [Precision(name) for name in asked["precisions"]]
    try:
        request = network.request(Path(asked["out"]), targets, precisions)
        request = replace(request, jobs=asked.get("jobs"))  # as many as a cluster's task may use
        conversion: Conversion | None = run(request, lines)
    except EdgewiseError as error:
        conversion = error.conversion
        if conversion is None:
            pairs = [(target, precision) for target in targets for precision in precisions]
            lasts = lines.reached > _LOADING
            return {"files": [], "failures": [_failed(error, *pair, lasts=lasts) for pair in pairs]}
    assert conversion is not None  # noqa: S101 - for type checkers
    files = [
        {
            "target": product.target,
            "requested": str(product.requested),
            "bundle": str(product.bundle.folder),
            "file": asdict(SweptFile.of(product, from_csv(Path(product.bundle.folder, "predictions.csv")))),
        }
        for product in conversion.products
    ]
    failures = [
        _failed(failure.error, failure.target, failure.requested, lasts=True)
        for failure in conversion.failures
    ]
    return {"files": files, "failures": failures}


def _failed(error: EdgewiseError, target: str, precision: Precision, *, lasts: bool) -> dict[str, Any]:
    lasts = lasts and not isinstance(error, UsageError | MissingDependencyError)
    failure = SweptFailure(str(error), error.exit_name, error.exit_code, lasts)
    return {"target": target, "requested": str(precision), "failure": asdict(failure)}


if __name__ == "__main__":
    main()
