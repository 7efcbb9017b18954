"""The JSON Schema of a config and of each group's YAML files, by which editors complete and check them."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from experiments.config.schema import (
    DatasetConfig,
    ExperimentConfig,
    ModelConfig,
    OptimizerConfig,
    TrackerConfig,
    TrainerConfig,
)

FOLDER = Path(__file__).parent / "schemas"
# What Hydra adds to a YAML file beside the experiment's own keys.
HYDRA_KEYS = {"defaults": {"type": "array"}, "hydra": {"type": "object"}}


def of_config() -> dict[str, Any]:
    """The schema of a whole, composed config: `config.yaml` of a run folder."""
    return ExperimentConfig.model_json_schema()


def of_files() -> dict[str, dict[str, Any]]:
    """Name of a schema file → the schema of the YAML files that name it."""
    groups: dict[str, Any] = {
        "dataset": DatasetConfig,
        "model": ModelConfig,
        "optimizer": OptimizerConfig,
        "trainer": TrainerConfig,
        "tracker": TrackerConfig,
    }
    schemas = {group: TypeAdapter(kind).json_schema() for group, kind in groups.items()}
    schemas |= {"trainer": _extending(schemas["trainer"]), "config": _extending(of_config())}
    return schemas | {"experiment": schemas["config"]}


def _extending(schema: dict[str, Any]) -> dict[str, Any]:
    """For a file that extends others: it may hold only some of the keys, and a defaults list."""
    partial = _partial(schema)
    return partial | {"properties": partial["properties"] | HYDRA_KEYS}


def _partial(node: Any) -> Any:
    """The same schema for a file that holds only some of the keys; values may be Hydra's interpolations."""
    if isinstance(node, dict):
        if "discriminator" in node:  # which kind it is may stand in another file
            options = {key: value for key, value in node.items() if key not in ("oneOf", "discriminator")}
            return options | {"anyOf": _partial(node["oneOf"])}
        return {key: _partial(value) for key, value in node.items() if key not in ("required", "pattern")}
    return [_partial(item) for item in node] if isinstance(node, list) else node
