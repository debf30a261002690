"""Prints who imports whom: modules and lines of each folder, imports between folders, and private ones.

    uv run python benchmarks/imports.py [--rev REV] [--list]

It reads the working tree, or REV of this repository. An import counts once for each statement and module,
also inside functions. It is between folders if the importer is in another top folder, and private if any part
of the module's name begins with an underscore and the importer is outside the folder that contains this part.
"""

import argparse
import ast
import io
import re
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("models", "export", "quantize", "runtime", "pipeline", "cli")


@dataclass(frozen=True, slots=True)
class Edge:
    """An import of edgewise's own: the importer and the module's file, as parts of their paths."""

    importer: tuple[str, ...]
    module: tuple[str, ...]
    line: int

    @property
    def between(self) -> bool:
        """Whether it crosses top folders."""
        return self.importer[0] != self.module[0]

    @property
    def private(self) -> bool:
        """Whether it takes what belongs to a folder in which the importer is not."""
        owners = [self.module[:place] for place, part in enumerate(self.module) if re.match("_(?!_)", part)]
        return any(self.importer[: len(owner)] != owner for owner in owners)

    def __str__(self) -> str:
        return f"{'/'.join(self.importer)}:{self.line} imports {'.'.join(self.module)}"


def edges(root: Path) -> Iterator[Edge]:
    """Every import of a module in `FOLDERS` by another one."""
    for path in files(root):
        importer = path.relative_to(root).parts
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = dict.fromkeys(
                    filter(None, (_located(root, name) for name in _names(importer, node)))
                )
                yield from (Edge(importer, module, node.lineno) for module in modules)


def files(root: Path) -> list[Path]:
    """The modules of all folders."""
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))


def _names(importer: tuple[str, ...], node: ast.Import | ast.ImportFrom) -> list[str]:
    """What an import statement names, in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = ("edgewise", *importer[:-1])
    start = package[: len(package) + 1 - node.level] if node.level else ()
    return [".".join((*start, *filter(None, [node.module]), alias.name)) for alias in node.names]


def _located(root: Path, name: str) -> tuple[str, ...] | None:
    """The module that a name is, or is in; None outside of `FOLDERS`."""
    top, *parts = name.split(".")
    if top != "edgewise" or not parts or parts[0] not in FOLDERS:
        return None
    for end in range(len(parts), 0, -1):
        path = root.joinpath(*parts[:end])
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            return tuple(parts[:end])
    return tuple(parts[:1])


def report(root: Path, *, listed: bool = False) -> str:
    """The table of a tree, and a line for each import of a private module if these are to be listed."""
    found = list(edges(root))
    counts = Counter((edge.importer[0], edge.module[0]) for edge in found if edge.between)
    sizes = {folder: _size(root / folder) for folder in FOLDERS}
    there = [folder for folder in FOLDERS if sizes[folder][0]]
    rows = [("imports from", "modules", "lines", *there, "together", "private")]
    between = [edge for edge in found if edge.between]
    for folder in there:
        cells = [counts[folder, other] for other in there]
        own = [edge for edge in between if edge.importer[0] == folder]
        cells += [len(own), sum(edge.private for edge in own)]
        rows.append((folder, *map(str, sizes[folder]), *(str(count or "") for count in cells)))
    private = [edge for edge in between if edge.private]
    inside = [edge for edge in found if edge.private and not edge.between]
    modules, lines = (sum(size[place] for size in sizes.values()) for place in (0, 1))
    rows.append(
        ("together", str(modules), str(lines), *[""] * len(there), str(len(between)), str(len(private)))
    )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(map(_aligned, row, widths, range(len(row)))).rstrip() for row in rows]
    summary = [
        "",
        f"{len(between)} imports between folders, {len(private)} of them of private modules",
        f"{len(inside)} imports of private modules of another sub-package in the same folder",
    ]
    return "\n".join([*table, *summary, *(map(str, private + inside) if listed else ())])


def _size(folder: Path) -> tuple[int, int]:
    """Modules and lines."""
    texts = [path.read_text("utf-8") for path in folder.rglob("*.py")]
    return len(texts), sum(text.count("\n") for text in texts)


def _aligned(cell: str, width: int, place: int) -> str:
    return cell.rjust(width) if place else cell.ljust(width)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rev", help="a commit of this repository; the working tree without it")
    parser.add_argument("--list", action="store_true", help="list the imports of private modules")
    chosen = parser.parse_args(arguments)
    if chosen.rev is None:
        print(report(ROOT, listed=chosen.list))
        return
    command = ["git", "-C", str(ROOT), "archive", chosen.rev]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
        print(report(Path(folder), listed=chosen.list))


if __name__ == "__main__":
    main()
