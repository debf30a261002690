"""Rejects `torch.export` programs that could run code in `torch.export.load`, which does not check.

torch unpickles weights, constants and sample inputs that are marked as pickled, loads compiled libraries,
passes sizes to Python's `eval` (through sympy, which can take hours to compute one), imports what tree
specifications name, calls any function below `torch`, and builds Python source from the graph's names. Only
what plain networks need is accepted.
"""

import ast
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import EdgewiseError

_PLACES = re.compile(
    r"data/weights/(weight_\d+|\w+_weights_config\.json)"
    r"|data/constants/(tensor_\d+|\w+_constants_config\.json)"
    r"|data/sample_inputs/\w+\.pt|models/\w+\.json|extra/.*|\.data/\w+|archive_(format|version)|byteorder"
)
_TARGET = re.compile(
    r"torch\.ops\.aten\.(?!from_file)\w+\.\w+|torch\.sym_\w+"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|getitem|eq|ne|lt|le|gt|ge)"
)
_SIZE = re.compile(
    r"(Integer|Symbol|Add|Mul|Pow|Min|Max|Mod|PythonMod|FloorDiv|CeilDiv|CleanDiv"
    r"|'[su]\d+'|(positive|nonnegative|integer)=True|\d+|[-(), ])*"
)
_LONGEST, _MANY_DIGITS = 4000, re.compile(r"\d{19}")
_SMALL = re.compile(r"Integer\(-?\d\)")  # an exponent
_TREE = re.compile(
    r'(\[1, |\]|\{"type": (null|"builtins\.(tuple|list|dict)"), "context": |null|"null"|"\[[\w\\", ]*\]"'
    r'|, "children_spec": \[|\}|, )*'
)
_PLAIN = re.compile(r"[\w.+]*")
_BY_KEY = {"target": _TARGET, "as_operator": _TARGET, "expr_str": _SIZE, "in_spec": _TREE, "out_spec": _TREE}
_ONLY_TEXT = {"metadata", "guards_code"}  # never executed, as guards are disabled


def require_harmless(content: bytes, name: str) -> None:
    """Raise an `EdgewiseError` unless `content` is a program with only plain tensors and aten operators."""
    from torch.export.pt2_archive._package import PT2ArchiveReader

    try:
        with PT2ArchiveReader(
            io.BytesIO(content)
        ) as archive:  # torch's own reader, so that both see the same
            found = next(_suspicions(archive), None)
    except Exception as error:  # torch and json raise various errors on a broken archive
        raise EdgewiseError(
            f"{name}: cannot be read as a torch.export program ({first_line(error)[:160]}); "
            "save it again with torch.export.save(program, path)"
        ) from error
    if found:
        raise EdgewiseError(
            f"{name}: contains {found}, which could run code, and edgewise runs no code from a model file; "
            "pass the network as net.py:factory, and its weights with --weights"
        )


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type if there is none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _suspicions(archive: Any) -> Iterator[str]:
    """The contents of the archive that a plain network does not need."""
    import torch

    for file in archive.get_file_names():
        if not _PLACES.fullmatch(file):
            yield f"the part {file!r}"
        elif file.endswith(".json"):
            for key, text in _texts(json.loads(archive.read_string(file))):
                if not _BY_KEY.get(key, _PLAIN).fullmatch(text) or (key == "expr_str" and _is_huge(text)):
                    yield f"{key} {text[:80]!r}"
        elif file.startswith("data/sample_inputs/"):
            torch.load(io.BytesIO(archive.read_bytes(file)), weights_only=True)


def _is_huge(size: str) -> bool:
    """Whether an expression of sizes could take sympy long: numbers of many digits, powers of powers."""
    if len(size) > _LONGEST or _MANY_DIGITS.search(size):
        return True
    try:
        tree = ast.parse(size, mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        return True
    powers = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and _name(call) == "Pow"]
    return any(
        len(power.args) != 2
        or not _SMALL.fullmatch(ast.unparse(power.args[1]))
        or any(_name(inner) == "Pow" for inner in ast.walk(power.args[0]))
        for power in powers
    )


def _name(node: ast.AST) -> str:
    """The function that is called; empty where it is something else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string in `value`, including keys, with the key that it belongs to."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "key", name
            if name == "use_pickle" and inner:
                yield name, "a pickle"
            elif name not in _ONLY_TEXT:
                yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, value
