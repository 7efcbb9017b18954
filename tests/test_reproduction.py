"""A run beside what was published: figures, tolerances, `verify`, the page."""

import json

import pytest

from experiments import provenance, reports, reproduction
from experiments.config import ReferenceConfig
from experiments.config.composition import compose_command_line, reference_of
from experiments.errors import UserError
from experiments.history import Epoch, History
from tests.conftest import run_command
from tests.test_reports import record

REFERENCE = {
    "source": "A paper <b>",
    "claim": "about 90 %",
    "setting": {"optimizer.learning_rate": 0.01, "model.hidden_units": [8]},
    "differences": ["another library"],
    "accuracy": 0.9,
    "curve": [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.2, "val_loss": 2.1, "val_accuracy": 0.19},
        {"epoch": 3, "loss": 0.67, "accuracy": 0.6, "val_loss": 0.7, "val_accuracy": 0.57},
    ],
    "classes": [{"name": "3", "precision": 0.9, "recall": 0.9, "f1": 0.9, "support": 10}],
    "tolerance": {
        "reason": "made up",
        "accuracy": 0.01,
        "f1": 0.02,
        "curve": [
            {"from_epoch": 1, "loss": 0.1, "accuracy": 0.05, "val_loss": 0.1, "val_accuracy": 0.05},
            {"from_epoch": 3, "loss": 0.01, "accuracy": 0.01, "val_loss": 0.01, "val_accuracy": 0.01},
        ],
    },
}


def run(folder, *, accuracy=0.905, f1=0.91, last_loss=2 / 3, learning_rate=0.01, reference=REFERENCE):
    """Write a run that is close to REFERENCE unless told otherwise."""
    folder.mkdir(exist_ok=True)
    config = {"optimizer": {"learning_rate": learning_rate}, "model": {"hidden_units": [8]}, "trainer": {"epochs": 3}}
    values = record(status="completed", config=config | {"reference": reference})
    values["metrics"] = {"test": {"loss": 0.3, "accuracy": accuracy}}
    values["epochs_completed"] = 3
    (folder / "run.json").write_text(json.dumps(values))
    epochs = [Epoch(n, 2 / n, 0.2 * n, 2.1 / n, 0.19 * n, 0.01, 0.5) for n in (1, 2)]
    epochs.append(Epoch(3, last_loss, 0.6, 0.7, 0.57, 0.01, 0.5))
    (folder / "history.csv").write_text(History(epochs).to_csv())
    row = {"name": "3", "precision": 0.9, "recall": 0.9, "f1-score": f1, "support": 10}
    averages = {"macro avg": row, "weighted avg": row, "accuracy": accuracy}
    (folder / "classification_report.json").write_text(json.dumps({"classes": [row], **averages}))
    return folder


def test_every_published_figure_has_ours_beside_it(tmp_path):
    found = reproduction.of_run(run(tmp_path / "run"))
    assert [(check.what, check.published, check.ours, check.tolerance) for check in found.checks] == [
        ("test accuracy", 0.9, 0.905, 0.01),
        ("training loss of epoch 1", 2.0, 2.0, 0.1),
        ("training accuracy of epoch 1", 0.2, 0.2, 0.05),
        ("validation loss of epoch 1", 2.1, 2.1, 0.1),
        ("validation accuracy of epoch 1", 0.19, 0.19, 0.05),
        ("training loss of epoch 3", 0.67, 2 / 3, 0.01),
        ("training accuracy of epoch 3", 0.6, 0.6, 0.01),
        ("validation loss of epoch 3", 0.7, 0.7, 0.01),
        ("validation accuracy of epoch 3", 0.57, 0.57, 0.01),
        ("F1 of class 3", 0.9, 0.91, 0.02),
    ]
    assert found.is_reproduced
    assert found.deviations == []
    assert found.verdict == (
        "Reproduced: test accuracy 0.9050, published 0.9000 (± 0.01 counts); all 10 published figures agree within"
        " their tolerances."
    )


