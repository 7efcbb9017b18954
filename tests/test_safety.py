"""What a YAML file, an override or a stored plan from somebody else cannot do: run code, write elsewhere, read secrets.

Each attack names a package, `evil`, whose import leaves a mark, or a target that would; no mark may be there
afterwards.
"""

import json
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from experiments import launch
from experiments.config import stored_plan
from experiments.config.composition import compose_command_line
from experiments.config.defaults import CONF
from experiments.errors import UserError
from tests.conftest import run_command

MARK = "import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n"


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A package that leaves a mark when it is imported, on the path; the current folder is empty."""
    place = tmp_path / "place"
    (place / "evil").mkdir(parents=True)
    (place / "evil" / "__init__.py").write_text(MARK)
    (place / "evil" / "config.yaml").write_text("seed: 1\n")
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("SECRET", "s3cret")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield place
    sys.modules.pop("evil", None)
    assert not (place / "evil" / "ran").exists()
    assert list((tmp_path / "here").iterdir()) == []


def refused(*texts: str) -> str:
    """What is said of arguments that start nothing."""
    with ExitStack() as folders, pytest.raises(UserError) as caught:
        launch.prepare(texts, folders)
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


def config_dir(folder: Path, name: str, text: str) -> list[str]:
    """The arguments that compose a YAML file of somebody else's."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return ["--config-dir", str(folder)]


@pytest.mark.parametrize(
    "override",
    [
        "hydra.searchpath=[pkg://evil]",
        "hydra.searchpath=[file:///tmp,pkg://evil]",
        "hydra.searchpath=['pkg://evil']",
        "+hydra.searchpath=[pkg://evil]",
        "++hydra.searchpath=[pkg://evil]",
        "~hydra.searchpath=[pkg://evil]",
        "hydra.searchpath=['${oc.env:SECRET}']",
        "hydra.searchpath=[pkg:${x}evil]",
        "hydra.searchpath=pkg://evil",
        "hydra.searchpath=[nowhere]",
        "hydra.searchpath=[structured://x]",
    ],
)
def test_a_place_of_yaml_files_is_a_folder_or_refused(evil, override):
    assert "hydra.searchpath: received" in refused(override)


@pytest.mark.parametrize("way", [["--info"], ["--info", "defaults-tree"], ["--cfg", "job", "--resolve"], ["-m"]])
def test_every_way_into_hydra_takes_the_same_path(evil, way):
    assert "hydra.searchpath: received" in refused(*way, "hydra.searchpath=[file:///tmp,pkg://evil]")
    assert "hydra.callbacks.a._target_: refused" in refused(*way, "+hydra.callbacks.a._target_=evil.x")


@pytest.mark.parametrize(
    "searchpath",
    [
        "[pkg://evil]",
        "['file:///tmp', 'pkg://evil']",
        "['${place}']",
        "'${place}'",
        "pkg://evil",
        "[1]",
        "{a: pkg://evil}",
    ],
)
def test_a_primary_yaml_names_folders_only(evil, tmp_path, searchpath):
    text = (
        (CONF / "config.yaml")
        .read_text()
        .replace("hydra:\n", f"place: pkg://evil\nhydra:\n  searchpath: {searchpath}\n")
    )
    arguments = config_dir(tmp_path / "others", "mine.yaml", text)
    assert "hydra.searchpath: received" in refused("--info", *arguments, "--config-name", "mine")


def test_yaml_files_of_a_named_folder_are_composed(evil, tmp_path):
    config_dir(tmp_path / "others", "trainer/mine.yaml", "defaults: [default]\nepochs: 3\n")
    for place in (tmp_path / "others", f"file://{tmp_path / 'others'}"):
        composition = compose_command_line([f"hydra.searchpath=['{place}']", "trainer=mine"])
        assert composition.jobs[0].config.trainer.epochs == 3


CODE = "{_target_: joblib.load, filename: x.pickle}"


