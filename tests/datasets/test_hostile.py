"""Files that lie, run code or are cut: refused by name, in every format, and never by a crash."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from experiments import datasets
from experiments.datasets import cifar, npz, pickles
from experiments.errors import UserError
from tests.datasets import made_up
from tests.datasets.made_up import config

DATA = np.arange(2 * 3072, dtype=np.uint16).astype(np.uint8).reshape(2, 3072)


def complaint(kind: str, path, **changes) -> str:
    with pytest.raises(UserError) as caught:
        datasets.load(config(kind, path=str(path), **changes))
    return str(caught.value)


def refused(content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        pickles.load(io.BytesIO(content), "batch")
    return str(caught.value)


class Calls:
    """Pickles as a call of `function` with these arguments."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_from_every_pickle_protocol(protocol, order):
    content = {b"data": np.asarray(DATA, order=order), "labels": np.array([3, -70000], ">i4"), b"names": [b"a", "b"]}
    batch = pickles.load(io.BytesIO(pickle.dumps(content, protocol)), "batch")
    np.testing.assert_array_equal(batch["data"], DATA)
    np.testing.assert_array_equal(batch["labels"], [3, -70000])
    assert batch["names"] == [b"a", "b"]


def test_a_pickle_of_python_2_and_an_old_numpy_is_read():
    pixels = bytes(range(6))
    content = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89U\x06" + pixels + b"tbU\x06labels](K\x06K\x09eu."
    )
    batch = pickles.load(io.BytesIO(content), "batch")
    assert batch["data"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert batch["labels"] == [6, 9]


@pytest.mark.parametrize(
    "call",
    [
        Calls(os.system, "exit 1"),
        Calls(eval, "1"),
        Calls(np.load, "x.npy"),
        Calls(np.zeros, 3),
        Calls(getattr, "", "join"),
        Calls(pickles.load, "x"),
    ],
    ids=lambda call: call.call[0].__name__,
)
def test_a_pickle_may_name_nothing_but_arrays(call):
    assert "which is no array" in refused(pickle.dumps({b"data": call}))


def test_numpys_own_constructors_are_not_called():
    """numpy.ndarray with a buffer and the dtype object would take these bytes for pointers."""
    forged = Calls(np.ndarray, (1,), np.dtype(object), b"\x01" * 8)
    assert "refused" in refused(pickle.dumps({b"data": forged}))
    huge = Calls(np.ndarray, (1 << 50,), np.dtype("u1"))
    assert "refused" in refused(pickle.dumps({b"data": huge}))


def test_arrays_of_objects_and_of_a_false_size_are_refused():
    assert "holds no numbers" in refused(pickle.dumps({b"data": np.array([None, 1], object)}))
    short = pickle.dumps({b"data": DATA}, protocol=2).replace(
        struct.pack("<BH", 77, 3072), struct.pack("<BH", 77, 3073)
    )
    assert "refused" in refused(short)


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps([1, 2]), pickle.dumps({b"data": DATA})[:-100]])
def test_a_broken_pickle_is_refused(content):
    assert refused(content).startswith("batch: refused (")


def test_bytes_in_another_encoding_than_latin1_are_refused():
    content = b"\x80\x02}U\x04datac_codecs\nencode\nX\x01\x00\x00\x00aU\x04zlib\x86Rs."
    assert "which is not latin1" in refused(content)


@pytest.mark.parametrize(
    ("label", "said"),
    [(None, "missing None"), (float("nan"), "missing nan"), (2.0, "received 2.0"), (-1, "received -1")],
)
def test_the_first_bad_label_of_a_cifar_list_is_named(tmp_path, label, said):
    folder = made_up.cifar_folder(tmp_path)
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": DATA, b"labels": [1, label]}))
    assert f"label of row 1 of the train split: {said}, expected a whole number from 0 to 9" in complaint(
        "cifar10", folder
    )


