"""Writes what `fuzz.py` mutates: bundles of a small network, checkpoints and pictures.

uv run python benchmarks/fuzz_sources.py FOLDER
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from torch import nn

import edgewise
from edgewise.models.checkpoint import save
from edgewise.models.synthetic import dead_leaves

_NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")


def main() -> None:
    """Write everything into the folder."""
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8),
        nn.ReLU6(),
        nn.Conv2d(8, 32, 1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 6),
    ).eval()
    pictures = torch.stack(
        [
            torch.from_numpy(dead_leaves(32, 1, index).copy()).permute(2, 0, 1) / 255 - 0.5
            for index in range(64)
        ]
    )
    head = network[-1]
    assert isinstance(head, nn.Linear)  # noqa: S101 - for mypy
    with torch.no_grad():  # so that every class wins sometimes
        logits = network(pictures)
        head.weight.div_(logits.std(0)[:, None])
        head.bias.copy_(head.bias - network(pictures).mean(0))
    model = edgewise.from_torch(network, name="small", imgsz=32, mean=0.5, std=0.5, labels=list(_NAMES))
    made = edgewise.convert(model, to="all", int8=True, calib_count=32, max_drop=100, out=folder / "made")
    for bundle in made.bundles:
        bundle.folder.rename(folder / bundle.target)
    _checkpoints(folder)
    _pictures(folder)


def _checkpoints(folder: Path) -> None:
    model = edgewise.load_model("mobilenetv1_025", weights="random")
    save(folder / "network.safetensors", model.network.state_dict(), model.spec, {"epochs": 1})
    torch.save(model.network.state_dict(), folder / "network.pth")


def _pictures(folder: Path) -> None:
    picture = Image.fromarray(dead_leaves(64, 2, 0))
    for suffix in ("png", "jpg", "webp", "bmp", "gif", "tif"):
        picture.save(folder / f"picture.{suffix}")
    picture.convert("P").save(folder / "palette.png")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(dead_leaves(64, 2, 1)[..., 0].astype("uint16") * 257).save(folder / "deep.png")


if __name__ == "__main__":
    main()
