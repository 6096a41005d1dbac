"""Loss functions of the methods, on logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ABSENT_VOXELS = 100  # outlined where a class is not, that cost half of ``absent_weight``
RARELY_WRONG = 0.1  # weight of tumour voxels for the second channel, as a share of the first's


def focal(
    logits: torch.Tensor, targets: torch.Tensor, gamma: float = 2.0, alpha: float = 0.25
) -> torch.Tensor:
    """Focal binary cross-entropy, mean over the batch (Lin et al. 2017, equation 5).

    ``logits`` and ``targets`` (0 or 1) are (batch,); ``alpha`` weighs the positives, 1 - ``alpha``
    the negatives.
    """
    import torch

    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    right = torch.exp(-plain)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return (weight * (1 - right) ** gamma * plain).mean()


def tumour_channel_loss(
    channels: torch.Tensor, mask: torch.Tensor, lesion_weight: float = 3.0
) -> torch.Tensor:
    """Cross-entropy of the probability 1 - exp(-channel), summed over the two channels.

    Of ``networks.tumour_channels``: the first shall miss little, the second rarely be wrong.

    ``channels`` (batch, 2, z', y', x'), ``mask`` (batch, z, y, x) of 0 and 1. A coarse voxel
    counts as tumour by the share of it that is. Elsewhere the loss is the channel itself, which
    drives it to zero and not only toward it.
    """
    import torch

    channels = channels.float()
    share = torch.nn.functional.adaptive_avg_pool3d(mask[:, None], channels.shape[2:])
    there = -torch.log(-torch.expm1(-channels.clamp(min=1e-3)))
    weights = torch.tensor([lesion_weight, lesion_weight * RARELY_WRONG], device=channels.device)
    each = (weights[:, None, None, None] * share * there + (1 - share) * channels).mean(
        (0, 2, 3, 4)
    )
    return each.sum()


def dice_and_cross_entropy(
    logits: torch.Tensor,
    classes: torch.Tensor,
    lesion_weight: float = 1.0,
    absent_weight: float = 0.0,
) -> torch.Tensor:
    """1 - soft Dice, mean over the foreground classes, plus cross-entropy (Nikulin et al. 2023).

    ``logits`` (batch, class, z, y, x), ``classes`` (batch, z, y, x) integers. MONAI's DiceCELoss
    over the whole batch; ``lesion_weight`` weighs foreground voxels in the cross-entropy. Hardly
    smoothed: a class that is not in the batch then has no gradient of Dice. Smoothed by a voxel,
    small batches, of which most hold no node, were seen to teach that there are none.

    ``absent_weight`` adds what is outlined of a class that the batch has not: this weight times
    n / (n + ``ABSENT_VOXELS``), n the sum of its probabilities, as a mean over the foreground
    classes. Without it only the cross-entropy, in which a hot tonsil is a few voxels among many,
    says that patients without cancer have none.
    """
    import torch
    from monai.losses import DiceCELoss

    weight = torch.full((logits.shape[1],), lesion_weight, device=logits.device)
    weight[0] = 1.0
    loss = DiceCELoss(
        include_background=False,
        to_onehot_y=True,
        softmax=True,
        batch=True,
        smooth_nr=1e-5,
        smooth_dr=1e-5,
    )
    loss.cross_entropy.weight = weight
    total = loss(logits.float(), classes[:, None])
    if not absent_weight:
        return total
    outlined = logits.float().softmax(dim=1)[:, 1:].sum((0, 2, 3, 4))
    there = torch.stack([(classes == c).any() for c in range(1, logits.shape[1])])
    return total + absent_weight * (~there * outlined / (outlined + ABSENT_VOXELS)).mean()


def soft_dice_counts(
    probabilities: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """For each class: twice the overlap, and the sum of both, (class,) each; to be added up.

    ``probabilities`` (batch, class, z, y, x), ``classes`` (batch, z, y, x) integers. Their
    quotient over many patients is the pooled soft Dice.
    """
    import torch

    truth = torch.nn.functional.one_hot(classes.long(), probabilities.shape[1]).movedim(-1, 1)
    axes = (0, 2, 3, 4)
    overlap = (probabilities * truth).sum(axes, dtype=torch.float64)
    return 2 * overlap, probabilities.sum(axes, dtype=torch.float64) + truth.sum(axes)
