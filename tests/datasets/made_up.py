"""Tiny data in every published form: 20 training and 10 test samples, two and one of each of ten classes.

Of CIFAR-100 it is ten times as many, of a hundred classes.
"""

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np

from experiments.config import DatasetConfig

TRAIN, TEST = 20, 10


def config(kind: str, **changes) -> DatasetConfig:
    values = {
        "kind": kind,
        "path": None,
        "cache_dir": None,
        "mirror": None,
        "test": "official",
        "validation": "test",
        "split_seed": 0,
        "limit": None,
    }
    return DatasetConfig(**(values | changes))


def arrays(shape: tuple[int, ...] = (28, 28), classes: int = 10) -> dict[str, np.ndarray]:
    """Row i of a split is filled with i; its class is i modulo `classes`."""
    made = {}
    for split, rows in (("train", 2 * classes), ("test", classes)):
        made[f"x_{split}"] = np.full((rows, *shape), 0, np.uint8) + np.arange(rows, dtype=np.uint8).reshape(
            -1, *(1 for _ in shape)
        )
        made[f"y_{split}"] = (np.arange(rows) % classes).astype(np.uint8)
    return made


def npz(path: Path, **changes) -> Path:
    np.savez(path, **(arrays() | changes))
    return path


def idx_bytes(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx(folder: Path, zipped: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = arrays()
    for name, key in (
        ("train-images-idx3-ubyte", "x_train"),
        ("train-labels-idx1-ubyte", "y_train"),
        ("t10k-images-idx3-ubyte", "x_test"),
        ("t10k-labels-idx1-ubyte", "y_test"),
    ):
        content = idx_bytes(made[key])
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def cifar_files(kind: str = "cifar10") -> dict[str, bytes]:
    """The batches' contents: pixels as planes of red, green, blue; labels as a list."""
    made = arrays((32, 32, 3), 10 if kind == "cifar10" else 100)

    def batch(x: np.ndarray, y: np.ndarray) -> bytes:
        key = b"labels" if kind == "cifar10" else b"fine_labels"
        data = np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(len(x), -1)
        return pickle.dumps({b"data": data, key: [int(label) for label in y]}, protocol=2)

    if kind == "cifar100":
        return {"train": batch(made["x_train"], made["y_train"]), "test": batch(made["x_test"], made["y_test"])}
    size = TRAIN // 5
    files = {
        f"data_batch_{number + 1}": batch(
            made["x_train"][number * size : (number + 1) * size], made["y_train"][number * size : (number + 1) * size]
        )
        for number in range(5)
    }
    return files | {"test_batch": batch(made["x_test"], made["y_test"])}


def cifar_folder(folder: Path, kind: str = "cifar10") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in cifar_files(kind).items():
        (folder / name).write_bytes(content)
    return folder


def tar(path: Path, files: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in extra:
            archive.addfile(member)
    return path
