"""Sweeps: points that go together, ranking by made-up results, and the real thing through the command line."""

import csv
import html
import io
import json
import re

import pytest
from rich.console import Console

from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.sweeps import display, files, page, table
from experiments.sweeps.leaderboard import rank
from experiments.sweeps.ledger import Job, Ledger, State
from tests.conftest import run_command
from tests.test_reports import record

TINY = ("dataset.limit=100", "model.hidden_units=[8]", "trainer.epochs=2")


def state(number, swept, accuracy, status="completed", on_test=False):
    record = {
        "status": status,
        "error": None if status == "completed" else "why",
        "metrics": {} if accuracy is None else {"validation": {"accuracy": accuracy, "loss": 1 - accuracy}},
        "dataset": {"validation_is_test": on_test, "sizes": {"validation": 100}},
    }
    return State(Job(number, tuple(f"{key}={value}" for key, value in swept.items()), {}), None, status, record)


def test_the_best_stands_first_and_jobs_without_a_result_last():
    board = rank(
        [state(0, {"x": 1}, 0.5), state(1, {"x": 2}, None, "diverged"), state(2, {"x": 3}, 0.9)], "validation.accuracy"
    )
    assert [group.swept["x"] for group in board.groups] == ["3", "1", "2"]
    assert board.groups[2].ranked.mean is None


def test_of_a_loss_the_lowest_is_best():
    board = rank([state(0, {"x": 1}, 0.5), state(1, {"x": 2}, 0.9)], "validation.loss")
    assert [group.swept["x"] for group in board.groups] == ["2", "1"]


def test_repeated_seeds_are_one_group_with_mean_deviation_and_students_interval():
    values = (0.7, 0.8, 0.9)
    board = rank([state(n, {"x": 1, "seed": n}, value) for n, value in enumerate(values)], "validation.accuracy")
    (group,) = board.groups
    assert group.swept == {"x": "1"}
    assert group.ranked.mean == pytest.approx(0.8)
    assert group.ranked.deviation == pytest.approx(0.1)
    # t(0.975, 2 degrees of freedom) = 4.302653
    assert group.ranked.interval == pytest.approx(
        (0.8 - 4.302653 * 0.1 / 3**0.5, 0.8 + 4.302653 * 0.1 / 3**0.5), abs=1e-6
    )


def test_the_verdict_says_whether_the_best_differs_by_more_than_chance():
    def board(first, second):
        states = [state(n, {"x": 1, "seed": n}, value) for n, value in enumerate(first)]
        states += [state(n + 9, {"x": 2, "seed": n}, value) for n, value in enumerate(second)]
        return rank(states, "validation.accuracy").verdict

    assert "Distinguishable from the second, x=2" in board((0.90, 0.91, 0.92), (0.5, 0.51, 0.52))
    assert "Not distinguishable from the second" in board((0.90, 0.80, 0.95), (0.89, 0.79, 0.94))
    assert "the 95 % intervals of the two accuracies overlap" in board((0.90,), (0.89,))
    assert (
        "Distinguishable from the second, x=2 (mean 0.8000 ± 0.0000 of 2, 95 % interval 0.8000–0.8000): neither varies"
        in (board((0.9, 0.9), (0.8, 0.8)))
    )
    assert "Distinguishable" in board((0.95,), (0.20,))


def test_a_winner_that_was_chosen_on_the_test_data_is_told():
    verdict = rank([state(0, {"x": 1}, 0.5, on_test=True)], "validation.accuracy").verdict
    assert verdict.endswith("Validation was the test split: the winner was chosen on the test data.")


def swept_folder(folder, jobs):
    """A sweep's folder of made-up jobs: (swept, validation accuracy, test accuracy, seconds, status) each."""
    plan = {"name": "made up", "started_at": "", "command": "", "arguments": [], "search": None, "jobs": []}
    for number, (swept, validation, test, seconds, status) in enumerate(jobs):
        values = record(status=status, duration_seconds=seconds, epochs_completed=3 + number, metrics={})
        if validation is not None:
            values["metrics"] = {
                "validation": {"accuracy": validation, "loss": 1 - validation},
                "test": {"accuracy": test, "loss": 1 - test},
            }
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "run.json").write_text(json.dumps(values))
        overrides = [f"{key}={value}" for key, value in swept.items()]
        plan["jobs"].append({"number": number, "overrides": overrides, "config": {}})
    (folder / "sweep.json").write_text(json.dumps(plan | {"metric": "validation.accuracy"}))
    return Ledger(folder)


