"""How `python -m experiments` and the console script `experiments` begin."""

from experiments import missing


def main() -> None:
    try:
        from experiments.signals import stop

        stop.install()  # before the imports that take a second
        from experiments.cli import main as run
    except ImportError as error:
        missing.leave(error)
    run()
