"""Bundles: what was written is read back, and anything else is rejected."""

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

from edgewise.export.artifact import IOS, Artifact
from edgewise.export.precision import Precision
from edgewise.models.errors import EdgewiseError, UsageError
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess
from edgewise.runtime import open_session
from edgewise.runtime.bundle import Bundle, refuse_other_model, write_bundle
from edgewise.runtime.bundle.atomic import replacing_folder
from edgewise.runtime.bundle.golden import Golden

RECORD = {
    "versions": {"edgewise": "0.1.0"},
    "calibration": {"images": 128, "sha256": "ab" * 32},
    "verification": {"max_difference": 1.5e-7},
}


def make_spec(names: tuple[str, ...] = ("cat", "Žába", "机"), size: int = 4) -> ModelSpec:
    return ModelSpec(
        "mobilenetv2", Preprocess(size, size + 2), Labels(names), Origin("random", "seed 0", "0" * 64)
    )


def make_golden(spec: ModelSpec, seed: int = 0) -> Golden:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (9, 11, 3), np.uint8)
    logits = random.standard_normal((1, len(spec.labels)), np.float32)
    return Golden(image, spec.preprocess(Image.fromarray(image))[None], logits, logits + np.float32(0.1))


def make_artifact(folder: Path, precision: Precision, spec: ModelSpec, seed: int = 0) -> Artifact:
    folder.mkdir(exist_ok=True)
    path = folder / f"anything-{precision}.tflite"
    path.write_bytes(np.random.default_rng(seed).bytes(5000))
    return Artifact(path, "tflite", precision, "float32", spec, {"operators": {"CONV_2D": 52}})


def make_bundle(folder: Path, seed: int = 0) -> Bundle:
    """An INT8 bundle with the float model; the source files are next to it."""
    spec, sources = make_spec(), folder.with_name("sources")
    model = make_artifact(sources, Precision.W8A8, spec, seed)
    reference = make_artifact(sources, Precision.FP32, spec, seed + 1)
    return write_bundle(folder, model, reference, make_golden(spec, seed), {**RECORD, "seed": seed})


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_contains_what_was_written(tmp_path: Path, bundle: Bundle) -> None:
    spec, golden = make_spec(), make_golden(make_spec())
    assert bundle == Bundle.open(bundle.folder)
    assert (bundle.name, bundle.target, bundle.precision, bundle.io) == (
        "mobilenetv2",
        "tflite",
        "w8a8",
        "float32",
    )
    assert bundle.spec == spec
    assert bundle.model == bundle.folder / "mobilenetv2-w8a8.tflite"
    assert bundle.reference == bundle.folder / "mobilenetv2-fp32.tflite"
    assert bundle.model.read_bytes() == (tmp_path / "sources" / "anything-w8a8.tflite").read_bytes()
    assert bundle.reference.read_bytes() == (tmp_path / "sources" / "anything-fp32.tflite").read_bytes()
    assert (bundle.folder / "labels.txt").read_text(encoding="utf-8") == "cat\nŽába\n机\n"
    assert bundle.calibration == RECORD["calibration"]
    assert bundle.verification == RECORD["verification"]
    assert bundle.manifest["details"] == {"operators": {"CONV_2D": 52}}
    for name in ("image", "input", "logits", "output"):
        np.testing.assert_array_equal(getattr(bundle.golden(), name), getattr(golden, name), strict=True)


def test_the_golden_input_is_the_preprocessed_golden_image(bundle: Bundle) -> None:
    golden = bundle.golden()
    made = bundle.spec.preprocess(Image.open(bundle.folder / "golden" / "image.png"))
    np.testing.assert_array_equal(made[None], golden.input, strict=True)


