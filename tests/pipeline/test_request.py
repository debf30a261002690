"""What a request makes of the options of a program."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.export.precision import Precision
from edgewise.models.errors import UsageError
from edgewise.models.model import Model
from edgewise.models.overrides import Overrides
from edgewise.models.spec import Labels, ModelSpec
from edgewise.pipeline.request import ConvertRequest, listed
from edgewise.quantize.recipe import Recipe
from edgewise.runtime.bench.latency import SpeedLimits
from edgewise.runtime.judge.limits import Limits


def one_by_one(*names: str) -> Iterator[str]:
    yield from names


def test_names_may_come_in_any_form_and_are_read_more_than_once() -> None:
    request = ConvertRequest(
        model="net",
        to=one_by_one("onnx", "ov", "onnx"),
        precision=one_by_one("FP16", "w8a8"),
        labels=one_by_one("a", "b"),
        mean=np.array([0.1, 0.2, 0.3]),
        std=np.float64(0.5),
    )
    for _ in range(2):
        assert request.targets == ("onnx", "openvino")
        assert request.precisions == (Precision.FP16, Precision.W8A8)
        assert request.overrides == Overrides((0.1, 0.2, 0.3), (0.5,), labels=Labels(("a", "b")))
    assert ConvertRequest(model="net", to="litert, onnx").targets == ("tflite", "onnx")


@pytest.mark.parametrize(
    ("int8", "precision", "expected"),
    [(False, None, ["fp32"]), (True, None, ["w8a8"]), (True, ["w8a8", "fp16"], ["w8a8", "fp16"])],
)
def test_int8_is_a_precision(int8: bool, precision: list[str] | None, expected: list[str]) -> None:
    request = ConvertRequest(model="net", int8=int8, precision=precision)
    assert [*request.precisions] == expected
    assert request.form_is_open == (int8 and precision is None)


def test_effort_changes_how_a_file_is_made_and_not_its_form(tmp_path: Path) -> None:
    best = ConvertRequest(model="net", int8=True, effort="best", calib=tmp_path)
    assert best.recipe == Recipe(ranges="least-error", learn=True)
    fast = ConvertRequest(model="net", int8=True, effort="fast", calib=tmp_path)
    assert fast.recipe == Recipe()
    assert (best.measures_stability, fast.measures_stability) == (True, False)
    assert replace(fast, stability=True).measures_stability
    assert best.form_is_open
    coarse = ConvertRequest(model="net", int8=True, per_tensor=True, calib=tmp_path)
    assert coarse.recipe == Recipe(per_channel=False, learn=True)
    assert not replace(coarse, effort="fast").recipe.learn
    assert not replace(coarse, calib=None).recipe.learn
    with pytest.raises(UsageError, match="unknown effort 'most': choose from fast, default or best"):
        ConvertRequest(model="net", int8=True, effort="most")


def test_gates_are_what_was_asked_for() -> None:
    request = ConvertRequest(
        model="net",
        int8=True,
        max_drop=2,
        min_agreement=0.5,
        min_top1=60,
        strict=True,
        max_latency=3,
        require_speedup=1.5,
    )
    assert request.limits == Limits(2, 0.5, strict=True, min_top1=60)
    assert request.speed == SpeedLimits(3, 1.5)


def test_one_bundle_goes_where_it_is_asked_for_and_several_into_that_folder() -> None:
    assert ConvertRequest(model="net").folder("net-tflite-fp32") == Path("dist/net-tflite-fp32")
    assert ConvertRequest(model="net", out="here").folder("net-tflite-fp32") == Path("here")
    both = ConvertRequest(model="net", to="all", out="here")
    assert both.folder("net-onnx-fp32") == Path("here/net-onnx-fp32")


def test_a_model_that_was_loaded_by_a_request_takes_the_place_of_its_name(tiny_spec: ModelSpec) -> None:
    request = ConvertRequest(model="net", weights="random", imgsz=64, mean=0.5, labels=["a"], int8=True)
    model = Model(None, tiny_spec)
    assert request.of(model) == ConvertRequest(model=model, int8=True)


def test_bundles_are_one_or_several_paths(tmp_path: Path) -> None:
    assert listed("here") == listed([Path("here")]) == listed(iter(["here"])) == [Path("here")]
    assert listed([tmp_path, "there"]) == [tmp_path, Path("there")]
    with pytest.raises(UsageError, match="no bundle was given; pass at least one"):
        listed([])


def test_a_pipeline_file_is_read_before_anything_takes_time(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    request = ConvertRequest(model="mobilenetv2", pipeline=file, out=tmp_path / "out")
    with pytest.raises(UsageError, match=r"mine.toml: No such file or directory; pass a pipeline file"):
        request.require_files()
    file.write_bytes(b"[[steps]]\n")
    request.require_files()
    assert request.pipeline_file == b"[[steps]]\n"
    assert ConvertRequest(model="mobilenetv2").pipeline_file is None
