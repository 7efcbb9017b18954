"""A data set that processes share by files: equal to the loaded one, mapped and not copied."""

import dataclasses
import mmap

import numpy as np
import pytest

from experiments import datasets
from experiments.config.composition import compose_command_line
from experiments.datasets import shared


@pytest.mark.parametrize("validation", ["test", "0.2"])
def test_what_is_mapped_equals_what_was_loaded(tmp_path, validation, monkeypatch):
    config = compose_command_line([f"dataset.validation={validation}"]).jobs[0].config.dataset
    loaded = datasets.load(config)
    first = shared.load(config, tmp_path)
    monkeypatch.setattr(datasets, "load", None)  # the second process reads the first one's files
    second = shared.load(config, tmp_path)
    for mapped in (first, second):
        for field in dataclasses.fields(loaded):
            if field.name not in shared.SPLITS:
                assert getattr(mapped, field.name) == getattr(loaded, field.name)
        for name in shared.SPLITS:
            ours, theirs = getattr(mapped, name), getattr(loaded, name)
            for part in ("x", "y"):
                assert np.array_equal(getattr(ours, part), getattr(theirs, part))
                assert getattr(ours, part).dtype == getattr(theirs, part).dtype
            assert isinstance(ours.x.base, mmap.mmap)
        assert (mapped.validation is mapped.test) == (validation == "test")
    shared.remove(tmp_path)
    assert not tmp_path.exists()


def test_another_config_has_files_of_its_own(tmp_path):
    configs = [compose_command_line([f"dataset.limit={n}"]).jobs[0].config.dataset for n in (200, 300)]
    assert [len(shared.load(config, tmp_path).test) for config in configs] == [200, 300]
