"""A model for the page: which engine, which file, which input."""

from typing import Any

import numpy as np

from ...export.facts import TARGETS
from ...models.errors import UsageError
from ..bench.record import Engine
from ..bench.request import Contender
from ..bench.subject import Subject
from ._loopback import File
from ._npm import Packages


def subject(contender: Contender, otherwise: str = "measure {target} with --device local") -> Subject:
    """Open its bundle; `otherwise` is what a user can do with files of a target that browsers cannot run.

    Raises:
        UsageError: the bundle or its part does not exist, or browsers have no engine for it.
        EdgewiseError: the bundle is damaged.
    """
    found = Subject.of(contender)
    bundle = found.bundle
    if TARGETS[bundle.target].web is None:
        able = " or ".join(name for name, row in TARGETS.items() if row.web)
        raise UsageError(
            f"{bundle.folder}: browsers have no engine for {bundle.target} files; take a {able} bundle, or "
            f"{otherwise.format(target=bundle.target)}"
        )
    if bundle.io != "float32" and found.part == "model":
        raise UsageError(
            f"{bundle.folder}: its input is {bundle.io}, which LiteRT.js does not support; "
            "export it with --io float32, which still computes in INT8"
        )
    return found


def plan(of: Subject, place: int, threads: int) -> tuple[dict[str, Any], dict[str, File]]:
    """The page's instructions, and the files that it loads, by name."""
    picture = of.bundle.golden().input
    if TARGETS[of.bundle.target].channels_first:
        picture = picture.transpose(0, 3, 1, 2)
    files: dict[str, File] = {
        f"model/{place}": of.path,
        f"input/{place}": np.ascontiguousarray(picture, "<f4").tobytes(),
    }
    model, source = files
    told = {"title": of.model.title, "target": of.bundle.target, "threads": threads}
    return told | {"model": model, "input": source, "shape": picture.shape}, files


def engine(of: Subject, installed: Packages, delegate: str | None) -> Engine:
    """The engine; browser engines do not report what they made of the graph."""
    found = TARGETS[of.bundle.target].web
    assert found is not None  # noqa: S101 - see `subject`
    return Engine(found.name, installed.version(found.package), delegate, None, None)
