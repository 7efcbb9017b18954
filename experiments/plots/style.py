"""The look of all figures: ggplot, as in the article, whatever the user's own settings are."""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.figure import Figure

DPI = 160
BLUE, GREY = "#1f6feb", "#777777"


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in matplotlib's ggplot style, as the article does, whatever the user's own settings are."""

    def drawn(*arguments: Any, **keywords: Any) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            matplotlib.style.use("ggplot")
            mpl.rcParams.update(
                {
                    "text.parse_math": False,  # a `$` in a class name is a `$`
                    "font.size": 10,
                    "axes.titlesize": 13,
                    "axes.labelsize": 11,
                    "figure.constrained_layout.w_pad": 0.08,
                    "figure.constrained_layout.h_pad": 0.08,
                }
            )
            return draw(*arguments, **keywords)

    drawn.__doc__ = draw.__doc__
    return drawn
