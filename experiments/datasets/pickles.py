"""Unpickling that makes plain values and number arrays, and calls nothing that the pickle names.

An allow-list of numpy's own functions would not do: a pickle may call `numpy.ndarray` with a buffer and the dtype
`object`, and numpy then takes bytes of the file for pointers. So every name a CIFAR file needs has a stand-in here.
"""

import pickle
import re
from typing import IO, Any, Literal

import numpy as np

from experiments.errors import UserError

NUMBERS = re.compile(r"[biuf][1248]")
BYTE_ORDERS: dict[str, Literal["|", "<", ">"]] = {"|": "|", "<": "<", ">": ">"}


class _Dtype:
    """Stands in for numpy.dtype."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.code = code.decode("ascii") if isinstance(code, bytes) else code
        self.order = BYTE_ORDERS["|"]

    def __setstate__(self, state: tuple) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in BYTE_ORDERS:
            raise pickle.UnpicklingError(f"an array of byte order {order!r:.40}")
        self.order = BYTE_ORDERS[order]

    def dtype(self) -> np.dtype:
        if not NUMBERS.fullmatch(self.code):
            raise pickle.UnpicklingError(f"an array of dtype {self.code!r:.40} holds no numbers")
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
    if order not in ("C", "F"):
        raise pickle.UnpicklingError(f"an array in order {order!r:.40}, which is neither C nor F")
    array = _Array()
    array.state = (1, shape, dtype, order == "F", content)
    return array


def _encode(text: str, encoding: str | bytes) -> bytes:
    """Stands in for _codecs.encode, by which Python 3 writes bytes in Python 2's protocols."""
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"bytes in {encoding!r:.40}, which is not latin1")
    return text.encode("latin1")


# All that the official CIFAR files, and files written again by any numpy since, name.
STAND_INS = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _encode,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return STAND_INS[module, name]


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
            f"{name}: refused ({error or type(error).__name__}), expected a pickled dict of arrays and plain values"
            " only. Get the file anew."
        ) from None
