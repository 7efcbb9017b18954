"""What a learner is told: a plausible mistake, and the words that lead to the right form."""

import copy
import functools
import re
import shlex
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from experiments.config import ExperimentConfig, help, other_words
from experiments.config.composition import CONF
from experiments.config.mistakes import mistakes
from experiments.config.names import known_keys, nearest, unknown_key
from experiments.config.overrides import parse
from tests.test_config import complaint, config

UNKNOWN = {  # key → the right one
    "optimizer.learning_rate": [
        "optimizer.lr", "lr", "trainer.lr", "model.lr", "learning_rate", "trainer.learning_rate", "optimizer.LR",
        "optimizer.learning-rate", "learning_rate_init", "optimizer.learnign_rate",
    ],
    "optimizer.weight_decay": ["wd", "weight_decay", "optimizer.wd", "optimizer.weight-decay", "optimizer.weightdecay"],
    "optimizer.momentum": ["momentum", "trainer.momentum"],
    "optimizer.clipnorm": ["optimizer.clip_norm", "clipnorm", "optimizer.clipvalue"],
    "optimizer.global_clipnorm": ["max_grad_norm", "trainer.gradient_clip_val"],
    "trainer.epochs": [
        "epochs", "epoch", "num_epochs", "n_epochs", "max_epochs", "nb_epoch", "trainer.max_epochs", "trainer.n_epochs",
        "trainer.Epochs", "trainer_epochs", "trainer.eopchs", "model.epochs", "max_iter",
    ],
    "trainer.batch_size": [
        "batch", "bs", "batchsize", "batch_size", "trainer.batch", "trainer.batchsize", "trainer.bs",
        "dataset.batch_size", "minibatch_size",
    ],
    "trainer.early_stopping.patience": ["patience", "trainer.patience", "early_stop"],
    "trainer.early_stopping": ["early_stopping"],
    "trainer.early_stopping.monitor": ["monitor", "trainer.monitor"],
    "trainer.schedule.decay": ["scheduler", "lr_scheduler", "trainer.lr_scheduler"],
    "trainer.schedule.warmup_epochs": ["warmup", "trainer.warmup_epochs"],
    "trainer.checkpoint_every": ["trainer.checkpoint"],
    "model.hidden_units": [
        "units", "layers", "hidden_units", "hidden_layer_sizes", "hidden_dims", "model.units", "model.layers",
        "model.hidden", "model.hidden_sizes", "neurons",
    ],
    "model.activation": ["act", "model.act", "activation", "model.activations"],
    "model.dropout": ["dropout", "dropout_rate", "model.dropout_rate", "model.drop_rate", "model.p"],
    "seed": ["random_state", "random_seed", "trainer.seed", "dataset.seed"],
    "dataset.validation": ["validation_split", "val_split", "dataset.validation_split"],
    "dataset.test": ["test_size", "dataset.test_size"],
    "dataset.path": ["data_dir", "dataset.root"],
    "dataset": ["data", "dataset.name", "datset"],
    "optimizer": ["optim", "opt", "trainer.optimizer", "optimizer.name"],
    "model": ["modle", "net", "arch"],
    "sweep.n_trials": ["n_trials", "sweep.trials"],
    "sweep.metric": ["metric"],
    "tags": ["tag"],
    "hydra.run.dir": ["output_dir", "save_dir"],
    "hydra.launcher.n_jobs": ["n_jobs"],
}  # fmt: skip


@pytest.mark.parametrize(("given", "right"), [(key, right) for right, keys in UNKNOWN.items() for key in keys])
def test_another_librarys_word_or_a_slip_leads_to_the_right_key(given, right):
    assert unknown_key(given) == f"{given}: unknown key. Did you mean {right}?"


def test_all_unknown_keys_of_a_command_line_are_told_together():
    keys = {key: right for right, keys in UNKNOWN.items() for key in keys}
    assert sorted(complaint(*(f"{key}=1" for key in keys)).splitlines()[1:]) == sorted(
        f"  {key}: unknown key. Did you mean {right}?" for key, right in keys.items()
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("n_classes", "The output layer has as many units as the data has classes."),
        ("model.input_dim", "The input layer has the shape of the data's samples."),
        ("trainer.loss", "The loss is always categorical cross-entropy."),
        ("device", "A GPU is used where TensorFlow finds one"),
        ("dataset.num_workers", "hydra/launcher=joblib"),
        ("shuffle", "The samples of each epoch are always shuffled"),
        ("trainer.callbacks", "trainer.early_stopping"),
        ("trainer.early_stopping.mode", "Whether a metric has to fall or to rise follows from the metric."),
        ("trainer.verbose", "EXPERIMENTS_PROGRESS=lines"),
        ("model.batch_norm", "The model has dense layers with a bias"),
        ("dataset.train_size", "What dataset.test and dataset.validation leave is trained on."),
        ("trainer.foo", "Known here: epochs, batch_size, "),
        ("foo", "Known here: name, tags, notes, seed, dataset"),
        ("foo.bar", "--help lists all keys."),
    ],
)
def test_a_key_that_is_near_none_is_not_guessed(given, said):
    text = unknown_key(given)
    assert said in text
    assert "Did you mean" not in text


