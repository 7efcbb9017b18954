"""The right form of a value that is nearly right: `[128]` for 128, 0.1 for 10%, null for None."""

import re
from collections.abc import Sequence
from typing import Any

from experiments.config.expectations import Node, choices, resolved, types
from experiments.config.names import groups_of_options, nearest, node_of, schema_of_experiments

SEVERAL_NUMBERS = r"[\d.e-]+([\s;]+[\d.e-]+)+"
NOTHING = ("none", "nil", "nan", "never", "off", "no", "false", "~", "")
TRUE = ("true", "yes", "on", "1", "y")
FALSE = ("false", "no", "off", "0", "n")


def shown(value: Any) -> str:
    """A received value as one short line of printable text; null, true and false as they are typed."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def correction(key: str, value: Any, schema: Node, node: Node) -> str:
    """' Did you mean …?', or '' where the value is near nothing that the key takes."""
    accepted = types(schema, node)
    if key in groups_of_options() and isinstance(value, str):
        return f" A YAML file chooses an option in its defaults list: - override /{key}: {value}"
    if "object" in accepted:
        return _below(key, value, schema, node)
    if isinstance(value, list):
        numbers = {"integer", "number"} & accepted and "array" not in accepted
        return f" A sweep over several values: -m {key}={','.join(map(str, value))}" if numbers and value else ""
    if "array" in accepted:
        return _as_list(key, value, "string" in types(schema, resolved(schema, node).get("items", {})))
    return _as_one(key, value, accepted, node)


def _as_one(key: str, value: Any, accepted: set[str], node: Node) -> str:
    """A single word or number."""
    if isinstance(value, str) and (hint := nearest(value, choices(node))):
        return hint
    if "null" in accepted and (value is False or (isinstance(value, str) and value.strip().lower() in NOTHING)):
        return " Did you mean null?"
    if isinstance(value, str) and "integer" in accepted and (ends := re.fullmatch(r"(\d+)(?:-|\.\.|:)(\d+)", value)):
        return f" A sweep over these: -m {key}=range({ends[1]},{int(ends[2]) + 1})"
    right = _as_boolean(value) if "boolean" in accepted else None
    if right is None and accepted & {"integer", "number"}:
        right = _as_number(value, "number" in accepted, _is_fraction(node))
    return f" Did you mean {right}?" if right else ""


def several(key: str, texts: Sequence[str]) -> str:
    """The line about values with commas where no sweep was asked for; `texts` are the values."""
    schema, node = schema_of_experiments(), node_of(key) or {}
    accepted = types(schema, node)
    received = f"{key}: received several values ({','.join(texts[:5])}), expected one."
    if "array" in accepted:
        return f"{received} Did you mean {key}=[{','.join(texts)}]?"
    if "number" in accepted and len(texts) == 2 and texts[0] == "0" and texts[1].isdecimal():
        return f"{received} Did you mean {key}={texts[0]}.{texts[1]}?"
    return (
        f"{received} A sweep over them needs -m{'; a text that has commas needs quotes' if _is_text(accepted) else ''}."
    )


def _is_text(accepted: set[str]) -> bool:
    return "string" in accepted and not accepted & {"number", "integer"}


def _below(key: str, value: Any, schema: Node, node: Node) -> str:
    """A value of a group of keys belongs to one of them: `trainer.schedule=cosine`."""
    keys = resolved(schema, node).get("properties", {})
    if value is None or value is False or str(value).lower() in NOTHING:
        for name, below in keys.items():
            off = "none" if "none" in choices(below) else "null" if "null" in types(schema, below) else None
            if off:
                return f" Did you mean {key}.{name}={off}?"
    for name, below in keys.items():
        takes_number = type(value) is int and "integer" in types(schema, below)
        if takes_number or (isinstance(value, str) and value.lower() in choices(resolved(schema, below))):
            return f" Did you mean {key}.{name}={str(value).lower()}?"
    return f" Give its keys: {', '.join(f'{key}.{name}' for name in keys)}." if keys else ""


def _as_list(key: str, value: Any, of_text: bool) -> str:
    if isinstance(value, str) and re.fullmatch(r"\W*\d+([\Wx]+\d+)+\W*", value):  # (128, 64), 128-64, 128x64
        numbers = ",".join(re.findall("[0-9]+", value))
        return f" Did you mean {key}=[{numbers}]?"
    if value is None or isinstance(value, bool) or str(value).lower() in NOTHING:
        return f" An empty list is {key}=[]."
    return f" Did you mean {key}=[{value}]?" if of_text or isinstance(value, int) else ""


def _as_boolean(value: Any) -> str | None:
    text = str(value).strip().lower()
    return "true" if text in TRUE else "false" if text in FALSE else None


def _as_number(value: Any, is_float: bool, is_fraction: bool) -> str | None:
    if isinstance(value, str):
        return _numbers_in_text(value.strip(), is_float)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if is_fraction and 1 < value < 100:  # per cent
        return f"{value / 100:g}"
    return f"{value:.0f}" if isinstance(value, float) and not is_float and value.is_integer() else None


def _numbers_in_text(text: str, is_float: bool) -> str | None:
    """'10%', '0,5', '64 32', and '10' that was given in quotes."""
    if re.fullmatch(SEVERAL_NUMBERS, text):
        return ",".join(re.split(r"[\s;]+", text))
    divisor = 100 if text.endswith("%") else 1
    try:
        number = float(text.strip("% ").replace(",", ".")) / divisor
    except ValueError:
        return None
    if not is_float and not number.is_integer():
        return None
    return f"{number:g}" if re.search("[%, ]", text) else f"{number:g}, without quotes"


def _is_fraction(node: Node) -> bool:
    return any(
        option.get("exclusiveMinimum") == 0 and option.get("exclusiveMaximum") == 1
        for option in [node, *node.get("anyOf", [])]
    )
