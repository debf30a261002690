"""The main job from a program: what goes in, what is told on the way, what comes out and where it lies."""

import copy
import pickle
import shutil
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import edgewise
from edgewise.models.model import Model
from edgewise.models.spec import Labels, ModelSpec
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.judge import answering
from edgewise.runtime.judge.workers import in_workers

Documented = Callable[[Any, str], dict[str, Any]]


def convert(model: Any, out: Path, progress: Any = None, **options: Any) -> edgewise.Conversion:
    """The cheapest conversion: to ONNX, with few pictures."""
    given: dict[str, Any] = {"to": "onnx", "calib_count": 16, "recover": False, **options}
    return edgewise.convert(model, out=out, progress=progress, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convert")


@pytest.fixture(scope="module")
def told(keeping: Callable[[], Any]) -> Any:
    return keeping()


@pytest.fixture(scope="module")
def conversion(tiny_model: Model, folder: Path, told: Any) -> edgewise.Conversion:
    """A loaded model in INT8; not to be changed."""
    return convert(tiny_model, folder / "int8", told, int8=True)


# What comes out.


def test_a_result_says_what_was_proven(conversion: edgewise.Conversion, folder: Path) -> None:
    (product,) = conversion.products
    assert (product.target, product.precision, product.requested) == ("onnx", "w8a8", "w8a8")
    assert (product.passed, product.as_requested) == (True, True)
    assert (conversion.passed, conversion.as_requested) == (True, True)
    conversion.require()  # raises nothing
    assert product.verdict is edgewise.Verdict.UNPROVEN  # by generated pictures
    assert (product.drop, product.estimate) == (None, None)
    assert product.agreement.top1 >= 0.75
    assert product.latency.quantized is not None
    assert product.latency.quantized.p50_ms > 0
    assert product.size_bytes == product.bundle.model.stat().st_size
    assert conversion.bundles == (product.bundle,)
    assert product.bundle.folder == folder / "int8"


def test_its_files_are_those_of_the_bundle(conversion: edgewise.Conversion) -> None:
    (product,) = conversion.products
    assert product.file.artifact.path == product.bundle.model
    assert product.twin.artifact.path == product.bundle.reference
    with pytest.raises(
        edgewise.EdgewiseError, match=r"the conversion is over; open its bundle with edgewise"
    ):
        product.file.session(np.zeros((1, 32, 32, 3), np.float32))


def test_it_is_short_to_look_at(conversion: edgewise.Conversion) -> None:
    (product,) = conversion.products
    assert repr(conversion) == repr(product)
    assert repr(product).startswith("<Product onnx w8a8: UNPROVEN, top-1 agreement ")
    assert repr(product).endswith(f" ms; {product.bundle.folder}>")


def test_it_cannot_be_changed_and_can_be_kept(conversion: edgewise.Conversion) -> None:
    with pytest.raises(FrozenInstanceError):
        conversion.notices = ()  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(conversion))  # noqa: S301
    assert again.to_json() == conversion.to_json()
    assert repr(copy.copy(conversion)) == repr(conversion)


def test_its_document_has_the_manifest(conversion: edgewise.Conversion, document_of: Documented) -> None:
    document = document_of(conversion, "conversion")
    (found,) = document["bundles"]
    assert found["manifest"] == conversion.bundles[0].manifest
    assert (found["verdict"], found["basis"]) == ("unproven", "fidelity")
    assert (found["precision"], found["as_requested"]) == ("w8a8", True)
    assert document["seconds"].keys() == {*conversion.seconds}


def test_a_bundle_goes_wherever_its_path_goes(conversion: edgewise.Conversion) -> None:
    (bundle,) = conversion.bundles
    picture = dead_leaves(48, 7, 0)
    ((answer,),) = edgewise.open_bundle(bundle).predict(picture, top=1)
    assert answer == edgewise.open_bundle(bundle.folder).predict(picture, top=1)[0][0]
    assert edgewise.inspect(bundle).structure.precision == "w8a8"


# What is told on the way.


def test_stages_of_a_loaded_model(conversion: edgewise.Conversion, told: Any) -> None:
    told.require_numbered()
    assert told.titles == [
        "Prepare calibration pictures",
        "Capture the graph",
        "Convert to onnx",
        "Compare onnx with PyTorch",
        "Equalize channels, correct biases",
        "Quantize onnx to w8a8",
        "Judge by 160 pictures",
        "Collect what the reports show",
        "Measure latency of onnx w8a8",
        "Write the bundle",
    ]
    assert told.counts["Judge by 160 pictures"] == (40, 40)  # those that count, after all
    assert [*conversion.seconds] == told.titles
    assert conversion.notices == tuple(told.notices)


