"""Generates the expected results for the demo app's core with the Python code that it must match.

    python tests/android_demo/vectors.py FOLDER BUNDLE

This writes decoded pictures to `FOLDER`, before EXIF orientation (`*.argb`, big-endian integers), and the
expected results: the crop (`*.rgb`), the network's input (`*.npy`) and its int8 and uint8 forms. `cases.json`
describes them, and other files contain numbers, latency records and the state of a phone. `BUNDLE` is a
quantized TFLite bundle with its float twin.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from edgewise.models.errors import ParityError
from edgewise.models.images import read_image
from edgewise.models.spec import FILTERS, Preprocess, Tensor32
from edgewise.models.synthetic import dead_leaves
from edgewise.runtime.bench.conditions import conditions
from edgewise.runtime.bench.gather import _drift
from edgewise.runtime.bench.record import BenchedModel, Conditions, Engine, GoldenRun, Machine, Record
from edgewise.runtime.bench.timing import percentiles
from edgewise.runtime.bench.trust import judge
from edgewise.runtime.bundle import Bundle
from edgewise.runtime.judge.golden import compare
from edgewise.runtime.judge.stats import agreement, parity, softmax, top_k
from edgewise.runtime.judge.verdict import require_parity
from edgewise.runtime.tflite.session import _to_float, _to_type

_SWEEP = 64  # small random pictures, to random sizes
_HALVES = Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_BICUBIC = Preprocess(interpolation="bicubic")
_SMALL = Preprocess(32, 40)
_ODD = Preprocess(21, 32, (0.1, 0.7, 0.33), (0.9, 0.01, 1.7), "bicubic")


def main(folder: Path, bundle: Path) -> None:
    """Write all files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(6)
    cases = [_case(folder, *made, rng) for made in (*_pictures(rng), *_sweep(rng))]
    for name, content in {
        "cases": cases,
        "numbers": _numbers(rng),
        "golden": _golden(Bundle.open(bundle)),
        "records": [record.to_json() for record in _records(rng)],
        "phone": _phone(folder / "phone"),
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def _pictures(rng: np.random.Generator) -> Iterator[tuple[str, Preprocess, Image.Image, str, int]]:
    """Name, preprocessing, picture, file format and EXIF orientation (0 for none)."""

    def noise(width: int, height: int, channels: int = 3) -> Image.Image:
        return Image.fromarray(rng.integers(0, 256, (height, width, channels), np.uint8))

    leaves = Image.fromarray(dead_leaves(640, 0, 3_000_000))
    plain = Preprocess()
    yield "camera", plain, leaves.crop((0, 0, 640, 480)), "PNG", 0
    yield "camera-upright", _HALVES, leaves.crop((0, 0, 480, 640)), "PNG", 0
    yield "photograph", _BICUBIC, leaves.resize((1601, 1199)), "JPEG", 0
    yield "odd-sides", _BICUBIC, noise(517, 333), "PNG", 0
    yield "not-resized", plain, noise(256, 256), "PNG", 0
    yield "one-side-not-resized", plain, noise(301, 256), "PNG", 0
    yield "of-the-cut's-size", plain, noise(224, 224), "PNG", 0
    yield "one-pixel", plain, noise(1, 1), "PNG", 0
    yield "one-pixel-bicubic", _ODD, noise(1, 1), "PNG", 0
    yield "two-by-three", plain, noise(2, 3), "PNG", 0
    yield "tiny-bicubic", _BICUBIC, noise(5, 4), "PNG", 0
    yield "panorama", plain, noise(2000, 40), "PNG", 0
    yield "tall-strip", _BICUBIC, noise(17, 1500), "PNG", 0
    yield "grey", plain, noise(100, 75).convert("L"), "PNG", 0
    yield "grey-alpha", _SMALL, noise(40, 50, 2), "PNG", 0
    yield "black-and-white", _BICUBIC, noise(90, 91).convert("1"), "PNG", 0
    yield "palette", plain, noise(120, 90).quantize(17), "PNG", 0
    yield "palette-gif", _SMALL, noise(64, 48).quantize(200), "GIF", 0
    transparent = noise(150, 100, 4)
    transparent.putalpha(Image.fromarray(np.tile(np.arange(150, dtype=np.uint8) // 50 * 127, (100, 1))))
    yield "alpha-with-colours-below", plain, transparent, "PNG", 0
    extremes = Image.fromarray(rng.integers(0, 2, (70, 99, 3), np.uint8) * 255)
    yield "overshooting", _BICUBIC, extremes, "PNG", 0
    yield "to-one-pixel", Preprocess(1, 1), leaves, "PNG", 0
    yield "cut-between-pixels-down", Preprocess(32, 33, interpolation="bicubic"), noise(57, 91), "PNG", 0
    yield "cut-between-pixels-up", Preprocess(32, 35), noise(91, 57), "PNG", 0
    yield "white", _ODD, Image.new("RGB", (50, 60), "white"), "BMP", 0
    for orientation in (*range(1, 9), 9):  # 9 is invalid
        yield f"exif-{orientation}", _SMALL, noise(61, 43), "JPEG", orientation
    strip, grey = Preprocess((32, 96), (32, 96)), Preprocess((20, 30), (25, 31), (0.1307,), (0.3081,))
    yield "squashed", strip, noise(50, 77), "PNG", 0
    yield "squashed-upside-down", replace(strip, resize=(40, 99)), noise(61, 43), "JPEG", 8
    yield "strip-of-a-square", replace(strip, resize=96), noise(101, 120), "PNG", 0
    yield "to-grey", grey, noise(64, 48), "PNG", 6
    yield "grey-to-grey", replace(grey, size=28, resize=28), noise(33, 28).convert("L"), "PNG", 0
    for way in FILTERS:
        for picture in (noise(97, 61), noise(11, 13), noise(40, 40)):
            yield f"{way}-{picture.width}", replace(_SMALL, interpolation=way), picture, "PNG", 0
    yield "exif-png", _ODD, noise(33, 77, 4), "PNG", 6
    yield "exif-webp", _SMALL, noise(77, 33), "WEBP", 8


def _sweep(rng: np.random.Generator) -> Iterator[tuple[str, Preprocess, Image.Image, str, int]]:
    for index in range(_SWEEP):
        width, height, resize = (int(side) for side in rng.integers(1, 80, 3))
        mean, std = (tuple(map(float, rng.uniform(0.05, 1, 3))) for _ in range(2))
        size = int(rng.integers(1, resize + 1))
        prepared = Preprocess(size, resize, mean, std, [*FILTERS][index % len(FILTERS)])
        picture = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        yield f"sweep-{index}", prepared, picture, "PNG", index % 9


def _case(
    folder: Path,
    name: str,
    preprocess: Preprocess,
    picture: Image.Image,
    kind: str,
    orientation: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Write a picture as a file, as decoded pixels, and as preprocessed by edgewise."""
    path = folder / f"{name}.{kind.lower()}"
    exif = Image.Exif()
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    picture.save(path, kind, exif=exif, **{"lossless": True} if kind == "WEBP" else {})
    with Image.open(path) as stored:
        pixels = np.asarray(stored.convert("RGBA"), np.uint32)
    argb = pixels[..., 3] << 24 | pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    argb.astype(">u4").tofile(folder / f"{name}.argb")
    cut = preprocess.crop(read_image(path))
    tensor = preprocess.normalise(cut)
    cut.tofile(folder / f"{name}.rgb")
    np.save(folder / f"{name}.npy", tensor[None])
    return {
        "name": name,
        "width": argb.shape[1],
        "height": argb.shape[0],
        "orientation": orientation,
        "preprocess": asdict(preprocess),
        "file": path.name,
        "quantization": {
            kind.__name__: _quantized(folder / name, tensor, kind, rng) for kind in (np.int8, np.uint8)
        },
    }


def _quantized(path: Path, tensor: Tensor32, kind: type, rng: np.random.Generator) -> dict[str, float]:
    """Quantize so that some of the values are clipped."""
    scale = float(np.float32(np.ptp(tensor) * rng.uniform(0.5, 1.5) / 255)) or 0.01
    zero_point = int(rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1))
    how = {"dtype": kind, "quantization": (scale, zero_point)}
    steps = _to_type(tensor, how)
    steps.tofile(f"{path}.{kind.__name__}")
    _to_float(steps, how).astype("<f4").tofile(f"{path}.{kind.__name__}.real")
    return {"scale": scale, "zero_point": zero_point}


def _numbers(rng: np.random.Generator) -> dict[str, Any]:
    logits = [rng.normal(0, spread, count) for spread in (0.1, 3, 40) for count in (1, 2, 5, 6, 1000)]
    logits += [np.zeros(7), np.repeat([1.0, 3.0, 2.0], 3), np.array([1e30, -1e30, 0, 88])]
    times = [rng.gamma(3, spread, count) for spread in (0.5, 20) for count in (1, 2, 3, 10, 50, 99, 100, 121)]
    times += [np.full(60, 3.3), np.repeat([1.0, 2.0], 30)]
    return {
        "answers": [_answer(values.astype(np.float32)) for values in logits],
        "latencies": [{"times": values.tolist(), "summary": asdict(percentiles(values))} for values in times],
    }


def _answer(logits: Tensor32) -> dict[str, Any]:
    probabilities = softmax(logits).astype(np.float32)
    return {
        "logits": logits.tolist(),
        "probabilities": probabilities.tolist(),
        "top": top_k(probabilities, 5).tolist(),
    }


def _golden(bundle: Bundle) -> list[dict[str, Any]]:
    """Outputs of a device with increasing rounding differences, and Python's verdicts."""
    golden, step = bundle.golden(), bundle.manifest["structure"]["output_step"]
    signs = np.where(np.arange(golden.output.size) % 2, -1, 1)
    found = []
    for steps in (0, 1, 3.4, 23.9, 24.2, 60):
        output = (golden.output + signs * step * steps).astype(np.float32)
        found.append(_judged("model", golden.logits, output, lambda out: compare(bundle, golden, out)))
    for part in (0, 1e-6, 0.9e-3, 1.1e-3, 0.1):
        output = (golden.logits + signs * part * np.abs(golden.logits).max()).astype(np.float32)
        found.append(
            _judged(
                "reference",
                golden.logits,
                output,
                lambda out: (None, require_parity(parity(golden.logits, out))),
            )
        )
    return found


def _judged(
    part: str, logits: Tensor32, output: Tensor32, rule: Callable[[Tensor32], tuple[float | None, Any]]
) -> dict[str, Any]:
    case: dict[str, Any] = {"part": part, "output": output[0].tolist(), "passed": True}
    case["cosine"] = agreement(logits, output).cosine
    try:
        lsb, distance = rule(output)
    except ParityError:
        return case | {"passed": False}
    return case | {"max_lsb": lsb, "max_rel": distance.max_rel}


def _records(rng: np.random.Generator) -> Iterator[Record]:
    """A reliable record, and others with one or all reasons for not being reliable."""
    phone = Machine(
        "Some Phone",
        "Android 16 (API 36)",
        "6.6.1",
        "bionic",
        "aarch64",
        None,
        ("asimd",),
        8,
        8 << 30,
        None,
        None,
        None,
        (1800.0, 2400.0),
    )
    then, times = "2026-11-20T12:00:00.000+00:00", rng.uniform(99, 102, 120)
    calm = Conditions(then, ("performance",) * 2, (1800.0, 2400.0), {"cpu-0": 41.5, "battery": 90.0}, 0, 1.5)
    model = BenchedModel("mobilenetv2", "tflite", "w8a8", "model", "ab" * 32, 4_016_110)
    engine = Engine("LiteRT", "2.3.0", "XNNPACK", None, None)
    golden = GoldenRun(1.0, 0.004, "cd" * 32, "half precision")
    believed = Record(
        "1", "2", then, "0.1.0", "android", phone, model, engine, golden, 1, (1,), 12.5, 30.25, 14,
        tuple(times), (), None, None, calm, calm, None, None, percentiles(times), None, _drift([*times]),
        launches=(24,) * 5,
    )  # fmt: skip

    def timed(values: NDArray[np.float64], **others: Any) -> Record:
        found = [*map(float, values)]
        summary, drift = percentiles(found), _drift(found)
        return replace(believed, samples_ms=tuple(found), summary=summary, drift=drift, **others)

    def state(**changes: Any) -> Record:
        return replace(believed, after=replace(calm, **changes))

    busy = replace(calm, load=4.25)
    hot = replace(calm, temperatures_c={"soc": 80.5, "CPU1": 95.5})
    desktop = replace(phone, architecture="x86_64")
    every = timed(np.linspace(1, 2.75, 41), machine=replace(phone, emulated="QEMU"), others=0.125)
    for record in (
        believed,
        timed(times[:49]),
        timed(times[:80] / 10),
        timed(rng.uniform(10, 11, 5), end_to_end_ms=(1.5, 2.5), end_to_end=percentiles([1.5, 2.5])),
        timed(np.linspace(200, 230, 60)),
        timed(np.linspace(230, 200, 61)),
        timed(np.full(200, 49.7)),
        replace(believed, before=None, after=None, machine=replace(phone, features=None, cores=None)),
        replace(believed, interrupted="the user left"),
        replace(believed, others=0.05),
        replace(believed, others=0.055, before=busy),
        replace(believed, before=busy),
        replace(believed, before=busy, machine=replace(phone, cores=None)),
        replace(believed, before=busy, machine=replace(phone, cores=9)),
        state(governors=("schedutil", "walt")),
        replace(state(governors=("schedutil", "performance")), cpus=None),
        replace(believed, cpus=None, machine=replace(phone, core_capacities=(1024, 1000))),
        replace(believed, cpus=None, machine=replace(phone, highest_mhz=None)),
        replace(believed, machine=replace(phone, highest_mhz=(1800.0, 2700.0))),
        replace(believed, machine=replace(desktop, highest_mhz=(1800.0, 2700.0))),
        replace(believed, launches=(40, 40, 40)),
        replace(believed, launches=()),
        replace(believed, mhz=(2400.0, 2400.0, 2300.5, 1500.25)),
        replace(believed, mhz=(2400.0,) * 30 + (600.0,)),
        state(slowed=2),
        state(limits_c={"cpu-0": 41.5}),
        state(limits_c={"gpu": 95.0}),
        replace(believed, machine=desktop, after=replace(hot, limits_c={"acpitz": 107.0})),
        state(limits_c={}),
        replace(believed, before=Conditions(then), after=Conditions(then)),
        state(frequencies_mhz=(1800.0, 2100.5)),
        state(frequencies_mhz=(1800.0, 2160.0)),
        replace(state(frequencies_mhz=(900.0, 2400.0)), cpus=(0,)),
        state(frequencies_mhz=(900.0, 0.0)),
        state(throttled=4),
        state(throttled=0x50005),
        replace(believed, before=replace(calm, throttled=0xF0000), after=replace(calm, throttled=0xF0000)),
        replace(believed, before=hot),
        replace(believed, before=hot, machine=desktop),
        replace(
            every, before=replace(hot, governors=("powersave",)), after=busy, interrupted="it was stopped"
        ),
    ):
        yield replace(record, verdict=judge(record))


def _phone(root: Path) -> dict[str, Any]:
    """Kernel files of a phone, and the values that `edgewise bench` reads from them."""
    cores, zones = root / "sys/devices/system/cpu", root / "sys/class/thermal"
    for core in range(11):
        kilohertz = {2: "", 3: "<unknown>"}.get(
            core, f"{1_804_800 + core}"
        )  # one core is off, one reports an invalid value
        governor = "schedutil" if kilohertz else ""
        for name, text in {"scaling_governor": governor, "scaling_cur_freq": kilohertz}.items():
            file = cores / f"cpu{core}/cpufreq/{name}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
    (cores / "cpuidle").mkdir()
    trips = {"cpu": {"0_type": "critical", "0_temp": "110000", "1_type": "passive", "1_temp": "85000"}}
    trips["battery"] = {"0_type": "passive", "0_temp": "0"}
    for number, (kind, value) in enumerate(
        [("cpu", "41500"), ("battery", "-3100"), ("cpu", "43000"), ("gpu", "")]
    ):
        zone = zones / f"thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(f"{kind}\n")
        (zone / "temp").write_text(f"{value}\n")
        for name, told in trips.get(kind, {}).items():
            (zone / f"trip_point_{name}").write_text(f"{told}\n")
    for number, (kind, state) in enumerate([("thermal-cpufreq-0", 1), ("cpufreq-cpu4", 3), ("fan", 9)]):
        device = zones / f"cooling_device{number}"
        device.mkdir()
        (device / "type").write_text(f"{kind}\n")
        (device / "cur_state").write_text(f"{state}\n")
    (root / "proc").mkdir()
    (root / "proc/loadavg").write_text("3.25 2.00 1.00 2/900 4242\n")
    return asdict(conditions(root)) | {"at": "", "throttled": None}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
