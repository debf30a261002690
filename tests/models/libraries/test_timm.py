"""timm's networks, their weights and preprocessing, compared with timm itself."""

import sys

import pytest
import timm
import torch
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torchvision.transforms import CenterCrop, Normalize, Resize

from edgewise.models.errors import MissingDependencyError, UsageError
from edgewise.models.libraries import library

TIMM = library("timm")


def test_names_with_and_without_the_tag_of_the_weights() -> None:
    names = TIMM.names()
    assert names == sorted(names)
    assert len(names) > 2000
    assert {"resnet18", "resnet18.a1_in1k"} < set(names)


def test_a_network_is_timms() -> None:
    ours = TIMM.build("resnet18.a1_in1k", 7, {})
    assert not ours.training
    assert ours(torch.rand(2, 3, 64, 64)).shape == (2, 7)
    theirs = timm.create_model("resnet18", num_classes=7).state_dict()
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }


@pytest.mark.parametrize(("multiplier", "channels"), [(1.0, 1024), (0.75, 768), (0.5, 512), (0.25, 256)])
def test_mobilenetv1_has_widths(multiplier: float, channels: int) -> None:
    narrow = TIMM.build("mobilenetv1_100", 7, {"channel_multiplier": multiplier})
    assert narrow.get_parameter("classifier.weight").shape == (7, channels)
    assert TIMM.published("mobilenetv1_100", {"channel_multiplier": multiplier}) is None


@pytest.mark.parametrize(
    "builder",
    ["mobilenetv1_100", "seresnet50", "tf_efficientnet_lite3", "deit_tiny_patch16_224", "resnet18.tv_in1k"],
)
def test_the_preprocessing_is_timms_own(builder: str) -> None:
    found = TIMM.preprocess(builder)
    known = timm.get_pretrained_cfg(builder)
    assert known is not None
    config = resolve_data_config(pretrained_cfg=known.to_dict())  # type: ignore[no-untyped-call]
    steps = {type(step): step for step in create_transform(**config).transforms}
    assert found.resize == steps[Resize].size
    assert found.interpolation == steps[Resize].interpolation.value
    assert (found.size, found.size) == tuple(steps[CenterCrop].size)
    assert list(found.mean) == pytest.approx(steps[Normalize].mean.tolist())
    assert list(found.std) == pytest.approx(steps[Normalize].std.tolist())


def test_published_weights_are_on_the_hub() -> None:
    found = TIMM.published("seresnet50", {})
    assert found is not None
    assert found.description == "timm seresnet50.a1_in1k"
    assert found.url == "https://huggingface.co/timm/seresnet50.a1_in1k/resolve/main/model.safetensors"
    assert found.sha256 == ""
    assert found.preprocess == TIMM.preprocess("seresnet50")


def test_weights_elsewhere_have_the_digest_in_their_name() -> None:
    found = TIMM.published("legacy_senet154", {})
    assert found is not None
    assert found.url.endswith(f"-{found.sha256}.pth")


@pytest.mark.parametrize(
    ("builder", "why"),
    [
        ("vit_base_patch16_224.augreg_in21k", "other classes"),
        ("volo_d4_448.sail_in1k", "pictures are padded"),
        ("coatnet_0_224", "none at all"),
    ],
)
def test_weights_that_cannot_be_used_are_not_published(builder: str, why: str) -> None:
    assert TIMM.published(builder, {}) is None, why


def test_squashed_pictures_are_described() -> None:
    found = TIMM.published("dm_nfnet_f0", {})
    assert found is not None
    assert (found.preprocess.size, found.preprocess.resize) == (192, (213, 213))


def test_the_preprocessing_of_every_published_file_is_supported() -> None:
    """`Preprocess` accepts every interpolation, size and mean."""
    found = [TIMM.published(name, {}) for name in timm.list_models()]
    assert sum(weights is not None for weights in found) > 700


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(UsageError, match=r"no timm network is called 'resnett18'; did you mean resnet18"):
        TIMM.build("resnett18", 10, {})


def test_without_timm_the_error_names_the_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependencyError, match=r"needs timm, .* pip install 'timm[<>]"):
        TIMM.build("resnet18", 10, {})