def test_a_file_is_compared_with_those_of_half_the_pictures(
    tiny_model: Model, tmp_path: Path, kept: Any
) -> None:
    options = {"int8": True, "stability": True, "min_agreement": 0.0}
    made = convert(tiny_model, tmp_path / "out", kept, calib_count=16, **options)
    kept.require_numbered()
    assert kept.titles[-4] == "Calibrate with either half of the pictures"
    (product,) = made.products
    assert product.stability is not None
    assert (product.stability.calibrated, product.stability.agreement.count) == (8, 40)
    # Other pictures, another file: a comparison of a file with itself would find no difference.
    assert 0.9 < product.stability.agreement.cosine < 1
    stored = product.bundle.manifest["stability"]
    assert stored["agreement"]["cosine"] == product.stability.agreement.cosine


def test_halves_answer_a_part_of_many_pictures(
    tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Any
) -> None:
    options = {"int8": True, "stability": True, "min_agreement": 0.0}
    (whole,) = convert(tiny_model, tmp_path / "whole", kept, calib_count=16, **options).products
    monkeypatch.setattr(answering, "_SAMPLE", 15)
    (product,) = convert(tiny_model, tmp_path / "part", kept, calib_count=16, **options).products
    assert whole.stability is not None
    assert product.stability is not None
    assert product.stability.agreement.count == 14  # every third of 40
    assert abs(product.stability.agreement.cosine - whole.stability.agreement.cosine) < 0.05


def test_processes_give_the_figures_of_one(
    tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Any
) -> None:
    """They get the pictures that were read ahead; a second network in PyTorch would keep them from it."""
    data = tmp_path / "data"
    for index in range(200):
        file = data / tiny_model.spec.labels.names[index % 6] / f"{index:03}.png"
        file.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(dead_leaves(40, 2, index)).save(file)
    (data / "ant" / "006.png").write_bytes(b"not a picture")
    monkeypatch.setattr(answering, "_WORTH_S", 0.0)
    started: list[int] = []

    def counted(*given: Any) -> Any:
        started.append(given[-1])
        return in_workers(*given)

    monkeypatch.setattr(answering, "in_workers", counted)
    options = {"int8": True, "stability": True, "data": data, "force": True}
    (one,), (two,) = (
        convert(tiny_model, tmp_path / f"{jobs}", kept, jobs=jobs, **options).products for jobs in (1, 2)
    )
    assert started == [2]
    assert one.verification.skipped == 1
    assert one.verification == two.verification
    assert one.stability == two.stability
    tables = [(product.bundle.folder / "predictions.csv").read_bytes() for product in (one, two)]
    assert tables[0] == tables[1]
    assert tables[0].count(b"\n") == 200


def test_too_few_pictures_cannot_be_halved(tiny_model: Model, tmp_path: Path, kept: Any) -> None:
    made = convert(tiny_model, tmp_path / "out", kept, int8=True, stability=True, calib_count=15)
    assert kept.stages[-1] == (10, 10, "Write the bundle")  # the stage is no longer expected
    assert made.products[0].stability is None
    assert "Stability was not measured: it needs at least 16 calibration pictures" in made.notices
    with pytest.raises(edgewise.UsageError, match="--stability compares the calibration of INT8 models"):
        convert(tiny_model, tmp_path / "float", kept, stability=True)


def test_stages_of_a_float_model_by_its_name(tmp_path: Path, kept: Any) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def small(): return nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),"
        " nn.Flatten())\n"
    )
    made = convert(f"{tmp_path}/net.py:small", tmp_path / "out", kept, imgsz=32)
    kept.require_numbered()
    assert kept.titles[0] == "Load the network"
    assert not any(title.startswith(("Quantize", "Equalize")) for title in kept.titles)
    (product,) = made.products
    assert (product.precision, product.quantized, product.twin) == ("fp32", False, product.file)
    assert product.latency.quantized is None
    assert product.bundle.reference is None


