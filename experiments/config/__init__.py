"""What an experiment is: schema, mistakes in words, and the way from a command line to checked configs.

Importing the package costs pydantic only; Hydra is imported with `experiments.config.composition`.
"""

from experiments.config.reference import ReferenceConfig
from experiments.config.schema import (
    DatasetConfig,
    ExperimentConfig,
    MLPConfig,
    ModelConfig,
    OptimizerConfig,
    TrackerConfig,
    TrainerConfig,
)

__all__ = [
    "DatasetConfig",
    "ExperimentConfig",
    "MLPConfig",
    "ModelConfig",
    "OptimizerConfig",
    "ReferenceConfig",
    "TrackerConfig",
    "TrainerConfig",
]
