"""How a training ended, and what is kept of it: what the rules must know so that no advice contradicts it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.diagnosis.finding import Finding
from experiments.dotted import value_at

EARLY, BUDGET, PRUNED, UNKNOWN = "early_stopping", "max_minutes", "pruned", "unknown"


@dataclass(frozen=True)
class Ending:
    """`stopped_by`: what ended the training before the planned epochs, None where nothing did.

    `kept`: the epoch whose weights the saved model has, None where there is no model or older records do not say.
    """

    status: str
    done: int
    planned: int | None
    stopped_by: str | None
    kept: int | None
    config: Mapping[str, Any]

    @classmethod
    def of(cls, record: Mapping[str, Any], done: int) -> "Ending":
        """By what run.json says of a run that has `done` epochs."""
        config = record.get("config") or {}
        planned = value_at(config, "trainer.epochs")
        planned = planned if isinstance(planned, int) else None
        status = str(record.get("status"))
        ended_early = status == "completed" and planned is not None and 0 < done < planned
        recorded = record.get("stopped_by")
        stopped_by = str(recorded) if recorded else _stopped_by(config) if ended_early else None
        stopped_by = PRUNED if record.get("pruned") else stopped_by
        kept = record.get("kept_epoch")
        kept = kept if isinstance(kept, int) else None
        if kept is None and status == "completed" and done and not _restores(config):
            kept = done
        return cls(status, done, planned, stopped_by, kept, config)

    @property
    def is_finished(self) -> bool:
        """Whether no epoch is to come."""
        return self.status not in ("running", "interrupted")

    @property
    def ends(self) -> str:
        return "ends" if self.is_finished else "is now"

    @property
    def stops_early(self) -> bool:
        """Whether early stopping was on."""
        return value_at(self.config, "trainer.early_stopping.patience") is not None

    @property
    def monitor(self) -> str:
        return str(value_at(self.config, "trainer.early_stopping.monitor") or "val_loss")

    @property
    def longer(self) -> str:
        """What makes another training longer than this one, "" where that is no advice to give."""
        if self.status == "completed":
            advice = {
                None: "Raise trainer.epochs.",
                BUDGET: "Raise trainer.max_minutes.",
                EARLY: "Raise trainer.early_stopping.patience.",
            }
            return advice.get(self.stopped_by, "")
        return ""

    @property
    def shorter(self) -> str:
        """What makes another training shorter than this one."""
        if self.status == "completed":
            advice = {
                None: "Fewer trainer.epochs would do.",
                BUDGET: "Fewer trainer.epochs, or less trainer.max_minutes, would do.",
                EARLY: "A smaller trainer.early_stopping.patience would do.",
            }
            return advice.get(self.stopped_by, "")
        return ""


def of_the_end(ending: Ending, record: Mapping[str, Any]) -> Iterator[Finding]:
    """How the training ended, where not simply after the planned epochs, and which weights are kept."""
    done, planned = ending.done, ending.planned
    if ending.status == "diverged":
        yield _diverged(ending, record)
        return
    kept = ""
    if ending.kept is not None and ending.kept != done:
        kept = f"The weights of epoch {ending.kept}, the best by {ending.monitor}, are kept."
    elif ending.status == "completed" and ending.kept is None and done:
        kept = "Which epoch's weights are kept was not recorded."
    if ending.stopped_by == PRUNED:
        sentence = f"The search gave this run up after epoch {record.get('pruned') or done}."
        yield Finding("pruned", "note", f"{sentence} {kept}".rstrip(), epoch=done)
    elif ending.stopped_by is not None:
        how = {
            EARLY: f"Early stopping ended the training after epoch {done} of {planned}.",
            BUDGET: f"trainer.max_minutes ended the training after epoch {done} of {planned}.",
        }
        sentence = how.get(ending.stopped_by, f"Training ended by itself after epoch {done} of {planned}.")
        yield Finding("stopped", "note", f"{sentence} {kept}".rstrip(), epoch=done)
    elif kept:
        yield Finding("kept", "note", kept, epoch=ending.kept)


def _diverged(ending: Ending, record: Mapping[str, Any]) -> Finding:
    rate = value_at(ending.config, "optimizer.learning_rate")
    high = f" (it is {rate:g})" if isinstance(rate, float | int) else ""
    clips = any(value_at(ending.config, f"optimizer.{key}") for key in ("clipnorm", "global_clipnorm"))
    return Finding(
        "diverged",
        "bad",
        f"The loss diverged: {record.get('error') or 'it was not finite'}.",
        f"The learning rate is too high{high}: try a tenth of optimizer.learning_rate"
        + ("." if clips else ", or optimizer.clipnorm=1.0."),
        ending.done + 1,
    )


def _stopped_by(config: Mapping[str, Any]) -> str:
    """Of a record without `stopped_by`: what its config can have meant."""
    early = value_at(config, "trainer.early_stopping.patience") is not None
    budget = value_at(config, "trainer.max_minutes") is not None
    return UNKNOWN if early == budget else EARLY if early else BUDGET


def _restores(config: Mapping[str, Any]) -> bool:
    """Whether early stopping may have put back the weights of another epoch than the last."""
    early = value_at(config, "trainer.early_stopping") or {}
    return isinstance(early, Mapping) and early.get("patience") is not None and bool(early.get("restore_best_weights"))
