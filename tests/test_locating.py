"""What a user writes for RUN: each form, what is ambiguous, what fits nothing."""

import json
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.locating import locate, single_run
from tests.test_reports import record


@pytest.fixture(autouse=True)
def outputs(tmp_path, monkeypatch):
    """Two runs of one name, a sweep of another with jobs 0 and 2 begun, an older sweep, a broken and a foreign file."""

    def put(folder, file, content):
        path = tmp_path / "outputs" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / file).write_text(content)

    def run(folder, name, day):
        metrics = {"validation": {"loss": 1.0, "accuracy": 0.5 + day / 100}}
        values = record(name=name, started_at=f"2026-01-{day:02}T00:00:00+00:00", metrics=metrics)
        put(folder, "run.json", json.dumps(values))

    def sweep(folder, name, day, jobs):
        started = f"2026-01-{day:02}T00:00:00+00:00"
        plan = {"name": name, "started_at": started, "metric": "validation.accuracy", "command": "", "arguments": []}
        plan["jobs"] = [{"number": n, "overrides": [f"trainer.epochs={n + 1}"], "config": {}} for n in range(3)]
        put(folder, "sweep.json", json.dumps(plan))
        for job in jobs:
            run(f"{folder}/{job}", name, day + job)

    run("net/2026-01-01_10", "net", 1)
    run("net/2026-01-05_10", "net", 5)
    run("net/2026-01-05_10_2", "renamed", 4)
    sweep("grid/2026-01-09_12", "grid", 9, [0, 2])
    sweep("grid/2026-01-02_12", "grid", 2, [])
    put("broken/x", "run.json", "{")
    put("broken/y", "sweep.json", "[" * 100_000)
    put("broken/z", "sweep.json", "[]")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("outputs/net/2026-01-01_10", "net/2026-01-01_10"),  # a path
        ("latest", "grid/2026-01-09_12"),
        ("latest/2", "grid/2026-01-09_12/2"),
        ("net", "net/2026-01-05_10"),  # the newest of a name
        ("renamed", "net/2026-01-05_10_2"),
        ("grid", "grid/2026-01-09_12"),
        ("grid/0", "grid/2026-01-09_12/0"),
        ("2026-01-01", "net/2026-01-01_10"),  # a part that no other path has
        ("2026-01-05_10", "net/2026-01-05_10"),  # a whole folder's name goes before a part of one
        ("grid/2026-01-02", "grid/2026-01-02_12"),
        ("01-09_12/2", "grid/2026-01-09_12/2"),
        ("outputs/grid/2026-01-09_12/2", "grid/2026-01-09_12/2"),
        ("outputs/broken/x", "broken/x"),  # whose reader says what is wrong
        ("broken/x", "broken/x"),
    ],
)
def test_forms_of_a_run(given, folder):
    assert locate(given) == Path("outputs") / folder


def test_a_folder_around_one_run_means_that_run():
    (Path("elsewhere") / "deep").mkdir(parents=True)
    Path("outputs/net/2026-01-01_10").rename("elsewhere/deep/run")
    assert locate("elsewhere") == Path("elsewhere/deep/run")


def test_a_folder_without_runs_is_left_to_its_reader():
    Path("empty").mkdir()
    assert locate("empty") == Path("empty")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "outputs/net",
            "outputs/net: 3 folders fit, expected one. Write more of its path:\n  outputs/net/2026-01-01_10",
        ),
        ("01-0", "01-0: 5 folders fit, expected one. Write more of its path:\n  outputs/grid/2026-01-02_12\n"),
        ("gird", "gird: is no folder, and no run below outputs has this name or this part of a path, expected a path,"),
        ("gird", "Did you mean grid? `python -m experiments list` shows them."),
        ("gird/0", "gird/0: is no folder"),
        ("latest/1", "outputs/grid/2026-01-09_12: received job 1, expected one that has begun: 0, 2"),
        ("2026-01-02_12/0", "outputs/grid/2026-01-02_12: received job 0, expected one that has begun: none has"),
        ("x" * 5000, "is no folder"),
        ("a\0b", "is no folder"),
    ],
)
def test_what_fits_nothing_or_several_is_told(given, message):
    with pytest.raises(UserError) as raised:
        locate(given)
    assert message in str(raised.value)


def test_latest_of_nothing(tmp_path):
    with pytest.raises(UserError, match=r"there is no run below nowhere; `python runner\.py` makes one"):
        locate("latest", Path("nowhere"))


def test_a_sweep_where_a_run_is_needed_names_its_best_run():
    assert single_run(locate("net"), "verify") == Path("outputs/net/2026-01-05_10")
    with pytest.raises(UserError) as raised:
        single_run(locate("grid"), "verify")
    assert str(raised.value) == (
        "outputs/grid/2026-01-09_12: is a sweep's folder, expected that of one run. Of its best run:"
        " `python -m experiments verify outputs/grid/2026-01-09_12/2`."
    )
    with pytest.raises(UserError, match="`python -m experiments show outputs/grid/2026-01-02_12` shows its jobs"):
        single_run(locate("2026-01-02_12"), "predict")


@pytest.mark.parametrize("command", ["evaluate", "verify", "predict", "tag"])
def test_commands_of_one_run_refuse_a_sweep(call, command):
    done = call(command, "latest", *(["x.png"] if command == "predict" else []))
    assert done.status == 2
    assert f"`python -m experiments {command} outputs/grid/2026-01-09_12/2`" in done.err


def test_show_of_a_sweep_is_its_leaderboard(call):
    done = call("show", "grid")
    assert done.status == 0
    lines = [line.split() for line in done.out.splitlines() if line.strip()]
    assert [line[:4] for line in lines[1:3]] == [["1", "3", "0.6100", "1"], ["2", "1", "0.5900", "1"]]
    assert "best run: outputs/grid/2026-01-09_12/2" in done.out
    assert "go on with: python -m experiments resume 'outputs/grid/2026-01-09_12'" in done.err
