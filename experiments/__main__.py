"""`python -m experiments`."""

from experiments import missing

try:
    from experiments.cli import main
except ImportError as error:
    missing.leave(error)

main()
