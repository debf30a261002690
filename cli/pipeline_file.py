"""A pipeline file: steps in TOML, each a command with its options, checked by the commands' own definitions.

    [[steps]]
    run = "export"
    name = "mobilenetv2"
    int8 = true

A key is an option without its dashes, or an argument in lower case. What the command line would refuse is
refused here before the first step begins, with its line and key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, TypeAlias

import click

from ..models.errors import UsageError
from .groups import GroupedCommand
from .toml_file import TomlFile

_STEPS, _RUN = "steps", "run"
_NO_STEPS = {"run", "demo"}  # a run within a run, and a page that stays open
_OUTPUT = {"as_json", "quiet", "verbose"}  # `edgewise run` itself takes them for all steps
_Parameters: TypeAlias = dict[str, click.Parameter]


@dataclass(frozen=True, slots=True)
class PipelineStep:
    """A step: its command, the words of its arguments and options, and the values of all its parameters."""

    number: int
    name: str
    arguments: tuple[str, ...]
    options: tuple[str, ...]
    values: dict[str, Any]

    def words(self, *more: str) -> tuple[str, ...]:
        """The words after `edgewise`, with more options; no argument can be taken for an option."""
        if any(text.startswith("-") for text in self.arguments):
            return (*self.name.split(), *self.options, *more, "--", *self.arguments)
        return (*self.name.split(), *self.arguments, *self.options, *more)


def read_steps(file: TomlFile, program: click.Context) -> list[PipelineStep]:
    """The steps of a file, for the commands of `program`.

    Raises:
        UsageError: something in the file is not what the commands take.
    """
    for key in file.values:
        if key != _STEPS:
            raise _fault(file, (key,), "unknown key; a pipeline file has nothing but [[steps]]")
    steps = file.values.get(_STEPS)
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise _fault(file, (_STEPS,), 'there are none; begin each step with [[steps]] and run = "export"')
    return [_Reader(file, place, table, program).step() for place, table in enumerate(steps)]


class _Reader:
    """Reads one step."""

    def __init__(self, file: TomlFile, place: int, table: dict[str, Any], program: click.Context) -> None:
        self._file, self._place, self._table, self._program = file, place, table, program

    def step(self) -> PipelineStep:
        """The step, checked."""
        name, command, parent = self._command()
        known = _keys(command)
        given = {key: self._known(key, known, name) for key in self._table if key != _RUN}
        for key, parameter in given.items():
            if twin := next((one for one in given if given[one] is parameter and one != key), None):
                raise self._fault(twin, f"is the same option as {key}; give one of them")
        options = [word for key in given for word in self._option(key, given[key])]
        arguments = [word for key in given for word in self._argument(key, given[key])]
        step = PipelineStep(self._place + 1, name, tuple(arguments), tuple(options), {})
        values = self._parsed(command, step, parent, given)
        self._require_consistent(command, values)
        self._require_request(values, given)
        return replace(step, values=values)

    def _command(self) -> tuple[str, click.Command, click.Context]:
        """The command that the step runs, with its whole name and the context above it."""
        asked = self._table.get(_RUN)
        if not isinstance(asked, str) or not asked.split():
            raise self._fault(_RUN, 'must name the command of this step, as in run = "export"')
        found, context, parent = self._program.command, self._program, self._program
        for word in asked.split():
            known = [one for one in _names(context) if one not in _NO_STEPS]
            inner = found.get_command(context, word) if isinstance(found, click.Group) else None
            if inner is None or word not in known:
                raise self._fault(_RUN, f"no step can run {asked!r}{_hint(word, known)}")
            found, parent = inner, context
            context = click.Context(found, parent=parent, info_name=word)
        if isinstance(found, click.Group):
            below = [f"{asked} {one}" for one in _names(context)]
            raise self._fault(_RUN, f"{asked!r} is a group of commands{_hint(asked, below)}")
        return " ".join(asked.split()), found, parent

    def _known(self, key: str, known: _Parameters, name: str) -> click.Parameter:
        if key not in known:
            usual = [one for one, parameter in known.items() if parameter.name not in _OUTPUT]
            raise self._fault(key, f"unknown option of {name}{_hint(key, usual)}")
        if known[key].name in _OUTPUT:
            raise self._fault(key, f"is an option of the whole run; pass it there: edgewise run --{key}")
        return known[key]

    def _argument(self, key: str, argument: click.Parameter) -> list[str]:
        if isinstance(argument, click.Option):
            return []
        return self._texts(key, argument, several=argument.nargs != 1)

    def _option(self, key: str, option: click.Parameter) -> Iterator[str]:
        if not isinstance(option, click.Option):
            return
        value = self._table[key]
        if not option.is_flag:
            for text in self._texts(key, option, several=option.multiple):
                yield from (_long(option.opts), text)
        elif not isinstance(value, bool):
            raise self._fault(key, f"must be true or false, not {_shown(value)}")
        elif value or option.secondary_opts:
            yield _long(option.opts if value else option.secondary_opts)

    def _texts(self, key: str, parameter: click.Parameter, *, several: bool) -> list[str]:
        """A value as words; a list is one word where the type has a separator."""
        value, separator = self._table[key], getattr(parameter.type, "separator", None)
        if value == [] or (isinstance(value, list) and not several and separator is None):
            raise self._fault(key, f"must be one value, not {_shown(value)}")
        texts = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) or not isinstance(one, str | int | float):
                raise self._fault(key, f"must be text or a number, not {_shown(one)}")
            texts.append(str(one))
        return texts if several or separator is None else [separator.join(texts)]

    def _parsed(
        self, command: click.Command, step: PipelineStep, parent: click.Context, given: _Parameters
    ) -> dict[str, Any]:
        """The values of all parameters, as the command itself reads its words."""
        try:
            words = step.words()[len(step.name.split()) :]
            return command.make_context(command.name, [*words], parent=parent).params
        except click.BadParameter as error:  # a missing one is of this kind, too
            key = next((key for key, one in given.items() if one is error.param), None)
            if key is None and error.param is not None:
                missing = next(key for key, one in _keys(command).items() if one is error.param)
                raise self._fault(missing, "is missing; this step needs it") from error
            raise self._fault(key or _RUN, error.message) from error
        except click.UsageError as error:
            raise self._fault(_RUN, error.message) from error

    def _require_consistent(self, command: click.Command, values: dict[str, Any]) -> None:
        """Check what the command checks about its values before it runs."""
        if isinstance(command, GroupedCommand) and command.check is not None:
            try:
                command.check(values)
            except UsageError as error:
                raise self._fault(_RUN, str(error)) from error

    def _require_request(self, values: dict[str, Any], given: _Parameters) -> None:
        """Check the names and the combination of a conversion's options, which `click` leaves to the job."""
        if not {"to", "precision", "io"} <= values.keys():
            return
        from ..pipeline.request import ConvertRequest

        known = {field.name for field in fields(ConvertRequest)} - {"model"}

        def fault(names: set[str]) -> str | None:
            try:
                ConvertRequest(model=_STEPS, **{name: values[name] for name in names})
            except UsageError as error:
                return str(error)
            return None

        if told := fault(known & values.keys()):
            alone = (key for key, one in given.items() if one.name in known and fault({one.name}) == told)
            raise self._fault(next(alone, _RUN), told)

    def _fault(self, key: str, told: str) -> UsageError:
        return _fault(self._file, (_STEPS, self._place, key), told)


def _keys(command: click.Command) -> _Parameters:
    """The parameters of a command by each key that names one."""
    found: _Parameters = {}
    for parameter in command.params:
        long = [name[2:] for name in parameter.opts if name.startswith("--")]
        for key in long if isinstance(parameter, click.Option) else [parameter.name or ""]:
            found[key] = parameter
    return found


def _names(context: click.Context) -> list[str]:
    return context.command.list_commands(context) if isinstance(context.command, click.Group) else []


def _long(names: Sequence[str]) -> str:
    return next(name for name in names if name.startswith("--"))


def _hint(asked: str, known: Sequence[str]) -> str:
    near = get_close_matches(asked, known, 1)
    if not known:
        return ""
    return f"; did you mean {near[0]}?" if near else f"; choose from {', '.join(known)}"


def _shown(value: Any) -> str:
    """A value of TOML in words."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"the text {value!r}"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "a table"
    return str(value)


def _fault(file: TomlFile, path: tuple[str | int, ...], told: str) -> UsageError:
    return UsageError(f"{file.path}:{file.line(*path)}: {path[-1]}: {told}")