@pytest.mark.slow
def test_stages_of_every_precision(tiny_model: Model, tmp_path: Path, kept: Any) -> None:
    precisions = ["fp32", "fp16", "w8a32", "w8a8"]
    made = convert(tiny_model, tmp_path, kept, precision=iter(precisions))
    kept.require_numbered()
    assert kept.titles.count("Equalize channels, correct biases") == 2  # w8a32 has a form of its own
    assert kept.titles[-1] == "Write the bundles"
    assert [product.precision for product in made.products] == precisions
    assert [bundle.folder.name for bundle in made.bundles] == [f"tiny-onnx-{name}" for name in precisions]
    assert made.bundles[0].reference is None
    for product in made.products[1:]:
        assert product.twin.artifact.path == product.bundle.reference


class Transformed(nn.Module):
    """It has what TFLite cannot compute in INT8."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, 16, 8, 8)
        self.layers = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 6))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(self.cut(x).flatten(2).mT).mean(1)
        return answer


@pytest.mark.slow
def test_stages_where_targets_take_different_forms_of_int8(tmp_path: Path, kept: Any) -> None:
    torch.manual_seed(0)
    made = convert(
        Transformed(), tmp_path, kept, imgsz=32, to=("tflite", "onnx"), int8=True, min_agreement=0.0
    )
    assert [product.precision for product in made.products] == ["w8a32", "w8a8"]
    assert made.as_requested  # as --int8 leaves the form open
    numbers, totals, titles = zip(*kept.stages, strict=True)
    assert [*numbers] == [*range(1, len(numbers) + 1)]
    assert titles.count("Equalize channels, correct biases") == 2
    # That there are two of them is not known before the graph is.
    captured = titles.index("Capture the graph") + 1
    assert set(totals[:captured]) == {len(numbers) - 1}
    assert set(totals[captured:]) == {len(numbers)}
    assert sum("tflite has no fast INT8 form of layer_norm and gelu" in line for line in made.notices) == 1


@pytest.mark.slow
def test_stages_of_a_keras_network(tiny_keras: Path, tmp_path: Path, kept: Any) -> None:
    made = convert(
        tiny_keras / "tiny.keras", tmp_path / "out", kept, to="tflite", int8=True, mean=0.5, std=0.5
    )
    kept.require_numbered()
    assert not {"Capture the graph", "Equalize channels, correct biases"} & {*kept.titles}
    assert "Compare tflite with Keras" in kept.titles
    assert made.products[0].precision == "w8a8"


# What goes in.


@pytest.mark.slow
def test_a_module_in_memory_goes_in_as_it_is(tiny_network: nn.Module, tmp_path: Path, kept: Any) -> None:
    names = ["ant", "bee", "cat", "dog", "elk", "fox"]
    module = copy.deepcopy(tiny_network).train()
    made = convert(module, tmp_path, kept, imgsz=32, resize=40, labels=names, precision=("fp32", "fp16"))
    kept.require_numbered()
    assert module.training  # it is left as it was
    first, second = made.bundles
    assert (first.name, first.folder.name) == ("sequential", "sequential-onnx-fp32")
    assert first.spec.labels == Labels(tuple(names))
    assert (first.spec.preprocess.size, first.spec.preprocess.resize) == (32, 40)
    assert first.spec.origin.source == "memory"
    (assumed,) = [line for line in made.notices if "module Sequential" in line]
    assert assumed == (
        "the module Sequential does not define its preprocessing: assuming the usual way "
        f"({first.spec.preprocess.text}); change it with imgsz, resize, mean, std"
    )
    picture = Image.fromarray(dead_leaves(48, 7, 0))
    with torch.no_grad():
        pictures = torch.from_numpy(first.spec.preprocess(picture)[None]).permute(0, 3, 1, 2)
        expected = tiny_network(pictures).numpy()
    np.testing.assert_allclose(edgewise.open_bundle(first).logits(picture), expected, atol=1e-4)
    with pytest.raises(edgewise.UsageError, match=r"the module Sequential, which was not loaded from a file"):
        edgewise.compare([first, second], torch=True)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"io": "int4", "int8": True}, "unknown type of inputs and outputs 'int4': did you mean int8"),
        ({"max_drop": -1}, "max_drop -1: must be between 0 and 100 percentage points"),
        ({"min_agreement": 75}, "min_agreement 75: must be between 0 and 1"),
        ({"min_top1": 101}, "min_top1 101: must be between 0 and 100 percent"),
        ({"eval_count": 3}, "eval_count 3: must be at least 12"),
        ({"recover_budget": -1}, "recover_budget -1: must be at least 0"),
        ({"max_latency": 0}, "max_latency 0: must be greater than 0"),
        ({"require_speedup": float("nan"), "int8": True}, "require_speedup nan: must be greater than 0"),
        ({"seed": -1}, "seed -1: must be at least 0"),
        ({"to": "tensorrt"}, "unknown target 'tensorrt'"),
        ({"to": ()}, "unknown target ''"),
        ({"precision": ["w4"]}, "unknown precision 'w4'"),
        ({"mean": (0.5, 0.5)}, "mean .*: must be one number, or three for red, green and blue"),
        ({"std": "grey"}, "std 'grey': must be one number, or three"),
        ({"labels": [1, 2]}, "labels: 1 is not a class name"),
        ({"labels": ["a\nb"]}, "class name 'a.nb'"),
        ({"calib": "nowhere"}, "nowhere"),
        ({"data": "nowhere"}, "nowhere"),
        ({"calib_count": 2}, "calib_count 2: must be at least 8"),
    ],
)
def test_options_that_cannot_be(tiny_network: nn.Module, options: Any, complaint: str) -> None:
    with pytest.raises(edgewise.UsageError, match=complaint):
        edgewise.convert(tiny_network, imgsz=32, resize=40, **options)


@pytest.mark.parametrize("model", ["nowhere.pt2", "nowhere.safetensors", Path("no/net.py:make"), "xyz"])
def test_models_that_are_not_there(model: Any) -> None:
    with pytest.raises(edgewise.UsageError, match=r"no such|no model is called"):
        edgewise.convert(model)


@pytest.mark.parametrize(
    "model", [None, 3, b"mobilenetv2", np.zeros(3)], ids=lambda model: type(model).__name__
)
def test_what_is_no_model(model: Any) -> None:
    with pytest.raises(edgewise.UsageError, match=r"a \w+ is not a network; pass a torch.nn.Module"):
        edgewise.convert(model)


@pytest.mark.parametrize(
    "options", [{"weights": "random"}, {"mean": 0.5}, {"imgsz": 64}, {"labels": ["a"]}], ids=" ".join
)
def test_what_a_loaded_model_knows_is_not_given_again(tiny_model: Model, options: Any) -> None:
    (name,) = options
    with pytest.raises(edgewise.UsageError, match=f"{name}: the model is already loaded; pass {name} where"):
        edgewise.convert(tiny_model, **options)


def test_a_module_has_its_weights(tiny_network: nn.Module) -> None:
    with pytest.raises(edgewise.UsageError, match="weights: the model already has its weights"):
        edgewise.convert(tiny_network, weights="imagenet")


# Where it lies, and what is in the way.


def test_other_weights_or_classes_do_not_replace_a_bundle(
    conversion: edgewise.Conversion, tiny_model: Model, kept: Any
) -> None:
    (bundle,) = conversion.bundles
    before = bundle.model.read_bytes()
    named = replace(tiny_model.spec, labels=Labels(tuple("abcdef")))
    trained = replace(tiny_model.spec, origin=replace(tiny_model.spec.origin, sha256="ab" * 32))
    for spec, other in ((named, "classes"), (trained, "weights")):
        model = replace(tiny_model, spec=spec)
        with pytest.raises(
            edgewise.UsageError, match=f"holds a bundle made from other {other} .*--overwrite"
        ):
            convert(model, bundle.folder, kept)
    assert kept.stages == []  # nothing had begun
    assert bundle.model.read_bytes() == before


def test_what_is_no_bundle_is_not_replaced(tiny_model: Model, tmp_path: Path, kept: Any) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(edgewise.UsageError, match="is not empty and not an edgewise bundle"):
        convert(tiny_model, tmp_path, kept, overwrite=True)
    assert kept.stages == []


@pytest.mark.slow
def test_overwrite_replaces_another_model(
    conversion: edgewise.Conversion, tiny_model: Model, tmp_path: Path
) -> None:
    shutil.copytree(conversion.bundles[0], tmp_path / "out")
    spec = replace(tiny_model.spec, labels=Labels(tuple("abcdef")))
    (bundle,) = convert(replace(tiny_model, spec=spec), tmp_path / "out", overwrite=True).bundles
    assert bundle.spec == spec
    assert edgewise.open_bundle(tmp_path / "out").labels == tuple("abcdef")


# The gate.


@pytest.fixture(scope="module")
def labelled(folder: Path, tiny_spec: ModelSpec) -> Path:
    """Two pictures of each class, which are far too few to decide."""
    for index in range(12):
        place = folder / "val" / tiny_spec.labels.names[index % 6]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dead_leaves(48, 5, index)).save(place / f"{index}.png")
    return folder / "val"


@pytest.mark.slow
def test_a_gate_that_fails_says_what_was_lost_and_tried(
    tiny_model: Model, labelled: Path, tmp_path: Path, kept: Any
) -> None:
    strict: dict[str, Any] = {"int8": True, "data": labelled, "max_drop": 0, "strict": True}
    with pytest.raises(
        edgewise.GateError, match=r"accuracy gate inconclusive: .*It was not written"
    ) as raised:
        convert(tiny_model, tmp_path / "out", kept, **strict, recover=True, recover_budget=0)
    error = raised.value
    assert not (tmp_path / "out").exists()
    assert (error.exit_code, error.exit_name) == (3, "accuracy_gate")
    assert {layer.name for layer in error.layers} >= {"0", "12"}
    assert error.recovery is not None
    (trial,) = error.recovery.trials
    assert trial.rung.title == "unchanged"
    details = error.details()
    assert details["layers"][0]["name"] == error.layers[0].name
    assert details["recovery"][0]["verification"]["verdict"] == "inconclusive"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert (str(again), again.layers, again.details()) == (str(error), error.layers, details)
    # Attempts are not numbered: nobody planned them.
    assert [(number, of) for number, of, title in kept.stages if title.startswith("Judge onnx")] == [(0, 0)]


def test_an_accuracy_without_labels_is_refused_before_anything_is_made(
    tiny_model: Model, tmp_path: Path, kept: Any
) -> None:
    with pytest.raises(
        edgewise.UsageError, match="min_top1 70: an accuracy can only be measured on labelled"
    ):
        convert(tiny_model, tmp_path / "out", kept, int8=True, min_top1=70)
    assert kept.titles == ["Prepare calibration pictures"]


def test_strict_wants_a_proof_and_no_other_form_is_tried(
    tiny_model: Model, tmp_path: Path, kept: Any
) -> None:
    with pytest.raises(edgewise.GateError, match=r"accuracy gate unproven: .* prove no accuracy") as raised:
        convert(tiny_model, tmp_path / "out", kept, int8=True, strict=True, recover=True)
    assert raised.value.recovery is None
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_force_writes_it_and_the_result_says_so(tiny_model: Model, labelled: Path, tmp_path: Path) -> None:
    strict: dict[str, Any] = {"int8": True, "data": labelled, "max_drop": 0, "strict": True}
    made = convert(tiny_model, tmp_path / "out", **strict, force=True)
    (product,) = made.products
    assert (made.passed, product.passed, product.verdict) == (False, False, edgewise.Verdict.INCONCLUSIVE)
    assert product.drop is not None
    assert product.drop.count == 12
    assert product.bundle.folder.is_dir()
    assert any("Written anyway (--force)" in line for line in made.notices)


class Lopsided(nn.Module):
    """One channel has a thousand times the others' range and tells nothing: INT8 rounds the rest away."""

    scale: Tensor

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 6)
        self.register_buffer("scale", torch.tensor([1000.0] + [1.0] * 7)[:, None, None])
        with torch.no_grad():
            self.linear.weight[:, 0] = 0
            logits = self(pictures)
            self.linear.weight.mul_(2 / logits.std(0)[:, None])
            self.linear.bias.sub_(self(pictures).mean(0))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.linear((self.conv(x).sigmoid() * self.scale).mean((2, 3)))
        return answer


