"""Every published form on disk gives the same Dataset; what is broken or hostile is refused by name."""

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import datasets
from experiments.datasets import Split, catalogue, identity
from experiments.errors import UserError
from tests.conftest import environment
from tests.datasets import made_up
from tests.datasets.made_up import config


def complaint(kind: str, path: Path, **changes) -> str:
    with pytest.raises(UserError) as caught:
        datasets.load(config(kind, path=str(path), **changes))
    return str(caught.value)


def test_digits_need_nothing_on_disk():
    dataset = datasets.load(config("digits", test=0.25, validation=0.1))
    assert dataset.sizes == {"train": 1212, "validation": 135, "test": 450}
    assert dataset.train.x.dtype == np.uint8
    assert dataset.train.x.max() * dataset.scale == 1.0
    assert dataset.source == "scikit-learn"


@pytest.mark.parametrize("form", ["npz", "idx", "idx.gz", "folder of npz", "cache folder"])
def test_mnist_is_the_same_from_every_form(tmp_path, form):
    path = {
        "npz": lambda: made_up.npz(tmp_path / "any name.npz"),
        "idx": lambda: made_up.idx(tmp_path / "idx", zipped=False),
        "idx.gz": lambda: made_up.idx(tmp_path / "idx", zipped=True),
        "folder of npz": lambda: made_up.npz(tmp_path / "mnist.npz").parent,
        "cache folder": lambda: made_up.npz(tmp_path / "mnist.npz").parent,
    }[form]()
    dataset = datasets.load(config("mnist", path=str(path)))
    expected = made_up.arrays()
    np.testing.assert_array_equal(dataset.train.x, expected["x_train"])
    np.testing.assert_array_equal(dataset.test.y, expected["y_test"])
    assert dataset.train.y.dtype == np.int32
    assert dataset.fingerprint == fingerprint_of_made_up_mnist(tmp_path)


def fingerprint_of_made_up_mnist(tmp_path: Path) -> str:
    return datasets.load(config("mnist", path=str(made_up.npz(tmp_path / "reference.npz")))).fingerprint


@pytest.mark.parametrize("kind", ["cifar10", "cifar100"])
@pytest.mark.parametrize("form", ["folder", "folder of folder", "tar.gz", "npz"])
def test_cifar_is_the_same_from_every_form(tmp_path, kind, form):
    inner = catalogue.CATALOGUE[kind].extracted[0]
    files = made_up.cifar_files(kind)
    expected = made_up.arrays((32, 32, 3), len(catalogue.CATALOGUE[kind].class_names))
    path = {
        "folder": lambda: made_up.cifar_folder(tmp_path / "x", kind),
        "folder of folder": lambda: made_up.cifar_folder(tmp_path / inner, kind).parent,
        "tar.gz": lambda: made_up.tar(tmp_path / "x.tar.gz", {f"{inner}/{name}": files[name] for name in files}),
        "npz": lambda: made_up.npz(tmp_path / "x.npz", **expected | {"y_train": expected["y_train"].reshape(-1, 1)}),
    }[form]()
    dataset = datasets.load(config(kind, path=str(path)))
    np.testing.assert_array_equal(dataset.train.x, expected["x_train"])
    np.testing.assert_array_equal(dataset.train.y, expected["y_train"])
    np.testing.assert_array_equal(dataset.test.x, expected["x_test"])
    reference = made_up.npz(tmp_path / "reference.npz", **expected)
    assert dataset.fingerprint == datasets.load(config(kind, path=str(reference))).fingerprint


def test_data_that_lacks_classes_of_its_name_is_refused(tmp_path):
    labels = (np.arange(made_up.TRAIN) % 3).astype(np.uint8)
    path = made_up.npz(tmp_path / "x.npz", y_train=labels, y_test=labels[:10])
    said = complaint("mnist", path)
    assert said.startswith(
        f"{path}: the training samples are of 3 classes, expected all 10 of MNIST (none is of class 3, 4, 5, 6, 7 and 2"
        " more)."
    )
    assert "dataset.path=" in said
    assert "of 3 classes, expected all 10" in complaint("mnist", path, test=0.2)
    ten = made_up.npz(tmp_path / "ten.npz", **made_up.arrays((32, 32, 3)))
    assert "of 10 classes, expected all 100 of CIFAR-100" in complaint("cifar100", ten)


