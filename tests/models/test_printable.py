"""Text that a terminal shows as it is."""

from hypothesis import given
from hypothesis import strategies as st

from edgewise.models.printable import printable, printable_lines

WORD = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # Persian, with a zero-width non-joiner


def test_control_characters_are_replaced() -> None:
    assert printable("a\x1b[2J\nb\x07 é") == "a�[2J�b� é"
    assert printable("\x9b2J \u202efdp.exe \udce9") == "�2J �fdp.exe �"
    assert printable(WORD) == WORD
    assert printable_lines("a\tb\n\x1bc") == "a\tb\n�c"


@given(st.text())
def test_nothing_else_changes(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert printable(shown) == shown
    assert not set(shown) & {chr(code) for code in (*range(32), *range(127, 160))}
