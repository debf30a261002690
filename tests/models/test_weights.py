"""From `--weights` to a network, by each way there is."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from edgewise.models import weights as weights_module
from edgewise.models.checkpoint import save
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import crops, labelled_images, sha256_of
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess
from edgewise.models.weights import Model, Overrides, load_model
from edgewise.models.zoo import build, find

Serve = Callable[..., str]
Patch = pytest.MonkeyPatch

NAME = "mobilenetv2"
OWN = ModelSpec(
    NAME,
    Preprocess(96, 96, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    Labels(tuple("abcdefghij")),
    Origin("bundled", "MobileNetV2 trained on letters", ""),
)
RECORD = {"top1": 0.9512, "judged_on": "the first 40 letters"}


@pytest.fixture
def said() -> list[str]:
    return []


def holds(model: Model, tensors: dict[str, Tensor]) -> bool:
    """Whether the network has these weights, but for float16."""
    found = model.network.state_dict()
    return not model.network.training and all(
        torch.allclose(found[name], tensor, rtol=2**-10, atol=2**-24) for name, tensor in tensors.items()
    )


def own_file(path: Path, tensors: dict[str, Tensor], spec: ModelSpec = OWN) -> Path:
    network = build(find(NAME), 10)
    network.load_state_dict(tensors)
    save(path, network, spec, RECORD)
    return path


@pytest.fixture
def bundled(monkeypatch: Patch, tmp_path: Path, ten: dict[str, Tensor]) -> Path:
    """A bundled checkpoint with 10 classes."""
    (tmp_path / "bundled").mkdir()
    monkeypatch.setattr(weights_module, "BUNDLED", tmp_path / "bundled")
    return own_file(tmp_path / "bundled" / f"{NAME}-shapes.safetensors", ten)


@pytest.fixture
def nothing_bundled(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights_module, "BUNDLED", tmp_path / "nothing")


@pytest.fixture
def foreign(tmp_path: Path, ten: dict[str, Tensor]) -> str:
    torch.save(ten, tmp_path / "ten.pth")
    return str(tmp_path / "ten.pth")


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_bundled(bundled: Path, ten: dict[str, Tensor], said: list[str]) -> None:
    model = load_model("MobileNet_V2", "bundled", announce=said.append)
    assert holds(model, ten)
    assert model.record == RECORD
    assert (model.spec.preprocess, model.spec.labels) == (OWN.preprocess, OWN.labels)
    assert model.spec.origin == Origin("bundled", "MobileNetV2 trained on letters", sha256_of(bundled))
    assert said == []  # nothing was assumed


@pytest.mark.usefixtures("nothing_bundled")
def test_nothing_bundled_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no checkpoint of MobileNetV2 .*no model; give --weights imagenet"):
        load_model(NAME, "bundled")


@pytest.fixture
def online(published: Any, serve: Serve, monkeypatch: Patch, thousand: dict[str, Tensor]) -> Any:
    """Torchvision's weights, which a server offers with other values."""
    monkeypatch.setattr(published.value, "url", serve(saved(thousand)))
    return published


@pytest.mark.parametrize("source", ["imagenet", "auto"])
def test_imagenet(online: Any, thousand: dict[str, Tensor], said: list[str], source: str) -> None:
    model = load_model(NAME, source, announce=said.append)
    assert holds(model, thousand)
    assert model.record is None
    assert model.spec.preprocess == Preprocess(224, 232)
    assert (model.spec.labels.names[0], model.spec.labels.ids[0]) == ("tench", "n01440764")
    assert model.spec.origin.source == "imagenet"
    assert model.spec.origin.description == "torchvision MobileNet_V2_Weights.IMAGENET1K_V2"
    assert online.url.endswith(f"-{model.spec.origin.sha256[:8]}.pth")
    assert said == []


@pytest.mark.usefixtures("online", "bundled")
def test_auto_takes_the_cached_file_without_a_network(asked: list[str]) -> None:
    load_model(NAME, "imagenet")
    asked.clear()
    assert load_model(NAME).spec.origin.source == "imagenet"
    assert asked == []


@pytest.mark.usefixtures("published", "bundled")
def test_auto_without_a_network_takes_the_bundled_one_and_says_so(
    ten: dict[str, Tensor], said: list[str]
) -> None:
    model = load_model(NAME, announce=said.append)
    assert holds(model, ten)
    assert model.spec.origin.source == "bundled"
    line = (
        "The ImageNet weights of MobileNetV2 are neither cached nor within reach. Taking the bundled "
        "checkpoint, which knows no photographs: MobileNetV2 trained on letters, 10 classes, top-1 95.1% on "
        "the first 40 letters. To insist, give --weights imagenet or --weights PATH"
    )
    assert said == [line]


@pytest.mark.usefixtures("published", "bundled")
def test_lines_go_to_stderr_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    load_model(NAME)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


@pytest.mark.usefixtures("published", "nothing_bundled")
def test_auto_with_nothing_at_hand_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"neither cached nor within reach, .* or give --weights PATH"):
        load_model(NAME)