def test_every_word_leads_to_a_key_that_exists():
    keys = {key.partition("=")[0] for key in other_words.KEYS.values()}
    assert {key for key in keys if not key.startswith("hydra.")} <= set(known_keys())
    words = [*other_words.KEYS, *other_words.NO_KEYS, *other_words.VALUES]
    assert [word for word in words if not word.isalnum() or word != word.lower()] == []


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("ReLU", ["relu", "gelu"], " Did you mean relu?"),
        ("Leaky-ReLU", ["relu", "leaky_relu"], " Did you mean leaky_relu?"),
        ("swish", ["relu", "silu"], " Did you mean silu?"),
        ("softmax", ["softplus", "softsign"], ""),
        ("fmnist", ["fashion_mnist", "mnist"], " Did you mean fashion_mnist?"),
        ("", ["relu"], ""),
        ("%", ["relu"], ""),
    ],
)
def test_capitals_and_hyphens_are_near_misses(name, known, said):
    assert nearest(name, known) == said


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return config().model_dump()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("model.activation=LeakyReLU", "Did you mean leaky_relu?"),
        ("trainer.early_stopping.monitor=val_acc", "Did you mean val_accuracy?"),
        ("sweep.metric=accuracy", "Did you mean validation.accuracy?"),
        ("sweep.sampler=bayesian", "Did you mean tpe?"),
        ("trainer.schedule=cosine", "Did you mean trainer.schedule.decay=cosine?"),
        ("trainer.early_stopping=5", "Did you mean trainer.early_stopping.patience=5?"),
        ("trainer.early_stopping=true", "Give its keys: trainer.early_stopping.patience, "),
        ("model.hidden_units=128", "Did you mean model.hidden_units=[128]?"),
        ("model.hidden_units=128-64", "Did you mean model.hidden_units=[128,64]?"),
        ("model.hidden_units=[128 64]", "model.hidden_units[0]: received '128 64', expected a whole number from 1 up to"
         " 1000000. Did you mean 128,64?"),
        ("model.hidden_units=[64.0]", "model.hidden_units[0]: received 64.0, expected a whole number from 1 up to"
         " 1000000. Did you mean 64?"),
        ("trainer.epochs=5.0", "Did you mean 5?"),
        ("trainer.epochs=1.0e+3", "Did you mean 1000?"),
        ("trainer.epochs='10'", "Did you mean 10, without quotes?"),
        ("optimizer.learning_rate='0,5'", "Did you mean 0.5?"),
        ("optimizer.learning_rate=0.1 0.01", "Did you mean 0.1,0.01?"),
        ("optimizer.learning_rate=[0.1,0.01]", "A sweep over several values: -m optimizer.learning_rate=0.1,0.01"),
        ("dataset.validation=10%", "Did you mean 0.1?"),
        ("dataset.validation=20", "Did you mean 0.2?"),
        ("trainer.deterministic='yes'", "Did you mean true?"),
        ("trainer.deterministic=0", "Did you mean false?"),
        ("trainer.jit_compile=1", "received 1, expected auto, true or false. Did you mean true?"),
        ("trainer.max_minutes=None", "Did you mean null?"),
        ("dataset.limit=none", "Did you mean null?"),
        ("trainer.early_stopping=null", "Did you mean trainer.early_stopping.patience=null?"),
        ("trainer.schedule=none", "Did you mean trainer.schedule.decay=none?"),
        ("trainer.schedule.decay=CosineAnnealingLR", "Did you mean cosine?"),
        ("model.hidden_units=256x128", "Did you mean model.hidden_units=[256,128]?"),
        ("model.hidden_units=none", "An empty list is model.hidden_units=[]."),
        ("model.hidden_units=wide", "such as [256,128], or []."),
        ("seed=1-5", "A sweep over these: -m seed=range(1,6)"),
        ("sweep.metric=val_loss", "Did you mean validation.loss?"),
        ("dataset.path=5", "dataset.path: received 5, expected a path or null."),
        ("tags=best", "tags: received 'best', expected a list of at most 50 tags, such as [baseline,best]. Did you mean"
         " tags=[best]?"),
        ("tags=['a,b']", "tags[0]: received 'a,b', expected a tag: text of 1 to 50 characters on one line, without a"
         " comma."),
        ("sweep.together=seed", "expected a list of swept keys, such as [model,optimizer.learning_rate], or []. Did you"
         " mean sweep.together=[seed]?"),
        ("tracker={kind: mlflow, uri: 'ftp://x', experiment: null}", "expected an address that begins with http://,"
         " https:// or sqlite:/// and has no password in it"),
        ("optimizer.kind=adam", "optimizer.kind: received 'adam', but the other keys are those of another option. Did"
         " you mean optimizer=adam?"),
        ("tracker.kind=mlflow", "tracker.uri: no value, expected an address"),
        ("tracker.kind=mlflow", "tracker=mlflow brings all its keys; or give tracker.uri=… or name it in a YAML file."),
        ("optimizer.beta1=0.9", "Did you mean optimizer.beta_1? It belongs to optimizer=adam, adamw, nadam or adamax;"
         " here optimizer is sgd."),
        ("tracker.uri=http://x", "tracker.uri: belongs to tracker=mlflow; here tracker is none. Leave it out, or choose"
         " tracker=mlflow."),
    ],
)  # fmt: skip
def test_a_value_that_is_nearly_right_leads_to_the_right_one(usual, line, said):
    key, _, text = line.partition("=")
    *parents, name = key.split(".")
    changed = copy.deepcopy(usual)
    functools.reduce(dict.__getitem__, parents, changed)[name] = yaml.safe_load(text)
    with pytest.raises(ValidationError) as raised:
        ExperimentConfig.model_validate(changed)
    assert said in "\n".join(mistakes(raised.value))


