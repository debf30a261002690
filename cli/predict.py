"""`edgewise predict`: what a bundle says of pictures. Needs no torch."""

import json
from pathlib import Path
from typing import Any

import click


@click.command(short_help="Classify pictures with a bundle.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "-k", "--top", type=click.IntRange(min=1), default=5, help="How many answers.", show_default=True
)
@click.option("--threads", type=click.IntRange(min=1), default=1, help="Threads.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
def command(bundle: Path, images: tuple[Path, ...], top: int, threads: int, *, as_json: bool) -> None:
    """Classify IMAGES with BUNDLE: the likeliest classes and their probabilities."""
    from ..models.images import read_image
    from ..runtime import open_session
    from ..runtime.bundle import Bundle
    from ..runtime.judge.stats import softmax, top_k
    from ._terminal import terminal

    opened = Bundle.open(bundle)
    labels = opened.spec.labels
    results: list[dict[str, Any]] = []
    with terminal():
        session = open_session(opened.model, opened.target, threads)
        for image in images:
            logits = session(opened.spec.preprocess(read_image(image))[None])[0]
            probabilities = softmax(logits)
            answers = [
                {
                    "class": int(index),
                    "label": labels.names[index],
                    "probability": float(probabilities[index]),
                }
                for index in top_k(logits, top)
            ]
            results.append({"image": str(image), "answers": answers})
    if as_json:
        click.echo(json.dumps(results, indent=2))
        return
    for result in results:
        click.echo(result["image"])
        for answer in result["answers"]:
            click.echo(f"  {100 * answer['probability']:6.2f} %  {answer['label']}")
