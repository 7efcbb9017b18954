"""The data owns the shapes; layers and parameters are counted; every optimizer is Keras' own."""

import itertools

import numpy as np
import pytest

from experiments.config import MLPConfig
from experiments.config.composition import CONF, compose_command_line
from experiments.config.overrides import option_names
from experiments.datasets import Dataset, Split
from experiments.models import build_model, describe
from experiments.optimizers import build_optimizer


def dataset(shape=(28, 28), classes=10, scale=1 / 255) -> Dataset:
    split = Split(np.full((4, *shape), 255, np.uint8), np.zeros(4, np.int32))
    names = tuple(map(str, range(classes)))
    return Dataset("made up", split, split, split, names, "images", scale, "", "", False)


def mlp(units, activation="relu") -> MLPConfig:
    return MLPConfig(kind="mlp", hidden_units=units, activation=activation, dropout=0.0)


@pytest.mark.parametrize(
    ("shape", "units", "parameters"),
    [
        ((28, 28), [256, 128], 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10),
        ((32, 32, 3), [1024, 512], 3072 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 10 + 10),
        ((8, 8), [], 64 * 10 + 10),
    ],
)
def test_parameters_follow_from_the_widths_and_the_data(shape, units, parameters):
    model = build_model(mlp(units), dataset(shape))
    assert model.count_params() == parameters
    description = describe(model)
    assert description["parameters"] == parameters
    dense = [layer for layer in description["layers"] if layer["type"] == "Dense"]
    assert [layer["output_shape"] for layer in dense] == [[width] for width in (*units, 10)]
    widths = [int(np.prod(shape)), *units, 10]
    assert description["flops"] == sum(2 * a * b for a, b in itertools.pairwise(widths))


def test_raw_pixels_go_in_and_probabilities_come_out():
    model = build_model(mlp([8], "sigmoid"), dataset(classes=3))
    out = np.asarray(model(dataset().train.x))
    assert out.dtype == np.float32
    assert out.shape == (4, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-6)


def test_pixels_are_scaled_to_one():
    model = build_model(mlp([]), dataset())
    model.get_layer("classes").set_weights([np.full((784, 10), 1.0), np.zeros(10)])
    scaled = np.asarray(model.get_layer("scale")(dataset().train.x))
    assert scaled.max() == pytest.approx(1.0)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", "elu", "selu", "gelu", "silu", "leaky_relu"])
def test_activations_are_keras_own(activation):
    layer = build_model(mlp([8], activation), dataset()).get_layer("hidden_1")
    assert layer.activation.__name__ == activation


@pytest.mark.parametrize("name", option_names("optimizer", [CONF]))
def test_every_optimizer_is_built_with_its_arguments(name):
    (job,) = compose_command_line([f"optimizer={name}", "optimizer.learning_rate=0.25"]).jobs
    optimizer = build_optimizer(job.config.optimizer)
    assert type(optimizer).__name__.lower() == name
    configured = optimizer.get_config()
    for key, value in job.config.optimizer.model_dump(exclude={"kind"}).items():
        assert configured[key] == pytest.approx(value)


def test_dropout_follows_each_hidden_layer():
    config = MLPConfig(kind="mlp", hidden_units=[8, 4], activation="relu", dropout=0.5)
    names = [layer["name"] for layer in describe(build_model(config, dataset()))["layers"]]
    assert names == ["scale", "flatten", "hidden_1", "dropout_1", "hidden_2", "dropout_2", "classes"]
