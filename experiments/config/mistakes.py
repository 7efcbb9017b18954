"""What pydantic refuses, said in words a person can act on.

Each mistake is one line: the key, the value received, what is expected and, where it can be told, the right form.
What is expected is read from the schema itself, so that the two cannot drift apart.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from experiments.config.corrections import correction, shown
from experiments.config.expectations import Node, expectation, listed, resolved
from experiments.config.names import known_keys, nearest, nearest_key, options_with, schema_of_experiments, unknown_key

__all__ = ["known_keys", "mistakes", "nearest", "refused", "shown", "unknown_key"]

Location = tuple[int | str, ...]


def mistakes(error: ValidationError) -> list[str]:
    """One line a mistake, in the order of the config; several complaints about one value become one line."""
    lines: dict[str, str] = {}
    details = error.errors(include_url=False)
    for group, kind in _half_changed(details):
        lines[group] = (
            f"{group}.kind: received {shown(kind)}, but the other keys are those of another option."
            f" Did you mean {group}={kind}?"
        )
    for detail in details:
        if detail["loc"][0] not in lines:
            key, line = _mistake(detail)
            lines.setdefault(key, line)
    return list(lines.values())


def refused(kind: Any, value: Any) -> str | None:
    """In words why a value is not of one of the schema's types; None where it is."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        schema = TypeAdapter(kind).json_schema()
        return f"received {shown(value)}, expected {expectation(schema, schema)}"
    return None


def dotted(location: Location) -> str:
    """`("model", "hidden_units", 0)` as a user writes it: `model.hidden_units[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _mistake(detail: ErrorDetails) -> tuple[str, str]:
    schema = schema_of_experiments()
    location, node, parent = _walk(schema, detail["loc"])
    key = dotted(location)
    match detail["type"]:
        case "extra_forbidden":
            key = dotted(_spoken(schema, detail["loc"]))
            siblings = [f"{key.rpartition('.')[0]}.{name}".lstrip(".") for name in parent.get("properties", {})]
            return key, _unknown(key, detail["loc"], siblings)
        case "missing":
            return key, f"{key}: no value, expected {expectation(schema, node)}. {_way_to_give(key, detail['loc'])}"
        case "value_error":
            text = detail["msg"].removeprefix("Value error, ")
            return f"{key}: {text}", f"{key}.{text}" if key else text
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = list(resolved(schema, node)["discriminator"]["mapping"])
            given = detail["input"].get("kind") if isinstance(detail["input"], dict) else detail["input"]
            hint = nearest(str(given), kinds)
            return key, f"{key}.kind: received {shown(given)}, expected one of {', '.join(kinds)}.{hint}"
        case _:
            value = detail["input"]
            hint = correction(key, value, schema, node)
            return key, f"{key}: received {shown(value)}, expected {expectation(schema, node)}.{hint}"


def _unknown(key: str, location: Location, siblings: Sequence[str]) -> str:
    """The line about an unknown key; one that another option of its group has is explained."""
    group, chosen = _option(location)
    leaf = str(location[-1])
    if owners := options_with(group, leaf):
        return f"{key}: {_belongs(group, leaf, chosen)}. Leave it out, or choose {group}={owners[0]}."
    line = unknown_key(key, siblings)
    near_group, _, near = (nearest_key(key) or "").rpartition(".")
    if group and near_group == group and "Did you mean" in line and f"{group}.{near}" not in siblings:
        line += f" It {_belongs(group, near, chosen)}."
    return line


def _belongs(group: str, key: str, chosen: str) -> str:
    return f"belongs to {group}={listed(options_with(group, key))}; here {group} is {chosen}"


def _way_to_give(key: str, location: Location) -> str:
    group, chosen = _option(location)
    brought = f"{group}={chosen} brings all its keys; or g" if group else "G"
    return f"{brought}ive {key}=… or name it in a YAML file."


def _option(location: Location) -> tuple[str, str]:
    """The group and the chosen option below which a location lies, ("", "") where the group has one kind only."""
    group, *below = (str(part) for part in location)
    return (group, below[0]) if len(below) > 1 and below[0] in _kinds(group) else ("", "")


def _kinds(group: str) -> dict[str, str]:
    node = schema_of_experiments()["properties"].get(group, {})
    return dict(node.get("discriminator", {}).get("mapping", {}))


def _half_changed(details: Sequence[ErrorDetails]) -> Iterator[tuple[str, str]]:
    """Groups whose `kind` was changed by itself: keys of another option are there, its own are not."""
    found: dict[tuple[str, str], set[str]] = {}
    for detail in details:
        option = _option(detail["loc"])
        if option[0] and (detail["type"] == "missing" or options_with(option[0], str(detail["loc"][-1]))):
            found.setdefault(option, set()).add(detail["type"])
    yield from (option for option, kinds in found.items() if {"missing", "extra_forbidden"} <= kinds)


def _step(schema: Node, node: Node, part: int | str) -> Node | None:
    """The part of the schema one element of a location leads to; None where it leads nowhere."""
    node = resolved(schema, node)
    if isinstance(part, int):
        return node.get("items")
    groups = [option for option in node.get("anyOf", []) if "$ref" in option]
    if len(groups) == 1:  # a group of keys or null
        node = resolved(schema, groups[0])
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
            parent = resolved(schema, node)
            break
        if "tag" not in below:
            spoken.append(part)
            parent = resolved(schema, node)
        node = below
    return tuple(spoken), resolved(schema, node), parent


def _spoken(schema: Node, location: Location) -> Location:
    return (*_walk(schema, location[:-1])[0], location[-1])
