"""The public face: what `import edgewise` offers, and that commands and functions take the same options."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

import edgewise
from edgewise.cli.main import cli
from edgewise.models.training.recipe import TrainingRecipe
from edgewise.pipeline.request import ConvertRequest

ROOT = Path(__file__).parents[1]
FOLDERS = ("cli", "export", "models", "pipeline", "quantize", "runtime")
# What a command alone has: how it prints, the assets of an app, which `edgewise android` writes as well, and
# records of sweeps instead of bundles.
OF_COMMANDS = {"as_json", "quiet", "verbose", "assets", "junit", "summary", "measured", "measured_on"}


def in_a_new_process(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_loads_none_of_what_its_functions_need() -> None:
    loaded = in_a_new_process(
        "import sys; before = set(sys.modules); import edgewise; dir(edgewise)\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    ).split()
    assert "edgewise" in loaded
    assert set(loaded) <= sys.stdlib_module_names | {"edgewise"}


def test_its_own_modules_come_in_when_they_are_used() -> None:
    program = "import sys, edgewise; {}; print(*sorted(name for name in sys.modules if 'edgewise.' in name))"
    assert in_a_new_process(program.format("dir(edgewise)")).split() == []
    assert in_a_new_process(program.format("edgewise.UsageError")).split() == [
        "edgewise.models",
        "edgewise.models.errors",
    ]


@pytest.mark.parametrize("name", [name for name in edgewise.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(edgewise, name)
    assert found.__name__ == name
    assert inspect.getdoc(found)
    # `dataclass` writes a signature where there is no docstring.
    assert not (inspect.getdoc(found) or "").startswith(f"{name}(")
    assert name not in FOLDERS


def test_all_of_them_come_by_a_star_and_no_others_are_listed() -> None:
    assert len(set(edgewise.__all__)) == len(edgewise.__all__)
    assert dir(edgewise) == sorted(edgewise.__all__)
    names: dict[str, Any] = {}
    exec("from edgewise import *", names)  # noqa: S102
    assert names.keys() - {"__builtins__"} == set(edgewise.__all__)


def test_the_version_is_the_package_s() -> None:
    assert edgewise.__version__ == version("edgewise")


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'edgewise' has no attribute 'quantise'"):
        edgewise.quantise  # type: ignore[attr-defined]  # noqa: B018 - which mypy knows as well


def test_type_checkers_read_the_same_homes() -> None:
    """The imports under TYPE_CHECKING against the modules where names are found at run time."""
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is None
    }
    assert typed == edgewise._HOMES
    assert {*typed, "__version__"} == set(edgewise.__all__)
    for name, module in typed.items():
        assert getattr(edgewise, name).__module__ == f"edgewise.{module}"


def test_results_are_frozen_and_become_documents() -> None:
    results = {
        edgewise.Benchmark,
        edgewise.Conversion,
        edgewise.EnsembleConversion,
        edgewise.Gated,
        edgewise.Inspection,
        edgewise.ParityMatrix,
        edgewise.Training,
        edgewise.VerifiedBundle,
        edgewise.WrittenReport,
    }
    returned = {inspect.get_annotations(job, eval_str=True)["return"] for job in JOBS.values()}
    assert returned == results
    for result in (*results, edgewise.Product, edgewise.Answer):
        assert is_dataclass(result)
        assert result.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert callable(result.to_json)  # type: ignore[attr-defined]


# Each command against its function.

JOBS: dict[str, Callable[..., Any]] = {
    "export": edgewise.convert,
    "verify": edgewise.verify,
    "inspect": edgewise.inspect,
    "compare": edgewise.compare,
    "bench": edgewise.bench,
    "train": edgewise.train,
    "ensemble": edgewise.ensemble,
    "gate": edgewise.gate,
    "report": edgewise.report,
}
# A function's own name for an argument of a command, and what must be given.
ARGUMENTS = {"export": {"name": "model"}, "train": {"name": "model"}}
GIVEN = {
    "bench": ["b"],
    "compare": ["b"],
    "ensemble": ["m", "n"],
    "export": ["n"],
    "gate": ["b", "--baseline", "o"],
    "inspect": ["b"],
    "report": ["b"],
    "train": ["n", "--data", "d"],
    "verify": ["b"],
}
# Where 'not given' is said in another way by a command, which then passes what stands here.
UNGIVEN = {("bench", "devices"): (), ("report", "out"): Path("report.html")}


def options(job: str) -> dict[str, Any]:
    """The options of a command with their defaults, as its function is called with them."""
    command: click.Command = import_module(f"edgewise.cli.commands.{job}").command
    # Within the program's context: click keeps the first help option that it makes for a command.
    program = click.Context(cli, **cli.context_settings)
    context = command.make_context(job, [*GIVEN[job]], parent=program)
    renamed = ARGUMENTS.get(job, {})
    return {
        renamed.get(name, name): value
        for name, value in context.params.items()
        if name not in OF_COMMANDS and name != "help"
    }


def keywords(function: Callable[..., Any]) -> dict[str, Any]:
    """The named parameters of a function with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name != "progress"
    }