def test_a_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "mnist.npz")
    assert "mnist.npz is a FIFO, expected a file or folder that holds MNIST" in complaint(
        "mnist", tmp_path / "mnist.npz"
    )


def nested(kind, levels=60):
    """A few hundred bytes that are 2**60 values, written out."""
    value = kind()
    for _ in range(levels):
        value = kind((value, value))
    return value


def test_labels_of_lists_that_share_their_parts_are_bounded(tmp_path):
    folder = made_up.cifar_folder(tmp_path)
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": DATA, b"labels": [1, nested(list)]}))
    assert "label of row 1 of the train split: received a list of 2, expected a whole" in complaint("cifar10", folder)
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": DATA, b"labels": nested(list)}))
    assert "label of row 0 of the train split: received a list of 2, expected a whole" in complaint("cifar10", folder)


def test_a_pickle_takes_no_longer_than_it_is_long():
    """To hash nested tuples takes a step for each part, written out."""
    opcodes = b"\x80\x02)" + b"q\x00h\x00\x86" * 60
    as_key = b"\x80\x02}" + opcodes[2:] + b"K\x01s."
    assert "a dict has keys that are neither text nor whole numbers" in refused(as_key)
    assert "keys that are neither" in refused(b"\x80\x02}(" + opcodes[2:] + b"K\x01u.")
    assert "keys that are neither" in refused(b"\x80\x02(" + opcodes[2:] + b"K\x01d.")
    assert "refused (" in refused(b"\x80\x04(" + opcodes[2:] + b"\x91.")
    order = b"\x80\x02}U\x04datacnumpy\ndtype\nU\x02u1\x85R(K\x03" + opcodes[2:] + b"tbs."
    assert "an array of byte order a tuple of 2" in refused(order)


def test_a_pickle_changes_none_of_our_own_names():
    build = b"\x80\x02cnumpy\nndarray\nN}U\x05arrayK\x01s\x86b."
    assert "it changes what is no array" in refused(build)
    assert callable(pickles._Array.array)


def test_a_pickle_cannot_make_the_same_bytes_for_ever(monkeypatch):
    monkeypatch.setattr(pickles, "MAX_ENCODED", 1000)
    call = b"c_codecs\nencode\nX\x90\x01\x00\x00" + b"a" * 400 + b"U\x06latin1\x86R0"
    assert "more than 1,000 bytes" in refused(b"\x80\x02" + 3 * call + b"}.")


def test_a_cifar_batch_of_another_shape_or_length_is_named(tmp_path):
    folder = made_up.cifar_folder(tmp_path)
    batch = folder / "data_batch_2"
    batch.write_bytes(pickle.dumps({b"data": DATA, b"labels": [1]}))
    assert f"{batch}: 'labels' is 1 labels, expected a list of 2, one label a row" in complaint("cifar10", folder)
    batch.write_bytes(pickle.dumps({b"data": DATA[:, :10], b"labels": [1, 2]}))
    assert f"{batch}: `data` is uint8 of shape (2, 10), expected uint8 of shape (n, 3072)" in complaint(
        "cifar10", folder
    )
    batch.write_bytes(pickle.dumps({b"data": DATA, b"coarse_labels": [1, 2]}))
    assert f"{batch}: has no 'labels'" in complaint("cifar10", folder)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = made_up.tar(tmp_path / "x.tar.gz", made_up.cifar_files() | {"bomb": bytes(300_000)})
    monkeypatch.setattr(cifar, "MAX_BYTES", 200_000)
    assert "at member 'bomb', expected at most 200,000" in complaint("cifar10", path)


def test_an_archive_that_lacks_a_batch_is_named(tmp_path):
    files = made_up.cifar_files()
    del files["data_batch_4"]
    assert "has no data_batch_4, expected" in complaint("cifar10", made_up.tar(tmp_path / "x.tar.gz", files))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\0\0\0\0\0 no gzip"])
