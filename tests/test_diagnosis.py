"""The rules of the diagnosis on made-up histories, and on two shaped like the article's."""

import numpy as np
import pytest

from experiments.config import defaults
from experiments.config.composition import compose_command_line
from experiments.diagnosis import MIN_EPOCHS, diagnose
from experiments.evaluation import score
from experiments.history import Epoch, History

GOOD = [(0.6, 0.8, 0.62, 0.79), (0.4, 0.87, 0.42, 0.86), (0.3, 0.9, 0.32, 0.9), (0.28, 0.92, 0.31, 0.91)]


def history(rows, rate=0.01):
    """From (loss, accuracy, val_loss, val_accuracy) of each epoch."""
    return History([Epoch(number, *row, rate, 0.1) for number, row in enumerate(rows, start=1)])


def run(rows, status="completed", classes=10, epochs=None, **changes):
    record = {
        "status": status,
        "config": {"trainer": {"epochs": epochs or len(rows)}, "optimizer": {"learning_rate": 0.5}},
        "dataset": {"class_names": [str(number) for number in range(classes)]},
    }
    return diagnose(history(rows), record | changes)


def kinds(found):
    return [finding.kind for finding in found]


def curve(start, end, epochs, speed=5.0):
    """From `start` to near `end`, fast at first."""
    return [end + (start - end) * np.exp(-speed * number / epochs) for number in range(epochs)]


def overfitted(epochs=40, best=10):
    loss = curve(2.0, 0.02, epochs)
    val_loss = [1.3 + 0.05 * abs(number - best) ** 1.2 / 3 for number in range(epochs)]
    return list(zip(loss, np.linspace(0.4, 0.99, epochs), val_loss, np.linspace(0.4, 0.57, epochs), strict=True))


def test_a_healthy_training_has_nothing_against_it():
    accuracy = np.linspace(0.9, 0.97, 30)
    columns = curve(2.3, 0.1, 30, 12), accuracy, curve(2.3, 0.12, 30, 12), accuracy - 0.01
    rows = list(zip(*columns, strict=True))
    found = run(rows)
    assert [finding.severity for finding in found if finding.kind != "plateau"] == ["good"]
    assert found[-1].sentence == "Nothing in the curves or the classes speaks against this training."


def test_noise_is_no_overfitting():
    noise = np.random.default_rng(0).normal(0, 0.02, 60)
    val_loss = 0.5 + noise
    rows = list(zip(curve(0.9, 0.45, 60), [0.9] * 60, val_loss, [0.88] * 60, strict=True))
    assert "overfitting" not in kinds(run(rows))
    assert "unsteady" not in kinds(run(rows))


def test_healthy_noisy_curves_give_no_false_alarm():
    """Of 600 made-up healthy trainings with up to 6 % noise at most one in a hundred is warned of."""
    random = np.random.default_rng(0)
    warned = 0
    for epochs in (5, 12, 40, 100):
        for number in range(150):
            time, noise = np.arange(epochs) / epochs, (0.01, 0.03, 0.06)[number % 3]
            loss = 0.25 + 2 * np.exp(-(12 + 18 * random.random()) * time)
            accuracy = 0.95 - 0.8 * np.exp(-12 * time)
            columns = (
                loss * (1 + random.normal(0, noise / 3, epochs)),
                accuracy + random.normal(0, noise / 10, epochs),
                (loss + 0.02) * (1 + random.normal(0, noise, epochs)),
                accuracy - 0.01 + random.normal(0, noise / 8, epochs),
            )
            found = run(list(zip(*columns, strict=True)))
            warned += any(finding.severity in ("warning", "bad") for finding in found)
    assert warned <= 6


def test_overfitting_names_the_epoch_and_the_losses():
    (finding, *_) = run(overfitted())
    assert (finding.kind, finding.severity) == ("overfitting", "warning")
    assert finding.epoch == 12
    assert finding.sentence.startswith("Validation loss rises from epoch 12 on, from 1.3")
    assert "while training loss falls to 0.0" in finding.sentence
    assert "early_stopping.patience=5" in finding.advice


def test_one_epoch_out_of_line_at_the_end_is_no_overfitting():
    rows = [(0.5, 0.8, 0.5, 0.8)] * 29 + [(0.5, 0.8, 0.53, 0.8)]
    assert "overfitting" not in kinds(run(rows))