REPEATED = [
    ({"x": 1, "seed": 1}, 0.90, 0.80, 10.0, "completed"),
    ({"x": 1, "seed": 2}, 0.94, 0.86, 14.0, "completed"),
    ({"x": 1, "seed": 3}, None, None, 1.0, "failed"),
    ({"x": 2, "seed": 1}, 0.70, 0.69, 20.0, "completed"),
    ({"x": 2, "seed": 2}, 0.74, 0.71, 22.0, "completed"),
    ({"x": 2, "seed": 3}, 0.72, 0.70, 24.0, "completed"),
]


def test_every_figure_of_a_row_is_the_groups(tmp_path):
    board = files.refresh(swept_folder(tmp_path, REPEATED))
    assert table.heading(board) == [
        *("rank", "x", "validation.accuracy", "n", "test.accuracy", "epochs", "time", "status", "best run", "folder")
    ]
    assert table.groups(board) == [
        [
            *("1", "1", "0.9200 ± 0.0283", "2", "0.8300 ± 0.0424", "3–4", "12.0 s ± 2.8 s", "2 completed, 1 failed"),
            *("1", "0, 1, 2"),
        ],
        ["2", "2", "0.7200 ± 0.0200", "3", "0.7000 ± 0.0100", "6–8", "22.0 s ± 2.0 s", "completed", "4", "3, 4, 5"],
    ]
    assert files.folder_of(board) == tmp_path / "1"  # the group's best, not its first


def test_csv_markdown_console_and_page_say_the_same(tmp_path, capsys):
    ledger = swept_folder(tmp_path, REPEATED)
    board = files.refresh(ledger)
    display.leaderboard(board)
    forms = [
        capsys.readouterr().out,
        (tmp_path / "leaderboard.md").read_text(),
        page.write_page(ledger, board).read_text(),
    ]
    for text in forms:
        for cell in ("0.9200 ± 0.0283", "0.8300 ± 0.0424", "12.0 s ± 2.8 s", "2 completed, 1 failed"):
            assert cell in text
        assert board.verdict in html.unescape(text).replace("\\", "")
    assert "| 2 | 1 | 3 |  |  | 5 | 1.0 s | failed |" in forms[1]  # each job by itself
    cells = "".join(f"<td>{cell}</td>" for cell in ("1", "3", "", "", "5", "1.0 s"))
    assert f'<tr><th scope="row">2</th>{cells}<td class="text">failed</td></tr>' in forms[2].replace("\n", "")
    with (tmp_path / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["job"], row["rank"], row["n"], row["is_best"]) for row in rows[:4]] == [
        ("0", "1", "2", "False"),
        ("1", "1", "2", "True"),
        ("2", "1", "2", "False"),
        ("3", "2", "3", "False"),
    ]
    assert float(rows[0]["mean"]) == pytest.approx(0.92)
    assert float(rows[0]["test.accuracy_mean"]) == pytest.approx(0.83)
    assert float(rows[0]["test.accuracy"]) == 0.80
    assert float(rows[0]["seconds_mean"]) == 12.0