def test_a_request_has_the_keywords_of_convert() -> None:
    found = {
        field.name: inspect.Parameter.empty if field.default is MISSING else field.default
        for field in fields(ConvertRequest)
    }
    assert found == keywords(edgewise.convert)


@pytest.mark.parametrize("job", sorted(JOBS))
def test_every_option_of_a_command_is_a_keyword_with_its_default(job: str) -> None:
    found, wanted = keywords(JOBS[job]), options(job)
    if job == "ensemble":  # its other options are those of `convert`
        found = {**keywords(edgewise.convert), **found}
        del found["model"], found["ema"]  # of one network alone
    if job == "train":  # where None leaves a field of the recipe as it is
        recipe = {field.name for field in fields(TrainingRecipe)}
        assert {name for name, value in wanted.items() if value is None} >= recipe
        assert not recipe & found.keys()
        wanted = {name: value for name, value in wanted.items() if name not in recipe}
    assert wanted.keys() == found.keys()
    required = {name for name, value in found.items() if value is inspect.Parameter.empty}
    for name in found.keys() - required:
        given = wanted[name]
        assert given == UNGIVEN.get((job, name), found[name]), name


def test_every_job_takes_progress_and_is_silent_without_it() -> None:
    for job in JOBS.values():
        assert inspect.signature(job).parameters["progress"].default is None


def test_every_keyword_is_explained() -> None:
    explained: list[Callable[..., Any]] = [
        *JOBS.values(),
        edgewise.load_model,
        edgewise.from_torch,
        edgewise.open_bundle,
    ]
    for job in explained:
        told = inspect.getdoc(job) or ""
        for name in inspect.signature(job).parameters:
            assert f"\n    {name}: " in told, (job, name)


# Errors.


def kinds(of: type[edgewise.EdgewiseError]) -> list[type[edgewise.EdgewiseError]]:
    return [of, *(kind for below in of.__subclasses__() for kind in kinds(below))]


def test_every_kind_of_error_is_public_and_has_a_code_and_a_name_of_its_own() -> None:
    import_module("edgewise.cli.main")
    found = [kind for kind in kinds(edgewise.EdgewiseError) if kind.__module__ != "edgewise.cli.main"]
    assert {kind.__name__ for kind in found if kind.__module__.startswith("edgewise.")} <= set(
        edgewise.__all__
    )
    own = [kind for kind in kinds(edgewise.EdgewiseError) if "exit_code" in vars(kind)]
    assert len({kind.exit_code for kind in own}) == len(own)
    assert len({kind.exit_name for kind in own}) == len(own)
    for kind in own:
        assert "exit_name" in vars(kind)
    assert edgewise.GateError.exit_code == edgewise.AccuracyError.exit_code == 3
