"""A run's model.keras, judged before Keras sees it: a file that could run code or read other files is refused.

Keras' own safe mode has had holes in many releases (Lambda layers, helpers named as layers, links in the weights). So
what may stand in a file is listed here, and nothing else is let through.
"""

import io
import json
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import runs
from experiments.errors import UserError
from experiments.received import open_regular
from experiments.rows import Layout
from experiments.text import plain

if TYPE_CHECKING:
    import keras

FILE = "model.keras"
CONFIG, METADATA, WEIGHTS = MEMBERS = ("config.json", "metadata.json", "model.weights.h5")
MAX_CONFIG_BYTES = 16_000_000
MAX_WEIGHTS_BYTES = 4_000_000_000
OTHER_FORMATS = {b"\x89HDF\r\n\x1a\n": "an HDF5 file (the old .h5 format)"}
WAY_OUT = "Train the model anew, or get the file from where it was trained."

MAX_SIZE = 1_000_000  # of a layer, as in the config's schema
SMALLEST_SCALE = 1 / 65535  # that of 16-bit pixels


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Classes by module, each of which computes on numbers only. What experiments/models.py comes to use is added here.
ALLOWED = {
    "keras": _names("DTypePolicy Functional Sequential"),
    "keras.models": _names("Functional Sequential"),
    "keras.src.models.functional": _names("Functional"),
    "keras.layers": _names(
        """
        InputLayer Rescaling Normalization Flatten Reshape Permute Dense Activation Identity
        ReLU LeakyReLU PReLU ELU Softmax Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout
        BatchNormalization LayerNormalization GroupNormalization UnitNormalization
        Conv1D Conv2D DepthwiseConv2D SeparableConv2D ZeroPadding2D Cropping2D UpSampling2D
        MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D
        GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D
        Add Subtract Multiply Average Maximum Minimum Concatenate
        RandomFlip RandomTranslation RandomRotation RandomZoom RandomCrop RandomContrast RandomBrightness
        """
    ),
    "keras.initializers": _names(
        """
        Zeros Ones Constant Identity Orthogonal GlorotUniform GlorotNormal HeUniform HeNormal LecunUniform LecunNormal
        RandomNormal RandomUniform TruncatedNormal VarianceScaling
        """
    ),
    "keras.regularizers": _names("L1 L2 L1L2"),
    "keras.constraints": _names("MaxNorm MinMaxNorm NonNeg UnitNorm"),
    "keras.optimizers": _names("SGD Adam AdamW Adagrad Adadelta Adamax Nadam RMSprop Lion"),
}


def load(folder: Path) -> "keras.Model":
    """The model of a run, uncompiled, from raw rows as stored to probabilities.

    Raises:
        UserError: the run has no model, or its file is refused (see `judge`).
    """
    taken, path = layout(folder), folder / FILE
    import keras

    try:
        model = keras.models.load_model(path, safe_mode=True, compile=False)
    except Exception as error:  # a file from outside can be wrong in any way
        problem = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise _refusal(path, f"Keras cannot read it ({plain(problem):.200})", "a model that was saved whole") from None
    shapes = tuple(getattr(model, name, None) for name in ("input_shape", "output_shape"))
    if shapes != ((None, *taken.shape), (None, len(taken.class_names))):
        raise _refusal(
            path,
            f"it makes {shapes[1]} of {shapes[0]}",
            f"rows {taken.shape} and {len(taken.class_names)} classes as in {runs.RECORD}",
        )
    return model