@pytest.fixture(scope="module")
def lopsided(tiny_pictures: np.ndarray[Any, Any]) -> Model:
    torch.manual_seed(0)
    module = Lopsided(torch.from_numpy(tiny_pictures).permute(0, 3, 1, 2)).eval()
    return edgewise.from_torch(module, name="lopsided", imgsz=32, resize=40)


@pytest.mark.slow
def test_a_file_that_fails_does_not_keep_the_others_from_being_written(
    lopsided: Model, tmp_path: Path, document_of: Documented
) -> None:
    both: dict[str, Any] = {"precision": "w8a32,w8a8", "min_agreement": 0.9}
    with pytest.raises(edgewise.GateError, match=r"onnx w8a8: .*\. Written: onnx w8a32$") as raised:
        convert(lopsided, tmp_path, **both)
    made = raised.value.conversion
    assert [bundle.folder.name for bundle in made.bundles] == ["lopsided-onnx-w8a32"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lopsided-onnx-w8a32",
        "lopsided-onnx-w8a8.failed.html",
    ]
    assert not made.passed
    (failure,) = made.failures
    assert (failure.title, failure.error.exit_code) == ("onnx w8a8", 3)
    document = document_of(made, "conversion")
    assert document["failures"][0]["message"].endswith("It was not written; --force writes it anyway")
    assert document["failures"][0]["details"]["layers"]
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert again.conversion.to_json() == made.to_json()


