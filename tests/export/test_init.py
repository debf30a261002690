"""Targets by name."""

import pytest

from edgewise.export import exporter, targets, tflite
from edgewise.models.errors import UsageError


def test_a_target_is_a_file_of_its_name() -> None:
    assert "tflite" in targets()
    assert not [name for name in targets() if name.startswith("_")]
    assert exporter("tflite") is tflite


@pytest.mark.parametrize("name", ["tensorrt", "_artifact", ""])
def test_an_unknown_target_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"choose from .*tflite"):
        exporter(name)
