"""What launchers refuse before anything starts, and jobs that find themselves on a machine without their folder."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from experiments import launch
from experiments.config.hydra_groups import BASIC_LAUNCHER, LAUNCHERS
from experiments.config.launchers import refusals
from experiments.errors import UserError
from experiments.sweeps.jobs import run_anywhere
from tests.conftest import PROJECT, environment, run_command

WITHOUT = """
import runpy, sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("launcher", "package", "extra"),
    [("ray", "ray", "ray"), ("submitit_local", "submitit", "slurm"), ("submitit_slurm", "submitit", "slurm")],
)
def test_a_launcher_whose_package_is_missing_is_refused_before_anything_is_written(tmp_path, launcher, package, extra):
    arguments = [package, str(PROJECT / "runner.py"), "-m", f"hydra/launcher={launcher}", "seed=1,2"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"hydra/launcher={launcher}: needs the package {package}, which is not installed;"
        f" in the project's folder: pip install -e '.[{extra}]'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        (
            "joblib",
            {"n_jobs": 0},
            "hydra.launcher.n_jobs: received 0, expected a number of processes, at least 1, or -1 for one a core",
        ),
        (
            "joblib",
            {"num_cpus": 1},
            "hydra.launcher.num_cpus: belongs to hydra/launcher=ray; here it is joblib; remove it",
        ),
        (
            "basic",
            {"n_jobs": 2},
            "hydra.launcher.n_jobs: belongs to hydra/launcher=joblib; here it is basic; add hydra/launcher=joblib",
        ),
        ("joblib", {"jobs": 2}, "hydra.launcher.jobs: unknown key. Did you mean n_jobs?"),
        (
            "submitit_local",
            {"slurm_setup": ["rm -rf ~"]},
            "hydra.launcher.slurm_setup: unknown key. hydra/launcher=submitit_local has timeout_min, cpus_per_task,"
            " gpus_per_node, mem_gb, cluster.",
        ),
        ("ray", {"num_cpus": 0}, "hydra.launcher.num_cpus: received 0, expected a whole number, at least 1"),
        ("ray", {"num_cpus": "2"}, "hydra.launcher.num_cpus: received '2', expected a whole number, at least 1"),
        (
            "ray",
            {"num_gpus": 1.5},
            "hydra.launcher.num_gpus: received 1.5, expected a whole number of GPUs, or a part of one, such as 0.5",
        ),
        (
            "ray",
            {"address": 6379},
            "hydra.launcher.address: received 6379, expected auto, HOST:PORT, or null for a Ray of the sweep's own",
        ),
        (
            "submitit_local",
            {"timeout_min": None},
            "hydra.launcher.timeout_min: received null, expected a whole number, at least 1",
        ),
        (
            "submitit_slurm",
            {"mem_gb": 0},
            "hydra.launcher.mem_gb: received 0, expected a number above 0, or null for the cluster's default",
        ),
        (
            "submitit_slurm",
            {"slurm_partition": "gpu\nrm -rf ~"},
            "hydra.launcher.slurm_partition: received 'gpu\\nrm -rf ~', expected a name on one line, or null",
        ),
    ],
)
def test_values_that_no_launcher_can_use_are_named(name, options, line):
    assert refusals({"basic": BASIC_LAUNCHER, **LAUNCHERS}[name] | options) == [line]


def test_a_sweep_for_slurm_needs_slurm(tmp_path):
    pytest.importorskip("submitit")
    done = run_command(tmp_path, "runner.py", "-m", "hydra/launcher=submitit_slurm", "seed=1,2", PATH="")
    assert done.status == 2
    assert done.err == (
        "hydra/launcher=submitit_slurm: there is no srun on this machine, expected one that submits to Slurm;"
        " hydra/launcher=joblib runs jobs on this machine\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_more_cores_a_job_than_this_machine_has_are_refused():
    launcher = LAUNCHERS["ray"] | {"num_cpus": 100_000}
    (line,) = refusals(launcher)
    assert line.startswith("hydra.launcher.num_cpus: received 100000, expected at most ")
    assert refusals(launcher | {"address": "auto"}) == []


def test_a_job_on_a_machine_without_the_sweeps_folder_says_so(tmp_path):
    with pytest.raises(UserError) as caught:
        run_anywhere(tmp_path / "sweep", Path.cwd(), ["hydra.sweep.subdir=0"], ())
    assert str(caught.value) == (
        f"{tmp_path / 'sweep'}: is not there on {socket.gethostname()}, expected on every machine that runs jobs: the"
        " sweep's folder and the one it was started in must be on a file system that all of them share"
    )


def test_a_sweeps_config_is_not_shown_by_hydra():
    with pytest.raises(UserError, match=r"--cfg, -m: give one of the two; --cfg shows the config of one run"):
        launch.prepare(["-m", "seed=1,2", "--cfg", "job"], ExitStack())
