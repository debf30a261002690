"""The reference pages, made from the code: the command line, Python, JSON documents and exit codes."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import click
import schemas

import edgewise
from edgewise.cli.main import cli
from edgewise.models.errors import EdgewiseError
from edgewise.pipeline.document import VERSIONS

_SECTION = re.compile(r"^(Args|Raises|Returns):$", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)
_TITLES = {"Args": "Argument", "Raises": "Error", "Returns": "Result"}


def pages() -> dict[str, str]:
    """The text of every page by the name of its file."""
    return {
        "cli.md": "\n".join(_cli()),
        "python.md": "\n".join(_python()),
        "documents.md": "\n".join(_documents()),
        "exit-codes.md": "\n".join(_exit_codes()),
    }


def _cli() -> Iterator[str]:
    yield "# Command line\n"
    yield "This page is made from the commands themselves; `edgewise COMMAND --help` prints the same.\n"
    yield """\
Results go to standard output, stages and notices to standard error. With `--json`, standard output holds one
[JSON document](documents.md) whatever happens; [exit codes](exit-codes.md) tell failures apart.
"""
    for name in cli.list_commands(click.Context(cli)):
        yield from _command(cli.get_command(click.Context(cli), name), f"edgewise {name}", 2)


def _command(command: click.Command | None, name: str, level: int) -> Iterator[str]:
    assert command is not None
    context = click.Context(command, info_name=name, **cli.context_settings)
    yield f"{'#' * level} {name}\n"
    yield f"```text\n{' '.join([name, *command.collect_usage_pieces(context)])}\n```\n"
    yield f"{_help(command.help or '')}\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(command.get_command(context, inner), f"{name} {inner}", level + 1)
        return
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            groups.setdefault(getattr(parameter, "group", "General options"), []).append(record)
    for group in sorted(groups, key="General options".__eq__):  # which come last
        yield f"| {group} | |\n|---|---|"
        for option, said in groups[group]:
            yield f"| `{_cell(option)}` | {_cell(_escaped(said))} |"
        yield ""


def _help(text: str) -> str:
    r"""A command's help, where a paragraph after \b is a block of code."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```text\n{inspect.cleandoc(part.removeprefix(chr(8)))}\n```" if part.startswith("\b") else part
        for part in paragraphs
    )


def _python() -> Iterator[str]:
    yield "# Python\n"
    yield f"{_docstring(inspect.getdoc(edgewise) or '')}\n"
    for name in edgewise.__all__:
        if name == "__version__":
            continue
        found = getattr(edgewise, name)
        yield f"## {name}\n"
        yield from _class(name, found) if inspect.isclass(found) else _function(f"edgewise.{name}", found)


def _function(name: str, function: Callable[..., Any]) -> Iterator[str]:
    yield f"```python\n{_signature(name, function)}\n```\n"
    yield f"{_docstring(inspect.getdoc(function) or '')}\n"


def _class(name: str, kind: type) -> Iterator[str]:
    if issubclass(kind, EdgewiseError):
        yield f"Exit code {kind.exit_code}, `{kind.exit_name}`.\n"
    yield f"{_docstring(inspect.getdoc(kind) or '')}\n"
    if is_dataclass(kind):
        yield "| field | type |\n|---|---|"
        for entry in fields(kind):
            yield f"| `{entry.name}` | `{_cell(_named(entry.type))}` |"
        yield ""
    for member, value in vars(kind).items():
        if member.startswith("_") or not inspect.getdoc(value):
            continue
        if isinstance(value, property):
            yield f"### {name}.{member}\n\n{_docstring(inspect.getdoc(value) or '')}\n"
        elif isinstance(value, classmethod | staticmethod) or inspect.isfunction(value):
            yield f"### {name}.{member}\n"
            yield from _function(f"{name}.{member}", getattr(kind, member))


def _signature(name: str, function: Callable[..., Any]) -> str:
    """The signature, on one line if it fits, otherwise with a line for each argument."""
    found = inspect.signature(function)
    arguments = [one for one in found.parameters.values() if one.name != "self"]
    shown = [_argument(one) for one in arguments]
    for place, one in enumerate(arguments):
        if one.kind is one.KEYWORD_ONLY and "*" not in shown:
            shown.insert(place, "*")
    result = "" if found.return_annotation is found.empty else f" -> {_named(found.return_annotation)}"
    line = f"{name}({', '.join(shown)}){result}"
    if len(line) <= 90:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in shown) + f"){result}"


