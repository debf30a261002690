"""Pipeline files: the options are those of the commands, and every fault has its line and key."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from edgewise.cli.main import cli
from edgewise.cli.pipeline_file import PipelineStep, read_steps
from edgewise.cli.toml_file import TomlFile
from edgewise.models.errors import UsageError

TRAIN = "[[steps]]\nrun = 'train'\nname = 'mobilenetv2'\ndata = 'd'\n"
EXPORT = '[[steps]]\nrun = "export"\nname = "mobilenetv2"\n'


def steps(tmp_path: Path, text: str) -> list[PipelineStep]:
    path = tmp_path / "pipeline.toml"
    path.write_text(text, "utf-8")
    return read_steps(TomlFile.read(path), click.Context(cli, **cli.context_settings))


def command(tmp_path: Path, text: str) -> str:
    (step,) = steps(tmp_path, text)
    return shlex.join(step.words())


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("int8 = true", "--int8"),
        ("int8 = false", ""),
        ("report = false\nrecover = true", "--no-report --recover"),
        ('to = ["onnx", "tflite"]', "--to onnx,tflite"),
        ('format = "all"', "--to all"),
        ("mean = [0.485, 0.456, 0.406]\nstd = 0.5", "--mean 0.485,0.456,0.406 --std 0.5"),
        ("imgsz = [32, 96]\nresize = 256", "--imgsz 32x96 --resize 256"),
        ('calib = "my photos"\ncalib-count = 16', "--calib 'my photos' --calib-count 16"),
        ('for = ["pi5"]\nmax-drop = 0.5', "--for pi5 --max-drop 0.5"),
    ],
)
def test_a_key_becomes_an_option(tmp_path: Path, lines: str, words: str) -> None:
    assert command(tmp_path, EXPORT + lines) == f"export mobilenetv2 {words}".rstrip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('run = "bench"\nbundles = ["a", "b"]\nthreads = [1, 4]', "bench a b --threads 1,4"),
        (
            'run = "bench"\nbundles = "a"\ndevice = ["local", "browser"]',
            "bench a --device local --device browser",
        ),
        ('run = "data make"\nkind = "shapes"\nfolder = "d"', "data make shapes d"),
        (
            'run = "ensemble"\nmembers = ["a", "b=w.pth"]\nweights = [2, 1]',
            "ensemble a b=w.pth --weights 2,1",
        ),
        ('run = "verify"\nbundle = "--strict"\nthreads = 2', "verify --threads 2 -- --strict"),
    ],
)
def test_arguments_and_lists(tmp_path: Path, text: str, words: str) -> None:
    assert command(tmp_path, f"[[steps]]\n{text}") == words


def test_no_argument_can_be_taken_for_an_option(tmp_path: Path) -> None:
    (step,) = steps(tmp_path, '[[steps]]\nrun = "verify"\nbundle = "--strict"')
    assert step.values["bundle"] == Path("--strict")
    assert step.values["strict"] is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ":1: steps: there are none; begin each step with [[steps]]"),
        ("steps = 3", ":1: steps: there are none"),
        ("\nname = 1\n[[steps]]", ":2: name: unknown key"),
        ("[[steps]]\n\n[[steps]]\nname = 'x'", ":1: run: must name the command"),
        ("[[steps]]\nrun = 'exprt'", ":2: run: no step can run 'exprt'; did you mean export?"),
        ("[[steps]]\nrun = 'data'", ":2: run: 'data' is a group of commands"),
        ("[[steps]]\nrun = 'data mak'", ":2: run: no step can run 'data mak'; did you mean make?"),
        ("[[steps]]\nrun = 'export it'", ":2: run: no step can run 'export it'"),
        ("[[steps]]\nrun = 'run'", ":2: run: no step can run 'run'"),
        (EXPORT + "calib-cuont = 3", ":4: calib-cuont: unknown option of export; did you mean calib-count?"),
        (EXPORT + "calib_count = 8", ":4: calib_count: unknown option of export; did you mean calib-count?"),
        (EXPORT + "int8 = 'yes'", ":4: int8: must be true or false, not the text 'yes'"),
        (EXPORT + "max-drop = 101", ":4: max-drop: 101"),
        (EXPORT + "max-drop = true", ":4: max-drop: must be text or a number, not true"),
        (EXPORT + "seed = [1, 2]", ":4: seed: must be one value, not a list of 2"),
        (EXPORT + "to = []", ":4: to: must be one value, not a list of 0"),
        (EXPORT + "labels = {a = 1}", ":4: labels: must be text or a number, not a table"),
        (EXPORT + "labels = 2026-01-01", ":4: labels: must be text or a number, not 2026-01-01"),
        (EXPORT + "mean = [\n1,\n2,\n]", ":4: mean: '1,2' is neither one number nor three"),
        (EXPORT + "to = 'onnx'\nformat = 'onnx'", ":5: format: is the same option as to"),
        (
            EXPORT + "json = true",
            ":4: json: is an option of the whole run; pass it there: edgewise run --json",
        ),
        (EXPORT + "help = true", ":4: help: unknown option of export"),
        (EXPORT + "int8 = true\nto = 'onnyx'", ":5: to: unknown target 'onnyx': did you mean onnx?"),
        (EXPORT + "io = 'int8'", ":4: io: --io and --per-tensor are for INT8 models; add --int8"),
        (EXPORT + "int8 = true\nprecision = 'fp16'", ":2: run: --int8 means --precision w8a8"),
        ("[[steps]]\nrun = 'predict'\nbundle = 'b'", ":2: run: there is nothing to classify"),
        (
            "[[steps]]\nrun = 'predict'\nbundle = 'b'\nimages = 'a'\ncamera = '0'",
            ":2: run: pictures and --camera exclude each other",
        ),
        (
            "[[steps]]\nrun = 'results'\nids = 'a'\nlimit = 3",
            ":2: run: give ids of records or filter",
        ),
        ("[[steps]]\nrun = 'results'\nids = ['a', 'b', 'c']", ":2: run: 3 ids: give one to show it"),
        ("[[steps]]\nrun = 'models'\nclasses = 3", ":2: run: --imgsz and --classes are for one network"),
        ("[[steps]]\nrun = 'bench'\nbundles = 'b'\nruns = 1", ":2: run: --runs 1: must be at least 2"),
        ("[[steps]]\nrun = 'bench'\nbundles = 'b'\nthreads = [1, 0]", ":2: run: --threads 0: must be"),
        (
            "[[steps]]\nrun = 'ensemble'\nmembers = ['a', 'b']\nfit = 'd'",
            ":2: run: --fit is only used with --weights fit",
        ),
        (TRAIN + "epochs = 2\nwarmup = 5", ":2: run: --warmup 5 with --epochs 2: the warm-up would"),
        ("[[steps]]\nrun = 'export'", ":1: name: is missing; this step needs it"),
        ("[[steps]]\nrun = 'train'\nname = 'mobilenetv2'", ":1: data: is missing"),
        ("steps = [{run = 'export', nam = 'a'}]", ":1: nam: unknown option of export; did you mean name?"),
    ],
)
def test_a_fault_has_its_file_line_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        steps(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'pipeline.toml'}{complaint}")


def leaves(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command that is no group, with its whole name."""
    assert isinstance(command, click.Group)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        if isinstance(inner, click.Group):
            below = leaves(inner, click.Context(inner, parent=context))
            yield from ((f"{name} {rest}", leaf) for rest, leaf in below)
        else:
            yield name, inner


def test_every_option_of_every_command_is_a_key(tmp_path: Path) -> None:
    """All at once, with values that the commands' own types take."""
    count = 0
    for name, leaf in leaves(cli, click.Context(cli)):
        if name in {"run", "demo"}:
            continue
        for parameter in leaf.params:
            assert parameter.name is not None
            option = isinstance(parameter, click.Option)
            key = (
                next(opt[2:] for opt in parameter.opts if opt.startswith("--")) if option else parameter.name
            )
            if parameter.name in {"as_json", "quiet", "verbose"}:
                continue
            with pytest.raises(UsageError) as caught:  # a table is no value of any
                steps(tmp_path, f'[[steps]]\nrun = "{name}"\n{key} = {{}}')
            assert f":3: {key}: must be " in str(caught.value), (name, key)
            count += 1
    assert count > 150
