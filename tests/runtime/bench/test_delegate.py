"""What was asked for runs the whole model, or it is an error: with LiteRT's real XNNPACK."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.recipe_manager import RecipeManager

from edgewise.models.errors import EdgewiseError
from edgewise.quantize.tflite.quantizer import _run
from edgewise.runtime.bench.delegate import require_delegate
from edgewise.runtime.bench.gather import Gathered
from edgewise.runtime.bench.record import BenchedModel, Engine
from edgewise.runtime.bench.request import BenchRequest, Contender
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.devices import device

MODEL = BenchedModel("net", "tflite", "w8a8", "model", "", 1)
ENGINE = Engine("LiteRT", "2", "XNNPACK", 70, 70)


@pytest.fixture
def pieces(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle with depthwise layers in dynamic INT8, which XNNPACK leaves to the CPU, in its reference."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "pieces")
    reference = Bundle.open(folder).reference
    assert reference is not None
    plan = RecipeManager()
    plan.add_dynamic_config(".*", TFLOperationName.ALL_SUPPORTED, 8)
    content = bytes(_run(reference.read_bytes(), plan))
    reference.write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    told = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    manifest["files"][reference.name] |= told
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_model_that_xnnpack_runs_in_part_is_an_error_before_it_is_measured(pieces: Path) -> None:
    request = BenchRequest(
        (Contender(str(pieces), "reference"),), runs=2, seconds=0, warm_up_seconds=0, accelerator="xnnpack"
    )
    gathered, seen = Gathered(request, "local"), list[str]()

    def follow() -> None:
        for event in device("local").run(request):
            seen.append(event["event"])
            gathered.add(event)

    with pytest.raises(EdgewiseError, match=r"\(reference\): XNNPACK ran \d+ of \d+ operators, and the CPU"):
        follow()
    assert seen[-1] == "opened"
    assert gathered.records() == []


def test_the_whole_model_may_be_measured(tiny_bundle: Path) -> None:
    request = BenchRequest(
        (Contender(str(tiny_bundle)),), runs=2, seconds=0, warm_up_seconds=0, accelerator="xnnpack"
    )
    gathered = Gathered(request, "local")
    for event in device("local").run(request):
        gathered.add(event)
    (record,) = gathered.records()
    assert record.engine.delegate == "XNNPACK"
    assert record.engine.delegated == record.engine.operators


@pytest.mark.parametrize(
    ("engine", "complaint"),
    [
        (replace(ENGINE, delegate="built-in kernels", delegated=0), "built-in kernels ran it, not XNNPACK"),
        (replace(ENGINE, delegate=None), "no delegate ran it, not XNNPACK"),
        (replace(ENGINE, operators=None), "XNNPACK ran it, but the device does not show how many"),
        (replace(ENGINE, delegated=None), "XNNPACK ran it, but the device does not show how many"),
        (replace(ENGINE, delegated=69), "XNNPACK ran 69 of 70 operators"),
    ],
)
def test_what_is_less_than_the_whole(engine: Engine, complaint: str) -> None:
    with pytest.raises(EdgewiseError, match=rf"net tflite w8a8 \(model\): {complaint}"):
        require_delegate("xnnpack", MODEL, engine)
    require_delegate("cpu", MODEL, engine)


def test_a_gpu_runs_all_or_nothing_and_its_name_is_enough() -> None:
    require_delegate("gpu", MODEL, replace(ENGINE, delegate="GPU", operators=None, delegated=None))
    with pytest.raises(EdgewiseError, match="CPU ran it, not GPU"):
        require_delegate("gpu", MODEL, replace(ENGINE, delegate="CPU", operators=None, delegated=None))
