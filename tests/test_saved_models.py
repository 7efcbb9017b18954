"""A model.keras that could run code, read other files or fill the memory is refused before Keras sees it."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from experiments import models, saved_models
from experiments.config import MLPConfig
from experiments.errors import UserError
from tests.datasets import made_up
from tests.test_reports import record

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run folder with a small model of digits, untrained."""
    from experiments import datasets

    folder = tmp_path_factory.mktemp("run")
    dataset = datasets.load(made_up.config("digits", test=0.25))
    config = MLPConfig(kind="mlp", hidden_units=[4], activation="relu", dropout=0.5)
    model = models.build_model(config, dataset)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(folder / "model.keras")
    data = record()["dataset"] | {"shape": [8, 8], "rows": "images", "class_names": list(dataset.class_names)}
    (folder / "run.json").write_text(json.dumps(record(dataset=data)))
    return folder


@pytest.fixture
def folder(made, tmp_path):
    for name in ("run.json", "model.keras"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    return tmp_path


def members(folder):
    with zipfile.ZipFile(folder / "model.keras") as archive:
        return {name: archive.read(name) for name in MEMBERS}


def rewrite(folder, changes, compression=zipfile.ZIP_STORED):
    content = members(folder) | changes
    with zipfile.ZipFile(folder / "model.keras", "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def with_config(folder, change):
    config = json.loads(members(folder)["config.json"])
    change(config)
    rewrite(folder, {"config.json": json.dumps(config)})


def with_weights(folder, change):
    content = io.BytesIO(members(folder)["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        change(file)
    rewrite(folder, {"model.weights.h5": content.getvalue()})


def refused(folder, *parts):
    with pytest.raises(UserError) as refusal:
        saved_models.load(folder)
    text = str(refusal.value)
    assert text.startswith(f"{folder / 'model.keras'}: refused, ")
    assert "; expected " in text
    for part in parts:
        assert part in text


def test_a_runs_own_model_is_loaded_uncompiled(folder):
    model = saved_models.load(folder)
    assert model.input_shape == (None, 8, 8)
    assert model.output_shape == (None, 10)
    assert not model.compiled
    layout = saved_models.layout(folder)
    assert (layout.shape, layout.dtype, layout.scale, layout.images) == ((8, 8), "uint8", 1 / 16, True)


def test_a_lambda_layer_never_runs(folder, tmp_path):
    import keras

    marker = tmp_path / "ran"
    rows = keras.Input((8, 8), dtype="uint8")
    layer = keras.layers.Lambda(lambda x, path=str(marker): (open(path, "w").close(), x)[1], output_shape=(8, 8))
    inner = keras.Model(rows, layer(rows))
    nested = keras.Sequential([keras.Input((8, 8), dtype="uint8"), inner, keras.layers.Flatten()])
    for model in (inner, nested):
        model.save(folder / "model.keras")
        marker.unlink(missing_ok=True)  # building it has called it
        refused(folder, "config.json has a Lambda layer: Lambda of module keras.layers", "could run code when loaded")
        assert not marker.exists()


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ({"module": "os", "class_name": "function", "config": "system"}, "function of module os"),
        ({"module": "builtins", "class_name": "function", "config": "exec"}, "function of module builtins"),
        ({"module": "keras.utils", "class_name": "get_file", "config": {}}, "get_file of module keras.utils"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}}, "TFSMLayer"),
        ({"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/x"}}, "StringLookup"),
        ({"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}, "TorchModuleWrapper"),
        ({"class_name": "__lambda__", "config": {"value": "YWJj"}}, "Lambda layer: __lambda__ of module None"),
        ({"class_name": "Dense", "config": {"units": 3}}, "Dense of module None"),
        (
            {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "mine>Dense"},
            "Dense of module keras.layers, registered as mine>Dense",
        ),
        ({"module": "keras.layers", "class_name": ["Dense"], "config": {}}, "['Dense'] of module keras.layers"),
        ({"module": "evil\n\x1b[31m", "class_name": "X", "config": {}}, "X of module evil\\n\\x1b[31m"),
    ],
)
def test_objects_that_are_not_listed_are_refused_at_any_depth(folder, node, shown):
    def change(config):
        config["config"]["layers"][3]["config"]["kernel_initializer"] = {"a": [[node]]}

    with_config(folder, change)
    refused(folder, f"config.json has a {shown}")


def test_the_config_of_training_is_judged_too(folder):
    with_config(folder, lambda config: config["compile_config"]["optimizer"].update(module="mine"))
    refused(folder, "config.json has a Adam of module mine")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("[" * 100_000, "is nested without end"),
        ("[]", "names no class"),
        ("{", "cannot be read"),
        ("\xff", "cannot be read"),
        (json.dumps({"module": "keras", "class_name": "Sequential", "config": {}}), "no input of rows"),
    ],
)
def test_a_config_of_no_model(folder, content, shown):
    rewrite(folder, {"config.json": content.encode("latin-1")})
    refused(folder, shown)


