"""The one runner: `python runner.py dataset=cifar10 model=relu_1024_512`; see --help."""

from pathlib import Path

from experiments import missing, waiting

try:
    from experiments.signals import stop

    stop.install()  # before the imports that take a second
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from experiments import launch
except ImportError as error:
    missing.leave(error)


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(cfg: DictConfig) -> str:
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    if job.mode is RunMode.MULTIRUN:
        from experiments.sweeps.conduct import run_job

        return launch.job(lambda: run_job(folder), in_sweep=True)

    with waiting.said("loading libraries …"):
        from experiments.experiment import run_experiment  # only once there is something to run

    config, command = launch.checked()  # of which `cfg` is Hydra's own record
    return launch.job(lambda: run_experiment(config, folder, command), in_sweep=False)


if __name__ == "__main__":
    launch.main(run)