def test_what_is_no_archive_is_named(tmp_path, content):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(content)
    assert f"{path}: is no whole tar archive" in complaint("cifar10", path)


def test_gzip_is_told_by_contents_not_by_name(tmp_path):
    zipped = made_up.idx(tmp_path / "zipped", zipped=True)
    plain = made_up.idx(tmp_path / "plain", zipped=False)
    for path in list(zipped.iterdir()):
        path.rename(path.with_suffix(""))  # as some browsers name what they keep zipped
    for path in list(plain.iterdir()):
        path.rename(path.with_name(f"{path.name}.gz"))  # as others name what they unzip
    first, second = (datasets.load(config("mnist", path=str(folder))) for folder in (zipped, plain))
    assert first.fingerprint == second.fingerprint
    assert first.sizes == {"train": 20, "validation": 10, "test": 10}


def test_the_other_spelling_of_idx_names_is_understood(tmp_path):
    folder = made_up.idx(tmp_path, zipped=False)
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert datasets.load(config("fashion_mnist", path=str(folder))).class_names[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "begins with nothing, expected an IDX file of bytes"),
        (b"\0\0\x0d\x03" + bytes(12), "begins with 00 00 0d 03, expected an IDX file of bytes"),
        (b"\0\0\x08\x03" + bytes(7), "says that its shape is (0,), expected 3 sizes"),
        (
            b"\0\0\x08\x03" + struct.pack(">3I", 1 << 31, 28, 28),
            "says that its shape is (2147483648, 28, 28), expected",
        ),
        (made_up.idx_bytes(np.zeros((20, 28, 28), np.uint8)) + b"!", "holds more bytes, expected 15,680"),
        (b"\x1f\x8b" + bytes(30), "cannot be read"),
    ],
)
def test_an_idx_file_that_lies_is_named(tmp_path, content, said):
    path = made_up.idx(tmp_path, zipped=False) / "train-images-idx3-ubyte"
    path.write_bytes(content)
    assert f"{path}: {said}" in complaint("mnist", tmp_path)


def test_a_cut_gzip_is_named(tmp_path):
    path = made_up.idx(tmp_path, zipped=True) / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert f"{path}: cannot be read" in complaint("mnist", tmp_path)


def test_an_incomplete_idx_folder_says_what_it_holds(tmp_path):
    made_up.idx(tmp_path, zipped=False)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    said = complaint("mnist", tmp_path)
    assert "holds t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-images-idx3-ubyte; expected" in said


def test_an_npz_array_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = made_up.npz(tmp_path / "x.npz")
    monkeypatch.setattr(npz, "MAX_BYTES", 10_000)
    assert "x_train.npy unpacks to 15,808 bytes, expected at most 10,000" in complaint("mnist", path)


def test_an_npz_header_that_claims_more_than_memory_is_refused(tmp_path):
    path = made_up.npz(tmp_path / "x.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 60,)})
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as forged:
        for name, content in (members | {"x_train.npy": header.getvalue()}).items():
            forged.writestr(name, content)
    assert f"{path}: cannot be read" in complaint("mnist", path)


def test_an_unreadable_path_is_a_message_not_a_traceback(tmp_path):
    assert "does not exist" in complaint("mnist", tmp_path / ("x" * 300))
    assert "does not exist" in complaint("mnist", "~no-such-user/mnist.npz")
    assert "/dev/null is a device, expected a file or folder that holds MNIST" in complaint("mnist", "/dev/null")
    assert "holds nothing; expected" in complaint("cifar10", tmp_path)


def test_an_npz_header_that_ends_too_early_is_refused(tmp_path):
    path = made_up.npz(tmp_path / "x.npz")
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,\n"
    broken = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as forged:
        for name, content in (members | {"x_train.npy": broken}).items():
            forged.writestr(name, content)
    assert f"{path}: cannot be read" in complaint("mnist", path)