NO_SPACES = "not understood, expected KEY=VALUE without spaces. Did you mean"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("optimizer=Adam", "Did you mean adam?"),
        ("optimizer=SGD", "Did you mean sgd?"),
        ("dataset=MNIST", "Did you mean mnist?"),
        ("dataset=FashionMNIST", "Did you mean fashion_mnist?"),
        ("dataset=CIFAR-10", "Did you mean cifar10?"),
        ("experiment=keras-mnist", "Did you mean keras_mnist?"),
        ("model=128", "Did you mean model.hidden_units=[128]?"),
        ("model=[128,64]", "Did you mean model.hidden_units=[128,64]?"),
        ("trainer.epochs = 5", f"'trainer.epochs = 5': {NO_SPACES} trainer.epochs=5?"),
        ("'trainer.epochs = 5'", f"'trainer.epochs = 5': {NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs= 5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs =5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs 5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs: 5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs:5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer.epochs==5", f"{NO_SPACES} trainer.epochs=5?"),
        ("trainer/epochs=5", f"{NO_SPACES} trainer.epochs=5?"),
        ("lr = 0.1", f"{NO_SPACES} optimizer.learning_rate=0.1?"),
        ("optimizer.learning_rate=0.1, 0.01", f"{NO_SPACES} optimizer.learning_rate=0.1,0.01?"),
        ("optimizer.learning_rate=0.1 ,0.01", f"{NO_SPACES} optimizer.learning_rate=0.1,0.01?"),
        ("model.hidden_units=[64, 32]", f"'model.hidden_units=[64, 32]': {NO_SPACES} model.hidden_units=[64,32]?"),
        ("model.hidden_units = [64, 32, 16]", f"{NO_SPACES} model.hidden_units=[64,32,16]?"),
        ("'model.hidden_units=(64,32)'", f"{NO_SPACES} model.hidden_units=[64,32]?"),
        ("model.hidden_units=[64,32", f"{NO_SPACES} model.hidden_units=[64,32]?"),
        ("name=my run", "'run': not understood, expected KEY=VALUE. A value with spaces needs quotes:"
         " \"name='my run'\""),
        ("notes=this is good seed=3", "'is good': not understood, expected KEY=VALUE. A value with spaces needs quotes:"
         " \"notes='this is good'\""),
        ("mnist", "Did you mean dataset=mnist?"),
        ("adam", "Did you mean optimizer=adam?"),
        ("keras_mnist", "Did you mean experiment=keras_mnist?"),
        ("optimizer.momentum", "'optimizer.momentum': not understood, expected KEY=VALUE. Did you mean"
         " optimizer.momentum=…?"),
        ("epochs", "Did you mean trainer.epochs=…?"),
        ("list", "Did you mean python -m experiments list?"),
        ("train dataset=mnist", "runner.py trains without a word for it; leave it out."),
        ("help", "Did you mean --help?"),
        ("trainer.epochs=5,", "Did you mean trainer.epochs=5?"),
        ("'trainer.epochs=5, seed=3'", "Did you mean trainer.epochs=5 seed=3, each an argument of its own?"),
        ("'optimizer.learning_rate=uniform(0.1,1)'", "A sweep knows interval(LOW,HIGH), range(START,STOP), choice("),
        ('"notes=it\'s good"', 'needs quotes of its own: "notes=\\"it\'s good\\""'),
        ("optimizer=all", "A sweep over all of them: -m 'optimizer=glob(*)'"),
        ("model=mlp", "Did you mean relu_128_64?"),
        ("tracker=tensorboard", "Did you mean trainer.tensorboard=…?"),
        ("xyzzy", "'xyzzy': not understood, expected KEY=VALUE."),
        ("dataset.path=~/x", "A text with other than plain letters and digits needs quotes of its own:"
         " \"dataset.path='~/x'\""),
        ("+trainer.epochs=5", "the key is there already and needs no +. Did you mean trainer.epochs=5?"),
        ("+experiment=keras_mnist", "the key is there already and needs no +. Did you mean experiment=keras_mnist?"),
    ],
)  # fmt: skip
def test_an_argument_that_is_nearly_right_leads_to_the_right_one(line, said):
    found: list[str] = []
    parse(shlex.split(line), [CONF], found)
    assert len(found) == 1
    assert said in found[0]


