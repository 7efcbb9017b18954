"""What a launcher needs: packages that not everybody installs, and values that it can use."""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from experiments.config.hydra_groups import BASIC_LAUNCHER, LAUNCHERS
from experiments.config.mistakes import nearest, shown
from experiments.errors import UserError

# hydra/launcher → what is imported, and the project's extra that installs it.
PACKAGES = {"ray": ("ray", "ray"), "submitit_local": ("submitit", "slurm"), "submitit_slurm": ("submitit", "slurm")}


def _count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e6


def _word(value: Any) -> bool:
    """One line of a batch script, in which the value is to stand."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _gpus(value: Any) -> bool:
    return _amount(value) and (value < 1 or value == int(value))


COUNT = (_count, "a whole number, at least 1")
WORD = (_word, "a name on one line, or null")
EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "n_jobs": (lambda value: value == -1 or _count(value), "a number of processes, at least 1, or -1 for one a core"),
    "address": (
        lambda value: re.fullmatch(r"auto|[^\s:/]+:\d{1,5}", str(value)) is not None,
        "auto, HOST:PORT, or null for a Ray of the sweep's own",
    ),
    "num_cpus": COUNT,
    "num_gpus": (_gpus, "a whole number of GPUs, or a part of one, such as 0.5"),
    "cluster": (lambda value: value in ("local", "slurm"), "local or slurm"),
    "timeout_min": COUNT,
    "cpus_per_task": COUNT,
    "gpus_per_node": (lambda value: type(value) is int and value >= 0, "a whole number, at least 0"),
    "mem_gb": (lambda value: _amount(value) and value > 0, "a number above 0, or null for the cluster's default"),
    "slurm_partition": WORD,
    "slurm_account": WORD,
    "slurm_qos": WORD,
    "slurm_constraint": WORD,
    "slurm_array_parallelism": COUNT,
    "slurm_signal_delay_s": COUNT,
}
NULLABLE = ("address", "mem_gb", "slurm_partition", "slurm_account", "slurm_qos", "slurm_constraint")


def check_installed(name: str) -> None:
    """Whether jobs can be started by `hydra/launcher=name` here.

    Raises:
        UserError: what it needs is not installed.
    """
    package, extra = PACKAGES.get(name, ("", ""))
    if package and find_spec(package) is None:
        raise UserError(
            f"hydra/launcher={name}: needs the package {package}, which is not installed;"
            f" in the project's folder: pip install -e '.[{extra}]'"
        )
    if name == "submitit_slurm" and shutil.which("srun") is None:
        raise UserError(
            f"hydra/launcher={name}: there is no srun on this machine, expected one that submits to Slurm;"
            " hydra/launcher=joblib runs jobs on this machine"
        )


def name_of(launcher: Any) -> str | None:
    """The option of `hydra/launcher` that a composed `hydra.launcher` is; None where it is none that is known."""
    node = launcher if isinstance(launcher, dict) else {}
    known = {"basic": BASIC_LAUNCHER, **LAUNCHERS}
    for name, option in known.items():
        if all(node.get(key) == option[key] for key in ("_target_", "cluster") if key in option):
            return name
    return None


def refusals(launcher: Any) -> list[str]:
    """One line for each option of a launcher, Hydra's `hydra.launcher` (unresolved), that it could not use.

    Unknown keys are refused: submitit takes shell commands by some.
    """
    if not isinstance(launcher, dict):
        hint = f" Write hydra/launcher={launcher}, with a slash." if str(launcher) in LAUNCHERS else ""
        return [f"hydra.launcher: received {shown(launcher)}, expected an option, hydra/launcher=NAME.{hint}"]
    name = name_of(launcher)
    if name is None:
        return [
            f"hydra.launcher._target_: received {shown(launcher.get('_target_'))}, refused, since no config value"
            f" selects code to run; expected hydra/launcher={'|'.join(('basic', *LAUNCHERS))}"
        ]
    own = LAUNCHERS.get(name, BASIC_LAUNCHER)
    lines = []
    for key, value in launcher.items():
        if key == "_target_":
            continue
        if key not in own:
            lines.append(f"hydra.launcher.{key}: {_not_an_option(str(key), name)}")
            continue
        is_right, expected = EXPECTED[key]
        is_filled_in = isinstance(value, str) and "${" in value
        if is_filled_in or (not (value is None and key in NULLABLE) and not is_right(value)):
            lines.append(f"hydra.launcher.{key}: received {shown(value)}, expected {expected}")
    cores, wanted = os.cpu_count() or 1, launcher.get("num_cpus", 1)
    if "address" in launcher and launcher["address"] is None and _count(wanted) and wanted > cores:
        lines.append(f"hydra.launcher.num_cpus: received {wanted}, expected at most {cores}, the cores of this machine")
    return lines


def address_refusals(launcher: Mapping[str, Any], overrides: Sequence[str]) -> list[str]:
    """A line where a YAML file, not an override, names the machine that jobs go to: it could run code here."""
    address = launcher.get("address")
    is_given = any(text.lstrip("+").partition("=")[0] == "hydra.launcher.address" for text in overrides)
    if address in (None, "auto") or is_given:
        return []
    return [
        f"hydra.launcher.address: received {shown(address)} from a YAML file, expected auto or null there; a machine's"
        f" address is given on the command line: hydra.launcher.address='{address}'"
    ]


def _not_an_option(key: str, name: str) -> str:
    """What is wrong with an option that the launcher `name` does not have."""
    others = [other for other, option in LAUNCHERS.items() if key in option]
    if others:
        way_out = f"add hydra/launcher={others[0]}" if name == "basic" else "remove it"
        return f"belongs to hydra/launcher={' or '.join(others)}; here it is {name}; {way_out}"
    options = [option for option in LAUNCHERS.get(name, {}) if option != "_target_"]
    hint = nearest(key, options) or f" hydra/launcher={name} has {', '.join(options) or 'no options'}."
    return f"unknown key.{hint}"
