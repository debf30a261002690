"""Fixtures and settings for all tests."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from edgewise.export.artifact import IOS, Artifact
from edgewise.models.spec import Labels, ModelSpec, Origin, Preprocess, Tensor32

if TYPE_CHECKING:
    from torch import nn
    from torch.fx import GraphModule
    from xdist.workermanage import WorkerController

    from edgewise.quantize.calibration import Calibration
    from edgewise.quantize.refine import Refined

ROOT = Path(__file__).parents[1]
_EXACT = """
import onnxruntime


class Exact(onnxruntime.SessionOptions):
    def __init__(self):
        super().__init__()
        self.add_session_config_entry("session.x64quantprecision", "1")


onnxruntime.SessionOptions = Exact
"""

# Threads of torch that wait for each other keep cores busy which the other worker needs: some tests took
# eight times as long. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell makes background jobs and their children ignore Ctrl-C, which some tests need to send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Without a deadline, a busy machine cannot fail a test; CI draws the same examples each time.
settings.register_profile("edgewise", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("edgewise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the real data, so that `-m "not realdata"` deselects all of them."""
    for item in items:
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realdata)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController", error: object) -> None:
    """Stop the run when a worker process has crashed: xdist would wait for its last tests forever."""
    if error:
        node.config.pluginmanager.getplugin("dsession").shouldstop = f"{node.gateway.id} crashed"


