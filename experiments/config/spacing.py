"""Arguments that are no KEY=VALUE: one that spaces have cut in pieces, one with a colon, one that is a bare word."""

import re
from collections.abc import Callable, Mapping, Sequence

from experiments.config.corrections import shown
from experiments.config.expectations import choices, types
from experiments.config.names import known_keys, nearest_key, nearest_name, node_of, schema_of_experiments

# `python -m experiments COMMAND`, typed after runner.py.
COMMANDS = (
    "list", "show", "compare", "resume", "evaluate", "predict", "verify", "report", "data", "schema", "tag", "rerun",
)  # fmt: skip


def joined(
    texts: Sequence[str], is_override: Callable[[str], bool], options: Mapping[str, str], found: list[str]
) -> list[str]:
    """The arguments without those that are no KEY=VALUE, of which each gets a line with the right form in `found`.

    `options` are the names of all groups' options, each with its group.
    """
    left: list[str] = []
    rest = list(texts)
    while rest:
        pieces = [rest.pop(0)]
        while rest and _goes_on(" ".join(pieces), rest[0]):
            pieces.append(rest.pop(0))
        given = " ".join(pieces)
        if len(pieces) == 1 and is_override(given) and not _has_slash_for_dot(given):
            left.append(given)
            continue
        if right := _right_form(given, is_override):
            found.append(f"{shown(given)}: not understood, expected KEY=VALUE without spaces. Did you mean {right}?")
        elif left and _is_free_text(left[-1]) and "=" not in given:
            while rest and "=" not in rest[0]:
                given += f" {rest.pop(0)}"
            key, _, value = left[-1].partition("=")
            hint = f"A value with spaces needs quotes: \"{key}='{value} {given}'\""
            found.append(f"{shown(given)}: not understood, expected KEY=VALUE. {hint}")
        else:
            hint = _hint(given, is_override, options)
            found.append(f"{shown(given)}: not understood, expected KEY=VALUE.{hint}")
    return left


def _goes_on(given: str, following: str) -> bool:
    """Whether a space was typed between these two where none belongs."""
    if any(given.count(opening) > given.count(closing) for opening, closing in ("[]", "()", "{}")):
        return True
    if following[:1] in ("=", ","):
        return True
    if "=" in following:
        return False
    return given.endswith(("=", ",")) or (given.rstrip(":") in known_keys() and "=" not in given)


def _right_form(given: str, is_override: Callable[[str], bool]) -> str | None:
    """KEY=VALUE of `KEY = VALUE`, `KEY VALUE`, `KEY: VALUE`, `KEY/KEY=VALUE`, `KEY=(1, 2)`; None otherwise."""
    match = re.fullmatch(r"([\w./-]+)\s*(?::=|==|=|:|\s)\s*(.+)", given.strip(), re.DOTALL)
    if match is None:
        return None
    key = match[1].replace("/", ".")
    key = key if key in known_keys() else nearest_key(key) or ""
    value = re.sub(r"\s*([,=\[\](){}])\s*", r"\1", match[2])
    if key and "array" in types(schema_of_experiments(), node_of(key) or {}):
        value = f"[{value.strip('[](){}')}]"
    right = f"{key}={value}"
    return right if key and right != given and is_override(right) else None


def _has_slash_for_dot(given: str) -> bool:
    key = given.partition("=")[0]
    return "/" in key and key.replace("/", ".") in known_keys()


def _is_free_text(override: str) -> bool:
    key = override.partition("=")[0]
    node = node_of(key) or {}
    return key == "hydra.run.dir" or ("string" in types(schema_of_experiments(), node) and not choices(node))


def _hint(given: str, is_override: Callable[[str], bool], options: Mapping[str, str]) -> str:
    """What is meant by a bare word, several arguments in one, a function, or a text without quotes of its own."""
    key, equals, value = given.partition("=")
    if not equals:
        return _bare(given, options)
    several = [part.strip(",;") for part in given.split()]
    if all("=" in part and is_override(part) for part in several):
        return f" Did you mean {' '.join(several)}{', each an argument of its own' if several[1:] else ''}?"
    if re.fullmatch(r"\w+\(.*\)", value):
        return " A sweep knows interval(LOW,HIGH), range(START,STOP), choice(A,B) and glob(*)."
    if not value or value[0] in '"[{':
        return ""
    text = value.removeprefix("'").removesuffix("'") if value[0] == "'" else value
    quote = '\\"' if "'" in text else "'"
    return f' A text with other than plain letters and digits needs quotes of its own: "{key}={quote}{text}{quote}"'


def _bare(given: str, options: Mapping[str, str]) -> str:
    if given in COMMANDS:
        return f" Did you mean python -m experiments {given}?"
    if given in ("run", "train", "fit", "start", "runner.py"):
        return " runner.py trains without a word for it; leave it out."
    if given == "help":
        return " Did you mean --help?"
    if given not in known_keys() and (name := nearest_name(given, options)):
        return f" Did you mean {options[name]}={name}?"
    near = given if given in known_keys() else nearest_key(given)
    return f" Did you mean {near}=…?" if near else ""
