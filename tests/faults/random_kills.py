"""Kill runs and sweeps at random moments, resume them each time, and compare their ends with those of untouched twins.

    python -m tests.faults.random_kills --kills 300 --seed 7 FOLDER

RELIABILITY 7, 33, 38, 39: progress never goes back, the end is exact, no report is stale, nothing is left over. A round
is one run or sweep with up to --kills-a-round kills; rounds go through --kinds until all kills are done. Half of the
kills come at random moments of a life, the others at moments that last for milliseconds: while a file is written, as
the training ends, while reports are drawn. FOLDER is made where it is not there.

Processes are forked from this one, which has imported TensorFlow, so that kills meet work and not imports; every tenth
is started from nothing, as are all workers.
"""

import argparse
import importlib
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import PROJECT, environment
from tests.faults import runs
from tests.faults.twins import differences

TINY = (
    "model.hidden_units=[16,8]",
    "model.dropout=0.3",
    "optimizer.momentum=0.9",
    "optimizer.learning_rate=0.01",
    "trainer.jit_compile=false",
    "trainer.batch_size=8",
)
STOPS = ("trainer.epochs=40", "trainer.early_stopping.patience=2", "trainer.early_stopping.min_delta=0.02")
KINDS = {
    "run": (*TINY, *STOPS),
    "serial": ("-m", *TINY, "trainer.epochs=6", "seed=1,2,3"),
    "joblib": ("-m", *TINY, "trainer.epochs=6", "seed=1,2,3", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "search": ("-m", *TINY, "trainer.epochs=6", "sweep.n_trials=4", "optimizer.learning_rate=interval(0.001,0.1)"),
}
PATIENCE_SECONDS = 300  # with one process, on a busy machine
COLD_SHARE = 0.1
SHORT_SECONDS = 0.3  # within which a kill follows on its moment


@dataclass
class Life:
    """One process that works on a run or sweep, and those it has started."""

    pid: int
    output: Path
    family: set[psutil.Process] = field(default_factory=set)
    status: int | None = None  # exit status; minus a signal's number, as in subprocess

    def look(self) -> bool:
        """Whether it still lives; its children are noted."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            else:
                self.family |= set(psutil.Process(self.pid).children(recursive=True))
        return self.status is None

    def wait(self, until: Callable[[], bool], seconds: float) -> None:
        """Until something is so, the time is over or the process has ended."""
        deadline = time.monotonic() + seconds
        while self.look() and time.monotonic() < deadline and not until():
            time.sleep(0.004)

    def kill(self, chance: random.Random) -> str:
        """Kill the process, one that it started, or all of them."""
        whom = chance.choice(["all", "all", "parent", "worker"]) if self.family else "parent"
        workers = sorted((each for each in self.family if each.is_running()), key=lambda each: each.pid)
        if whom == "worker" and workers:
            self._strike(chance.choice(workers).pid)
            return whom
        for pid in [self.pid, *(each.pid for each in workers if whom == "all")]:
            self._strike(pid)
        self.wait(lambda: False, PATIENCE_SECONDS)
        return whom

    def _strike(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def start(arguments: Sequence[str], output: Path, *, cold: bool) -> Life:
    """A process of `python ARGUMENTS`; both of the project's programs are known to be such."""
    if cold:
        with output.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=PROJECT, env=environment(), stdout=file, stderr=subprocess.STDOUT
            )
        return Life(process.pid, output)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _live(arguments, output)
    return Life(pid, output)