def signed(folder: Path, name: str, content: bytes) -> None:
    """Write a file of a bundle, with its digest in the manifest."""
    (folder / name).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    edit(folder, lambda manifest: manifest["files"].update({name: entry}))


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 11 9
%%EndComments
showpage
%%EOF
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_a_golden_picture_in_postscript_starts_no_program(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    signed(bundle.folder, "golden/image.png", EPS)
    with pytest.raises(EdgewiseError, match="the golden sample is unusable"):
        Bundle.open(bundle.folder).golden()
    assert not (tmp_path / "started").exists()
    with suppress(OSError), Image.open(bundle.folder / "golden/image.png") as picture:
        picture.load()
    assert (tmp_path / "started").exists()  # as it would have been


def test_weights_in_a_file_without_a_digest_are_refused(
    tiny_bundles: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bundles["onnx"], tmp_path / "bundle"))
    name = Bundle.open(folder).model.name
    model = onnx.load(folder / name)
    (tmp_path / "beside").mkdir()
    onnx.save(
        model, tmp_path / "beside" / name, save_as_external_data=True, location="w.bin", size_threshold=64
    )
    shutil.copy(tmp_path / "beside" / "w.bin", folder)
    signed(folder, name, (tmp_path / "beside" / name).read_bytes())
    with pytest.raises(
        EdgewiseError, match=rf"{name} takes weights from 'w\.bin', which manifest\.json does not"
    ):
        Bundle.open(folder)
    signed(folder, "w.bin", (folder / "w.bin").read_bytes())
    open_session(Bundle.open(folder).model, "onnx")


def test_a_float_bundle_has_no_reference(tmp_path: Path) -> None:
    model = make_artifact(tmp_path / "sources", Precision.FP32, make_spec())
    assert model.bundle_name == "mobilenetv2-tflite-fp32"
    bundle = write_bundle(tmp_path / model.bundle_name, model, None, make_golden(model.spec), {})
    assert (bundle.reference, bundle.calibration, bundle.verification) == (None, None, None)
    assert bundle.model.name == "mobilenetv2-fp32.tflite"
    assert "mobilenetv2-w8a8.tflite" not in bundle.manifest["files"]


def test_an_openvino_bundle_contains_the_weights(tmp_path: Path) -> None:
    spec, folder = make_spec(), tmp_path / "sources"
    folder.mkdir()
    for precision in (Precision.W8A8, Precision.FP32):
        (folder / f"{precision}.xml").write_text(f"<net of {precision}/>")
        (folder / f"{precision}.bin").write_bytes(precision.encode() * 9)
    model, twin = (
        Artifact(folder / f"{precision}.xml", "openvino", precision, "float32", spec)
        for precision in (Precision.W8A8, Precision.FP32)
    )
    written = write_bundle(tmp_path / "b", model, twin, make_golden(spec), {})
    for path, precision in ((written.model, Precision.W8A8), (written.reference, Precision.FP32)):
        assert path is not None
        assert path.name == f"mobilenetv2-{precision}.xml"
        assert path.with_suffix(".bin").read_bytes() == precision.encode() * 9
    edit(written.folder, lambda manifest: manifest["files"].pop("mobilenetv2-fp32.bin"))
    with pytest.raises(EdgewiseError, match=r"does not list .mobilenetv2-fp32\.bin. among"):
        Bundle.open(written.folder)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "other")
    assert contents(one.folder) == contents(other.folder)
    text = (one.folder / "manifest.json").read_text(encoding="ascii")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


def test_a_model_can_come_from_the_bundle_being_replaced(bundle: Bundle) -> None:
    assert bundle.reference
    before = bundle.reference.read_bytes()
    twin = Artifact(bundle.reference, bundle.target, Precision.FP32, bundle.io, bundle.spec)
    after = write_bundle(bundle.folder, twin, None, bundle.golden(), {})
    assert after.model.read_bytes() == before


