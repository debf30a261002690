"""The files beside a model: each in its format, and a program that runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from edgewise.export.artifact import Artifact
from edgewise.models.errors import EdgewiseError
from edgewise.pipeline.report import Evidence, documents, from_csv
from edgewise.pipeline.report.predictions import Prediction
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge.stats import softmax


def test_the_files(manifest: dict[str, Any], answers: list[Prediction], tmp_path: Path) -> None:
    found = documents(manifest, Evidence(answers))
    assert sorted(found) == ["README.md", "predictions.csv", "report.html", "run.py"]
    (tmp_path / "predictions.csv").write_bytes(found["predictions.csv"])
    assert from_csv(tmp_path / "predictions.csv") == answers
    assert sorted(documents(manifest, Evidence())) == ["README.md", "report.html", "run.py"]
    assert documents(manifest, Evidence(answers)) == found


def test_the_model_card(manifest: dict[str, Any]) -> None:
    card = documents(manifest, Evidence(command="edgewise export mobilenetv2"))["README.md"].decode()
    _, head, text = card.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "onnx", "int8", "edgewise"],
    }
    assert "**PASS**: On 400 labelled pictures" in text
    assert "| top-1 accuracy | 88.00 % (84.4 to 90.8) | 88.75 % (85.3 to 91.5) |" in text
    assert "pip install numpy pillow onnxruntime" in text
    assert r"\<b\>goldfish\</b\>" in text
    assert text.rstrip().endswith("```sh\nedgewise export mobilenetv2\n```")


def test_the_pipeline_file_of_the_bundle_is_named_where_there_is_one(manifest: dict[str, Any]) -> None:
    run = "edgewise run pipeline.toml --folder DIR"
    for told, expected in (
        (documents(manifest, Evidence(has_pipeline=True)), True),
        (documents(manifest | {"documents": {"pipeline.toml": "0" * 64}}, Evidence()), True),
        (documents(manifest | {"documents": {"README.md": "0" * 64}}, Evidence()), False),
        (documents(manifest, Evidence(has_pipeline=True, refused=EdgewiseError("lost"))), False),
    ):
        assert (run in told["README.md"].decode()) == expected
        assert (run in told["report.html"].decode()) == expected


def printed(folder: Path, picture: Path) -> list[tuple[float, str]]:
    """What the program says of a picture: shares and classes."""
    ended = subprocess.run(
        [sys.executable, "-I", folder / "run.py", picture], capture_output=True, text=True, check=True
    )
    lines = [line.removeprefix(f"{picture}:").split("% ") for line in ended.stdout.splitlines()]
    return [(float(share), name) for share, name in lines]


@pytest.mark.parametrize("target", ["tflite", "onnx", "openvino"])
def test_the_program_answers_as_the_golden_sample_does(
    tiny_bundles: dict[str, Path], target: str, tmp_path: Path
) -> None:
    bundle = Bundle.open(tiny_bundles[target])
    check_program(bundle, tmp_path, bundle.manifest)


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_the_program_of_integer_inputs_and_outputs(
    tiny_int8: dict[str, Artifact], tiny_bundles: dict[str, Path], tmp_path: Path, io: str
) -> None:
    file, bundle = tiny_int8[io], Bundle.open(tiny_bundles["tflite"])
    (tmp_path / bundle.model.name).write_bytes(file.path.read_bytes())
    check_program(bundle, tmp_path, bundle.manifest | {"io": io}, file.path)


def check_program(bundle: Bundle, folder: Path, manifest: dict[str, Any], model: Path | None = None) -> None:
    """Run the program in `folder` on the golden picture, and compare with the runtime."""
    for file in bundle.folder.iterdir():
        if file.is_file() and not (folder / file.name).exists():
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "run.py").write_bytes(documents(manifest, Evidence())["run.py"])
    assert len((folder / "run.py").read_text().splitlines()) <= (30 if manifest["io"] == "float32" else 34)
    golden = bundle.golden()
    Image.fromarray(golden.image).save(folder / "picture.png")
    (logits,) = open_session(model or bundle.model, bundle.target)(golden.input)
    shares = softmax(logits)
    best = np.argsort(shares)[:-6:-1]
    said = printed(folder, folder / "picture.png")
    assert [name for _, name in said] == [bundle.spec.labels.names[index] for index in best]
    assert [share for share, _ in said] == pytest.approx(100 * shares[best], abs=0.011)