def test_one_figure_too_far_away_is_not_reproduced(tmp_path):
    found = reproduction.of_run(run(tmp_path / "run", last_loss=0.7, f1=0.95, learning_rate=1.0))
    assert not found.is_reproduced
    assert found.deviations == [("optimizer.learning_rate", 1.0, 0.01)]
    assert found.verdict == (
        "Not reproduced: test accuracy 0.9050, published 0.9000 (± 0.01 counts); 8 of 10 published figures agree, not"
        " training loss of epoch 3, F1 of class 3."
    )


def shortened(folder, epochs, status="completed"):
    """A run of REFERENCE whose training ended before its third epoch."""
    run(folder)
    lines = (folder / "history.csv").read_text().splitlines()
    (folder / "history.csv").write_text("\n".join(lines[: epochs + 1]) + "\n")
    values = json.loads((folder / "run.json").read_text()) | {"status": status}
    (folder / "run.json").write_text(json.dumps(values))
    return folder


def test_epochs_that_were_never_trained_are_not_comparable(tmp_path):
    found = reproduction.of_run(shortened(tmp_path / "run", 2))
    assert not found.is_reproduced
    assert [check.status for check in found.checks] == ["not comparable", *["agrees"] * 4, *["not comparable"] * 5]
    assert found.verdict == (
        "Not reproduced: the run trained 2 of 3 epochs. 6 of 10 published figures are not comparable: test accuracy,"
        " training loss of epoch 3, training accuracy of epoch 3 and 3 more. The other 4 agree within their tolerances."
    )
    told = reproduction.as_json(found)
    assert told["epochs"] == {"ours": 2, "published": 3}
    assert [check["status"] for check in told["checks"][:2]] == ["not comparable", "agrees"]


def test_of_a_shortened_run_only_what_was_trained_can_disagree(tmp_path):
    reference = {**REFERENCE, "curve": [{**REFERENCE["curve"][0], "loss": 1.0}, REFERENCE["curve"][1]]}
    values = run(tmp_path / "run", reference=reference)
    shortened_values = shortened(tmp_path / "short", 2, "diverged")
    found = reproduction.of_run(shortened_values, ReferenceConfig.model_validate(reference))
    assert found.verdict.startswith("Not reproduced: the run trained 2 of 3 epochs and is diverged. 6 of 10 published")
    assert found.verdict.endswith("Of the other 4, 3 agree, not training loss of epoch 1.")
    assert "not training loss of epoch 1." in reproduction.of_run(values).verdict


def test_figures_of_a_longer_training_are_not_comparable_either(tmp_path):
    reference = {**REFERENCE, "setting": {"trainer.epochs": 2}, "curve": REFERENCE["curve"][:1]}
    found = reproduction.of_run(run(tmp_path / "run", reference=reference))
    assert found.final.status == "not comparable"
    assert "the run trained 3 epochs, the published training had 2. 2 of 6 published figures" in found.verdict


def test_a_saved_baseline_of_sixty_epochs(tmp_path):
    config = compose_command_line(["experiment=keras_mnist", "trainer.epochs=60"]).jobs[0].config
    history = History([Epoch(n, 1.0, 0.5, 1.0, 0.5, 0.01, 0.5) for n in range(1, 61)])
    values = {"config": config.model_dump(), "status": "completed", "metrics": {"test": {"accuracy": 0.9}}}
    found = reproduction.compare(config.reference, values, history, None)
    assert found.verdict.startswith("Not reproduced: the run trained 60 of 100 epochs. 23 of 35 published figures are")
    assert "98" not in found.verdict.partition("Of the other 12,")[2]
    assert found.deviations == [("trainer.epochs", 60, 100)]


def test_what_a_run_lacks_is_not_comparable(tmp_path):
    folder = run(tmp_path / "run")
    (folder / "history.csv").unlink()
    (folder / "classification_report.json").unlink()
    values = json.loads((folder / "run.json").read_text()) | {"status": "interrupted", "metrics": {}}
    (folder / "run.json").write_text(json.dumps(values))
    found = reproduction.of_run(folder)
    assert {check.status for check in found.checks} == {"not comparable"}
    assert not found.is_reproduced
    assert found.verdict == (
        "Not reproduced: the run trained 0 of 3 epochs and is interrupted. 10 of 10 published figures are not"
        " comparable: test accuracy, training loss of epoch 1, training accuracy of epoch 1 and 7 more."
    )


