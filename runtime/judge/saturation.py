"""For which processors a verdict holds: INT8 products may saturate on x86 without VNNI.

There, ONNX Runtime and OpenVINO add pairs of products in 16 bits. Which layers of a file can exceed these
follows from its weights alone (`export/pairs.py`), so nothing is left to how often calibration pictures
happen to do so. A file without such layers gives the same answers on every processor, up to the order of
float operations; any other is judged by the arithmetic of the processors that it is for.
"""

from collections.abc import Sequence

from ...models.errors import EdgewiseError
from ..bundle import Bundle
from ..processors import Processor, listed, without_pairs
from ..structure import Structure


def needs_exact(structure: Structure, wanted: Sequence[Processor]) -> bool:
    """Whether this machine would saturate where none of the processors `wanted` does."""
    return bool(structure.overflow) and Processor.host().adds_pairs and wanted == without_pairs(wanted)


def scope(structure: Structure, *, exact: bool) -> tuple[Processor, ...]:
    """The processors that compute as this machine does, or as `exact` arithmetic does on it."""
    if not structure.overflow:
        return tuple(Processor)
    if exact or not Processor.host().adds_pairs:
        return without_pairs()
    return (Processor.X86_AVX2,)


def explain(structure: Structure) -> str:
    """What can exceed 16 bits, in one sentence without an end."""
    layers = structure.overflow
    known = [layer.pairs for layer in layers if layer.pairs is not None]
    count = f"{sum(known):,} pairs of INT8 products" if known else "pairs of INT8 products"
    most, plural = max(layers, key=lambda layer: layer.pairs or 0), "s" * (len(layers) != 1)
    return (
        f"{count} in {len(layers)} layer{plural} (most in {most.layer}) can exceed 16 bits, "
        f"which saturate on {Processor.X86_AVX2.words}"
    )


def unfit_here(bundle: Bundle) -> str | None:
    """Why the verdict of `bundle` does not hold on this machine's processor; None if it does, or is unknown.

    Raises:
        EdgewiseError: the manifest's section about processors is damaged.
    """
    section = bundle.manifest.get("processors")
    if section is None:
        return None
    try:
        judged = [Processor(name) for name in section["verdict_holds_for"]]
    except (TypeError, KeyError, ValueError) as error:
        raise EdgewiseError(
            f"{bundle.folder}: the manifest's processors are {section!r}; export the bundle again"
        ) from error
    host = Processor.host()
    if host in judged or not judged:
        return None
    return (
        f"the file is not made for this processor ({host.words}): its verdict holds for {listed(judged)}, "
        f"and {Processor.X86_AVX2.words} computes it differently; export with --for any for a file that is "
        "the same everywhere"
    )
