"""A generator of digits, trained before: `make.py` made it, `results/pretrained.json` says how good it is.

Ten judges are more than 0.9 sure of 96 to 98% of its digits (of 92 to 94% of real ones that they have not
seen). No digit is a copy, yet they lie a little nearer to the training set than fresh ones would
(`memorisation`: 0.60, where fresh ones have 0.5), and their recall is 0.77, that of real ones 0.90.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ganedu.conditional import ConditionalGenerator
from ganedu.networks import DCGANGenerator

FILE = Path(__file__).parent / "digits.npz"


class Digits(nn.Module):
    """z [n, *z_shape] -> digits [n, 1, 28, 28] in [-1, 1]: z chooses which, unless y [n] does.

    The largest of z's first `n_classes` numbers is the choice, so all are drawn alike often; the others
    are the z of the ConditionalGenerator `G`.
    """

    def __init__(self, G):
        super().__init__()
        self.G, self.n_classes = G, G.n_classes
        self.z_dim = G.n_classes + G.z_dim
        self.z_shape = (self.z_dim, *G.z_shape[1:])

    def label(self, z):
        """The digits that z [n, *z_shape] chooses: [n], 0 to n_classes - 1."""
        return z[:, : self.n_classes].flatten(1).argmax(1)

    def forward(self, z, y=None):
        return self.G(z[:, self.n_classes :], self.label(z) if y is None else y)


def digits_generator(file=FILE):
    """The trained generator, ready to draw: `G(z)`, or `G(z, y)` for digits y [n] of your choice.

    z = latent(G, n, rng). The largest of z's first ten numbers chooses the digit, the others how it
    is written.
    """
    with np.load(file) as found:
        weights = {name: torch.from_numpy(found[name].astype(np.float32)) for name in found.files}
    z_dim, wide = weights["G.net.0.weight"].shape[:2]
    G = ConditionalGenerator(DCGANGenerator(z_dim=z_dim, width=wide // 4))
    G.load_state_dict(weights)
    return Digits(G).eval().requires_grad_(False)


def save(G, file):
    """Write a ConditionalGenerator's weights in float16: half the size, and no one sees it."""
    state = {name: value.cpu() for name, value in G.state_dict().items()}
    halves = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    np.savez_compressed(file, **{name: value.numpy() for name, value in halves.items()})
