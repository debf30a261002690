"""Networks from users' files, and the errors when these fail."""

import os
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from edgewise.models.errors import UsageError
from edgewise.models.libraries import library
from edgewise.models.spec import Preprocess

FILE = library("file")
CODE = """
import torch
from torch import nn
import neighbour

class Net(nn.Sequential):
    def __init__(self, num_classes=3):
        super().__init__(nn.Conv2d(3, neighbour.WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(neighbour.WIDTH, num_classes))

def small(classes):
    return Net(classes)

def fixed():
    return Net(5)

def answer():
    return 42

def broken(num_classes):
    width = num_classes
    raise RuntimeError(f"no {width} today\\nnor tomorrow")

def leaves():
    raise SystemExit(1)

def asks(width):
    return Net(width)

made = Net()
number = 7
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("WIDTH = 4\n")
    (tmp_path / "net.py").write_text(CODE)
    return tmp_path / "net.py"


@pytest.mark.parametrize(("factory", "classes"), [("Net", 7), ("small", 7), ("fixed", 5)])
def test_a_factory_receives_the_number_of_classes_if_it_has_the_parameter(
    net: Path, factory: str, classes: int
) -> None:
    network = FILE.build(f"{net}:{factory}", 7, {})
    assert not network.training
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, classes)


def test_it_is_found_from_the_working_directory(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(net.parent)
    assert isinstance(FILE.build("net.py:small", 7, {}), nn.Module)
    monkeypatch.setenv("HOME", str(net.parent))
    assert isinstance(FILE.build("~/net.py:small", 7, {}), nn.Module)


def test_a_changed_file_is_read_again(net: Path) -> None:
    first = FILE.build(f"{net}:fixed", 7, {})
    net.write_text(CODE.replace("Net(5)", "Net(6)"))
    os.utime(net, ns=(0, 0))
    assert len(FILE.build(f"{net}:fixed", 7, {})(torch.zeros(1, 3, 8, 8))[0]) == 6
    assert len(first(torch.zeros(1, 3, 8, 8))[0]) == 5


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("smal", r"net\.py: has no 'smal'; it has Net, small, fixed, answer"),
        ("answer", r"net\.py:answer: returns a int; make it return the network, a torch\.nn\.Module"),
        ("broken", r"net\.py:22: broken\(\) raises RuntimeError: no 7 today; fix the error there$"),
        ("leaves", r"net\.py:25: leaves\(\) raises SystemExit: 1"),
        ("asks", r"net\.py: asks\(\) raises TypeError: .*missing 1 required positional argument: 'width'"),
        ("made", r"net\.py: made is a Net; name a function that returns"),
        ("number", r"net\.py: number is a int; name a function that returns"),
        ("not a name", r"name the function that creates the network, as in net\.py:factory"),
    ],
)
def test_errors_name_the_problem(net: Path, factory: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FILE.build(f"{net}:{factory}", 7, {})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone.py"
    for ask in (
        FILE.preprocess,
        lambda builder: FILE.build(builder, 7, {}),
        lambda builder: FILE.published(builder, {}),
    ):
        with pytest.raises(
            UsageError, match=rf"^{re.escape(str(gone))}: no such file; .* as in net\.py:small"
        ):
            ask(f"{gone}:small")
    with pytest.raises(UsageError, match=r"name the function"):
        FILE.preprocess(str(gone))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import torch\nimport nosuchlibrary\n",
            r":2: its import raises ModuleNotFoundError: No module named 'nosuchl",
        ),
        ("x = 1\nx = = 2\n", r":2: its import raises SyntaxError: invalid syntax"),
        ("x = 1\n\nraise ValueError\n", r":3: its import raises ValueError: no message"),
        ("x = 1\n", r": has no 'small'; add a function"),
    ],
)
def test_the_error_for_a_failed_import_names_the_line(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "net.py").write_text(code)
    with pytest.raises(UsageError, match=rf"net\.py{said}"):
        FILE.build(f"{tmp_path / 'net.py'}:small", 7, {})


def test_the_usual_preprocessing_is_assumed(net: Path) -> None:
    assert FILE.preprocess(f"{net}:small") == Preprocess()
    assert FILE.published(f"{net}:small", {}) is None
    assert FILE.names() == []
