"""Chapter 00: noise for the generator, and the share that D calls real."""

import numpy as np
import torch
from torch.nn.functional import sigmoid


def noise_by_normal(n, rng):
    return torch.normal(0.0, 1.0, (n, 2), generator=rng)


def noise_row_by_row(n, rng):
    return torch.stack([torch.randn(2, generator=rng) for _ in range(n)])


def noise_in_place(n, rng):
    return torch.empty(n, 2).normal_(generator=rng)


def noise_reseeded(n, rng):
    return torch.randn(n, 2, generator=rng.manual_seed(0))


RIGHT = {
    "turn_noise": [noise_by_normal, noise_row_by_row, noise_in_place],
    "turn_share": [
        lambda s: (s.sigmoid() > 0.5).float().mean(),
        lambda s: sum(float(x) > 0 for x in s) / len(s),
        lambda s: (np.asarray(s) > 0).mean(),
        lambda s: torch.heaviside(s, torch.zeros(1)).mean(),
        lambda s: 1 - (s <= 0).double().mean(),
    ],
}
WRONG = {
    "turn_noise": [
        ("UNIFORM-NOISE", lambda n, rng: torch.empty(n, 2).uniform_(generator=rng)),
        ("NOT-STANDARD", lambda n, rng: 2 * torch.rand(n, 2, generator=rng) - 1),
        ("NOT-GAUSSIAN", lambda n, rng: 3.4641 * (torch.rand(n, 2, generator=rng) - 0.5)),
        ("GLOBAL-RNG", lambda n, rng: torch.randn(n, 2) + 0 * torch.randn(1, generator=rng)),
        ("RNG-REWOUND", noise_reseeded),
        ("ONE-DRAW", lambda n, rng: torch.randn(1, 2, generator=rng).repeat(n, 1)),
        ("SHAPE", lambda n, rng: torch.randn(n, 1, 2, generator=rng)),
        ("NOTHING-RETURNED", lambda n, rng: None),
        ("NOT-A-TENSOR", lambda n, rng: np.random.default_rng(0).normal(size=(n, 2))),
    ],
    "turn_share": [
        ("HALF-FOR-ZERO", lambda s: torch.gt(s, 0.5).sum() / s.numel()),
        ("MEAN-OF-PROBABILITIES", lambda s: (1 / (1 + torch.exp(-s))).mean()),
        ("THE-OTHER-SIDE", lambda s: (sigmoid(s) < 0.5).float().mean()),
        ("COUNT-NOT-SHARE", lambda s: int((s > 0).sum())),
        ("UNREDUCED", lambda s: s > 0),
        ("NOT-A-NUMBER", lambda s: f"{(s > 0).float().mean():.0%}"),
        ("MEAN-OF-LOGITS", lambda s: s.sum() / len(s)),
    ],
}
