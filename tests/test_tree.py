"""The rules of the source tree: who imports whom, what a device can do without, and where a file belongs.

models -> export -> quantize -> runtime -> pipeline -> cli: a folder imports only from itself and from folders
to its left. Imports are read from the source, including those inside functions.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from textwrap import dedent

import pytest

from edgewise.export.facts import TARGETS

ROOT = Path(__file__).parents[1]
FOLDERS = ("models", "export", "quantize", "runtime", "pipeline", "cli")
FACE = "__init__.py"  # the public API, which may import from every folder
TARGET_FOLDERS = ("export", "quantize", "runtime")  # a target is a package of the same name in each of them

# A device runs these with the standard library, numpy, Pillow and an engine that a function imports, and with
# imagehash, OpenCV and picamera2 where they are installed.
DEVICE = (
    "models/_decode.py",
    "models/data/copies.py",
    "models/data/folders.py",
    "models/data/threads.py",
    "models/errors.py",
    "models/files.py",
    "models/images.py",
    "models/printable.py",
    "models/schema.py",
    "models/requirements.py",
    "models/scratch.py",
    "models/shapes.py",
    "models/sizes.py",
    "models/spec.py",
    "models/synthetic.py",
    "export/artifact.py",
    "export/engines.py",
    "export/facts.py",
    "export/pairs.py",
    "export/precision.py",
    "runtime/*",
)
NOT_DEVICE = ("runtime/reference.py",)
# Python runs these on the way to the modules above; their functions may ask for more.
ON_THE_WAY = (FACE, "models/__init__.py", "export/__init__.py")
PLAIN = sys.stdlib_module_names | {"numpy", "PIL"}
ENGINES = {"ai_edge_litert", "cv2", "imagehash", "onnx", "onnxruntime", "openvino", "picamera2"}
_FOR_TYPES = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}

_SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HEAVY = set(_SETTINGS["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"])
MAY_BE_HEAVY = (
    "models/complexity/recorder.py",
    "models/training/callbacks.py",
    "models/training/loader.py",
    "models/training/module.py",
    "quantize/refine/descent.py",
    "quantize/refine/effects.py",
    "quantize/refine/ranges.py",
    "quantize/refine/rounding.py",
)

# Tests of the whole; every other test file is named after the one file that it tests.
CROSS_CUTTING = (
    "android_demo/*.py",  # of Kotlin, resources and Gradle files
    "test_action.py",
    "cli/test_exit_codes.py",
    "test_api.py",
    "test_benchmarks.py",
    "test_docs.py",
    "test_doctest.py",
    "test_inputs.py",
    "test_offline.py",
    "test_one_logit.py",
    "test_packaging.py",
    "test_readme.py",
    "test_real.py",
    "test_tree.py",
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target, as `edgewise.models.spec` or `numpy.typing`."""

    file: str  # relative to the root, with '/'
    line: int
    module: str
    when_loaded: bool  # rather than in a function that runs later
    for_types: bool  # under `if TYPE_CHECKING:`, so never

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def sources(root: Path) -> list[str]:
    found = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    return sorted(path.relative_to(root).as_posix() for path in (*found, root / FACE))


