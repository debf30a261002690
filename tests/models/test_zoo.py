"""The table of architectures: names, networks on the meta device, and published figures."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import get_model_weights

from edgewise.models.errors import MissingDependencyError, UsageError
from edgewise.models.libraries.names import fold
from edgewise.models.weights.fitting import head
from edgewise.models.zoo import Architecture, architectures, build, find, preprocess, published, skeleton

rows = pytest.mark.parametrize("row", architectures(), ids=lambda row: row.name)


@rows
def test_each_row_builds_with_the_right_number_of_outputs(row: Architecture) -> None:
    network = skeleton(row, 7)
    assert not network.training
    assert {tensor.device.type for tensor in network.parameters()} == {"meta"}
    of_classes = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and len(layer.weight) == 7
    ]
    assert of_classes == [head(row)]


@rows
def test_each_row_has_preprocessing_and_figures(row: Architecture) -> None:
    prepared, weights = preprocess(row), published(row)
    # EfficientNet-Lite 3 and 4 were published for smaller pictures than timm uses.
    lite = {280: 300, 300: 300 if row.name == "efficientnetb3" else 380}
    assert prepared.size == next((there for here, there in lite.items() if here == row.size), row.size)
    assert isinstance(prepared.size, int)
    assert isinstance(prepared.resize, int)
    assert prepared.size <= prepared.resize <= prepared.size / 0.87
    assert prepared.std in {(0.229, 0.224, 0.225), (0.5, 0.5, 0.5)}
    assert (weights is None) == bool(row.options)  # other widths
    if weights:
        assert weights.preprocess == prepared
        assert weights.url.startswith("https://")
        assert bool(weights.sha256) == (row.library == "torchvision")
    assert row.top1
    assert row.macs
    assert row.year
    assert 45 < row.top1 < 90
    assert 2012 <= row.year <= 2024
    assert row.paper or "Lite" in row.title


@pytest.mark.parametrize(
    "row",
    [row for row in architectures() if row.library == "torchvision" and not row.options],
    ids=lambda row: row.name,
)
def test_each_row_agrees_with_torchvision(row: Architecture) -> None:
    first = next(iter(get_model_weights(row.builder))).meta
    assert row.parameters
    assert row.macs
    if row.name != "inceptionv3":  # torchvision's count includes the auxiliary head
        assert first["num_params"] == pytest.approx(row.parameters, rel=0.02)
    assert first["_ops"] == pytest.approx(row.macs / 1e9, rel=0.025)
    assert first["_metrics"]["ImageNet-1K"]["acc@1"] == pytest.approx(row.top1, abs=1.6)


def test_the_table_has_the_documented_architectures() -> None:
    names = {row.name for row in architectures()}
    assert len(names) == len(architectures()) == 56
    for family, count in {
        "vgg": 6,
        "resnet": 5,
        "densenet": 3,
        "mobilenetv1": 4,
        "mobilenetv2": 5,
        "mobilenetv3": 2,
        "efficientnetb": 8,
        "efficientnetlite": 5,
        "shufflenetv2": 2,
        "mnasnet": 2,
        "squeezenet": 2,
        "regnet": 2,
        "convnext": 2,
    }.items():
        assert sum(name.startswith(family) for name in names) == count, family


@pytest.mark.parametrize("name", ["mobilenetv2_050", "regnetx400mf", "squeezenet1_1", "mobilenetv1_025"])
def test_a_built_network_returns_its_classes(name: str) -> None:
    network = build(find(name), 7)
    assert not network.training
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("mobilenetv2", "mobilenetv2"),
        ("mobilenet_v2", "mobilenetv2"),
        ("MobileNetV2", "mobilenetv2"),
        (" Mobilenet V2", "mobilenetv2"),
        ("mobilenet_v2_0.5", "mobilenetv2_050"),
        ("MobileNetV2-0.35", "mobilenetv2_035"),
        ("mobilenetv2_1.4", "mobilenetv2_140"),
        ("mobilenetv1_100", "mobilenetv1"),
        ("mobilenetv4_conv_small", "mobilenetv4small"),
        ("EfficientNet-B0", "efficientnetb0"),
        ("EfficientNetV2-S", "efficientnetv2s"),
        ("efficientnet_lite0", "efficientnetlite0"),
        ("resnet-50", "resnet50"),
        ("vit_b_16", "vitb16"),
        ("ViT-B/16", "vitb16"),
        ("inception_v3", "inceptionv3"),
        ("vgg16_bn", "vgg16bn"),
        ("shufflenet_v2_x0_5", "shufflenetv2_050"),
        ("SqueezeNet 1.1", "squeezenet1_1"),
        ("deit_tiny_patch16_224", "deittiny"),
        ("ConvNeXt-Tiny", "convnexttiny"),
    ],
)
def test_names_ignore_case_and_separators(asked: str, name: str) -> None:
    assert find(asked).name == name


def test_names_are_unique() -> None:
    by_name: dict[str, str] = {}
    for row in architectures():
        for name in {fold(row.name), fold(row.title), *([] if row.options else [fold(row.builder)])}:
            assert by_name.setdefault(name, row.name) == row.name
            assert find(name) is row


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("mobilnetv2", "did you mean mobilenetv2"),
        ("vgg", "did you mean vgg"),
        ("zzz", "run 'edgewise models'"),
        ("", "run 'edgewise models'"),
        ("keras:resnet50", "did you mean .*resnet50"),
    ],
)
def test_a_typo_is_a_usage_error_with_a_suggestion(name: str, fix: str) -> None:
    with pytest.raises(UsageError, match=f"no model is called '{name}'; {fix}"):
        find(name)


@pytest.mark.parametrize(
    ("asked", "name", "builder", "size"),
    [
        ("timm:resnet18", "timm:resnet18", "resnet18", 224),
        ("timm:ResNet-18.a1_in1k", "timm:resnet18.a1_in1k", "resnet18.a1_in1k", 224),
        ("Torchvision: swin_v2_t", "torchvision:swin_v2_t", "swin_v2_t", 256),
    ],
)
def test_all_networks_of_the_libraries_can_be_found(asked: str, name: str, builder: str, size: int) -> None:
    source = name.partition(":")[0]
    assert find(asked) == Architecture(name, builder, source, builder, size=size)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm:resnett18", r"no timm network is called 'resnett18'; did you mean resnet18"),
        ("torchvision:resnet51", r"no torchvision network is called 'resnet51'; did you mean .*resnet50"),
        ("torchvision:deeplab", r"no torchvision network is called 'deeplab'; it has alexnet, "),
    ],
)
def test_a_typo_with_a_prefix_suggests_from_that_library(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find(name)


def test_a_users_own_network_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text("from torch import nn\ndef small(classes): return nn.Linear(3, classes)\n")
    row = find("net.py:small")
    assert (row.name, row.library, row.builder, row.size) == ("net.py:small", "file", "net.py:small", 224)
    assert published(row) is None
    assert {tensor.device.type for tensor in skeleton(row, 5).parameters()} == {"meta"}
    assert build(row, 5).get_parameter("weight").shape == (5, 3)
    with pytest.raises(UsageError, match=r"net\.py: name the function that creates the network"):
        find("net.py")
    with pytest.raises(UsageError, match=r"nett\.py: no such file"):
        find("nett.py:small")


@pytest.mark.parametrize(("name", "library"), [("mobilenetv2", "torchvision"), ("mobilenetv1", "timm")])
def test_without_its_library_the_error_names_the_requirement(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, find(name).library, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {library}, .* pip install '{library}[<>]"):
        build(find(name), 10)
