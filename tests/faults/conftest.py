"""The run that is not interrupted, with which the others are compared."""

import json
from pathlib import Path

import pytest

from tests.faults import runs


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference") / "run"
    status, _, err = runs.finish(runs.start(folder))
    assert status == 0, err
    record = json.loads((folder / "run.json").read_text())
    assert 8 < record["epochs_completed"] < runs.EPOCHS  # early stopping did stop it
    return folder
