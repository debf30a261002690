"""torchvision's networks, their weights and preprocessing, compared with torchvision itself."""

import pytest
import torch
from torchvision import models

from edgewise.models.errors import UsageError
from edgewise.models.libraries import library
from edgewise.models.spec import Preprocess
from edgewise.models.weights.untrained import seeded, stabilise
from edgewise.models.zoo import find

TORCHVISION = library("torchvision")


def test_all_are_classifiers() -> None:
    names = TORCHVISION.names()
    assert names == sorted(names)
    assert {"alexnet", "resnet50", "swin_t", "vit_b_16"} <= set(names)
    assert not [name for name in names if "/" in name or "deeplab" in name or "rcnn" in name or "3d" in name]


@pytest.mark.parametrize("builder", ["googlenet", "inception_v3"])
def test_there_are_no_auxiliary_heads(builder: str) -> None:
    network = TORCHVISION.build(builder, 7, {})
    assert not network.training
    assert not [name for name, _ in network.named_modules() if "aux" in name.casefold()]
    assert [len(parameter) for parameter in network.parameters()][-1] == 7


@pytest.mark.parametrize("builder", ["googlenet", "inception_v3"])
def test_inceptions_expect_the_normalisation_of_their_weights(builder: str) -> None:
    """Torchvision loads these weights with transform_input=True; edgewise builds without it."""
    ours = seeded(find(builder), 10)
    stabilise(ours, find(builder), Preprocess(96, 96))  # with non-zero activations in all layers
    theirs = models.get_model(
        builder, num_classes=10, transform_input=True, aux_logits=False, init_weights=False
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    published = TORCHVISION.published(builder, {})
    assert published is not None
    assert published.preprocess == TORCHVISION.preprocess(builder)
    preset = models.get_model_weights(builder).DEFAULT.transforms()
    pixels = torch.randint(256, (2, 96, 96, 3), dtype=torch.uint8).numpy()
    for_ours = torch.from_numpy(published.preprocess.normalise(pixels)).permute(0, 3, 1, 2)
    usual = Preprocess(mean=tuple(preset.mean), std=tuple(preset.std))
    for_theirs = torch.from_numpy(usual.normalise(pixels)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        torch.testing.assert_close(ours(for_ours), theirs(for_theirs), rtol=1e-3, atol=1e-3)
        assert (ours(for_theirs) - theirs(for_theirs)).abs().max() > 0.01


@pytest.mark.parametrize("builder", TORCHVISION.names())
def test_published_weights_are_torchvisions_default(builder: str) -> None:
    weights, found = models.get_model_weights(builder).DEFAULT, TORCHVISION.published(builder, {})
    assert found is not None
    assert (found.url, found.description) == (weights.url, f"torchvision {weights}")
    assert len(found.sha256) >= 8
    assert found.url.endswith(f"-{found.sha256}.pth")
    preset = weights.transforms()
    assert ([found.preprocess.size], [found.preprocess.resize]) == (preset.crop_size, preset.resize_size)
    assert found.preprocess.interpolation == preset.interpolation.value
    if builder not in {"googlenet", "inception_v3"}:
        assert (list(found.preprocess.mean), list(found.preprocess.std)) == (preset.mean, preset.std)


def test_a_vision_transformer_is_built_for_the_size_of_its_weights() -> None:
    with torch.device("meta"):
        patches = TORCHVISION.build("vit_h_14", 10, {}).get_parameter("encoder.pos_embedding").shape[1]
    assert TORCHVISION.preprocess("vit_h_14").size == 518
    assert patches == (518 // 14) ** 2 + 1


def test_there_are_no_published_weights_for_other_widths() -> None:
    assert TORCHVISION.published("mobilenet_v2", {"width_mult": 0.5}) is None
    assert (
        TORCHVISION.build("mobilenet_v2", 10, {"width_mult": 0.5})
        .get_parameter("features.0.0.weight")
        .shape[0]
        == 16
    )


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(
        UsageError, match=r"no torchvision network is called 'resnet51'; did you mean .*resnet50"
    ):
        TORCHVISION.build("resnet51", 10, {})