line = st.text().filter(lambda text: text.splitlines() == [text])
spread = st.tuples(*[st.floats(2**-10, 2**10)] * 3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(
    st.text(min_size=13), json_values, max_size=3
)  # longer than the manifest's own keys


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    size = draw(st.integers(1, 8))
    interpolation: Literal["bilinear", "bicubic"] = "bicubic" if draw(st.booleans()) else "bilinear"
    preprocess = Preprocess(size, draw(st.integers(size, 20)), draw(spread), draw(spread), interpolation)
    labels = Labels(tuple(draw(st.lists(line, min_size=1, max_size=5))))
    name = draw(st.from_regex(r"[a-z][a-z0-9_.+-]*", fullmatch=True))
    return ModelSpec(name, preprocess, labels, Origin("file", draw(st.text()), "0" * 64))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=specs(), kind=st.sampled_from(IOS), record=records, detail=json_values)
def test_every_bundle_survives_the_round_trip(
    tmp_path: Path, spec: ModelSpec, kind: str, record: dict[str, Any], detail: Any
) -> None:
    artifact = make_artifact(tmp_path, Precision.W8A8, spec)
    model = dataclasses.replace(artifact, io=kind, details={"detail": detail})
    write_bundle(tmp_path / "bundle", model, None, make_golden(spec), record, overwrite=True)
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.spec == spec
    assert bundle.io == kind
    assert bundle.manifest["details"] == {"detail": detail}
    assert {key: bundle.manifest[key] for key in record} == record
    labels = (bundle.folder / "labels.txt").read_bytes().decode()
    assert labels.split("\n") == [*spec.labels.names, ""]


EMPTY = hashlib.sha256(b"").hexdigest()
LISTED = (
    "mobilenetv2-w8a8.tflite",
    "mobilenetv2-fp32.tflite",
    "labels.txt",
    "golden/image.png",
    "golden/input.npy",
)


@pytest.mark.parametrize("name", [*LISTED, "golden/logits.npy", "golden/output.npy"])
def test_a_damaged_file_is_named(bundle: Bundle, name: str) -> None:
    path = bundle.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(EdgewiseError, match=f"{name} is damaged: .*SHA-256; copy or export the bundle again"):
        Bundle.open(bundle.folder)
    path.write_bytes(whole[:-1])
    with pytest.raises(EdgewiseError, match=f"{name} has {len(whole) - 1} bytes instead of {len(whole)};"):
        Bundle.open(bundle.folder)
    path.unlink()
    with pytest.raises(EdgewiseError, match=f"{name} is missing"):
        Bundle.open(bundle.folder)
    path.mkdir()
    with pytest.raises(EdgewiseError, match=f"{name} is missing"):
        Bundle.open(bundle.folder)


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "golden/../../secret",
        "..",
        "C:secret",
        "C:\\secret",
        "a//b",
        "a/",
        "",
        "a\0",
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(bundle: Bundle, name: str) -> None:
    (bundle.folder.parent / "secret").write_text("")
    edit(bundle.folder, lambda manifest: manifest["files"].update({name: {"sha256": EMPTY, "size_bytes": 0}}))
    with pytest.raises(EdgewiseError, match="is not a plain file name"):
        Bundle.open(bundle.folder)


