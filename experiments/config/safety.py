"""What Hydra's own part of a config may say: no code but the known, no folder that climbs out.

The experiment's part needs no such list: its schema knows no key that names code.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from experiments.config.mistakes import shown

# Where Hydra and Python's logging take the name of something to call, and all that may be named there.
CODE_KEYS = ("_target_", "()", "class", "factory")
KNOWN_CODE = (
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.experiments.PlannedSweeper",
    "hydra_plugins.experiments.WorkersLauncher",
    "hydra_plugins.experiments.RayLauncher",
    "hydra_plugins.experiments.SubmititLauncher",
    "logging.StreamHandler",
    "logging.FileHandler",
    "colorlog.ColoredFormatter",
)
KNOWN_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
FOLDERS = (("run", "dir"), ("sweep", "dir"), ("sweep", "subdir"), ("output_subdir",), ("job", "name"))


def refusals(hydra: dict[str, Any]) -> list[str]:
    """One line for each thing in Hydra's (resolved) config that could run code or write outside of its folder."""
    lines = [*_code(hydra, "hydra")]
    if hydra["job"]["env_set"]:
        lines.append("hydra.job.env_set: refused, since environment variables can select code; set them in the shell")
    if hydra["sweep"]["subdir"] != "0":
        lines.append(
            f"hydra.sweep.subdir: received {shown(hydra['sweep']['subdir'])}, expected ${{hydra.job.num}}: the"
            " folders of a sweep's jobs are their numbers. Choose the sweep's own folder by hydra.sweep.dir."
        )
    for keys in FOLDERS:
        value: Any = hydra
        for key in keys:
            value = value.get(key)
        if isinstance(value, str) and ".." in PurePath(value).parts:
            key = ".".join(("hydra", *keys))
            lines.append(
                f"{key}: received {shown(value)}, expected a folder without `..`; give an absolute path instead"
            )
    return lines


def searchpath_refusals(searchpath: Any) -> list[str]:
    """One line for each place of YAML files that is no folder: Hydra imports the packages that it is given.

    To be asked before Hydra composes anything.
    """
    places = searchpath if isinstance(searchpath, list) else [searchpath] if searchpath else []
    return [
        f"hydra.searchpath: received {shown(place)}, expected a folder, since packages would be imported"
        for place in places
        if "://" in str(place) and not str(place).startswith("file://")
    ]


def _code(node: Any, key: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in CODE_KEYS and value not in KNOWN_CODE:
                yield f"{key}.{name}: received {shown(value)}, refused, since no config value selects code to run"
            yield from _code(value, f"{key}.{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _code(value, f"{key}[{index}]")
    elif isinstance(node, str) and node.startswith(("ext://", "cfg://")) and node not in KNOWN_STREAMS:
        yield f"{key}: received {shown(node)}, expected {' or '.join(KNOWN_STREAMS)}"
