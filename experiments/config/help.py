"""`runner.py --help`: the groups and their options, in the words of the YAML files' own first comments."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from experiments.config.arguments import GROUPS
from experiments.config.overrides import option_names

USAGE = """\
Train a Keras network as a config says, and write reports and plots into a folder of the run's own.

  python runner.py                                            scikit-learn's digits: no download, seconds
  python runner.py dataset=cifar10 model=relu_1024_512        choose from the groups below
  python runner.py experiment=keras_mnist trainer.epochs=20   a saved experiment, and any key changed
  python runner.py -m optimizer.learning_rate=0.001,0.01,0.1  a sweep: one run for each value

Groups and their options (GROUP=OPTION)
{groups}

Keys (KEY=VALUE)
{keys}

Other arguments
  -m, --multirun        run a sweep over all values given with commas
  --cfg job             show the composed config and run nothing
  --hydra-help          Hydra's own arguments
  python -m experiments --help   look at and carry on with what was run
"""

ABOUT = {
    "dataset": "what is learnt from",
    "model": "the network's architecture",
    "optimizer": "how its weights are changed",
    "trainer": "how long and in what portions",
    "tracker": "what is told of it, beside the run's folder",
    "experiment": "a saved choice of all of these",
}


def text(conf: Path) -> str:
    """The whole help; `conf` is the folder of groups."""
    groups = []
    for group in GROUPS:
        groups.append(f"  {group}: {ABOUT[group]}")
        groups += [
            f"    {name:<28}{description(conf / group / f'{name}.yaml')}" for name in option_names(group, [conf])
        ]
    return USAGE.format(groups="\n".join(groups), keys=_keys())


def description(path: Path) -> str:
    """The first comment of a YAML file that is meant for people."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("#").strip()
        if line.startswith("#") and not words.startswith(("@package", "yaml-language-server")):
            return words
    return ""


def _keys() -> str:
    from experiments.config.schema import ExperimentConfig

    return "\n".join(_described(ExperimentConfig, ""))


def _described(schema: type[BaseModel], prefix: str) -> Iterator[str]:
    """One line a key, depth first; of the optimizers' keys those of the default, SGD, of the trackers' MLflow's."""
    from experiments.config.schema import MLflowConfig, SGDConfig

    shown = {"optimizer": SGDConfig, "tracker": MLflowConfig}

    for name, field in schema.model_fields.items():
        below: Any = shown.get(name, field.annotation)
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _described(below, f"{prefix}{name}.")
        elif name != "kind":  # which kind is chosen by the group's option
            yield f"  {prefix + name:<44}{field.description}"
