"""The engine computes what `fit` computes, the same every time, and goes on exactly where it was interrupted."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments.callbacks import ending
from experiments.checkpoints import Checkpoints
from experiments.datasets import Dataset, Split
from experiments.errors import UserError
from experiments.evaluation import evaluate
from experiments.history import COLUMNS, History
from experiments.training import Diverged, Interrupted, StopRequest, compiled, loop, time_budget, train
from tests import training_case as case
from tests.conftest import environment


@pytest.fixture(autouse=True)
def _no_compiled_model_of_another_test():
    compiled._last.clear()


def sgd(learning_rate=0.1, **options):
    import keras

    return keras.optimizers.SGD(learning_rate, **options)


def adam(**options):
    import keras

    return keras.optimizers.Adam(0.01, **options)


def convolutional():
    import keras

    return [
        keras.layers.Reshape((6, 6, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.AveragePooling2D(2),
        keras.layers.Flatten(),
    ]


def penalised():
    import keras

    return [keras.layers.Flatten(), keras.layers.Dense(8, kernel_regularizer="l2", activity_regularizer="l1")]


def result(network, history):
    """Bytes of all there is: history without its seconds, weights, optimizer's variables."""
    rows = np.array([row[:-1] for row in history.epochs])
    variables = compiled.all_variables(network)
    return [rows.tobytes(), *(variable.numpy().tobytes() for variable in variables)]


def run(network, data, **options):
    return train(network, data, **({"epochs": 2, "batch_size": 32, "seed": 5} | options))


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": lambda: sgd(momentum=0.9, nesterov=True),
    "adam": adam,
    "adamw": lambda: adam(weight_decay=0.01, global_clipnorm=1.0),
}


@pytest.mark.parametrize(
    ("optimizer", "layers", "epochs", "jit_compile"),
    [
        *[(name, case.mlp, epochs, True) for name in OPTIMIZERS for epochs in (1, 3)],
        *[(name, convolutional, epochs, "auto") for name in ("sgd", "momentum", "adam") for epochs in (1, 3)],
        ("sgd", convolutional, 3, True),
        ("momentum", case.mlp, 3, False),
        ("sgd", penalised, 3, True),
    ],
)
def test_equals_fit_on_the_same_rows_in_the_same_order(optimizer, layers, epochs, jit_compile):
    optimizer = OPTIMIZERS[optimizer]
    data = case.dataset()  # 150 rows: the last batch has 22
    ours = case.model(optimizer(), layers=layers)
    initial = ours.get_weights()
    history = run(ours, data, epochs=epochs, jit_compile=jit_compile)

    keras_own = case.model(optimizer(), layers=layers)
    keras_own.set_weights(initial)
    for epoch in range(epochs):
        order = np.random.default_rng([5, epoch]).permutation(150)
        logs = keras_own.fit(
            data.train.x[order],
            data.train.y[order],
            batch_size=32,
            shuffle=False,
            validation_data=(data.validation.x, data.validation.y),
            verbose=0,
        ).history
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert getattr(history.epochs[epoch], name) == pytest.approx(logs[name][0], rel=2e-4), (epoch, name)
    for a, b in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


def test_history_and_logs():
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.calls = []

        def on_epoch_begin(self, epoch, logs=None):
            self.calls.append(("epoch begin", epoch))

        def on_train_batch_end(self, batch, logs=None):
            self.calls.append(("batch end", batch, sorted(logs)))

        def on_epoch_end(self, epoch, logs=None):
            self.calls.append(("epoch end", epoch, sorted(logs)))

        def on_train_end(self, logs=None):
            self.calls.append(("train end",))

    recorder, steps, rows = Recorder(), [], []
    history = run(
        case.model(sgd()),
        case.dataset(),
        callbacks=[recorder],
        on_step=lambda step, logs: steps.append(step),
        on_epoch=rows.append,
    )
    assert isinstance(history, History)
    assert history.epochs == rows
    assert [(row.epoch, row.learning_rate) for row in rows] == [(1, 0.1), (2, 0.1)]
    assert all(type(value) is float for row in rows for value in row[1:])
    assert [step for step in steps if step == 5] == [5, 5]
    batches = ["accuracy", "loss"]
    assert ("batch end", 4, batches) in recorder.calls
    ends = sorted(set(COLUMNS) - {"epoch", "seconds"})
    assert [call for call in recorder.calls if call[0] != "batch end"] == [
        ("epoch begin", 0),
        ("epoch end", 0, ends),
        ("epoch begin", 1),
        ("epoch end", 1, ends),
        ("train end",),
    ]


