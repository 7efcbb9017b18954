"""`runner.py --help`: the groups and their options, in the words of the YAML files' own first comments."""

import shutil
from pathlib import Path
from textwrap import fill

from experiments.config import key_help
from experiments.config.arguments import GROUPS
from experiments.config.overrides import option_names

USAGE = """\
Train a Keras network as a config says, and write reports and plots into a
folder of the run's own.

  python runner.py
      scikit-learn's digits: no download, seconds
  python runner.py dataset=cifar10 model=relu_1024_512
      chosen from the groups below
  python runner.py experiment=keras_mnist trainer.epochs=20
      a saved experiment, and any key changed
  python runner.py -m optimizer.learning_rate=0.001,0.01,0.1
      a sweep: one run for each value

Groups and their options (GROUP=OPTION)
{groups}

Keys, each with its default (KEY=VALUE)
{keys}

Other arguments
  -m, --multirun        run a sweep over all values given with commas
  --cfg job             show the composed config and run nothing
  --hydra-help          Hydra's own arguments
  hydra/launcher=joblib run the jobs of a sweep side by side, as many at a time
                        as hydra.launcher.n_jobs=2 says (more: docs/sweeps.md)
  hydra.run.dir=FOLDER  write into this folder instead of outputs/NAME/TIMESTAMP
  python -m experiments --help
                        look at and carry on with what was run

Environment
  EXPERIMENTS_PROGRESS  what a terminal shows of a training: bar (the default),
                        lines (the bar, and a line an epoch that stays) or none
  CUDA_VISIBLE_DEVICES  empty: no GPU is used
"""
NAMES_WIDTH = 32

ABOUT = {
    "dataset": "what is learnt from",
    "model": "the network's architecture",
    "optimizer": "how its weights are changed",
    "trainer": "how long and in what portions",
    "tracker": "what is told of it, beside the run's folder",
    "experiment": "a saved choice of all of these",
}


def text(conf: Path) -> str:
    """The whole help, as wide as the terminal; `conf` is the folder of groups."""
    width = min(max(shutil.get_terminal_size().columns, 80), 120)
    options = {group: option_names(group, [conf]) for group in GROUPS}
    lines = []
    for group, names in options.items():
        lines.append(f"  {group}: {ABOUT[group]}")
        lines += [_line(name, description(conf / group / f"{name}.yaml"), width) for name in names]
    kinds = {group: names for group, names in options.items() if group != "experiment"}
    return USAGE.format(groups="\n".join(lines), keys=key_help.text(kinds, width))


def _line(name: str, words: str, width: int) -> str:
    first = f"    {name} ".ljust(NAMES_WIDTH)
    return fill(words, width, initial_indent=first, subsequent_indent=" " * NAMES_WIDTH)


def description(path: Path) -> str:
    """The first comment of a YAML file that is meant for people."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("#").strip()
        if line.startswith("#") and not words.startswith(("@package", "yaml-language-server")):
            return words
    return ""
