"""`list` and `tag`: conditions, columns, orders, formats, labels."""

import csv
import io
import json
import re

import pytest

from experiments import labels, listing, run_table, runs
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from tests.test_reports import record


def found(number, *, accuracy=None, loss=None, **changes):
    metrics = {} if accuracy is None else {"test": {"accuracy": accuracy, "loss": loss}}
    config = {"optimizer": {"learning_rate": 0.1**number}, "trainer": {"epochs": 3}}
    values = record(seed=number, metrics=metrics, config=config, **changes)
    return f"outputs/run{number}", values


RUNS = [
    found(1, accuracy=0.5, loss=2.0, name="first", tags=["good", "paper 1"]),
    found(2, accuracy=0.9, loss=0.5, name="second"),
    found(3, name="third, failed", status="failed", error="disk full"),
]


@pytest.mark.parametrize(
    ("where", "seeds"),
    [
        ("accuracy>0.5", [2]),
        ("accuracy>=0.5", [1, 2]),
        ("metrics.test.accuracy<0.6", [1]),
        ("test.loss<=0.5", [2]),
        ("status=failed", [3]),
        ("status!=failed", [1, 2]),
        ("accuracy!=0.5", [2, 3]),
        ("accuracy=null", [3]),
        ("optimizer.learning_rate=0.1", [1]),
        ("config.optimizer.learning_rate<0.05", [2, 3]),
        ("name~SEC", [2]),
        ("'name=third, failed'", [3]),
        ("tags=good", [1]),
        ("'tags=paper 1' status=completed", [1]),
        ("tags!=good", [2, 3]),
        ("error~full seed>2", [3]),
        ("accuracy > 0.5", [2]),
        ("accuracy> 0.5 seed <3", [2]),
        ("accuracy == 0.5", [1]),
        ("name ~ SEC seed = 2", [2]),
        ("notes= seed=1", []),
        ("name = 'third, failed'", [3]),
        ("tags~pap", [1]),
        ("tags ~ nothing", []),
        ("seed=2 seed=1", []),
    ],
)
def test_conditions(where, seeds):
    assert [run[1]["seed"] for run in listing.chosen(RUNS, listing.conditions([where]))] == seeds


def test_a_run_that_a_search_gave_up_is_pruned():
    records = [*RUNS, found(4, name="given up", pruned=2)]
    assert [row["status"] for row in listing.table(records, ["status"])] == ["completed"] * 2 + ["failed", "pruned"]
    assert [run[1]["seed"] for run in listing.chosen(records, listing.conditions(["status=pruned"]))] == [4]
    assert [run[1]["seed"] for run in listing.chosen(records, listing.conditions(["status=completed"]))] == [1, 2]
    assert listing.csv(records, ["status"]).splitlines()[-1] == "pruned"


@pytest.mark.parametrize(
    ("sort", "reverse", "seeds"),
    [
        (None, False, [1, 2, 3]),
        (None, True, [3, 2, 1]),
        ("accuracy", False, [2, 1, 3]),
        ("accuracy", True, [1, 2, 3]),
        ("loss", False, [2, 1, 3]),
        ("optimizer.learning_rate", False, [3, 2, 1]),
        ("name", False, [1, 2, 3]),
    ],
)
def test_accuracies_are_sorted_best_first_and_what_lacks_the_key_stands_at_the_end(sort, reverse, seeds):
    assert [run[1]["seed"] for run in listing.ordered(RUNS, sort, reverse)] == seeds


def test_tables():
    wanted = ["seed", "accuracy", "optimizer.learning_rate", "tags"]
    rows = list(csv.reader(io.StringIO(listing.csv(RUNS, wanted))))
    assert rows == [wanted, ["1", "0.5", "0.1", "good,paper 1"], ["2", "0.9", "0.010000000000000002", ""],
                    ["3", "", "0.0010000000000000002", ""]]  # fmt: skip
    assert listing.markdown([found(1, name="a|b<i>")], ["name", "seed"]).splitlines() == [
        "| name | seed |",
        "| --- | --- |",
        r"| a\|b&lt;i&gt; | 1 |",
    ]
    assert listing.columns(RUNS)[-1] == "tags"
    assert listing.columns(RUNS[1:]) == listing.COLUMNS
    assert listing.columns(RUNS[1:], sort="metrics.test.accuracy") == listing.COLUMNS  # is there under its short name
    assert listing.columns(RUNS[1:], sort="seed") == [*listing.COLUMNS, "seed"]
    rows = listing.table(RUNS, ["folder", "accuracy", "loss", "notes", "error"])
    assert list(listing.with_values(rows)[0]) == ["folder", "accuracy", "loss", "error"]
    assert list(listing.with_values(rows[:1])[0]) == ["folder", "accuracy", "loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "acuracy>1"], "acuracy: no run has this key, expected one of run.json or of the config"),
        (["--where", "acuracy>1"], "Did you mean accuracy?"),
        (["--where", "nonsense"], "--where: received 'nonsense', expected KEY=VALUE, !=, >, >=, <, <= or ~ (contains)"),
        (["--where", "a='b"], "whose quotes do not close"),
        (["--sort", "sed"], "sed: no run has this key"),
        (["--columns", "name,sed"], "Did you mean seed?"),
        (["--csv", "--json"], "--csv, --json, --markdown: give one of them"),
    ],
)
def test_mistakes_are_told(call, outputs, arguments, message):
    done = call("list", *arguments)
    assert done.status == 2
    assert message in done.err


