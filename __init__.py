"""From a PyTorch image classifier to a proven INT8 model on the device.

    import edgewise

    made = edgewise.convert("mobilenetv2", to="tflite", int8=True)
    classifier = edgewise.open_bundle(made.bundles[0].folder)
    classifier.predict("photo.jpg")

Importing the package loads no framework; what a function needs is imported when it is called. Everything else
in the package is internal and may change without notice.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cli.progress import progress as progress
    from .models.errors import AccuracyError as AccuracyError
    from .models.errors import EdgewiseError as EdgewiseError
    from .models.errors import LatencyError as LatencyError
    from .models.errors import MissingDependencyError as MissingDependencyError
    from .models.errors import ParityError as ParityError
    from .models.errors import UsageError as UsageError
    from .models.model import Model as Model
    from .models.spec import Preprocess as Preprocess
    from .models.weights import load_model as load_model
    from .pipeline.bench import Benchmark as Benchmark
    from .pipeline.bench import bench as bench
    from .pipeline.compare import ParityMatrix as ParityMatrix
    from .pipeline.compare import compare as compare
    from .pipeline.convert import Conversion as Conversion
    from .pipeline.convert import convert as convert
    from .pipeline.ensemble import EnsembleConversion as EnsembleConversion
    from .pipeline.ensemble import ensemble as ensemble
    from .pipeline.inspection import Inspection as Inspection
    from .pipeline.inspection import inspect as inspect
    from .pipeline.progress import Progress as Progress
    from .pipeline.train import Training as Training
    from .pipeline.train import train as train
    from .pipeline.verify import VerifiedBundle as VerifiedBundle
    from .pipeline.verify import verify as verify
    from .runtime.bundle import Bundle as Bundle
    from .runtime.classifier import Answer as Answer
    from .runtime.classifier import Classifier as Classifier
    from .runtime.classifier import open_bundle as open_bundle
    from .runtime.judge.drop import Verdict as Verdict

# Where each public name is defined.
_HOMES = {
    "convert": "pipeline.convert",
    "open_bundle": "runtime.classifier",
    "verify": "pipeline.verify",
    "inspect": "pipeline.inspection",
    "compare": "pipeline.compare",
    "bench": "pipeline.bench",
    "train": "pipeline.train",
    "ensemble": "pipeline.ensemble",
    "load_model": "models.weights",
    "progress": "cli.progress",
    # what they take and return
    "Answer": "runtime.classifier",
    "Benchmark": "pipeline.bench",
    "Bundle": "runtime.bundle",
    "Classifier": "runtime.classifier",
    "Conversion": "pipeline.convert",
    "EnsembleConversion": "pipeline.ensemble",
    "Inspection": "pipeline.inspection",
    "Model": "models.model",
    "ParityMatrix": "pipeline.compare",
    "Preprocess": "models.spec",
    "Progress": "pipeline.progress",
    "Training": "pipeline.train",
    "Verdict": "runtime.judge.drop",
    "VerifiedBundle": "pipeline.verify",
    # what they raise
    "EdgewiseError": "models.errors",
    "UsageError": "models.errors",
    "AccuracyError": "models.errors",
    "ParityError": "models.errors",
    "LatencyError": "models.errors",
    "MissingDependencyError": "models.errors",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - ruff does not look into the dictionary


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("edgewise")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
