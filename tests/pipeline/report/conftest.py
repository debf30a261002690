"""What a report is made from: a manifest as an export writes it, and answers to pictures."""

from typing import Any

import pytest

from edgewise.pipeline.report.predictions import Prediction


@pytest.fixture
def manifest() -> dict[str, Any]:
    """Of an INT8 model that was judged by 400 labelled pictures and passed."""
    digest = "0" * 64
    return {
        "schema": 1,
        "name": "mobilenetv2",
        "target": "onnx",
        "precision": "w8a8",
        "io": "float32",
        "model": "mobilenetv2-w8a8.onnx",
        "reference": "mobilenetv2-fp32.onnx",
        "spec": {
            "name": "mobilenetv2",
            "preprocess": {
                "size": 224,
                "resize": 256,
                "mean": [0.5, 0.5, 0.5],
                "std": [0.5, 0.5, 0.5],
                "interpolation": "bilinear",
            },
            "labels": {"names": ["tench", "<b>goldfish</b>", "shark", "hen"], "ids": []},
            "origin": {"source": "file", "description": "mine.pth", "sha256": digest, "averaged": False},
        },
        "files": {
            "mobilenetv2-w8a8.onnx": {"sha256": digest, "size_bytes": 3_890_000},
            "mobilenetv2-fp32.onnx": {"sha256": digest, "size_bytes": 14_000_000},
        },
        "structure": {"size_bytes": 3_890_000, "overflow": []},
        "processors": {"made_for": ["arm64"], "verdict_holds_for": ["arm64", "x86-vnni", "x86-avx2"]},
        "calibration": {"count": 100, "source": "photos", "sha256": digest},
        "verification": {
            "verdict": "pass",
            "basis": "measured",
            "pictures": "val",
            "isa": "x86_64",
            "worst_picture": "hen/1.jpg",
            "agreement": {
                "top1": 0.9775,
                "top1_interval": {"low": 0.958, "high": 0.988},
                "sqnr_db": 21.0,
                "cosine": 0.9965,
                "worst_cosine": 0.9896,
                "count": 400,
            },
            "float_accuracy": {"top1": 0.88, "top1_interval": {"low": 0.8442, "high": 0.9083}, "top5": 0.97},
            "quantized_accuracy": {
                "top1": 0.8875,
                "top1_interval": {"low": 0.853, "high": 0.915},
                "top5": 0.97,
            },
            "drop": {
                "points": -0.75,
                "interval": {"low": -1.83, "high": 0.34},
                "lost": 1,
                "gained": 4,
                "count": 400,
                "images_to_settle": 400,
            },
            "classes": [{"index": 3, "name": "hen", "count": 2, "lost": 1, "gained": 0}],
            "warnings": ["<script>alert(1)</script> is odd"],
            "limits": {"max_drop": 1.0, "min_agreement": 0.75},
        },
        "layers": [
            {"name": "features.0", "operator": "conv2d", "sqnr_db": 30.1, "through_db": 20.2},
            {"name": "classifier$1$", "operator": "linear", "sqnr_db": 25.0, "through_db": 18.0},
        ],
        "latency": {
            "float": {"count": 30, "min_ms": 3.7, "p50_ms": 3.87, "p90_ms": 4.0},
            "quantized": {"count": 30, "min_ms": 1.9, "p50_ms": 2.07, "p90_ms": 2.1},
            "speedup": {"ratio": 1.87, "interval": {"low": 1.85, "high": 1.88}},
        },
        "recovery": None,
        "machine": {"processor": "AMD EPYC", "system": "Linux"},
        "versions": {"onnxruntime": "1.32.0"},
    }


@pytest.fixture
def answers() -> list[Prediction]:
    """Of four pictures: one is lost, one gained, one changed from wrong to wrong, and one is as before."""
    return [
        Prediction("hen/1.jpg", "hen", "hen", 0.8, "shark", 0.6),
        Prediction("shark/2.jpg", "shark", "hen", 0.5, "shark", 0.7),
        Prediction("tench/3.jpg", "tench", "hen", 0.4, "shark", 0.3),
        Prediction("tench/4.jpg", "tench", "tench", 0.9, "tench", 0.9),
    ]
