"""`edgewise compare`: the cross-runtime parity matrix, PyTorch against every file, each against each."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..models.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.contenders import ComparedFile
    from ..runtime import Session
    from ..runtime.judge.matrix import ComparedPair
    from ..runtime.judge.stats import Accuracy


@click.command(short_help="Compare PyTorch and the files of bundles, each with each.")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--torch/--no-torch",
    default=None,
    help="Insist on PyTorch's network, or leave it out.  [default: where it can be loaded]",
)
@click.option("--weights", type=click.Path(path_type=Path), help="The file that the bundles were made from.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Labelled folders to compare with; gives accuracies too."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=400,
    help="How many pictures at most.",
    show_default=True,
)
@click.option("--threads", type=click.IntRange(min=1), default=2, help="Threads.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(
    bundles: tuple[Path, ...],
    torch: bool | None,
    weights: Path | None,
    data: Path | None,
    count: int,
    threads: int,
    *,
    as_json: bool,
    verbose: bool,
) -> None:
    """Compare the models and float twins of BUNDLES, and the network in PyTorch, on the same pictures.

    Of each pair: the largest difference of a logit, absolute and relative, how often the first answers agree,
    SQNR and cosine. Pictures are --data, or those that `edgewise verify` takes.
    """
    from ..pipeline.contenders import contenders, one_network, original, thinned
    from ..pipeline.progress import Journal
    from ..runtime import machine, open_session
    from ..runtime.bundle import Bundle
    from ..runtime.judge import evaluation
    from ..runtime.judge.matrix import matrix
    from ..runtime.judge.stats import accuracy
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        opened = [Bundle.open(folder) for folder in bundles]
        spec = one_network(opened)
        files = contenders(opened)
        pictures = thinned(evaluation.choose(spec, data, count, photos=(), seed=0), count)
        for bundle in opened:
            evaluation.refuse_overlap(pictures, (bundle.calibration or {}).get("files", ()))
        sessions: dict[str, Session] = original(opened, torch, weights, Journal(screen))
        if len(sessions) + len(files) == 1:
            raise UsageError(f"there is only one model, {files[0].name}: name another bundle, or --weights")
        sessions |= {file.name: open_session(file.path, file.target, threads) for file in files}
        with screen.stage(f"Compare on {pictures.count} pictures") as progress:
            answers = evaluation.answers([*sessions.values()], pictures, spec.preprocess, progress)
        labels = answers.labels
        accuracies = {
            name: None if labels is None else accuracy(logits, labels)
            for name, logits in zip(sessions, answers.logits, strict=True)
        }
        pairs = matrix([*sessions], answers.logits)
        if answers.skipped:
            screen.notice(f"{answers.skipped} pictures could not be read and were left out")
        _show(screen.console, pairs, accuracies, pictures.description)
        document = {
            "pictures": pictures.description,
            "count": len(answers.indices),
            "skipped": answers.skipped,
            "isa": machine.isa(),
            "notices": screen.notices,
            "models": _models(files, accuracies),
            "pairs": [asdict(pair) for pair in pairs],
        }
    if as_json:
        click.echo(json.dumps(document, indent=2))


def _models(files: "list[ComparedFile]", accuracies: "dict[str, Accuracy | None]") -> list[dict[str, Any]]:
    """What was compared, for the JSON document."""
    by_name = {file.name: file for file in files}
    return [
        {
            "name": name,
            "path": str(by_name[name].path) if name in by_name else None,
            "accuracy": asdict(found) if found else None,
        }
        for name, found in accuracies.items()
    ]


def _show(
    console: "Console", pairs: "list[ComparedPair]", accuracies: "dict[str, Accuracy | None]", pictures: str
) -> None:
    from rich.markup import escape

    from ._terminal import table

    shown = table("", "against", "max diff", "relative", "top-1", "SQNR", "cosine", left=2)
    for before, pair in zip([None, *pairs], pairs, strict=False):
        first = before is None or before.reference != pair.reference
        if before and first:
            shown.add_row()
        shown.add_row(
            f"[bold]{escape(pair.reference)}[/]" if first else "",
            escape(pair.candidate),
            f"{pair.max_abs:.1e}",
            f"{pair.max_rel:.1e}",
            f"{100 * pair.top1:.1f} %",
            f"{pair.sqnr_db:.1f} dB" if pair.max_abs else "equal",
            f"{pair.cosine:.5f}",
        )
    console.print()
    console.print(shown)
    console.print()
    for name, found in accuracies.items():
        if found:
            low, high = found.top1_interval.low, found.top1_interval.high
            console.print(
                f"{name}: top-1 {100 * found.top1:.2f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})",
                markup=False,
            )
    line = f"each line: the second model against the first, on {pairs[0].count} pictures: {pictures}"
    console.print(line, style="dim", markup=False)