@pytest.mark.parametrize(
    "hydra",
    [
        f"{{callbacks: {{mine: {CODE}}}}}",
        "{callbacks: {mine: {_target_: '${oc.select:hydra.job.id,a.b}'}}}",
        "{callbacks: '${x}'}",
        f"{{launcher: {CODE}}}",
        "{launcher: {_target_: '${oc.select:hydra.job.id,a.b}'}}",
        f"{{sweeper: {CODE}}}",
        f"{{sweeper: {{params: {{seed: '1,2'}}, mine: {CODE}}}}}",
        "{sweeper: {params: {hydra.searchpath: '[pkg://evil]'}}, mode: MULTIRUN}",
        "{sweeper: {params: {+hydra.callbacks.x._target_: evil.x}}, mode: MULTIRUN}",
        "{job_logging: {handlers: {mine: {class: evil.Handler}}}}",
        "{job_logging: {handlers: {file: {filename: '/tmp/elsewhere'}}}}",
        "{job_logging: {handlers: {file: {mode: w}}}}",
        "{job_logging: {handlers: {file: {filename: /tmp/x}}, 'handlers.file.filename': 'x'}}",
        "{job_logging: {formatters: {simple: {format: 'alias ls=evil'}}}}",
        "{job_logging: {handlers: {console: {(): evil.Handler}}}}",
        "{job_logging: {handlers: {console: {stream: ext://os.environ}}}}",
        "{job_logging: {filters: {mine: {(): evil.Filter}}, root: {filters: [mine]}}}",
        "{job_logging: {root: {handlers: []}}}",
        "{job_logging: '${oc.select:hydra.job.id,null}'}",
        "{hydra_logging: {handlers: {mine: {class: logging.FileHandler, filename: /tmp/x}}}}",
        "{job: {env_set: {PYTHONSTARTUP: x}}}",
        "{job: {env_copy: [SECRET]}}",
        "{job: {env_copy: [NOT_THERE]}}",
        "{job: {chdir: true}}",
        "{job: {name: /tmp/x}}",
        "{job: {name: a/b}}",
        "{job: {name: '${now:%Y}'}}",
        "{job: {id: x}}",
        "{output_subdir: /tmp/x}",
        "{output_subdir: ..}",
        "{output_subdir: a/b}",
        "{output_subdir: '${oc.env:SECRET}'}",
        "{run: {dir: '${oc.env:SECRET}'}}",
        "{run: {dir: 'a/../../b'}}",
        "{run: {dir: '${hydra.job.id}/x'}}",
        "{sweep: {subdir: ../x}}",
        "{sweep: {subdir: '${oc.select:x,/tmp/x}'}}",
        "{verbose: ['${oc.env:SECRET}']}",
        "{overrides: {hydra: ['hydra.searchpath=[pkg://evil]']}}",
        "{overrides: {task: ['seed=3']}}",
        "{runtime: {output_dir: /tmp/x}}",
        "{mode: [1]}",
        "{run: null}",
        "{job: null}",
        "null",
        "[1, 2]",
    ],
)
def test_hydras_part_of_a_yaml_file_can_do_no_harm(evil, tmp_path, hydra):
    text = f"# @package _global_\nhydra: {hydra}\n"
    arguments = config_dir(tmp_path / "others", "experiment/mine.yaml", text)
    assert refused(*arguments, "experiment=mine").startswith("The config has ")


def test_a_yaml_file_names_no_machine_that_jobs_go_to(evil, tmp_path):
    text = (
        "# @package _global_\ndefaults: [{override /hydra/launcher: ray}]\nhydra: {launcher: {address: 'evil:6379'}}\n"
    )
    arguments = config_dir(tmp_path / "others", "experiment/mine.yaml", text)
    assert "hydra.launcher.address: received 'evil:6379' from a YAML file" in refused(*arguments, "experiment=mine")
    given = "hydra.launcher.address='mine:6379'"
    assert compose_command_line(["-m", "hydra/launcher=ray", given, "seed=1,2"]).launcher == "ray"


def test_every_option_of_a_sweep_is_looked_at(evil, tmp_path):
    text = f"# @package _global_\nhydra: {{callbacks: {{mine: {CODE}}}}}\n"
    arguments = config_dir(tmp_path / "others", "experiment/mine.yaml", text)
    assert "hydra.callbacks.mine._target_: refused" in refused(*arguments, "-m", "experiment=keras_mnist,mine")


def harmless(*texts: str) -> None:
    """These arguments are refused, or come to nothing: what composes has passed the check of Hydra's part."""
    with suppress(UserError):
        compose_command_line(texts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hydra/callbacks/mine.yaml", f"mine: {CODE}\n"),
        ("hydra/job_logging/mine.yaml", "# @package hydra.job_logging\nversion: 1\nroot: {level: INFO}\n"),
        ("hydra/hydra_logging/mine.yaml", "version: 1\nroot: {level: INFO}\n"),
        ("hydra/launcher/mine.yaml", f"{CODE}\n"),
        ("hydra/output/mine.yaml", "# @package hydra\noutput_subdir: /tmp/x\n"),
        ("hydra/env/mine.yaml", f"# @package hydra.callbacks\nmine: {CODE}\n"),
    ],
)
def test_an_option_of_hydras_groups_can_do_no_harm(evil, tmp_path, name, text):
    arguments = config_dir(tmp_path / "others", name, text)
    group = name.removesuffix("/mine.yaml")
    if group != "hydra/output":  # which Hydra overrides by its own
        refused(*arguments, f"{group}=mine")
    harmless(*arguments, f"{group}=mine")
    listed = "# @package _global_\ndefaults: [{" + f"override /{group}: mine" + "}]\n"
    config_dir(tmp_path / "others", "experiment/listed.yaml", listed)
    harmless(*arguments, "experiment=listed")
    refused(*arguments, "experiment=listed", f"{group}@hydra.callbacks.x=mine")


