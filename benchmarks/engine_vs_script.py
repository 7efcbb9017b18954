"""The engine against a plain Keras script, in turns: `python benchmarks/engine_vs_script.py mnist --pairs 5`.

Each run is a process of its own. Epoch time is the median of a run's epochs but the first, which compiles. A pair's two
runs follow each other, so that their ratio suffers least from what else the machine does; noise only ever adds time,
so the ratio of the quietest of each is printed too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def measure(program: str, name: str, epochs: int) -> dict[str, float]:
    command = [sys.executable, str(HERE / program), name, str(epochs)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    result = json.loads(done.stdout.splitlines()[-1])
    return {
        "epoch": statistics.median(result["seconds"][1:]),
        "command": seconds,
        "peak": result["peak_mb"],
        "loss": result["loss"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=["mnist", "cifar10"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()

    pairs = []
    for number in range(arguments.pairs):
        order = ("script.py", "engine.py") if number % 2 else ("engine.py", "script.py")
        runs = {program: measure(program, arguments.data, arguments.epochs) for program in order}
        pairs.append((runs["script.py"], runs["engine.py"]))
        script, ours = pairs[-1]
        print(
            f"pair {number + 1}: epoch {script['epoch']:.3f} / {ours['epoch']:.3f} s,"
            f" command {script['command']:.1f} / {ours['command']:.1f} s,"
            f" peak {script['peak']:.0f} / {ours['peak']:.0f} MB, loss {script['loss']:.4f} / {ours['loss']:.4f}",
            flush=True,
        )
    for what, unit in (("epoch", "s"), ("command", "s"), ("peak", "MB")):
        ratios = [script[what] / ours[what] for script, ours in pairs]
        medians = [statistics.median(side[what] for side in sides) for sides in zip(*pairs, strict=True)]
        quietest = [min(side[what] for side in sides) for sides in zip(*pairs, strict=True)]
        print(
            f"{what}: script {medians[0]:.3f} {unit}, engine {medians[1]:.3f} {unit};"
            f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}),"
            f" quietest {quietest[0] / quietest[1]:.2f}"
        )


if __name__ == "__main__":
    main()
