"""Downloads from a server on this machine: interrupted, repeated, by many processes at once, wrong, impossible."""

import hashlib
import http.server
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.datasets.catalogue import KnownDataset, OfficialFile
from experiments.datasets.download import Cache
from experiments.errors import UserError
from tests.conftest import environment
from tests.datasets import made_up

CHILD = """
import sys
from experiments.datasets.catalogue import KnownDataset, OfficialFile
from experiments.datasets.download import Cache
from pathlib import Path
folder, host, digest = sys.argv[1:]
known = KnownDataset("mnist", "MNIST", ("0", "1"), (28, 28), 1 / 255, (OfficialFile("mnist.npz", host, digest, 1),))
print(Cache(Path(folder)).fetch(known))
"""


class Server:
    """Serves one file, slowly where told, and counts the requests."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.pause = 0.0
        self.requests = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.content)))
                self.end_headers()
                for start in range(0, len(server.content), 4096):
                    self.wfile.write(server.content[start : start + 4096])
                    time.sleep(server.pause)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def hash(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def known(self, digest: str | None = None) -> KnownDataset:
        file = OfficialFile("mnist.npz", self.host, digest or self.hash, 1)
        return KnownDataset("mnist", "MNIST", ("0", "1"), (28, 28), 1 / 255, (file,))

    def child(self, folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), self.host, self.hash],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def server(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (2000, 28, 28), np.uint8)
    running = Server(made_up.npz(tmp_path / "published.npz", x_train=noise).read_bytes())
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_what_is_downloaded_is_found_the_next_time(tmp_path, server):
    cache = Cache(tmp_path / "cache")
    path = cache.fetch(server.known())
    assert path.read_bytes() == server.content
    assert cache.fetch(server.known()) == path
    assert server.requests == 1


def test_a_mirror_takes_the_hosts_place(tmp_path, server):
    file = OfficialFile("mnist.npz", "http://nowhere.invalid/", server.hash, 1)
    known = KnownDataset("mnist", "MNIST", ("0", "1"), (28, 28), 1 / 255, (file,))
    assert Cache(tmp_path).fetch(known, mirror=server.host.rstrip("/")).read_bytes() == server.content


def test_a_download_with_a_wrong_hash_is_not_kept(tmp_path, server, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(UserError) as caught:
        Cache(tmp_path / "cache").fetch(server.known("sha256:" + "0" * 64))
    assert "mnist.npz: is not the published file." in str(caught.value)
    assert hashlib.sha256(server.content).hexdigest() in str(caught.value)
    assert list((tmp_path / "cache").glob("*.npz")) == []


def test_no_network_and_nothing_on_disk_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    file = OfficialFile("mnist.npz", "http://127.0.0.1:9/", "sha256:" + "0" * 64, 1)
    known = KnownDataset("mnist", "MNIST", ("0", "1"), (28, 28), 1 / 255, (file,))
    with pytest.raises(UserError) as caught:
        Cache(tmp_path).fetch(known)
    said = str(caught.value)
    assert said.startswith("http://127.0.0.1:9/mnist.npz: cannot be downloaded (ConnectionError: ")
    assert f"Looked for mnist.npz in {tmp_path} and found none. Put mnist.npz into {tmp_path}" in said
    assert "dataset.path=" in said
    assert "dataset.mirror=" in said


def test_a_kill_during_a_download_leaves_only_a_temporary_file(tmp_path, server):
    folder = tmp_path / "cache"
    server.pause = 0.02
    child = server.child(folder)
    deadline = time.monotonic() + 30
    while not [path for path in folder.glob("*") if path.is_file() and path.stat().st_size > 4096]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not (folder / "mnist.npz").exists()
    server.pause = 0
    assert Cache(folder).fetch(server.known()).read_bytes() == server.content


def test_eight_processes_on_a_cold_cache_download_once(tmp_path, server):
    folder = tmp_path / "cache"
    children = [server.child(folder) for _ in range(8)]
    printed = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0] * 8, printed
    assert {out.strip() for out, _ in printed} == {str(folder / "mnist.npz")}
    assert (folder / "mnist.npz").read_bytes() == server.content
    assert server.requests == 1
