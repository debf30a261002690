"""`edgewise predict`: classify pictures with a bundle. Needs no torch."""

from pathlib import Path

import click

from ..options import output


@click.command(short_help="Classify pictures with a bundle.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "-k", "--top", type=click.IntRange(min=1), metavar="N", default=5, help="Number of classes to show."
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", default=1, help="Threads of the engine.")
@output
def command(
    bundle: Path,
    images: tuple[Path, ...],
    top: int,
    threads: int,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Classify IMAGES with BUNDLE: show the most likely classes and their probabilities."""
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...pipeline.document import document
            from ...runtime.classifier import open_bundle

            classifier = open_bundle(bundle, threads)
        predictions = []
        for image in images:
            (answers,) = classifier.predict(image, top)
            screen.results.print(image, markup=False)
            for answer in answers:
                screen.results.print(f"  {100 * answer.probability:6.2f} %  {answer.label}", markup=False)
            predictions.append({"image": str(image), "answers": [answer.to_json() for answer in answers]})
        screen.finish(document("prediction", bundle=str(bundle), predictions=predictions))
