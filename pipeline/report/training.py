"""The page of a training run: its curves, what it answers, and how it was trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...models.printable import printable
from ...models.training.recipe import TrainingRecipe
from ...models.training.run import Row, RunSoFar, best
from . import figures, learned, sections
from .fields import Fields
from .gallery import MOST
from .headline import percent
from .templates import filled

_MOST_CLASSES, _MOST_MISTAKES, _MOST_DRAWN, _MOST_EPOCHS = 40, 20, 24, 1000
_DEFAULTS = TrainingRecipe()


@dataclass(frozen=True, slots=True)
class TrainingHeadline:
    """What to say first: the kind of verdict, its title, and sentences."""

    verdict: str
    title: str
    sentence: str
    cost: str


def training_page(run: RunSoFar, thumbnails: Mapping[str, str], checkpoint: str | None = None) -> str:
    """The page as HTML; `thumbnails` are addresses of images by the names of pictures.

    Raises:
        MissingDependencyError: Jinja or matplotlib is not installed.
    """
    about, answers = Fields(run.description), run.answers
    found, mistakes, pictures = learned.classes(answers), learned.mistakes(answers), learned.worst(answers)
    return filled(
        "training.html.j2",
        name=about.text("name") or "unknown",
        headline=_headline(run),
        warnings=learned.warnings(answers),
        curves=figures.curves(run.rows),
        epochs=run.rows[:_MOST_EPOCHS],
        best=best(run.rows),
        classes=found[:_MOST_CLASSES],
        class_count=len(found),
        confusion=figures.confusion(*learned.confusion(answers, _MOST_DRAWN)) if answers else None,
        confusion_words=_about_confusion(len({row.label for row in answers})),
        mistakes=mistakes[:_MOST_MISTAKES],
        mistake_count=len(mistakes),
        gallery=[row for row in pictures[:MOST] if row.picture in thumbnails],
        wrong=len(pictures),
        thumbnails=thumbnails,
        how=[*_how(about, run.rows)],
        recipe=[*_recipe(about)],
        assumptions=sections.assumptions(_as_manifest(about)),
        checkpoint=checkpoint,
    )


def _headline(run: RunSoFar) -> TrainingHeadline:
    row, planned = best(run.rows), Fields(run.description).count("recipe", "epochs")
    minutes = sum(one["seconds"] for one in run.rows) / 60
    of = f" of {planned:,}" if planned and planned > len(run.rows) else ""
    cost = f"{len(run.rows):,}{of} epochs took {minutes:.1f} minutes."
    if not run.answers:
        top1 = percent(row["val_top1"])
        sentence = f"In epoch {row['epoch']:.0f}, the best, top-1 on the validation pictures is {top1}."
        return TrainingHeadline("unproven", "TRAINED", sentence, cost)
    found = learned.score(run.answers)
    low, high = 100 * found.interval.low, 100 * found.interval.high
    sentence = (
        f"The network of epoch {row['epoch']:.0f}, the best, answers {percent(found.top1)} of "
        f"{found.count:,} validation pictures right (95 % interval {low:.1f} to {high:.1f}). To answer the "
        f"commonest class always gives {percent(found.guessing)}."
    )
    if (doubt := learned.doubt(run.answers)) is not None:
        return TrainingHeadline("fail" if doubt.certain else "inconclusive", doubt.title, sentence, cost)
    return TrainingHeadline("pass", "TRAINED", sentence, cost)


def _about_confusion(classes: int) -> str:
    which = f"The {_MOST_DRAWN} classes in the most mistakes" if classes > _MOST_DRAWN else "Every class"
    return (
        f"{which}: each row has the pictures of a class, each column what they are taken for. The stronger "
        "the colour, the larger the part of the row; what lies off the diagonal is wrong."
    )


def _how(about: Fields, rows: list[Row]) -> Iterator[tuple[str, str]]:
    train, val = (about.count("pictures", part) for part in ("train", "val"))
    yield "began with", about.text("origin") or "unknown"
    yield "pictures", about.text("data") or "unknown"
    yield "number of pictures", f"{train or 0:,} for training, {val or 0:,} for validation"
    yield "devices", f"{about.count('devices') or 1}"
    yield "calibration error (ECE)", f"{best(rows)['val_ece']:.3f}"


def _recipe(about: Fields) -> Iterator[tuple[str, str]]:
    """The options of the recipe, those that are not the default first."""
    given = about.at("recipe")
    if not isinstance(given, dict):
        return
    values = [(field.name, given[field.name]) for field in fields(TrainingRecipe) if field.name in given]
    for name, value in sorted(values, key=lambda pair: pair[1] == getattr(_DEFAULTS, pair[0])):
        yield name.replace("_", " "), printable(f"{value:g}" if type(value) is float else f"{value}")


def _as_manifest(about: Fields) -> Fields:
    """How pictures are prepared, where the manifest of a bundle has it."""
    spec: dict[str, Any] = {"preprocess": about.at("preprocess"), "labels": {"names": about.at("classes")}}
    return Fields({"spec": spec})
