"""Text of files, networks and libraries, made safe for a terminal. Needs no torch."""

_JOINERS = "\u200c\u200d"  # which scripts such as Persian and Hindi need within words


def printable(text: str) -> str:
    """`text` without control characters, line ends and marks of direction: it may come from a hostile file.

    Terminals obey escape sequences, which can hide or forge what else stands there.
    """
    return "".join(
        letter if letter.isprintable() or letter in _JOINERS else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose ends and tabs stay."""
    return "".join(letter if letter in "\n\t" else printable(letter) for letter in text)
