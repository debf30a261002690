"""Options that several commands share."""

from collections.abc import Callable
from typing import Any

import click

_GATES = (
    click.option(
        "--max-drop",
        type=click.FloatRange(0, 100),
        default=1.0,
        help="Largest loss of top-1 accuracy, in percentage points.",
        show_default=True,
    ),
    click.option(
        "--min-agreement",
        type=click.FloatRange(0, 1),
        default=0.75,
        help="Smallest top-1 agreement with the float model, where there are no labels.",
        show_default=True,
    ),
    click.option("--strict", is_flag=True, help="Fail also where the pictures are too few to decide."),
)


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the accuracy gate."""
    for option in reversed(_GATES):
        command = option(command)
    return command
