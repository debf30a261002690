"""Bundles in an app's assets: complete and checked; everything else is refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import AccuracyError, EdgewiseError, ParityError, UsageError
from edgewise.runtime.android import BUILD, build_command, check, default_assets, place, write
from edgewise.runtime.bundle import Bundle, write_bundle
from edgewise.runtime.bundle.golden import Golden
from edgewise.runtime.judge.golden import sample
from edgewise.runtime.reference import TorchSession
from edgewise.runtime.tflite.session import TfliteSession, read_structure


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """An app's assets folder, with files of its own."""
    folder = tmp_path / "app" / "assets"
    (folder / "fonts").mkdir(parents=True)
    (folder / "fonts" / "sans.ttf").write_bytes(b"font")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def rewritten(folder: Path, to: Path, golden: Golden | None = None, **record: Any) -> Bundle:
    """The same bundle with other sections, or another golden sample."""
    old = Bundle.open(folder)
    assert old.reference is not None
    model = Artifact(old.model, old.target, old.precision, old.io, old.spec)
    twin = Artifact(old.reference, old.target, Precision.FP32, "float32", old.spec)
    sections = {"structure": old.manifest["structure"]} | record
    return write_bundle(to, model, twin, golden or old.golden(), sections)


def test_the_assets_are_the_bundle_and_nothing_else_changes(tiny_bundle: Path, assets: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    assert check(bundle).max_lsb == 0
    written = write(bundle, assets)
    assert written.folder == place(assets) == assets / "edgewise"
    assert contents(written.folder) == contents(tiny_bundle)
    assert contents(assets / "fonts") == {"sans.ttf": b"font"}
    assert sorted(path.name for path in assets.iterdir()) == ["edgewise", "fonts"]


def test_files_that_are_not_part_of_the_bundle_are_not_copied(
    tiny_bundle: Path, assets: Path, tmp_path: Path
) -> None:
    bundle = rewritten(tiny_bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "private.key").write_text("secret")
    assert "private.key" not in contents(write(bundle, assets).folder)


def test_an_earlier_bundle_is_replaced_even_by_itself(
    tiny_bundle: Path, assets: Path, tmp_path: Path
) -> None:
    write(rewritten(tiny_bundle, tmp_path / "bundle", note="the first"), assets)
    for source in (tiny_bundle, assets / "edgewise"):
        written = write(Bundle.open(source), assets)
        assert contents(written.folder) == contents(tiny_bundle)


@pytest.mark.parametrize("io", IOS)
def test_every_io_type_is_accepted(
    tiny_network: nn.Module, tiny_int8: dict[str, Artifact], tiny_float: Artifact, tmp_path: Path, io: str
) -> None:
    file = tiny_int8[io]
    golden = sample(file.spec.preprocess, TorchSession(tiny_network), TfliteSession(file.path, 1))
    record = {"structure": read_structure(file.path).to_json()}
    assert check(write_bundle(tmp_path / "bundle", file, tiny_float, golden, record)).max_lsb == 0


@pytest.mark.parametrize("target", ["onnx", "openvino"])
def test_the_app_only_runs_tflite(tiny_bundles: dict[str, Path], target: str) -> None:
    with pytest.raises(UsageError, match=f"needs {target}, which the app does not have; export with --to"):
        check(Bundle.open(tiny_bundles[target]))


def test_a_bundle_that_failed_its_gate_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(AccuracyError, match=r"failed its accuracy gate .*; export it without --force"):
        check(rewritten(tiny_bundle, tmp_path / "bundle", verification={"verdict": "fail"}))
    for verdict in ("inconclusive", "unproven"):
        check(rewritten(tiny_bundle, tmp_path / "bundle", verification={"verdict": verdict}))


def test_a_manifest_that_describes_another_input_is_refused(
    tiny_bundle: Path, tiny_int8: dict[str, Artifact], tmp_path: Path
) -> None:
    other = read_structure(tiny_int8["uint8"].path).to_json()
    cases: tuple[tuple[dict[str, Any] | None, str], ...] = (
        (None, r"does not describe the inputs and outputs of tiny-w8a8\.tflite"),
        ({}, r"does not describe the inputs and outputs of tiny-w8a8\.tflite"),
        (other, r"its manifest has other inputs .*, but tiny-w8a8\.tflite has"),
    )
    for told, complaint in cases:
        with pytest.raises(EdgewiseError, match=complaint):
            check(rewritten(tiny_bundle, tmp_path / "bundle", structure=told))


def test_a_model_with_another_golden_output_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    golden = Bundle.open(tiny_bundle).golden()
    other = Golden(golden.image, golden.input, golden.logits, np.roll(golden.output, 1))
    with pytest.raises(ParityError, match="the golden sample differs on this machine"):
        check(rewritten(tiny_bundle, tmp_path / "bundle", other))


def test_a_file_that_changed_after_opening_is_not_copied(
    tiny_bundle: Path, assets: Path, tmp_path: Path
) -> None:
    first = write(Bundle.open(tiny_bundle), assets)
    bundle = rewritten(tiny_bundle, tmp_path / "bundle")
    content = bytearray(bundle.model.read_bytes())
    content[-1] ^= 1
    bundle.model.write_bytes(content)
    with pytest.raises(EdgewiseError, match="is damaged: it does not match the manifest's SHA-256"):
        write(bundle, assets)
    assert contents(first.folder) == contents(tiny_bundle)
    assert sorted(path.name for path in assets.iterdir()) == ["edgewise", "fonts"]


def test_foreign_files_are_not_replaced(tiny_bundle: Path, assets: Path) -> None:
    foreign = assets / "edgewise" / "mine.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    with pytest.raises(UsageError, match="not an edgewise bundle; choose another folder"):
        write(Bundle.open(tiny_bundle), assets)
    foreign.unlink()
    write(Bundle.open(tiny_bundle), assets)
    foreign.write_text("mine")
    with pytest.raises(UsageError, match=r"contains mine\.txt, which is not part of the bundle"):
        place(assets)


def test_only_the_last_folder_may_be_missing(tiny_bundle: Path, tmp_path: Path) -> None:
    for wrong in (tmp_path / "nowhere" / "assets", tmp_path / "file", tmp_path / "file" / "assets"):
        (tmp_path / "file").write_text("")
        with pytest.raises(UsageError, match="is not a folder of an app; pass one like myapp/app/src/main"):
            place(wrong)
    assert write(Bundle.open(tiny_bundle), tmp_path / "assets").folder.is_dir()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user other than root")
def test_a_folder_that_cannot_be_written_is_explained(tiny_bundle: Path, assets: Path) -> None:
    assets.chmod(0o500)
    try:
        with pytest.raises(EdgewiseError, match="cannot be written"):
            write(Bundle.open(tiny_bundle), assets)
    finally:
        assets.chmod(0o700)


def test_the_default_is_the_demo_app_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="run this from a checkout of edgewise, or pass your app's folder"):
        default_assets()
    (tmp_path / "android_demo" / "app" / "src" / "main").mkdir(parents=True)
    assert place(default_assets()) == Path("android_demo/app/src/main/assets/edgewise")


def test_the_command_that_builds_an_app_is_that_of_its_module() -> None:
    assert build_command(Path("android_demo/app/src/main/assets")) == BUILD
    assert build_command(Path("/my apps/phone/src/main/assets")) == "gradle -p '/my apps' :phone:installDebug"
    for other in ("phone/assets", "src/main/assets"):
        with pytest.raises(UsageError, match="is not the src/main/assets of a Gradle module"):
            build_command(Path(other))
