"""The committed JSON Schemas are those of the code, and every YAML file names the one it satisfies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments.config import json_schema
from tests.conftest import PROJECT, environment

YAML_FILES = sorted((PROJECT / "conf").rglob("*.yaml"))


def test_the_committed_schemas_are_current():
    for name, schema in json_schema.of_files().items():
        committed = json.loads((json_schema.FOLDER / f"{name}.json").read_text())
        assert committed == json.loads(json.dumps(schema)), "write it again: python -m experiments schema --write"


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_yaml_file_names_a_schema_that_exists_and_describes_itself(path: Path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# @package")]
    named = lines[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve().parent == json_schema.FOLDER.resolve()
    assert (path.parent / named).is_file()
    assert lines[1].startswith("# ")
    assert yaml.safe_load(path.read_text())


def test_the_command_prints_the_schema_without_tensorflow():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "experiments", "schema"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["title"] == "ExperimentConfig"
    assert "tensorflow" not in done.stderr