def test_a_loss_that_still_falls():
    rows = [(1.5 - 0.03 * n, 0.5 + 0.01 * n, 1.5 - 0.03 * n, 0.5 + 0.01 * n) for n in range(40)]
    found = run(rows)
    assert kinds(found) == ["falling", "healthy"]
    # Means of the last four epochs and the four before: 0.375 and 0.495.
    assert (
        found[0].sentence == "Validation loss still falls, by 24.2% over the last 4 epochs: training longer would help."
    )


def test_a_plateau():
    rows = [(0.3, 0.95, 0.32, 0.94)] * 12
    assert kinds(run(rows)) == ["plateau", "healthy"]
    assert run(rows)[0].sentence == "Since epoch 9 nothing moves: validation loss stays at 0.320."


def test_underfitting_is_a_plateau_far_from_the_training_rows():
    rows = [(1.0, 0.6, 1.02, 0.59)] * 12
    assert kinds(run(rows)) == ["underfitting"]
    assert "Training accuracy stays at 60.0%" in run(rows)[0].sentence


def test_a_gap_without_overfitting():
    rows = [(0.2, 0.95, 0.5, 0.85)] * 12
    found = run(rows)
    assert "gap" in kinds(found)
    assert "10.0 points above validation accuracy" in next(each for each in found if each.kind == "gap").sentence


def test_never_learned():
    rows = [(2.3, 0.1, 2.3, 0.1)] * 6
    assert kinds(run(rows)) == ["never_learned"]
    assert "10.0%, no better than always naming one class (10.0%)" in run(rows)[0].sentence
    assert kinds(run([(1000.0 / n, 0.1, 72.0, 0.1) for n in range(1, 9)])) == ["never_learned"]
    commonest = {"class_names": ["a", "b"], "class_counts": {"train": [90, 10]}}
    rows = [(0.33, 0.9, 0.33, 0.9)] * 6
    assert kinds(run(rows, dataset=commonest)) == ["never_learned"]


def test_a_slow_start_that_gets_somewhere_is_not_never_learned():
    rows = [(2.3 - 0.05 * n, 0.11, 2.3 - 0.05 * n, 0.11) for n in range(8)]
    assert kinds(run(rows)) == ["slow"]
    assert "has lost only 14% of its first value in 8 epochs" in run(rows)[0].sentence


def test_an_unsteady_loss():
    rows = [(0.5 if number % 2 else 0.9, 0.8, 0.6, 0.8) for number in range(20)]
    (finding, *_) = run(rows)
    assert finding.kind == "unsteady"
    assert finding.sentence.startswith("Training loss rises in 9 of 19 epochs, by 80% on average")


def test_diverged_says_when_and_what_to_do():
    found = run(GOOD[:1], status="diverged", error="the loss is nan in epoch 2, step 7", epochs=5)
    assert found[0].kind == "diverged"
    assert found[0].sentence == "The loss diverged: the loss is nan in epoch 2, step 7."
    assert "(it is 0.5): try a tenth of optimizer.learning_rate" in found[0].advice
    assert found[0].epoch == 2


def test_few_epochs_say_nothing():
    assert kinds(run(GOOD)) == ["short"]
    assert len(GOOD) < MIN_EPOCHS
    assert run(GOOD)[0].sentence == "4 epochs: too few to say how the training goes."
    assert run([], status="failed") == []


def test_values_that_are_not_finite_are_left_out():
    rows = [*GOOD, (float("nan"), 0.1, float("inf"), 0.1)]
    assert kinds(run(rows)) == ["short"]


def test_training_that_ended_by_itself():
    assert run(GOOD, epochs=9)[-1].sentence in (
        "Training ended by itself after epoch 4 of 9.",
        "4 epochs: too few to say how the training goes.",
    )
    assert "stopped" in kinds(run(GOOD, epochs=9))
    assert "pruned" in kinds(run(GOOD, epochs=9, pruned=4))


