"""Kill a run at random moments, resume it each time, and compare its end with that of a run that was left alone.

    python -m tests.faults.random_kills --kills 20 --seed 7 FOLDER

RELIABILITY 7: progress never goes back, the end is exact. FOLDER is made where it is not there.
"""

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

from tests.faults import runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    reference, folder = arguments.folder / "reference", arguments.folder / "struck"
    for old in (reference, folder):
        shutil.rmtree(old, ignore_errors=True)

    began = time.monotonic()
    status, _, err = runs.finish(runs.start(reference))
    assert status == 0, err
    lasts = time.monotonic() - began
    progress = ""
    for kill in range(1, arguments.kills + 1):
        process = runs.resume(folder) if (folder / "run.json").exists() else runs.start(folder)
        try:
            process.wait(timeout=chance.uniform(0.2, lasts))
            print(f"kill {kill}: the run had ended (status {process.returncode})")
            assert process.returncode == 0
        except TimeoutError:
            raise
        except Exception:  # subprocess.TimeoutExpired: it is still running
            process.kill()
            process.communicate()
        reached = runs.checkpoints(folder)[-1].name if runs.checkpoints(folder) else ""
        print(f"kill {kill}: newest checkpoint {reached or 'none'}", flush=True)
        assert reached >= progress, f"progress went back from {progress} to {reached}"
        progress = reached
    process = runs.resume(folder) if (folder / "run.json").exists() else runs.start(folder)
    status, _, err = runs.finish(process)
    assert status == 0, err
    runs.assert_exact(folder, reference)
    print(f"exact after {arguments.kills} kills (seed {arguments.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
