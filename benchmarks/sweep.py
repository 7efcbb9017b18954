"""A sweep of eight learning rates against eight plain Keras scripts, one after another; MNIST, 5 epochs each.

python benchmarks/sweep.py DATA [--pairs 3]     (DATA holds mnist.npz)
"""

import argparse
from pathlib import Path

from pairs import ROOT, compare, seconds

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
EPOCHS = "5"


def main() -> None:
    parser = argparse.ArgumentParser(description="A sweep against plain Keras scripts, one after another.")
    parser.add_argument("data")
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    data = str(Path(arguments.data).resolve())
    rates = "optimizer.learning_rate=" + ",".join(map(str, RATES))
    sweep = ("-m", "experiment=keras_mnist", f"dataset.path={data}", f"trainer.epochs={EPOCHS}", rates)
    runner, script = str(ROOT / "runner.py"), str(ROOT / "benchmarks" / "script.py")
    compare(
        lambda: sum(seconds(data, script, "mnist", EPOCHS) for _ in RATES),
        {
            "serial sweep": lambda: seconds(data, runner, *sweep),
            "two workers": lambda: seconds(data, runner, *sweep, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        },
        arguments.pairs,
    )


if __name__ == "__main__":
    main()
