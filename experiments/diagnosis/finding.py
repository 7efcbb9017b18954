"""What a rule finds."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["good", "note", "warning", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: `sentence` says what with its numbers, `advice` what to try ("" for nothing).

    `epoch` is where it begins, where it begins somewhere.
    """

    kind: str
    severity: Severity
    sentence: str
    advice: str = ""
    epoch: int | None = None
