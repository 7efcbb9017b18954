"""JSON, YAML and npz of files that may come from elsewhere → plain values, in bounded time and memory."""

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from experiments.errors import UserError
from experiments.received import LARGEST_TEXT, open_regular, read_text, unreadable

NESTING = (dict, list)  # a tuple is tested in half the time of a union
DEEPEST = 40  # levels of nesting; our own files have below ten
LARGEST_NUMBER = 2**63  # of a whole number; numpy's and pandas' hold no larger one
LARGEST_YAML = 200_000  # bytes
MOST_NODES = 50_000  # of a YAML document, with each alias counted as what it stands for
LARGEST_ARRAYS = 4_000_000_000  # bytes of an npz, unpacked


def read_json(path: Path, expected: str, limit: int = LARGEST_TEXT) -> Any:
    """What a JSON file holds.

    Raises:
        UserError: no JSON, too large, nested too deeply, or with numbers or text that nothing else can hold.
        FileNotFoundError: it is not there.
    """
    text = read_text(path, expected, limit)
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_int)
        _check_depth(value)
        if "\\u" in text:
            _check_text(value)
    except (ValueError, RecursionError) as error:
        why = "nested without end" if isinstance(error, RecursionError) else error
        raise unreadable(path, why, expected) from None
    return value


def read_yaml(path: Path, expected: str, limit: int = LARGEST_YAML) -> Any:
    """What a YAML file holds: plain values only, no key twice.

    Raises:
        UserError: no such YAML, too large, nested too deeply or growing beyond all bounds by its aliases.
        FileNotFoundError: it is not there.
    """
    text = read_text(path, expected, limit)
    try:
        return load_yaml(text)
    except (ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        why = "nested without end" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise unreadable(path, why, expected) from None


def load_yaml(text: str) -> Any:
    """Plain values of a YAML document.

    Raises:
        ValueError: it has a key twice, is nested too deeply, or has more nodes than MOST_NODES.
        RecursionError: its nesting has no end.
        yaml.YAMLError: it is no YAML, or more than plain values.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _measured(node, {}, 0)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _measured(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many nodes a node stands for, itself included."""
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if id(node) in known:
        return known[id(node)]
    size = 1
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            twice = next(key for number, key in enumerate(keys) if key in keys[:number])
            raise ValueError(f"it has the key {twice!r:.80} twice")
    for part in node.value if isinstance(node, yaml.CollectionNode) else ():
        for each in part if isinstance(part, tuple) else (part,):
            size += _measured(each, known, depth + 1)
        if size > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES:,} values, with its aliases written out")
    known[id(node)] = size
    return size


def read_arrays(path: Path, names: Iterable[str], expected: str, limit: int = LARGEST_ARRAYS) -> dict[str, np.ndarray]:
    """Arrays of numbers or text of an npz, by their names; never Python objects, whose loading could run code.

    Raises:
        UserError: no npz, an array lacks, or they unpack to more than `limit` bytes.
        FileNotFoundError: it is not there.
    """
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(getattr(arrays, "zip", None), zipfile.ZipFile):
                raise ValueError("it holds one array without a name")
            size = sum(member.file_size for member in arrays.zip.infolist())
            if size > limit:
                raise ValueError(f"it unpacks to {size:,} bytes, more than {limit:,}")
            return {name: arrays[name] for name in names}
    except (FileNotFoundError, UserError):
        raise
    except Exception as error:  # a damaged archive or header makes numpy raise nearly anything
        raise unreadable(path, error or type(error).__name__, expected) from None


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        parts = (part for each in level for part in (each.values() if isinstance(each, dict) else each))
        level = [part for part in parts if isinstance(part, NESTING)]
        if not level:
            return
    if level:
        raise ValueError(f"nested more than {DEEPEST} levels deep")


def _check_text(value: Any) -> None:
    """Halves of surrogate pairs are in no file that is written again."""
    if re.search(r"[\ud800-\udfff]", json.dumps(value, ensure_ascii=False)):
        raise ValueError("it has half a surrogate pair, which is no text")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"{text:.40} is too large a number")
    return number


def _int(text: str) -> int:
    number = int(text) if len(text) <= 20 else LARGEST_NUMBER
    if abs(number) >= LARGEST_NUMBER:
        raise ValueError(f"{text:.40} is too large a number")
    return number
