"""What `edgewise run` adds to a step, and how a step that failed is told."""

import signal
from pathlib import Path
from typing import Any

import pytest

from edgewise.cli.pipeline_file import PipelineStep
from edgewise.cli.steps import StepRun, failure, planned, ran
from edgewise.models.errors import AccuracyError, EdgewiseError, MissingDependencyError

FILE = Path("pipeline.toml")


def step(command: str, *arguments: str, **values: Any) -> PipelineStep:
    return PipelineStep(2, command, arguments, (), values)


def test_a_command_that_makes_bundles_gets_the_file() -> None:
    assert planned(step("export", "net", pipeline=None), FILE, Path()).added == ("--pipeline", str(FILE))
    assert planned(step("export", "net", pipeline=Path("other")), FILE, Path()).added == ()
    assert planned(step("verify", "bundle"), FILE, Path()).added == ()


def test_a_training_that_has_begun_goes_on(tmp_path: Path) -> None:
    for out, place in (("runs/mine", "runs/mine"), (None, "runs/mobilenetv2")):
        training = step("train", "mobilenetv2", name="mobilenetv2", resume=False, out=out)
        assert planned(training, FILE, tmp_path).added == ()
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "recipe.json").write_text("{}")
        assert planned(training, FILE, tmp_path).added == ("--resume",)
    asked = step("train", "mobilenetv2", name="mobilenetv2", resume=True, out=None)
    assert planned(asked, FILE, tmp_path).added == ()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (3, AccuracyError, "step 2 (verify) failed with exit code 3; more"),
        (6, MissingDependencyError, "exit code 6"),
        (1, EdgewiseError, "exit code 1"),
        (42, EdgewiseError, "exit code 42"),
        (-signal.SIGKILL, EdgewiseError, "failed with SIGKILL"),
    ],
)
def test_a_failure_has_the_code_of_the_step(code: int, kind: type[EdgewiseError], words: str) -> None:
    error = failure(StepRun(step("verify", "bundle"), (), code), "more")
    assert type(error) is kind
    assert words in str(error)


def test_an_interrupted_step_interrupts_the_run() -> None:
    with pytest.raises(KeyboardInterrupt):
        failure(StepRun(step("verify", "bundle"), (), 130), "more")


def test_a_step_is_the_program_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the folder was imported')")
    found = ran(StepRun(step("models"), ()), tmp_path, "--json", as_json=True)
    assert (found.exit_code, capfd.readouterr().out) == (0, "")
    assert found.document is not None
    assert found.document["schema"] == "edgewise.networks"
    lost = ran(StepRun(step("verify", "nowhere"), ()), tmp_path, as_json=False)
    assert (lost.exit_code, lost.document) == (2, None)
    assert "nowhere: no such bundle" in capfd.readouterr().err
