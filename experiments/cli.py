"""`python -m experiments`: look at and carry on with what was run. Commands that only read never import TensorFlow."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments import runs, streams
from experiments.errors import UserError
from experiments.locating import locate, single_run
from experiments.signals import stop
from experiments.text import plain, plain_lines

app = typer.Typer(
    name="python -m experiments",
    help="Look at and carry on with what was run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RUN = "A run: its folder, `latest`, its name, a part of its path, or SWEEP/3."
RUN_OR_SWEEP = "A run or a sweep: its folder, `latest`, its name, or a part of its path."
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", parser=locate, help=RUN)]
RunOrSweepFolder = Annotated[Path, typer.Argument(metavar="RUN_OR_SWEEP", parser=locate, help=RUN_OR_SWEEP)]


def main() -> None:
    """Run one command; a mistake of the user's is one message and status 2, a full disk and the like status 1."""
    logging.raiseExceptions = False  # a log that cannot be written is no reason to stop, nor to print tracebacks
    streams.mute()
    with stop, streams.whole():
        try:
            app(prog_name="experiments" if Path(sys.argv[0]).stem == "experiments" else "python -m experiments")
        except UserError as error:
            print(plain_lines(error), file=sys.stderr)
            sys.exit(2)
        except OSError as error:
            print(plain(f"{error.filename or 'failed'}: {error.strerror or error}"), file=sys.stderr)
            sys.exit(1)


@app.command("list")
def list_runs(  # noqa: PLR0917 (typer's way to declare options)
    folder: Annotated[Path | None, typer.Argument(help="Where runs lie.  [default: outputs]")] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="CONDITIONS", help="Only these: 'dataset=mnist accuracy > 0.9'.")
    ] = None,
    columns: Annotated[str | None, typer.Option(help="What to show: name,seed,trainer.epochs,accuracy.")] = None,
    sort: Annotated[str | None, typer.Option(metavar="KEY", help="By a key: accuracies best first.")] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    jobs: Annotated[bool, typer.Option("--jobs", help="Each job of a sweep on a line of its own.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV; sweeps' jobs each on a line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every run's whole record as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a table in Markdown, a line each job.")] = False,
) -> None:
    """Runs below a folder, newest first; a sweep is one line. Keys are those of run.json and the config, dotted."""
    from experiments import run_list

    if as_csv + as_json + as_markdown > 1:
        raise UserError("--csv, --json, --markdown: give one of them")
    form: run_list.Form = "csv" if as_csv else "json" if as_json else "markdown" if as_markdown else "table"
    shown = run_list.text(
        folder, form, where=where or [], columns=columns, sort=sort, reverse=reverse, limit=limit, jobs=jobs
    )
    print(shown, end="")


@app.command()
def tag(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", parser=locate, help=f"Runs. {RUN}")],
    add: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Add a tag.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Take a tag away.")] = None,
    notes: Annotated[str | None, typer.Option(help="What is to be known of the runs; '' removes it.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
) -> None:
    """Tags, notes and another name for runs; their folders and configs stay as they are."""
    from experiments import labels

    for folder in [single_run(folder, "tag") for folder in folders]:
        print(plain(f"{folder}: {labels.change(folder, add or [], remove or [], notes, name)}"))


@app.command()
def show(run: RunOrSweepFolder) -> None:
    """What a run was, what came out, and what it means; of a sweep, its leaderboard."""
    from experiments.sweeps import conduct

    if conduct.is_sweep(run):
        conduct.show(run)
        return

    from experiments import console, diagnosis
    from experiments.reports import saved

    record, report = runs.received(run), saved.classification_report(run)
    findings = diagnosis.diagnose(saved.history(run), record, report, saved.evaluation(run))
    text = saved.report_text(run)
    console.run_summary(run, record)
    console.findings(findings)
    if text:
        print(plain_lines(text))


@app.command()
def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", parser=locate, help="Two or more; a sweep stands for its completed jobs."),
    ],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """What differs between runs, and whether it made a difference."""
    from experiments import comparison
    from experiments.comparison import display
    from experiments.files import finite

    compared = comparison.compare(folders)
    if as_json:
        print(json.dumps(finite(comparison.as_json(compared)), indent=2))
    else:
        display.show(compared)
    if html:
        from experiments.reports.compare_page import write_page

        print(f"page: {write_page(html, compared)}", file=sys.stderr if as_json else sys.stdout)


@app.command()
def resume(
    folder: RunOrSweepFolder,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Of a sweep: run failed jobs again too.")
    ] = False,
) -> None:
    """Carry a run or a sweep on from where it stood; it ends exactly as it would have without the interruption."""
    from experiments import launch
    from experiments.sweeps.conduct import is_sweep

    if is_sweep(folder):
        launch.resume_sweep(folder, retry_failed)
    from experiments.experiment import resume_experiment

    status = launch.job(lambda: resume_experiment(folder), in_sweep=False)
    launch.leave(launch.DONE if status == "completed" else launch.FAILED)


