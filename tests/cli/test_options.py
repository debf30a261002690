"""Options that say the same as the library, without loading it."""

from edgewise.cli.options import EFFORTS, INTERPOLATIONS
from edgewise.models.spec import FILTERS
from edgewise.quantize import recipe


def test_every_filter_can_be_chosen() -> None:
    assert tuple(FILTERS) == INTERPOLATIONS


def test_every_effort_is_offered() -> None:
    assert recipe.EFFORTS == EFFORTS