def test_hydras_own_config_cannot_be_replaced(evil, tmp_path):
    arguments = config_dir(tmp_path / "others", "hydra/config.yaml", "callbacks: {a: {_target_: evil.x}}\n")
    assert "The config has " in refused(*arguments)


@pytest.mark.parametrize(
    "override",
    [
        "hydra.searchpath@x=[pkg://evil]",
        "model@hydra.callbacks=linear",
        "+dataset@hydra.callbacks.mine=digits",
        "+hydra={callbacks:{a:{_target_:evil.x}}}",
        "++hydra.callbacks={a:{_target_:evil.x}}",
        "~hydra.job_logging",
        "hydra=null",
        "hydra/job_logging=stdout",
        "hydra.job_logging.handlers.file.filename=/tmp/x",
        "'hydra.output_subdir'=/tmp/x",
        'hydra.output_subdir="/tmp/x"',
        "hydra.output_subdir=.",
        "hydra.job.name=/tmp/x",
        "notes='${oc.env:SECRET}'",
        "notes='${oc.decode:${oc.env:SECRET}}'",
        "tags=['${oc.env:SECRET}']",
        "name='${oc.env:SECRET,x}'",
        "notes='${oc.${x}:SECRET}'",
        "+x=env notes='${oc.${x}:SECRET}'",
        r"notes='${oc.decode:\'\${oc.env:SECRET}\'}'",
        "notes='${oc.create:{a: \"${oc.env:SECRET}\"}}'",
        "hydra.run.dir='${oc.env:SECRET}'",
        "model.activation='${oc.env:SECRET}'",
    ],
)
def test_no_spelling_of_an_override_gets_around(evil, override):
    refused(override)


def test_levels_of_the_log_and_names_can_be_set(evil):
    (job,) = compose_command_line(
        [
            "hydra.job_logging.handlers.console.level=INFO",
            "hydra.job_logging.root.level=DEBUG",
            "hydra.output_subdir=null",
            "hydra.job.name=mine",
            "hydra.verbose=[experiments]",
            "hydra/hydra_logging=default",
        ]
    ).jobs
    assert job.config.seed == 0