def test_data_of_another_name_is_refused():
    known = catalogue.CATALOGUE["fashion_mnist"]
    with pytest.raises(UserError, match=r"holds MNIST, expected Fashion-MNIST\. Write dataset=mnist, or name"):
        identity.check_name(lambda other: other.fingerprint, "x.npz", known)
    identity.check_name(lambda other: "another", "x.npz", known)


def test_a_copy_that_is_not_as_published_is_taken_and_said(tmp_path):
    from sklearn.datasets import load_digits

    def digits(name, **changes):
        x = load_digits().images.astype(np.uint8)
        arrays = {"x_train": x, "y_train": load_digits().target, "x_test": x[:0], "y_test": load_digits().target[:0]}
        path = made_up.npz(tmp_path / name, **(arrays | changes))
        return datasets.load(config("digits", path=str(path), test=0.25)).note

    assert datasets.load(config("digits", test=0.25)).note == ""
    assert digits("repacked.npz") == ""  # judged by its contents
    changed = load_digits().images.astype(np.uint8)
    changed[0, 0, 0] += 1
    assert (
        digits("x.npz", x_train=changed)
        == "not scikit-learn's digits as published: as many samples, but other contents"
    )
    assert datasets.load(config("mnist", path=str(made_up.npz(tmp_path / "small.npz")))).note == (
        "not MNIST as published: 20 and 10 training and test samples, published 60,000 and 10,000"
    )


def test_a_file_whose_contents_cannot_be_checked_is_said_to_be(tmp_path):
    folder = made_up.idx(tmp_path / "fashion-mnist", zipped=True)
    known = replace(catalogue.CATALOGUE["fashion_mnist"], sizes=(20, 10))
    split = Split(np.zeros(20), np.zeros(20)), Split(np.zeros(10), np.zeros(10))
    assert identity.note(*split, "f", known, folder).startswith("perhaps not Fashion-MNIST as published: it is not the")
    assert identity.note(*split, "f", known, None) == ""  # in the cache, where the hashes are checked
    files = tuple(
        replace(file, hash=f"sha256:{hashlib.sha256((folder / file.name).read_bytes()).hexdigest()}")
        for file in known.files
    )
    for place in (folder, tmp_path):
        assert identity.note(*split, "f", replace(known, files=files), place) == ""


def test_channels_come_last(tmp_path):
    pixels = np.arange(3072, dtype=np.uint16).astype(np.uint8).reshape(1, 3072)
    folder = made_up.cifar_folder(tmp_path)
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": pixels, b"labels": [1]}, protocol=2))
    test = datasets.load(config("cifar10", path=str(folder))).test
    assert test.x[0, 0, 1].tolist() == [1, (1024 + 1) % 256, (2048 + 1) % 256]
    assert test.x[0, 1, 0].tolist() == [32, (1024 + 32) % 256, (2048 + 32) % 256]


def test_validation_on_the_test_split_is_the_same_rows_and_says_so(tmp_path):
    dataset = datasets.load(config("mnist", path=str(made_up.npz(tmp_path / "x.npz"))))
    assert dataset.validation is dataset.test
    assert dataset.validation_is_test


def test_held_out_rows_are_stratified_seeded_and_not_in_training(tmp_path):
    path = str(made_up.npz(tmp_path / "x.npz"))
    first, again, other = (
        datasets.load(config("mnist", path=path, validation=0.5, split_seed=seed)) for seed in (0, 0, 1)
    )
    assert not first.validation_is_test
    assert sorted(first.validation.y) == list(range(10))
    rows = [set(split.x[:, 0, 0].tolist()) for split in (first.train, first.validation)]
    assert rows[0] & rows[1] == set()
    assert rows[0] | rows[1] == set(range(20))
    np.testing.assert_array_equal(first.validation.x, again.validation.x)
    assert first.validation.x.tobytes() != other.validation.x.tobytes()
    assert first.fingerprint == other.fingerprint