DELETE = object()


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        ("schema", 2, "a newer edgewise .schema 2, this version reads 1.; update edgewise"),
        ("schema", DELETE, "not written by edgewise"),
        ("schema", "1", "not written by edgewise"),
        ("schema", True, "not written by edgewise"),
        ("schema", 0, "not written by edgewise"),
        ("name", DELETE, "'name' is NoneType instead of str"),
        ("target", 7, "'target' is int instead of str"),
        ("precision", "w4a4", "'precision' is 'w4a4', not one of fp32, fp16, w8a32, w8a8, w8a8-mixed"),
        ("io", None, "'io' is NoneType instead of str"),
        ("model", "elsewhere.tflite", "does not list 'elsewhere.tflite' among its files"),
        ("model", "../secret", "does not list '../secret' among its files"),
        ("reference", "elsewhere.tflite", "does not list 'elsewhere.tflite' among its files"),
        ("reference", [], "'reference' is list instead of str"),
        ("spec", DELETE, "'spec' is NoneType instead of dict"),
        ("spec", {}, "not a valid edgewise model description"),
        ("spec preprocess", "soft", "manifest.json: "),
        ("spec preprocess size", 0, "image size 0"),
        ("calibration", "yes", "'calibration' is str instead of dict"),
        ("verification", [1], "'verification' is list instead of dict"),
        ("files", [], "'files' is list instead of dict"),
        ("files labels.txt", DELETE, "does not list 'labels.txt' among its files"),
        ("files labels.txt", None, r"files\.labels\.txt: is None, must be an object"),
        ("files labels.txt size_bytes", "9", r"size_bytes: is '9', must be an integer"),
        ("files labels.txt sha256", DELETE, r"files\.labels\.txt: has no 'sha256'"),
        ("files labels.txt sha256", "AB" * 32, "must be 64 hexadecimal digits"),
        ("spec labels names", "abc", r"spec\.labels\.names: is 'abc', must be a list"),
        ("spec labels names", ["cat", 5, "dog"], r"names\[1\]: is 5, must be text"),
        ("spec labels names", ["机", "cat", "Žába"], r"labels\.txt names other classes than manifest\.json"),
        ("spec labels ids", None, r"ids: is None, must be a list"),
        ("spec name", 5, r"spec\.name: is 5, must be text"),
        ("spec preprocess mean", [0.5, "0.5", 0.5], r"mean\[1\]: is '0\.5', must be a finite number"),
        ("spec preprocess std", [0.5, 0, 0.5], r"std\[1\]: is 0, must be a finite number above 0"),
        ("spec preprocess size", True, r"size: is True, must be an integer"),
        ("spec preprocess odd", 1, "unknown field 'odd'"),
        ("spec origin averaged", "no", "must be true or false"),
        ("calibration files", {}, r"calibration\.files: is \{\}, must be a list"),
        ("verification verdict", "PASS", r"verdict: is 'PASS', must be one of pass, fail, "),
        ("structure", {"output_step": -1}, r"output_step: is -1, must be a finite number above 0"),
        ("structure", {"output_step": "1"}, "must be a finite number"),
        ("structure", {"output_step": 10**400}, "must be a finite number"),
        ("spec preprocess mean", [-(10**400), 0.5, 0.5], r"mean\[0\]: is -1000.*, must be a finite number"),
        ("structure", {"inputs": {}}, r"structure\.inputs: is \{\}, must be a list"),
        ("processors", {"made_for": "all"}, r"made_for: is 'all', must be a list"),
        ("versions", ["pillow"], r"versions: is \['pillow'\], must be an object"),
        ("training", 1, "training: is 1, must be an object"),
    ],
)
def test_an_invalid_manifest_is_refused(bundle: Bundle, keys: str, value: object, complaint: str) -> None:
    *parents, last = keys.split(" ")

    def change(manifest: dict[str, Any]) -> None:
        for key in parents:
            manifest = manifest[key]
        manifest[last] = value
        if value is DELETE:
            del manifest[last]

    edit(bundle.folder, change)
    with pytest.raises(EdgewiseError, match=complaint) as caught:
        Bundle.open(bundle.folder)
    assert str(caught.value).startswith(f"{bundle.folder}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b"NaN", b'{"schema": 1, "schema": 1}', b'{"a": Infinity}'],
)
def test_a_manifest_that_is_not_a_json_object_is_refused(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / "manifest.json").write_bytes(content)
    with pytest.raises(EdgewiseError, match=r"manifest.json (cannot be read|was not written by edgewise)"):
        Bundle.open(bundle.folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe with a name")
def test_a_manifest_without_an_end_is_not_read(bundle: Bundle) -> None:
    (bundle.folder / "manifest.json").unlink()
    os.mkfifo(bundle.folder / "manifest.json")
    with pytest.raises(EdgewiseError, match=r"manifest\.json cannot be read \(.*is not a regular file"):
        Bundle.open(bundle.folder)


def test_a_path_that_is_not_a_bundle_is_explained(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="no such bundle; create one with `edgewise export`"):
        Bundle.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is a file; pass the bundle's folder"):
        Bundle.open(bundle.model)
    with pytest.raises(UsageError, match=r"contains no manifest.json"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("golden/input.npy", b"\x93NUMPY", "the golden sample is unusable"),
        ("golden/logits.npy", b"", "the golden sample is unusable"),
        ("golden/logits.npy", npy(np.array([[None]], object)), "it holds Python objects"),
        (
            "golden/output.npy",
            npy(np.zeros((1, 3))),
            "golden output: is float64 .1, 3., must be float32 .1, 3.",
        ),
        ("golden/output.npy", npy(np.zeros((1, 4), np.float32)), "is float32 .1, 4., must be float32 .1, 3."),
        ("golden/logits.npy", npy(np.full((1, 3), np.nan, np.float32)), "golden logits: contains NaN"),
        ("golden/image.png", b"GIF89a", "the golden sample is unusable"),
    ],
)
def test_an_invalid_golden_sample_is_refused(
    bundle: Bundle, name: str, content: bytes, complaint: str
) -> None:
    """Its checksums match the manifest: the bundle was written like this."""
    (bundle.folder / name).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    edit(bundle.folder, lambda manifest: manifest["files"].update({name: entry}))
    opened = Bundle.open(bundle.folder)
    with pytest.raises(EdgewiseError, match=complaint):
        opened.golden()