def test_where_chunks_end_changes_nothing(monkeypatch):
    results = []
    for seconds in (0, 0.002, 10):
        monkeypatch.setattr(loop, "CHUNK_SECONDS", seconds)
        network, callbacks = case.stateful()
        results.append(result(network, run(network, case.dataset(), epochs=4, callbacks=callbacks)))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("layers", [case.regularised, convolutional])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(layers):
    results = []
    for seed in (5, 5, 6):
        network = case.model(adam(), layers=layers)
        compiled._last.clear()
        results.append(result(network, run(network, case.dataset(), seed=seed)))
    assert results[0] == results[1] != results[2]


def test_jobs_that_differ_in_the_learning_rate_share_what_is_compiled():
    def job(rate, seed=1):
        network = case.model(sgd(rate, momentum=0.9), layers=case.regularised, seed=seed)
        return network, result(network, run(network, case.dataset()))

    alone = []
    for arguments in ((0.1,), (0.01, 3)):
        compiled._last.clear()
        alone.append(job(*arguments)[1])
    compiled._last.clear()
    job(0.1)
    (first,) = compiled._last
    traces = first.compiled._train.experimental_get_tracing_count()
    network, again = job(0.01, 3)
    assert compiled._last == [first]
    assert first.compiled.model is not network
    assert first.compiled._train.experimental_get_tracing_count() == traces == 2  # whole batches, the partial one
    assert again == alone[1] != alone[0]


@pytest.mark.parametrize(
    "other",
    [
        lambda: case.model(sgd(momentum=0.5)),
        lambda: case.model(adam()),
        lambda: case.model(sgd(), layers=convolutional),
    ],
)
def test_what_is_compiled_in_is_not_shared(other):
    run(case.model(sgd()), case.dataset(), epochs=1)
    (first,) = compiled._last
    run(other(), case.dataset(), epochs=1)
    assert len(compiled._last) == 1
    assert compiled._last != [first]


def test_a_layer_that_xla_cannot_compile_runs_without_and_says_so(caplog):
    import keras
    import tensorflow as tf

    class Foreign(keras.layers.Layer):
        def call(self, x):
            y = tf.numpy_function(lambda a: a, [x], tf.float32)
            return tf.ensure_shape(y, x.shape)

    def one():
        return case.model(sgd(), layers=lambda: [Foreign(), keras.layers.Flatten()])

    history = run(one(), case.dataset(), epochs=1)
    assert "XLA cannot compile this network, it runs without" in caplog.text
    assert history.epochs[0].loss > 0
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(one(), case.dataset(), jit_compile=True)


def interrupted_and_resumed(folder, at, job):
    """Interrupt `job` when it has done (epoch, step), then run it again."""
    stop = StopRequest()
    epoch = [1]

    def on_step(step, logs):
        if (epoch[0], step) == at:
            stop.signum = signal.SIGTERM

    def on_epoch(row):
        epoch[0] = row.epoch + 1

    with pytest.raises(Interrupted, match="SIGTERM"):
        job(checkpoints=Checkpoints(folder), stop=stop, on_step=on_step, on_epoch=on_epoch)
    return job(checkpoints=Checkpoints(folder))


def stateful_job(**options):
    compiled._last.clear()
    network, callbacks = case.stateful()
    history = run(network, case.dataset(), epochs=12, callbacks=callbacks, **options)
    return len(history.epochs), callbacks[0].best_epoch, result(network, history)


@pytest.fixture(scope="module")
def whole_stateful_job():
    """What the job is when it is left alone; where its chunks end changes nothing."""
    return stateful_job()


@pytest.mark.parametrize("at", [(1, 1), (3, 4), (4, 5), (6, 2)])
def test_early_stopping_best_weights_plateau_and_dropout_survive_an_interruption(
    tmp_path, monkeypatch, at, whole_stateful_job
):
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0)
    assert whole_stateful_job[0] == 7
    assert interrupted_and_resumed(tmp_path, at, stateful_job) == whole_stateful_job


