"""Text that came from outside (class names, file names, values) made fit to be shown."""

import html
import re
from typing import Any

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~])")
# What a spreadsheet takes for a formula or a command, by its first character.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: object) -> str:
    """One line of printable text: line breaks, control characters and direction overrides are shown, not obeyed."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def plain_lines(text: object) -> str:
    """`plain`, line by line: for messages and reports of several lines."""
    return "\n".join(map(plain, str(text).split("\n")))


def markdown(text: object) -> str:
    """`plain` with everything escaped that Markdown or HTML gives a meaning, fit for the cell of a table too."""
    return _MARKDOWN.sub(r"\\\1", html.escape(plain(text), quote=False))


def cell(value: Any) -> Any:
    """A value fit for a CSV file: numbers as they are, text `plain` and never a formula to a spreadsheet.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, its own sign of text.
    """
    if not isinstance(value, str):
        return value
    shown = plain(value)
    return f"'{shown}" if value.startswith(_FORMULA) and not _is_number(value) else shown


def brief(value: object) -> str:
    """A value of any size and shape in at most 80 characters; what is large or nested is only named."""
    if isinstance(value, str | bytes):
        return plain(repr(value[:100]))[:80]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return f"a whole number of {value.bit_length():,} bits"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        return f"a {type(value).__name__} of {len(value):,}"
    return f"a {type(value).__name__}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
