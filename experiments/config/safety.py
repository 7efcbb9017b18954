"""What Hydra's own part of a config may say: all as Hydra has it, but for a list of settings that can do no harm.

Looked at before interpolations are resolved, since they may resolve otherwise when a job runs. The experiment's part
needs no such list: its schema knows no key that names code.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

import yaml
from hydra.conf import HydraConf
from omegaconf import OmegaConf

from experiments.config import launchers
from experiments.config.guard import searchpath_refusal
from experiments.config.hydra_groups import SWEEPER
from experiments.config.mistakes import shown

BASIC_SWEEPER = {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"}
SUBDIR = "${hydra.job.num}"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
LOG_LEVELS = ("root.level", "handlers.console.level", "handlers.file.level")
RUN_FOLDERS = ("run.dir", "sweep.dir")
# Hydra writes these when it has composed, whatever a config says; its help texts are shown by nobody.
WRITTEN_BY_HYDRA = (
    "runtime.version",
    "runtime.version_base",
    "runtime.cwd",
    "runtime.config_sources",
    "runtime.choices",
    "job.override_dirname",
    "job.config_name",
    "help",
    "hydra_help",
)

CAN_BE_SET = (
    "hydra.run.dir, hydra.sweep.dir, hydra.job.name, hydra.output_subdir, hydra.verbose, hydra.mode, hydra.searchpath,"
    " hydra.sweeper.params and the options of hydra/launcher"
)


def refusals(hydra: Mapping[str, Any], overrides: Sequence[str]) -> list[str]:
    """One line for each thing in Hydra's part that could run code or write outside of the run's folder.

    `hydra` is that part as composed, nothing in it resolved; `overrides` are those that it was composed with.
    """
    lines = [*searchpath_refusals(hydra.get("searchpath")), *_overrides(hydra, overrides)]
    lines += launchers.refusals(hydra.get("launcher")) + _sweeper(hydra.get("sweeper"))
    lines += [
        *_logging("job_logging", hydra.get("job_logging")),
        *_logging("hydra_logging", hydra.get("hydra_logging")),
    ]
    ours, plain = _flat(hydra), _flat(_plain())
    looked_at = ("searchpath", "overrides", "launcher", "sweeper", "job_logging", "hydra_logging", *WRITTEN_BY_HYDRA)
    for key, value in ours.items():
        if not _is_below(key, looked_at) and not (key in plain and plain[key] == value):
            lines += _setting(key, value)
    for key, value in plain.items():
        if not _is_below(key, looked_at) and key not in ours and value != {}:
            lines.append(f"hydra.{key}: is missing, expected Hydra's own config")
    return lines


def searchpath_refusals(searchpath: Any) -> list[str]:
    """One line for each place of YAML files that is no folder: Hydra imports the packages that it is given.

    To be asked before Hydra composes anything.
    """
    if searchpath is None:
        return []
    if not isinstance(searchpath, list):
        return [f"hydra.searchpath: received {shown(searchpath)}, expected a list of folders"]
    return [line for place in searchpath for line in _place(place)]


def sweeper_refusals(sweeper: Mapping[str, Any]) -> list[str]:
    """Whether a sweep is conducted by the project's own sweeper, which follows the plan that is checked."""
    if sweeper["_target_"] == SWEEPER["_target_"]:
        return []
    return [
        "hydra/sweeper: received basic, expected planned; a primary YAML of your own needs"
        " `override hydra/sweeper: planned` in its defaults list"
    ]


def folder_refusals(folders: Mapping[str, Any]) -> list[str]:
    """One line for each folder of a run or sweep, by its key, that climbs out; interpolations are resolved by now."""
    return [
        f"{key}: received {shown(value)}, expected a folder without `..`; give an absolute path instead"
        for key, value in folders.items()
        if ".." in PurePath(str(value)).parts
    ]


def _place(place: Any) -> list[str]:
    if not isinstance(place, str) or "${" in place:
        return [f"hydra.searchpath: received {shown(place)}, expected a folder, written out without ${{…}}"]
    if "://" in place and not place.startswith("file://"):
        return [searchpath_refusal(place)]
    if not Path(place.removeprefix("file://")).is_dir():
        return [f"hydra.searchpath: received {shown(place)}, expected a folder that is there"]
    return []


def _setting(key: str, value: Any) -> list[str]:
    """A line about a setting that differs from Hydra's own, where it must not or has a wrong value."""
    if key in RUN_FOLDERS:
        return [] if isinstance(value, str) else [f"hydra.{key}: received {shown(value)}, expected a folder"]
    if key == "sweep.subdir":
        return [
            f"hydra.{key}: received {shown(value)}, expected {SUBDIR}: the folders of a sweep's jobs are their"
            " numbers. Choose the sweep's own folder by hydra.sweep.dir."
        ]
    if key == "job.env_set" or key.startswith("job.env_set."):
        return ["hydra.job.env_set: refused, since environment variables can select code; set them in the shell"]
    if key not in ALLOWED:
        return [f"hydra.{key}: refused, since it could run code or write files elsewhere; can be set: {CAN_BE_SET}"]
    is_right, expected = ALLOWED[key]
    return [] if is_right(value) else [f"hydra.{key}: received {shown(value)}, expected {expected}"]


