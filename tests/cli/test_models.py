"""The list of networks."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from edgewise.models.zoo import architectures, find

Run = Callable[..., Any]


def test_each_network_has_a_line(edgewise: Run) -> None:
    ended = edgewise("models")
    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [row.name for row in architectures()]


def test_one_network_by_any_spelling(edgewise: Run) -> None:
    (line,) = edgewise("models", "MobileNet-V2").stdout.splitlines()
    for word in ("mobilenetv2 ", "3.5 M parameters", "0.30 GMACs", "72.0 %", "2018", "arXiv 1801.04381"):
        assert word in line


def test_json_has_every_field(edgewise: Run) -> None:
    assert edgewise("models", "--json").document == [asdict(row) for row in architectures()]
    assert json.loads(edgewise("models", "mobilenetv2", "--json").stdout) == [asdict(find("mobilenetv2"))]


def test_an_unknown_one_is_refused_with_the_nearest(edgewise: Run) -> None:
    ended = edgewise("models", "mobilnet_v2")
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.complaint.startswith("edgewise: no model is called 'mobilnet_v2'; did you mean mobilenetv2")
