"""Each key of a config for --help: its default, what it means and what it may be."""

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from experiments.config.defaults import defaults, option
from experiments.config.expectations import Node, expectation, listed, resolved
from experiments.config.names import schema_of_experiments

INDENT = " " * 6
OTHERWISE = 3  # options whose other default is told; more would say nothing


def text(options: Mapping[str, Sequence[str]], width: int) -> str:
    """A paragraph a key, at most `width` columns wide; `options` are the names of each group's YAML files."""
    schema = schema_of_experiments()
    values = {group: {name: option(group, name) for name in names} for group, names in options.items()}
    return "\n".join(_paragraph(schema, key, node, values, width) for key, node in _leaves(schema, schema, ""))


def value(given: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(given, list):
        return f"[{','.join(map(value, given))}]"
    return given if isinstance(given, str) else json.dumps(given)


def _paragraph(schema: Node, key: str, node: Node, values: Mapping[str, Any], width: int) -> str:
    group, _, below = key.partition(".")
    by_option = {name: _at(content, below) for name, content in values.get(group, {}).items() if below}
    having = {name: found for name, found in by_option.items() if found is not KeyError}
    usual = _at(defaults(), key)
    if usual is KeyError:
        usual = next(iter(having.values()))
    said = [str(node.get("description", "")), f"Allowed: {expectation(schema, node)}."]
    others: dict[str, list[str]] = {}
    for name, found in having.items():
        if found != usual:
            others.setdefault(value(found), []).append(name)
    said += [f"Default with {group}={listed(names)}: {found}." for found, names in list(others.items())[:OTHERWISE]]
    if len(having) < len(by_option):
        said.append(f"Only with {group}={listed(list(having))}.")
    default = "" if isinstance(usual, str) and "${" in usual else f"={value(usual)}"
    return f"  {key}{default}\n{fill(' '.join(said), width, initial_indent=INDENT, subsequent_indent=INDENT)}"


def _at(content: Any, dotted: str) -> Any:
    """The value under a dotted key, KeyError where there is none: None is a value."""
    for part in dotted.split("."):
        if not isinstance(content, dict) or part not in content:
            return KeyError
        content = content[part]
    return content


def _leaves(schema: Node, node: Node, prefix: str) -> Iterator[tuple[str, Node]]:
    """Each dotted key with its schema, but `kind`, which a group's option decides."""
    seen: set[str] = set()
    for option_node in [node, *(resolved(schema, each) for each in node.get("oneOf", []))]:
        for name, below in option_node.get("properties", {}).items():
            inner = resolved(schema, below)
            if "properties" in inner or "oneOf" in inner:
                yield from _leaves(schema, inner, f"{prefix}{name}.")
            elif name != "kind" and name not in seen:
                seen.add(name)
                yield prefix + name, below
