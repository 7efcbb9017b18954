"""Keras made ready for one run: nothing is left of the run before, everything random follows from the seed."""

import gc
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from experiments import waiting
from experiments.signals import stop

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # notes are silenced, warnings are not

# What TensorFlow writes on every start where nothing is wrong: notes (I…), and that there is no GPU.
NOISE = re.compile(
    r"^(I\d{4} |WARNING: All log messages before absl|To enable the following instructions"
    r"|.*(cuInit|cudart_stub|cuda drivers))"
)


def start(seed: int, quiet: bool = False) -> list[str]:
    """Clear Keras' state, seed Python, numpy and TensorFlow, and say which devices there are.

    The first start of a process takes seconds: that is said on a terminal, unless `quiet`.
    """
    known = quiet or "tensorflow" in sys.modules
    with nullcontext() if known else waiting.said("starting TensorFlow …"), _quiet_start():
        import keras
        import tensorflow as tf

        devices = tf.config.list_physical_devices()
        for gpu in tf.config.list_physical_devices("GPU"):
            with suppress(RuntimeError):  # once it is in use it stays as it is
                tf.config.experimental.set_memory_growth(gpu, True)  # else the first of several workers takes it all
        if not gc.get_freeze_count():
            gc.freeze()  # what the libraries made on import stays: every collection after this is 0.2 s shorter
        tf.get_logger().addFilter(_is_no_advice)
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
    return [f"{device.device_type} {device.name.rpartition(':')[2]}" for device in devices]


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Each network of a sweep is compiled anew, as it must be: no reason to warn."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what TensorFlow's own code writes to standard error while it starts, and pass on all but the noise.

    The log level silences neither the notes before its logger is set up nor, without real errors, the missing GPU.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:  # what the end of an interrupted start has to say is seen
            with stop.ending_with(lambda signum: os.dup2(stderr, 2), at_once=True):
                yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not NOISE.match(line):
                    print(line, file=sys.stderr)