@pytest.mark.parametrize("label", ["", "two\nlines", "two\rlines", "end\n", "para\u2029graph", "byte\udcff"])
def test_a_class_name_that_is_not_one_line_is_refused(tmp_path: Path, label: str) -> None:
    spec = make_spec(("cat", label))
    with pytest.raises(
        UsageError, match=r"must be a single line of UTF-8 text for labels.txt; rename the class"
    ):
        write_bundle(
            tmp_path / "b", make_artifact(tmp_path, Precision.FP32, spec), None, make_golden(spec), {}
        )
    assert not (tmp_path / "b").exists()


def test_a_model_of_any_name_stays_in_the_folder(tmp_path: Path) -> None:
    """The name may come from an untrusted checkpoint."""
    model = make_artifact(tmp_path, Precision.FP32, make_spec())
    model = dataclasses.replace(model, spec=dataclasses.replace(model.spec, name="../escape"))
    bundle = write_bundle(tmp_path / "b", model, None, make_golden(model.spec), {})
    assert bundle.model == tmp_path / "b" / "escape-fp32.tflite"
    assert bundle.spec.name == "../escape"


@pytest.mark.parametrize("record", [{"schema": 2}, {"speed": float("nan")}, {"speed": float("inf")}])
def test_a_record_that_is_not_valid_json_replaces_nothing(bundle: Bundle, record: dict[str, Any]) -> None:
    before = contents(bundle.folder)
    model = Artifact(bundle.model, "tflite", Precision.W8A8, "float32", bundle.spec)
    with pytest.raises(ValueError, match=r"schema|JSON"):
        write_bundle(bundle.folder, model, None, bundle.golden(), record)
    assert contents(bundle.folder) == before


def test_a_missing_model_replaces_nothing(bundle: Bundle) -> None:
    before = contents(bundle.folder)
    model = Artifact(bundle.folder / "gone.tflite", "tflite", Precision.FP32, "float32", bundle.spec)
    with pytest.raises(EdgewiseError, match=r"No such file or directory: .*gone.tflite"):
        write_bundle(bundle.folder, model, None, bundle.golden(), {})
    assert contents(bundle.folder) == before


