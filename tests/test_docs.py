"""The documentation is true: commands run and print what is shown, and documents fit their schemas.

The one export of this file is the first command of README. Its bundle is what the pages work with, one after
the other in one folder, so that nothing is made twice.
"""

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import intervals
import pytest
import reference
import schemas
import shown
import trust_rules
from jsonschema import Draft202012Validator

import edgewise
from edgewise.cli.main import cli
from edgewise.export.artifact import Artifact
from edgewise.pipeline.document import VERSIONS

if TYPE_CHECKING:
    from torch import nn

    from edgewise.quantize.calibration import Calibration
    from edgewise.quantize.refine import Refined

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PAGES = {path.relative_to(ROOT).as_posix(): path for path in shown.pages()}
ALL = [one for path in PAGES.values() for one in shown.shown(path)]
NOT_RUN = [one for one in ALL if one.reason is not None]
RUN = [name for name, path in PAGES.items() if any(one.reason is None for one in shown.shown(path))]

# What a command that is not run may begin with, besides `edgewise`.
TOOLS = {"eval", "edgewise/bin/pip", "pip", "pytest", "python", "python3", "scp", "ssh", "uv"}
TOOLS |= {".venv/bin/pip", "adb", "ray"}
_NUMBER = re.compile(r"[0-9a-f]{12}|-?\d+(,\d{3})*(\.\d+)?(e-?\d+)?")
_SLOWER = re.compile(r"^(?:SLOWER|no faster) than float (.* times as fast as .*?\))(: .*)?$")


class Workspace:
    """A folder in which the pages' commands run, each once: a second time gives what it printed before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shown.prepare(folder)
        self._run = cache(self._really)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self._run(*argv)

    def _really(self, *argv: str) -> subprocess.CompletedProcess[str]:
        environment = shown.offline(self.folder)
        command = shown.program(list(argv))
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With the bundle that README's first command makes."""
    made = Workspace(tmp_path_factory.mktemp("docs"))
    first = shown.shown(ROOT / "README.md")[0]
    assert first.argv()[:2] == ["edgewise", "export"]
    done = made.run(*first.argv())
    assert done.returncode == 0, done.stderr
    return made


def test_every_rule_of_trust_names_the_cases_that_prove_it() -> None:
    assert trust_rules.PAGE.read_text("utf-8") == trust_rules.written()


def test_the_picture_of_intervals_is_what_the_verdicts_are() -> None:
    assert intervals.PICTURE.read_text("utf-8") == intervals.drawn()


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_page_does_what_it_shows(page: str, workspace: Workspace) -> None:
    for one in shown.shown(PAGES[page]):
        if one.reason is not None:
            continue
        if one.language == "python":
            if name := re.match(r"# (\w+\.py)\n", one.text):  # a file of the reader's
                (workspace.folder / name[1]).write_text(one.text, "utf-8")
            done = workspace.run("python", "-c", one.text)
        else:
            done = workspace.run(*one.argv())
        assert done.returncode == one.exit_code, f"{one}: {one.text}\n{done.stdout}{done.stderr}"
        said = f"{done.stderr}{done.stdout}"
        for line in filter(None, map(masked, one.output)):
            assert line in set(map(masked, said.splitlines())), f"{one}: {one.text}\n{line}\n---\n{said}"


@pytest.mark.parametrize("one", NOT_RUN, ids=str)
def test_what_is_not_run_could_be(one: shown.Shown) -> None:
    assert one.reason in shown.REASONS
    if one.language == "python":
        called = bind(one.text)
        assert called, "a program that calls nothing of edgewise has no reason not to run"
        return
    for command in one.text.split(" && "):
        words = replace(one, text=command).argv()
        if words[0] == "edgewise":
            parse(words[1:])
        else:
            assert words[0] in TOOLS or words[0].endswith("/edgewise"), f"{one}: {words[0]}"
        for place, word in enumerate(words):  # one that another tool starts
            if place and word.endswith("bin/edgewise"):
                parse(words[place + 1 :])


def masked(line: str) -> str:
    """The line without its numbers, how columns are filled, and what processors with slow INT8 add to it."""
    return re.sub(r"\s+", " ", _NUMBER.sub("#", _SLOWER.sub(r"\1", line))).strip()


