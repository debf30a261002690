"""What every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# A busy machine is no failing test; in CI the same examples are drawn each time.
settings.register_profile("edgewise", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("edgewise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for the real data, so that `-m "not realdata"` leaves none of it."""
    for item in items:
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realdata)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with photographs and weights that the repository does not hold.

    It is EDGEWISE_REALDATA, which must then be there, or `shared` beside the repository, which may be absent.
    """
    named = os.environ.get("EDGEWISE_REALDATA")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        report = pytest.fail if named else pytest.skip
        report(f"no real data: {folder / 'data'} is no folder; name the one above it in EDGEWISE_REALDATA")
    return folder
