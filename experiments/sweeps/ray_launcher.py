"""`hydra/launcher=ray`: each job is a task of Ray's, on this machine or on a cluster.

Hydra's own Ray launcher runs a job again whose worker was killed, forgets the others when one is lost, and asks for
packages that nothing here needs.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, setup_globals

from experiments.config.mistakes import shown
from experiments.errors import UserError
from experiments.signals import stop
from experiments.sweeps.jobs import GRACE_SECONDS, JobsLauncher, number_of, run_anywhere, thread_budget
from experiments.sweeps.ledger import PENDING, Ledger
from experiments.text import plain

CONNECT_SECONDS = 5
STORE_BYTES = 80 * 2**20  # about Ray's least: jobs hand results over in files


class RayLauncher(JobsLauncher):
    """Runs jobs as tasks of Ray's, each with so many cores and GPUs; a worker that dies loses its own job only."""

    def __init__(self, address: str | None = None, num_cpus: int = 1, num_gpus: float = 0) -> None:
        self.address = address
        self.num_cpus = num_cpus
        self.num_gpus = num_gpus

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; what became of them stands in their folders.

        Raises:
            UserError: there is no Ray at the address.
        """
        setup_globals()
        with _connected(self.address, thread_budget(self.num_cpus)) as ray:
            run = ray.remote(num_cpus=self.num_cpus, num_gpus=self.num_gpus, max_retries=0)(run_anywhere)
            where, context = (self.sweep_folder, Path.cwd()), ray.put(self.context)
            tasks = {run.remote(*where, texts, context): number_of(texts) for texts in job_overrides}
            waiting = threading.Thread(target=self._wait, args=(ray, tasks), daemon=True)
            waiting.start()
            try:
                while waiting.is_alive():  # waiting here, Ray would make another exit status of a signal
                    stop.check()
                    waiting.join(0.2)
            except BaseException:
                with stop.held():
                    for task in reversed(tasks):  # those first that have not begun
                        ray.cancel(task)  # a SIGINT in the job's process, wherever it is
                    waiting.join(GRACE_SECONDS)
                    self._wait_for_ends()
                raise
        return []

    def _wait_for_ends(self) -> None:
        """Of cancelled jobs Ray tells at once, when they may still be writing their last checkpoint."""
        deadline = time.monotonic() + GRACE_SECONDS
        ledger = Ledger(self.sweep_folder)
        while any(state.status == "running" for state in ledger.states()) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _wait(self, ray: Any, tasks: dict[Any, int]) -> None:
        """Until all have ended; those that never began are told, as their folders cannot."""
        for task, number in tasks.items():
            try:
                ray.get(task)
            except ray.exceptions.TaskCancelledError:
                continue
            except ray.exceptions.RayError as error:
                if Ledger(self.sweep_folder).state(number).status == PENDING:
                    cause = getattr(error, "cause", None) or error
                    print(f"job {number}: did not begin, {plain(cause)}", file=sys.stderr)


@contextlib.contextmanager
def _connected(address: str | None, variables: dict[str, str]) -> Iterator[Any]:
    """Ray without its chatter: one of this sweep's own, which ends with it, or the one at `address`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died or was killed")  # the ledger tells it
    import ray

    own = {"include_dashboard": False, "object_store_memory": STORE_BYTES} if address is None else {}
    before = signal.getsignal(signal.SIGTERM)
    try:
        if address not in (None, "auto"):  # for one that does not answer Ray would wait for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": variables},
            **own,
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"hydra.launcher.address: received {shown(address)}, expected a Ray that runs, or null for one of the"
            f" sweep's own ({plain(str(error).splitlines()[0])})"
        ) from None
    signal.signal(signal.SIGTERM, before)  # Ray puts a handler of its own in its place
    try:
        yield ray
    finally:
        ray.shutdown()
