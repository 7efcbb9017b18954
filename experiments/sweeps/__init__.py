"""Sweeps: a plan that is checked before it starts, a ledger that outlives whatever happens, a leaderboard."""
