"""`python -m experiments compare` on made-up run folders, and the statistics behind it by hand."""

import copy
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from scipy import stats

from experiments.comparison import compare, folders, seeds, significance
from experiments.comparison.sentences import notes, verdicts
from experiments.history import Epoch, History
from experiments.reports.compare_page import render
from tests.test_reports import record

CONFIG = {
    "name": "made_up",
    "seed": 0,
    "dataset": {"kind": "mnist", "test": "official", "limit": None, "split_seed": 0, "cache_dir": None},
    "model": {"hidden_units": [8], "activation": "relu"},
    "sweep": {"metric": "validation.accuracy"},
}
TRUTH = np.arange(100) % 10


def run(folder, wrong=(), *, truth=TRUTH, status="completed", environment=None, fingerprint="f" * 64, **changes):
    """Write a run that has all rows of `truth` right but `wrong`; `changes` are of its config, dotted by `__`."""
    config = copy.deepcopy(CONFIG)
    for key, value in changes.items():
        *parts, last = key.split("__")
        place = config
        for part in parts:
            place = place[part]
        place[last] = value
    folder.mkdir(parents=True)
    finished = status == "completed"
    accuracy = 1 - len(wrong) / len(truth)
    values = record(name=config["name"], seed=config["seed"], status=status, config=config, metrics={})
    values["dataset"] |= {"fingerprint": fingerprint, "sizes": {"train": 5, "validation": 5, "test": len(truth)}}
    values["dataset"]["validation_is_test"] = False
    values["environment"] |= environment or {}
    if finished:
        values["metrics"] = {name: {"loss": 0.5, "accuracy": accuracy} for name in ("train", "validation", "test")}
        y_pred = truth.copy()
        y_pred[list(wrong)] = (truth[list(wrong)] + 1) % 10
        np.savez_compressed(folder / "predictions.npz", y_true=truth, y_pred=y_pred)
    else:
        values["error"] = "the loss is not finite"
    (folder / "run.json").write_text(json.dumps(values))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    epochs = [Epoch(n, 2 / n, 0.2 * n, 2.1 / n, 0.19 * n, 0.01, 0.5) for n in (1, 2, 3)]
    (folder / "history.csv").write_text(History(epochs).to_csv())
    return folder


def test_mcnemar_is_the_binomial_test_of_the_rows_only_one_has_right():
    assert significance.mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)
    assert significance.mcnemar(9, 1) == significance.mcnemar(1, 9)
    assert significance.mcnemar(5, 5) == significance.mcnemar(0, 0) == 1.0


def test_the_bootstrap_is_seeded_and_close_to_the_exact_distribution():
    differences = np.repeat([1.0, 0.0], [20, 180])
    low, high = significance.bootstrap_interval(differences)
    assert significance.bootstrap_interval(differences) == (low, high)
    exact = stats.binom.ppf([0.025, 0.975], 200, 0.1) / 200
    assert [low, high] == pytest.approx(exact, abs=1 / 200)
    assert significance.bootstrap_interval(np.zeros(50)) == (0.0, 0.0)
    assert significance.bootstrap_interval(np.ones(1)) is None


def test_pairs_are_compared_row_by_row():
    first, second = np.array([1, 1, 1, 1, 0], bool), np.array([1, 0, 0, 0, 1], bool)
    result = significance.paired(first, second)
    assert (result.rows, result.only_first, result.only_second) == (5, 3, 1)
    assert result.difference == pytest.approx(0.4)
    assert result.p == pytest.approx(2 * (1 + 4) / 2**4)


