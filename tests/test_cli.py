"""`python -m experiments` on run folders, good, foreign and half-written."""

import json

import pytest

from tests.test_reports import record


@pytest.fixture
def outputs(tmp_path):
    for number, accuracy in enumerate((0.5, 0.75)):
        folder = tmp_path / "outputs" / "made up" / f"{number}"
        folder.mkdir(parents=True)
        metrics = {"test": {"loss": 1.0, "accuracy": accuracy}}
        values = record(metrics=metrics, started_at=f"2026-01-0{number + 1}T00:00:00+00:00")
        (folder / "run.json").write_text(json.dumps(values))
    for name, text in (("half", '{"status": "run'), ("foreign", "[1, 2]"), ("other", '{"a": 1}')):
        (tmp_path / "outputs" / name).mkdir()
        (tmp_path / "outputs" / name / "run.json").write_text(text)
    return tmp_path / "outputs"


def test_list_shows_the_newest_first_and_skips_what_is_no_run(call, outputs):
    done = call("list")
    assert done.status == 0
    lines = done.out.splitlines()
    assert len(lines) == 3
    assert lines[1].split()[-3:] == ["0.75", "3", "74.2"]
    assert "0.5" in lines[2]


def test_list_as_json(call, outputs):
    runs = json.loads(call("list", "--json").out)
    assert [run["metrics"]["test"]["accuracy"] for run in runs] == [0.75, 0.5]
    assert runs[0]["folder"] == "outputs/made up/1"


def test_show_tells_what_a_run_was(call, outputs):
    done = call("show", str(outputs / "made up" / "0"))
    assert done.status == 0
    assert "<b>bold</b>: completed" in done.out
    assert "accuracy 0.5000, loss 1.0000" in done.out


def test_report_writes_the_page_again(call, outputs):
    done = call("report", str(outputs / "made up" / "0"))
    assert done.status == 0
    assert "50.00 % of 40 test rows right" in (outputs / "made up" / "0" / "report.html").read_text()


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("nothing", "nothing: is no folder, and no run below outputs has this name or this part of a path, expected"),
        (".", ".: 5 folders fit, expected one. Write more of its path:\n  outputs/foreign\n  outputs/half\n"),
        ("outputs/half", "outputs/half/run.json: cannot be read ("),
        (
            "outputs/other",
            "outputs/other/run.json: status: has no value, expected one. The file was damaged or changed",
        ),
    ],
)
def test_what_is_no_run_is_one_message_and_status_2(call, outputs, folder, line):
    done = call("show", folder)
    assert done.status == 2
    assert done.err.startswith(line)
    assert "Traceback" not in done.err


def test_reading_commands_never_import_tensorflow(command, outputs):
    for arguments in (
        ("list",),
        ("show", "latest"),
        ("report", "outputs/made up/0"),
        ("schema",),
        ("--help",),
    ):
        done = command("experiments", *arguments, PYTHONPROFILEIMPORTTIME="1")
        assert done.status == 0
        assert "tensorflow" not in done.err
