"""What to do where this project's packages are not installed. Needs none of them, and no new Python."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = (3, 11), (3, 13)


def leave(error: ImportError) -> None:
    """Say in one sentence what to install and where, and exit with status 2; an error of our own is raised again."""
    package = (error.name or "").partition(".")[0]
    is_right = OLDEST <= sys.version_info[:2] <= NEWEST
    if is_right and (not isinstance(error, ModuleNotFoundError) or package == "experiments"):
        raise error
    print(sentence(package, PROJECT, is_right), file=sys.stderr)
    sys.exit(2)


def sentence(package: str, project: Path, is_right: bool) -> str:
    """`is_right`: whether the version of this Python is one of those the project runs on."""
    lacks = f"lacks the package {package}" if is_right else f"is {sys.version_info[0]}.{sys.version_info[1]}"
    begin = f"This Python ({sys.executable}) {lacks}"
    if (project / ".venv" / "bin" / "python").exists():
        return f"{begin}; use the one in {project}: source .venv/bin/activate"
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
    return (
        f"{begin}; install the project with Python {oldest} to {newest}, in {project}:"
        " python3 -m venv .venv && source .venv/bin/activate && pip install -e ."
    )
