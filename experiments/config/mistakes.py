"""What pydantic refuses, said in words a person can act on.

Each mistake is one line: the key, the value received, what is expected and, for a misspelt name, the nearest right one.
What is expected is read from the schema itself, so that the two cannot drift apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from experiments.config.schema import ExperimentConfig

Location = tuple[int | str, ...]
Node = dict[str, Any]


def mistakes(error: ValidationError) -> list[str]:
    """One line a mistake, in the order of the config; several complaints about one value become one line."""
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        key, line = _mistake(detail)
        lines.setdefault(key, line)
    return list(lines.values())


def shown(value: Any) -> str:
    """A received value as one short line of printable text."""
    text = repr(value)
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """' Did you mean …?' for a misspelt name, or nothing where no known name is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def known_keys() -> list[str]:
    """Every key an experiment can have, dotted: name, seed, dataset, dataset.kind, …"""
    schema = ExperimentConfig.model_json_schema()
    return list(dict.fromkeys(_keys(schema, schema, "")))


def unknown_key(key: str, siblings: Sequence[str] | None = None) -> str:
    """The line about a key that no config has; `siblings` are the keys that stand beside it, dotted."""
    if key.rsplit(".", 1)[-1].startswith("_"):
        return f"{key}: refused, since no config value selects code to run (no `_target_` and the like); remove it"
    known = known_keys()
    parent = key.rpartition(".")[0]
    beside = list(siblings) if siblings else [name for name in known if name.rpartition(".")[0] == parent]
    hint = nearest(key, beside)
    if not hint:  # the right name in the wrong place: `epochs` for `trainer.epochs`
        leaves = {name.rpartition(".")[2]: name for name in reversed(known)}
        leaf = get_close_matches(key.rpartition(".")[2], list(leaves), n=1, cutoff=0.75)
        hint = f" Did you mean {leaves[leaf[0]]}?" if leaf else ""
    if not hint and beside:
        hint = " Known here: " + ", ".join(name.rpartition(".")[2] for name in beside) + "."
    return f"{key}: unknown key.{hint}"


def dotted(location: Location) -> str:
    """`("model", "hidden_units", 0)` as a user writes it: `model.hidden_units[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _mistake(detail: ErrorDetails) -> tuple[str, str]:
    schema = ExperimentConfig.model_json_schema()
    location, node, parent = _walk(schema, detail["loc"])
    key = dotted(location)
    match detail["type"]:
        case "extra_forbidden":
            key = dotted(_spoken(schema, detail["loc"]))
            siblings = [f"{key.rpartition('.')[0]}.{name}".lstrip(".") for name in parent.get("properties", {})]
            return key, unknown_key(key, siblings)
        case "missing":
            return (
                key,
                f"{key}: no value, expected {expectation(schema, node)}. Give {key}=… or name it in a YAML file.",
            )
        case "value_error":
            text = detail["msg"].removeprefix("Value error, ")
            return f"{key}: {text}", f"{key}.{text}" if key else text
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = list(_resolve(schema, node)["discriminator"]["mapping"])
            given = detail["input"].get("kind") if isinstance(detail["input"], dict) else detail["input"]
            hint = nearest(str(given), kinds)
            return key, f"{key}.kind: received {shown(given)}, expected one of {', '.join(kinds)}.{hint}"
        case _:
            hint = nearest(str(detail["input"]), _choices(node)) if isinstance(detail["input"], str) else ""
            return key, f"{key}: received {shown(detail['input'])}, expected {expectation(schema, node)}.{hint}"


def expectation(schema: Node, node: Node) -> str:  # noqa: PLR0911 (a table of cases)
    """What a value of this part of the JSON Schema must be, in words."""
    node = _resolve(schema, node)
    if "anyOf" in node:
        return " or ".join(expectation(schema, option) for option in node["anyOf"])
    if "discriminator" in node or node.get("type") == "object":
        return "a group of keys"
    if choices := _choices(node):
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    match node.get("type"):
        case "integer":
            return "a whole number" + _range(node)
        case "number":
            return "a number" + _range(node)
        case "boolean":
            return "true or false"
        case "array":
            each = expectation(schema, node.get("items", {}))
            return f"a list such as [256, 128], each {each}"
        case "null":
            return "null"
    if "sqlite" in node.get("pattern", ""):
        return (
            "an address that begins with http://, https:// or sqlite:/// and has no password in it"
            " (that goes into MLFLOW_TRACKING_PASSWORD)"
        )
    if "pattern" in node and "maxLength" in node:
        return (
            f"text of 1 to {node['maxLength']} characters that can name a folder:"
            " no slash, no leading dot or space, none of : * ? \" ' < > | $ ` \\"
        )
    return "an address that begins with http:// or https://" if "pattern" in node else "text"


def _range(node: Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    parts = [
        f"{word} {bound:g}" if isinstance(bound, float) else f"{word} {bound}"
        for word, bound in (("above", above), ("from", low), ("up to", high), ("below", below))
        if bound is not None
    ]
    return "".join(" " + part for part in parts)


def _choices(node: Node) -> list[str]:
    values = list(node.get("enum", [node["const"]] if "const" in node else []))
    for option in node.get("anyOf", []):
        values += _choices(option)
    return [str(value) for value in values]


def _resolve(schema: Node, node: Node) -> Node:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _step(schema: Node, node: Node, part: int | str) -> Node | None:
    """The part of the schema one element of a location leads to; None where it leads nowhere."""
    node = _resolve(schema, node)
    if isinstance(part, int):
        return node.get("items")
    groups = [option for option in node.get("anyOf", []) if "$ref" in option]
    if len(groups) == 1:  # a group of keys or null
        node = _resolve(schema, groups[0])
    if "discriminator" in node:  # pydantic puts the chosen kind into the location
        return {"$ref": node["discriminator"]["mapping"][part], "tag": True}
    return node.get("properties", {}).get(part)


def _walk(schema: Node, location: Location) -> tuple[Location, Node, Node]:
    """The location as a user writes it, the schema there, and the schema one step above."""
    spoken: list[int | str] = []
    node = parent = schema
    for part in location:
        below = _step(schema, node, part)
        if below is None:
            parent = _resolve(schema, node)
            break
        if "tag" not in below:
            spoken.append(part)
            parent = _resolve(schema, node)
        node = below
    return tuple(spoken), _resolve(schema, node), parent


def _spoken(schema: Node, location: Location) -> Location:
    return (*_walk(schema, location[:-1])[0], location[-1])


def _keys(schema: Node, node: Node, prefix: str) -> Iterator[str]:
    node = _resolve(schema, node)
    for option in node.get("oneOf", []):
        yield from _keys(schema, option, prefix)
    for name, below in node.get("properties", {}).items():
        yield prefix + name
        yield from _keys(schema, below, f"{prefix}{name}.")
