"""The page of a training run, in a real browser too."""

from collections.abc import Callable

import pytest

from edgewise.models.training.answers import ValidationAnswer
from edgewise.models.training.run import COLUMNS, RunSoFar
from edgewise.pipeline.report.training import training_page

NAMES = ("disc", "ring <i>", "star")


@pytest.fixture
def run() -> RunSoFar:
    """Three epochs, of which the second is the best; a ring is taken for a disc."""
    figures = {"train_loss": 1.5, "train_top1": 0.5, "val_loss": 1.2, "val_ece": 0.1, "seconds": 30.0}
    rows = [
        {**dict.fromkeys(COLUMNS, 0.0), **figures, "epoch": epoch, "learning_rate": 0.01, "val_top1": top1}
        for epoch, top1 in ((1, 0.2), (2, 0.75), (3, 0.7))
    ]
    answers = [
        ValidationAnswer(
            f"{name}/{number}.png", name, NAMES[0] if (name, number) == (NAMES[1], 3) else name, 0.9
        )
        for name in NAMES
        for number in range(4)
    ]
    about = {
        "name": "mobilenetv2",
        "recipe": {"epochs": 5, "batch": 64, "learning_rate": 0.05},
        "classes": list(NAMES),
        "preprocess": {"size": 32, "resize": 40, "mean": [0.5], "std": [0.25], "interpolation": "bilinear"},
        "data": "photos, <script>",
        "pictures": {"train": 100, "val": 12},
        "devices": 1,
        "origin": "random weights",
    }
    return RunSoFar(about, rows, answers)


def test_everything_is_on_the_page(run: RunSoFar, pixel: str, require_alone: Callable[[str], int]) -> None:
    wrong = "ring <i>/3.png"
    page = training_page(run, {wrong: pixel, "disc/0.png": pixel}, "edgewise export m")
    assert require_alone(page) == 2  # figures
    assert "<title>mobilenetv2, training: TRAINED</title>" in page
    assert "The network of epoch 2, the best, answers 91.67" in page
    assert "3 of 5 epochs took 1.5 minutes." in page
    assert "2 (best)" in page
    assert "<td>disc (1)</td>" in page
    assert page.count("<img ") == 1  # of the pictures that are wrong
    assert "photos, &lt;script&gt;" in page
    assert "ring &lt;i&gt;" in page
    assert "edgewise export m" in page
    recipe = page[page.index("All options") :]
    assert recipe.index(">learning rate<") < recipe.index(">batch<")  # what was changed comes first


def test_a_run_that_taught_nothing_says_so_first(run: RunSoFar) -> None:
    same = [ValidationAnswer(row.picture, row.label, "star", 0.4) for row in run.answers]
    page = training_page(RunSoFar(run.description, run.rows, same), {})
    assert '<div class="verdict fail">\n<strong>NOTHING LEARNED</strong>' in page
    assert "the network answers &#39;star&#39; to 12 of 12 validation pictures" in page


@pytest.mark.parametrize("about", [{}, {"recipe": [], "classes": 3, "preprocess": {"mean": "x"}}])
def test_files_that_are_old_or_incomplete(
    run: RunSoFar, about: dict[str, object], require_alone: Callable[[str], int]
) -> None:
    page = training_page(RunSoFar(about, run.rows[:1], []), {})
    assert require_alone(page) == 1
    assert "In epoch 1, the best, top-1 on the validation pictures is 20.00" in page


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_phone(
    run: RunSoFar, pixel: str, require_fitting: Callable[[str, int], None], width: int
) -> None:
    require_fitting(training_page(run, {row.picture: pixel for row in run.answers}), width)
