"""Text that came from outside (class names, file names, values) made fit to be shown."""

import html
import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def plain(text: object) -> str:
    """One line of printable text: line breaks, control characters and direction overrides are shown, not obeyed."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))


def markdown(text: object) -> str:
    """`plain` with everything escaped that Markdown or HTML gives a meaning, fit for the cell of a table too."""
    return _MARKDOWN.sub(r"\\\1", html.escape(plain(text), quote=False))
