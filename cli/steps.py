"""Run the steps of a pipeline file, each as a process of its own: the program that a user would start."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..models.errors import EdgewiseError
from ..runtime.child import ending
from .pipeline_file import PipelineStep

_PATIENCE_S = 15.0  # that an interrupted step has to tidy up


@dataclass(frozen=True, slots=True)
class StepRun:
    """A step with the options that `edgewise run` adds, and how it ended: None where it did not run.

    `document` is what the step printed as JSON, where that was asked for.
    """

    step: PipelineStep
    added: tuple[str, ...]
    exit_code: int | None = None
    seconds: float | None = None
    document: dict[str, Any] | None = None

    @property
    def command(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(["edgewise", *self.step.words(*self.added)])

    def to_json(self) -> dict[str, Any]:
        """Its part of the document `run`."""
        return {
            "number": self.step.number,
            "command": self.command,
            "exit_code": self.exit_code,
            "seconds": self.seconds,
            "document": self.document,
        }


def planned(step: PipelineStep, pipeline: Path, folder: Path) -> StepRun:
    """The step with what `edgewise run` adds: the file for the bundle, and --resume where training began."""
    own: list[str] = []
    if "pipeline" in step.values and step.values["pipeline"] is None:
        own += ["--pipeline", str(pipeline)]
    if step.values.get("resume") is False and _has_begun(step, folder):
        own.append("--resume")
    return StepRun(step, tuple(own))


def _has_begun(step: PipelineStep, folder: Path) -> bool:
    from ..models.training.run import RECIPE
    from ..pipeline.train import run_folder

    place = run_folder(step.values["name"], step.values["out"])
    return place is not None and (folder / place / RECIPE).is_file()


def ran(run: StepRun, folder: Path, *options: str, as_json: bool) -> StepRun:
    """Run the step with further options in `folder`, to its end whatever that is."""
    # -P: otherwise a file in the folder with the name of a library would be imported instead.
    command = [sys.executable, "-P", "-m", __package__, *run.step.words(*run.added, *options)]
    begun = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=folder, stdout=subprocess.PIPE if as_json else None
    )
    with child, _ending(child):
        told, _ = child.communicate()
    seconds = time.perf_counter() - begun
    return replace(run, exit_code=child.returncode, seconds=seconds, document=_document(told))


def _document(told: bytes | None) -> dict[str, Any] | None:
    with suppress(ValueError):
        found = json.loads(told or b"null")
        return found if isinstance(found, dict) else None
    return None


@contextmanager
def _ending(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Pass SIGTERM on to the child, and let it tidy up after that or a Ctrl-C, which it gets by itself."""
    previous = signal.getsignal(signal.SIGTERM)

    def forward(number: int, frame: Any) -> None:
        child.send_signal(number)
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, forward)
    try:
        yield
    except KeyboardInterrupt:
        for end in (child.terminate, child.kill):  # where it was not interrupted with us, or hangs
            with suppress(subprocess.TimeoutExpired):
                child.wait(_PATIENCE_S)
                break
            end()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def failure(run: StepRun, told: str) -> EdgewiseError:
    """The error of a step that failed, with its exit code.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    code = run.exit_code or 0
    if code in {128 + signal.SIGINT, -signal.SIGINT}:
        raise KeyboardInterrupt
    kinds = {kind.exit_code: kind for kind in EdgewiseError.__subclasses__() if "exit_code" in vars(kind)}
    kind = kinds.get(code, EdgewiseError)
    how = f"exit code {code}" if code > 0 else ending(code)
    # Without __init__: one of them composes its own message.
    return kind.__new__(kind, f"step {run.step.number} ({run.step.name}) failed with {how}; {told}")