def _argument(argument: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(argument.kind.name, "")
    default = "" if argument.default is argument.empty else f" = {argument.default!r}"
    return f"{stars}{argument.name}: {_named(argument.annotation)}{default}"


def _named(kind: Any) -> str:
    """A type as a reader of the documentation writes it."""
    text = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", text)


def _docstring(text: str) -> str:
    """A docstring in the style of Google as Markdown: its sections become tables."""
    start, *parts = _SECTION.split(text)
    made = [start.strip()]
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        _, *entries = _ENTRY.split(inspect.cleandoc(body))
        rows = zip(entries[::2], entries[1::2], strict=True)
        table = "".join(f"| `{name}` | {_cell(_escaped(said))} |\n" for name, said in rows)
        made.append(f"| {_TITLES[title].lower()} | |\n|---|---|\n{table}")
    return "\n\n".join(made)


def _documents() -> Iterator[str]:
    yield "# JSON documents\n"
    yield """\
With `--json`, every command prints one JSON document to standard output, errors included; in Python,
`to_json()` of a result returns the same. `schema` names the document. `schema_version` rises when a field
changes its meaning or disappears; fields may be added without a new version. The document of a command that
failed has the field `error`. Each document has a JSON Schema (draft 2020-12):
"""
    yield "| document | version | what it holds |\n|---|---|---|"
    known = {name: json.loads(schemas.path(name).read_text("utf-8")) for name in (*VERSIONS, "error")}
    for name, found in known.items():
        version = found["properties"]["schema_version"]["const"]
        yield f"| [`edgewise.{name}`](#{_anchor(name)}) | {version} | {_cell(found['description'])} |"
    yield ""
    for name, found in known.items():
        yield f"## {name} {{ #{_anchor(name)} }}\n"
        yield f"{found['description']} [JSON Schema](../schemas/{name}.schema.json)\n"
        yield "| field | type | |\n|---|---|---|"
        for field, value in found["properties"].items():
            optional = "" if field in found["required"] else " (not always there)"
            said = value.get("description", "")
            yield f"| `{field}`{optional} | {_type(value)} | {_cell(said)} |"
        yield ""


def _anchor(name: str) -> str:
    return f"document-{name}"


def _type(schema: schemas.Json) -> str:
    """A schema in a word or two."""
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}" if schema.get("items") else "array"
    return str(schema.get("type", "any"))


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes\n"
    yield """\
Every command ends with one of these codes. With `--json`, the document's `error` holds the code, its name and
the message.
"""
    yield "| code | name | Python | what it means |\n|---|---|---|---|"
    yield "| 0 | | | success |"
    for kind in sorted(_errors(EdgewiseError), key=lambda kind: kind.exit_code):
        said = schemas.summary(kind)
        yield f"| {kind.exit_code} | `{kind.exit_name}` | `{kind.__name__}` | {_cell(said)} |"
    interrupted = "Ctrl-C or a signal ended the command; nothing half-written is left."
    yield f"| 130 | `interrupted` | `KeyboardInterrupt` | {interrupted} |\n"
    yield """\
Where several targets or precisions were asked for, those that pass are written. The code is that of the most
severe failure, which is the earliest in the making of a file: 1, 6, 4, 3, then 5. With `--all-or-nothing`,
nothing is written, and the code is that of the first failure.

With code 7 the bundle was written and passed its gate, but [recovery](../explanation/recovery.md) gave the
model another precision than the one that was asked for.
"""


def _errors(kind: type[EdgewiseError]) -> Iterator[type[EdgewiseError]]:
    """The kind and those below it that have an exit code of their own."""
    if "exit_code" in vars(kind) and not kind.__name__.startswith("_"):
        yield kind
    for inner in kind.__subclasses__():
        yield from _errors(inner)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text of a help message, in which brackets are no links and stars no emphasis."""
    return re.sub(r"([\[\]*<>])", r"\\\1", text)