def _live(arguments: Sequence[str], output: Path) -> None:
    """In the child: never returns."""
    status = 70
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        os.chdir(PROJECT)
        sys.argv = list(arguments) if arguments[0] != "-m" else list(arguments[1:])
        if arguments[0] == "-m":
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(arguments[0], run_name="__main__")
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Round:
    """One run or sweep that is struck until its kills are done, then let end."""

    def __init__(self, kind: str, folder: Path, chance: random.Random, lasts: float) -> None:
        self.kind = kind
        self.folder = folder
        self.chance = chance
        self.lasts = lasts  # seconds of its twin's life
        self.output = folder.with_suffix(".txt")
        self.family: set[psutil.Process] = set()
        self.kills = 0
        self.has_ended = False

    def begin(self, retry: bool = False) -> Life:
        """Start it, or carry it on."""
        key, record = ("run", "run.json") if self.kind == "run" else ("sweep", "sweep.json")
        if (self.folder / record).exists():
            arguments = ["-m", "experiments", "resume", str(self.folder), *(["--retry-failed"] if retry else [])]
        else:
            arguments = [str(PROJECT / "runner.py"), *KINDS[self.kind], f"hydra.{key}.dir='{self.folder}'"]
        return start(arguments, self.output, cold=self.chance.random() < COLD_SHARE)

    def strike(self) -> str:
        """One life that ends early; how, in words."""
        life = self.begin()
        name, moment = self.chance.choice(self._moments())
        life.wait(moment, self.lasts)
        life.wait(lambda: False, self.chance.choice([0, self.chance.uniform(0, SHORT_SECONDS)]))
        had_ended = life.status is not None
        whom = "" if had_ended else life.kill(self.chance)
        life.wait(lambda: False, PATIENCE_SECONDS)  # where a worker was killed
        self.family |= life.family
        self.kills += not had_ended
        self.has_ended = life.status == 0
        return f"{name}: had ended" if had_ended else f"{name}: {whom} killed"

    def _moments(self) -> list[tuple[str, Callable[[], bool]]]:
        """Names of moments and what tells that one has come; the first is drawn as often as all others."""
        at, now, before = time.monotonic() + self.chance.uniform(0, self.lasts), time.time(), self._completed()
        special = [
            ("a job has completed", lambda: self._completed() > before),
            ("a plot is drawn", lambda: any(self.folder.rglob("plots/.tmp-*"))),
            ("the last plot is drawn", lambda: self._newest("plots/worst_mistakes.png") > now),
            ("the page is written", lambda: self._newest("report.html") > now),
        ]
        return [("any time", lambda: time.monotonic() > at)] * len(special) + special

    def _newest(self, name: str) -> float:
        return max((path.stat().st_mtime for path in self.folder.rglob(name)), default=0.0)

    def _completed(self) -> int:
        return sum('"status": "completed"' in path.read_text() for path in self.folder.rglob("run.json"))

    def end(self) -> list[str]:
        """Let it end, then say what is not as it should be."""
        for _ in range(8):  # a worker whose parent was killed may still be at a job
            life = self.begin(retry=self.kind != "run")
            life.wait(lambda: False, PATIENCE_SECONDS)
            self.family |= life.family
            if life.status == 0:
                break
            time.sleep(1)
        else:
            return [f"{self.folder}: ended with status {life.status}:\n{self.output.read_text()[-2000:]}"]
        alive = psutil.wait_procs(self.family, timeout=10)[1]
        return [f"{self.folder}: process {each.pid} still runs" for each in alive]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kills-a-round", type=int, default=8)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["run"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    _import()

    twins: dict[str, Round] = {}
    for kind in arguments.kinds:
        twin = Round(kind, arguments.folder / kind, chance, 0.0)
        began = time.monotonic()
        wrong = twin.end()
        assert not wrong, wrong
        twin.lasts = time.monotonic() - began
        twins[kind] = twin
        print(f"{kind}: untouched in {twin.lasts:.1f} s", flush=True)

    kills, violations = 0, []
    while kills < arguments.kills:
        for kind, twin in twins.items():
            if kills >= arguments.kills:
                break
            number = len(list(arguments.folder.glob(f"{kind}_*.txt")))
            struck = Round(kind, arguments.folder / f"{kind}_{number}", chance, twin.lasts)
            progress = ""
            for _ in range(min(arguments.kills_a_round, arguments.kills - kills)):
                said = struck.strike()
                print(f"  {struck.folder.name}, {said}", flush=True)
                reached = runs.checkpoints(struck.folder)[-1].name if runs.checkpoints(struck.folder) else progress
                if reached < progress:
                    violations.append(f"{struck.folder}: progress went back from {progress} to {reached}")
                progress = reached
                if struck.has_ended:
                    break
            kills += struck.kills
            wrong = [*struck.end()]
            wrong += [] if wrong else differences(struck.folder, twin.folder)
            violations += wrong
            print(f"{struck.folder.name}: {struck.kills} kills, {'; '.join(wrong) or 'exact'} ({kills})", flush=True)
            if not wrong:
                shutil.rmtree(struck.folder)
    print(f"{kills} kills (seed {arguments.seed}), {len(violations)} violations")
    return 1 if violations else 0


def _import() -> None:
    """All that a run needs, so that what is forked from here need not."""
    for name in (
        "experiments.experiment",
        "matplotlib.backends.backend_agg",
        "optuna",
        "sklearn.metrics",
        "tensorflow",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
