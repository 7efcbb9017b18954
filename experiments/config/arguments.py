"""The arguments of runner.py as one typed value: flags and overrides in any order, nothing abbreviated.

What Hydra gets later is built anew from this value, so that it cannot understand an argument otherwise than it was
checked. Hydra's own parser takes abbreviations, and one of its flags loads a pickle.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config.defaults import CONF
from experiments.config.mistakes import shown
from experiments.config.names import known_keys, nearest_key
from experiments.errors import UserError

GROUPS = ("dataset", "model", "optimizer", "trainer", "tracker", "experiment")
RERUN = "--experimental-rerun"
CONFIG_PARTS = ("job", "hydra", "all")
INFORMATION = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
COMPLETION = ("install", "uninstall", "query")

# What each flag sets. Those in ACTIONS do something else than to run; at most one of them can be given.
FLAGS = {
    "-m": "multirun",
    "--multirun": "multirun",
    "-r": "run",
    "--run": "run",
    "-h": "help",
    "--help": "help",
    "--hydra-help": "hydra_help",
    "--version": "version",
    "-c": "cfg",
    "--cfg": "cfg",
    "-i": "info",
    "--info": "info",
    "-sc": "shell_completion",
    "--shell-completion": "shell_completion",
    "--resume": "resume",
    "--retry-failed": "retry_failed",
    "--resolve": "resolve",
    "-p": "package",
    "--package": "package",
    "-cp": "config_path",
    "--config-path": "config_path",
    "-cn": "config_name",
    "--config-name": "config_name",
    "-cd": "config_dir",
    "--config-dir": "config_dir",
}
ACTIONS = {
    "help": "--help",
    "hydra_help": "--hydra-help",
    "version": "--version",
    "cfg": "--cfg",
    "info": "--info",
    "shell_completion": "--shell-completion",
    "resume": "--resume",
}
WITH_VALUE = {
    "cfg": " or ".join(CONFIG_PARTS),
    "resume": "a sweep's folder",
    "package": "a part of the config, such as model",
    "config_path": "a folder of YAML files",
    "config_name": "the name of a YAML file",
    "config_dir": "a folder of YAML files",
}


@dataclass(frozen=True)
class Arguments:
    """What runner.py was called with. Folders are absolute and there.

    `action` is what is asked for instead of a run, a key of ACTIONS, and `value` what was given with it.
    """

    overrides: tuple[str, ...] = ()
    is_multirun: bool = False
    action: str | None = None
    value: str | None = None
    resolve: bool = False
    package: str | None = None
    config_path: Path | None = None
    config_name: str | None = None
    config_dir: Path | None = None
    retry_failed: bool = False

    @property
    def folders(self) -> list[Path]:
        """Where YAML files are looked for, first to last."""
        return [self.config_path or CONF, *([self.config_dir] if self.config_dir else [])]

    @property
    def primary(self) -> str:
        """The YAML file that is composed first."""
        return self.config_name or "config"

    def repeatable(self) -> list[str]:
        """The arguments that start the same again: the flags that were given, then the overrides."""
        return [*self._flags(self.config_path), *self.overrides]

    def for_hydra(self, *more: str) -> list[str]:
        """The arguments that Hydra is entered with, with `more` overrides of our own at the end."""
        if self.action in ("hydra_help", "version"):
            return [ACTIONS[self.action]]
        flags = self._flags(self.config_path or CONF)
        if self.action:
            flags += [ACTIONS[self.action], *([self.value] if self.value else [])]
        if self.resolve:
            flags.append("--resolve")
        if self.package:
            flags += ["--package", self.package]
        return [*flags, *self.overrides, *more]

    def _flags(self, config_path: Path | None) -> list[str]:
        given = {"--config-path": config_path, "--config-name": self.config_name, "--config-dir": self.config_dir}
        flags = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
        return [*flags, *(["-m"] if self.is_multirun else [])]


def read(texts: Sequence[str], folders_exist: bool = True) -> Arguments:
    """Understand the arguments of runner.py; `folders_exist`: the folders they name must be there.

    Raises:
        UserError: all mistakes, a line each.
    """
    given: dict[str, Any] = {}
    overrides: list[str] = []
    lines: list[str] = []
    rest = list(texts)
    while rest:
        text = rest.pop(0)
        if text == "--":
            overrides += rest
            break
        if not text.startswith("-"):
            overrides.append(text)
            continue
        flag, equals, value = text.partition("=")
        name = FLAGS.get(flag)
        if name is None:
            if not equals and rest and not rest[0].startswith("-") and "=" not in rest[0]:
                value = rest.pop(0)
            lines.append(_unknown(flag, value))
        elif name in WITH_VALUE or name == "info":
            if not equals and rest and _is_value_of(name, rest[0]):
                value = rest.pop(0)
            given[name] = value
        elif equals:
            lines.append(f"{flag}: received {shown(value)}, expected no value")
        else:
            given[name] = True
    lines += _mistakes(given, overrides, folders_exist)
    if lines:
        raise UserError("\n".join(dict.fromkeys(lines)))
    return _typed(given, overrides)


def _is_value_of(flag: str, text: str) -> bool:
    return text in INFORMATION if flag == "info" else not text.startswith("-")


def _typed(given: dict[str, Any], overrides: list[str]) -> Arguments:
    action = next((name for name in ACTIONS if name in given), None)
    value = given[action] if action in ("cfg", "info", "resume") else None
    return Arguments(
        tuple(overrides),
        "multirun" in given,
        action,
        (value or "all") if action == "info" else value,
        "resolve" in given,
        given.get("package"),
        Path(given["config_path"]).resolve() if "config_path" in given else None,
        given.get("config_name"),
        Path(given["config_dir"]).resolve() if "config_dir" in given else None,
        "retry_failed" in given,
    )


def _mistakes(given: dict[str, Any], overrides: Sequence[str], folders_exist: bool) -> list[str]:
    """One line for each flag that lacks its value or does not go with the others."""
    lines = [
        f"--{name.replace('_', '-')}: received nothing, expected {WITH_VALUE[name]}"
        for name, value in given.items()
        if name in WITH_VALUE and not value
    ]
    if lines:
        return lines
    lines = [
        f"--{name.replace('_', '-')}: received {shown(given[name])}, expected a folder (looked for from {Path.cwd()})"
        for name in ("config_path", "config_dir")
        if name in given and folders_exist and not Path(given[name]).is_dir()
    ]
    if hidden := _hidden(given):
        lines.append(hidden)
    if given.get("cfg", "job") not in CONFIG_PARTS:
        lines.append(f"--cfg: received {shown(given['cfg'])}, expected {WITH_VALUE['cfg']}")
    if given.get("info", "all") not in ("", *INFORMATION):
        lines.append(f"--info: received {shown(given['info'])}, expected one of {', '.join(INFORMATION)}")
    return [*lines, *_contradictions(given, overrides)]


def _hidden(given: dict[str, Any]) -> str | None:
    """The line about a file of --config-dir that would not be read, since one of that name comes first."""
    if not given.get("config_dir"):
        return None
    file = f"{given.get('config_name') or 'config'}.yaml"
    first, folder = Path(given.get("config_path") or CONF), Path(given["config_dir"])
    if first.resolve() == folder.resolve() or not ((first / file).is_file() and (folder / file).is_file()):
        return None
    received = f"--config-dir: received {shown(str(folder))}, whose {file} would not be read, since {first / file}"
    if (folder / "run.json").is_file():
        return (
            f"{received} comes first. A run is run again by `python -m experiments rerun {shlex.quote(str(folder))}`."
        )
    return f"{received} comes first. Rename it, and give its name by --config-name."


def _contradictions(given: dict[str, Any], overrides: Sequence[str]) -> Iterator[str]:
    """The first thing that does not go together, if any; whoever asks for help gets it."""
    if "help" in given:
        return
    actions = [ACTIONS[name] for name in given if name in ACTIONS]
    subcommand = overrides[0].partition("=")[0] if len(overrides) == 1 else None
    if len(actions) > 1:
        yield f"{', '.join(actions)}: give one of them"
    elif "cfg" in given and "multirun" in given:
        yield "--cfg, -m: give one of the two; --cfg shows the config of one run, sweep.json those of a sweep"
    elif "multirun" in given and (actions or "run" in given):
        yield f"{(actions or ['--run'])[0]}, -m: give one of the two"
    elif "retry_failed" in given and "resume" not in given:
        yield "--retry-failed: belongs to `python -m experiments resume SWEEP`"
    elif "resume" in given and (overrides or given.keys() - {"resume", "retry_failed"}):
        yield "--resume: received other arguments too, expected a sweep's folder only; it goes on as it was started"
    elif "shell_completion" in given and subcommand not in COMPLETION:
        yield "--shell-completion: expected one of install=SHELL, uninstall=SHELL; SHELL is bash, fish or zsh"
    elif "cfg" not in given:
        for name in {"resolve", "package"} & given.keys():
            yield f"--{name}: belongs to --cfg, which shows the config and runs nothing: --cfg job --{name}"


def _unknown(flag: str, value: str) -> str:
    """The line about a flag that there is not, with the override that was meant."""
    name = flag.lstrip("-").replace("-", "_")
    is_group = name in GROUPS
    if len(flag) > len("--") and RERUN.startswith(flag) and not is_group:
        return f"{RERUN}: refused, since it loads a pickle; repeat a run by the command in its report"
    key = name if is_group or name in known_keys() else nearest_key(name)
    if key is None:
        return f"{flag}: unknown argument, expected KEY=VALUE such as trainer.epochs=5; --help lists the keys"
    return f"{flag}: unknown argument; write KEY=VALUE: {key}={value or '…'}"
