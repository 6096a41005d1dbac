"""ROIAlign against the definition, written out point by point in numpy."""

import numpy as np
import pytest
import torch

from HNCLogic.networks.roi_align import roi_align


def value_at(plane, y, x):
    """Bilinear; up to one pixel outside as at the border, beyond that 0."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(np.floor(y)), int(np.floor(x))
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = plane[top, left] * (1 - dx) + plane[top, right] * dx
    lower = plane[below, left] * (1 - dx) + plane[below, right] * dx
    return upper * (1 - dy) + lower * dy


def by_definition(plane, box, size, scale, samples):
    x0, y0, x1, y1 = (edge * scale - 0.5 for edge in box)
    cell = np.array([(y1 - y0) / size, (x1 - x0) / size])
    out = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            for i in range(samples):
                for j in range(samples):
                    y = y0 + (row + (i + 0.5) / samples) * cell[0]
                    x = x0 + (column + (j + 0.5) / samples) * cell[1]
                    out[row, column] += value_at(plane, y, x) / samples**2
    return out


@pytest.mark.parametrize(
    "box",
    [
        (11.3, 20.1, 60.7, 44.2),  # within
        (-6.0, -20.0, 30.0, 25.0),  # beyond the first corner, partly by more than a pixel
        (40.0, 30.0, 140.0, 80.0),  # beyond the last one
        (30.0, 30.0, 31.0, 31.0),  # far smaller than a feature
    ],
)
def test_values_are_those_of_the_definition(box):
    features = np.random.default_rng(3).normal(size=(2, 3, 7, 10)).astype(np.float32)
    boxes = torch.tensor([box, (8.0, 8.0, 48.0, 40.0)])
    found = roi_align(torch.from_numpy(features), boxes, size=5).numpy()
    assert found.shape == (2, 3, 5, 5)
    for image in range(2):
        for channel in range(3):
            wanted = by_definition(features[image, channel], boxes[image].tolist(), 5, 1 / 8, 2)
            np.testing.assert_allclose(found[image, channel], wanted, atol=1e-5)


def test_cells_of_whole_features_are_those_features():
    features = torch.arange(48.0).reshape(1, 1, 6, 8)
    found = roi_align(features, torch.tensor([[16.0, 8.0, 40.0, 32.0]]), size=3, samples=1)
    assert torch.allclose(found[0, 0], features[0, 0, 1:4, 2:5])


def test_gradient_reaches_features_within_the_box_only():
    features = torch.ones(1, 1, 8, 8, requires_grad=True)
    roi_align(features, torch.tensor([[0.0, 0.0, 24.0, 24.0]]), size=2).sum().backward()
    assert features.grad[0, 0, :3, :3].abs().min() > 0
    assert features.grad[0, 0, 5:, :].abs().max() == 0
    assert features.grad[0, 0, :, 5:].abs().max() == 0
