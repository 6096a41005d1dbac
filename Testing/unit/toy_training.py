"""A small task for the training loop, and a command that trains it, to be killed or run twice.

python -m Testing.unit.toy_training FOLDER EPOCHS [--resume] [--accumulate N] [--limit BYTES]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.training.engine import Settings, train_fold
from HNCLogic.training.ranks import ranks


class Toy:
    """Which of two noisy patterns is in a small volume; batch norm and dropout included."""

    monitor = "accuracy"

    def __init__(self, plain: bool = False, size: int = 4, count: int = 6):
        self.plain, self.size, self.count = plain, size, count
        rng = np.random.default_rng(7)
        self.pattern = rng.standard_normal((1, 4, 4, 4)).astype(np.float32)

    def network(self):
        import torch
        from torch import nn

        torch.set_num_threads(1)
        # Before batch norm a bias has no gradient but rounding, which Adam would blow up.
        layers = [nn.Conv3d(1, 4, 3, padding=1, bias=self.plain)]
        if not self.plain:
            layers += [nn.BatchNorm3d(4), nn.ReLU(), nn.Dropout(0.3)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0))

    def optimiser(self, network):
        import torch

        return torch.optim.Adam(network.parameters(), 3e-3)

    def schedule(self, optimiser):
        import torch

        return torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.99)

    def micro_batches(self, epoch):
        return self.count

    def micro_batch(self, epoch, index, rng):
        truth = rng.integers(0, 2, self.size).astype(np.float32)
        noise = rng.standard_normal((self.size, 1, 4, 4, 4)).astype(np.float32)
        return noise + 0.6 * self.pattern * truth[:, None, None, None, None], truth

    def loss(self, output, truth):
        import torch

        return torch.nn.functional.binary_cross_entropy_with_logits(output, truth)

    def validate(self, network):
        import torch

        values, truth = self.micro_batch(0, 0, np.random.default_rng(1))
        given = torch.from_numpy(values).to(next(network.parameters()).device)
        said = network(given).detach().float().cpu().numpy() > 0
        return {"accuracy": float((said == truth).mean())}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("epochs", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--limit", type=int, help="largest file, as on a disk that fills up")
    options = parser.parse_args()
    settings = Settings(
        options.epochs, patience=99, accumulate=options.accumulate, device="cpu", precision="fp32"
    )

    def watch(history, left):
        if options.limit and len(history) == 2:
            import resource
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (options.limit, options.limit))
        print(len(history), flush=True)

    try:
        with ranks() as several:
            train_fold(
                Toy(), options.folder, settings, ranks=several, resume=options.resume, watch=watch
            )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
