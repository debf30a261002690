"""What is told of names that are no models or no weights."""

from pathlib import Path

import pytest

from edgewise.models.checkpoint import CHECKPOINT
from edgewise.models.errors import UsageError
from edgewise.models.weights import load_model, model_name
from edgewise.models.weights.names import SOURCES, require_model, require_weights


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / CHECKPOINT).touch()
    return folder


@pytest.mark.parametrize("source", SOURCES)
def test_weights_by_name(source: str) -> None:
    require_weights(source)


def test_weights_in_a_file(run: Path) -> None:
    require_weights(str(run / CHECKPOINT))
    with pytest.raises(UsageError, match=f"is a folder; pass its checkpoint, {run / CHECKPOINT}"):
        require_weights(str(run))
    with pytest.raises(UsageError, match=r"--weights none\.pth: no such file; pass a path, or one of auto, "):
        require_weights("none.pth")


@pytest.mark.parametrize(
    "name", ["mobilenetv2", "MobileNet-V2", "timm:anything", "torchvision:anything", "net.py:make", "net.py"]
)
def test_names_that_may_be_models(name: str) -> None:
    require_model(name)


def test_a_model_file_must_be_there(run: Path, tmp_path: Path) -> None:
    require_model(str(run / CHECKPOINT))
    for suffix in ("safetensors", "pt2", "keras", "h5"):
        with pytest.raises(UsageError, match=f"none.{suffix}: no such file; pass the path of a model file"):
            require_model(str(tmp_path / f"none.{suffix}"))


def test_a_saved_model_is_a_folder_that_may_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    require_model(str(tmp_path))


@pytest.mark.parametrize("suffix", ["onnx", "ONNX", "tflite", "xml"])
def test_what_was_converted_already_can_be_inspected(suffix: str) -> None:
    advice = f"but edgewise converts PyTorch and Keras networks; `edgewise inspect net.{suffix}` shows"
    with pytest.raises(UsageError, match=advice):
        require_model(f"net.{suffix}")


def test_a_state_dict_needs_its_network(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").touch()
    with pytest.raises(UsageError, match="contains only weights; pass the name of their network, and this"):
        require_model(str(tmp_path / "mine.pth"))


def test_loading_and_naming_tell_the_same(run: Path) -> None:
    for ask in (require_model, load_model, model_name):
        with pytest.raises(UsageError, match=f"folder of a training run; pass its checkpoint, {run}"):
            ask(str(run))


def test_folders_are_told_apart(run: Path) -> None:
    (run / CHECKPOINT).unlink()
    with pytest.raises(UsageError, match="is a folder; pass the name of a network, or a model file in it"):
        require_model(str(run))
    (run / "manifest.json").touch()
    with pytest.raises(UsageError, match=f"is a bundle, .* `edgewise verify {run}` checks it"):
        require_model(str(run))
    (run / "recipe.json").touch()
    with pytest.raises(UsageError, match="is a training run without a checkpoint yet; continue it"):
        require_model(str(run))


def test_a_folder_named_like_a_network_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mobilenetv2").mkdir()
    require_model("mobilenetv2")
    with pytest.raises(UsageError, match="no model is called 'mobilnetv2'; did you mean mobilenetv2"):
        require_model("mobilnetv2")