@pytest.fixture
def outputs(tmp_path):
    """Three runs, one of them a sweep's job, one deep in a run's own folder, a foreign file and a half-written one."""
    for folder, (_, values) in zip(("a/1", "b/2", "sweep/0"), RUNS, strict=True):
        (tmp_path / "outputs" / folder).mkdir(parents=True)
        (tmp_path / "outputs" / folder / "run.json").write_text(json.dumps(values))
    for folder, text in (("c", '{"status": "run'), ("d", "[]"), ("a/1/plots", json.dumps(RUNS[0][1])), (".e", "{}")):
        (tmp_path / "outputs" / folder).mkdir(parents=True)
        (tmp_path / "outputs" / folder / "run.json").write_text(text)
    (tmp_path / "outputs" / "circle").symlink_to(tmp_path / "outputs")
    return tmp_path / "outputs"


def test_runs_are_found_and_nothing_else(outputs):
    assert sorted(str(folder.relative_to(outputs)) for folder, _ in runs.find(outputs)) == ["a/1", "b/2", "sweep/0"]
    assert runs.find(outputs / "nowhere") == []


def test_list_on_the_command_line(call, outputs):
    done = call("list", "--sort", "accuracy", "--limit", "2", "--columns", "seed,accuracy")
    assert [line.split() for line in done.out.splitlines()] == [["seed", "accuracy"], ["2", "0.9"], ["1", "0.5"]]
    done = call("list", "--where", "seed>5")
    assert (done.status, done.out) == (0, "outputs: no runs that meet the conditions\n")


def test_a_folder_that_is_not_there_is_a_mistake(call):
    done = call("list", "nowhere")
    assert (done.status, done.out) == (2, "")
    assert (
        done.err
        == "nowhere: no such folder, expected one that holds runs; without it, those below outputs are listed\n"
    )
    done = call("list")
    assert (done.status, done.out) == (0, "outputs: no runs; `python runner.py` makes one\n")


@pytest.fixture
def with_a_sweep(outputs):
    """A sweep of four jobs more: the second is the best, the third diverged, the fourth was given up."""
    for number, accuracy in enumerate((0.6, 0.8, None, 0.99)):
        both = {"loss": 1.0, "accuracy": accuracy}
        metrics = {"validation": both, "test": both} if accuracy else {}
        changes = {"status": "diverged"} if number == 2 else {"pruned": 2} if number == 3 else {}
        config = {"optimizer": {"learning_rate": 0.1 * 2**number}, "trainer": {"epochs": 3}}
        values = record(name="grid", seed=7, metrics=metrics, config=config, duration_seconds=10.0, **changes)
        (outputs / "grid" / "1" / f"{number}").mkdir(parents=True)
        (outputs / "grid" / "1" / f"{number}" / "run.json").write_text(json.dumps(values))
    (outputs / "grid" / "1" / "sweep.json").write_text("{}")


def test_a_sweep_is_one_row_with_its_best_job(call, outputs, with_a_sweep):
    arguments = ["--where", "name=grid", "--columns"]
    keys = "folder,name,status,jobs,optimizer.learning_rate,accuracy,seconds"
    head, line = call("list", *arguments, keys).out.splitlines()
    assert head.split() == keys.split(",")
    values = ["outputs/grid/1", "grid", "2 completed, 1 pruned, 1 diverged", "4", "4 values", "0.8", "40"]
    assert re.split(r"  +", line.strip()) == values
    head, line = call("list", "--where", "name=grid status=completed").out.splitlines()
    assert head.split()[:4] == ["folder", "name", "status", "jobs"]
    assert line.split()[3:6] == ["2", "of", "4"]
    assert "[0.1,0.2]" in line
    lines = call("list", "--sort", "accuracy", "--columns", "folder,accuracy").out.splitlines()
    assert [each.split()[0] for each in lines[1:]] == [
        "outputs/b/2",
        "outputs/grid/1",
        "outputs/a/1",
        "outputs/sweep/0",
    ]


