"""Values of nested mappings by dotted keys, such as `metrics.test.accuracy` of a run's record."""

from collections.abc import Mapping
from typing import Any


def value_at(content: Any, dotted: str, otherwise: Any = None) -> Any:
    """The value under a dotted key, `otherwise` where there is none."""
    for key in dotted.split("."):
        if not isinstance(content, Mapping) or key not in content:
            return otherwise
        content = content[key]
    return content
