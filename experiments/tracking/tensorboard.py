"""TensorBoard's event files, in `tensorboard/` of the run's folder."""

import importlib.util
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments.config import ExperimentConfig
from experiments.history import Epoch
from experiments.tracking.parameters import flat, metrics

FOLDER = "tensorboard"
SCALARS = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
HYPERPARAMETERS = ("model.", "optimizer.", "trainer.", "seed", "dataset.kind")


class TensorBoard:
    """Scalars by epoch as they come, the metrics at the end and, where `tensorboard` is installed, hyperparameters.

    A run that goes on writes its files anew from its history, so that no epoch is in them twice.
    """

    name = "TensorBoard"
    hidden: str | None = None

    def __init__(self, config: ExperimentConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder / FOLDER
        self._writer: Any = None
        self._written = 0

    def start(self) -> None:
        for path in self._folder.glob("events.out.tfevents.*"):
            path.unlink()

    def epochs(self, epochs: Sequence[Epoch]) -> None:
        import tensorflow as tf  # by the first epoch it has been imported, in the run's own thread

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        new = epochs[self._written :]
        for epoch in new:
            self._scalars({name: getattr(epoch, name) for name in SCALARS}, epoch.epoch)
        self._written += len(new)
        self._writer.flush()

    def finish(self, record: dict[str, Any]) -> None:
        if self._writer is None:  # not one epoch: nothing to show
            return
        self._scalars(metrics(record), record["epochs_completed"])
        if importlib.util.find_spec("tensorboard") is not None:
            self._hyperparameters(record)
        self._writer.close()

    def _scalars(self, values: dict[str, float], step: int) -> None:
        """What `tf.summary.scalar` writes, which itself needs the package `tensorboard`."""
        import tensorflow as tf

        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        with self._writer.as_default():
            for name, value in values.items():
                metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin, data_class="DATA_CLASS_SCALAR")
                tf.summary.write(name, tf.constant(value, tf.float32), step, metadata)

    def _hyperparameters(self, record: dict[str, Any]) -> None:
        import tensorflow as tf
        from tensorboard.plugins.hparams import api, api_pb2, summary

        values = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in flat(self._config).items()
            if value is not None and key.startswith(HYPERPARAMETERS)
        }
        started = datetime.fromisoformat(record["started_at"]).timestamp()
        status = api_pb2.STATUS_SUCCESS if record["status"] == "completed" else api_pb2.STATUS_FAILURE
        with self._writer.as_default():
            trial = str(self._folder.parent)
            for summaries in (api.hparams_pb(values, trial, started), summary.session_end_pb(status)):
                tf.summary.experimental.write_raw_pb(summaries.SerializeToString(), step=0)
