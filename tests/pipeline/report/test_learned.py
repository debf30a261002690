"""What a training has learned, and when it has learned nothing."""

from edgewise.models.training.answers import ValidationAnswer
from edgewise.pipeline.report import learned


def answered(*pairs: tuple[str, str], times: int = 1) -> list[ValidationAnswer]:
    """Pictures by their class and the answer."""
    rows = [pair for pair in pairs for _ in range(times)]
    return [ValidationAnswer(f"{n}.png", label, answer, n / 100) for n, (label, answer) in enumerate(rows)]


def test_one_class_for_all_is_said() -> None:
    found = answered(("a", "c"), ("b", "c"), ("c", "c"), times=20)
    (line,) = learned.warnings(found)
    assert line.startswith(
        "NOTHING LEARNED: the network answers 'c' to 60 of 60 validation pictures; its top-1"
    )
    assert "33.33 % on 60 validation pictures cannot be told from chance" in line
    assert "gives 33.33 %" in line


def test_chance_is_said_without_one_class_for_all() -> None:
    found = answered(("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), ("b", "b"), ("c", "c"), times=2)
    (line,) = learned.warnings(found)
    assert line.startswith("AT CHANCE: its top-1 of 50.00 %")
    assert line.endswith("and validate with more pictures")
    fewer = answered(("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), times=20)
    assert learned.warnings(fewer)[0].startswith("NOTHING LEARNED: its top-1 of 25.00 %")


def test_what_learned_says_nothing() -> None:
    assert learned.warnings(answered(("a", "a"), ("b", "b"), ("c", "a"), times=20)) == []
    assert learned.warnings([]) == []


def test_a_class_that_has_nearly_all_pictures_may_have_nearly_all_answers() -> None:
    """It is chance all the same."""
    (line,) = learned.warnings(answered(*[("a", "a")] * 19, ("b", "a")))
    assert line.startswith("NOTHING LEARNED: its top-1 of 95.00 %")
    assert "gives 95.00 %" in line


def test_the_worst_come_first() -> None:
    found = answered(("a", "a"), ("a", "b"), ("b", "c"), ("b", "c"), ("c", "c"), ("b", "a"))
    assert [(row.name, row.count, row.right, row.taken_for) for row in learned.classes(found)] == [
        ("b", 3, 0, "c (2)"),
        ("a", 2, 1, "b (1)"),
        ("c", 1, 1, ""),
    ]
    assert learned.mistakes(found)[0] == learned.Mistake("b", "c", 2)
    assert [row.picture for row in learned.worst(found)] == ["5.png", "3.png", "2.png", "1.png"]


def test_a_matrix_of_the_classes_in_the_most_mistakes() -> None:
    found = answered(("a", "a"), ("b", "c"), ("c", "b"), ("b", "c"), ("d", "a"))
    assert learned.confusion(found, 9) == (
        ["a", "b", "c", "d"],
        [[1, 0, 0, 0], [0, 0, 2, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
    )
    assert learned.confusion(found, 2) == (["b", "c"], [[0, 2], [1, 0]])