def test_what_was_checked_is_what_runs(evil, monkeypatch):
    """The config and the folder are resolved once: whatever an interpolation says later changes neither."""
    with ExitStack() as folders:
        start = launch.prepare(["notes='${now:%H%M%S%f}'"], folders)
        assert start.config is not None
        assert str(start.config.notes).isdigit()
        assert start.arguments[-1].startswith("hydra.run.dir='outputs/")
        assert "${" not in start.arguments[-1]
    for path in sorted(Path.cwd().rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def plan(**changes: object) -> dict[str, object]:
    """The stored plan of a sweep over two seeds, with changes."""
    jobs = compose_command_line(["-m", "seed=1,2"]).jobs
    return {
        "name": "mine",
        "started_at": "2026-01-01T00:00:00+00:00",
        "command": "python runner.py -m seed=1,2",
        "metric": "validation.accuracy",
        "arguments": ["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2", "trainer.epochs=3"],
        "search": None,
        "jobs": [
            {"number": number, "overrides": list(job.overrides), "config": job.config.model_dump()}
            for number, job in enumerate(jobs)
        ],
    } | changes


def job(**changes: object) -> dict[str, object]:
    return {"jobs": [plan()["jobs"][0] | changes]}  # type: ignore[index]


def test_a_stored_plan_goes_on_by_what_it_may_name_only():
    arguments = [
        "--config-dir",
        "/gone",
        "-m",
        "hydra.sweep.dir=/tmp/x",
        "hydra.callbacks.a._target_=evil",
        "model=gone",
    ]
    stored = plan()
    stored["arguments"] = [*arguments, *stored["arguments"], "hydra.searchpath=[pkg://evil]", "model=linear"]  # type: ignore[misc]
    assert stored_plan.arguments_of(stored, Path("sweep.json")).for_hydra() == [
        *("--config-path", str(CONF), "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        *("++trainer.epochs=3", "model=linear"),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arguments": ["--exp", "x.pickle"]}, "arguments: --experimental-rerun: refused"),
        ({"arguments": ["--experimental-rerun=x"]}, "arguments: --experimental-rerun: refused"),
        ({"arguments": ["--info"]}, "arguments: '--info', expected those of a sweep"),
        ({"arguments": "-m"}, "has no arguments and jobs"),
        ({"arguments": ["-m", 3]}, "has no arguments and jobs"),
        (
            {"arguments": ["-m", "hydra/launcher=evil"]},
            "hydra/launcher: received 'evil', expected one of basic, joblib",
        ),
        ({"arguments": ["-m", "hydra.launcher._target_=evil.x"]}, "hydra.launcher._target_: refused"),
        (
            {"arguments": ["-m", "hydra/launcher=submitit_slurm", "+hydra.launcher.slurm_setup=[evil]"]},
            "hydra.launcher.slurm_setup: unknown key",
        ),
        (
            {"arguments": ["-m", "hydra/launcher=ray", "hydra.launcher.address='evil:6379'"]},
            "hydra.launcher.address: received 'evil:6379', which a stored plan cannot choose",
        ),
        ({"jobs": None}, "has no arguments and jobs"),
        ({"jobs": [3]}, "has no arguments and jobs"),
        (job(number="../../x"), "jobs[0].number: received '../../x', expected 0"),
        (job(number=7), "jobs[0].number: received 7, expected 0"),
        (job(overrides=["hydra.searchpath=[pkg://evil]"]), "jobs[0].overrides: received 'hydra.searchpath"),
        (job(overrides=["hydra.sweep.dir=/tmp/x"]), "jobs[0].overrides: received 'hydra.sweep.dir=/tmp/x'"),
        (job(overrides=["+hydra.sweep.dir=/tmp/x"]), "jobs[0].overrides: received '+hydra.sweep.dir=/tmp/x'"),
        (job(overrides=["hydra/callbacks=evil"]), "jobs[0].overrides: received 'hydra/callbacks=evil'"),
        (job(overrides=["model@hydra.callbacks=linear"]), "jobs[0].overrides: received 'model@hydra"),
        (job(overrides=["--experimental-rerun=x"]), "jobs[0].overrides: received '--experimental-rerun=x'"),
        (job(overrides=["-m"]), "jobs[0].overrides: received '-m'"),
        (job(overrides=["seed=${oc.env:SECRET}"]), "jobs[0].overrides: received 'seed=${oc.env:SECRET}'"),
        (job(overrides=["seed=1,2"]), "jobs[0].overrides: received 'seed=1,2'"),
        (job(overrides=["~seed"]), "jobs[0].overrides: received '~seed'"),
        (job(overrides="seed=1"), "jobs[0].overrides: received 'seed=1', expected a list of KEY=VALUE"),
        (job(config={"seed": 1}), "jobs[0]: The config has"),
        (job(config=[1]), "jobs[0].config: received [1], expected a config"),
        ({"search": 3}, "search: has no space and bases"),
        (
            {"search": {"space": [{"key": "hydra.sweep.dir", "texts": ["hydra.sweep.dir=/x"]}], "bases": [{}]}},
            "search.space[0]: received 'hydra.sweep.dir=/x', expected KEY=VALUE of the experiment's own keys",
        ),
        (
            {"search": {"space": [{"key": "seed", "texts": ["model=linear"]}], "bases": [{}]}},
            "search.space[0]: received 'model=linear', expected a value of seed",
        ),
    ],
)
def test_a_stored_plan_can_ask_for_nothing_else(changes, said):
    with pytest.raises(UserError) as caught:
        stored_plan.arguments_of(plan(**changes), Path("sweep.json"))
    assert str(caught.value).startswith("sweep.json: ")
    assert said in str(caught.value)


def test_a_received_sweep_runs_no_code_when_it_is_carried_on(tmp_path):
    """By the real command: what is refused is said in one line, and nothing is written."""
    for name in ("uuid.py", "yaml.py", "hydra_plugins/evil.py"):  # found first, if Python looked in this folder
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MARK)
    (tmp_path / "sweep.json").write_text(json.dumps(plan(**job(overrides=["hydra.sweep.dir=/tmp/x"]))))
    before = sorted(tmp_path.rglob("*"))
    done = run_command(tmp_path, "experiments", "resume", ".")
    assert done.status == 2
    assert "jobs[0].overrides: received 'hydra.sweep.dir=/tmp/x', expected KEY=VALUE of the experiment's" in done.err
    assert len(done.err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