def test_sizes_that_would_fill_the_memory(folder):
    with_config(folder, lambda config: config["config"]["layers"][3]["config"].update(units=10**9))
    refused(folder, "config.json has units of 1,000,000,000; expected at most 1,000,000")


def test_a_model_of_other_rows_than_the_runs(folder):
    with_config(folder, lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, 9, 9]))
    with pytest.raises(UserError, match=r"run.json: `dataset` does not tell of the rows that model.keras takes"):
        saved_models.layout(folder)


def external_link(file):
    file["layers/dense/vars/2"] = h5py.ExternalLink("/etc/passwd", "/x")


def external_group(file):
    del file["vars"]
    file["vars"] = h5py.ExternalLink("other.h5", "/")


def soft_link(file):
    file["layers/dense/vars/2"] = h5py.SoftLink("/layers/dense/vars/0")


def external_storage(file):
    del file["layers/dense/vars/1"]
    file.create_dataset("layers/dense/vars/1", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(file):
    del file["layers/dense/vars/1"]
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("layers/dense/vars/1", layout)


def bomb(file):
    file.create_dataset("layers/dense/vars/2", (2**20, 2**20), "f4", chunks=(1024, 1024), compression="gzip")


def hollow(file):
    file.create_dataset("layers/dense/vars/2", (2**20, 2**20), "f4")


def text(file):
    file["layers/dense/vars/2"] = ["text"]


def named_type(file):
    file["layers/dense/vars/2"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (external_link, "/layers/dense/vars/2 is an external link to /etc/passwd /x; expected arrays that are in"),
        (external_group, "model.weights.h5: /vars is an external link to other.h5 /"),
        (soft_link, "/layers/dense/vars/2 is a soft link to /layers/dense/vars/0"),
        (external_storage, "/layers/dense/vars/1 keeps its values in another file"),
        (virtual, "/layers/dense/vars/1 keeps its values in another file"),
        (bomb, "claims 4,398,046,511,104 bytes (1048576×1048576) and has 0"),
        (hollow, "claims 4,398,046,511,104 bytes (1048576×1048576) and has 0"),
        (text, "/layers/dense/vars/2 is of type object; expected numbers"),
        (named_type, "/layers/dense/vars/2 is a Datatype"),
    ],
)
def test_weights_that_lead_elsewhere_or_claim_too_much(folder, change, shown):
    with_weights(folder, change)
    refused(folder, shown)


def test_groups_in_a_circle_are_read_once(folder):
    with_weights(folder, lambda file: file["vars"].__setitem__("again", file["/"]))
    saved_models.judge(folder / "model.keras")


def test_weights_that_are_cut(folder):
    rewrite(folder, {"model.weights.h5": members(folder)["model.weights.h5"][:1000]})
    refused(folder, "cannot be read (")


@pytest.mark.parametrize("name", ["assets/vocabulary.txt", "../../evil", "model.weights.npz"])
def test_other_members(folder, name):
    rewrite(folder, {name: b"x"})
    refused(folder, name, "each once, and no more")


