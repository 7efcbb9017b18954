"""Send SIGINT and SIGTERM at random moments, resume each time, and look at what is left.

    python -m tests.faults.random_signals --signals 200 --seed 7 FOLDER

RELIABILITY 37: none is lost, nothing is `failed`; the status is 130 or 143, run.json says `interrupted` (or
`completed`, where all had been trained), `resume` goes on to the end. FOLDER is made where it is not there.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import PROJECT
from tests.faults import runs

CONFIG = ("model.hidden_units=[16]", "trainer.epochs=3", "trainer.batch_size=64")
SWEEP = ("-m", *CONFIG, "seed=1,2,3")
KINDS = {
    "run": CONFIG,
    "serial": SWEEP,
    "joblib": (*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "search": ("-m", *CONFIG, "optimizer.learning_rate=interval(0.001,0.1)", "sweep.n_trials=3"),
}
LIMIT_SECONDS = 10.0  # for the whole end, on a machine that may be busy; a checkpoint and a page are part of it


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--lasts", type=float, help="seconds a run takes; measured where it is not given")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # children inherit it where a shell has it ignored
    chance = random.Random(arguments.seed)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    lasts = {kind: arguments.lasts or measured(arguments.folder / f"whole-{kind}", kind) for kind in arguments.kinds}
    total, violations, slowest = 0, 0, 0.0
    number = 0
    while total < arguments.signals:
        kind = arguments.kinds[number % len(arguments.kinds)]
        folder = arguments.folder / f"{number}-{kind}"
        shutil.rmtree(folder, ignore_errors=True)
        number += 1
        while total < arguments.signals:  # the same one again, until it has ended
            struck = strike(folder, kind, chance, lasts[kind])
            if struck is None:
                break
            text, seconds, wrong = struck
            total, violations, slowest = total + 1, violations + len(wrong), max(slowest, seconds)
            print(
                f"{total}: {kind} {text}, gone after {seconds:.1f} s{''.join(f'; VIOLATION {w}' for w in wrong)}",
                flush=True,
            )
            if wrong:
                break
        violations += report(kind, ended_well(folder, kind))
        if not violations:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{total} signals (seed {arguments.seed}), {violations} violations, slowest end {slowest:.1f} s")
    return violations > 0


def report(kind: str, wrong: list[str]) -> int:
    for text in wrong:
        print(f"at the end of {kind}: VIOLATION {text}", flush=True)
    return len(wrong)


def start(folder: Path, kind: str) -> "subprocess.Popen[str]":
    """A new run or sweep, or the same carried on; in a process group of its own, as in a terminal."""
    if (folder / "run.json").exists() or (folder / "sweep.json").exists():
        command = ["-m", "experiments", "resume", str(folder)]
    else:
        key = "run" if kind == "run" else "sweep"
        command = [str(PROJECT / "runner.py"), *KINDS[kind], f"hydra.{key}.dir='{folder}'"]
    return runs.child(command, start_new_session=True)


def measured(folder: Path, kind: str) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    status, _, err = runs.finish(start(folder, kind))
    assert status == 0, err
    return time.monotonic() - began


def strike(folder: Path, kind: str, chance: random.Random, lasts: float) -> tuple[str, float, list[str]] | None:
    """One start and one signal; what was seen, the seconds until its end, what is wrong. None: it had ended."""
    signum = chance.choice((signal.SIGINT, signal.SIGTERM))
    to_group = signum == signal.SIGINT and chance.random() < 0.5  # as Ctrl-C does
    before = records(folder)
    process = start(folder, kind)
    delay = chance.uniform(0.0, lasts)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        pass
    else:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
        return None
    sent = time.monotonic()
    (os.killpg if to_group else os.kill)(process.pid, signum)
    try:
        out, err = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return f"{signum.name} at {delay:.1f} s", 90.0, [f"the signal was lost\n{out}{err}"]
    seconds = time.monotonic() - sent
    wrong = violations(folder, records(folder) != before, process.returncode, signum, out + err)
    if seconds > LIMIT_SECONDS:
        wrong.append(f"slow: {seconds:.1f} s")
    if is_alive(process.pid):
        wrong.append("processes are left behind")
        os.killpg(process.pid, signal.SIGKILL)
    states = ", ".join(f"{name} {status}" for name, status in statuses(folder).items()) or "nothing begun"
    name = f"{signum.name}{' to the group' if to_group else ''}"
    return f"{name} at {delay:.1f} s: status {process.returncode}, {states}", seconds, wrong


def violations(folder: Path, began: bool, code: int, signum: signal.Signals, text: str) -> list[str]:
    """What must not be, after a signal; before anything began the process just goes."""
    wrong = []
    allowed = {128 + signum}
    if not began:
        allowed.add(-signum)  # Python itself was starting: the system's own way, 130 or 143 in a shell
        if text.endswith("KeyboardInterrupt\n"):  # in its module `site`
            allowed.add(1)
    if code not in allowed:
        wrong.append(f"exit status {code}\n{text}")
    wrong += [
        f"{name}: {status}\n{text}"
        for name, status in statuses(folder).items()
        if status not in ("interrupted", "completed")
    ]
    if (
        began
        and "experiments resume" not in text
        and "Traceback" not in text
        and set(statuses(folder).values()) - {"completed"}
    ):
        wrong.append(f"nobody said how to go on\n{text}")
    if "Traceback" in text and began:
        wrong.append(f"a traceback\n{text}")
    return wrong


def records(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in [*folder.glob("run.json"), *folder.glob("*/run.json")]}


def statuses(folder: Path) -> dict[str, str]:
    """Run, or job of a sweep, → its status by its run.json."""
    found = sorted([*folder.glob("run.json"), *folder.glob("*/run.json")])
    return {path.parent.name: json.loads(path.read_text())["status"] for path in found}


def is_alive(group: int) -> bool:
    """Whether a process of a group is still there after some seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def ended_well(folder: Path, kind: str) -> list[str]:
    """Carry it on to its end; what is wrong then."""
    status, out, err = runs.finish(start(folder, kind), timeout=300)
    wrong = [] if status == 0 else [f"exit status {status}\n{out}{err}"]
    wrong += [f"{name}: {state}" for name, state in statuses(folder).items() if state != "completed"]
    folders = [folder] if kind == "run" else [folder / str(number) for number in range(3)]
    wrong += [f"{path}: no page" for path in folders if not (path / "report.html").exists()]
    wrong += [f"{path}: left behind" for path in folder.rglob(".tmp-*")]
    return wrong


if __name__ == "__main__":
    sys.exit(main())
