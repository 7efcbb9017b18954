"""`python -m experiments`."""

from experiments.entry import main

main()
