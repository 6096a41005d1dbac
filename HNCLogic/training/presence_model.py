"""The end of a presence run: what each fold says of its validation patients, thresholds, model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.presence_task import PresenceTraining, presence_task
from HNCLogic.training.run_folder import MODEL, fold_weights, seconds_trained
from HNCLogic.training.splits import Fold
from HNCLogic.training.verdicts import Verdicts

if TYPE_CHECKING:
    from HNCLogic.training.run import Order


def finish(
    order: Order,
    chosen: PresenceTraining,
    scans: list[Prepared],
    folds: list[Fold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv`` and the model folder."""
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    verdicts, states = Verdicts(), []
    arguments: dict[str, Any] = {}
    for number, fold in enumerate(folds, start=1):
        validation = [scan for scan in scans if scan.patient in fold.validation]
        train = [scan for scan in scans if scan.patient in fold.train]
        task = presence_task(chosen, train, validation, order.seed, number)
        arguments = task.network_arguments
        network = make("presence", arguments)
        weights = task.completed(fold_weights(order.out, number))
        network.load_state_dict(weights)
        states.append(weights)
        verdicts.add(validation, [task.probability(network, scan) for scan in validation])
    figures = verdicts.written(order.out, say)
    seconds = seconds_trained(order.out, len(folds))
    left_out = {role for role, share in chosen.left_out.items() if share}
    card = common(order, scans, seconds) | {
        "name": order.name or f"presence-{'-'.join(r.lower() for r in chosen.roles)}",
        "method": "presence",
        "network": {"name": "presence", "arguments": arguments},
        "inputs": [{"role": r, "required": r not in left_out} for r in chosen.roles],
        "preprocessing": chosen.preparation.model_dump(mode="json"),
        "classes": ["cancer"],
        "threshold": verdicts.threshold,
        "aggregation": chosen.aggregation,
        "metrics": figures,
        "defaults_taken": settings_in_words(chosen),
    }
    write_model(order.out / MODEL, card, states)
    say(f"{order.out / MODEL}: the model")
