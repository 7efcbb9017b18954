"""The order of the search, what may lie in the cache, and downloads that go wrong on the way."""

import dataclasses
import hashlib
import http.server
import os
import threading
from pathlib import Path

import pytest

from experiments import datasets
from experiments.datasets import catalogue, download
from experiments.datasets.download import Cache
from experiments.errors import UserError
from tests.datasets import made_up
from tests.datasets.made_up import config


class Host:
    """Serves a folder; `answers` says of each request in turn what to do instead: a status, or "cut"."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self.answers: list[int | str] = []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.requests.append(self.path)
                answer = host.answers.pop(0) if host.answers else 200
                content = (folder / self.path.lstrip("/")).read_bytes() if answer in (200, "cut") else b""
                self.send_response(200 if answer == "cut" else int(answer))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if answer == "cut" else content)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def published(tmp_path) -> Path:
    """Tiny stand-ins for all official files, under their official names."""
    folder = tmp_path / "published"
    made_up.idx(folder, zipped=True)
    made_up.npz(folder / "mnist.npz")
    for kind in ("cifar10", "cifar100"):
        made_up.tar(folder / catalogue.CATALOGUE[kind].files[0].name, made_up.cifar_files(kind))
    return folder


@pytest.fixture
def host(published, monkeypatch):
    """The host of the stand-ins, whose hashes take the official ones' place in the catalogue."""
    running = Host(published)
    for name, known in catalogue.CATALOGUE.items():
        files = tuple(
            dataclasses.replace(
                file,
                host="http://nowhere.invalid/",
                hash=f"sha256:{hashlib.sha256((published / file.name).read_bytes()).hexdigest()}",
            )
            for file in known.files
        )
        monkeypatch.setitem(catalogue.CATALOGUE, name, dataclasses.replace(known, files=files))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_every_data_set_downloads_once_and_is_found_from_then_on(tmp_path, host, kind):
    first, second = (
        datasets.load(config(kind, cache_dir=str(tmp_path / "cache"), mirror=f"{host.address}/")) for _ in range(2)
    )
    classes = len(catalogue.CATALOGUE[kind].class_names)
    assert first.sizes == {"train": 2 * classes, "validation": classes, "test": classes}
    assert first.fingerprint == second.fingerprint
    assert sorted(host.requests) == sorted(f"/{file.name}" for file in catalogue.CATALOGUE[kind].files)
    assert first.source.startswith(str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_fetch_and_status_agree(tmp_path, host):
    cache = str(tmp_path / "cache")
    assert datasets.status("fashion_mnist", cache).path is None
    assert datasets.status("fashion_mnist", cache).megabytes == pytest.approx(30.84)
    datasets.fetch("fashion_mnist", cache, host.address)
    assert datasets.status("fashion_mnist", cache).path == str(tmp_path / "cache" / "fashion-mnist")
    datasets.fetch("digits", cache, host.address)
    assert len(host.requests) == 4


def test_only_what_lacks_is_downloaded(tmp_path, host, published):
    folder = tmp_path / "cache" / "fashion-mnist"
    folder.mkdir(parents=True)
    for path in published.glob("t*-ubyte.gz"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    Cache(tmp_path / "cache").fetch(catalogue.CATALOGUE["fashion_mnist"], host.address)
    assert host.requests == ["/t10k-labels-idx1-ubyte.gz"]


def test_a_wrong_file_among_several_is_named_before_any_download(tmp_path, host):
    folder = tmp_path / "cache" / "fashion-mnist"
    folder.mkdir(parents=True)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"cut")
    with pytest.raises(UserError) as caught:
        Cache(tmp_path / "cache").fetch(catalogue.CATALOGUE["fashion_mnist"], host.address)
    file = folder / "t10k-labels-idx1-ubyte.gz"
    assert f"{file}: is not the official file of Fashion-MNIST. Its SHA256 is " in str(caught.value)
    assert f"own copy, or be damaged. Give it by dataset.path={folder} to use it as it is." in str(caught.value)
    assert "elete" not in str(caught.value)
    assert host.requests == []


@pytest.mark.parametrize("kind", ["cifar10", "cifar100"])
def test_keras_folders_and_archives_are_found_without_a_download(tmp_path, host, published, kind):
    known = catalogue.CATALOGUE[kind]
    cache = Cache(tmp_path)
    for name in known.archives:
        (tmp_path / name).write_bytes((published / known.files[0].name).read_bytes())
        assert cache.fetch(known) == tmp_path / name
        (tmp_path / name).unlink()
    for name in known.extracted:
        folder = made_up.cifar_folder(tmp_path / name, kind)
        assert cache.fetch(known) == folder
        next(folder.iterdir()).unlink()  # half of an extraction is none
        assert cache.find(known) is None
    assert host.requests == []


def test_an_archive_that_keras_left_half_written_is_named(tmp_path, host):
    path = tmp_path / "cifar-10-batches-py-target_archive"
    path.write_bytes(b"half")
    with pytest.raises(UserError, match="is not the official file of CIFAR-10"):
        datasets.load(config("cifar10", cache_dir=str(tmp_path), mirror=host.address))
    assert path.read_bytes() == b"half"


def test_the_order_is_path_then_cache_then_download(tmp_path, host):
    cache, mine = tmp_path / "cache", made_up.npz(tmp_path / "mine.npz")
    where = {"cache_dir": str(cache), "mirror": host.address}
    with pytest.raises(UserError, match="does not exist"):  # no fall-back: the user meant that path
        datasets.load(config("mnist", path=str(tmp_path / "typo.npz"), **where))
    assert datasets.load(config("mnist", path=str(mine), **where)).source == str(mine)
    assert host.requests == []
    assert datasets.load(config("mnist", **where)).source == str(cache / "mnist.npz")
    assert host.requests == ["/mnist.npz"]


def test_the_default_cache_is_keras_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert Cache.at(None).folder == tmp_path / ".keras" / "datasets"
    assert Cache.at("~/data").folder == tmp_path / "data"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    assert Cache.at(None).folder == tmp_path / "k" / "datasets"


@pytest.mark.parametrize("trouble", ["cut", 500, 503])
def test_a_passing_trouble_is_tried_again(tmp_path, host, published, trouble):
    host.answers = [trouble, trouble]
    path = Cache(tmp_path / "cache").fetch(catalogue.CATALOGUE["mnist"], host.address)
    assert path.read_bytes() == (published / "mnist.npz").read_bytes()
    assert host.requests == ["/mnist.npz"] * 3


@pytest.mark.parametrize(
    ("answers", "said", "requests"),
    [(["cut"] * 3, "ChunkedEncodingError", 3), ([503] * 3, "503", 3), ([404], "404", 1), ([403], "403", 1)],
)
def test_a_lasting_trouble_is_told_and_leaves_nothing(tmp_path, host, answers, said, requests):
    host.answers = list(answers)
    with pytest.raises(UserError) as caught:
        Cache(tmp_path / "cache").fetch(catalogue.CATALOGUE["mnist"], host.address)
    assert f"{host.address}/mnist.npz: cannot be downloaded" in str(caught.value)
    assert said in str(caught.value)
    assert len(host.requests) == requests
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} <= {".lock"}


