"""What users name as a model or as weights, checked before anything is imported or loaded."""

from pathlib import Path

from ..checkpoint import CHECKPOINT
from ..errors import UsageError
from ..foreign.keras import is_keras
from ..zoo import find

SOURCES = ("auto", "imagenet", "bundled", "random")  # weights that have a name

_CONVERTED = {".onnx": "ONNX", ".tflite": "TFLite", ".xml": "OpenVINO"}
_STATES = (".pth", ".pt", ".bin", ".ckpt")
_MODELS = (".safetensors", ".pt2", ".keras", ".h5", ".hdf5")


def require_weights(source: str) -> None:
    """Raise a `UsageError` where `source` is neither one of `SOURCES` nor a file."""
    path = Path(source).expanduser()
    if source in SOURCES or path.is_file():
        return
    if (path / CHECKPOINT).is_file():
        raise UsageError(f"--weights {source}: is a folder; pass its checkpoint, {path / CHECKPOINT}")
    raise UsageError(f"--weights {source}: no such file; pass a path, or one of {', '.join(SOURCES)}")


def require_model(name: str) -> None:
    """Raise a `UsageError` where `name` is no model that can be loaded, with what to do instead.

    Networks of whole libraries, such as timm:NAME, are not looked up.
    """
    path = Path(name).expanduser()
    if path.suffix in _MODELS or is_keras(name):
        if not path.exists():
            raise UsageError(f"{path}: no such file; pass the path of a model file")
        return
    if advice := _advice(path):
        raise UsageError(f"{path}: {advice}")
    if ":" not in name and path.suffix != ".py":
        _require_named(name, path)


def _advice(path: Path) -> str | None:
    """What to do with a file that is no model to convert."""
    suffix = path.suffix.lower()
    if suffix in _CONVERTED:
        return (
            f"is a file of {_CONVERTED[suffix]}, but edgewise converts PyTorch and Keras networks; "
            f"`edgewise inspect {path}` shows what it contains"
        )
    if suffix in _STATES and path.exists():
        return "contains only weights; pass the name of their network, and this file with --weights"
    return None


def _require_named(name: str, path: Path) -> None:
    """Raise a `UsageError` where no network has that name; a folder of that name may be meant."""
    try:
        find(name)
    except UsageError as error:
        if path.is_dir():
            raise UsageError(f"{path}: {_advice_on_folder(path)}") from error
        raise


def _advice_on_folder(path: Path) -> str:
    if (path / CHECKPOINT).is_file():
        return f"is the folder of a training run; pass its checkpoint, {path / CHECKPOINT}"
    if (path / "recipe.json").is_file():
        return "is a training run without a checkpoint yet; continue it with `edgewise train --resume`"
    if (path / "manifest.json").is_file():
        return (
            f"is a bundle, which was converted already; `edgewise verify {path}` checks it, "
            f"`edgewise inspect {path}` shows what it contains"
        )
    return "is a folder; pass the name of a network, or a model file in it"
