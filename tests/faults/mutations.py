"""Files of run and sweep folders, wrong in every way, and the commands that read them: one message, no traceback, soon.

`python -m tests.faults.mutations 2000 [SEED]` tries so many, a few commands each, and counts what came out.
"""

import copy
import io
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from experiments import cli, launch, runs
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.reports import write_evaluation, write_html
from experiments.sweeps import files
from experiments.sweeps.ledger import Ledger
from tests.test_reports import dataset, evaluation, history

SECONDS = 20  # for one command: generous, as the machine may be busy
MUTATED = ("run.json", "sweep.json", "history.csv", "config.yaml", "predictions.npz", "classification_report.json")
VALUES: list[Any] = [
    None, True, -1, 0, 1.5, "text", "", [], {}, [[]], {"a": {}}, [1, "x", None], "\x1b[2J\x1b]0;x\x07", "=1+1",
    "../../x", "\ud800", "a\x00b\n\u202e", "x" * 5000, float("nan"), float("inf"), 10**400, -(10**30), 2**63, 1e308,
]  # fmt: skip
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
TEXTS = [
    BOMB, "- 1\n", "null\n", "", "a: 1\na: 2\n", "!!python/object/apply:os.system [exit]\n", "a: &a [*a]\n", "\x00",
    "a" * 300_000, f"x: {'1:' * 20_000}1\n", "NaN", "epoch,loss\n1,2\n",
]  # fmt: skip
ARRAYS = {
    "y_true": [np.arange(40) % 10, np.full(40, 99), np.full(40, -1), np.zeros(3), np.array(["a"] * 40)],
    "y_pred": [np.arange(40) % 10, np.zeros((2, 2), int), np.zeros(40), np.zeros(0, int)],
    "probabilities": [np.ones((40, 10)), np.ones(40), np.ones((40, 0)), np.full((40, 10), np.nan), np.ones((40, 3))],
}
READING = ("list", "list --json", "list --csv", "show RUN", "compare RUN OTHER", "report RUN", "tag RUN --add x",
           "verify RUN --reference keras_mnist", "predict RUN FILE", "evaluate RUN", "resume RUN")  # fmt: skip
OF_SWEEP = ("list", "show SWEEP", "report SWEEP", "compare SWEEP", "resume SWEEP")