def parse(words: list[str]) -> click.Context:
    """Let click read the words of a command, which fails for unknown commands, options and values."""
    command: click.Command = cli
    context, name = click.Context(cli, **cli.context_settings), "edgewise"
    while isinstance(command, click.Group):
        found, inner, words = command.resolve_command(context, words)
        assert found is not None
        assert inner is not None
        name, command = found, inner
        if isinstance(command, click.Group):
            context = click.Context(command, parent=context, info_name=name)
    return command.make_context(name, list(words), parent=context)


def bind(program: str) -> list[str]:
    """The functions of edgewise that a program calls; fails where one does not take the arguments."""
    called = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("edgewise."):
            name = ast.unparse(node.func).removeprefix("edgewise.")
            assert name in edgewise.__all__
            given = {word.arg: None for word in node.keywords if word.arg is not None}
            inspect.signature(getattr(edgewise, name)).bind(*node.args, **given)
            called.append(name)
    return called


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("expot mobilenetv2", "did you mean 'export'"),
        ("export mobilenetv2 --in8", "No such option"),
        ("export", "Missing argument"),
        ("device setup", "Missing argument"),
        ("bench dist/a --runs many", "not a valid integer"),
    ],
)
def test_a_command_that_cannot_be_is_caught(command: str, fault: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse(shlex.split(command))
    assert fault in caught.value.format_message()


def test_a_program_that_cannot_be_is_caught() -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        bind("edgewise.verify('x', dat='y')")


def test_blocks_are_found_with_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ edgewise a \\\n    --b\nsaid\n$ c\n```\n\n<!-- not run: needs a board -->\n"
        "```sh\n# a comment\nuv run edgewise d\n```\n"
        "<!-- exit code: 3 -->\n```sh\ne\n```\n```text\n$ f\n```\n"
    )
    first, second, third, fourth = shown.shown(page)
    assert first.argv() == ["edgewise", "a", "--b"]
    assert (first.line, first.lines, first.output) == (2, 2, ("said",))
    assert (second.line, second.output, second.reason) == (5, (), None)
    assert (third.argv(), third.reason) == (["edgewise", "d"], "needs a board")
    assert (fourth.line, fourth.exit_code) == (15, 3)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_has_a_script_for_each_shell(shell: str) -> None:
    script = completion(f"{shell}_source")
    assert f"_EDGEWISE_COMPLETE={shell}_complete" in script


def test_completion_knows_commands() -> None:
    assert completion("bash_complete", COMP_WORDS="edgewise exp", COMP_CWORD="1").split() == ["plain,export"]


def completion(instruction: str, **more: str) -> str:
    done = subprocess.run(
        shown.program(["edgewise"]),
        env=os.environ | {"_EDGEWISE_COMPLETE": instruction} | more,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


# The examples


def run_example(*command: str, bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"EDGEWISE_BUNDLE": str(bundle)},
        capture_output=True,
        text=True,
        check=False,
    )


def run_pytest(bundle: Path) -> subprocess.CompletedProcess[str]:
    return run_example("-m", "pytest", "-n0", "-q", str(EXAMPLES / "test_degradation.py"), bundle=bundle)


