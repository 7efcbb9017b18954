"""Unpickling that can make numpy arrays and plain values and nothing else."""

import io
import pickle
from typing import Any

from experiments.errors import UserError

# All that the official CIFAR files, and files written again by any numpy since, call.
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module, name)


def loads(content: bytes, name: str) -> Any:
    """Unpickle arrays and plain values.

    Raises:
        UserError: the pickle is broken or names anything else; what it names is not called.
    """
    try:
        return _Restricted(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a broken pickle can raise anything
        raise UserError(
            f"{name}: refused ({error}), expected a pickle of arrays and plain values only. Get the file anew."
        ) from None