def test_a_member_twice_or_missing(folder):
    content = members(folder)
    with zipfile.ZipFile(folder / "model.keras", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", content["config.json"])
    refused(folder, "it holds config.json, config.json, metadata.json, model.weights.h5")
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("config.json", content["config.json"])
    refused(folder, "it holds config.json; expected")


def test_members_that_are_packed(folder):
    rewrite(folder, {}, zipfile.ZIP_DEFLATED)
    refused(folder, "metadata.json is compressed or encrypted")


def test_a_config_of_absurd_size(folder):
    rewrite(folder, {"metadata.json": b" " * (saved_models.MAX_CONFIG_BYTES + 1)})
    refused(folder, "metadata.json has 16,000,001 bytes; expected at most 16,000,000")


def test_other_formats(folder):
    path = folder / "model.keras"
    with h5py.File(path, "w"):
        pass
    refused(folder, "it is an HDF5 file (the old .h5 format); expected a .keras file")
    path.write_text("no model")
    refused(folder, "it is no zip archive; expected a .keras file")
    path.unlink()
    path.mkdir()
    (path / "saved_model.pb").touch()
    refused(folder, "it is a folder (TensorFlow's SavedModel?); expected a .keras file")


def test_a_zip_that_is_cut(folder):
    path = folder / "model.keras"
    path.write_bytes(path.read_bytes()[:-40])
    refused(folder, "it is no zip archive")


def test_what_keras_cannot_read_is_one_message(folder):
    with_config(folder, lambda config: config["config"]["layers"][3]["config"].update(units="many"))
    refused(folder, "Keras cannot read it (")


def test_a_run_without_a_model_says_its_status(folder):
    (folder / "model.keras").unlink()
    (folder / "model.h5").touch()
    (folder / "run.json").write_text(json.dumps(record(status="interrupted", error="interrupted by SIGINT")))
    with pytest.raises(UserError) as refusal:
        saved_models.load(folder)
    assert str(refusal.value) == (
        f"{folder}: holds no model.keras (model.h5 is there, which is never loaded); the run's status is interrupted"
        " (interrupted by SIGINT), expected completed. Carry it on with"
        f" `python -m experiments resume {folder}`, or name another run."
    )


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (
            "diverged",
            "It would diverge again, so run it with another setting: `python -m experiments rerun {} optimizer",
        ),
        ("completed", "The file was removed; run it again with `python -m experiments rerun {}`, or name another run."),
        (
            "failed",
            "Once the cause is mended, carry it on with `python -m experiments resume {}`, or name another run.",
        ),
    ],
)
def test_what_to_do_for_a_model_depends_on_how_the_run_ended(folder, status, advice):
    (folder / "model.keras").unlink()
    (folder / "run.json").write_text(json.dumps(record(status=status)))
    with pytest.raises(UserError) as refusal:
        saved_models.load(folder)
    assert advice.format(folder) in str(refusal.value)
    assert status != "diverged" or "resume" not in str(refusal.value)


def test_models_of_every_builder_pass(folder):
    from experiments import datasets
    from experiments.config.composition import compose_command_line

    dataset = datasets.load(made_up.config("digits", test=0.25))
    names = sorted(path.stem for path in (saved_models.Path(models.__file__).parents[1] / "conf/model").glob("*.yaml"))
    assert names
    for name in names:
        (job,) = compose_command_line([f"model={name}"]).jobs
        models.build_model(job.config.model, dataset).save(folder / "model.keras")
        saved_models.judge(folder / "model.keras")


def test_a_model_of_other_classes_than_the_runs(folder):
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"8", "9"]', '"8"]'))
    refused(folder, "it makes (None, 10) of (None, 8, 8); expected rows (8, 8) and 9 classes as in run.json")


@pytest.mark.parametrize("scale", [0, -1, 1e-320, "x", [1], float("inf"), float("nan")])
def test_a_scale_that_is_none(folder, scale):
    with_config(folder, lambda config: config["config"]["layers"][1]["config"].update(scale=scale))
    refused(folder, "expected a model that runner.py saved")


def test_rows_of_no_numbers(folder):
    with_config(folder, lambda config: config["config"]["layers"][0]["config"].update(dtype="object"))
    refused(folder, "it takes object rows (8, 8) scaled by 0.0625")