def test_an_artifact_that_cannot_be_opened_replaces_nothing(bundle: Bundle) -> None:
    before = contents(bundle.folder)
    model = Artifact(bundle.model, "tflite", Precision.W8A8, "float16", bundle.spec)
    with pytest.raises(EdgewiseError, match="'io' is 'float16', not one of float32, int8, uint8"):
        write_bundle(bundle.folder, model, None, bundle.golden(), {})
    assert contents(bundle.folder) == before


def test_two_models_of_the_same_name_are_refused(bundle: Bundle) -> None:
    model = Artifact(bundle.model, "tflite", Precision.W8A8, "float32", bundle.spec)
    with pytest.raises(ValueError, match=r"both called mobilenetv2-w8a8.tflite"):
        write_bundle(bundle.folder, model, model, bundle.golden(), {})


# Runs in a new interpreter without threads, so that it can fork. Without fsync, which is slow on a busy disk:
# killing a process does not lose data held by the kernel.
KILLS = """
import itertools, os, random, signal, sys, time
from pathlib import Path
from edgewise.runtime.bundle import atomic as _atomic
from test_init import Bundle, make_bundle

os.fsync = lambda descriptor: None
folder = Path(sys.argv[1]) / "dist" / "bundle"
if sys.argv[2] == "two renames":
    _atomic._exchange = lambda *_: False
chance = random.Random(7)
make_bundle(folder)
start = time.monotonic()
make_bundle(folder)
one = time.monotonic() - start
for _ in range(15):
    pid = os.fork()
    if pid == 0:
        for seed in itertools.count(1):
            make_bundle(folder, seed)
    time.sleep(chance.uniform(0, 3 * one))
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    Bundle.open(_atomic.interrupted(folder) or folder).golden()
    make_bundle(folder)
    assert sorted(os.listdir(folder.parent)) == ["bundle", "sources"], os.listdir(folder.parent)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks and sends SIGKILL")
@pytest.mark.parametrize("mode", ["exchange", "two renames"])
def test_a_kill_at_a_random_moment_leaves_a_bundle_that_opens(tmp_path: Path, mode: str) -> None:
    (tmp_path / "dist").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLS, str(tmp_path), mode]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


# Bundles of other models.


def trained(sha256: str, names: tuple[str, ...] = ("cat", "dog")) -> ModelSpec:
    return ModelSpec("net", Preprocess(4, 6), Labels(names), Origin("file", "mine.pth", sha256))


def written(
    folder: Path, spec: ModelSpec, *, precision: Precision = Precision.FP32, overwrite: bool = False
) -> Bundle:
    """A float bundle of that model."""
    sources = folder.with_name(f"sources-{threading.get_ident()}")
    model = make_artifact(sources, precision, spec)
    return write_bundle(folder, model, None, make_golden(spec), {}, overwrite=overwrite)


MINE = trained("ab" * 32)
OTHERS = {"weights": trained("cd" * 32), "classes": trained("ab" * 32, ("dog", "cat"))}


def test_averaged_weights_of_the_same_file_are_other_weights(tmp_path: Path) -> None:
    written(tmp_path / "bundle", MINE)
    averaged = dataclasses.replace(MINE, origin=dataclasses.replace(MINE.origin, averaged=True))
    with pytest.raises(UsageError, match="holds a bundle made from other weights"):
        refuse_other_model(tmp_path / "bundle", averaged)


@pytest.mark.parametrize("other", OTHERS)
def test_a_bundle_of_another_model_is_replaced_only_where_asked(tmp_path: Path, other: str) -> None:
    folder = tmp_path / "bundle"
    before = contents(written(folder, MINE).folder)
    complaint = rf"bundle: holds a bundle made from other {other} \(net, mine\.pth\), .*--out, .*--overwrite"
    with pytest.raises(UsageError, match=complaint):
        refuse_other_model(folder, OTHERS[other])
    with pytest.raises(UsageError, match=complaint):
        written(folder, OTHERS[other])
    assert contents(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert written(folder, OTHERS[other], overwrite=True).spec == OTHERS[other]
    assert Bundle.open(folder).spec == OTHERS[other]


def test_the_same_model_replaces_its_own_bundle(tmp_path: Path) -> None:
    written(tmp_path / "bundle", MINE)
    refuse_other_model(tmp_path / "bundle", MINE)
    again = written(tmp_path / "bundle", MINE, precision=Precision.W8A8)
    assert Bundle.open(again.folder).precision == "w8a8"
    assert sorted(path.name for path in again.folder.glob("*.tflite")) == ["net-w8a8.tflite"]


def test_where_there_is_no_bundle_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "notes.txt"):
        refuse_other_model(place, MINE)  # what else stands in the way, others say


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda manifest: manifest.update(schema=99), "was written by a newer edgewise .*--overwrite"),
        (lambda manifest: manifest.pop("spec"), "holds a bundle of an unknown model .*--overwrite"),
        (lambda manifest: manifest["spec"].pop("labels"), "holds a bundle of an unknown model .*--overwrite"),
    ],
)
def test_a_bundle_that_cannot_be_read_may_be_another_models(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    folder = written(tmp_path / "bundle", MINE).folder
    edit(folder, change)
    before = contents(folder)
    with pytest.raises(UsageError, match=complaint):
        written(folder, MINE)
    assert contents(folder) == before
    written(folder, MINE, overwrite=True)
    assert Bundle.open(folder).spec == MINE


def test_a_bundle_that_another_process_writes_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """Nothing is there when the writer begins; it waits for the lock, and must look again inside."""
    folder, ready = tmp_path / "bundle", tmp_path / "ready"
    shutil.copytree(written(ready, MINE).folder, tmp_path / "copy")
    refused: list[UsageError] = []

    def write_other() -> None:
        try:
            written(folder, OTHERS["weights"])
        except UsageError as error:
            refused.append(error)

    writer = threading.Thread(target=write_other)
    with replacing_folder(folder) as partial:
        writer.start()
        time.sleep(0.3)  # by then it waits
        shutil.copytree(tmp_path / "copy", partial, dirs_exist_ok=True)
        assert not folder.exists()
    writer.join(timeout=60)
    assert not writer.is_alive()
    (error,) = refused
    assert "made from other weights" in str(error)
    assert Bundle.open(folder).spec == MINE


def test_of_several_writers_of_different_models_one_wins(tmp_path: Path) -> None:
    specs = [trained(f"{number:02}" * 32) for number in range(4)]
    barrier = threading.Barrier(len(specs))
    outcomes: list[ModelSpec | UsageError] = []

    def write(spec: ModelSpec) -> None:
        barrier.wait(timeout=60)
        try:
            outcomes.append(written(tmp_path / "bundle", spec).spec)
        except UsageError as error:
            outcomes.append(error)

    writers = [threading.Thread(target=write, args=(spec,)) for spec in specs]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, ModelSpec)]
    assert len(outcomes) == len(specs)
    assert Bundle.open(tmp_path / "bundle").spec == winner


def test_reading_changes_nothing_and_says_where_an_interrupted_bundle_is(
    bundle: Bundle, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    for role in ("old", "partial"):
        shutil.copytree(bundle.folder, tmp_path / f".missing.{role}")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"rename .*\.missing\.partial to missing, or export it again"):
        Bundle.open(missing)
    assert contents(tmp_path) == before


def test_a_bundle_is_path_like_and_short_to_look_at(bundle: Bundle) -> None:
    assert os.fspath(bundle) == str(bundle.folder)
    assert Bundle.open(Path(bundle)) == bundle
    assert repr(bundle) == f"<Bundle mobilenetv2: tflite w8a8, {bundle.folder}>"
