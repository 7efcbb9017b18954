"""Values of nested mappings by dotted keys, such as `metrics.test.accuracy` of a run's record."""

from collections.abc import Mapping, MutableMapping
from typing import Any


def value_at(content: Any, dotted: str, otherwise: Any = None) -> Any:
    """The value under a dotted key, `otherwise` where there is none."""
    for key in dotted.split("."):
        if not isinstance(content, Mapping) or key not in content:
            return otherwise
        content = content[key]
    return content


def put(content: MutableMapping[str, Any], dotted: str, value: Any) -> None:
    """Put a value under a dotted key; the values of a mapping, each under its own."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            put(content, f"{dotted}.{key}", each)
        return
    *parents, name = dotted.split(".")
    for parent in parents:
        if not isinstance(content.get(parent), MutableMapping):
            content[parent] = {}
        content = content[parent]
    content[name] = value