def test_the_best_epoch_is_not_the_last():
    rows = [(0.5, 0.9, 0.5, 0.9 if number == 4 else 0.87) for number in range(10)]
    found = next(each for each in run(rows) if each.kind == "best_epoch")
    assert found.sentence.startswith("Epoch 5 had the best validation accuracy, 90.00%; the last one")
    assert "lacks 3.0 points" in found.sentence


def early(monitor="val_loss", restore=True, patience=5):
    return {"early_stopping": {"patience": patience, "monitor": monitor, "restore_best_weights": restore}}


def ended(rows, planned=100, trainer=None, report=None, **record):
    """Findings of a training that ended before its last planned epoch, or in another way than most."""
    config = {"trainer": {"epochs": planned, **(trainer or {})}, "optimizer": {}, "model": {"hidden_units": [8]}}
    values = {"status": "completed", "config": config, "dataset": {"class_names": list("0123456789")}}
    return diagnose(history(rows), values | record, report)


def test_early_stopping_says_which_epochs_weights_are_kept():
    rows = [(0.5, 0.9, 0.5, 0.9 if number == 2 else 0.87) for number in range(8)]
    found = {each.kind: each for each in ended(rows, 40, early(), stopped_by="early_stopping", kept_epoch=3)}
    assert found["stopped"].sentence == (
        "Early stopping ended the training after epoch 8 of 40. The weights of epoch 3, the best by val_loss, are kept."
    )
    assert "best_epoch" not in found  # the best one's weights are those that are kept
    assert not any("trainer.epochs" in each.advice for each in found.values())


def test_kept_weights_that_lack_accuracy_to_the_best_epoch_are_said_to():
    rows = [(0.5, 0.9, 0.5, 0.9 if number == 6 else 0.87) for number in range(8)]
    found = {each.kind: each for each in ended(rows, 8, early(), kept_epoch=3)}
    assert found["kept"].sentence == "The weights of epoch 3, the best by val_loss, are kept."
    assert found["best_epoch"].sentence.endswith("epoch 3, whose weights are kept, lacks 3.0 points to it.")
    assert found["best_epoch"].advice == "trainer.early_stopping.monitor=val_accuracy keeps its weights."


def test_of_an_older_record_nothing_is_said_of_what_it_does_not_tell():
    rows = [(0.5, 0.9, 0.5, 0.9 if number == 2 else 0.87) for number in range(8)]
    found = {each.kind: each for each in ended(rows, 40, early())}
    assert found["stopped"].sentence.endswith("of 40. Which epoch's weights are kept was not recorded.")
    assert found["best_epoch"].sentence.endswith("the last one lacks 3.0 points to it.")


@pytest.mark.parametrize("odd", [[1], {"a": 1}, "x", True])
def test_a_record_with_odd_values_is_diagnosed_without_them(odd):
    config = {"trainer": {"epochs": odd, "early_stopping": odd, "schedule": odd}, "model": odd, "optimizer": odd}
    for shape in SHAPES.values():
        assert ended(shape, stopped_by=odd, kept_epoch=odd, pruned=None, config=config)


def test_overfitting_that_early_stopping_has_undone_is_no_warning():
    (finding,) = [each for each in ended(overfitted(), 100, early(), kept_epoch=11) if each.kind == "overfitting"]
    assert finding.severity == "note"
    assert finding.sentence.endswith("above validation accuracy. The weights that are kept are of epoch 11.")
    assert finding.advice == "Against it: model.dropout=0.3 or fewer model.hidden_units."


@pytest.mark.parametrize(
    ("trainer", "kept", "advice"),
    [
        (None, 40, "trainer.early_stopping.patience=5, model"),
        (early("val_accuracy"), 38, "trainer.early_stopping.monitor=val_loss, model"),
        (early(restore=False), 40, "trainer.early_stopping.restore_best_weights=true, model"),
        (early(patience=30), 40, "a smaller trainer.early_stopping.patience, model"),
    ],
)
def test_the_advice_against_overfitting_knows_the_early_stopping_there_was(trainer, kept, advice):
    (finding,) = [each for each in ended(overfitted(), 40, trainer, kept_epoch=kept) if each.kind == "overfitting"]
    assert finding.severity == "warning"
    assert f"Against it: {advice}" in finding.advice


