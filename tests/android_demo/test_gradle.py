"""Names, versions and paths in the Gradle files agree; running them would need Google's repository."""

import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from edgewise.runtime.android import BUILD

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "android_demo"
CATALOG = tomllib.loads((DEMO / "gradle" / "libs.versions.toml").read_text("utf-8"))
SCRIPTS = sorted(DEMO.rglob("*.gradle.kts"))
APP = (DEMO / "app" / "build.gradle.kts").read_text("utf-8")
WORKFLOW = ROOT / ".github" / "workflows" / "android.yml"
M = "{http://maven.apache.org/POM/4.0.0}"
# Entries of the version catalog, and the properties of the Maven build that must be equal.
SAME = {
    "kotlin": "kotlin.version",
    "serialization": "serialization.version",
    "jupiter": "junit.version",
    "kotest": "kotest.version",
    "coroutines": "coroutines.version",
    "junit4": "junit4.version",
}


def test_aliases_exist_and_are_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in SCRIPTS)
    used = set(re.findall(r"\blibs\.((?:\w+\.)*\w+?)(?=[).]get\(|[)])", text))
    made = {name.replace("-", ".") for name in CATALOG["libraries"]}
    made |= {f"plugins.{name.replace('-', '.')}" for name in CATALOG["plugins"]}
    direct = {name for name in used if name.startswith("versions.")}
    assert used - direct == made
    assert {name.removeprefix("versions.") for name in direct} <= CATALOG["versions"].keys()


def test_every_version_is_pinned_and_used() -> None:
    for name, version in CATALOG["versions"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version}"
    entries = [*CATALOG["libraries"].values(), *CATALOG["plugins"].values()]
    assert {entry["version"]["ref"] for entry in entries} == CATALOG["versions"].keys()
    for script in SCRIPTS:
        assert not re.search(r'"[\w.-]+:[\w.-]+:[^"]+"', script.read_text("utf-8")), script.name


def test_gradle_and_maven_build_the_same_sources_with_the_same_versions() -> None:
    poms = [_tree(path) for path in sorted((DEMO / "verify").rglob("pom.xml"))]
    told = {
        entry.tag.removeprefix(M): entry.text for pom in poms for entry in pom.iterfind(f"{M}properties/*")
    }
    for alias, named in SAME.items():
        assert CATALOG["versions"][alias] == told[named], alias
    folders = {
        (DEMO / "verify" / module / (entry.text or "").replace("${project.basedir}/", "")).resolve()
        for module in ("core", "app")
        for name in ("sourceDirectory", "sourceDir")
        for entry in _tree(DEMO / "verify" / module / "pom.xml").iter(f"{M}{name}")
    }
    for module, kind in (("core", "main"), ("app", "main"), ("app", "androidTest")):
        assert DEMO / module / "src" / kind / "kotlin" in folders


def test_the_app_has_the_same_name_everywhere() -> None:
    names = {_told("namespace"), _told("applicationId")}
    sources = [*(DEMO / "app").rglob("*.kt")]
    names |= {re.search(r"^package (.+)$", path.read_text("utf-8"), re.MULTILINE)[1] for path in sources}  # type: ignore[index]
    assert names == {"edgewise.demo"}
    for path in sources:
        assert path.parts[-3:-1] == ("edgewise", "demo")


def test_the_app_has_the_version_of_edgewise() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert _told("versionName") == project["version"]


def test_the_modules_exist() -> None:
    settings = (DEMO / "settings.gradle.kts").read_text("utf-8")
    modules = re.findall(r'":(\w+)"', settings)
    assert modules == ["app", "core"]
    for module in modules:
        assert (DEMO / module / "build.gradle.kts").is_file()


def test_ci_uses_the_gradle_version_in_the_readme() -> None:
    (setup,) = [step for step in _steps() if "setup-gradle" in step.get("uses", "")]
    assert f"Gradle {setup['with']['gradle-version']}" in (DEMO / "README.md").read_text("utf-8")


def test_the_wrapper_fetches_the_gradle_of_ci() -> None:
    (setup,) = [step for step in _steps() if "setup-gradle" in step.get("uses", "")]
    told = (DEMO / "gradle" / "wrapper" / "gradle-wrapper.properties").read_text("utf-8")
    (url,) = re.findall(r"^distributionUrl=(.+)$", told, re.MULTILINE)
    version = setup["with"]["gradle-version"]
    assert url == rf"https\://services.gradle.org/distributions/gradle-{version}-bin.zip"


def test_libraries_may_share_a_namespace_and_our_modules_do_not() -> None:
    told = (DEMO / "gradle.properties").read_text("utf-8").splitlines()
    assert "android.uniquePackageNames=false" in told
    texts = [script.read_text("utf-8") for script in SCRIPTS]
    names = [name for text in texts for name in re.findall(r'\bnamespace = "([^"]+)"', text)]
    assert len(names) == len(set(names)) == sum("plugins.android." in text for text in texts) - 1


def test_the_documented_command_builds_the_app() -> None:
    for page in (DEMO / "README.md", ROOT / "docs" / "howto" / "android.md"):
        assert BUILD in page.read_text("utf-8"), page.name


def test_ci_pins_its_actions_and_only_has_read_permissions() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in str(workflow["jobs"])
    for step in _steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+(\.\d+)*", step["uses"]), step["uses"]


def test_ci_names_tasks_and_paths_that_exist() -> None:
    text = WORKFLOW.read_text("utf-8")
    tasks = set(re.findall(r"(?<=\s):(\w+:\w+)", text))
    # The tasks that the Android and Kotlin Gradle plugins create for these modules and build types.
    known = {"core:test", "app:lintDebug", "app:connectedDebugAndroidTest"}
    assert tasks == known | {"app:assembleDebug", "app:assembleRelease"}
    for path in re.findall(r"(?:tests/)?android_demo[\w/]*(?:\.py)?", text):
        if "/build/" not in path:
            assert (ROOT / path.removesuffix("/edgewise").removesuffix("/assets")).exists(), path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(DEMO).as_posix())
def test_brackets_in_scripts_are_balanced(script: Path) -> None:
    text = re.sub(r"//.*|\"(?:\\.|[^\"\\])*\"", "", script.read_text("utf-8"))
    for left, right in ("()", "{}"):
        assert text.count(left) == text.count(right)


def _told(name: str) -> str:
    found = re.search(rf'\b{name} = "([^"]+)"', APP)
    assert found, name
    return found[1]


def _steps() -> list[dict[str, Any]]:
    jobs = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def _tree(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314 (our own file)