@pytest.fixture(autouse=True)
def signals_are_safe() -> Iterator[None]:
    """Leave the freed signal stack of a released OpenVINO core (see quantize/openvino/signal_stack.py).

    On it, any later signal would crash the tests without a message. SIGCHLD comes without being asked for:
    torch's data loaders leave a handler for it behind when they had workers.
    """
    yield
    if "openvino" in sys.modules:
        from edgewise.quantize.openvino.signal_stack import leave_signal_stack

        leave_signal_stack()
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with photographs and weights that are not in the repository.

    It is EDGEWISE_REALDATA, which must then exist, or `shared` next to the repository, which may be absent.
    """
    named = os.environ.get("EDGEWISE_REALDATA")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        report = pytest.fail if named else pytest.skip
        report(f"no real data: {folder / 'data'} is not a folder; set EDGEWISE_REALDATA to its parent folder")
    return folder


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray cluster of two nodes on this machine, each with one CPU and 3 GB of memory."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed (uv sync --extra ray)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    program = (str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats")
    size = ("--num-cpus=1", "--memory=3000000000", "--object-store-memory=80000000")
    with (
        tempfile.TemporaryDirectory(prefix="ray-") as folder,
        ExitStack() as stack,
    ):  # its sockets need short paths
        head = ("--head", f"--port={address.rpartition(':')[2]}", f"--temp-dir={folder}")
        for place in ((*head, "--include-dashboard=false"), (f"--address={address}",)):
            log = stack.enter_context(Path(folder, "log.txt").open("ab"))
            node = subprocess.Popen((*program, *size, *place), stdout=log, stderr=log, start_new_session=True)
            stack.callback(_end, node)
            _wait_for(address)
        yield address


def _wait_for(address: str) -> None:
    """Wait until something listens there."""
    host, _, port = address.rpartition(":")
    end = time.monotonic() + 60
    while True:
        with suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        assert time.monotonic() < end, f"nothing listens at {address}"
        time.sleep(0.1)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="session")
def tiny_spec() -> ModelSpec:
    """Six classes, 32 pixels."""
    return ModelSpec(
        "tiny",
        Preprocess(size=32, resize=40),
        Labels(("ant", "bee", "cat", "dog", "elk", "fox")),
        Origin("random", "random weights", ""),
    )


@pytest.fixture(scope="session")
def tiny_calibration(tiny_spec: ModelSpec) -> "Calibration":
    """32 generated pictures."""
    from edgewise.quantize.calibration import generated

    return generated(tiny_spec.preprocess, 32, seed=0)


@pytest.fixture(scope="session")
def tiny_pictures(tiny_spec: ModelSpec) -> Tensor32:
    """64 pictures that are not used for calibration, (64, 32, 32, 3)."""
    from edgewise.quantize.calibration import generated

    return generated(tiny_spec.preprocess, 64, seed=1).batch(64)


@pytest.fixture(scope="session")
def tiny_network(tiny_calibration: "Calibration") -> "nn.Module":
    """A small MobileNetV2 with random weights, and batch norms that centre and scale as if it were trained.

    The channels of its narrow tensors differ by a factor of 30, so that equalization matters.
    """
    import torch
    from torch import Tensor, nn

    def block(
        inputs: int, outputs: int, kernel: int = 1, groups: int = 1, stride: int = 1
    ) -> list[nn.Module]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(outputs)]

    class Bottleneck(nn.Module):
        def __init__(self, width: int, *, residual: bool) -> None:
            super().__init__()
            self.residual = residual
            self.layers = nn.Sequential(
                *block(width, 2 * width),
                nn.ReLU6(inplace=True),
                *block(2 * width, 2 * width, kernel=3, groups=2 * width),
                nn.ReLU6(inplace=True),
                *block(2 * width, width),
            )

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layers(x)
            return x + y if self.residual else y

    torch.manual_seed(0)
    network = nn.Sequential(
        *block(3, 8, kernel=3, stride=2),
        nn.ReLU6(inplace=True),
        Bottleneck(8, residual=False),
        Bottleneck(8, residual=True),
        Bottleneck(8, residual=False),
        *block(8, 32),
        nn.ReLU6(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32, 6),
    )
    norms = {name: norm for name, norm in network.named_modules() if isinstance(norm, nn.BatchNorm2d)}
    spread = 10 ** torch.linspace(-1.5, 0, 8)
    with torch.no_grad():
        for name, norm in norms.items():
            norm.momentum = None  # average over all batches, here a single one
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0.5, 0.5)
            if name.endswith("layers.7"):
                norm.weight.mul_(spread)
                norm.bias.mul_(spread)
        for name in ("4.layers.0", "5.layers.0", "6"):  # these read the channels that were spread
            network.get_parameter(f"{name}.weight").div_(spread[:, None, None])
        pictures = torch.from_numpy(tiny_calibration.batch(32)).permute(0, 3, 1, 2)
        network.train()(pictures)
        logits = network.eval()(pictures)
        network.get_parameter("12.weight").mul_(2 / logits.std(0)[:, None])
        network.get_parameter("12.bias").sub_(network(pictures).mean(0))
    return network


@pytest.fixture(scope="session")
def tiny_graph(tiny_network: "nn.Module") -> "GraphModule":
    """`tiny_network`, traced."""
    from edgewise.export.graph import trace

    return trace(tiny_network, 32)


@pytest.fixture(scope="session")
def tiny_refined(tiny_graph: "GraphModule", tiny_calibration: "Calibration") -> "Refined":
    """`tiny_graph`, equalized and with corrected biases."""
    from edgewise.quantize.recipe import Recipe
    from edgewise.quantize.refine import refine

    return refine(tiny_graph, tiny_calibration, Recipe())


@pytest.fixture(scope="session")
def tiny_light(tiny_graph: "GraphModule", tiny_calibration: "Calibration") -> "Refined":
    """`tiny_graph`, refined for INT8 weights only."""
    from edgewise.quantize.recipe import Recipe
    from edgewise.quantize.refine import refine

    return refine(tiny_graph, tiny_calibration, Recipe().weights_alone())


@pytest.fixture(scope="session")
def tiny_float(
    tiny_graph: "GraphModule", tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """The float TFLite file of `tiny_graph`."""
    from edgewise.export.tflite.exporter import export

    return export(tiny_graph, tiny_spec, tmp_path_factory.mktemp("float") / "tiny.tflite")


@pytest.fixture(scope="session")
def tiny_int8(
    tiny_float: Artifact,
    tiny_refined: "Refined",
    tiny_calibration: "Calibration",
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Artifact]:
    """The INT8 TFLite files of `tiny_graph` by input and output type."""
    from edgewise.quantize.recipe import Recipe
    from edgewise.quantize.tflite.quantizer import quantize

    folder = tmp_path_factory.mktemp("int8")
    return {
        io: quantize(tiny_float, tiny_refined, tiny_calibration, Recipe(io=io), folder / f"{io}.tflite")
        for io in IOS
    }


@pytest.fixture(scope="session")
def onnx_float(
    tiny_graph: "GraphModule", tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """The float ONNX file of `tiny_graph`."""
    from edgewise.export.onnx.exporter import export

    return export(tiny_graph, tiny_spec, tmp_path_factory.mktemp("onnx") / "float.onnx")


@pytest.fixture(scope="session")
def onnx_int8(onnx_float: Artifact, tiny_refined: "Refined", tiny_calibration: "Calibration") -> Artifact:
    """The same in INT8."""
    from edgewise.quantize.onnx.quantizer import quantize
    from edgewise.quantize.recipe import Recipe

    out = onnx_float.path.with_name("int8.onnx")
    return quantize(onnx_float, tiny_refined, tiny_calibration, Recipe(), out)


@pytest.fixture(scope="session")
def exact_integers() -> Callable[[Path, Tensor32], Tensor32]:
    """ONNX Runtime's integer kernels, exact on every processor.

    On x86 without VNNI its own option replaces signed weights by unsigned ones, whose products it adds in 32
    bits. On all other processors the option changes nothing.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")

    def answer(path: Path, batch: Tensor32) -> Tensor32:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        planes = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
        logits: Tensor32 = session.run(None, {session.get_inputs()[0].name: planes})[0]
        return logits

    return answer