SHAPES = {
    "short": GOOD,
    "falling": [(1.5 - 0.03 * n, 0.5 + 0.01 * n, 1.5 - 0.03 * n, 0.5 + 0.01 * n) for n in range(40)],
    "plateau": [(0.3, 0.95, 0.32, 0.94)] * 12,
    "underfitting": [(1.0, 0.6, 1.02, 0.59)] * 12,
    "slow": [(2.3 - 0.05 * n, 0.11, 2.3 - 0.05 * n, 0.11) for n in range(8)],
    "never_learned": [(2.3, 0.1, 2.3, 0.1)] * 6,
    "overfitting": overfitted(),
    "gap": [(0.2, 0.95, 0.5, 0.85)] * 12,
    "unsteady": [(0.5 if number % 2 else 0.9, 0.8, 0.6, 0.8) for number in range(20)],
    "best_epoch": [(0.5, 0.9, 0.5, 0.9 if number == 4 else 0.87) for number in range(10)],
}


@pytest.mark.parametrize(
    ("record", "trainer", "contradictions"),
    [
        ({"stopped_by": "early_stopping"}, early(), ["trainer.epochs", "Train longer", "patience=5"]),
        ({"stopped_by": "max_minutes"}, {"max_minutes": 1.0}, ["Raise trainer.epochs"]),
        ({"pruned": 8}, {}, ["trainer.epochs", "max_minutes", "longer would help"]),
        ({"status": "interrupted"}, {}, ["trainer.epochs", "would help", "would do", " ends ", "is kept"]),
        ({"status": "running"}, {}, ["trainer.epochs", "would help", "would do", " ends ", "is kept"]),
        ({"status": "failed"}, {}, ["trainer.epochs", "would do", "is kept"]),
        ({"status": "diverged"}, {}, ["trainer.epochs", "would do", "is kept"]),
    ],
)
def test_no_advice_contradicts_how_the_training_ended(record, trainer, contradictions):
    rows = report(("cat", 0, 0, 0, 10), ("dog", 0.5, 1, 0.7, 10))
    for shape, values in SHAPES.items():
        found = ended(values, 100, trainer, rows if record.get("status") is None else None, **record)
        said_of_all = record.get("status") != "diverged" and not (shape == "best_epoch" and "status" in record)
        assert shape in kinds(found) or not said_of_all, shape
        said = " ".join(f"{each.sentence} {each.advice}" for each in found)
        assert [text for text in contradictions if text in said] == [], (shape, said)


def test_no_two_findings_of_a_run_advise_the_opposite():
    longer, shorter = ("Raise trainer.epochs", "Train longer"), ("Fewer trainer.epochs", "Fewer epochs", "patience=5")
    rows = report(("cat", 0, 0, 0, 10), ("dog", 0.5, 1, 0.7, 10))
    sure = score(np.array([0] * 5 + [1] * 5), np.array([[0.9, 0.1]] * 10, np.float32))
    for shape, values in SHAPES.items():
        said = " ".join(each.advice for each in diagnose(history(values), healthy_record(len(values)), rows, sure))
        assert not (any(text in said for text in longer) and any(text in said for text in shorter)), (shape, said)
        assert not ("Raise optimizer.learning_rate" in said and "Lower optimizer.learning_rate" in said)


def healthy_record(epochs):
    return {
        "status": "completed",
        "config": {"trainer": {"epochs": epochs}},
        "dataset": {"class_names": list("0123456789")},
    }


def test_a_run_that_a_search_gave_up_is_not_called_healthy():
    found = ended(SHAPES["falling"], 100, pruned=40, stopped_by="pruned", kept_epoch=40)
    assert kinds(found) == ["pruned", "falling"]


def report(*rows):
    names = ("name", "precision", "recall", "f1-score", "support")
    return {"classes": [dict(zip(names, row, strict=True)) for row in rows]}