@app.command()
def rerun(
    run: RunFolder,
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="What to change.")] = None,
) -> None:
    """Run a run's config.yaml again, in a new folder; without changes the result is the same, bit for bit."""
    from experiments import launch

    sys.exit(launch.rerun(single_run(run, "rerun"), overrides or []))


@app.command()
def evaluate(
    run: RunFolder,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Another data set that fits the model.")] = None,
    path: Annotated[Path | None, typer.Option(help="Where the data lies now.")] = None,
    split: Annotated[Literal["test", "validation", "train"], typer.Option(help="Which rows.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Score a run's saved model again, on its own data or on other; nothing is written."""
    from experiments import console, rescoring
    from experiments.files import finite

    result = rescoring.rescore(single_run(run, "evaluate"), dataset, path, split)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        print(json.dumps(finite(result.as_json()), indent=2))
    else:
        console.rescored(result)


@app.command()
def predict(
    run: RunFolder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Images, or rows in .npy or .npz files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="K", help="How many classes are shown for each row.")] = 2,
) -> None:
    """What a run's saved model says of images and rows."""
    from experiments import console, prediction
    from experiments.files import finite

    answers, notes = prediction.predict(single_run(run, "predict"), files)
    for note in notes:
        print(note, file=sys.stderr)
    if as_json:
        print(json.dumps(finite([answer.as_json() for answer in answers]), indent=2))
    else:
        console.answers(answers, top)


@app.command()
def report(run: RunOrSweepFolder) -> None:
    """Write the page of a run or a sweep again, from the files in its folder."""
    from experiments.received import refuse_read_only
    from experiments.reports import write_html
    from experiments.sweeps.conduct import is_sweep

    if is_sweep(run):
        from experiments.sweeps import files, page
        from experiments.sweeps.ledger import Ledger

        ledger = Ledger.received(run)
        print(plain(page.write_page(ledger, files.refresh(ledger))))
        return

    runs.received(run)
    refuse_read_only(run)
    print(plain(write_html(run)))


@app.command()
def verify(
    run: RunFolder,
    reference: Annotated[
        str | None, typer.Option(metavar="EXPERIMENT", help="Compare with the reference of this saved experiment.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every figure as JSON.")] = False,
) -> None:
    """Whether a run reproduced what was published of its experiment: exit status 0 yes, 1 no."""
    from experiments import console, reproduction
    from experiments.config.composition import reference_of

    run = single_run(run, "verify")
    found = reproduction.of_run(run, reference_of(reference) if reference else None)
    if found is None:
        raise UserError(
            f"{run}: its config has no reference, expected a run of a saved experiment such as keras_mnist."
            " Another run is compared with one by --reference keras_mnist"
        )
    if as_json:
        print(json.dumps(reproduction.as_json(found), indent=2))
    else:
        console.reproduction_tables(found)
    sys.exit(0 if found.is_reproduced else 1)


@app.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write the schemas that the YAML files name.")] = False,
) -> None:
    """The JSON Schema of a config."""
    from experiments.config import json_schema
    from experiments.files import write_json

    if write:
        for name, content in json_schema.of_files().items():
            write_json(json_schema.FOLDER / f"{name}.json", content)
            print(json_schema.FOLDER / f"{name}.json")
    else:
        print(json.dumps(json_schema.of_config(), indent=2))


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Data sets to fetch.")] = None,
    cache_dir: Annotated[str | None, typer.Option(help="Where they are kept; default: Keras' own folder.")] = None,
    mirror: Annotated[str | None, typer.Option(help="Address of a folder that holds the official files.")] = None,
) -> None:
    """Which data sets are on this machine; with names: fetch those that are not."""
    from experiments import console, datasets

    for name in names or []:
        datasets.fetch(name, cache_dir, mirror)
    states, problems = [], []
    for name in names or datasets.NAMES:
        try:
            states.append(datasets.status(name, cache_dir))
        except UserError as error:
            problems.append(str(error))
    console.data_table(states)
    if problems:
        raise UserError("\n".join(problems))
