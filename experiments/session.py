"""Keras made ready for one run: nothing is left of the run before, everything random follows from the seed."""

import os

# Start-up notes are silenced, warnings are not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def start(seed: int) -> list[str]:
    """Clear Keras' state, seed Python, numpy and TensorFlow, and say which devices there are."""
    import keras
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return [f"{device.device_type} {device.name.rpartition(':')[2]}" for device in tf.config.list_physical_devices()]
