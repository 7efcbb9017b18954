"""What a value must be, in words: those that the schema's types carry (`expected`), else those of type and range."""

from collections.abc import Sequence
from typing import Any

Node = dict[str, Any]  # a part of a JSON Schema
BOOLEAN = ["true", "false"]


def expectation(schema: Node, node: Node) -> str:  # noqa: PLR0911 (a table of cases)
    """What a value of this part of the JSON Schema must be, in words."""
    node = resolved(schema, node)
    if "expected" in node:
        return str(node["expected"])
    if "anyOf" in node:
        words = [expectation(schema, option) for option in node["anyOf"]]
        return listed([part for each in words for part in (BOOLEAN if each == listed(BOOLEAN) else [each])])
    if "discriminator" in node or node.get("type") == "object":
        return "a group of keys"
    if options := choices(node):
        return options[0] if len(options) == 1 else "one of " + ", ".join(options)
    match node.get("type"):
        case "integer":
            return "a whole number" + _range(node)
        case "number":
            return "a number" + _range(node)
        case "boolean":
            return listed(BOOLEAN)
        case "array":
            return f"a list, each {expectation(schema, node.get('items', {}))}"
        case "null":
            return "null"
    return "text"


def listed(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def choices(node: Node) -> list[str]:
    """The only values of a part of the schema; [] where they are not listed."""
    values = list(node.get("enum", [node["const"]] if "const" in node else []))
    for option in node.get("anyOf", []):
        values += choices(option)
    return [str(value) for value in values]


def types(schema: Node, node: Node) -> set[str]:
    """The JSON types a value may have: {"integer", "null"}."""
    node = resolved(schema, node)
    if "anyOf" in node:
        return set().union(*(types(schema, option) for option in node["anyOf"]))
    return {node["type"]} if "type" in node else set()


def resolved(schema: Node, node: Node) -> Node:
    """The part of the schema that a reference leads to."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _range(node: Node) -> str:
    """' from 1 up to 1000000', ' above 0 and below 1', ' from 0 to below 1', '' where every number will do."""
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    text = f" above {_number(above)}" if above is not None else f" from {_number(low)}" if low is not None else ""
    if below is not None:
        text += f"{' to' if low is not None else ' and' if text else ''} below {_number(below)}"
    return f"{text} up to {_number(high)}" if high is not None else text


def _number(bound: float) -> str:
    return f"{bound:.10g}" if isinstance(bound, float) else str(bound)
