"""Accepted spellings, and suggestions for the others."""

import pytest

from edgewise.models.errors import UsageError
from edgewise.models.libraries.names import fold, pick

NAMED = {"vitb16": 1, "ViT-B/16 for short": 1, "resnet18": 2, "resnet-34": 3}


@pytest.mark.parametrize("name", ["ViT-B/16", "vit_b_16", " VIT b 16", "vitb16"])
def test_case_and_separators_are_ignored(name: str) -> None:
    assert fold(name) == "vitb16"
    assert pick(name, NAMED, "model", "") == 1


def test_an_exact_name_wins() -> None:
    assert pick("a-b", {"ab": 1, "a-b": 2}, "model", "") == 2


def test_the_closest_are_suggested_by_their_usual_names() -> None:
    with pytest.raises(
        UsageError, match=r"^no model is called 'resnet_3'; did you mean resnet-34, resnet18\?$"
    ):
        pick("resnet_3", NAMED, "model", "")
    with pytest.raises(UsageError, match=r"did you mean vitb16\?$"):
        pick("vitb16forshot", NAMED, "model", "")


@pytest.mark.parametrize("name", ["", "---", "zzz"])
def test_without_a_close_match_the_other_hint_is_shown(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^no model is called '{name}'; look there$"):
        pick(name, NAMED, "model", "look there")