def test_means_over_seeds():
    assert significance.mean_interval([0.8, 0.9]) == pytest.approx((0.85 - 0.05 * 12.7062047, 0.85 + 0.05 * 12.7062047))
    assert significance.mean_interval([0.9, 0.9, 0.9]) == (0.9, 0.9)
    # Of equal sizes and spreads it is Student's test with 4 degrees of freedom.
    assert significance.welch([1, 2, 3], [2, 3, 4]) == pytest.approx(2 * stats.t.sf(1 / np.sqrt(2 / 3), 4))
    assert significance.welch([0.9, 0.9, 0.9], [0.8, 0.8]) is None
    assert significance.corrected([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert significance.corrected([]) == []


def test_two_runs_on_the_console(command, tmp_path):
    run(tmp_path / "a", wrong=range(9), seed=1)
    run(tmp_path / "b", wrong=[50], seed=2, environment={"platform": "\x1b[31mred"})
    done = command("experiments", "compare", "a", "b")
    assert done.status == 0, done.err
    assert "config: differences\n      A  B\nseed  1  2\n" in done.out
    assert "data: no difference" in done.out
    assert re.search(r"platform +Linux +\\x1b\[31mred", done.out)
    assert re.search(r"test accuracy +91.00 % +99.00 %", done.out)
    assert re.search(r"interval +83.77–95.19 % +94.55–99.82 %", done.out)  # Wilson's, of 91 and 99 of 100
    expected = r"B is 8.00 points better than A on the 100 test rows \(95 % interval [\d.]+ to [\d.]+, exact McNemar"
    assert re.search(expected + r" p = 0.021\): distinguishable\.", done.out)
    assert "The 2 runs differ in their seed only: mean test accuracy 95.00 %" in done.out
    assert "McNemar's test speaks of these trained networks" not in done.out  # it would ask for seeds
    assert not list(tmp_path.glob("*.html"))


def test_no_difference_is_said(command, tmp_path):
    run(tmp_path / "a", wrong=[1, 2])
    run(tmp_path / "b", wrong=[2, 3])
    out = command("experiments", "compare", "a", "b").out
    assert all(f"{part}: no difference" in out for part in ("config", "data", "environment"))
    assert "A and B are equally accurate on the 100 test rows (95 % interval -3.00 to 3.00, exact McNemar p = 1)" in out
    assert "not distinguishable" in out


def test_json_has_everything(command, tmp_path):
    run(tmp_path / "a", wrong=range(9))
    run(tmp_path / "b", wrong=[50], model__hidden_units=[])
    done = command("experiments", "compare", "a", "b", "--json", "--html", "page.html")
    assert done.err == "page: page.html\n"
    values = json.loads(done.out)
    assert values["config"]["rows"] == {"model.hidden_units": [[8], []]}
    assert values["data"] == values["environment"] == {"rows": {}, "unrecorded": []}
    assert values["metrics"]["test accuracy"] == [0.91, 0.99]
    (test,) = values["pair_tests"]
    assert (test["first"], test["second"], test["only_first"], test["only_second"]) == ("B", "A", 9, 1)
    assert test["p"] == test["p_corrected"] == pytest.approx(0.021484375)
    page = (tmp_path / "page.html").read_text()
    assert "McNemar&#39;s test speaks of these trained networks, not of their settings" in page
    assert values["runs"][0]["history"]["val_loss"] == [2.1, 1.05, 0.7000000000000001]


def test_several_runs_are_each_tested_against_the_best_with_corrected_p(tmp_path):
    compared = compare([run(tmp_path / f"{n}", wrong=range(n), seed=n, model__hidden_units=[n]) for n in (10, 1, 4)])
    assert [(test.first, test.second) for test in compared.pair_tests] == [("B", "C"), ("B", "A")]
    alone = [2 / 2**3, 2 / 2**9]
    assert [test.result.p for test in compared.pair_tests] == pytest.approx(alone)
    assert [test.p_corrected for test in compared.pair_tests] == pytest.approx([alone[0], 2 * alone[1]])
    runner_up, worst = verdicts(compared)
    assert runner_up.startswith("Best of 3 runs: B is 3.00 points better than C on the 100 test rows")
    assert worst.startswith("B is 9.00 points better than A on")
    assert "exact McNemar p = 0.0039, corrected p = 0.0078): distinguishable." in worst
    assert any("Benjamini and Hochberg" in note for note in notes(compared))


def test_of_many_groups_the_runner_up_stands_first(tmp_path):
    units = {8: 20, 16: 1, 32: 4}  # hidden units: wrong rows
    made = [
        run(tmp_path / f"{width}-{seed}", wrong=range(wrong + seed), seed=seed, model__hidden_units=[width])
        for width, wrong in units.items()
        for seed in (1, 2)
    ]
    compared = compare(made)
    assert [(test.first.number, test.second.number) for test in compared.group_tests] == [(2, 3), (2, 1)]
    assert verdicts(compared)[0].startswith("Best of 3 groups: Group 2 (C, D) is on average 3.00 points better than")
    assert verdicts(compared)[1].startswith("Group 2 (C, D) is on average 19.00 points better than")


def test_of_seeds_alone_the_spread_stands_first(tmp_path):
    compared = compare([run(tmp_path / f"{seed}", wrong=range(9 + seed), seed=seed) for seed in (1, 2, 3)])
    assert verdicts(compared)[0].startswith(
        "The 3 runs differ in their seed only: mean test accuracy 89.00 %, standard deviation 1.00 points, 95 %"
        " interval of the mean 86.52–91.48 %. They differ by chance"
    )
    assert '<p class="verdict">The 3 runs differ' in render(compared)
    assert not any("To compare settings, run each with several seeds" in note for note in notes(compared))


def test_a_run_that_a_search_gave_up_is_pruned_and_in_no_group(tmp_path):
    folders = [run(tmp_path / f"{seed}", wrong=range(seed), seed=seed) for seed in (1, 2, 3)]
    values = json.loads((folders[2] / "run.json").read_text())
    (folders[2] / "run.json").write_text(json.dumps(values | {"pruned": 3}))
    compared = compare(folders)
    assert [group.labels for group in compared.groups] == [["A", "B"]]
    assert ">pruned</span>" in render(compared)


def test_runs_that_differ_in_their_seed_only_are_one_group(tmp_path):
    small = [run(tmp_path / f"s{n}", wrong=range(10 + n), seed=n, name=f"any {n}") for n in (1, 2, 3)]
    again = run(tmp_path / "again", wrong=range(11), seed=1)
    large = [run(tmp_path / f"l{n}", wrong=range(n), seed=n, model__hidden_units=[99]) for n in (1, 2, 3)]
    alone = run(tmp_path / "alone", model__activation="tanh")
    compared = compare([*small, again, *large, alone])
    assert [group.labels for group in compared.groups] == [["A", "B", "C"], ["E", "F", "G"]]
    assert [group.setting for group in compared.groups] == [{"model.hidden_units": [8]}, {"model.hidden_units": [99]}]
    assert [group.mean for group in compared.groups] == pytest.approx([0.88, 0.98])
    assert compared.groups[0].deviation == pytest.approx(0.01)
    (test,) = compared.group_tests
    assert test.difference == pytest.approx(0.1)
    assert test.p == pytest.approx(2 * stats.t.sf(0.1 / (0.01 * np.sqrt(2 / 3)), 4))
    assert verdicts(compared)[0].startswith(
        "Group 2 (E, F, G) is on average 10.00 points better than group 1 (A, B, C) over 3 and 3 seeds (Welch's p = "
    )


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (5, "have the same mean test accuracy over 2 and 2 seeds"),
        (7, "is on average 2.00 points better than group 2 (C, D) over 2 and 2 seeds"),
    ],
)
def test_groups_without_spread_are_not_tested_and_give_no_nan(tmp_path, wrong, text):
    first = [run(tmp_path / f"a{n}", wrong=range(5), seed=n) for n in (1, 2)]
    second = [run(tmp_path / f"b{n}", wrong=range(wrong), seed=n, model__hidden_units=[9]) for n in (1, 2)]
    compared = compare([*first, *second])
    assert text in verdicts(compared)[0]
    assert verdicts(compared)[0].endswith("No test is made: no accuracy varies with the seed within either group.")
    assert not re.search(r"\bnan\b", render(compared))
    assert compared.groups[0].interval == pytest.approx((0.95, 0.95))


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "e" * 64},
        {"truth": TRUTH[::-1].copy()},
        {"dataset__limit": 100},  # the same labels, perhaps other rows
    ],
)
def test_accuracies_on_different_rows_are_not_tested(tmp_path, other):
    compared = compare([run(tmp_path / "a"), run(tmp_path / "b", wrong=range(50), **other)])
    assert compared.pair_tests == []
    assert verdicts(compared) == [
        "No two of these runs have predictions on the same test rows: none is tested against another."
    ]
    (note,) = notes(compared)
    assert note.startswith("The test data differ. A: 100 rows of digits ffffffffffff; B: 100 rows of digits ")
    assert "no test is made between them" in note