def test_a_wrong_hash_is_not_downloaded_again_and_again(tmp_path, host, published):
    (published / "mnist.npz").write_bytes(b"<html>Please log in</html>")
    with pytest.raises(UserError) as caught:
        Cache(tmp_path / "cache").fetch(catalogue.CATALOGUE["mnist"], host.address)
    assert hashlib.sha256(b"<html>Please log in</html>").hexdigest() in str(caught.value)
    assert len(host.requests) == 1
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} <= {".lock"}


def test_the_rest_of_a_killed_download_is_written_over(tmp_path, host, published):
    (tmp_path / ".mnist.npz.part").write_bytes(b"x" * 1_000_000)
    path = Cache(tmp_path).fetch(catalogue.CATALOGUE["mnist"], host.address)
    assert path.read_bytes() == (published / "mnist.npz").read_bytes()
    assert not (tmp_path / ".mnist.npz.part").exists()


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path, host):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as caught:
        datasets.load(config("mnist", cache_dir=str(tmp_path / "file"), mirror=host.address))
    assert str(caught.value).startswith(f"{tmp_path / 'file'}: cannot be written to (File exists)")
    assert "dataset.cache_dir=" in str(caught.value)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, host):
    (tmp_path / ".mnist.npz.part").symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left on device"):
        Cache(tmp_path).fetch(catalogue.CATALOGUE["mnist"], host.address)
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} <= {".lock"}


@pytest.mark.parametrize("folder", ["with space", "é'\"$ü", "n" * 200])
def test_odd_folder_names_work(tmp_path, host, folder):
    dataset = datasets.load(config("fashion_mnist", cache_dir=str(tmp_path / folder), mirror=host.address))
    assert dataset.source == str(tmp_path / folder / "fashion-mnist")
