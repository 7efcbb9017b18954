"""Files a user names → rows as a model takes them: images, and numpy's .npy and .npz."""

import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.errors import UserError
from experiments.text import plain

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # of Pillow's; EPS would start Ghostscript
MAX_BYTES = 2_000_000_000  # of one array, unpacked


@dataclass(frozen=True)
class Layout:
    """What a model takes: rows (n, *shape), stored as `dtype`; `scale` times a stored value lies in [0, 1].

    `images`: pixels; otherwise features, which are taken as they are. It answers with one of `class_names`.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float
    images: bool
    class_names: tuple[str, ...]

    @property
    def largest(self) -> int:
        """The largest stored pixel: 255 for 8-bit images."""
        return round(1 / self.scale)

    @property
    def in_words(self) -> str:
        shape = "×".join(map(str, self.shape))
        if not self.images:
            return f"{shape} numbers a row, or a batch of such rows"
        return (
            f"one row of shape {self.shape} or a batch of them: whole numbers from 0 to {self.largest} as stored,"
            f" or floats from 0 to 1 (stored values divided by {self.largest})"
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """What one file holds: x (n, *shape) as the model takes it; `note` says what was done to an image, or nothing."""

    file: Path
    x: np.ndarray
    note: str = ""


class _Unfit(Exception):
    """What a file has, in words."""


def read(files: Sequence[Path], layout: Layout) -> list[Rows]:
    """The rows of each file, in order.

    Raises:
        UserError: all files that are missing, broken or do not fit, a line each.
    """
    found, problems = [], []
    for file in files:
        try:
            found.append(_read(file, layout))
        except _Unfit as unfit:
            problems.append(f"{plain(file)}: {unfit}")
    if problems:
        lines = problems[0] if len(problems) == 1 else "\n".join([f"{len(problems)} files do not fit:", *problems])
        raise UserError(f"{lines}\nNothing was predicted. Mend these files or leave them out.")
    return found


def _read(file: Path, layout: Layout) -> Rows:
    is_array = file.suffix.lower() in (".npy", ".npz")
    expected = layout.in_words if is_array else f"an image ({', '.join(IMAGE_FORMATS)}), .npy or .npz"
    try:
        if not file.exists():
            raise _Unfit(f"does not exist, expected {expected}")
        if not file.is_file():
            raise _Unfit(f"is {'a folder' if file.is_dir() else 'no plain file'}, expected {expected}")
        if is_array:
            return Rows(file, _fitted(_array(file), layout))
        if not layout.images or len(layout.shape) not in (2, 3):
            raise _Unfit(f"is no .npy or .npz, expected {layout.in_words}")
        return _from_image(file, layout)
    except _Unfit:
        raise
    except Exception as error:  # a broken file makes numpy and Pillow raise anything
        raise _Unfit(f"cannot be read ({plain(error):.200}), expected {expected}") from None


def _array(file: Path) -> np.ndarray:
    """The array of an .npy, or the only one of an .npz, or its `x`; never a pickle, whose loading could run code."""
    if not zipfile.is_zipfile(file):
        return _plain_array(np.load(file, allow_pickle=False))
    with np.load(file, allow_pickle=False) as arrays:
        names = arrays.files
        if len(names) != 1 and "x" not in names:
            raise _Unfit(f"holds {plain(', '.join(names) or 'nothing'):.200}, expected one array, or one named x")
        for member in arrays.zip.infolist():
            if member.file_size > MAX_BYTES:
                raise _Unfit(f"unpacks to {member.file_size:,} bytes, expected at most {MAX_BYTES:,}")
        return _plain_array(arrays[names[0] if len(names) == 1 else "x"])


def _plain_array(value: object) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise TypeError("it holds no array")
    return value


def _fitted(array: np.ndarray, layout: Layout) -> np.ndarray:
    """One row or a batch, with or without a channel axis of 1 → (n, *shape) of the model's dtype."""
    kind = array.dtype.kind
    if kind not in "iuf":
        raise _Unfit(f"has values of type {array.dtype}, expected {layout.in_words}")
    shapes = [layout.shape]
    if layout.images:
        shapes.append((*layout.shape, 1))
        if layout.shape[-1] == 1:
            shapes.append(layout.shape[:-1])
    if array.shape not in shapes and array.shape[1:] not in shapes:
        raise _Unfit(f"has the shape {array.shape}, expected {layout.in_words}")
    if not array.size:
        raise _Unfit(f"has no rows (shape {array.shape}), expected {layout.in_words}")
    if kind == "f" and not np.isfinite(array).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise _Unfit(f"has {array[place]} at {place}, expected {layout.in_words}")
    x = array.reshape(-1, *layout.shape)
    if not layout.images:
        with np.errstate(over="ignore"):
            x = x.astype(layout.dtype)
        if not np.isfinite(x).all():
            raise _Unfit(f"has values too large for {layout.dtype}, expected {layout.in_words}")
        return x
    largest = layout.largest if kind in "iu" else 1
    if x.min() < 0 or x.max() > largest:
        raise _Unfit(f"has {array.dtype} values from {x.min()} to {x.max()}, expected {layout.in_words}")
    return (x if kind in "iu" else np.rint(x.astype(np.float64) * layout.largest)).astype(layout.dtype)


def _from_image(file: Path, layout: Layout) -> Rows:
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width = layout.shape[:2]
    channels = layout.shape[2] if len(layout.shape) == 3 else 1
    if channels not in (1, 3):
        raise _Unfit(f"is no .npy or .npz, expected {layout.in_words}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=IMAGE_FORMATS) as opened:
                frames = getattr(opened, "n_frames", 1)
                notes = [f"the first of {frames} frames"] if frames > 1 else []
                image = _flat(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _Unfit(
                f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels, expected an image that is held in memory with ease"
            ) from None
        except UnidentifiedImageError:
            raise _Unfit(f"is no image, expected one ({', '.join(IMAGE_FORMATS)}), .npy or .npz") from None
    if image.size != (width, height):
        notes.append(f"resized from {image.width}×{image.height} to {width}×{height}")
        image = image.resize((width, height), Image.Resampling.BOX)  # means of areas, as the digits' rows were made
    pixels = np.asarray(image, np.float64) / 255 * layout.largest
    return Rows(file, np.rint(pixels).astype(layout.dtype).reshape(1, *layout.shape), ", ".join(notes))


def _flat(image: "Image", mode: str) -> "Image":
    """Grey (L) or RGB; what is transparent is laid on black."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # Pillow's own conversion cuts off at 255
        image = Image.fromarray((np.asarray(image, np.uint16) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise _Unfit("has pixels of 32 bits, expected an image of 8 or 16 bits a channel")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image)
    return image.convert("RGB").convert(mode) if image.mode != mode else image
