"""A display that fails ends nothing (RELIABILITY 41)."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import streams
from tests.conftest import PROJECT, environment


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_device() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(("descriptor", "failure"), [(closed_pipe, None), (full_device, "No space left on device")])
def test_a_stream_that_fails_falls_silent(descriptor, failure):
    with open(descriptor(), "w", encoding="utf-8") as file:
        stream = streams.Muted(file)
        assert stream.write("one line\n") == 9
        for _ in range(2):
            stream.writelines(["more\n"] * 5000)
            stream.flush()
        assert (stream.failure and stream.failure.strerror) == failure
        assert stream.encoding == "utf-8"  # all else is the stream's own
    stream.write("after its end")


def test_what_an_encoding_lacks_is_spelled_out(monkeypatch):
    paper = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(paper, encoding="ascii"))
    streams.mute()
    print("Prüfstand \udcff", flush=True)
    assert paper.getvalue() == b"Pr\\xfcfstand \\udcff\n"


def through_shell(redirection: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$0" "$@" {redirection}', sys.executable, *arguments],
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_last_flush_does_not_change_the_status():
    writer = closed_pipe()
    code = "from experiments import streams; streams.mute(); print('buffered to the end')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(), stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("redirection", "status", "err"),
    [("| true", 0, ""), ("> /dev/full", 1, "standard output: No space left on device\n"), (">&-", 0, "")],
)
def test_a_command_that_shows_ends_quietly_or_says_that_its_output_is_not_whole(tmp_path, redirection, status, err):
    done = through_shell(redirection, "-m", "experiments", "list", str(tmp_path))
    assert (done.returncode, done.stderr) == (status, err)


def test_a_training_goes_on_without_any_display(tmp_path):
    folder = tmp_path / "run"
    done = through_shell(
        "> /dev/full 2>&-",
        str(PROJECT / "runner.py"),
        "name='Prüfstand'",
        "trainer.epochs=2",
        "model.hidden_units=[8]",
        f"hydra.run.dir='{folder}'",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["error"], record["epochs_completed"]) == ("completed", None, 2)
    assert (folder / "report.html").exists()
    assert "name: Prüfstand" in Path(folder / "config.yaml").read_text(encoding="utf-8")