def test_a_fraction_for_test_splits_all_rows_anew(tmp_path):
    dataset = datasets.load(config("mnist", path=str(made_up.npz(tmp_path / "x.npz")), test=1 / 3))
    assert dataset.sizes == {"train": 20, "validation": 10, "test": 10}
    assert sorted(dataset.test.y) == list(range(10))


def test_limit_takes_a_stratified_part_of_train_and_test(tmp_path):
    dataset = datasets.load(config("mnist", path=str(made_up.npz(tmp_path / "x.npz")), limit=10))
    assert sorted(dataset.train.y) == list(range(10))
    assert dataset.sizes == {"train": 10, "validation": 10, "test": 10}


def test_a_limit_too_small_for_the_classes_is_told(tmp_path):
    said = complaint("mnist", made_up.npz(tmp_path / "x.npz"), limit=5)
    assert said.startswith(
        "dataset.limit: received 5, expected a part that has, and leaves, rows of each of the 10 classes"
    )


def test_the_path_comes_before_the_cache(tmp_path):
    cache = made_up.npz(tmp_path / "mnist.npz", y_train=np.zeros(made_up.TRAIN, np.uint8)).parent
    path = made_up.npz(tmp_path / "mine.npz")
    assert datasets.load(config("mnist", path=str(path), cache_dir=str(cache))).source == str(path)


def test_keras_home_is_respected(tmp_path, monkeypatch):
    folder = made_up.cifar_folder(tmp_path / "datasets" / "cifar-10-batches-py-target" / "cifar-10-batches-py")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert datasets.load(config("cifar10")).source == str(folder)


def test_a_long_and_odd_path_works(tmp_path):
    folder = tmp_path / ("é 'q\" " + "x" * 190)
    folder.mkdir()
    assert datasets.load(config("mnist", path=str(made_up.npz(folder / "ü $x.npz")))).sizes["train"] == 20


def test_a_path_that_is_not_there_or_holds_something_else_is_named(tmp_path):
    assert complaint("mnist", tmp_path / "none") == (
        f"dataset.path: {tmp_path / 'none'} does not exist, expected a file or folder that holds MNIST."
        " Mend the path, or leave it out for the cache or a download."
    )
    (tmp_path / "notes.txt").write_text("hello")
    assert f"dataset.path: {tmp_path} holds notes.txt; expected" in complaint("mnist", tmp_path)
    assert "is no form of MNIST" in complaint("mnist", tmp_path / "notes.txt")
    said = complaint("cifar10", made_up.npz(tmp_path / "mnist.npz"))
    assert "rows of the train split are uint8 of shape (28, 28), expected uint8 of shape (32, 32, 3)" in said


