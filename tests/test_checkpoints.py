"""A checkpoint is complete and right, or it is not used."""

import errno
import json
import os

import numpy as np
import pytest

from experiments import checkpoints as module
from experiments.checkpoints import Checkpoints, decode, encode
from experiments.training.state import _is_state

STATE = {
    "weights": [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 2), np.int64)],
    "best": float("-inf"),
    "nested": {"patience": 3, "flag": True, "none": None, "text": "é\n", "pair": (1, (2.5, "x"))},
    "scalar": np.float32(0.1),
    "numbered": {1: "one", (2, 3): [np.int64(4)]},
    "marker": {"__array__": "not one"},
}


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_state_comes_back_as_it_was(tmp_path):
    path = Checkpoints(tmp_path).save(STATE, epoch=1, step=2)
    assert path.name == "epoch-0000001-step-000000002.npz"
    assert_same(Checkpoints(tmp_path).load(), STATE)


def test_what_is_no_plain_data_is_refused():
    for value in (object(), len, {"f": [print]}, np.array([object()])):
        with pytest.raises(TypeError, match="holds no"):
            encode(value, {})


def test_encoding_is_json():
    arrays = {}
    assert_same(decode(json.loads(json.dumps(encode(STATE, arrays))), arrays), STATE)


def test_no_checkpoint(tmp_path):
    assert Checkpoints(tmp_path / "none").load() is None


def test_last_two_are_kept_and_order_is_by_step_whatever_the_clock_says(tmp_path):
    store = Checkpoints(tmp_path)
    for epoch, step in ((0, 3), (1, 0), (1, 20), (10, 5)):
        path = store.save({"at": [epoch, step]}, epoch=epoch, step=step)
    os.utime(path, (0, 0))
    assert names(tmp_path) == ["epoch-0000001-step-000000020.npz", "epoch-0000010-step-000000005.npz"]
    assert Checkpoints(tmp_path).load() == {"at": [10, 5]}


def flip(data: bytes) -> bytes:
    middle = data.index(b"\x07\x00\x00\x00" * 50) + 100
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [flip, lambda data: data[: len(data) // 2], lambda data: b"", lambda data: os.urandom(len(data))]
)
def test_damaged_newest_is_passed_over_with_a_warning(tmp_path, damage, caplog):
    store = Checkpoints(tmp_path)
    for epoch in (1, 2):
        path = store.save({"epoch": epoch, "x": np.full(500, 7, np.int32)}, epoch=epoch, step=0)
    path.write_bytes(damage(path.read_bytes()))

    again = Checkpoints(tmp_path)
    assert again.load()["epoch"] == 1
    assert f"{path}: damaged" in caplog.text

    # What is saved next must not push out the good one in favour of the damaged one.
    again.save({"epoch": 1}, epoch=1, step=9)
    assert names(tmp_path) == ["epoch-0000001-step-000000000.npz", "epoch-0000001-step-000000009.npz"]


def test_wrong_digest_is_damage(tmp_path, caplog):
    path = Checkpoints(tmp_path).save({"x": np.ones(3)}, epoch=1, step=0)
    with np.load(path) as archive:
        members = dict(archive)
    members["array_0"][1] = 2
    np.savez(path, **members)
    assert Checkpoints(tmp_path).load() is None
    assert "SHA-256" in caplog.text


def test_a_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "epoch-0000001-step-000000000.npz", state=np.array([{}], dtype=object), sha256=np.zeros(32))
    assert Checkpoints(tmp_path).load() is None


def test_all_damaged_is_none(tmp_path):
    Checkpoints(tmp_path).save({}, epoch=1, step=0).write_bytes(b"x")
    assert Checkpoints(tmp_path).load() is None


def test_a_failed_save_leaves_the_ones_before(tmp_path, monkeypatch):
    store = Checkpoints(tmp_path)
    store.save({"epoch": 1}, epoch=1, step=0)

    def full(file, **members):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        store.save({"epoch": 2}, epoch=2, step=0)
    assert names(tmp_path) == ["epoch-0000001-step-000000000.npz"]
    assert Checkpoints(tmp_path).load() == {"epoch": 1}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_a_full_disk_leaves_the_ones_before(tmp_path):
    import subprocess

    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        store = Checkpoints(tmp_path)
        store.save({"x": np.zeros(100_000, np.uint8)}, epoch=1, step=0)
        with pytest.raises(OSError, match="No space left"):
            store.save({"x": np.zeros(250_000, np.uint8)}, epoch=2, step=0)
        assert names(tmp_path) == ["epoch-0000001-step-000000000.npz"]
        assert Checkpoints(tmp_path).load()["x"].sum() == 0
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_state_may_have_counters_that_are_numpy_scalars():
    """An optimizer's number of steps is one: a check of the state that refused it would let no run go on."""
    state = {"epoch": 1, "step": 0, "seconds": 1.0, "totals": [1.0, 2], "history": [], "stop_training": False}
    state |= {"callbacks": [], "random": {}, "variables": [np.zeros(2, np.float32), np.int64(3)]}
    assert _is_state(state)
    assert not _is_state(state | {"variables": ["3"]})
