"""The networks whose INT8 files test the gate: with ImageNet weights, and trained here on CIFAR-10."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import edgewise
from edgewise.models.model import Model

_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class OfImageNet:
    """ImageNet weights, and photographs of ImageNet's classes."""

    network: str
    weights: str

    def load(self, shared: Path, results: Path) -> Model:
        """The network with the real weights."""
        del results
        return edgewise.load_model(self.network, weights=shared / "weights" / self.weights, mean=0.5, std=0.5)

    def photographs(self, shared: Path, results: Path) -> Path:
        """The folder of labelled photographs."""
        del results
        return shared / "data" / "imagenet-sample" / "images"


@dataclass(frozen=True, slots=True)
class OfCifar10:
    """A network that is trained on CIFAR-10 at a size of its own, and the pictures of the test set."""

    network: str
    imgsz: int
    weights: str = "random"

    def load(self, shared: Path, results: Path) -> Model:
        """The network, trained if the folder of results has no checkpoint of it yet."""
        run = results / f"{self.network}-cifar10-run"
        checkpoint = run / "model.safetensors"
        if not checkpoint.is_file():
            weights = self.weights if self.weights == "random" else shared / "weights" / self.weights
            edgewise.train(
                self.network,
                self._pictures(shared, results),
                weights=weights,
                imgsz=self.imgsz,
                resize=self.imgsz,
                mean=0.5,
                std=0.5,
                out=run,
                epochs=_EPOCHS,
            )
        return edgewise.load_model(checkpoint)

    def photographs(self, shared: Path, results: Path) -> Path:
        """The folder of the test set, which did not train."""
        return self._pictures(shared, results) / "val"

    def _pictures(self, shared: Path, results: Path) -> Path:
        folder = results / "cifar10"
        if not folder.is_dir():
            part = results / "cifar10.part"
            with zipfile.ZipFile(shared / "data" / "cifar10-25k.zip") as archive:
                archive.extractall(part)
            (part / "test").rename(part / "val")
            part.rename(folder)
        return folder


NETWORKS: dict[str, OfImageNet | OfCifar10] = {
    "mobilenetv2": OfImageNet("mobilenetv2", "mobilenet_v2-imagenet.pth"),
    **{
        f"efficientnetlite{size}": OfImageNet(
            f"efficientnetlite{size}", f"efficientnet_lite{size}-imagenet.pth"
        )
        for size in range(3)
    },
    "mobilenetv2-cifar10": OfCifar10("mobilenetv2", 64, "mobilenet_v2-imagenet.pth"),
    "resnet18-cifar10": OfCifar10("resnet18", 32),
}
