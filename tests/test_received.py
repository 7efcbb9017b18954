"""Folders that may have been received from anybody: links, FIFOs, wrong types, escapes, formulas, changed configs."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from experiments import cli, launch, listing, parsing, received, runs, text
from experiments.checkpoints import Checkpoints
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.history import History
from experiments.reports import saved
from experiments.sweeps import conduct, files
from experiments.sweeps.ledger import UNREADABLE, Ledger
from tests.faults import mutations
from tests.faults.mutations import call

ESCAPE = "\x1b]0;title\x07\u202e"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    outputs = tmp_path_factory.mktemp("received") / "outputs"
    mutations.make(outputs)
    return outputs


@pytest.fixture
def outputs(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "outputs"))


def change(folder: Path, **values) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | values))


COMMANDS = ["show RUN", "compare RUN OTHER", "report RUN", "tag RUN --add x", "verify RUN --reference keras_mnist",
            "predict RUN FILE", "evaluate RUN", "resume RUN"]  # fmt: skip


@pytest.mark.parametrize("name", ["runner.log", "checkpoints", "plots", "config.yaml", ".hydra", "run.json"])
def test_no_command_goes_through_a_link(outputs, tmp_path, name):
    folder, elsewhere = outputs / "run", tmp_path / "elsewhere"
    if name in ("config.yaml", "run.json"):
        (folder / name).rename(elsewhere)
    elif name == "runner.log":
        elsewhere.write_text("as it was")
    else:
        elsewhere.mkdir()
        (elsewhere / "epoch-0000001-step-000000000.npz").write_text("as it was")
    before = elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir())
    (folder / name).symlink_to(elsewhere)
    for form in COMMANDS:
        paths = {"RUN": str(folder), "OTHER": str(outputs / "other"), "FILE": "image.png"}
        outcome, said = call([paths.get(word, word) for word in form.split()])
        assert outcome == "refused", form
        assert f"{folder / name}: is a link, expected a plain file or folder" in said, form
    assert before == (elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir()))


@pytest.mark.parametrize("place", ["plots", "1/runner.log", "leaderboard.csv"])
def test_no_sweep_goes_through_a_link(outputs, tmp_path, place):
    path = outputs / "sweep" / place
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path)
    for form in ("resume", "report", "show", "compare"):
        outcome, said = call([form, str(outputs / "sweep")])
        assert outcome == "refused", form
        assert "is a link" in said, form


def test_a_log_with_a_second_name_is_not_written_to(outputs, tmp_path):
    (tmp_path / "profile").write_text("as it was\n")
    os.link(tmp_path / "profile", outputs / "run" / "runner.log")
    outcome, said = call(["resume", str(outputs / "run")])
    assert outcome == "refused"
    assert "runner.log: has a second name (a hard link), expected one" in said
    with pytest.raises(UserError, match="second name"), runs.logged(outputs / "run"):
        pass
    assert (tmp_path / "profile").read_text() == "as it was\n"


def test_the_log_of_a_resumed_run_is_no_link(tmp_path):
    (tmp_path / "runner.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"), runs.logged(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("run.json", "show"),
        ("history.csv", "show"),
        ("predictions.npz", "show"),
        ("classification_report.json", "report"),
        ("classification_report.txt", "show"),
        ("config.yaml", "resume"),
        ("model.keras", "evaluate"),
        ("plots/diagnosis.png", "report"),
    ],
)
def test_a_fifo_is_refused_at_once(outputs, name, form):
    (outputs / "run" / name).unlink(missing_ok=True)
    (outputs / "run" / name).parent.mkdir(exist_ok=True)
    os.mkfifo(outputs / "run" / name)
    assert call([form, str(outputs / "run")]) == (
        "refused",
        f"{outputs / 'run' / name}: is a FIFO, expected a plain file. Remove it, or name another folder.",
    )


def test_list_leaves_a_broken_folder_out_and_says_so(outputs):
    (outputs / "run" / "run.json").write_text('{"status": ' + "[" * 100_000)
    change(outputs / "other", epochs_completed=ESCAPE)
    done = CliRunner().invoke(cli.app, ["list", str(outputs)])
    assert done.exit_code == 0
    assert "sweep" in done.stdout
    assert f"left out: {outputs / 'run' / 'run.json'}: cannot be read (nested without end)" in done.stderr
    assert "run.json: epochs_completed: received '\\x1b]0;title\\x07\\u202e', expected a whole number" in done.stderr
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": {"test": {"accuracy": "high", "loss": 1}}}, "metrics.test.accuracy: received 'high', expected a"),
        ({"dataset": 5}, "dataset: received 5, expected a mapping"),
        ({"dataset": None}, "dataset is missing, whose metrics are there"),
        ({"status": "done"}, "status: received 'done', expected 'running', 'completed', 'failed', 'diverged' or"),
        ({"tags": "best"}, "tags: received 'best', expected a list"),
        ({"config": {"trainer": {"epochs": 2.5}}}, "config.trainer.epochs: received 2.5, expected a whole number"),
        ({"seed": 10**30}, "cannot be read (1000000000000000000000000000000 is too large a number)"),
        ({"notes": "\ud800"}, "cannot be read (it has half a surrogate pair, which is no text)"),
        ({"error": float("nan")}, "cannot be read (NaN is no JSON)"),
        ({"command": [[[]] * 2] * 3}, "command: received a list of 3, expected text"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_message_with_file_and_key(outputs, changes, said):
    change(outputs / "run", **changes)
    outcome, message = call(["show", str(outputs / "run")])
    assert outcome == "refused"
    assert message.startswith(f"{outputs / 'run' / 'run.json'}: ")
    assert said in message


def test_keys_of_later_and_former_versions_are_no_damage(outputs):
    record = json.loads((outputs / "run" / "run.json").read_text())
    for key in ("tags", "notes", "pruned", "resumed_at", "throughput", "config_fingerprint"):
        del record[key]
    del record["dataset"]["class_counts"], record["config"]["trainer"]["epochs"]
    (outputs / "run" / "run.json").write_text(json.dumps(record | {"later": {"a": 1}}))
    read = runs.read(outputs / "run")
    assert (read["tags"], read["pruned"], read["later"]) == ([], None, {"a": 1})
    for form in ("show", "report"):
        assert call([form, str(outputs / "run")])[0] == "done"


def test_a_config_that_was_changed_in_both_files_is_refused(outputs):
    folder = outputs / "run"
    assert runs.unchanged_config(folder, runs.read(folder)).optimizer.learning_rate == 0.01
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["optimizer"]["learning_rate"] = 0.5
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    change(folder, config=config)
    outcome, said = call(["resume", str(folder)])
    assert outcome == "refused"
    assert "config.yaml: was changed since the run began, and so was run.json: the config's fingerprint is" in said
    config["optimizer"]["learning_rate"], config["tags"] = 0.01, ["said later"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    change(folder, config=config)
    assert call(["resume", str(folder)])[0] == "done"  # what says nothing of the result


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (mutations.BOMB, "it has more than 50,000 values, with its aliases written out"),
        ("seed: 1\nseed: 2\n", "it has the key 'seed' twice"),
        ("[" * 5000, "nested without end"),
        ("a: " + "[" * 50 + "]" * 50, "nested more than 40 levels deep"),
        ("a: &a [*a]\n", "nested more than 40 levels deep"),
        ("!!python/name:os.system", "could not determine a constructor"),
        ("x" * 200_001, "is larger than 200,000 bytes"),
        ("\xff", "byte 0 is no UTF-8"),
    ],
)
def test_a_config_that_is_no_plain_yaml_is_one_message(outputs, content, said):
    path = outputs / "run" / "config.yaml"
    path.write_bytes(content.encode("latin1"))
    outcome, message = call(["resume", str(outputs / "run")])
    assert outcome == "refused"
    assert message.startswith(f"{path}: ")
    assert said in message


@pytest.mark.parametrize("arguments", [["model=bomb"], ["--config-name", "bomb"]])
def test_a_yaml_bomb_is_refused_before_hydra_reads_it(tmp_path, arguments):
    for path in (tmp_path / "bomb.yaml", tmp_path / "model" / "bomb.yaml"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(mutations.BOMB)
    with pytest.raises(UserError, match=r"bomb\.yaml: it has more than 50,000 values, with its aliases written out"):
        compose_command_line(["--config-dir", str(tmp_path), *arguments])


def test_aliases_of_small_size_are_read():
    assert parsing.load_yaml("a: &a [1, 2]\nb: *a\n<<: {c: 3}\n") == {"a": [1, 2], "b": [1, 2], "c": 3}


HEADER = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("epoch,loss\n1,2\n", "line 1: 'accuracy' is not in list"),
        ("nothing", "line 1: 'epoch' is not in list"),
        (f"{HEADER}1,2,3\n", "line 2: list index out of range"),
        (f"{HEADER}1,x,1,1,1,1,1\n", "line 2: could not convert"),
        (f"{HEADER}1,1e200,1,1,1,1,1\n", "line 2: a number is too large"),
        (f"{HEADER}2,1,1,1,1,1,1\n2,1,1,1,1,1,1\n", "epoch 2 is out of order"),
    ],
)
def test_a_broken_history_is_one_message(outputs, content, said):
    (outputs / "run" / "history.csv").write_text(content)
    for form in ("show", "report"):
        outcome, message = call([form, str(outputs / "run")])
        assert outcome == "refused"
        assert message.startswith(f"{outputs / 'run' / 'history.csv'}: cannot be read (")
        assert said in message


def test_a_history_of_a_later_version_may_have_more_columns():
    head, row = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,more", "1,nan,2,3,4,5,6,x"
    assert History.from_csv(f"{head}\n{row}\n").epochs[0].val_loss == 3


@pytest.mark.parametrize(
    "arrays",
    [
        {"y_true": np.full(40, 10), "probabilities": np.ones((40, 10))},
        {"y_true": np.arange(40) % 10, "probabilities": np.ones((40, 11))},
        {"y_true": np.arange(40) % 10},
        {"y_true": np.array([None]), "probabilities": np.ones((1, 10))},
    ],
)
def test_broken_predictions_are_one_message(outputs, arrays):
    np.savez_compressed(outputs / "run" / "predictions.npz", **arrays)
    outcome, said = call(["report", str(outputs / "run")])
    assert outcome == "refused"
    assert said.startswith(f"{outputs / 'run' / 'predictions.npz'}: cannot be read (")
    assert saved.evaluation(outputs / "other") is not None


def test_a_checkpoint_of_another_config_is_refused_and_other_names_are_none(tmp_path, caplog):
    path = Checkpoints(tmp_path, "a" * 64).save({"epoch": 1}, epoch=1, step=0)
    assert Checkpoints(tmp_path, "a" * 64).load() == Checkpoints(tmp_path).load() == {"epoch": 1}
    with pytest.raises(
        UserError, match=f"{path}: was saved by a run whose config has the fingerprint aaa.*, expected bbb"
    ):
        Checkpoints(tmp_path, "b" * 64).load()
    path.rename(tmp_path / "epoch-0000001-step-000000000x.npz")
    (tmp_path / "epoch-0000001-step-000000001.npz").symlink_to(tmp_path / "epoch-0000001-step-000000000x.npz")
    assert Checkpoints(tmp_path).load() is None
    assert "epoch-0000001-step-000000001.npz: damaged" in caplog.text
    assert "is a link" in caplog.text


def test_whatever_a_damaged_checkpoint_raises_the_one_before_is_used(tmp_path):
    """Flipped bytes of zip and array headers raise nearly anything."""
    rng = random.Random(0)
    store = Checkpoints(tmp_path)
    store.save({"epoch": 1}, epoch=1, step=0)
    path = store.save({"epoch": 2, "x": np.arange(5)}, epoch=2, step=0)
    content = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 2, 8))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        assert Checkpoints(tmp_path).load()["epoch"] in (1, 2)


def test_a_job_whose_record_is_cut_is_listed_with_its_reason_and_runs_again(outputs):
    record = outputs / "sweep" / "1" / "run.json"
    record.write_bytes(record.read_bytes()[:100])
    ledger = Ledger(outputs / "sweep")
    state = ledger.state(1)
    assert state.status == UNREADABLE
    assert str(record) in state.error
    assert state.is_unfinished
    assert not ledger.is_complete
    (line,) = files.failures(files.refresh(ledger))
    assert line.startswith(f"job 1 (seed=1): unreadable, {record}: cannot be read (")
    assert "unreadable" in (outputs / "sweep" / "leaderboard.csv").read_text()
    conduct._set_aside(record.parent)
    assert not record.exists()
    assert record.with_name("run.json.damaged").read_bytes().startswith(b"{")


def test_text_of_a_folder_reaches_no_terminal_as_it_is(outputs, capsys):
    (outputs / "run" / "classification_report.txt").write_text(f"class {ESCAPE}\nsecond line\n")
    change(outputs / "run", name=ESCAPE, notes=ESCAPE, error=ESCAPE, command=ESCAPE)
    for arguments in (["show", "RUN"], ["list", "OUTPUTS"], ["list", "OUTPUTS", "--csv", "--columns", "name,notes"]):
        paths = {"RUN": str(outputs / "run"), "OUTPUTS": str(outputs)}
        outcome, said = call([paths.get(word, word) for word in arguments])
        assert outcome == "done", said
        assert "\\x1b]0;title\\x07\\u202e" in said
        assert "\u202e" not in said
    assert launch.complain(UserError(f"{ESCAPE}: no\nsecond")) == 2
    assert capsys.readouterr().err == "\\x1b]0;title\\x07\\u202e: no\nsecond\n"


def test_csv_holds_no_formulas():
    values = {
        "=1+1": "'=1+1",
        "+a": "'+a",
        "-a": "'-a",
        "@a": "'@a",
        "\ta": "'\\ta",
        "-1.5": "-1.5",
        "+1e3": "+1e3",
        "a=b": "a=b",
    }
    assert {value: text.cell(value) for value in values} == values
    assert text.cell(-1.5) == -1.5
    found = [("outputs/run", {"notes": "=HYPERLINK(1)", "seed": -1})]
    assert listing.csv(found, ["notes", "seed"]) == "notes,seed\n'=HYPERLINK(1),-1\n"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_a_read_only_folder_is_one_message(outputs, tmp_path):
    place = tmp_path / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        for name in ("run", "sweep"):
            shutil.copytree(outputs / name, place / name)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        for arguments in (["report", "run"], ["tag", "run", "--add", "x"], ["report", "sweep"], ["resume", "sweep"]):
            folder = place / arguments[1]
            outcome, said = call([arguments[0], str(folder), *arguments[2:]])
            assert outcome == "refused", (arguments, said)
            assert said.startswith(f"{folder}: cannot be written to (it is read-only), expected a folder for new files")
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_large_file_is_not_read_whole(tmp_path):
    with open(tmp_path / "run.json", "wb") as file:
        file.truncate(10**12)  # no byte of which is on the disk
    with pytest.raises(UserError, match="is larger than 16,000,000 bytes, expected the record of a run"):
        runs.read(tmp_path)


def test_links_that_a_user_names_are_followed(outputs, tmp_path):
    (tmp_path / "latest").symlink_to(outputs / "run")
    received.refuse_links(tmp_path / "latest")
    assert call(["show", str(tmp_path / "latest")])[0] == "done"


@pytest.mark.parametrize("number", range(int(os.environ.get("MUTATIONS", "40"))))
def test_mutated_files_are_one_message(made, number):
    """`MUTATIONS=2000` tries more; `python -m tests.faults.mutations 2000` counts what comes out."""
    for what, outcome, said in mutations.trial(made, random.Random(f"0 {number}")):
        assert not outcome.isupper(), f"{what}: {outcome}: {said}"
