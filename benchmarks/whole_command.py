"""The whole command against a plain Keras script: `runner.py experiment=keras_mnist`, reports and all.

python benchmarks/whole_command.py DATA [--epochs 20] [--pairs 5]     (DATA holds mnist.npz)
"""

import argparse
from pathlib import Path

from pairs import ROOT, compare, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole command against a plain Keras script.")
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    data, epochs = str(Path(arguments.data).resolve()), str(arguments.epochs)
    runner = (str(ROOT / "runner.py"), "experiment=keras_mnist", f"dataset.path={data}", f"trainer.epochs={epochs}")
    compare(
        lambda: seconds(data, str(ROOT / "benchmarks" / "script.py"), "mnist", epochs),
        {"runner.py": lambda: seconds(data, *runner)},
        arguments.pairs,
    )


if __name__ == "__main__":
    main()