def test_seeds_alone_are_one_row_whose_verdict_says_the_spread(tmp_path):
    jobs = [({"seed": n}, value, value, 1.0, "completed") for n, value in enumerate((0.90, 0.94, 0.92), start=1)]
    board = files.refresh(swept_folder(tmp_path, jobs))
    assert [row[:3] for row in table.groups(board)] == [["1", "0.9200 ± 0.0200", "3"]]
    assert board.verdict.startswith(
        "3 runs that differ in their seed only: validation.accuracy mean 0.9200 ± 0.0200 of 3, 95 % interval"
        " 0.8703–0.9697, from 0.9000 to 0.9400. So much differs by chance alone."
    )
    assert "Repeat" not in board.verdict
    assert board.best.folder.name == "1"
    with (tmp_path / "leaderboard.csv").open() as file:
        assert [(row["rank"], row["seed"]) for row in csv.DictReader(file)] == [("1", "1"), ("1", "2"), ("1", "3")]
    one = files.refresh(swept_folder(tmp_path / "one", [*jobs[:1], ({"seed": 2}, None, None, 1.0, "failed")]))
    assert one.verdict.startswith("One run has a result: validation.accuracy 0.9000 (seed=1).")


def test_values_that_go_together():
    swept = ["model=linear,relu_128_64", "optimizer.learning_rate=0.1,0.2", "seed=1,2"]
    composition = compose_command_line(["-m", *swept, "sweep.together=[model,optimizer.learning_rate]"])
    assert [job.overrides for job in composition.jobs] == [
        ("model=linear", "optimizer.learning_rate=0.1", "seed=1"),
        ("model=linear", "optimizer.learning_rate=0.1", "seed=2"),
        ("model=relu_128_64", "optimizer.learning_rate=0.2", "seed=1"),
        ("model=relu_128_64", "optimizer.learning_rate=0.2", "seed=2"),
    ]


@pytest.mark.parametrize(
    ("together", "line"),
    [
        (
            "optimizer.learning_rat",
            "expected swept keys (seed, optimizer.learning_rate). Did you mean optimizer.learning",
        ),
        (
            "optimizer.learning_rate",
            "seed has 3, optimizer.learning_rate has 2 values, expected the same number of each",
        ),
    ],
)
def test_keys_that_cannot_go_together(together, line):
    with pytest.raises(UserError, match=re.escape(line)):
        compose_command_line(
            ["-m", "seed=1,2,3", "optimizer.learning_rate=0.1,0.2", f"sweep.together=[seed,{together}]"]
        )


