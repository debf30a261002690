"""Type-checks the app against the complete Android API, and stubs of LiteRT and AndroidX, without running it.

Warnings are errors, and APIs newer than minSdk require @RequiresApi.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edgewise.tests.android_demo.conftest import Packed

DEMO = Path(__file__).parents[2] / "android_demo"


def test_the_app_and_its_instrumented_tests_compile_without_a_warning(
    packed: "Packed", tmp_path: Path
) -> None:
    if shutil.which("mvn") is None or shutil.which("java") is None:
        pytest.skip("Maven with a JDK is not installed (apt install maven openjdk-17-jdk-headless)")
    done = subprocess.run(
        [
            *(
                "mvn",
                "-q",
                "-B",
                "-f",
                str(DEMO / "verify" / "pom.xml"),
                "-pl",
                "core,app",
                "process-classes",
            ),
            *(f"-Dbuild.folder={tmp_path}", f"-Dr.folder={packed.java}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        # The optimising JIT compiler does not pay off in one short run.
        env=os.environ | {"MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    classes = tmp_path / "app" / "classes" / "edgewise" / "demo"
    assert (classes / "MainActivity.class").is_file()
    assert (classes / "SelfTestActivity.class").is_file()
    assert (classes / "GoldenSampleTest.class").is_file()


def test_every_stub_is_marked_and_names_the_source_of_its_signatures() -> None:
    stubs = [path for path in (DEMO / "verify" / "app" / "stubs").rglob("*") if path.is_file()]
    assert stubs
    for stub in stubs:
        first = stub.read_text("utf-8").splitlines()[0]
        assert re.match(
            r"// A stub for the type check: signatures only(, source: .|; from memory, )", first
        ), stub.name
