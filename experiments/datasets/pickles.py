"""Unpickling that makes plain values and number arrays, and calls nothing that the pickle names.

An allow-list of numpy's own functions would not do: a pickle may call `numpy.ndarray` with a buffer and the dtype
`object`, and numpy then takes bytes of the file for pointers. So every name a CIFAR file needs has a stand-in here.
"""

import pickle
import re
from collections.abc import Callable
from typing import IO, Any, ClassVar, Literal

import numpy as np

from experiments.errors import UserError
from experiments.text import brief, plain

REFUSED = (
    pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET, pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.INST,
    pickle.OBJ, pickle.NEWOBJ_EX, pickle.PERSID, pickle.BINPERSID, pickle.NEXT_BUFFER,
)  # fmt: skip
MAX_ENCODED = 1_000_000_000
NUMBERS = re.compile(r"[biuf][1248]")
BYTE_ORDERS: dict[str, Literal["|", "<", ">"]] = {"|": "|", "<": "<", ">": ">"}


class _Dtype:
    """Stands in for numpy.dtype."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.code = code.decode("ascii") if isinstance(code, bytes) else code
        self.order = BYTE_ORDERS["|"]

    def __setstate__(self, state: tuple) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if not isinstance(order, str) or order not in BYTE_ORDERS:
            raise pickle.UnpicklingError(f"an array of byte order {brief(order)}")
        self.order = BYTE_ORDERS[order]

    def dtype(self) -> np.dtype:
        if not isinstance(self.code, str) or not NUMBERS.fullmatch(self.code):
            raise pickle.UnpicklingError(f"an array of dtype {brief(self.code)} holds no numbers")
        return np.dtype(self.code).newbyteorder(self.order)


class _Array:
    """Stands in for numpy.ndarray: what the pickle says of an array, until the pickle is read to its end."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _, shape, dtype, fortran, content = self.state
        return np.frombuffer(content, dtype.dtype()).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _frombuffer(content: Any, dtype: _Dtype, shape: tuple, order: str, *_: Any) -> _Array:
    if not isinstance(order, str) or order not in ("C", "F"):
        raise pickle.UnpicklingError(f"an array in order {brief(order)}, which is neither C nor F")
    array = _Array()
    array.state = (1, shape, dtype, order == "F", content)
    return array


# All that the official CIFAR files, and files written again by any numpy since, name.
STAND_INS = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
}


_Unpickler: Any = pickle._Unpickler  # the one in Python, whose operations are methods


class _Restricted(_Unpickler):  # type: ignore[misc]
    """Python's own unpickler, of whose operations those are taken out that plain values and arrays do not need.

    The keys of dicts are text or whole numbers: nested tuples that share their parts take a few bytes each, and to be
    hashed as many steps as they have parts, written out. Sets are refused for the same reason.
    """

    encoded = 0  # characters, so far

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return self.encode
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return STAND_INS[module, name]

    def encode(self, text: str, encoding: str | bytes) -> bytes:
        """Stands in for _codecs.encode, by which Python 3 writes bytes in Python 2's protocols."""
        if not isinstance(encoding, str | bytes) or encoding not in ("latin1", b"latin1"):
            raise pickle.UnpicklingError(f"bytes in {brief(encoding)}, which is not latin1")
        self.encoded += len(text)
        if self.encoded > MAX_ENCODED:  # the same text, again and again
            raise pickle.UnpicklingError(f"more than {MAX_ENCODED:,} bytes")
        return text.encode("latin1")

    def load_dict(self) -> None:
        items = self.pop_mark()
        _check_keys(items[::2])
        self.append(dict(zip(items[::2], items[1::2], strict=True)))

    def load_setitem(self) -> None:
        _check_keys(self.stack[-2:-1])
        _Unpickler.load_setitem(self)

    def load_setitems(self) -> None:
        _check_keys(self.stack[::2])
        _Unpickler.load_setitems(self)

    def load_build(self) -> None:
        if not isinstance(self.stack[-2], _Array | _Dtype):
            raise pickle.UnpicklingError("it changes what is no array")
        _Unpickler.load_build(self)

    def load_bytearray8(self) -> None:
        """As much as there is, whatever length is said."""
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def load_refused(self) -> None:
        raise pickle.UnpicklingError("it has an operation that no array needs")

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **_Unpickler.dispatch,
        **dict.fromkeys((operation[0] for operation in REFUSED), load_refused),
        pickle.DICT[0]: load_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def _check_keys(keys: list[Any]) -> None:
    if not all(type(key) in (str, bytes, int) for key in keys):
        raise pickle.UnpicklingError("a dict has keys that are neither text nor whole numbers")


def load(file: IO[bytes], name: str) -> dict[str, Any]:
    """Unpickle a dict of number arrays and plain values; `name` is for messages.

    Raises:
        UserError: the pickle is broken, is no dict or names anything but arrays; what it names is not called.
    """
    try:
        content = _Restricted(file, encoding="bytes").load()
        return {
            key.decode() if isinstance(key, bytes) else key: value.array() if isinstance(value, _Array) else value
            for key, value in content.items()
        }
    except Exception as error:  # a broken or hostile pickle can raise anything
        raise UserError(
            f"{name}: refused ({plain(error) or type(error).__name__:.200}), expected a pickled dict of arrays and"
            " plain values only. Get the file anew."
        ) from None
