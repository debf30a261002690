"""The held-out pictures: a share of each class, by seed, with all copies kept together."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.data.scan import Scanned
from edgewise.models.data.split import held_out


def pictures(*owned: tuple[int, int]) -> list[Scanned]:
    """Files with the given labels and contents."""
    return [
        Scanned(Path(f"{label}/{place}.png"), label, b"%d" % content)
        for place, (label, content) in enumerate(owned)
    ]


SETS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), max_size=80)


@given(owned=SETS, share=st.floats(0.01, 0.99), seed=st.integers(0, 2**32))
def test_copies_stay_together_and_every_class_keeps_a_training_picture(
    owned: list[tuple[int, int]], share: float, seed: int
) -> None:
    whole = pictures(*owned)
    held = held_out(whole, share, seed)
    kept = [picture for picture in whole if picture not in held]
    assert len(held) + len(kept) == len(whole)
    assert not {picture.digest for picture in held} & {picture.digest for picture in kept}
    assert {picture.label for picture in kept} == {label for label, _ in owned}


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_each_class_holds_out_its_share_and_at_least_one(counts: list[int], share: float, seed: int) -> None:
    contents = iter(range(sum(counts)))
    whole = pictures(*((label, next(contents)) for label, count in enumerate(counts) for _ in range(count)))
    held = Counter(picture.label for picture in held_out(whole, share, seed))
    for label, count in enumerate(counts):
        assert held[label] == min(count - 1, max(1, round(share * count)))


def test_the_split_depends_on_the_seed_but_not_on_the_order() -> None:
    whole = pictures(*((content % 3, content) for content in range(90)))
    held = held_out(whole, 0.2, 7)
    assert {picture.path for picture in held_out(whole[::-1], 0.2, 7)} == {picture.path for picture in held}
    assert held_out(whole, 0.2, 8) != held


def test_adding_a_picture_moves_at_most_one_other() -> None:
    whole = pictures(*((content % 3, content) for content in range(90)))
    before = {picture.digest for picture in held_out(whole, 0.2, 0)}
    after = {picture.digest for picture in held_out([*whole, *pictures((0, 1000))], 0.2, 0)}
    assert len(before ^ after) <= 2
