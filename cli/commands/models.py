"""`edgewise models`: the networks that can be exported, and what each of them costs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import UsageError
from ..choices import NameOrFile, networks
from ..groups import GroupedCommand, in_group
from ..options import SizeType, output

if TYPE_CHECKING:
    from ...models.sizes import Size
    from ...models.zoo import Architecture
    from ..views.models import Counted

_CLASSES = 1000  # of ImageNet
_count_options = in_group("Counting")


def _require_name(values: dict[str, Any]) -> None:
    if values["name"] is None and (values["imgsz"] or values["classes"]):
        raise UsageError("--imgsz and --classes are for one network: add its NAME, such as mobilenetv2")


@click.command(
    cls=GroupedCommand, check=_require_name, short_help="List the networks, or count what one costs."
)
@click.argument("name", required=False, type=NameOrFile("NAME", networks))
@_count_options(
    "--imgsz", type=SizeType(), metavar="PIXELS", help="Count for inputs of this side, or HEIGHTxWIDTH."
)
@_count_options(
    "--classes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Count with this number of classes.",
    show_default=str(_CLASSES),
)
@output
def command(
    name: str | None,
    imgsz: "Size | None",
    classes: int | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """List the networks with their published figures, or count the parameters and MACs of network NAME.

    NAME is one of the list, torchvision:NAME or timm:NAME for any network of these libraries, or
    path/net.py:factory for one of your own. Counts are shown next to the published figures and by type of
    layer, with what depthwise separable convolutions save.
    """
    from ...models.zoo import architectures, find
    from ...pipeline.document import document
    from ..terminal import terminal
    from ..views.models import lines, listing

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        if name is None:
            screen.results.print(listing(architectures()), markup=False)
            screen.finish(document("networks", networks=[asdict(row) for row in architectures()]))
        else:
            row = find(name)
            with screen.stage(f"Count {row.title}"):
                counted = _count(row, imgsz, classes or _CLASSES)
            for line in lines(counted):
                screen.results.print(line, markup=False)
            screen.finish(document("network", **counted.to_json()))


def _count(row: "Architecture", imgsz: "Size | None", classes: int) -> "Counted":
    from ...models.complexity import complexity, with_auxiliary_heads
    from ...models.weights.published import description
    from ...models.zoo import preprocess, published, skeleton
    from ..views.models import Counted

    network = skeleton(row, classes)
    weights = published(row)
    return Counted(
        row,
        complexity(network, imgsz or row.size),
        with_auxiliary_heads(row, network, classes),
        description(row),
        weights.preprocess if weights else preprocess(row),
    )
