"""The file of `edgewise sweep --config`: networks with their settings, in TOML.

    to = ["tflite", "onnx"]
    calib = "photos"

    [[networks]]
    names = ["mobilenetv2"]
    weights = "mobilenet_v2.pth"

What stands above the first table holds for all networks. A network that several tables name has the settings
of the last one. Paths start from the folder of the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.errors import UsageError
from ..pipeline.sweep.plan import PATHS, SETTINGS, SweptNetwork, swept
from .toml_file import TomlFile

_NETWORKS, _NAMES = "networks", "names"


def read_networks(source: Path, given: Mapping[str, Any]) -> list[SweptNetwork]:
    """The networks of a file; `given` are settings of the command line, which come first.

    Raises:
        UsageError: something in the file is not what a sweep takes; the message has its line.
    """
    file = TomlFile.read(source)
    tables = file.values.get(_NETWORKS, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _fault(file, (_NETWORKS,), "must be tables; begin each with [[networks]]")
    common = _settings(file, (), file.values)
    found: list[SweptNetwork] = []
    if _NAMES in file.values:
        found = _swept(file, (), file.values, {**common, **given})
    for place, table in enumerate(tables):
        own = _settings(file, (_NETWORKS, place), table)
        networks = _swept(file, (_NETWORKS, place), table, {**common, **own, **given})
        again = {network.name for network in networks}
        found = [network for network in found if network.name not in again] + networks
    if not found:
        raise _fault(file, (_NETWORKS,), 'there are none; add [[networks]] and names = ["mobilenetv2"]')
    return found


def _settings(file: TomlFile, path: tuple[str | int, ...], table: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a table, each checked by itself."""
    found = {}
    for key, value in table.items():
        if key in (_NAMES, _NETWORKS):
            continue
        if key not in SETTINGS:
            raise _fault(file, (*path, key), f"unknown setting; choose from {', '.join(SETTINGS)}")
        try:
            SETTINGS[key](value, key)
        except UsageError as error:
            raise _fault(file, (*path, key), str(error).removeprefix(f"{key}: ")) from error
        found[key] = _placed(file, value) if key in PATHS else value
    return found


def _swept(
    file: TomlFile, path: tuple[str | int, ...], table: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[SweptNetwork]:
    names = table.get(_NAMES)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _fault(file, (*path, _NAMES), 'must be a list of texts, as ["mobilenetv2", "resnet*"]')
    try:
        return swept([_named(file, name) for name in names], settings)
    except UsageError as error:
        raise _fault(file, (*path, _NAMES), str(error)) from error


def _named(file: TomlFile, name: str) -> str:
    network, equals, weights = name.partition("=")
    return f"{_placed(file, network)}={_placed(file, weights)}" if equals else _placed(file, name)


def _placed(file: TomlFile, value: str) -> str:
    """A path as it is from here, where there is such a file beside the other one; any other text as it is."""
    path, colon, factory = value.rpartition(":")
    name = path if colon and path.endswith(".py") else value
    near = file.path.parent / name
    if not any(letter in name for letter in "*?[") and not near.exists():
        return value
    if any(letter in name for letter in "*?[") and "/" not in name:
        return value  # a glob over the zoo
    return f"{near}{colon}{factory}" if name != value else str(near)


def _fault(file: TomlFile, path: tuple[str | int, ...], told: str) -> UsageError:
    return UsageError(f"{file.path}:{file.line(*path)}: {path[-1]}: {told}")