def test_an_archive_and_a_single_idx_file_lead_to_their_folder(tmp_path):
    folder = made_up.idx(tmp_path / "MNIST" / "raw", zipped=True)
    images = folder / "train-images-idx3-ubyte.gz"
    unpack = "is an archive, which is not looked into. Unpack it and give the folder that has the files"
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(images, images.name)
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        archive.add(images, images.name)
    (tmp_path / "archive.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    for name in ("archive.zip", "archive.tar.gz", "archive.7z"):
        assert f"{tmp_path / name}: {unpack}" in complaint("mnist", tmp_path / name)
    assert f"{tmp_path / 'archive.zip'}: {unpack}" in complaint("cifar10", tmp_path / "archive.zip")
    assert complaint("mnist", images) == (
        f"{images}: is one IDX file, and MNIST has four. Give the folder that holds them: dataset.path={folder}"
    )
    assert complaint("mnist", tmp_path).endswith(f". Did you mean dataset.path={folder}?")
    assert complaint("cifar10", tmp_path).endswith(". Unpack archive.7z first.")
    assert len(datasets.load(config("mnist", path=str(folder))).train) == made_up.TRAIN


def test_a_cached_file_with_a_wrong_hash_is_not_parsed_and_not_deleted(tmp_path):
    path = made_up.npz(tmp_path / "mnist.npz")
    content = path.read_bytes()
    with pytest.raises(UserError) as caught:
        datasets.load(config("mnist", cache_dir=str(tmp_path)))
    said = str(caught.value)
    assert "expected 731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1 (as published)" in said
    assert f"Give it by dataset.path={path} to use it as it is." in said
    assert path.read_bytes() == content


@pytest.mark.parametrize("keep", [10, 200, -20])
def test_a_truncated_npz_is_named(tmp_path, keep):
    path = made_up.npz(tmp_path / "x.npz")
    path.write_bytes(path.read_bytes()[:keep])
    assert str(path) in complaint("mnist", path)


def test_a_truncated_archive_is_named(tmp_path):
    path = made_up.tar(tmp_path / "x.tar.gz", made_up.cifar_files())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert f"{path}: is no whole tar archive" in complaint("cifar10", path)


def test_a_truncated_idx_file_is_named(tmp_path):
    folder = made_up.idx(tmp_path, zipped=False)
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    assert (
        complaint("mnist", folder)
        == f"{path}: holds 15,679 bytes, expected 15,680 for shape (20, 28, 28). Get the file anew."
    )
    path.write_bytes(b"GIF89a")
    assert "begins with 47 49 46 38, expected an IDX file of bytes" in complaint("mnist", folder)


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../climbed"),
        tarfile.TarInfo("/tmp/absolute-evil"),
        link("data_batch_1", tarfile.SYMTYPE, "/etc/passwd"),
        link("data_batch_1", tarfile.LNKTYPE, "../x"),
        link("device", tarfile.CHRTYPE, ""),
    ],
    ids=lambda member: member.name,
)
def test_members_that_leave_the_archive_are_refused(tmp_path, member):
    folder = tmp_path / "in"
    folder.mkdir()
    path = made_up.tar(folder / "x.tar.gz", made_up.cifar_files(), (member,))
    said = complaint("cifar10", path)
    assert f"member {member.name!r}" in said
    assert "refused" in said
    assert [entry.name for entry in tmp_path.rglob("*")] == ["in", "x.tar.gz"]


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path):
    folder = made_up.cifar_folder(tmp_path / "x")
    (folder / "data_batch_3").write_bytes(pickle.dumps({b"data": Evil(tmp_path / "ran")}))
    said = complaint("cifar10", folder)
    assert f"{folder / 'data_batch_3'}: refused (it names posix.system, which is no array)" in said
    assert not (tmp_path / "ran").exists()


def test_an_npz_of_objects_is_refused_and_does_not_run(tmp_path):
    path = made_up.npz(tmp_path / "x.npz", y_train=np.array([Evil(tmp_path / "ran")] * made_up.TRAIN, object))
    assert "Object arrays cannot be loaded" in complaint("mnist", path)
    assert not (tmp_path / "ran").exists()


