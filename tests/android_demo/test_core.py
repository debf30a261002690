"""The demo app's core: compiled with warnings as errors, tested by JUnit against Python's current results.

Maven builds it outside the checkout, only from Maven Central; the tests themselves are in Kotlin.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from edgewise.runtime.bench.gather import _drift
from edgewise.runtime.bench.received import read
from edgewise.runtime.bench.request import Contender
from edgewise.runtime.bench.subject import Subject
from edgewise.runtime.bench.timing import percentiles
from edgewise.runtime.bench.trust import judge

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[2] / "android_demo"
VECTORS = Path(__file__).with_name("vectors.py")
_NO_NETWORK = ("Could not transfer artifact", "Unknown host", "in offline mode")
# The optimising JIT compiler only pays off in longer runs.
_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Built:
    """The input and output folders of the Maven build."""

    vectors: Path
    bundle: Path
    written: Path
    reports: Path

    def read(self, name: str) -> Any:
        """Parse one of the files that Python wrote for Kotlin."""
        return json.loads((self.vectors / f"{name}.json").read_text())

    def suites(self) -> Iterator[ET.Element]:
        """JUnit's reports, one per class."""
        for file in sorted(self.reports.glob("TEST-*.xml")):
            yield ET.parse(file).getroot()  # noqa: S314 - of our own build


@pytest.fixture(scope="module")
def built(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The core, compiled and tested; fails with Maven's output."""
    if shutil.which("mvn") is None:
        pytest.skip("Maven is not installed (apt install maven)")
    folder = tmp_path_factory.mktemp("core")
    made = Built(folder / "vectors", tiny_bundle, folder / "written", folder / "core/surefire-reports")
    made.written.mkdir()
    subprocess.run([sys.executable, VECTORS, made.vectors, tiny_bundle], check=True)
    # As docs/howto/android.md has it.
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-c", made.vectors / "bundle.zip", tiny_bundle], check=True
    )
    given = {
        "build.folder": folder,
        "edgewise.vectors": made.vectors,
        "edgewise.bundle": tiny_bundle,
        "edgewise.written": made.written,
    }
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(DEMO / "verify/pom.xml"), "-pl", "core", "test"]
        + [f"-D{name}={value}" for name, value in given.items()],
        capture_output=True,
        text=True,
        env=os.environ | {"MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {_OPTIONS}"},
        check=False,
    )
    if done.returncode and any(words in done.stdout for words in _NO_NETWORK):
        pytest.skip("no network: Maven Central cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_every_kotlin_test_passes_and_none_is_skipped(built: Built) -> None:
    sources = {file.stem for file in (DEMO / "core/src/test/kotlin").rglob("*Test.kt")}
    assert {suite.attrib["name"] for suite in built.suites()} == {f"edgewise.core.{name}" for name in sources}
    for suite in built.suites():
        assert int(suite.attrib["tests"]) > 0
        assert [suite.attrib[kind] for kind in ("failures", "errors", "skipped")] == ["0"] * 3


def test_every_picture_is_preprocessed_as_in_python(built: Built) -> None:
    cases = built.read("cases")
    assert len(cases) >= 90
    preprocess = next(suite for suite in built.suites() if suite.attrib["name"].endswith(".PreprocessTest"))
    pictures = 3 * len(cases) + sum(case["file"].endswith(".png") for case in cases)
    assert int(preprocess.attrib["tests"]) > pictures


def test_records_are_written_as_in_python(built: Built) -> None:
    assert json.loads((built.written / "records.json").read_text()) == built.read("records")


@pytest.mark.parametrize("part", ["model", "reference"])
def test_edgewise_reads_the_apps_records(built: Built, part: Any) -> None:
    file = built.written / f"{part}.json"
    (record,) = read(file)  # as `edgewise results --add` does
    subject = Subject.of(Contender(str(built.bundle), part))
    golden = subject.bundle.golden()
    assert record.model == subject.model
    assert record.golden == subject.judged(golden.output if part == "model" else golden.logits)
    assert record.verdict == judge(record)
    assert record.drift == _drift([*record.samples_ms])
    for summary, times in ((record.summary, record.samples_ms), (record.end_to_end, record.end_to_end_ms)):
        assert summary == percentiles(times)
    assert json.loads(json.dumps(record.to_json())) == json.loads(file.read_text())


def test_edgewise_reads_records_that_were_measured_together(built: Built) -> None:
    records = read(built.written / "together.json")
    (twin,) = (record for record in records if record.model.part == "reference")
    assert len({record.run for record in records}) == 1
    assert len({record.model.part for record in records}) == len(records) == 2
    assert twin.golden is not None
    assert twin.golden.tolerance == "half precision: 9.4e-02 of the largest output"


def test_the_build_leaves_nothing_in_the_checkout(built: Built) -> None:
    assert built.reports.is_dir()
    assert not [*DEMO.glob("verify/**/target"), *DEMO.glob("core/**/target")]