@pytest.fixture(scope="session")
def exact_programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of programs whose ONNX Runtime computes so, by the same option.

    They judge files as they do on every processor that does not saturate.
    """
    folder = tmp_path_factory.mktemp("exact")
    (folder / "sitecustomize.py").write_text(_EXACT)  # Python imports it first of all
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture(scope="session")
def openvino_float(
    tiny_graph: "GraphModule", tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """The float OpenVINO file of `tiny_graph`."""
    from edgewise.export.openvino.exporter import export

    return export(tiny_graph, tiny_spec, tmp_path_factory.mktemp("openvino") / "float.xml")


@pytest.fixture(scope="session")
def openvino_int8(
    openvino_float: Artifact, tiny_refined: "Refined", tiny_calibration: "Calibration"
) -> Artifact:
    """The same in INT8."""
    from edgewise.quantize.openvino.quantizer import quantize
    from edgewise.quantize.recipe import Recipe

    out = openvino_float.path.with_name("int8.xml")
    return quantize(openvino_float, tiny_refined, tiny_calibration, Recipe(), out)


@pytest.fixture(scope="session")
def varied_graph(tiny_calibration: "Calibration") -> "GraphModule":
    """Every kind of tensor that converters treat in their own way, with random weights, traced.

    Depthwise convolutions, hard-swish, squeeze-and-excitation, SiLU, a concatenation with a batch norm that
    no convolution takes in, a residual addition, max-pooling and average pooling.
    """
    import torch
    from torch import Tensor, nn

    from edgewise.export.graph import trace

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
            self.project = nn.Conv2d(8, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = nn.functional.hardswish(self.deep(x))
            gate = nn.functional.hardsigmoid(
                self.excite(nn.functional.relu(self.squeeze(y.mean((2, 3), True))))
            )
            return x + self.project(y * gate)  # type: ignore[no-any-return]

    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 10, 3, padding=1)
            self.norm = nn.BatchNorm2d(16)

        def forward(self, x: Tensor) -> Tensor:
            both = torch.cat([nn.functional.silu(self.one(x)), self.other(nn.functional.avg_pool2d(x, 1))], 1)
            return nn.functional.relu(self.norm(both))

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.Hardswish(),
        Gated(),
        Joined(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 6),
    )
    with torch.no_grad():
        for values in network.parameters():
            values.mul_(2)
        network.train()(torch.from_numpy(tiny_calibration.batch(32)).permute(0, 3, 1, 2))
    return trace(network.eval(), 32)


@pytest.fixture(scope="session")
def varied_refined(varied_graph: "GraphModule", tiny_calibration: "Calibration") -> "Refined":
    """`varied_graph`, equalized, with corrected biases and measured."""
    from edgewise.quantize.recipe import Recipe
    from edgewise.quantize.refine import refine

    return refine(varied_graph, tiny_calibration, Recipe())


@pytest.fixture(scope="session")
def tiny_keras(tiny_calibration: "Calibration", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small Keras model of six classes: tiny.keras, tiny.h5, and the SavedModel tiny."""
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: uv sync --extra keras")
    from edgewise.models.foreign.tensorflow import tensorflow

    tensorflow("Testing")
    import keras
    from keras import layers

    def norm() -> "layers.Layer":
        return layers.BatchNormalization(momentum=0.0)  # uses the statistics of the last batch

    keras.utils.set_random_seed(0)
    pictures = layers.Input((32, 32, 3))
    x = layers.ReLU(6.0)(norm()(layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(pictures)))
    y = layers.ReLU(6.0)(norm()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    x = layers.Add()([x, norm()(layers.Conv2D(16, 1, use_bias=False)(y))])
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    scores = layers.Dense(6, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(0, 3))(
        x
    )
    model = keras.Model(pictures, scores)
    batch = tiny_calibration.batch(32)
    model(batch, training=True)
    head = model.layers[-1]
    head.bias.assign(-keras.ops.log(model(batch)).numpy().mean(0))  # so that no class wins for every picture
    folder = tmp_path_factory.mktemp("keras")
    for file in ("tiny.keras", "tiny.h5"):
        model.save(folder / file)
    model.export(folder / "tiny", verbose=False)
    return folder


def written(network: "nn.Module", file: Artifact, twin: Artifact, folder: Path) -> Path:
    """Write a bundle and return its folder."""
    from edgewise.runtime import open_session, runtime
    from edgewise.runtime.bundle import write_bundle
    from edgewise.runtime.judge.golden import sample
    from edgewise.runtime.reference import TorchSession

    golden = sample(file.spec.preprocess, TorchSession(network), open_session(file.path, file.target))
    record = {"structure": runtime(file.target).read_structure(file.path).to_json()}
    return write_bundle(folder, file, twin, golden, record).folder


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_network: "nn.Module",
    tiny_int8: dict[str, Artifact],
    tiny_float: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of the INT8 TFLite bundle of `tiny_graph`, with the float model."""
    folder = tmp_path_factory.mktemp("bundle") / "tiny-tflite-w8a8"
    return written(tiny_network, tiny_int8["float32"], tiny_float, folder)


@pytest.fixture(scope="session")
def tiny_bundles(
    tiny_network: "nn.Module",
    tiny_bundle: Path,
    tiny_refined: "Refined",
    tiny_calibration: "Calibration",
    onnx_float: Artifact,
    openvino_float: Artifact,
) -> dict[str, Path]:
    """The folders of the INT8 bundles of `tiny_graph` by target, which are the same on every processor."""
    from edgewise.quantize import quantizer
    from edgewise.quantize.recipe import Recipe

    bundles = {"tflite": tiny_bundle}
    for target, exact in (("onnx", onnx_float), ("openvino", openvino_float)):
        out = exact.path.with_name(f"safe{exact.path.suffix}")
        recipe = Recipe(no_overflow=True)
        made = quantizer(target).quantize(exact, tiny_refined, tiny_calibration, recipe, out)
        bundles[target] = written(tiny_network, made, exact, tiny_bundle.with_name(f"tiny-{target}-w8a8"))
    return bundles
