"""The main job with all that is to be said of it, whether it ends well or at a gate."""

from ..models.weights import Model
from ..pipeline.convert import Conversion, ConvertRequest, GateError, run
from ..pipeline.progress import Journal
from ._report import show_layers, show_outcome, show_recovery
from ._terminal import Terminal


def reported(request: ConvertRequest, screen: Terminal, model: Model | None = None) -> Conversion:
    """Run the pipeline and show its outcome; where the accuracy gate fails, what was lost and tried."""
    try:
        outcome = run(request, Journal(screen), model)
    except GateError as error:
        show_layers(screen.console, error.layers)
        show_recovery(screen.console, error.recovery)
        raise
    show_outcome(screen.console, outcome)
    return outcome