@pytest.mark.parametrize(("accuracy", "agrees"), [(0.91, True), (0.91004, True), (0.9101, False), (0.8899, False)])
def test_the_last_printed_digit_may_be_rounded(tmp_path, accuracy, agrees):
    assert reproduction.of_run(run(tmp_path / "run", accuracy=accuracy)).final.agrees is agrees


def test_a_reference_changes_nothing_of_the_result():
    plain, published = (
        compose_command_line(["experiment=keras_mnist", *more]).jobs[0].config for more in ((), ("reference=null",))
    )
    assert plain.reference is not None
    assert published.reference is None
    assert provenance.fingerprint(plain) == provenance.fingerprint(published)


@pytest.mark.parametrize("experiment", ["keras_mnist", "keras_mnist_printed_split", "keras_cifar10"])
def test_the_saved_baselines_have_the_setting_that_was_published(experiment):
    config = compose_command_line([f"experiment={experiment}"]).jobs[0].config
    found = reproduction.compare(config.reference, {"config": config.model_dump()}, History(), None)
    assert found.deviations == []
    assert len(found.curve) == 24
    assert len(found.classes) == 10
    reason = config.reference.tolerance.reason
    assert "seeds" in reason


def test_an_experiment_without_a_reference():
    with pytest.raises(UserError, match="experiment=mnist_learning_rate_sweep: has no reference, expected a saved"):
        reference_of("mnist_learning_rate_sweep")


def test_mistakes_of_a_reference_name_the_key():
    with pytest.raises(UserError) as raised:
        compose_command_line(["experiment=keras_mnist", "reference.accuracy=92", "reference.tolerance.f2=1"])
    assert "reference.accuracy: received 92" in str(raised.value)
    assert "reference.tolerance.f2: unknown key" in str(raised.value)


def test_verify_prints_the_comparison_and_exits_0_or_1(tmp_path):
    run(tmp_path / "good")
    run(tmp_path / "bad", accuracy=0.5)
    run(tmp_path / "none", reference=None)
    good = run_command(tmp_path, "experiments", "verify", "good")
    assert good.status == 0, good.err
    assert "training loss of epoch 3           0.6700    0.6667     -0.0033     ± 0.01  agrees" in good.out
    assert "Published in: A paper <b>" in good.out
    assert "Otherwise: another library" in good.out
    assert "Reproduced: test accuracy 0.9050" in good.out
    bad = run_command(tmp_path, "experiments", "verify", "bad", "--json")
    assert bad.status == 1
    assert json.loads(bad.out)["reproduced"] is False
    none = run_command(tmp_path, "experiments", "verify", "none")
    assert none.status == 2
    assert none.err == (
        "none: its config has no reference, expected a run of a saved experiment such as keras_mnist."
        " Another run is compared with one by --reference keras_mnist\n"
    )
    other = run_command(tmp_path, "experiments", "verify", "none", "--reference", "keras_mnist")
    assert other.status == 1
    assert "Otherwise here: model.hidden_units is [8], published [256, 128]" in other.out


def test_a_broken_reference_is_named(tmp_path):
    run(tmp_path / "run", reference={**REFERENCE, "accuracy": "high"})
    with pytest.raises(UserError, match=r"run\.json: config\.reference\.accuracy: Input should be a valid number"):
        reproduction.of_run(tmp_path / "run")


def test_the_page_sets_ours_beside_theirs(tmp_path):
    run(tmp_path / "run", learning_rate=1.0, accuracy=0.5)
    html = reports.write_html(tmp_path / "run").read_text()
    assert '<h2 id="reproduction">Reproduction</h2>' in html
    assert "Not reproduced: test accuracy 0.5000, published 0.9000" in html
    assert "<code>optimizer.learning_rate</code> is 1.0, published 0.01" in html
    assert "A paper &lt;b&gt;" in html
    assert html.count("✗ no") == 1
    assert html.count("✓ yes") == 9


def test_the_reference_is_read_strictly():
    assert ReferenceConfig.model_validate(REFERENCE).curve[1].epoch == 3
