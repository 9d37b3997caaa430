"""G and D that are told a label: which digit to draw, and which one a picture should show.

    Trainer(G=ConditionalGenerator(G, 10), D=ConditionalDiscriminator(D), data=digits, ...)

The trainer sees `G.n_classes`, draws pictures with their labels, and hands the same labels to both players
(conditional GANs: Mirza & Osindero 2014). One change in each: G's z begins with the label as a 1 among 0s,
and D gives a logit for each label, of which the one in question counts.
"""

import torch
from torch import nn


class ConditionalGenerator(nn.Module):
    """(z [n, *z_shape], y [n]) -> pictures [n, C, H, W] of the classes y.

    The inner G gets z with `classes` numbers in front, 1 for the class and 0 elsewhere: its z_dim is
    `classes` more than the noise that chooses among pictures of one class.
    """

    def __init__(self, G, classes=10):
        super().__init__()
        if not 1 < classes < G.z_dim:
            raise ValueError(f"classes must be 2 or more and fewer than z_dim; got {classes}")
        self.G, self.n_classes = G, classes
        self.z_dim = G.z_dim - classes
        self.z_shape = (self.z_dim, *G.z_shape[1:])

    def forward(self, z, y):
        _check_labels(y, len(z), self.n_classes)
        one_hot = nn.functional.one_hot(y, self.n_classes).to(z)  # [n, classes]
        one_hot = one_hot.view(len(z), self.n_classes, *[1] * (z.ndim - 2))
        return self.G(torch.cat([one_hot, z], dim=1))


class ConditionalDiscriminator(nn.Module):
    """(x, y [n]) -> logits [n]: the inner D gives one for each class, [n, classes], and y's counts.

    Its last layer is a row of weights for each class: the logit is the product of y's row with D's
    features of x, a projection on the class (Miyato & Koyama 2018, without the part that all share).
    """

    def __init__(self, D):
        super().__init__()
        self.D = D

    def forward(self, x, y):
        return self.D(x).gather(1, y[:, None]).squeeze(1)  # [n, classes] -> [n]


class LabelBlind(nn.Module):
    """(x, y) -> D(x): a discriminator that is never told the label, to see what that costs."""

    def __init__(self, D):
        super().__init__()
        self.D = D

    def forward(self, x, y):
        return self.D(x)


def _check_labels(y, n, classes):
    if y.shape != (n,) or torch.is_floating_point(y):
        raise ValueError(
            f"y must be {n} whole numbers, one for each z; got {y.dtype} {list(y.shape)}"
        )
    if n and not (y.min() >= 0 and y.max() < classes):
        raise ValueError(f"labels go from 0 to {classes - 1}; got {y.min()} to {y.max()}")
