"""An accelerator that was asked for runs the whole model, or there is no figure."""

from typing import Literal, TypeAlias

from ...models.errors import EdgewiseError
from .record import BenchedModel, Engine

Accelerator: TypeAlias = Literal["cpu", "xnnpack", "gpu"]

ACCELERATORS: tuple[Accelerator, ...] = ("cpu", "xnnpack", "gpu")
# LiteRT compiles a model for the GPU alone, whole or not at all, and counts no operators.
_WHOLE_OR_NOT = {"gpu"}


def require_delegate(asked: Accelerator, model: BenchedModel, engine: Engine) -> None:
    """Refuse a model that something else than `asked` runs in part; `cpu` is the engine's own choice.

    Raises:
        EdgewiseError: another delegate runs it, or not the whole of it, or nobody knows how much.
    """
    if asked == "cpu":
        return
    told, found = f"{model.title} ({model.part})", engine.delegate or "no delegate"
    elsewhere = "measure what the engine makes of it with --accelerator cpu"
    if found.lower() != asked:
        raise EdgewiseError(f"{told}: {found} ran it, not {asked.upper()}; {elsewhere}")
    if asked in _WHOLE_OR_NOT:
        return
    whole, taken = engine.operators, engine.delegated
    if whole is None or taken is None:
        raise EdgewiseError(
            f"{told}: {found} ran it, but the device does not show how many operators; {elsewhere}"
        )
    if taken < whole:
        raise EdgewiseError(
            f"{told}: {found} ran {taken} of {whole} operators, and the CPU's own kernels the others; "
            f"{elsewhere}"
        )