def matches(file: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


def imports(root: Path, file: str) -> Iterator[Import]:
    """Every import in a source file, relative ones resolved."""

    def walk(node: ast.AST, *, when_loaded: bool, for_types: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for module in _modules(root, file, child):
                    yield Import(file, child.lineno, module, when_loaded, for_types)
            elif isinstance(child, ast.If) and ast.unparse(child.test) in _FOR_TYPES:
                body, rest = ast.Module(child.body, []), ast.Module(child.orelse, [])
                yield from walk(body, when_loaded=when_loaded, for_types=True)
                yield from walk(rest, when_loaded=when_loaded, for_types=for_types)
            else:
                later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(child, when_loaded=when_loaded and not later, for_types=for_types)

    return walk(ast.parse((root / file).read_text("utf-8")), when_loaded=True, for_types=False)


def _modules(root: Path, file: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = ("edgewise", *Path(file).parts[:-1])
    start = package[: len(package) + 1 - node.level] if node.level else ()
    module = ".".join((*start, *filter(None, [node.module])))
    # `from ..models import spec` imports a module; `from ..models.spec import Preprocess` a name in one.
    inner = [f"{module}.{alias.name}" for alias in node.names]
    return [name if file_of(root, name) != file_of(root, module) else module for name in inner]


def file_of(root: Path, module: str) -> str | None:
    """The file that `module`, or the name in a module, comes from; None where it is not ours."""
    top, *parts = module.split(".")
    if top != "edgewise":
        return None
    for end in range(len(parts), 0, -1):
        path = Path(*parts[:end])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if (root / file).is_file():
                return file.as_posix()
    return Path(*parts).as_posix()


def against_direction(root: Path) -> list[Import]:
    """Imports of a folder to the right, or of no folder at all."""
    return [found for file in sources(root) for found in imports(root, file) if not _to_the_left(found)]


def _to_the_left(found: Import) -> bool:
    if found.top != "edgewise" or found.file == FACE:
        return True
    folder = found.module.split(".")[1:2]
    own = FOLDERS.index(Path(found.file).parts[0])
    return bool(folder) and folder[0] in FOLDERS[: own + 1]


def of_another_folder(root: Path) -> list[Import]:
    """Imports of what is private to a folder in which the importer does not lie."""
    return [found for file in sources(root) for found in imports(root, file) if _private(root, found)]


def _private(root: Path, found: Import) -> bool:
    parts = Path(file_of(root, found.module) or "").parts
    owners = [parts[:place] for place, part in enumerate(parts) if re.match("_(?!_)", part)]
    return any(Path(found.file).parts[: len(owner)] != owner for owner in owners)


def presentation_in_jobs(root: Path) -> list[Import]:
    """Imports of what draws a command line, by the jobs, which a notebook calls as well."""
    jobs = [file for file in sources(root) if file.startswith("pipeline/")]
    return [found for file in jobs for found in imports(root, file) if found.top in {"click", "rich"}]


def ambiguous_classes(root: Path) -> list[str]:
    """Names of public classes that several modules define."""
    found: dict[str, list[str]] = {}
    for file in sources(root):
        for node in ast.walk(ast.parse((root / file).read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(file)
    return [f"{name}: {', '.join(files)}" for name, files in found.items() if len(files) > 1]


def heavy_at_load(root: Path) -> list[Import]:
    """Heavy libraries that are imported as soon as their module is."""
    return [
        found
        for file in sources(root)
        if file not in MAY_BE_HEAVY
        for found in imports(root, file)
        if found.when_loaded and not found.for_types and found.top in HEAVY
    ]


def beyond_the_device(root: Path) -> list[Import]:
    """What a device module imports that a device lacks."""
    return [
        found
        for file in sources(root)
        if is_device(file) or file in ON_THE_WAY
        for found in imports(root, file)
        if not found.for_types and not _on_the_device(root, found)
    ]


def is_device(file: str) -> bool:
    return matches(file, DEVICE) and file not in NOT_DEVICE


def _on_the_device(root: Path, found: Import) -> bool:
    if not found.when_loaded and (found.file in ON_THE_WAY or found.top in {"edgewise", *ENGINES}):
        return True
    file = file_of(root, found.module)
    return found.top in PLAIN if file is None else is_device(file) or file in ON_THE_WAY


def targets(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "export").glob("*/__init__.py"))


def missing_of_targets(root: Path) -> list[str]:
    """Packages that a target lacks."""
    needed = [f"{folder}/{name}/__init__.py" for name in targets(root) for folder in TARGET_FOLDERS]
    return [file for file in needed if not (root / file).is_file()]


def without_source(root: Path) -> list[str]:
    """Test files without a source file: tests/export/test_x.py is of export/x.py, _x.py or __x__.py."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        test = path.relative_to(root / "tests")
        name = test.stem.removeprefix("test_")
        mirrored = [root / test.with_name(f"{file}.py") for file in (name, f"_{name}", f"__{name}__")]
        if not matches(test.as_posix(), CROSS_CUTTING) and not any(file.is_file() for file in mirrored):
            found.append(test.as_posix())
    return found


def test_folders_import_only_from_their_left() -> None:
    assert not [str(found) for found in against_direction(ROOT)], " -> ".join(FOLDERS)


def test_heavy_libraries_are_imported_inside_functions() -> None:
    assert not [str(found) for found in heavy_at_load(ROOT)]


def test_device_modules_import_what_a_device_has() -> None:
    assert all(any(matches(file, (pattern,)) for file in sources(ROOT)) for pattern in DEVICE)
    assert not [str(found) for found in beyond_the_device(ROOT)]


def test_device_modules_load_where_nothing_else_is_installed() -> None:
    modules = [
        ".".join(("edgewise", *Path(file).with_suffix("").parts)).removesuffix(".__init__")
        for file in sources(ROOT)
        if is_device(file)
    ]
    program = f"""
        import importlib, sys

        class Bare:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] not in {sorted(PLAIN | {"edgewise"})!r}:
                    raise ModuleNotFoundError(f"a device has no {{name}}", name=name)

        sys.meta_path.insert(0, Bare())
        for module in {modules!r}:
            importlib.import_module(module)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_target_is_whole() -> None:
    assert targets(ROOT) == ["onnx", "openvino", "tflite"]
    assert not missing_of_targets(ROOT)
    assert [*TARGETS] == targets(ROOT)  # a row of facts for each, and no other
    assert all(row.name == name for name, row in TARGETS.items())


def test_the_root_holds_the_public_face_alone() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == [FACE]


def test_private_modules_stay_in_their_folder() -> None:
    assert not [str(found) for found in of_another_folder(ROOT)]


def test_jobs_know_no_command_line() -> None:
    assert not [str(found) for found in presentation_in_jobs(ROOT)]


def test_a_class_name_stands_for_one_thing() -> None:
    assert not ambiguous_classes(ROOT)


def test_pictures_are_opened_with_a_list_of_formats() -> None:
    """Pillow would also open PostScript, for which it starts Ghostscript."""
    opened = []
    for file in (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open":
                opened.append(file)
                assert any(keyword.arg == "formats" for keyword in node.keywords), file
    assert len(opened) == 2


def test_every_test_file_is_named_after_what_it_tests() -> None:
    assert not without_source(ROOT)


# The checks themselves, on a tree that keeps every law but for one file.

KEPT = {
    "__init__.py": "def __getattr__(name):\n    from .pipeline import convert",
    "models/__init__.py": "",
    "models/_decode.py": "",
    "models/errors.py": "",
    "models/spec.py": "import json\nimport numpy as np\nfrom PIL import Image\nfrom .errors import X",
    "models/zoo.py": "from .spec import Y\ndef build():\n    import torch",
    "models/training/module.py": "import torch, lightning\nfrom .._decode import Z",
    "export/__init__.py": "from ..models.errors import X\ndef export():\n    from ..models import zoo",
    "export/artifact.py": "from ..models import spec\nclass Artifact: ...",
    "export/tflite/__init__.py": "from ._exporter import export",
    "export/tflite/_exporter.py": "import edgewise.models.zoo\ndef export():\n    import litert_torch",
    "quantize/__init__.py": "",
    "quantize/tflite/__init__.py": "from ...export import tflite\nfrom ...export import targets",
    "runtime/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    "runtime/tflite/__init__.py": "from ...export.artifact import Z\ndef open():\n    import ai_edge_litert",
    "runtime/reference.py": "from ..models.zoo import build",
    "runtime/devices/ssh.py": "from ... import models\nfrom ..tflite import open",
    "pipeline/convert.py": "from ..runtime.tflite import open",
    "cli/main.py": "import click\nfrom ..runtime.devices import ssh",
    "tests/export/tflite/test_exporter.py": "",
    "tests/export/test_artifact.py": "",
    "tests/models/test_init.py": "",
    "tests/test_tree.py": "",
}


def grow(root: Path, changed: dict[str, str]) -> Path:
    for file, text in (KEPT | changed).items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def faults(root: Path) -> list[str]:
    found = [
        *against_direction(root),
        *of_another_folder(root),
        *presentation_in_jobs(root),
        *heavy_at_load(root),
        *beyond_the_device(root),
    ]
    files = missing_of_targets(root) + without_source(root)
    return [str(one) for one in found] + files + ambiguous_classes(root)


def test_a_tree_that_keeps_the_laws_passes(tmp_path: Path) -> None:
    assert faults(grow(tmp_path, {})) == []
    assert targets(tmp_path) == ["tflite"]


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        # direction
        ("models/zoo.py", "from ..export import targets", "models/zoo.py:1 imports edgewise.export"),
        ("models/zoo.py", "from .. import cli", "models/zoo.py:1 imports edgewise.cli"),
        ("models/zoo.py", "def f():\n    import edgewise.runtime.probe", "imports edgewise.runtime.probe"),
        (
            "export/artifact.py",
            "class A:\n    def f(): from ..quantize import b",
            "imports edgewise.quantize",
        ),
        ("quantize/plan.py", "if TYPE_CHECKING:\n    from ..runtime import Session", "edgewise.runtime"),
        ("runtime/devices/ssh.py", "from ...cli.main import main", ":1 imports edgewise.cli.main"),
        ("runtime/devices/ssh.py", "from ...pipeline import convert", ":1 imports edgewise.pipeline"),
        ("quantize/plan.py", "from ..tests import conftest", "imports edgewise.tests"),
        # private modules
        ("quantize/plan.py", "from ..export.tflite import _exporter", "edgewise.export.tflite._exporter"),
        ("export/artifact.py", "from .tflite._exporter import export", "edgewise.export.tflite._exporter"),
        ("runtime/tflite/x.py", "from ...models._decode import a", ":1 imports edgewise.models._decode"),
        # the command line
        ("pipeline/convert.py", "def f():\n    import click", "pipeline/convert.py:2 imports click"),
        ("pipeline/report/page.py", "from rich.table import Table", "page.py:1 imports rich.table"),
        # heavy libraries
        ("models/zoo.py", "import torch.nn", "models/zoo.py:1 imports torch.nn"),
        ("cli/main.py", "try:\n    from torch import nn\nexcept E: ...", "cli/main.py:2 imports torch"),
        ("export/artifact.py", "class A:\n    import litert_torch", "artifact.py:2 imports litert_torch"),
        ("export/artifact.py", "if not TYPE_CHECKING:\n    import torch", "artifact.py:2 imports torch"),
        ("export/artifact.py", "if TYPE_CHECKING: ...\nelse:\n    import torch", ":3 imports torch"),
        ("__init__.py", "import torch", "__init__.py:1 imports torch"),
        # the device
        ("models/spec.py", "import click", "models/spec.py:1 imports click"),
        ("models/spec.py", "from . import zoo", "models/spec.py:1 imports edgewise.models.zoo"),
        ("export/__init__.py", "from ..models.zoo import build", "export/__init__.py:1 imports edgewise"),
        ("runtime/probe.py", "import ai_edge_litert", "runtime/probe.py:1 imports ai_edge_litert"),
        ("runtime/probe.py", "def f():\n    import torch", "runtime/probe.py:2 imports torch"),
        ("runtime/devices/adb.py", "from ..reference import a", "imports edgewise.runtime.reference"),
        # files and names
        ("export/onnx/__init__.py", "", "quantize/onnx/__init__.py"),
        ("tests/models/test_zooo.py", "", "models/test_zooo.py"),
        ("tests/test_zoo.py", "", "test_zoo.py"),
        ("quantize/plan.py", "class Artifact: ...", "Artifact: export/artifact.py, quantize/plan.py"),
    ],
)
def test_a_tree_that_breaks_a_law_is_caught(tmp_path: Path, file: str, text: str, fault: str) -> None:
    found = faults(grow(tmp_path, {file: text}))
    assert any(fault in one for one in found), found