def make(outputs: Path) -> None:
    """A finished run, another one and a sweep of two jobs, as the project writes them, with made-up results."""
    for folder in (outputs / "run", outputs / "other", outputs / "sweep" / "0", outputs / "sweep" / "1"):
        seed = folder.name if folder.name.isdecimal() else "7"
        job = compose_command_line([f"seed={seed}", "trainer.epochs=3"]).jobs[0]
        folder.mkdir(parents=True)
        run = runs.Run.start(folder, job.config, "python runner.py")
        names = tuple(map(str, range(10)))
        run.describe_data(dataset(names))
        run.progress(history(3), at_once=True)
        layer = {"name": "classes", "type": "Dense", "output_shape": [10], "parameters": 650}
        environment = {"versions": {"keras": "3"}, "platform": "x", "devices": ["CPU 0"], "cpu_count": 2, "git": None}
        run.update(
            metrics={name: {"loss": 0.5, "accuracy": 0.75} for name in ("train", "validation", "test")},
            model={"parameters": 650, "flops": 1280, "layers": [layer]},
            environment=environment,
            throughput={"rows_per_second": 80.0, "seconds_per_epoch": 0.5, "peak_memory_mb": 700.0},
        )
        write_evaluation(folder, evaluation(), names)
        run.finish("completed")
        write_html(folder)
    jobs = compose_command_line(["-m", "seed=0,1", "trainer.epochs=3"]).jobs
    arguments = ["-m", "seed=0,1", "trainer.epochs=3"]
    files.refresh(Ledger.create(outputs / "sweep", jobs, arguments, "python runner.py -m seed=0,1"))


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place in nested values."""
    yield path
    for key, value in (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    ):
        yield from places(value, (*path, key))


def with_value(content: Any, path: tuple[Any, ...], value: Any, *, remove: bool = False) -> Any:
    """The same with another value in one place, or without it."""
    if not path:
        return value
    changed = copy.deepcopy(content)
    node = changed
    for key in path[:-1]:
        node = node[key]
    if remove:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


def mutated(content: bytes, suffix: str, rng: random.Random) -> bytes:
    """The contents of a file with something wrong."""
    return rng.choice([_value, _value, _value, _value, _bytes, _cut, _nested, _encoding, _other])(content, suffix, rng)


def _cut(content: bytes, suffix: str, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _bytes(content: bytes, suffix: str, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 3, 30))):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


def _nested(content: bytes, suffix: str, rng: random.Random) -> bytes:
    depth = rng.choice((50, 5000, 100_000))
    opened = b'{"status": ' if suffix == ".json" and rng.random() < 0.5 else b""
    return opened + b"[" * depth + b"]" * depth + opened[:1].replace(b"{", b"}")


def _encoding(content: bytes, suffix: str, rng: random.Random) -> bytes:
    utf16 = content.decode("latin1").encode("utf-16")
    return rng.choice((utf16, b"\xff\xfe" + content, b"\xef\xbb\xbf" + content, b""))


def _value(content: bytes, suffix: str, rng: random.Random) -> bytes:
    """Another value, or none, in one place."""
    if suffix == ".json":
        values = json.loads(content)
        path = rng.choice(list(places(values)))
        changed = with_value(values, path, rng.choice(VALUES), remove=bool(path) and rng.random() < 0.3)
        return json.dumps(changed).encode()
    if suffix == ".csv":
        lines = [line.split(",") for line in content.decode().splitlines()]
        line = rng.choice(lines)
        line[rng.randrange(len(line))] = str(rng.choice(VALUES))[:4000]
        return "\n".join(",".join(line) for line in lines).encode("utf-8", "surrogatepass")
    if suffix == ".npz":
        arrays = {name: rng.choice(choices) for name, choices in ARRAYS.items()}
        arrays.pop(rng.choice([*arrays, "nothing"]), None)
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()
    lines = content.decode().splitlines()
    key, colon, _ = lines[number := rng.randrange(len(lines))].partition(":")
    lines[number] = rng.choice(["", f"{key}{colon} {rng.choice(VALUES)!s:.4000}", key])
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _other(content: bytes, suffix: str, rng: random.Random) -> bytes:
    return rng.choice(TEXTS).encode()


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """What takes longer raises TimeoutError."""

    def too_long(signum: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def call(arguments: list[str]) -> tuple[str, str]:
    """What came of one command: `done`, `refused` (one message), an exit status, or, in capitals, what is not to be."""
    try:
        with limited(SECONDS):
            if arguments[0] == "resume":
                _begin_to_resume(Path(arguments[1]))
                return "done", ""
            result = CliRunner().invoke(cli.app, arguments)
            error, said = result.exception, result.output
    except (Exception, SystemExit) as raised:
        error, said = raised, ""
    if isinstance(error, TimeoutError):
        return "HANGS", ""
    if isinstance(error, UserError):
        return "refused", str(error)
    if error is not None and not isinstance(error, SystemExit):
        return "TRACEBACK", f"{type(error).__name__}: {error}"
    if "\x1b" in said or "\x07" in said:
        return "ESCAPES", said
    return ("done" if error is None or not error.code else f"exit {error.code}"), said


def _begin_to_resume(folder: Path) -> None:
    """All that `resume` reads before it trains."""
    if (folder / runs.SWEEP).exists():
        with ExitStack() as folders:
            launch.prepare(["--resume", str(folder)], folders)
    else:
        runs.unchanged_config(folder, runs.received(folder))


def commands(name: str, rng: random.Random, outputs: Path) -> Iterator[list[str]]:
    """Some of the commands that read a file."""
    for form in rng.sample(OF_SWEEP if name == "sweep.json" else READING, 3):
        words = form.split()
        paths = {"RUN": "run", "OTHER": "other", "SWEEP": "sweep", "FILE": "image.png"}
        yield [str(outputs / paths[word]) if word in paths else word for word in words] + (
            [str(outputs)] if words[0] == "list" else []
        )


def trial(pristine: Path, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """One mutated file: for each command the outcome and what was said."""
    name = rng.choice(MUTATED)
    with tempfile.TemporaryDirectory() as place:
        outputs = Path(place) / "outputs"
        shutil.copytree(pristine, outputs)
        path = outputs / ("sweep" if name == "sweep.json" else "run") / name
        path.write_bytes(mutated(path.read_bytes(), path.suffix, rng))
        for line in commands(name, rng, outputs):
            yield (f"{name}: {line[0]}", *call(line))


def main(count: int, seed: int) -> Counter[str]:
    """So many mutated files; prints what is not to be, and the counts."""
    found: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place:
        make(Path(place) / "outputs")
        for number in range(count):
            rng = random.Random(f"{seed} {number}")
            started = time.monotonic()
            for what, outcome, said in trial(Path(place) / "outputs", rng):
                found[outcome] += 1
                if outcome.isupper():
                    print(f"{number}: {what}: {outcome}: {said[:300]}", flush=True)
            slowest = max(slowest, time.monotonic() - started)
            if number % 100 == 99:
                print(f"{number + 1} files: {dict(found)}", file=sys.stderr, flush=True)
    print(f"{count} files, {sum(found.values())} calls, slowest file {slowest:.1f} s: {dict(found)}")
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
