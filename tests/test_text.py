"""Hostile text stays text."""

import pytest

from experiments.text import markdown, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("airplane", "airplane"),
        ("éü 漢字 مرحبا 😀", "éü 漢字 مرحبا 😀"),
        ("two\nlines\r\n\ttab", r"two\nlines\r\n\ttab"),
        ("\x1b[31mred\x1b[0m\x07", r"\x1b[31mred\x1b[0m\x07"),
        ("\x9b2J", r"\x9b2J"),  # the one-character form of ESC [
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066a\u2069\u200f", r"\u2066a\u2069\u200f"),
        ("a\u2028b\u2029c\x85d\x0be", r"a\u2028b\u2029c\x85d\x0be"),
        ("zero\u200bwidth\ufeff\x00", r"zero\u200bwidth\ufeff\x00"),
        ("\udcff", r"\udcff"),  # how Python names a byte of a file name that is no UTF-8
        (3.5, "3.5"),
        (None, "None"),
    ],
)
def test_plain_is_one_line_of_printable_text(text, shown):
    assert plain(text) == shown
    assert plain(text).isprintable()
    plain(text).encode("utf-8")


def test_plain_leaves_what_it_made_as_it_is():
    assert plain(plain("\x1b\n")) == plain("\x1b\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("truck", "truck"),
        ("a|b", r"a\|b"),
        ("<script>alert(1)</script>", r"&lt;script&gt;alert\(1\)&lt;/script&gt;"),
        ("R&D &lt;", "R&amp;D &amp;lt;"),
        ("[x](javascript:y)", r"\[x\]\(javascript:y\)"),
        ("**bold** _it_ `code` ~~gone~~", r"\*\*bold\*\* \_it\_ \`code\` \~\~gone\~\~"),
        ("![i](u)", r"\!\[i\]\(u\)"),
        ("end\\", r"end\\"),
        ("cell | next\nrow", r"cell \| next\\nrow"),
    ],
)
def test_markdown_gives_no_character_a_meaning(text, shown):
    assert markdown(text) == shown
