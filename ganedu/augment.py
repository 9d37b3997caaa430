"""Augmentations that a gradient passes through, for D's eyes only (Zhao et al. 2020, *DiffAugment*).

    D = Augmented(DCGANDiscriminator())

With few examples D learns them by heart. Here it never sees a picture twice in the same place and light,
neither a real one nor a generated one. As both are changed alike, G need not draw what the changes leave
behind; as the change of its fakes is differentiable, G learns through it. Each picture has draws of its own.
"""

import torch
from torch import nn


def shifted(x, rng=None, *, reach=1 / 8, blank=-1.0):
    """Pictures [n, C, H, W], each moved by up to `reach` of its sides; what comes in is `blank`."""
    n, _, height, width = x.shape
    most = max(1, round(reach * height)), max(1, round(reach * width))
    dy, dx = (torch.randint(-m, m + 1, (n, 1), generator=rng, device=x.device) for m in most)
    rows = torch.arange(height, device=x.device) + dy  # [n, H]: which row comes here
    columns = torch.arange(width, device=x.device) + dx  # [n, W]
    picture = torch.arange(n, device=x.device)[:, None, None]
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None]  # [n, H, W]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    moved = x.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None]]  # [n, H, W, C]
    return torch.where(inside[:, None], moved.permute(0, 3, 1, 2), blank)


def brightened(x, rng=None, *, amount=0.5):
    """Pictures [n, C, H, W], each lighter or darker by one number from -amount to amount."""
    return x + amount * (2 * _uniform(x, rng) - 1)


def contrasted(x, rng=None, *, amount=0.5):
    """Pictures [n, C, H, W], each drawn out from its mean by a factor from 1 - amount to 1 + amount."""
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * (1 + amount * (2 * _uniform(x, rng) - 1))


def cut_out(x, rng=None, *, share=0.4, blank=-1.0):
    """Pictures [n, C, H, W], each with a square hole of `share` of its sides, centred anywhere."""
    inside = [
        (torch.arange(side, device=x.device) - side * _uniform(x, rng)[:, :, 0]).abs()
        <= share * side / 2
        for side in x.shape[2:]
    ]  # [n, 1, H], [n, 1, W]
    hole = inside[0][:, :, :, None] & inside[1][:, :, None]  # [n, 1, H, W]
    return torch.where(hole, blank, x)


def differentiable(x, rng=None):
    """All of them: light, contrast, place and a hole."""
    for change in (brightened, contrasted, shifted, cut_out):
        x = change(x, rng)
    return x


class Augmented(nn.Module):
    """D that sees every picture changed, in training mode; in evaluation mode as it is.

    Draws come from torch's own generator, as dropout's do, so a resumed run goes on with the same ones.
    """

    def __init__(self, D, change=differentiable):
        super().__init__()
        self.D, self.change = D, change

    def forward(self, x):
        return self.D(self.change(x) if self.training else x)


def _uniform(x, rng):
    """A number from 0 to 1 for each picture: [n, 1, 1, 1]."""
    return torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device)


def _within(index, size):
    return (index >= 0) & (index < size)
