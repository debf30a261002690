"""Importing TensorFlow: the order of imports, which can crash, and the error if it is missing."""

import subprocess
import sys
from importlib.util import find_spec
from textwrap import dedent

import pytest

from edgewise.models.errors import MissingDependencyError
from edgewise.models.foreign.tensorflow import tensorflow


def test_a_missing_tensorflow_names_the_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingDependencyError, match=r"Sewing needs tensorflow, .* 'tensorflow[<>]"):
        tensorflow("Sewing")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tensorflow") is None, reason="tensorflow is not installed")
def test_torch_can_export_after_tensorflow_is_imported() -> None:
    program = """
        from edgewise.models.foreign.tensorflow import tensorflow
        tf = tensorflow("Testing")
        import torch
        torch.export.export(torch.nn.ReLU(), (torch.zeros(2),))
        import litert_torch
        assert tf.reduce_sum([1.0, 2.0]).numpy() == 3
        print("alive")
    """
    ended = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=False
    )
    assert ended.stdout.endswith("alive\n"), ended.stderr[-2000:]