@pytest.mark.usefixtures("published", "bundled")
def test_imagenet_without_a_network_does_not_fall_back() -> None:
    with pytest.raises(EdgewiseError, match="cannot be downloaded"):
        load_model(NAME, "imagenet")


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_published_weights_run_no_code_either(
    published: Any, serve: Serve, monkeypatch: Patch, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setattr(published.value, "url", serve(saved({"weight": Bomb(marker)})))
    with pytest.raises(EdgewiseError, match="never runs code"):
        load_model(NAME, "imagenet")
    assert not marker.exists()


def test_a_file_of_ours_carries_its_description(
    tmp_path: Path, ten: dict[str, Tensor], said: list[str]
) -> None:
    path = own_file(tmp_path / "own.safetensors", ten)
    model = load_model(NAME, str(path), announce=said.append)
    assert holds(model, ten)
    assert model.record == RECORD
    assert (model.spec.preprocess, model.spec.labels) == (OWN.preprocess, OWN.labels)
    assert model.spec.origin == Origin("file", "own.safetensors", sha256_of(path))
    assert said == []


def test_overrides_win_over_a_file_of_ours(tmp_path: Path, ten: dict[str, Tensor]) -> None:
    path, labels = own_file(tmp_path / "own.safetensors", ten), tmp_path / "labels.txt"
    labels.write_text("\n".join("zyxwvutsrq"))
    model = load_model(NAME, str(path), Overrides(imgsz=64, mean=(0, 0, 0), labels=labels))
    assert model.spec.preprocess == Preprocess(64, 64, (0, 0, 0), (0.5, 0.5, 0.5))
    assert model.spec.labels.names[0] == "z"


def test_a_file_of_ours_for_another_model_is_refused(tmp_path: Path, ten: dict[str, Tensor]) -> None:
    other = ModelSpec("resnet50", OWN.preprocess, OWN.labels, OWN.origin)
    path = own_file(tmp_path / "own.safetensors", ten, other)
    with pytest.raises(UsageError, match=r"own\.safetensors: holds weights of resnet50; run with that name"):
        load_model(NAME, str(path))


def test_a_file_of_ours_that_contradicts_itself_is_refused(tmp_path: Path, ten: dict[str, Tensor]) -> None:
    path = own_file(
        tmp_path / "own.safetensors", ten, ModelSpec(NAME, OWN.preprocess, Labels(("a",)), OWN.origin)
    )
    with pytest.raises(UsageError, match="names 1 classes, but the network has 10 outputs"):
        load_model(NAME, str(path))


def test_a_foreign_file_is_taken_for_what_torchvision_does(
    foreign: str, ten: dict[str, Tensor], said: list[str]
) -> None:
    model = load_model(NAME, foreign, announce=said.append)
    assert holds(model, ten)
    assert model.spec.origin == Origin("file", "ten.pth", sha256_of(Path(foreign)))
    assert model.spec.preprocess == Preprocess(224, 232)
    assert model.spec.labels == Labels(tuple(f"class {index}" for index in range(10)))
    pictures, classes = said
    assert pictures == (
        "ten.pth does not say how its pictures are made: taking torchvision's way for mobilenetv2 "
        "(resize 232, cut 224, mean 0.485/0.456/0.406, std 0.229/0.224/0.225); "
        "change it by --imgsz, --resize, --mean, --std"
    )
    assert classes == (
        "ten.pth does not name its 10 classes: taking 'class 0' to 'class 9'; name them by --labels FILE"
    )


def test_a_thousand_classes_are_taken_for_imagenet(
    tmp_path: Path, thousand: dict[str, Tensor], said: list[str]
) -> None:
    torch.save(thousand, tmp_path / "a.pth")
    labels = load_model(NAME, str(tmp_path / "a.pth"), announce=said.append).spec.labels
    assert (labels.names[134], labels.ids[134]) == ("crane bird", "n02012849")
    assert "1000 classes: taking the classes of ImageNet" in said[1]


def test_what_the_user_says_is_not_announced(tmp_path: Path, foreign: str, said: list[str]) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("abcdefghij"))
    told = Overrides((0, 0, 0), (1, 1, 1), 32, 36, labels)
    spec = load_model(NAME, foreign, told, said.append).spec
    assert said == []
    assert (spec.preprocess, spec.labels) == (Preprocess(32, 36, (0, 0, 0), (1, 1, 1)), OWN.labels)


def test_labels_must_be_as_many_as_the_outputs(tmp_path: Path, foreign: str) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\n")
    with pytest.raises(UsageError, match=r"labels\.txt: names 2 classes, but the network has 10 outputs"):
        load_model(NAME, foreign, Overrides(labels=tmp_path / "labels.txt"))


@pytest.mark.parametrize("source", ["imagenette", "missing.pth", ".", ""])
def test_an_unknown_source_is_a_usage_error(source: str) -> None:
    with pytest.raises(UsageError, match=rf"--weights {source}: no such file; .* auto, imagenet, bundled"):
        load_model(NAME, source)


def test_real_weights_recognise_real_photographs(realdata: Path) -> None:
    model = load_model(NAME, str(realdata / "weights" / "mobilenet_v2-imagenet.pth"), announce=lambda _: None)
    pairs = labelled_images(realdata / "data" / "imagenet-sample" / "images", model.spec.labels)[::10]
    skipped: list[EdgewiseError] = []
    found = dict(crops((path for path, _ in pairs), model.spec.preprocess, skipped))
    inputs = model.spec.preprocess.normalise(np.stack([found[index] for index in range(len(pairs))]))
    with torch.inference_mode():
        best = model.network(torch.from_numpy(inputs).permute(0, 3, 1, 2)).argmax(1)
    right = sum(int(guess) == label for guess, (_, label) in zip(best, pairs, strict=True))
    assert skipped == []
    assert right >= 30  # of 50; of all 500, torchvision's own code finds 69 %, chance 0.1 %
