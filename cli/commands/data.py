"""`edgewise data`: labelled pictures as a training would see them, and generated ones to write."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import UsageError
from ..options import output

if TYPE_CHECKING:
    from rich.table import Table

    from ...models.data import Dataset
    from ..progress import Stage
    from ..terminal import Terminal

_SHOWN = 10  # corrupt files on the screen; --json has them all


@click.group(short_help="Look at labelled pictures, or generate some.")
def command() -> None:
    """Look at labelled pictures as `edgewise train` sees them, or generate some to try it on."""


@command.command("make")
@click.argument("kind", metavar="shapes", type=click.Choice(["shapes"]))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--count", type=click.IntRange(min=12), metavar="N", default=24_000, help="Number of training pictures."
)
@click.option(
    "--val-count",
    type=click.IntRange(min=12),
    metavar="N",
    default=4_800,
    help="Number of validation pictures.",
)
@click.option(
    "--size", type=click.IntRange(8, 1024), metavar="PIXELS", default=96, help="Side of each picture."
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Seed; each gives other pictures."
)
@output
def make(
    kind: str,
    folder: Path,
    count: int,
    val_count: int,
    size: int,
    seed: int,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write generated shapes to DIR/train/CLASS/*.png and DIR/val/CLASS/*.png, completely or not at all.

    By default these are the pictures that `edgewise train --data shapes` draws as it goes.
    """
    del kind
    from ...models.data import generated
    from ...pipeline.document import document
    from ...runtime.bundle.atomic import replacing_folder
    from ..terminal import terminal

    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder}: exists already; name a new or an empty folder")
    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        dataset = generated(size, count, val_count, seed)
        with screen.stage("Draw pictures") as progress, replacing_folder(folder) as beside:
            _write(dataset, beside, progress)
        written = f"{dataset.description}, {count:,} for training and {val_count:,} for validation"
        screen.results.print(f"{folder}: {written}", markup=False)
        screen.finish(
            document("data-made", folder=str(folder), train=count, val=val_count, size=size, seed=seed)
        )


def _write(dataset: "Dataset", folder: Path, progress: "Stage") -> None:
    from ...models.data.threads import in_threads

    names, parts = dataset.labels.names, {"train": dataset.train, "val": dataset.val}
    for part in parts:
        for name in names:
            (folder / part / name).mkdir(parents=True)

    def write(place: tuple[str, int]) -> None:
        part, index = place
        path = folder / part / names[parts[part].labels[index]] / f"{index:05}.png"
        parts[part].read(index).save(path, compress_level=1)

    places = [(part, index) for part, samples in parts.items() for index in range(len(samples))]
    in_threads(write, places, progress)


@command.command("show")
@click.argument("source", metavar="DIR|shapes")
@click.option(
    "--val-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="FRACTION",
    default=0.1,
    help="Fraction of each class to validate with, where DIR has no val/.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Seed for choosing that fraction."
)
@output
def show(source: str, val_share: float, seed: int, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Read every picture and count the pictures of each class, those that are converted, and corrupt ones.

    DIR contains a folder of pictures for each class, or train/ and val/ that contain such folders.
    """
    from ...models.data import open_dataset
    from ...pipeline.document import document
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.stage("Read the pictures") as progress:
            dataset = open_dataset(source, val_share=val_share, seed=seed, progress=progress)
        content = _content(dataset)
        _show(screen, dataset, content)
        screen.finish(document("data", **content))


def _content(dataset: "Dataset") -> dict[str, Any]:
    train, val = Counter(dataset.train.labels), Counter(dataset.val.labels)
    names = dataset.labels.names
    ids = dataset.labels.ids or (None,) * len(names)
    return {
        "description": dataset.description,
        "train": len(dataset.train),
        "val": len(dataset.val),
        "imbalance": max(train.values()) / min(train.values()),
        "classes": [
            {"name": name, "id": identity, "train": train[label], "val": val[label]}
            for label, (name, identity) in enumerate(zip(names, ids, strict=True))
        ],
        "kinds": dataset.kinds,
        "corrupt": dataset.corrupt,
        "notes": dataset.notes,
    }


def _show(screen: "Terminal", dataset: "Dataset", content: dict[str, Any]) -> None:
    from ...models.printable import printable

    screen.results.print(_counts(content))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in dataset.kinds.items())
    for line in (
        dataset.description,
        f"the largest class has {content['imbalance']:.1f} times as many pictures as the smallest",
        f"other than plain RGB: {kinds or 'none'}",
    ):
        screen.results.print(printable(line), markup=False)
    left_out = [f"left out: {line}" for line in dataset.corrupt]
    if len(left_out) > _SHOWN:
        left_out[_SHOWN:] = [f"left out: {len(left_out) - _SHOWN} more, which --json lists"]
    for line in (*dataset.notes, *left_out):
        screen.results.print(f"! {printable(line)}", style="bold yellow", markup=False)


def _counts(content: dict[str, Any]) -> "Table":
    from rich.markup import escape

    from ...models.printable import printable
    from ..terminal import table

    shown = table("class", "train", "val")
    for row in content["classes"]:
        name = " ".join(filter(None, (row["id"], row["name"])))
        shown.add_row(escape(printable(name)), f"{row['train']:,}", f"{row['val']:,}")
    shown.add_row("[dim]all[/]", f"{content['train']:,}", f"{content['val']:,}")
    return shown
