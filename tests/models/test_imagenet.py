"""The ImageNet classes."""

import re
import sys
from pathlib import Path

import pytest

from edgewise.models.errors import MissingDependencyError
from edgewise.models.imagenet import labels


def test_the_1000_ids_are_in_output_order() -> None:
    found = labels()
    assert len(found.ids) == len(set(found.names)) == 1000
    assert list(found.ids) == sorted(set(found.ids))  # the order of ILSVRC 2012
    assert all(re.fullmatch(r"n\d{8}", identity) for identity in found.ids)
    places = {
        "n01440764": "tench",
        "n02012849": "crane bird",
        "n03126707": "crane",
        "n15075141": "toilet tissue",
    }
    assert {identity: found.names[found.ids.index(identity)] for identity in places} == places


def test_ids_and_names_match_the_imagenet_sample(realdata: Path) -> None:
    found = labels()
    lines = (realdata / "data" / "imagenet-sample" / "classes.txt").read_text().splitlines()
    different = {
        (f"{identity} {name}", line)
        for identity, name, line in zip(found.ids, found.names, lines, strict=True)
        if f"{identity} {name}" != line
    }
    assert different == {  # torchvision distinguishes the two cranes and the two maillots
        ("n02012849 crane bird", "n02012849 crane"),
        ("n03710721 maillot tank suit", "n03710721 maillot"),
    }


def test_without_torchvision_the_error_names_the_requirement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(MissingDependencyError, match=r"needs torchvision, .* pip install 'torchvision[<>]"):
        labels()
