"""From a PyTorch image classifier to a proven INT8 model on the device.

    import edgewise

    result = edgewise.convert("mobilenetv2", to="tflite", int8=True, progress=edgewise.progress())
    result.products[0].passed, result.products[0].agreement.top1

    classifier = edgewise.open_bundle(result.bundles[0])
    classifier.predict("photo.jpg")

Your own network is converted as it is:

    edgewise.convert(module, imgsz=224, labels=["cat", "dog"], mean=0.5, std=0.5, int8=True)

Importing the package loads no framework; what a function needs is imported when it is called. Every result is
a frozen dataclass whose `to_json()` gives a document with `schema` and `schema_version`, and every error that
a user can fix is an `EdgewiseError`. Names that are not in `__all__` are internal and may change without
notice.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cli.progress import progress
    from .models.errors import (
        AccuracyError,
        EdgewiseError,
        LatencyError,
        MissingDependencyError,
        ParityError,
        PrecisionError,
        UsageError,
    )
    from .models.model import Model
    from .models.spec import Preprocess
    from .pipeline.bench import Benchmark, bench
    from .pipeline.compare import ParityMatrix, compare
    from .pipeline.conversion import Conversion
    from .pipeline.convert import convert
    from .pipeline.ensemble import EnsembleConversion, ensemble
    from .pipeline.inspection import Inspection, inspect
    from .pipeline.load import from_torch, load_model
    from .pipeline.product import Product
    from .pipeline.progress import Progress
    from .pipeline.reporting import WrittenReport, report
    from .pipeline.steps import GateError
    from .pipeline.train import Training, train
    from .pipeline.verify import VerifiedBundle, verify
    from .runtime.bundle import Bundle
    from .runtime.classifier import Answer, Classifier, open_bundle
    from .runtime.judge.drop import Verdict

    __version__: str

__all__ = [  # noqa: RUF022 - grouped by kind
    # what it does
    "convert",
    "open_bundle",
    "verify",
    "inspect",
    "report",
    "compare",
    "bench",
    "train",
    "ensemble",
    "load_model",
    "from_torch",
    "progress",
    # what that takes and returns
    "Answer",
    "Benchmark",
    "Bundle",
    "Classifier",
    "Conversion",
    "EnsembleConversion",
    "Inspection",
    "Model",
    "ParityMatrix",
    "Preprocess",
    "Product",
    "Progress",
    "Training",
    "Verdict",
    "VerifiedBundle",
    "WrittenReport",
    # what it raises
    "EdgewiseError",
    "UsageError",
    "AccuracyError",
    "GateError",
    "ParityError",
    "LatencyError",
    "MissingDependencyError",
    "PrecisionError",
    "__version__",
]

# Where each of them is defined; type checkers read the imports above instead.
_HOMES = {
    "convert": "pipeline.convert",
    "open_bundle": "runtime.classifier",
    "verify": "pipeline.verify",
    "inspect": "pipeline.inspection",
    "report": "pipeline.reporting",
    "compare": "pipeline.compare",
    "bench": "pipeline.bench",
    "train": "pipeline.train",
    "ensemble": "pipeline.ensemble",
    "load_model": "pipeline.load",
    "from_torch": "pipeline.load",
    "progress": "cli.progress",
    "Answer": "runtime.classifier",
    "Benchmark": "pipeline.bench",
    "Bundle": "runtime.bundle",
    "Classifier": "runtime.classifier",
    "Conversion": "pipeline.conversion",
    "EnsembleConversion": "pipeline.ensemble",
    "Inspection": "pipeline.inspection",
    "Model": "models.model",
    "ParityMatrix": "pipeline.compare",
    "Preprocess": "models.spec",
    "Product": "pipeline.product",
    "Progress": "pipeline.progress",
    "Training": "pipeline.train",
    "Verdict": "runtime.judge.drop",
    "VerifiedBundle": "pipeline.verify",
    "WrittenReport": "pipeline.reporting",
    "EdgewiseError": "models.errors",
    "UsageError": "models.errors",
    "AccuracyError": "models.errors",
    "GateError": "pipeline.steps",
    "ParityError": "models.errors",
    "LatencyError": "models.errors",
    "MissingDependencyError": "models.errors",
    "PrecisionError": "models.errors",
}


if not TYPE_CHECKING:  # so that type checkers report unknown names

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
