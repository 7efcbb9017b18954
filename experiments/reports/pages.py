"""What all pages share: escaping, filters, pictures that stand in the page itself."""

import base64
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from experiments import runs
from experiments.received import read_bytes
from experiments.reports import wording
from experiments.text import plain

LARGEST_PICTURE = 50_000_000  # bytes
CSS_PIXELS = 96 / 160  # for a pixel of a plot: CSS has 96 an inch, the plots 160, so that they stay sharp


def environment() -> Environment:
    """The templates of this folder. All text put into a page is made plain, then escaped."""
    pages = Environment(
        loader=PackageLoader("experiments.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "percent": wording.percent,
        "number": wording.number,
        "duration": wording.duration,
        "moment": wording.moment,
        "breakable": _breakable,
        "outcome": runs.outcome,
    }
    return pages


def picture(path: Path, title: str, alt: str) -> dict[str, Any] | None:
    """A PNG as the template's `picture` macro takes it, or None where there is no such file."""
    return embedded(read_bytes(path, "a plot", LARGEST_PICTURE), title, alt) if path.is_file() else None


def embedded(content: bytes, title: str, alt: str) -> dict[str, Any]:
    """The bytes of a PNG as the template's `picture` macro takes them."""
    return {
        "title": title,
        "alt": alt,
        "uri": f"data:image/png;base64,{base64.b64encode(content).decode()}",
        "width": round(CSS_PIXELS * int.from_bytes(content[16:20])),  # every PNG has them here, in its first chunk
        "height": round(CSS_PIXELS * int.from_bytes(content[20:24])),
    }


def _breakable(key: str) -> Markup:
    """A dotted key that may go on in a new line after each dot and underscore."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(plain(key)))))


def _shown(value: Any) -> Any:
    """Text becomes plain, save for what is markup already; escaping comes after this."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else plain(value)
