"""A game on pairs (x, y): which digit, and its picture (conditional GANs: Mirza & Osindero 2014).

The label travels with the picture as one more channel, so the trainer, the losses and the penalties on
slopes need not know of labels. Only two wrappers do, one about each player, and the data:

    Trainer(G=ConditionalGenerator(G, 10), D=ConditionalDiscriminator(D), data=Pairs(digits), ...)

Not for `gradient_penalty`, which mixes a real and a generated example: two labels have no mixture.
"""

from dataclasses import dataclass

import torch
from torch import nn


def pair(x, y):
    """Pictures x [n, C, H, W] and labels y [n] -> pairs [n, C + 1, H, W]: the last channel is y."""
    channel = y.to(x).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel], dim=1)


def unpair(pairs):
    """Pairs [n, C + 1, H, W] -> (pictures [n, C, H, W], labels [n])."""
    return pairs[:, :-1], pairs[:, -1, 0, 0].long()


@dataclass
class Pairs:
    """Labelled pictures as pairs: what `data.labelled(n, rng)` draws, [n, C + 1, H, W]."""

    data: object  # .labelled(n, rng) -> (x [n, C, H, W], y [n])

    def sample(self, n, rng):
        """Draw n pairs [n, C + 1, H, W] on the generator's device."""
        return pair(*self.data.labelled(n, rng))


class ConditionalGenerator(nn.Module):
    """z -> pairs: the largest of z's first `classes` numbers chooses the label, all alike often.

    The inner G gets z with those numbers replaced by a 1 for the label and 0 elsewhere: its z_dim is
    `classes` more than the noise that remains to choose among pictures of one label.
    """

    def __init__(self, G, classes=10):
        super().__init__()
        if not 1 < classes < G.z_dim:
            raise ValueError(f"classes must be 2 or more and fewer than z_dim; got {classes}")
        self.G, self.classes = G, classes
        self.z_dim, self.z_shape = G.z_dim, G.z_shape

    def label(self, z):
        """The labels that z [n, *z_shape] chooses: [n], 0 to classes - 1."""
        return z[:, : self.classes].flatten(1).argmax(1)

    def draw(self, z, y=None):
        """Pictures [n, C, H, W] of z; with labels y [n], of those instead of z's own."""
        y = self.label(z) if y is None else y
        _check_labels(y, len(z), self.classes)
        one_hot = nn.functional.one_hot(y, self.classes).to(z)  # [n, classes]
        one_hot = one_hot.view(len(z), self.classes, *[1] * (z.ndim - 2))
        return self.G(torch.cat([one_hot, z[:, self.classes :]], dim=1))

    def forward(self, z):
        y = self.label(z)
        return pair(self.draw(z, y), y)  # [n, C + 1, H, W]


class ConditionalDiscriminator(nn.Module):
    """Pairs -> logits [n]: the inner D gives one for each label, [n, classes], and the pair's counts."""

    def __init__(self, D):
        super().__init__()
        self.D = D

    def forward(self, pairs):
        x, y = unpair(pairs)
        return self.D(x).gather(1, y[:, None]).squeeze(1)  # [n, classes] -> [n]


def _check_labels(y, n, classes):
    if y.shape != (n,) or torch.is_floating_point(y):
        raise ValueError(
            f"y must be {n} whole numbers, one for each z; got {y.dtype} {list(y.shape)}"
        )
    if n and not (y.min() >= 0 and y.max() < classes):
        raise ValueError(f"labels go from 0 to {classes - 1}; got {y.min()} to {y.max()}")