def labels(value, dtype) -> np.ndarray:
    y = (np.arange(made_up.TRAIN) % 10).astype(dtype)
    y[7] = value
    return y


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"y_train": labels(-1, np.int64)},
            "label of row 7 of the train split: received -1, expected a whole number from 0 to 9",
        ),
        (
            {"y_train": labels(10, np.int64)},
            "label of row 7 of the train split: received 10, expected a whole number from 0",
        ),
        (
            {"y_train": labels(1.5, np.float64)},
            "label of row 7 of the train split: received 1.5, expected a whole number",
        ),
        (
            {"y_train": labels(np.nan, np.float64)},
            "label of row 7 of the train split: missing nan, expected a whole number",
        ),
        (
            {"y_train": labels(1, np.float64)},
            "label of row 0 of the train split: received 0.0, expected a whole number",
        ),
        ({"y_train": np.array(["cat"] * made_up.TRAIN)}, "labels of the train split are <U3"),
        ({"y_train": np.zeros(made_up.TRAIN, np.uint8)}, "all 20 rows of the train split are of class '0'"),
        ({"y_train": np.zeros(3, np.uint8)}, "the train split has 20 rows and labels of shape (3,)"),
        ({"y_test": labels(-1, np.int64)[:10]}, "label of row 7 of the test split: received -1"),
        ({"x_train": np.zeros((0, 28, 28), np.uint8), "y_train": np.zeros(0, np.uint8)}, "the train split has no rows"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "the test split has no rows"),
        ({"x_train": np.zeros((20, 28, 28), np.float32)}, "rows of the train split are float32 of shape (28, 28)"),
        ({"x_train": np.zeros((20, 28, 29), np.uint8)}, "expected uint8 of shape (28, 28)"),
    ],
)
def test_the_first_offender_is_named(tmp_path, changes, line):
    assert line in complaint("mnist", made_up.npz(tmp_path / "x.npz", **changes))


def test_an_npz_without_an_array_says_what_it_has(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    said = complaint("mnist", tmp_path / "x.npz")
    assert "has no x_train, y_train, x_test, y_test but images, expected the arrays" in said


def test_status_says_where_a_data_set_is(tmp_path):
    assert datasets.status("digits").path == "scikit-learn"
    assert datasets.status("cifar10", str(tmp_path)).path is None
    folder = made_up.cifar_folder(tmp_path / "cifar-10-batches-py")
    assert datasets.status("cifar10", str(tmp_path)).path == str(folder)
    with pytest.raises(UserError, match=r"cifar11: no data set, expected one of .* Did you mean cifar10\?"):
        datasets.status("cifar11")


@pytest.mark.realdata
@pytest.mark.skipif("EXPERIMENTS_DATA" not in os.environ, reason="EXPERIMENTS_DATA names no folder")
@pytest.mark.parametrize(
    ("kind", "shape", "rows"), [("mnist", (28, 28), (60_000, 10_000)), ("cifar10", (32, 32, 3), (50_000, 10_000))]
)
def test_the_real_data_loads(kind, shape, rows):
    dataset = datasets.load(config(kind, path=os.environ["EXPERIMENTS_DATA"]))
    assert dataset.shape == shape
    assert (len(dataset.train), len(dataset.test)) == rows
    assert set(dataset.train.y) == set(range(10))


@pytest.mark.realdata
@pytest.mark.skipif("EXPERIMENTS_DATA" not in os.environ, reason="EXPERIMENTS_DATA names no folder")
def test_the_printed_split_has_the_articles_sizes():
    path = os.environ["EXPERIMENTS_DATA"]
    dataset = datasets.load(config("mnist", path=path, test=0.25))
    assert dataset.sizes == {"train": 52_500, "validation": 17_500, "test": 17_500}


@pytest.mark.realdata
@pytest.mark.skipif("EXPERIMENTS_DATA" not in os.environ, reason="EXPERIMENTS_DATA names no folder")
@pytest.mark.parametrize("test", ["official", 0.25])
def test_loading_cifar10_keeps_its_memory_small(test):
    """The rows have 184 MB; reading and splitting them peaks below 600 MB, the interpreter included."""
    code = (
        "import resource; from experiments import datasets; from tests.datasets.made_up import config;"
        f"datasets.load(config('cifar10', path={os.environ['EXPERIMENTS_DATA']!r}, test={test!r}, validation=0.1));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert int(done.stdout) / (1024 if sys.platform == "linux" else 1024**2) < 600


def test_no_copy_is_left_of_a_reading(tmp_path):
    path = made_up.tar(tmp_path / "x.tar.gz", made_up.cifar_files())
    datasets.load(config("cifar10", path=str(path)))
    assert list(tmp_path.iterdir()) == [path]
    shutil.rmtree(tmp_path)
