"""Options that say the same as the library, without loading it."""

from edgewise.cli.options import INTERPOLATIONS
from edgewise.models.spec import FILTERS


def test_every_filter_can_be_chosen() -> None:
    assert tuple(FILTERS) == INTERPOLATIONS
