"""Files → rows as a model takes them, exact, and every file that does not fit named."""

import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from experiments.errors import UserError
from experiments.rows import Layout, read

NAMES = tuple("0123456789")
DIGITS = Layout((8, 8), "uint8", 1 / 16, True, NAMES)
MNIST = Layout((28, 28), "uint8", 1 / 255, True, NAMES)
CIFAR = Layout((32, 32, 3), "uint8", 1 / 255, True, NAMES)
FEATURES = Layout((3,), "float32", 1.0, False, ("no", "yes"))
WORDS = (
    "expected one row of shape (8, 8) or a batch of them: whole numbers from 0 to 16 as stored, or floats from 0 to 1"
    " (stored values divided by 16)"
)


def array(tmp_path, values, name="rows.npy"):
    np.save(tmp_path / name, values)
    return tmp_path / name


def image(tmp_path, pixels, name="x.png", **options):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(tmp_path / name, **options)
    return tmp_path / name


def one(path, layout):
    (rows,) = read([path], layout)
    return rows


def refusal(path, layout=DIGITS):
    with pytest.raises(UserError) as raised:
        read([path], layout)
    first, last = str(raised.value).splitlines()
    assert last == "Nothing was predicted. Mend these files or leave them out."
    return first.removeprefix(f"{path}: ")


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (3, 8, 8), (3, 8, 8, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64"])
def test_arrays_of_one_row_or_a_batch(tmp_path, shape, dtype):
    stored = (np.arange(np.prod(shape)) % 17).reshape(shape)
    given = stored / 16 if dtype == "float64" else stored.astype(dtype)
    x = one(array(tmp_path, given), DIGITS).x
    assert x.dtype == np.uint8
    assert (x == stored.reshape(-1, 8, 8)).all()


def test_floats_of_8_bit_images_become_what_was_stored(tmp_path):
    stored = np.arange(28 * 28).reshape(28, 28).astype(np.uint8)
    assert (one(array(tmp_path, (stored / 255).astype(np.float32)), MNIST).x[0] == stored).all()


def test_the_only_array_of_an_npz_or_its_x(tmp_path):
    zeros, ones = np.zeros((8, 8), np.uint8), np.ones((2, 8, 8), np.uint8)
    np.savez(tmp_path / "one.npz", any=zeros)
    np.savez_compressed(tmp_path / "two.npz", x=ones, y=zeros)
    np.savez(tmp_path / "none.npz", a=ones, b=zeros)
    first, second = read([tmp_path / "one.npz", tmp_path / "two.npz"], DIGITS)
    assert (len(first.x), len(second.x)) == (1, 2)
    assert refusal(tmp_path / "none.npz") == "holds a, b, expected one array, or one named x"


def test_features_are_taken_as_they_are(tmp_path):
    x = one(array(tmp_path, np.array([[-1.5, 0.0, 1e6]])), FEATURES).x
    assert (x.dtype, x.tolist()) == (np.float32, [[-1.5, 0.0, 1e6]])
    too_large = refusal(array(tmp_path, np.array([1e300, 0, 0])), FEATURES)
    assert too_large == "has values too large for float32, expected 3 numbers a row, or a batch of such rows"
    assert refusal(image(tmp_path, np.zeros((8, 8))), FEATURES).startswith("is no .npy or .npz, expected 3 numbers")


def bad(index, value):
    values = np.zeros((2, 8, 8))
    values[index] = value
    return values


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.zeros((8, 9), np.uint8), "has the shape (8, 9)"),
        (np.zeros(64, np.uint8), "has the shape (64,)"),
        (np.zeros((8, 8, 3), np.uint8), "has the shape (8, 8, 3)"),
        (np.zeros((0, 8, 8), np.uint8), "has no rows (shape (0, 8, 8))"),
        (np.zeros((8, 8), bool), "has values of type bool"),
        (np.full((8, 8), "x"), "has values of type <U1"),
        (np.zeros((8, 8), complex), "has values of type complex128"),
        (bad((1, 2, 3), np.nan), "has nan at (1, 2, 3)"),
        (bad((0, 0, 0), -np.inf), "has -inf at (0, 0, 0)"),
        (bad((0, 0, 0), 16), "has float64 values from 0.0 to 16.0"),
        (np.full((8, 8), 255, np.uint8), "has uint8 values from 255 to 255"),
        (np.full((8, 8), -1), "has int64 values from -1 to -1"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, values, what):
    assert refusal(array(tmp_path, values)) == f"{what}, {WORDS}"


def test_pickles_are_never_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    for name, values in (("o.npy", np.array([Evil()], object)), ("d.npy", Evil())):
        np.save(tmp_path / name, values, allow_pickle=True)
        assert refusal(tmp_path / name).startswith("cannot be read (Object arrays cannot be loaded when allow_pickle=")
    np.savez(tmp_path / "o.npz", x=np.array([Evil()], object))
    assert refusal(tmp_path / "o.npz").startswith("cannot be read (Object arrays cannot be loaded")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_broken_array_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x93NUMPY")
    assert refusal(tmp_path / name).startswith("cannot be read (")
    (tmp_path / name).write_bytes(b"")
    assert refusal(tmp_path / name).startswith("cannot be read (")