def _is_name(value: Any) -> bool:
    """One relative name, nothing of which is filled in later."""
    return (
        isinstance(value, str) and value not in ("", ".", "..") and not set(value) & set("/\\$\0") and "\n" not in value
    )


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and "${" not in value


def _is_verbosity(value: Any) -> bool:
    return isinstance(value, bool) or _is_literal(value) or (isinstance(value, list) and all(map(_is_literal, value)))


ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "mode": (lambda value: value in ("RUN", "MULTIRUN", None), "RUN or MULTIRUN"),
    "verbose": (_is_verbosity, "true, false or names of loggers"),
    "job.name": (_is_name, "one name without a slash"),
    "output_subdir": (lambda value: value is None or _is_name(value), "one name without a slash, or null"),
    "job.config.override_dirname.kv_sep": (_is_literal, "text"),
    "job.config.override_dirname.item_sep": (_is_literal, "text"),
    "job.config.override_dirname.exclude_keys": (
        lambda value: isinstance(value, list) and all(map(_is_literal, value)),
        "a list of keys",
    ),
}


def _overrides(hydra: Mapping[str, Any], given: Sequence[str]) -> list[str]:
    """Hydra keeps the overrides in its config, and composes each job of a sweep with those that stand there."""
    kept = hydra.get("overrides")
    kept = kept if isinstance(kept, dict) else {}
    lists = [kept.get(part) for part in ("hydra", "task")]
    texts = [text for each in lists if isinstance(each, list) for text in each]
    if sorted(map(str, texts)) == sorted(given):
        return []
    return ["hydra.overrides: refused, since Hydra itself writes there what the command line overrides"]


def _sweeper(sweeper: Any) -> list[str]:
    if not isinstance(sweeper, dict):
        return [
            f"hydra.sweeper: received {shown(sweeper)}, expected none: sweeps have a sweeper of their own."
            " A search by Optuna is sweep.n_trials=20 (docs/sweeps.md)."
        ]
    params = sweeper.get("params")
    lines = []
    if sweeper.get("_target_") not in (SWEEPER["_target_"], BASIC_SWEEPER["_target_"]):
        lines.append(
            f"hydra.sweeper._target_: received {shown(sweeper.get('_target_'))}, refused, since no config value selects"
            " code to run"
        )
    unknown = sweeper.keys() - {"_target_", "params", "max_batch_size"}
    lines += [f"hydra.sweeper.{key}: refused, expected hydra.sweeper.params only" for key in unknown]
    lines += [
        f"hydra.sweeper.params.{key}: refused, expected keys of the experiment only"
        for key in (params if isinstance(params, dict) else ())
        if str(key).lstrip("+~").startswith("hydra")
    ]
    if params is not None and not isinstance(params, dict):
        lines.append(f"hydra.sweeper.params: received {shown(params)}, expected keys and their values")
    return lines


def _logging(name: str, ours: Any) -> Iterator[str]:
    """Where a run's log goes and what its lines look like stays as it is; only levels can be set."""
    variants = [_flat(variant) for variant in _loggings(name)]
    if not isinstance(ours, dict):
        yield f"hydra.{name}: received {shown(ours)}, expected Hydra's own"
        return
    flat = _flat(ours)
    for key in min((_differing(flat, variant) for variant in variants), key=len):
        value = flat.get(key)
        if (key in LOG_LEVELS and value in LEVELS) or (key == "handlers.console.stream" and value in STREAMS):
            continue
        yield (
            f"hydra.{name}.{key}: received {shown(value)}, refused, since a log could be written anywhere;"
            f" only levels can be set ({', '.join(LEVELS)})"
        )


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return [key for key in {**ours, **theirs} if key not in ours or key not in theirs or ours[key] != theirs[key]]


@lru_cache(maxsize=1)
def _plain() -> dict[str, Any]:
    """Hydra's part as Hydra alone has it, with the project's folders."""
    plain: Any = OmegaConf.to_container(OmegaConf.structured(HydraConf), resolve=False, enum_to_str=True)
    plain["env"] = {}
    plain["job"]["name"] = "runner"
    plain["sweep"]["subdir"] = SUBDIR
    plain.pop("defaults")
    return dict(plain)


@lru_cache(maxsize=2)
def _loggings(name: str) -> list[dict[str, Any]]:
    """The logging configurations of Hydra's own that can be chosen: as its name says, and quieter."""
    names = ("default",) if name == "job_logging" else ("none", "default", "disabled")
    folder = resources.files("hydra.conf") / "hydra" / name
    return [yaml.safe_load((folder / f"{each}.yaml").read_text(encoding="utf-8")) for each in names]


def _flat(node: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key → value; lists and empty groups are values. A dot within a name stays apart from one between names."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        name = key.replace(".", "\\.") if isinstance(key, str) else repr(key)
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _is_below(key: str, parents: Sequence[str]) -> bool:
    return any(key == parent or key.startswith(parent + ".") for parent in parents)