def layout(folder: Path) -> Layout:
    """What a run's model takes and answers, by its file and run.json, without TensorFlow.

    Raises:
        UserError: as `load` does; or it has another input than one of rows, or run.json tells of other rows.
    """
    path, data = _found(folder), runs.read(folder).get("dataset")
    config = judge(path)
    try:
        layers = {layer["class_name"]: layer["config"] for layer in reversed(config["config"]["layers"])}
        rows = layers["InputLayer"]
        shape = tuple(int(size) for size in rows["batch_shape"][1:])
        scale = float(layers.get("Rescaling", {}).get("scale", 1.0))
        dtype = np.dtype(rows["dtype"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _refusal(path, "it has no input of rows", "a model that runner.py saved") from None
    if not (SMALLEST_SCALE <= scale <= 1 and shape and min(shape) > 0 and dtype.kind in "uif"):
        raise _refusal(path, f"it takes {dtype} rows {shape} scaled by {scale}", "a model that runner.py saved")
    if not isinstance(data, dict) or data.get("shape") != list(shape) or not _is_named(data.get("class_names")):
        raise UserError(
            f"{plain(folder / runs.RECORD)}: `dataset` does not tell of the rows that {FILE} takes, expected shape"
            f" {list(shape)} and class_names. {WAY_OUT}"
        )
    return Layout(shape, str(dtype), scale, data.get("rows") == "images", tuple(data["class_names"]))


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _found(folder: Path) -> Path:
    record = runs.received(folder)
    path = folder / FILE
    if not path.exists():
        others = [name for name in ("model.h5", "saved_model.pb", "saved_model") if (folder / name).exists()]
        beside = f" ({', '.join(others)} is there, which is never loaded)" if others else ""
        cause = f" ({plain(record['error'])})" if record.get("error") else ""
        raise UserError(
            f"{plain(folder)}: holds no {FILE}{beside}; the run's status is {plain(record['status'])}{cause}, expected"
            f" completed. {_way_to_a_model(folder, record['status'])}, or name another run."
        )
    return path


def _way_to_a_model(folder: Path, status: str) -> str:
    """What makes a run that has no model have one: only what was broken off can go on."""
    quoted = shlex.quote(plain(folder))
    if status == "diverged":
        return (
            "It would diverge again, so run it with another setting:"
            f" `python -m experiments rerun {quoted} optimizer.learning_rate=…`"
        )
    if status == "completed":
        return f"The file was removed; run it again with `python -m experiments rerun {quoted}`"
    mended = "Once the cause is mended, carry" if status == "failed" else "Carry"
    return f"{mended} it on with `python -m experiments resume {quoted}`"


def judge(path: Path) -> dict[str, Any]:
    """The model's config, once all of the file is found to be harmless; nothing of the file has run.

    Raises:
        UserError: the file is of another format or holds what is not listed above.
    """
    if path.is_dir():
        raise _refusal(path, "it is a folder (TensorFlow's SavedModel?)", "a .keras file")
    try:
        with open_regular(path) as file:
            start = file.read(8)
        if not zipfile.is_zipfile(path) or start in OTHER_FORMATS:
            raise _refusal(path, f"it is {OTHER_FORMATS.get(start, 'no zip archive')}", "a .keras file")
        with zipfile.ZipFile(path) as archive:
            _judge_members(path, archive.infolist())
            config = _judge_config(path, archive.read(CONFIG))
            _judge_weights(path, archive.read(WEIGHTS))
    except (
        OSError, ValueError, EOFError, KeyError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise _refusal(path, f"it cannot be read ({plain(error):.200})", "a whole .keras file") from None
    return config


def _judge_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = sorted(member.filename for member in members)
    if names != sorted(MEMBERS):
        shown = ", ".join(plain(name) for name in names[:8])
        raise _refusal(path, f"it holds {shown or 'nothing'}", f"{', '.join(MEMBERS)}, each once, and no more")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 0x1:
            raise _refusal(path, f"{member.filename} is compressed or encrypted", "members stored as they are")
        largest = MAX_WEIGHTS_BYTES if member.filename == WEIGHTS else MAX_CONFIG_BYTES
        if member.file_size > largest:
            raise _refusal(path, f"{member.filename} has {member.file_size:,} bytes", f"at most {largest:,}")


def _judge_config(path: Path, content: bytes) -> dict[str, Any]:
    try:
        config = json.loads(content)
    except RecursionError:
        raise _refusal(path, f"{CONFIG} is nested without end", "the config of a model") from None
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise _refusal(path, f"{CONFIG} names no class", "the config of a model")
    for node in _mappings(config):
        if "class_name" in node and not _is_known(node):
            raise _refusal(
                path,
                f"{CONFIG} has a {_object(node)}",
                "layers of Keras that only compute; other objects could run code when loaded",
            )
        for key in ("units", "filters", "batch_shape", "target_shape"):
            if (size := _largest(node.get(key))) > MAX_SIZE:
                raise _refusal(path, f"{CONFIG} has {key} of {size:,}", f"at most {MAX_SIZE:,}")
    return config


def _largest(value: Any) -> int | float:
    sizes = value if isinstance(value, list) else [value]
    return max((size for size in sizes if isinstance(size, int | float)), default=0)


def _mappings(config: Any) -> Iterator[dict[str, Any]]:
    """All mappings at any depth, nested models and the config of training included."""
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _is_known(node: dict[str, Any]) -> bool:
    name, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    if name == "__keras_tensor__":  # a layer's input, by its place in the network
        return module is None
    named = isinstance(name, str) and isinstance(module, str) and name in ALLOWED.get(module, ())
    return named and registered in (None, name)


def _object(node: dict[str, Any]) -> str:
    name, module, registered = (node.get(key) for key in ("class_name", "module", "registered_name"))
    kind = "Lambda layer: " if name in ("Lambda", "__lambda__") else ""
    text = f"{kind}{name} of module {module}"
    return plain(text if registered in (None, name) else f"{text}, registered as {registered}")[:200]


def _judge_weights(path: Path, content: bytes) -> None:
    """Groups and arrays of numbers that are in the file itself, reached by hard links."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        waiting: list[Any] = [file]
        seen = set()
        while waiting:
            group = waiting.pop()
            for name in group:
                where = f"{WEIGHTS}: {plain(group.name).rstrip('/')}/{plain(name)}"
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    target = plain(f"{getattr(link, 'filename', '')} {getattr(link, 'path', '')}".strip())
                    kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a soft link"
                    raise _refusal(path, f"{where} is {kind} to {target:.200}", "arrays that are in the file itself")
                item = group[name]
                if isinstance(item, h5py.Dataset):
                    _judge_array(path, where, item)
                elif not isinstance(item, h5py.Group):
                    raise _refusal(path, f"{where} is a {type(item).__name__}", "groups and arrays of numbers")
                elif (address := h5py.h5o.get_info(item.id).addr) not in seen:  # links may run in a circle
                    seen.add(address)
                    waiting.append(item)


def _judge_array(path: Path, where: str, array: Any) -> None:
    if array.external or array.is_virtual:
        raise _refusal(path, f"{where} keeps its values in another file", "arrays that are in the file itself")
    if array.dtype.kind not in "fiub":
        raise _refusal(path, f"{where} is of type {array.dtype}", "numbers")
    stored = array.id.get_storage_size()
    if array.chunks is not None or array.nbytes != stored:  # a header of a few bytes can claim any size
        shape = "×".join(map(str, array.shape)) or "one value"
        raise _refusal(
            path, f"{where} claims {array.nbytes:,} bytes ({shape}) and has {stored:,}", "arrays stored as they are"
        )


def _refusal(path: Path, found: str, expected: str) -> UserError:
    return UserError(f"{plain(path)}: refused, {found}; expected {expected}. {WAY_OUT}")
