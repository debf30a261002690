"""`edgewise predict`: classify pictures with a bundle. Needs no torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...models.errors import EdgewiseError, UsageError
from ..options import output

if TYPE_CHECKING:
    from ...runtime.classifier import Answer, Classifier
    from ..terminal import Terminal


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
    """Classify IMAGES with BUNDLE: show the most likely classes and their probabilities.

    IMAGES are files, and folders of which every picture is classified, those in folders below included.
    """
    from ..terminal import terminal

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        with screen.starting():
            from ...models.printable import printable
            from ...pipeline.document import document
            from ...runtime.classifier import open_bundle

            classifier = open_bundle(bundle, threads)
        for notice in filter(None, [classifier.notice]):
            screen.notice(notice)
        predictions = []
        for image, answers in _answered(classifier, images, top, screen):
            screen.results.print(printable(str(image)), markup=False)
            for answer in answers:
                screen.results.print(f"  {100 * answer.probability:6.2f} %  {answer.label}", markup=False)
            predictions.append({"image": str(image), "answers": [answer.to_json() for answer in answers]})
        screen.finish(document("prediction", bundle=str(bundle), predictions=predictions))


def _answered(
    classifier: "Classifier", images: tuple[Path, ...], top: int, screen: "Terminal"
) -> Iterator[tuple[Path, "list[Answer]"]]:
    """Each picture with its answers; what cannot be read in a folder is left out with a notice.

    Raises:
        UsageError: a folder has no pictures, or none of them can be read.
        EdgewiseError: a file that was named cannot be read.
    """
    from ...models.images import look

    for image in images:
        if not image.is_dir():
            yield image, classifier.predict(image, top)[0]
            continue
        found, readable = look(image), 0
        for notice in filter(None, [found.notice(image)]):
            screen.notice(notice)
        for picture in found.pictures:
            try:
                (answers,) = classifier.predict(picture, top)
            except EdgewiseError as error:
                screen.notice(f"left out: {error}")
            else:
                readable += 1
                yield picture, answers
        if not readable:
            raise UsageError(
                f"{image}: none of {len(found.pictures)} pictures can be read; choose another folder"
            )
