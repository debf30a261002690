"""From the options of an export to what the pipeline is asked for."""

from typing import TYPE_CHECKING, Any

from ..models.errors import UsageError

if TYPE_CHECKING:
    from ..pipeline.convert import ConvertRequest


def request_of(options: dict[str, Any]) -> "ConvertRequest":
    """The options of an export, its `name` and `weights` among them, as the pipeline wants them.

    Raises:
        UsageError: some contradict each other, or there is no such target.
    """
    from ..export import chosen
    from ..models.weights import Overrides
    from ..pipeline.convert import ConvertRequest
    from ..quantize.recipe import Recipe
    from ..runtime.bench.latency import SpeedLimits
    from ..runtime.judge.verdict import Limits

    targets = chosen(options.pop("targets"))
    int8, given = options.pop("int8"), options.pop("precisions")
    precisions = _precisions(int8=int8, given=given)
    recipe = Recipe(io=options.pop("io"), per_channel=not options.pop("per_tensor"))
    if recipe != Recipe() and "w8a8" not in precisions:
        raise UsageError("--io and --per-tensor are for INT8 models; add --int8")
    if recipe.io != "float32" and targets != ("tflite",):
        raise UsageError(f"--io {recipe.io} is for tflite alone; leave it out, or export --to tflite")
    if options["require_speedup"] is not None and precisions == ("fp32",):
        raise UsageError("--require-speedup compares a smaller model with float; add --int8 or a --precision")
    overrides = Overrides(**{key: options.pop(key) for key in ("mean", "std", "imgsz", "resize", "labels")})
    limits = Limits(**{key: options.pop(key) for key in ("max_drop", "min_agreement", "strict")})
    speed = SpeedLimits(options.pop("max_latency"), options.pop("require_speedup"))
    return ConvertRequest(
        targets=targets,
        precisions=precisions,
        form_is_open=int8 and given is None and recipe == Recipe(),
        recipe=recipe,
        overrides=overrides,
        limits=limits,
        speed=speed,
        **options,
    )


def _precisions(*, int8: bool, given: tuple[str, ...] | None) -> tuple[str, ...]:
    if int8 and given is not None and "w8a8" not in given:
        raise UsageError(f"--int8 is --precision w8a8, not {','.join(given)}; give one of them")
    return ("w8a8",) if int8 and given is None else given or ("fp32",)
