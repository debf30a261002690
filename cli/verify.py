"""`edgewise verify`: prove a bundle again, on this machine. Needs no torch."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import limits

if TYPE_CHECKING:
    from ..runtime.bundle import Bundle
    from ..runtime.judge.golden import GoldenCheck
    from ..runtime.judge.verdict import Limits, Verification
    from ._terminal import Terminal

_GENERATED = 1200


@click.command(short_help="Prove a bundle again, on this machine.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Labelled folders to measure the accuracy drop with."
)
@limits
@click.option("--threads", type=click.IntRange(min=1), default=2, help="Threads.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries say.")
def command(
    bundle: Path, data: Path | None, threads: int, *, as_json: bool, verbose: bool, **gates: Any
) -> None:
    """Check BUNDLE's files, run its golden sample, and compare it with the float twin that it carries.

    Accuracy is judged by --data, or by the generated set where the bundle has the bundled weights; without
    labels, by agreement on generated pictures. Exit codes are those of export.
    """
    from ..runtime.bundle import Bundle
    from ..runtime.judge.verdict import Limits
    from ._report import show_check
    from ._terminal import terminal

    with terminal(verbose=verbose, quiet=as_json) as screen:
        opened = Bundle.open(bundle)
        check, verification = _verify(opened, data, Limits(**gates), threads, screen)
        show_check(screen.console, opened, check, verification)
        document = {
            "bundle": str(bundle),
            "golden": asdict(check),
            "verification": verification.to_json() if verification else None,
        }
    if as_json:
        click.echo(json.dumps(document, indent=2))
    if verification:
        verification.require()


def _verify(
    bundle: "Bundle", data: Path | None, gates: "Limits", threads: int, screen: "Terminal"
) -> "tuple[GoldenCheck, Verification | None]":
    from ..runtime import open_session
    from ..runtime.judge import evaluation
    from ..runtime.judge.golden import check
    from ..runtime.judge.verdict import judge

    session = open_session(bundle.model, bundle.target, threads)
    with screen.stage("Run the golden sample"):
        golden = check(bundle, session)
    if bundle.reference is None and data is None:
        return golden, None
    exact = open_session(bundle.reference or bundle.model, bundle.target, threads)
    pictures = evaluation.choose(bundle.spec, data, _GENERATED, photos=(), seed=0)
    evaluation.refuse_overlap(pictures, (bundle.calibration or {}).get("files", ()))
    with screen.stage(f"Judge by {pictures.count} pictures") as progress:
        answers = evaluation.answers([exact, session], pictures, bundle.spec.preprocess, progress)
    return golden, judge(answers, pictures, gates)