def test_a_run_that_did_not_end_is_shown_with_what_it_has(command, tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", status="diverged")
    values = json.loads((tmp_path / "b" / "run.json").read_text())
    (tmp_path / "b" / "run.json").write_text(json.dumps(values | {"environment": None, "throughput": None}))
    done = command("experiments", "compare", "a", "b", "--html", "page.html")
    assert done.status == 0, done.err
    assert "B has no predictions (diverged: the loss is not finite), so it is in no test." in done.out
    assert re.search(r"test accuracy +100.00 % +–", done.out)
    assert "environment: no difference\nnot recorded: B" in done.out
    assert "page: page.html" in done.out


def plan(jobs):
    jobs = [{"number": number, "overrides": [f"seed={number}"], "config": {}} for number in range(jobs)]
    return {"name": "made up", "command": "", "arguments": [], "metric": "validation.accuracy", "jobs": jobs}


def test_a_sweep_stands_for_its_completed_jobs(tmp_path):
    for number, status in enumerate(("completed", "failed", "completed")):
        run(tmp_path / "sweep" / str(number), seed=number, status=status)
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(plan(3)))
    assert [found.folder.name for found in compare([tmp_path / "sweep"]).runs] == ["0", "2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a"], "a: received one run, expected two or more to compare. `python -m experiments list` shows"),
        (["a", "./a/../a"], "a/../a: received twice, expected each run once. Name it once."),
        (
            ["a", "nothing"],
            "nothing: is no folder, and no run below outputs has this name or this part of a path, expected",
        ),
        (["a", "sweep"], "sweep: this sweep has no completed job, expected one at least. Go on with it by"),
        (["a", "b", "--html", "no/page.html"], "no/page.html: cannot be written to, expected a file's name in a"),
        (["a", "broken"], "broken/predictions.npz: cannot be read ("),
        (["a", "list"], "list/run.json: metrics: received a list of 1, expected a mapping. The file was damaged"),
    ],
)
def test_mistakes_are_one_message_and_status_2(command, tmp_path, arguments, message):
    for name in ("a", "b", "broken", "list"):
        run(tmp_path / name)
    (tmp_path / "broken" / "predictions.npz").write_bytes(b"PK\x03\x04 half a file")
    (tmp_path / "list" / "run.json").write_text(json.dumps(record() | {"metrics": [1]}))
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(plan(1)))
    done = command("experiments", "compare", *arguments)
    assert done.status == 2
    assert done.err.startswith(message)
    assert len(done.err.splitlines()) == 1


