"""The names an experiment knows, and the right one for one that it does not know."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

from experiments.config import other_words
from experiments.config.expectations import Node, choices, resolved
from experiments.config.schema import ExperimentConfig

NEAR = 0.7  # of difflib's ratio: 'rleu' is near relu, 'softmax' is not near softplus


@lru_cache(maxsize=1)
def schema_of_experiments() -> Node:
    """The JSON Schema of a whole config. Every message looks into it, and to make it takes some 10 ms."""
    return ExperimentConfig.model_json_schema()


def known_keys() -> list[str]:
    """Every key an experiment can have, dotted: name, seed, dataset, dataset.kind, …"""
    return list(_known_keys())


def node_of(key: str) -> Node | None:
    """What the schema says of a dotted key; of one that several options of a group have, the first's."""
    node = schema = schema_of_experiments()
    for part in key.split("."):
        options = [resolved(schema, option) for option in (node, *resolved(schema, node).get("oneOf", []))]
        below = next((option["properties"][part] for option in options if part in option.get("properties", {})), None)
        if below is None:
            return None
        node = below
    return node


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one means, None where none is near. Capitals, `-` and `_` make no difference."""
    by_word = {_word(each): each for each in reversed(list(known))}
    word = _word(name)
    if not word:
        return None
    if word in by_word:
        return by_word[word]
    if other_words.VALUES.get(word) in by_word.values():
        return other_words.VALUES[word]
    parts = [each for each in by_word if len(word) > 3 and (each.startswith(word) or each.endswith(word))]
    near = parts[-1:] or get_close_matches(word, list(by_word), n=1, cutoff=NEAR)
    near = near or [each for each in by_word if len(each) > 4 and word.startswith(each)]
    return by_word[near[0]] if near else None


def nearest(name: str, known: Iterable[str]) -> str:
    """' Did you mean …?' for a misspelt name, or nothing where no known name is near."""
    near = nearest_name(name, known)
    return f" Did you mean {near}?" if near else ""


def option_hint(group: str, name: str, options: Sequence[str]) -> str:
    """What is meant by an option that a group does not have."""
    if name in ("all", "*"):
        return f" A sweep over all of them: -m '{group}=glob(*)'"
    inner = next((key for key in known_keys() if "." in key and key.rpartition(".")[2] == name), None)
    return nearest(name, options) or (f" Did you mean {inner}=…?" if inner else "")


def nearest_key(key: str) -> str | None:
    """The dotted key that an unknown one means, by its place, by another library's word or by its spelling."""
    parent, _, leaf = key.rpartition(".")
    word = _word(leaf)
    if parent and word in ("name", "type", "kind", "class") and parent in groups_of_options():
        return parent  # dataset.name=mnist: chosen by dataset=mnist
    beside = [each for each in known_keys() if each.rpartition(".")[0] == parent]
    below = [each for each in known_keys() if parent and each.startswith(f"{parent}.") and each not in beside]
    if whole := [each for each in known_keys() if _word(each) == _word(key)]:  # trainer_epochs
        return whole[0]
    tiers = [beside, below, known_keys()]
    for tier in tiers:
        for each in tier:
            if _word(each.rpartition(".")[2]) == word:
                return each
    if word in other_words.KEYS:
        return other_words.KEYS[word]
    if parent in known_keys():  # a slip of the spelling is looked for near its place
        tiers[2] = [each for each in known_keys() if "." in each]
    for tier in tiers:
        if near := nearest_name(leaf, [each.rpartition(".")[2] for each in tier]):
            return next(each for each in tier if each.rpartition(".")[2] == near)
    return None


def unknown_key(key: str, siblings: Sequence[str] | None = None) -> str:
    """The line about a key that no config has; `siblings` are the keys that stand beside it, dotted."""
    if key.rsplit(".", 1)[-1].startswith("_"):
        return f"{key}: refused, since no config value selects code to run (no `_target_` and the like); remove it"
    if key == "experiment":  # which is a group of files, and no part of a config
        return f"{key}: unknown key. The YAML file of an experiment begins with the line: # @package _global_"
    parent, _, leaf = key.rpartition(".")
    beside = list(siblings or (each for each in known_keys() if each.rpartition(".")[0] == parent))
    near = nearest_key(key)
    if _word(leaf) in other_words.NO_KEYS:
        return f"{key}: unknown key. {other_words.NO_KEYS[_word(leaf)]}"
    if near:
        return f"{key}: unknown key. Did you mean {near}?"
    listed = ", ".join(each.rpartition(".")[2] for each in beside)
    return f"{key}: unknown key. {f'Known here: {listed}.' if beside else '--help lists all keys.'}"


def options_with(group: str, key: str) -> list[str]:
    """The kinds of a group that have a key of their own: ("optimizer", "momentum") → sgd, rmsprop."""
    return [kind for kind, keys in _kinds(group).items() if key in keys]


def _word(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def groups_of_options() -> list[str]:
    """The parts of a config that are chosen by an option: dataset, model, …"""
    schema = schema_of_experiments()
    return [name for name, node in schema["properties"].items() if _has_kinds(schema, node)]


def _has_kinds(schema: Node, node: Node) -> bool:
    return "discriminator" in node or "kind" in resolved(schema, node).get("properties", {})


def _kinds(group: str) -> dict[str, list[str]]:
    schema = schema_of_experiments()
    options = [resolved(schema, option) for option in schema["properties"].get(group, {}).get("oneOf", [])]
    return {kind: list(keys["properties"]) for keys in options for kind in choices(keys["properties"]["kind"])}


@lru_cache(maxsize=1)
def _known_keys() -> tuple[str, ...]:
    schema = schema_of_experiments()
    return tuple(dict.fromkeys(_keys(schema, schema, "")))


def _keys(schema: Node, node: Node, prefix: str) -> Iterator[str]:
    node = resolved(schema, node)
    for option in node.get("oneOf", []):
        yield from _keys(schema, option, prefix)
    for name, below in node.get("properties", {}).items():
        yield prefix + name
        yield from _keys(schema, below, f"{prefix}{name}.")