def test_an_array_that_claims_to_be_larger_than_its_file(tmp_path):
    header = {"descr": "|u1", "fortran_order": False, "shape": (2**20, 2**20, 2**10)}
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    assert refusal(tmp_path / "x.npy").startswith("cannot be read (")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\0\x08\0{'descr'\n")  # not even Python's tokens
    assert refusal(tmp_path / "x.npy").startswith("cannot be read (")


def test_a_grey_image_of_the_right_size_is_taken_pixel_by_pixel(tmp_path):
    pixels = np.arange(28 * 28).reshape(28, 28).astype(np.uint8)
    rows = one(image(tmp_path, pixels), MNIST)
    assert (rows.x[0] == pixels).all()
    assert (rows.x.dtype, rows.note) == (np.uint8, "")


def test_pixels_are_brought_to_the_range_of_the_training_rows(tmp_path):
    pixels = np.zeros((8, 8))
    pixels[0, :4] = (255, 128, 16, 7)
    assert one(image(tmp_path, pixels), DIGITS).x[0, 0].tolist() == [16, 8, 1, 0, 0, 0, 0, 0]


def test_images_are_resized_by_the_means_of_areas(tmp_path):
    pixels = np.zeros((16, 32))
    pixels[:2, :4] = 255
    pixels[0, 4:8] = 255
    rows = one(image(tmp_path, pixels), DIGITS)
    assert rows.x[0, 0].tolist() == [16, 8, 0, 0, 0, 0, 0, 0]
    assert rows.note == "resized from 32×16 to 8×8"


def test_colour_where_the_model_takes_colour_and_grey_where_grey(tmp_path):
    red = np.zeros((32, 32, 3))
    red[..., 0] = 255
    path = image(tmp_path, red)
    assert one(path, CIFAR).x[0, 5, 5].tolist() == [255, 0, 0]
    assert one(path, MNIST).x[0, 5, 5] == 76  # Pillow's grey: 0.299 of red
    assert one(image(tmp_path, np.full((32, 32), 9), "grey.bmp"), CIFAR).x[0, 5, 5].tolist() == [9, 9, 9]


def test_what_is_transparent_is_laid_on_black(tmp_path):
    white = np.full((28, 28, 4), 255)
    white[:14, :, 3] = 0
    white[14, :, 3] = 128
    x = one(image(tmp_path, white), MNIST).x[0]
    assert (x[0, 0], x[14, 0], x[20, 0]) == (0, 128, 255)
    palette = Image.new("P", (28, 28), 1)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    palette.save(tmp_path / "p.png", transparency=1)
    assert not one(tmp_path / "p.png", MNIST).x.any()


def test_images_of_one_bit_and_of_16_bits(tmp_path):
    Image.new("1", (28, 28), 1).save(tmp_path / "bit.png")
    assert (one(tmp_path / "bit.png", MNIST).x == 255).all()
    Image.fromarray(np.full((28, 28), 128 * 257, np.uint16)).save(tmp_path / "deep.png")
    assert (one(tmp_path / "deep.png", MNIST).x == 128).all()
    Image.new("F", (28, 28)).save(tmp_path / "f.tiff")
    assert refusal(tmp_path / "f.tiff").startswith("has pixels of 32 bits, expected an image of 8 or 16 bits")


def test_the_first_frame_and_the_turned_photograph(tmp_path):
    frames = [Image.new("L", (28, 28), value) for value in (200, 100)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    rows = one(tmp_path / "moving.gif", MNIST)
    assert (rows.x == 200).all()
    assert rows.note == "the first of 2 frames"
    photograph = Image.new("L", (28, 28))
    photograph.paste(255, (0, 0, 28, 14))
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    photograph.save(tmp_path / "photograph.png", exif=exif)
    x = one(tmp_path / "photograph.png", MNIST).x[0]
    assert (x[0, 0], x[27, 0]) == (0, 255)


def png_of(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 60_000])  # Pillow warns of the one and refuses the other
def test_an_image_that_would_fill_the_memory(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png_of(side, side))
    assert refusal(tmp_path / "bomb.png").startswith("has more than 89,478,485 pixels, expected an image")


def test_all_bad_files_are_named_at_once(tmp_path):
    good = array(tmp_path, np.zeros((8, 8), np.uint8))
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    whole = image(tmp_path, np.random.default_rng(0).integers(0, 255, (64, 64)), "cut.png")
    whole.write_bytes(whole.read_bytes()[:600])
    strange = array(tmp_path, np.zeros((7, 7), np.uint8), "a\x1b[31m\nb.npy")
    files = [good, *(tmp_path / name for name in ("text.png", "drawing.eps", "cut.png", "nothing.npy", ".")), strange]
    with pytest.raises(UserError) as raised:
        read(files, DIGITS)
    images = "PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM"
    cut = next(line for line in str(raised.value).splitlines() if "cut.png" in line)
    assert "cut.png: cannot be read (" in cut
    assert str(raised.value).splitlines() == [
        "6 files do not fit:",
        f"{tmp_path}/text.png: is no image, expected one ({images}), .npy or .npz",
        f"{tmp_path}/drawing.eps: is no image, expected one ({images}), .npy or .npz",
        cut,
        f"{tmp_path}/nothing.npy: does not exist, {WORDS}",
        f"{tmp_path}: is a folder, expected an image ({images}), .npy or .npz",
        f"{tmp_path}/a\\x1b[31m\\nb.npy: has the shape (7, 7), {WORDS}",
        "Nothing was predicted. Mend these files or leave them out.",
    ]


def test_an_npz_without_arrays(tmp_path):
    np.savez(tmp_path / "x.npz")
    assert refusal(tmp_path / "x.npz") == "holds nothing, expected one array, or one named x"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x", b"text")
    assert refusal(tmp_path / "x.npz") == f"cannot be read (it holds no array), {WORDS}"
