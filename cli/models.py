"""`edgewise models`: the networks that can be exported, and what each of them costs."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..models.errors import UsageError

if TYPE_CHECKING:
    from ..models.zoo import Architecture
    from ._counted import Counted

_CLASSES = 1000  # of ImageNet


@click.command(short_help="List the networks, or count what one costs.")
@click.argument("name", required=False)
@click.option("--imgsz", type=click.IntRange(min=1), help="Count for pictures of that many pixels a side.")
@click.option(
    "--classes", type=click.IntRange(min=1), help=f"Count with that many classes, instead of {_CLASSES}."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
def command(name: str | None, imgsz: int | None, classes: int | None, *, as_json: bool) -> None:
    """List the networks with their published figures, or count parameters and MACs of the one called NAME.

    NAME is one of the list, torchvision:NAME or timm:NAME for any network of these libraries, or
    path/net.py:factory for one of your own. What is counted stands beside what was published, by type of
    layer, and with what depthwise separable convolution saves.
    """
    from ..models.zoo import architectures, find
    from ._counted import lines, listing

    if name is not None:
        counted = _count(find(name), imgsz, classes or _CLASSES, quiet=as_json)
        click.echo(json.dumps(counted.to_json(), indent=2) if as_json else "\n".join(lines(counted)))
    elif imgsz or classes:
        raise UsageError("--imgsz and --classes count one network: say which, as edgewise models mobilenetv2")
    elif as_json:
        click.echo(json.dumps([asdict(row) for row in architectures()], indent=2))
    else:
        click.echo(listing(architectures()))


def _count(row: "Architecture", imgsz: int | None, classes: int, *, quiet: bool) -> "Counted":
    from ..models.complexity import complexity, with_auxiliary_heads
    from ..models.zoo import preprocess, published, skeleton
    from ._counted import Counted
    from ._terminal import terminal

    with terminal(quiet=quiet) as screen, screen.stage(f"Count {row.title}"):
        network = skeleton(row, classes)
        weights = published(row)
        return Counted(
            row,
            complexity(network, imgsz or row.size),
            with_auxiliary_heads(row, network, classes),
            weights.description if weights else None,
            weights.preprocess if weights else preprocess(row),
        )
