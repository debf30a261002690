"""The steps of a conversion, one by one."""

from pathlib import Path

import pytest
from PIL import Image

from edgewise.models.model import Model
from edgewise.models.synthetic import dead_leaves
from edgewise.pipeline.request import ConvertRequest
from edgewise.pipeline.steps import calibration


@pytest.mark.parametrize(("effort", "expected"), [("fast", 32), ("default", 128)])
def test_effort_decides_how_many_pictures_calibrate(tiny_model: Model, effort: str, expected: int) -> None:
    request = ConvertRequest(model="net", int8=True, effort=effort)
    assert len(calibration(request, tiny_model).pixels) == expected
    asked = ConvertRequest(model="net", int8=True, effort=effort, calib_count=9)
    assert len(calibration(asked, tiny_model).pixels) == 9


def test_a_folder_of_few_pictures_is_used_completely_by_any_effort(tiny_model: Model, tmp_path: Path) -> None:
    for index in range(40):
        Image.fromarray(dead_leaves(40, 0, index)).save(tmp_path / f"{index}.png")
    fast = ConvertRequest(model="net", int8=True, effort="fast", calib=tmp_path)
    assert len(calibration(fast, tiny_model).pixels) == 32
    for path in sorted(tmp_path.iterdir())[10:]:
        path.unlink()
    assert len(calibration(fast, tiny_model).pixels) == 10