@pytest.mark.slow
def test_the_notebook_runs(tiny_bundle: Path) -> None:
    done = run_example(str(EXAMPLES / "notebook.py"), bundle=tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "tiny tflite w8a8 6 classes" in done.stdout
    assert "tflite fp32 and tflite w8a8" in done.stdout


@pytest.mark.slow
def test_the_pytest_passes_for_a_good_bundle(workspace: Workspace) -> None:
    done = run_pytest(workspace.folder / "dist" / "mobilenetv2-tflite-w8a8")
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest.mark.slow
def test_the_pytest_fails_where_a_model_degraded(
    tiny_network: "nn.Module",
    tiny_float: Artifact,
    tiny_refined: "Refined",
    tiny_calibration: "Calibration",
    tmp_path: Path,
) -> None:
    """As after a calibration with pictures that are all of one grey."""
    from edgewise.quantize.recipe import Recipe
    from edgewise.quantize.tflite.quantizer import quantize
    from edgewise.runtime import open_session, runtime
    from edgewise.runtime.bundle import write_bundle
    from edgewise.runtime.judge.golden import sample
    from edgewise.runtime.reference import TorchSession

    grey = replace(tiny_calibration, pixels=tiny_calibration.pixels // 32 + 112)
    file = quantize(tiny_float, tiny_refined, grey, Recipe(), tmp_path / "grey.tflite")
    golden = sample(file.spec.preprocess, TorchSession(tiny_network), open_session(file.path, file.target))
    record = {"structure": runtime(file.target).read_structure(file.path).to_json()}
    bundle = write_bundle(tmp_path / "grey", file, tiny_float, golden, record)
    done = run_pytest(bundle.folder)
    assert done.returncode == 1, done.stdout
    assert "AccuracyError: accuracy gate fail: top-1 agreement" in done.stdout


# The documents


def check(document: dict[str, Any], name: str) -> None:
    """A document, as it is printed, is of that name and fits its schema."""
    plain = json.loads(json.dumps(document))
    assert plain["schema"] == f"edgewise.{name}"
    found = schemas.misfits(plain)
    assert not found, found[:5]


def printed(*words: str, code: int = 0) -> dict[str, Any]:
    """The one document that a command prints."""
    command = shown.program(["edgewise", *words, "--json"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_every_document_has_a_schema() -> None:
    files = {path.name.removesuffix(".schema.json") for path in schemas.SCHEMAS.iterdir()}
    assert files == {*VERSIONS, "error"}


@pytest.mark.parametrize("name", [*VERSIONS, "error"])
def test_a_schema_is_valid_and_of_this_code(name: str) -> None:
    text = schemas.path(name).read_text("utf-8")
    Draft202012Validator.check_schema(json.loads(text))
    assert text == schemas.written(name), "run `uv run python docs/tools/schemas.py`"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda it: it.pop("bundle"), "'bundle' is a required property"),
        (lambda it: it["predictions"][0]["answers"][0].update(probability="much"), "'much' is not"),
        (lambda it: it["predictions"][0].update(more=1), "'more' was unexpected"),
        (lambda it: it.update(schema_version=2), "1 was expected"),
    ],
)
def test_a_document_that_does_not_fit_is_caught(change: Callable[[dict[str, Any]], Any], fault: str) -> None:
    answer = {"class": 1, "label": "bee", "probability": 0.5}
    predictions = [{"image": "a.png", "answers": [answer]}]
    fit = {"schema": "edgewise.prediction", "schema_version": 1, "bundle": "b", "predictions": predictions}
    check(fit, "prediction")
    change(fit)
    with pytest.raises(AssertionError, match=fault):
        check(fit, "prediction")


# Documents of jobs and of other commands are checked where these are tested, in tests/pipeline and tests/cli.


@pytest.mark.slow
def test_documents_of_a_bundle(tiny_bundle: Path) -> None:
    picture = str(tiny_bundle / "golden" / "image.png")
    check(printed("predict", str(tiny_bundle), picture, "--top", "2"), "prediction")
    check(edgewise.inspect(tiny_bundle / "tiny-w8a8.tflite").to_json(), "inspection")


@pytest.mark.slow
def test_documents_of_pictures(tmp_path: Path) -> None:
    few = ("--count", "24", "--val-count", "12", "--size", "8")
    check(printed("data", "make", "shapes", str(tmp_path / "d"), *few), "data-made")
    check(printed("data", "show", str(tmp_path / "d")), "data")


def test_documents_without_a_model(tmp_path: Path) -> None:
    check(printed("models"), "networks")
    check(printed("results", "--results", str(tmp_path / "none.jsonl")), "results")
    check(printed("predict", str(tmp_path / "none"), "a.png", code=2), "error")
    check(printed("export", "--nonsense", code=2), "error")


# The reference


def test_the_reference_has_every_command_and_option() -> None:
    text = reference.pages()["cli.md"]
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert f"\n## edgewise {name}\n" in text
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.opts[0] in text


def test_the_reference_has_the_public_api() -> None:
    text = reference.pages()["python.md"]
    for name in edgewise.__all__:
        assert name == "__version__" or f"\n## {name}\n" in text
    for argument in inspect.signature(edgewise.convert).parameters:
        assert f"| `{argument}` |" in text


def test_the_reference_has_every_exit_code() -> None:
    text = reference.pages()["exit-codes.md"]
    for code in (*range(8), 130):
        assert f"| {code} |" in text