def test_the_record_says_what_ended_a_training_and_whose_weights_are_kept():
    import keras

    network, history = case.model(sgd(0.5)), History()
    worse = keras.callbacks.EarlyStopping("val_accuracy", patience=3, min_delta=1.0, restore_best_weights=True)
    run(network, case.dataset(), epochs=9, callbacks=[worse], history=history)
    assert ending([worse], len(history.epochs), 9) == {"stopped_by": "early_stopping", "kept_epoch": 1}
    measured = evaluate(network, case.dataset().validation)
    assert measured.accuracy == pytest.approx(history.epochs[0].val_accuracy)  # of the weights it now has
    assert ending([worse], 9, 9) == {"stopped_by": None, "kept_epoch": 1}

    last = keras.callbacks.EarlyStopping("val_accuracy", patience=1, min_delta=1.0, restore_best_weights=False)
    epochs = len(run(case.model(sgd()), case.dataset(), epochs=9, callbacks=[last]).epochs)
    assert ending([last], epochs, 9) == {"stopped_by": "early_stopping", "kept_epoch": epochs}
    budget = time_budget(1e-9)
    run(case.model(sgd()), case.dataset(), epochs=9, callbacks=[budget])
    assert ending([budget], 1, 9) == {"stopped_by": "max_minutes", "kept_epoch": 1}
    assert ending([], 9, 9) == {"stopped_by": None, "kept_epoch": 9}


def test_schedules_survive_an_interruption(tmp_path, monkeypatch):
    import keras

    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0)

    def scheduler(**options):
        network = case.model(sgd(0.1))
        falling = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        history = run(network, case.dataset(), epochs=3, callbacks=[falling], **options)
        assert history.column("learning_rate") == pytest.approx([0.05, 0.025, 0.0125])
        return result(network, history)

    def schedule(**options):
        network = case.model(sgd(keras.optimizers.schedules.CosineDecay(0.1, 15)))
        history = run(network, case.dataset(), epochs=3, **options)
        assert history.column("learning_rate") == pytest.approx([0.075, 0.025, 0.0], abs=1e-6)
        return result(network, history)

    for job in (scheduler, schedule):
        assert interrupted_and_resumed(tmp_path / job.__name__, (2, 3), job) == job()


def test_a_start_from_epoch_0_is_said(tmp_path, caplog):
    network = case.model(sgd())
    first = result(network, run(network, case.dataset(), checkpoints=Checkpoints(tmp_path)))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    again = case.model(sgd())
    assert result(again, run(again, case.dataset(), checkpoints=Checkpoints(tmp_path))) == first
    assert f"{tmp_path}: no checkpoint can be used, so training starts again from epoch 0" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"variables": None},
        {"history": [[1]]},
        {"totals": [0.0]},
        {"random": {"python": 1, "numpy": 2}},
        {"callbacks": [{"type": "X", "attributes": {}, "comparisons": {"on_epoch_end": "fori_loop"}}]},
    ],
)
def test_a_state_that_somebody_made_up_is_one_message(tmp_path, change):
    run(case.model(sgd()), case.dataset(), checkpoints=Checkpoints(tmp_path))
    state = Checkpoints(tmp_path).load()
    Checkpoints(tmp_path).save(state | change, epoch=9, step=0)
    with pytest.raises(UserError, match="checkpoint: does not hold the state of a training"):
        run(case.model(sgd()), case.dataset(), checkpoints=Checkpoints(tmp_path))


def test_a_finished_training_is_not_trained_again(tmp_path):
    network = case.model(sgd())
    first = result(network, run(network, case.dataset(), checkpoints=Checkpoints(tmp_path)))
    again, steps = case.model(sgd()), []
    history = run(
        again, case.dataset(), checkpoints=Checkpoints(tmp_path), on_step=lambda step, logs: steps.append(step)
    )
    assert (result(again, history), steps) == (first, [])


