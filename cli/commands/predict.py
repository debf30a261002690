"""`edgewise predict`: classify pictures with a bundle. Needs no torch."""

from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...models.errors import EdgewiseError, UsageError
from ..groups import GroupedCommand
from ..options import output

if TYPE_CHECKING:
    from ...runtime.classifier import Answer, Classifier
    from ..terminal import Terminal


def _require_source(values: dict[str, Any]) -> None:
    """Raise a `UsageError` unless there are pictures or a camera, and a document that can end."""
    images, camera = values["images"], values["camera"]
    if not images and camera is None:
        raise UsageError("there is nothing to classify; pass pictures, or --camera")
    if images and camera is not None:
        raise UsageError("pictures and --camera exclude each other; omit one of them")
    if not values["frames"] and values["as_json"]:
        raise UsageError("--frames 0 with --json: one document cannot go on; pass the number of frames")


@click.command(cls=GroupedCommand, check=_require_source, short_help="Classify pictures with a bundle.")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--camera",
    is_flag=False,
    flag_value="0",
    metavar="[INDEX|FILE]",
    help="Classify what a camera sees, by its index, 0 without one; a device or a video file works as well. "
    "Needs OpenCV, or picamera2 on a Raspberry Pi.",
)
@click.option(
    "--frames",
    type=click.IntRange(min=0),
    metavar="N",
    default=1,
    help="Number of frames of the camera to classify; 0 goes on until Ctrl-C.",
)
@click.option(
    "-k", "--top", type=click.IntRange(min=1), metavar="N", default=5, help="Number of classes to show."
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", default=1, help="Threads of the engine.")
@output
def command(
    bundle: Path,
    images: tuple[Path, ...],
    camera: str | None,
    frames: int,
    top: int,
    threads: int,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Classify IMAGES with BUNDLE: show the most likely classes and their probabilities.

    IMAGES are files, and folders of which every picture is classified, those in folders below included; or
    a camera gives them.

    \b
    edgewise predict dist/mobilenetv2-tflite-w8a8 photo.jpg photos
    edgewise predict dist/mobilenetv2-tflite-w8a8 --camera --frames 0
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
        if camera is None:
            answered: Iterator[tuple[object, list[Answer]]] = _answered(classifier, images, top, screen)
        else:
            answered = _seen(classifier, camera, frames, top)
        endless = camera is not None and not frames  # where Ctrl-C is how it ends
        with suppress(KeyboardInterrupt) if endless else nullcontext():
            for image, answers in answered:
                screen.results.print(printable(str(image)), markup=False)
                for answer in answers:
                    screen.results.print(f"  {100 * answer.probability:6.2f} %  {answer.label}", markup=False)
                if not endless:
                    told = [answer.to_json() for answer in answers]
                    predictions.append({"image": str(image), "answers": told})
        screen.finish(document("prediction", bundle=str(bundle), predictions=predictions))


def _seen(
    classifier: "Classifier", camera: str, count: int, top: int
) -> Iterator[tuple[str, "list[Answer]"]]:
    """So many frames of a camera, by their numbers, with their answers; 0 goes on until Ctrl-C."""
    from ...runtime.camera import frames

    with closing(frames(camera)) as found:
        for number, frame in enumerate(islice(found, count or None), 1):
            yield f"camera {camera}, frame {number}", classifier.predict(frame, top)[0]


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