@pytest.mark.parametrize(
    ("classes", "kind", "sentence"),
    [
        (
            report(("cat", 0, 0, 0, 10), ("dog", 0.5, 1, 0.7, 10)),
            "unseen_class",
            "Not one sample is recognised of class cat.",
        ),
        (
            report(("cat", 0.2, 0.2, 0.2, 10), ("dog", 0.9, 0.9, 0.9, 10), ("hen", 0.9, 0.9, 0.9, 10)),
            "weak_class",
            "Class cat is recognised far worse than the others: F1 0.20, mean 0.67.",
        ),
        (
            report(("cat", 0.9, 0.9, 0.9, 1000), ("dog", 0.9, 0.9, 0.9, 100)),
            "imbalance",
            "Class cat has 1,000 test samples, dog 100: accuracy says little of the rare classes, their recall says"
            " more.",
        ),
    ],
)
def test_classes(classes, kind, sentence):
    record = {"status": "completed", "config": None, "dataset": None}
    (finding,) = diagnose(History(), record, classes)
    assert (finding.kind, finding.sentence) == (kind, sentence)


def test_confidence():
    record = {"status": "completed", "config": None, "dataset": None}
    sure = np.array([[0.9, 0.1]] * 10, np.float32)
    (finding,) = diagnose(History(), record, None, score(np.array([0] * 5 + [1] * 5), sure))
    assert finding.kind == "overconfident"
    assert "on average 40 points above its accuracy" in finding.sentence
    assert diagnose(History(), record, None, score(np.array([0] * 9 + [1]), sure)) == []


def test_the_articles_mnist_is_healthy_and_still_falls():
    loss = [0.279 + 2.02 * np.exp(-number / 9) + 0.0009 * (99 - number) for number in range(100)]
    accuracy = [0.9204 - 0.8 * np.exp(-number / 9) for number in range(100)]
    rows = [(a, b, a + 0.005, b - 0.0044) for a, b in zip(loss, accuracy, strict=True)]
    assert kinds(run(rows)) == ["falling", "healthy"]


def test_the_articles_cifar_overfits():
    loss = curve(1.84, 0.0252, 100, 5)
    accuracy = np.concatenate([np.linspace(0.34, 0.9, 40), np.linspace(0.9, 0.9976, 60)])
    val_loss = [1.35 + (0.35 * (1 - n / 20) if n < 20 else 0.9 * (n - 20) / 80) for n in range(100)]
    val_accuracy = np.concatenate([np.linspace(0.407, 0.55, 20), np.linspace(0.55, 0.5739, 80)])
    found = run(list(zip(loss, accuracy, val_loss, val_accuracy, strict=True)))
    assert kinds(found) == ["overfitting"]
    assert found[0].epoch == 23  # two after the lowest point, of means over ten epochs
    assert "Training accuracy ends 41.8 points" in found[0].sentence


def test_the_config_as_differences_from_the_defaults():
    assert defaults.changed(compose_command_line([]).jobs[0].config.model_dump()) == []
    arguments = ["model=sigmoid_256_128", "optimizer.learning_rate=0.5", "trainer=quick", "name=x", "tags=[a]"]
    assert defaults.changed(compose_command_line(arguments).jobs[0].config.model_dump()) == [
        ("model.hidden_units", [256, 128], [128, 64]),
        ("model.activation", "sigmoid", "relu"),
        ("optimizer.learning_rate", 0.5, 0.01),
        ("trainer.epochs", 5, 100),
    ]
    assert defaults.changed({"trainer": "nonsense"}) == [("trainer", "nonsense", defaults.defaults()["trainer"])]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["optimizer=adam"], [("optimizer.kind", "adam", "sgd")]),
        (
            ["optimizer=adam", "optimizer.beta_1=0.8"],
            [("optimizer.kind", "adam", "sgd"), ("optimizer.beta_1", 0.8, 0.9)],
        ),
        (["dataset=mnist"], [("dataset.kind", "mnist", "digits")]),
        (
            ["dataset=mnist", "dataset.test=0.25"],
            [("dataset.kind", "mnist", "digits"), ("dataset.test", 0.25, "official")],
        ),
        (["tracker=mlflow"], [("tracker.kind", "mlflow", "none")]),
    ],
)
def test_the_defaults_are_those_of_the_options_chosen(arguments, expected):
    assert defaults.changed(compose_command_line(arguments).jobs[0].config.model_dump()) == expected


def test_a_key_that_no_option_has_is_given_no_default():
    assert defaults.changed({"optimizer": {"kind": "adam", "old": None}}) == [
        ("optimizer.kind", "adam", "sgd"),
        ("optimizer.old", None, "–"),
    ]