def test_the_command_line_has_the_last_word_on_a_saved_sweep(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\n"
        "hydra: {mode: MULTIRUN, sweeper: {params: {seed: '1,2', optimizer.learning_rate: '0.1,0.2'}}}\n"
    )
    composition = compose_command_line(["--config-dir", str(tmp_path), "experiment=mine", "seed=5"])
    assert composition.is_sweep
    assert [job.overrides for job in composition.jobs] == [
        ("optimizer.learning_rate=0.1",),
        ("optimizer.learning_rate=0.2",),
    ]
    assert {job.config.seed for job in composition.jobs} == {5}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A serial sweep of three jobs, one of which diverges."""
    folder = tmp_path_factory.mktemp("sweep")
    values = "optimizer.learning_rate=0.01,1e6,0.1"
    return run_command(folder, "runner.py", "-m", *TINY, "model.activation=linear", "trainer.epochs=4", values)


def sweep_folder(done):
    return done.run_folders[0].parent


def test_every_job_is_in_every_table(swept):
    folder = sweep_folder(swept)
    assert swept.status == 1  # one diverged
    with (folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["optimizer.learning_rate"] for row in rows][-1] == "1000000.0"
    assert sorted(row["status"] for row in rows) == ["completed", "completed", "diverged"]
    assert [row["rank"] for row in rows] == ["1", "2", ""]
    assert float(rows[0]["validation.accuracy"]) >= float(rows[1]["validation.accuracy"])
    sweep = json.loads((folder / "sweep.json").read_text())
    assert [job["status"] for job in sweep["jobs"]] == ["completed", "diverged", "completed"]
    table = (folder / "leaderboard.md").read_text()
    assert "| 1 |" in table
    assert "job 1, diverged: the loss is not finite" in table


def test_what_a_person_sees_of_a_sweep(swept):
    folder = sweep_folder(swept)
    assert "[3/3] job" in swept.out
    assert "best run: outputs/digits_mlp/" in swept.out
    assert "repeat it: python runner.py" in swept.out
    assert "epoch 1/" not in swept.out
    assert "job 1 (optimizer.learning_rate=1000000.0): diverged, the loss is not finite" in swept.err
    assert "Traceback" not in swept.err
    page = (folder / "sweep.html").read_text()
    assert "diverged" in page
    assert re.findall(r'(?:src|href)="(?!data:|[0-9]+/report[.]html")', page) == []  # no request; links to its jobs
    assert {path.name for path in (folder / "plots").iterdir()} == {"by_optimizer.learning_rate.png", "curves.png"}


def test_a_job_records_its_own_config_and_the_command_that_repeats_it(swept):
    record = json.loads((sweep_folder(swept) / "2" / "run.json").read_text())
    assert record["config"]["optimizer"]["learning_rate"] == 0.1
    assert record["command"].endswith("optimizer.learning_rate=0.1 hydra.mode=RUN")
    assert "optimizer.learning_rate=0.1" in (sweep_folder(swept) / "2" / ".hydra" / "overrides.yaml").read_text()


def test_a_sweep_that_has_ended_says_so(swept):
    before = (sweep_folder(swept) / "0" / "run.json").read_bytes()
    done = run_command(swept.folder, "experiments", "resume", str(sweep_folder(swept)))
    assert "all jobs have ended already" in done.out
    assert done.status == 1
    assert (sweep_folder(swept) / "0" / "run.json").read_bytes() == before


def test_finished_runs_are_taken_over_when_asked(swept):
    arguments = (
        "-m",
        *TINY,
        "model.activation=linear",
        "trainer.epochs=4",
        "optimizer.learning_rate=0.1,0.2",
        "sweep.reuse=true",
    )
    done = run_command(swept.folder, "runner.py", *arguments)
    assert done.status == 0, done.err
    assert "1 of 2 jobs are taken over from finished runs of the same config" in done.out
    assert "[2/2] job 1" in done.out


def test_a_serial_sweep_trains_as_single_runs_do(command, swept):
    alone = command("runner.py", *TINY, "model.activation=linear", "trainer.epochs=4", "optimizer.learning_rate=0.1")
    ours, theirs = (
        [line.split(",")[:6] for line in (folder / "history.csv").read_text().splitlines()]
        for folder in (sweep_folder(swept) / "2", alone.run_folder)
    )
    assert ours == theirs


def test_two_workers_do_what_one_does(command, swept):
    values = "optimizer.learning_rate=0.01,1e6,0.1"
    done = command(
        "runner.py", "-m", "hydra/launcher=joblib", *TINY, "model.activation=linear", "trainer.epochs=4", values
    )
    assert done.status == 1
    assert [json.loads((folder / "run.json").read_text())["status"] for folder in done.run_folders] == [
        "completed",
        "diverged",
        "completed",
    ]
    assert "Traceback" not in done.err


def test_what_is_left_is_counted_from_jobs_that_are_to_go_on(tmp_path):
    jobs = [({"seed": n}, 0.9, 0.9, 1.0, status) for n, status in enumerate(["completed", "interrupted", "failed"])]
    ledger = swept_folder(tmp_path, jobs)
    out = io.StringIO()
    shown = display.SweepProgress(ledger, out=Console(file=out, width=200))
    with shown:
        assert shown._table(ledger.states()).title == "2 of 3 jobs, ETA ?"
        record = json.loads((tmp_path / "1" / "run.json").read_text())
        (tmp_path / "1" / "run.json").write_text(json.dumps(record | {"status": "completed"}))
        title = shown._table(ledger.states()).title
    assert title == "3 of 3 jobs, ETA 0.0 s"
    assert "made up: a sweep of 3 jobs into" in out.getvalue()
    assert "[3/3] job 1, seed=1: completed" in out.getvalue()


def test_a_sweep_of_one_job_has_one_setting(tmp_path):
    ledger = swept_folder(tmp_path, [({}, 0.9, 0.9, 1.0, "completed")])
    out = io.StringIO()
    with display.SweepProgress(ledger, out=Console(file=out, width=200)) as shown:
        line = shown._line(ledger.states()[0])
    assert "made up: a sweep of 1 job into" in out.getvalue()
    assert "job 0, the only setting: completed" in line