def test_the_jobs_of_a_sweep_are_listed_when_asked_for(call, outputs, with_a_sweep):
    jobs = [f"outputs/grid/1/{number}" for number in (3, 2, 1, 0)]
    done = call("list", "--jobs", "--where", "name=grid", "--columns", "folder,jobs")
    assert [line.split()[0] for line in done.out.splitlines()] == ["folder", *jobs]
    assert [row[0] for row in csv.reader(io.StringIO(call("list", "--where", "name=grid", "--csv").out))][1:] == jobs
    found = json.loads(call("list", "--where", "name=grid", "--json").out)
    assert [each["folder"] for each in found] == jobs


def test_list_shows_the_key_it_sorts_by_and_no_empty_column(call, outputs):
    head = call("list", "--sort", "seed", "--where", "seed=3").out.splitlines()[0]
    assert head.split() == [
        "folder",
        "name",
        "status",
        "dataset",
        "optimizer.learning_rate",
        "epochs",
        "seconds",
        "seed",
    ]


ROWS = [
    {"folder": "outputs/of_some_length/2026-01-01_10-00-00", "name": "a" * 30, "accuracy": 0.9723, "notes": "b" * 60}
]


@pytest.mark.parametrize(
    ("room", "sort", "widths"),
    [
        (200, None, {"folder": 42, "name": 30, "accuracy": 8, "notes": 60}),
        (120, None, {"folder": 42, "name": 30, "accuracy": 8, "notes": 34}),
        (100, None, {"folder": 42, "name": 22, "accuracy": 8, "notes": 22}),
        (70, None, {"folder": 42, "accuracy": 8, "notes": 9}),
        (60, None, {"folder": 42, "accuracy": 8}),
        (60, "notes", {"folder": 42, "notes": 9}),
        (30, None, {"folder": 42}),
    ],
)
def test_a_line_fits_the_terminal_and_its_path_can_be_copied(room, sort, widths):
    head, line, *rest = run_table.text(ROWS, room, sort).splitlines()
    assert line.startswith(ROWS[0]["folder"])
    assert head.split() == list(widths)
    assert [len(cell) for cell in re.split(r"  +", line.rstrip())] == [
        min(width, len(str(ROWS[0][key]))) for key, width in widths.items()
    ]
    assert len(line.rstrip()) <= max(room, 42)
    left_out = [key for key in ROWS[0] if key not in widths]
    assert " ".join(rest).startswith(f"No room for {', '.join(left_out)}" if left_out else "")


def test_a_heading_is_shortened_to_its_last_part():
    rows = [{"folder": "outputs/a", "optimizer.kind": "sgd", "trainer.early_stopping.patience": 3}]
    assert run_table.text(rows, 31).splitlines()[0].split() == ["folder", "kind", "patience"]


def test_tags_notes_and_a_name_change_run_json_only(call, outputs):
    folder = outputs / "b" / "2"
    (folder / "report.html").touch()
    (folder / "config.yaml").write_text("name: second\n")
    arguments = ["--add", "<b>x", "--add", "best", "--notes", "a <i>note", "--name", "renamed"]
    done = call("tag", str(folder), *arguments)
    assert done.status == 0, done.err
    assert done.out == f"{folder}: renamed, tags: <b>x, best, notes: a <i>note\n"
    values = json.loads((folder / "run.json").read_text())
    assert (values["name"], values["tags"], values["notes"]) == ("renamed", ["<b>x", "best"], "a <i>note")
    assert (folder / "config.yaml").read_text() == "name: second\n"
    html = (folder / "report.html").read_text()
    assert "<li>&lt;b&gt;x</li><li>best</li>" in html
    assert "a &lt;i&gt;note" in html
    assert labels.change(folder, [], ["best"], "", None) == "renamed, tags: <b>x"
    shown = call("show", str(folder))
    assert "tags       <b>x" in shown.out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((["a,b"], [], None, None), "--add: received 'a,b', expected a tag: text of 1 to 50 characters on one line"),
        (([], ["gone"], None, None), "has no tag 'gone' to remove, since it has no tags"),
        (
            ([], [], None, "../x"),
            "--name: received '../x', expected text of 1 to 100 characters that can name a folder",
        ),
    ],
)
def test_labels_that_cannot_be(outputs, changes, message):
    with pytest.raises(UserError) as raised:
        labels.change(outputs / "b" / "2", *changes)
    assert message in str(raised.value)


def test_a_run_that_runs_is_not_changed(outputs):
    with runs.locked(outputs / "b" / "2"), pytest.raises(UserError, match="another process runs in this folder"):
        labels.change(outputs / "b" / "2", ["x"], [], None, None)


def test_tags_and_notes_of_the_config_are_the_runs(tmp_path):
    config = compose_command_line(["tags=[a,b c]", "notes='it, was'"]).jobs[0].config
    values = runs.Run.start(tmp_path, config, "command").record
    assert (values["tags"], values["notes"]) == (["a", "b c"], "it, was")