def test_more_epochs_continue(tmp_path):
    def job(epochs):
        network = case.model(adam())
        return result(network, run(network, case.dataset(), epochs=epochs, checkpoints=Checkpoints(tmp_path)))

    job(1)
    continued = job(3)
    for path in tmp_path.iterdir():
        path.unlink()
    assert job(3) == continued


def test_the_checkpoint_of_another_network_is_refused(tmp_path):
    run(case.model(sgd()), case.dataset(), checkpoints=Checkpoints(tmp_path))
    with pytest.raises(UserError, match=r"made with variables of shapes .* Resume with the run's own config"):
        run(case.model(adam()), case.dataset(), checkpoints=Checkpoints(tmp_path))
    with pytest.raises(UserError, match=r"callbacks \[\], received \['TimeBudget'\]"):
        run(case.model(sgd()), case.dataset(), checkpoints=Checkpoints(tmp_path), callbacks=[time_budget(1)])


def test_time_budget_stops_and_counts_the_time_before_an_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0)
    assert len(run(case.model(sgd()), case.dataset(), epochs=50, callbacks=[time_budget(1e-9)]).epochs) == 1

    stop = StopRequest()

    def on_step(step, logs):
        time.sleep(0.2)
        stop.signum = signal.SIGINT

    with pytest.raises(Interrupted):
        run(
            case.model(sgd()),
            case.dataset(),
            callbacks=[time_budget(1)],
            checkpoints=Checkpoints(tmp_path),
            stop=stop,
            on_step=on_step,
        )
    budget = time_budget(1)
    run(case.model(sgd()), case.dataset(), callbacks=[budget], checkpoints=Checkpoints(tmp_path))
    (before,) = (each for each in [Checkpoints(tmp_path).load()["callbacks"][0]["attributes"]["seconds_spent"]])
    assert budget.seconds_spent >= before > 0


def infinite(step) -> Dataset:
    """Rows that are numbers until the given step of the first epoch."""
    data = case.dataset()
    x = data.train.x.astype(np.float32)
    x[np.random.default_rng([5, 0]).permutation(150)[32 * (step - 1)]] = np.nan
    return Dataset("bad", Split(x, data.train.y), *[data.validation] * 2, data.class_names, "images", 1, "", "", True)


def test_a_loss_that_is_no_number_is_reported_with_its_step():
    with pytest.raises(Diverged, match="not finite at epoch 1, step 3") as raised:
        run(case.model(sgd(), dtype="float32"), infinite(3))
    assert (raised.value.epoch, raised.value.step) == (1, 3)
    with pytest.raises(Diverged, match="epoch 1, step 5"):
        run(case.model(sgd(), dtype="float32"), infinite(5))


def test_divergence_keeps_the_history_and_the_last_finite_checkpoint(tmp_path):
    history = History()

    def explode(row):
        if row.epoch == 2:
            network.optimizer.learning_rate = 1e38

    network = case.model(sgd())
    with pytest.raises(Diverged) as raised:
        run(network, case.dataset(), epochs=9, checkpoints=Checkpoints(tmp_path), history=history, on_epoch=explode)
    assert raised.value.epoch == 3
    assert len(history.epochs) == 2
    kept = Checkpoints(tmp_path).load()
    assert kept["epoch"] in (1, 2)
    assert all(np.isfinite(weights).all() for weights in network.get_weights())


def child(folder, *options, check=0):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, case.__file__, str(folder), *options]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == check, done.stderr
    return done


def saved(folder):
    with np.load(folder / "result.npz") as archive:
        return [archive[name].tobytes() for name in archive.files]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    child(folder)
    return saved(folder)


def test_a_fresh_process_gives_the_same_bytes_whatever_its_chunks(uninterrupted, tmp_path):
    child(tmp_path, "chunk=0.5")
    assert saved(tmp_path) == uninterrupted


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_real_signal_and_a_resume_in_a_fresh_process_are_exact(uninterrupted, tmp_path, signum, status):
    child(tmp_path, "kill=4:3", f"signal={int(signum)}", check=status)
    child(tmp_path)
    assert saved(tmp_path) == uninterrupted


def test_a_second_sigint_leaves_at_once(tmp_path):
    command = [sys.executable, case.__file__, str(tmp_path), "slow", "epochs=100"]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"1\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    started = time.monotonic()
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - started < 1
    process.stdout.close()