class Page(HTMLParser):
    """What a page refers to, and what is wrong with its marking."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.unnamed = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.references += [values[name] for name in ("src", "href", "srcset", "action") if name in values]
        if (tag == "img" and not values.get("alt")) or (tag == "th" and "scope" not in values):
            self.unnamed.append((tag, values))


def test_the_page_shows_hostile_text_as_text_and_asks_for_nothing_from_outside(tmp_path):
    hostile = "<script>alert(1)</script>"
    first = run(tmp_path / "a", wrong=range(9), name=hostile)
    second = run(tmp_path / "b", name="$x_1$ \u202ereversed", model__activation=hostile)
    page = render(compare([first, second]))
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3  # as a name, and twice in the config's differences
    assert "\u202e" not in page
    assert [reference[:22] for reference in parsed.references] == ["data:image/png;base64,"]
    assert not re.search(r"https?://|url\(|@import", page)
    assert parsed.unnamed == []
    assert parsed.tags.count("caption") == parsed.tags.count("table") == 4
    assert parsed.tags.count("h1") == 1


def test_nothing_heavy_is_imported(command, tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", wrong=[1])
    done = command("experiments", "compare", "a", "b", PYTHONPROFILEIMPORTTIME="1")
    assert done.status == 0
    assert not re.search(r"\| +(tensorflow|keras|matplotlib|sklearn)\b", done.err)


def test_what_decides_no_result_is_left_out_whether_the_config_has_it_or_not():
    assert seeds._without({"name": 1, "dataset": {"kind": 2, "mirror": 3}}, {"name": True, "dataset": {"mirror"}}) == {
        "dataset": {"kind": 2}
    }


def test_runs_have_the_letters_of_a_spreadsheets_columns():
    assert [folders._label(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