@pytest.mark.slow
def test_after_a_search_every_file_is_judged_by_the_same_pictures(
    lopsided: Model, tmp_path: Path, document_of: Documented
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(76):
        Image.fromarray(dead_leaves(48, 11, index)).save(photos / f"{index}.png")
    options: dict[str, Any] = {"precision": "fp32,w8a32,w8a8", "min_agreement": 0.9, "recover": True}
    made = convert(lopsided, tmp_path / "out", calib=photos, **options)
    assert [product.requested for product in made.products] == ["fp32", "w8a32", "w8a8"]
    recovery = made.products[-1].recovery
    assert recovery is not None
    assert recovery.chosen is not None
    assert recovery.symptoms is not None
    searched = recovery.chosen.verification.agreement.count
    assert {product.agreement.count for product in made.products} == {60 - searched}
    manifest = document_of(made, "conversion")["bundles"][-1]["manifest"]
    assert manifest["diagnosis"] == recovery.symptoms.to_json()
    assert all(trial["reason"] for trial in manifest["recovery"])


@pytest.mark.slow
def test_all_or_nothing_writes_nothing(lopsided: Model, tmp_path: Path) -> None:
    both: dict[str, Any] = {"precision": "w8a32,w8a8", "min_agreement": 0.9, "all_or_nothing": True}
    with pytest.raises(edgewise.GateError, match=r"onnx w8a8: .*--force writes it anyway$") as raised:
        convert(lopsided, tmp_path, **both)
    assert raised.value.conversion is None
    assert [path.name for path in tmp_path.iterdir()] == ["lopsided-onnx-w8a8.failed.html"]


@pytest.mark.slow
def test_where_all_fail_the_most_severe_error_names_all(lopsided: Model, tmp_path: Path) -> None:
    both: dict[str, Any] = {"precision": "w8a32,w8a8", "min_agreement": 0.9, "max_latency": 1e-9}
    with pytest.raises(edgewise.GateError, match=r"Also failed: onnx w8a32 \(latency gate\)$") as raised:
        convert(lopsided, tmp_path, **both)
    assert raised.value.conversion.bundles == ()
    assert len(raised.value.conversion.failures) == 2
    reports = [failure.error.report for failure in raised.value.conversion.failures]
    assert sorted(tmp_path.iterdir()) == sorted(reports)
    (slow,) = [path for path in reports if "w8a32" in path.name]
    page = slow.read_text("utf-8")
    assert "<strong>NOT WRITTEN (latency gate)</strong>" in page
    assert "The median CPU time for a picture" in page


@pytest.mark.slow
def test_another_precision_is_found_where_it_was_asked_for(
    lopsided: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = edgewise.convert(lopsided, to="onnx", int8=True, min_agreement=0.9, calib_count=16)
    (product,) = made.products
    assert product.requested == "w8a8"
    assert product.precision in {"w8a8-mixed", "w8a32"}
    assert product.passed
    assert (product.as_requested, made.as_requested) == (False, False)
    assert product.recovery is not None
    assert product.recovery.chosen in product.recovery.trials
    assert product.bundle.folder == Path("dist/lopsided-onnx-w8a8")
    assert product.bundle.precision == product.precision
    with pytest.raises(edgewise.PrecisionError, match=f"as {product.precision}, not as w8a8; dist.lopsided"):
        made.require()
    assert made.to_json()["bundles"][0]["as_requested"] is False
    assert pickle.loads(pickle.dumps(made)).products[0].precision == product.precision  # noqa: S301