def test_arguments_that_are_right_are_left_alone():
    found: list[str] = []
    texts = ["seed=1", "name=a b", "tags=[a, b]", "~notes", "+x.y=1", "trainer.max_minutes=", "model=linear", "a={b:1}"]
    assert parse(texts, [CONF], found).fixed[:1] == ["++seed=1"]
    assert found == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# @package _global_\noptimizer: adam\n", "defaults list: - override /optimizer: adam"),
        ("# @package _global_\ndefaults:\n  - optimizer: adam\n", "defaults list: - override /optimizer: adam"),
        ("trainer:\n  epochs: 3\n", "begins with the line: # @package _global_"),
        ("# @package _global_\noptimizer:\n  lr: 0.1\n", "Did you mean optimizer.learning_rate?"),
    ],
)
def test_a_yaml_file_that_is_nearly_right_leads_to_the_right_one(tmp_path, text, said):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    assert complaint("--config-dir", str(tmp_path), "experiment=mine").endswith(said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("optimizer=adam optimizer.momentum=0.9", "optimizer.momentum: belongs to optimizer=sgd or rmsprop; here"
         " optimizer is adam. Leave it out, or choose optimizer=sgd."),
        ("-m optimizer=sgd,adam optimizer.momentum=0.5,0.9", "here optimizer is adam. Leave it out, or choose"
         " optimizer=sgd. This is so with optimizer=adam."),
        ("-m optimizer.momentum=0,0.9 optimizer.nesterov=true,false", "set momentum=0.9 or nesterov=false. This is so"
         " in 1 of 4 points, such as optimizer.momentum=0, optimizer.nesterov=True."),
        ("-m seed=1,2 optimizer.learning_rate=0.1,-3", "received -3, expected a number above 0 up to 1000000."),
        ("model.hidden_units=128,64", "received several values (128,64), expected one. Did you mean"
         " model.hidden_units=[128,64]?"),
        ("optimizer.learning_rate=0,01", "Did you mean optimizer.learning_rate=0.01?"),
        ("trainer.epochs=5,10", "received several values (5,10), expected one. A sweep over them needs -m."),
        ("name=a,b", "A sweep over them needs -m; a text that has commas needs quotes."),
        ("tags=a,b", "Did you mean tags=[a,b]?"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_says_where_and_how(line, said):
    assert complaint(*shlex.split(line)).endswith(said)


def test_help_shows_each_keys_default_and_what_it_may_be(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = help.text(CONF)
    assert max(map(len, text.splitlines())) <= 80
    keys = re.findall(r"^  ([a-z][\w.]*)(?:=(\S+))?\n      ", text, re.MULTILINE)
    inner = {key.rpartition(".")[0] for key in known_keys()}
    assert {key for key, _ in keys} == {key for key in known_keys() if key not in inner and not key.endswith(".kind")}
    assert text.count("Allowed:") == len(keys)
    for words in (
        "Passes over the training split. Allowed: a whole number from 1 up to 1000000. Default with trainer=quick: 5.",
        "The metric that has to get better. Allowed: one of val_loss, val_accuracy, loss, accuracy.",
        "Decay of the running mean of the gradients. Allowed: a number from 0 to below 1. Only with optimizer=adam,"
        " adamax, adamw or nadam.",
    ):
        assert words in " ".join(text.split())
    usual = [f"{key}={value}" for key, value in keys if value and key.partition(".")[0] not in ("optimizer", "tracker")]
    assert len(usual) > 30
    assert config(*usual) == config()
