"""What is printed, on a terminal and where there is none; hostile text; long paths."""

import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments import console, listing, run_table, waiting
from experiments.config import ExperimentConfig
from experiments.config.composition import compose_command_line
from experiments.datasets import Dataset, Split, Status
from experiments.history import Epoch
from tests.conftest import environment
from tests.test_reports import record

HOSTILE = "\x1b[2J[red]x[/red]\n:smile: \u202e"
SHOWN = r"\x1b[2J[red]x[/red]\n:smile: \u202e"
LONG = Path("/outputs") / ("a long name " * 15) / "2026-01-01_00-00-00"


class Paper(Console):
    """A console that keeps what is printed."""

    def __init__(self, width: int = 80, **settings) -> None:
        super().__init__(
            file=io.StringIO(), markup=False, highlight=False, emoji=False, soft_wrap=True, width=width, **settings
        )

    @property
    def text(self) -> str:
        return self.file.getvalue()


class Clock:
    """Time that goes as fast as a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def epoch(number: int, loss: float = 1.5701) -> Epoch:
    return Epoch(number, loss, 0.4449, 1.6049, 0.4376, 0.01, 12.345)


@pytest.fixture(scope="module")
def config() -> ExperimentConfig:
    (job,) = compose_command_line(["model=sigmoid_256_128", "trainer.epochs=3", "seed=7"]).jobs
    return job.config


def dataset(validation_is_test: bool = False) -> Dataset:
    split = Split(np.zeros((1500, 28, 28), np.uint8), np.zeros(1500, np.int32))
    return Dataset(HOSTILE, split, split, split, ("a", "b"), "images", 1 / 255, "f", "made up", validation_is_test)


MODEL = {
    "parameters": 235146,
    "layers": [
        {"type": "Rescaling", "output_shape": [28, 28]},
        {"type": "Flatten", "output_shape": [784]},
        {"type": "Dense", "output_shape": [256]},
        {"type": "Dense", "output_shape": [128]},
        {"type": "Dense", "output_shape": [10]},
    ],
}


def test_the_header_says_what_runs_on_what(config):
    out = Paper()
    console.header(config, dataset(), MODEL, ["CPU 0", "GPU 0"], LONG, out=out)
    assert out.text == (
        "digits_mlp\n"
        f"  data     {SHOWN}, 28x28: 1,500 train, 1,500 validation, 1,500 test\n"
        "  network  784-256-128-10 sigmoid, 235,146 parameters\n"
        "  training sgd, learning rate 0.01, 3 epochs, batch size 32, seed 7\n"
        "  device   CPU 0, GPU 0\n"
        f"  folder   {LONG}\n"
    )


def test_the_header_says_when_validation_is_the_test_split(config):
    out = Paper()
    console.header(config, dataset(validation_is_test=True), MODEL, ["CPU 0"], LONG, out=out)
    assert "1,500 train, the test split validation, 1,500 test" in out.text


def test_without_a_terminal_there_is_one_plain_line_an_epoch():
    out = Paper()
    with console.TrainingProgress(100, 10, out=out) as progress:
        progress.step(5, {"loss": 2.0, "accuracy": 0.1})
        progress.epoch(epoch(3))
        progress.epoch(epoch(4, loss=1234567.0))
        progress.epoch(epoch(5, loss=float("nan")))
    end = "accuracy 0.4449  val_loss 1.6049  val_accuracy 0.4376  12.35 s"
    assert out.text.splitlines() == [
        f"epoch 3/100  loss 1.5701  {end}",
        f"epoch 4/100  loss 1.235e+06  {end}",
        f"epoch 5/100  loss nan  {end}",
    ]


def test_on_a_terminal_a_bar_shows_the_running_metrics_and_leaves_one_line(monkeypatch):
    clock, out = Clock(monkeypatch), Paper(force_terminal=True, color_system=None)
    with console.TrainingProgress(4, 10, out=out) as progress:
        for step in (5, 10):
            clock.now += 1
            progress.step(step, {"loss": 2.0 / step, "accuracy": step / 100})
        clock.now += 1
        progress.epoch(epoch(1))
    assert re.search(r"epoch 1/4 .* 12% ETA .* loss 0\.4000  accuracy 0\.0500", out.text)
    assert re.search(r"epoch 1/4 .* 25% ETA .* loss 0\.2000  accuracy 0\.1000", out.text)
    assert re.search(r"epoch 2/4 .* 25% ETA .* loss 1\.5701  val_accuracy 0\.4376", out.text)
    last = out.text.rstrip("\n").splitlines()[-1]
    assert last.endswith("epoch 1/4  loss 1.5701  accuracy 0.4449  val_loss 1.6049  val_accuracy 0.4376  12.35 s")


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (70, "val_accuracy 0.4376"),
        (80, "loss 1.5701  val_accuracy 0.4376"),
        (100, "loss 1.5701  accuracy 0.4449  val_accuracy 0.4376"),
        (120, "loss 1.5701  accuracy 0.4449  val_loss 1.6049  val_accuracy 0.4376"),
    ],
)
def test_a_bar_keeps_the_validation_accuracy_however_narrow_it_is(monkeypatch, width, shown):
    clock, out = Clock(monkeypatch), Paper(width, force_terminal=True, color_system=None)
    with console.TrainingProgress(100, 10, out=out) as progress:
        clock.now += 1
        progress.epoch(epoch(99))
        drawn = out.text.split("\r")[-1]
    assert f"0:00:00 {shown}" in drawn.replace("-:--:--", "0:00:00")
    assert len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).rstrip()) <= width


def test_past_epochs_stay_on_a_terminal_where_that_is_wished(monkeypatch, capsys):
    Clock(monkeypatch)
    kept = {}
    for style in ("lines", "none", "loud"):
        monkeypatch.setenv("EXPERIMENTS_PROGRESS", style)
        out = Paper(force_terminal=True, color_system=None)
        with console.TrainingProgress(2, 1, out=out) as progress:
            progress.epoch(epoch(1))
            progress.epoch(epoch(2))
        kept[style] = [number for number in (1, 2) if f"epoch {number}/2  loss 1.5701  accuracy" in out.text]
    assert kept == {"lines": [1, 2], "none": [], "loud": [2]}
    assert capsys.readouterr().err == (
        "EXPERIMENTS_PROGRESS: received 'loud', expected bar, lines, none; a bar is shown\n"
    )


def test_what_takes_seconds_is_said_on_a_terminal_only(monkeypatch, capsys):
    with waiting.said("starting TensorFlow …"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for term in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", term)
        with waiting.said("starting TensorFlow …"):
            pass
    assert capsys.readouterr().err == "starting TensorFlow …\r\x1b[Kstarting TensorFlow …\n"


def test_the_bar_is_drawn_a_few_times_a_second_at_most(monkeypatch):
    clock, out = Clock(monkeypatch), Paper(force_terminal=True, color_system=None)
    with console.TrainingProgress(1, 10_000, out=out) as progress:
        before = len(out.text)
        clock.now += 1
        for step in range(10_000):
            clock.now += 1e-4  # a second in all
            progress.step(step, {"loss": 1.0, "accuracy": 0.5})
    assert out.text[before:].count("accuracy 0.5000") <= 6


def test_a_resumed_run_goes_on_where_it_was(monkeypatch):
    clock, out = Clock(monkeypatch), Paper(force_terminal=True, color_system=None)
    with console.TrainingProgress(4, 10, out=out) as progress:
        clock.now += 1
        progress.epoch(epoch(3))
    assert re.search(r"epoch 4/4 .* 75% ", out.text)


def test_no_epoch_no_last_line():
    out = Paper(force_terminal=True, color_system=None)
    with pytest.raises(RuntimeError), console.TrainingProgress(4, 10, out=out):
        raise RuntimeError
    assert "val_loss" not in out.text


def test_the_footer_has_the_report_the_accuracy_and_unbroken_paths():
    out = Paper()
    console.footer(LONG, record(error=None), "precision  recall\n 0.5  0.5\n", out=out)
    assert out.text == (
        "\nprecision  recall\n 0.5  0.5\n\n"
        "test accuracy 0.9250, loss 0.2500\n"
        f"74.2 s; written to {LONG}\n"
        f"report: {LONG / 'report.html'}\n"
    )


def test_the_footer_of_a_run_that_diverged():
    out = Paper()
    console.footer(Path("run"), record(status="diverged", error=HOSTILE, metrics={}), None, out=out)
    assert out.text == f"diverged: {SHOWN}\n74.2 s; written to run\nreport: run/report.html\n"


def test_tables_and_summaries_show_hostile_text_as_text_and_whole_paths():
    out = Paper()
    out.width = console.UNLIMITED
    data = record()["dataset"] | {"name": HOSTILE, "source": HOSTILE}
    values = record(name=HOSTILE, command=HOSTILE, error=HOSTILE, dataset=data)
    out.out(run_table.text(listing.table([(LONG / "\x1b[31m", values)], listing.COLUMNS), run_table.UNLIMITED))
    console.run_summary(LONG, values, out=out)
    console.data_table([Status("mnist", "digits", f"{LONG}/{HOSTILE}", 11.0, "host")], out=out)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", out.text)
    assert str(LONG) + r"/\x1b[31m" in out.text
    assert out.text.count(SHOWN) == 7
    assert f"{LONG}/{SHOWN}" in out.text


def test_metrics_that_json_cannot_hold_are_shown():
    out = Paper()
    console.run_summary(Path("run"), record(metrics={"test": {"loss": None, "accuracy": 0.1}}), out=out)
    assert "accuracy 0.1000, loss nan" in out.text


PROGRAM = """
from experiments.console import TrainingProgress
from experiments.history import Epoch
with TrainingProgress(2, 1) as progress:
    for number in (1, 2):
        progress.epoch(Epoch(number, 1.0, 0.5, 1.0, 0.5, 0.01, 1.0))
"""


def test_a_pipe_gets_plain_lines_even_where_colour_is_forced():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(FORCE_COLOR="1"), capture_output=True, text=True, check=True
    )
    assert [line[:9] for line in done.stdout.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("term", "moves"), [("xterm", True), ("dumb", False)])
def test_a_real_terminal_gets_a_bar_and_a_dumb_one_lines(term, moves):
    ours, theirs = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment(TERM=term), stdout=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    assert child.wait(timeout=60) == 0
    assert (b"\x1b[" in text) == moves
    assert b"epoch 2/2  loss 1.0000  accuracy 0.5000  val_loss 1.0000" in text


def test_tensorflow_is_not_imported():
    program = "import sys, experiments.console; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
