"""Exact samplers, without any training: some perfect, the others wrong in one known way.

The doctor must never call the wrong ones healthy, and the perfect ones seldom anything else
(`benchmarks/doctor.py --samplers`). Each is a function (n, rng) -> x [n, d] beside its truth.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import index

import torch

from ganedu.data import Mixture, grid, ring
from ganedu.doctor import Run

RING = ring(8)
RARE = ring(8, weights=torch.tensor([0.01, *[0.99 / 7] * 7]))
LOPSIDED = Mixture(torch.tensor([[0.0, 0.0], [2.0, 0.0]]), 0.1, torch.tensor([0.93, 0.07]), "93%")
WIDTHS = Mixture(RING.means, torch.linspace(0.02, 0.12, 8), RING.weights, "unequal widths")
HIGH = Mixture(3 * torch.eye(16)[:8], 0.5, torch.full((8,), 1 / 8), "16 dimensions")


class Crescent:
    """A distribution without modes: an arc with Gaussian thickness."""

    def sample(self, n, rng):
        angle = math.pi * torch.rand(n, 1, generator=rng)
        radius = 1 + 0.1 * torch.randn(n, 1, generator=rng)
        return radius * torch.cat([angle.cos(), angle.sin()], 1)

    def log_prob(self, x):
        radius, angle = x.norm(dim=1), torch.atan2(x[:, 1], x[:, 0])
        outside = torch.where((angle > 0) & (angle < math.pi), 0.0, -math.inf)
        thick = -(((radius - 1) / 0.1) ** 2) / 2 - math.log(0.1 * math.sqrt(2 * math.pi))
        return outside + thick - math.log(math.pi) - radius.log()


@dataclass(frozen=True)
class Sampler:
    """A truth, and what draws in its place."""

    truth: object
    draw: Callable  # (n, rng) -> x [n, d]
    n: int = 1000
    examples: int = 0  # so many training examples, of which `draw` gets the set: (n, rng, train)


def perfect(truth, n=1000):
    return Sampler(truth, truth.sample, n)


PERFECT = {
    "ring": perfect(RING),
    "ring of few samples": perfect(RING, 400),
    "uneven ring": perfect(ring(8, weights=torch.tensor([8, 1, 4, 2, 8, 1, 4, 2]) / 30)),
    "100 modes": perfect(grid(10), 800),
    "144 modes": perfect(grid(12)),
    "one Gaussian": perfect(Mixture(torch.zeros(1, 2), 1.0, torch.ones(1))),
    "a mode with 93%": perfect(LOPSIDED),
    "16 dimensions": perfect(HIGH),
    "unequal widths": perfect(WIDTHS),
    "no modes": perfect(Crescent()),
}


def junk(share, n, rng):
    """A share of the samples is strewn over the square."""
    x = RING.sample(n, rng)
    k = round(share * n)
    x[:k] = 3 * torch.rand(k, 2, generator=rng) - 1.5
    return x


def moved(stds, truth, n, rng):
    """All samples lie so many standard deviations to the right."""
    return truth.sample(n, rng) + stds * truth.widths.mean() * torch.eye(truth.means.shape[1])[0]


def scaled(factor, truth, n, rng):
    """The modes are so many times as wide."""
    mode = truth.labelled(n, rng)[1]
    noise = torch.randn(n, truth.means.shape[1], generator=rng)
    return truth.means[mode] + factor * truth.widths[mode, None] * noise


def shares(weights, n, rng, truth=RING):
    """The right modes in other shares."""
    weights = torch.tensor(weights, dtype=torch.float32)
    return Mixture(truth.means, truth.std, weights / weights.sum()).sample(n, rng)


def copies(share, n, rng, train):
    """A share of the samples are training examples."""
    x = RING.sample(n, rng)
    k = round(share * n)
    x[:k] = train[torch.randint(len(train), (k,), generator=rng)]
    return x


def one_wide(n, rng):
    """One of eight modes is twice as wide."""
    x, mode = RING.labelled(n, rng)
    first = mode == 0
    x[first] = RING.means[0] + 2 * (x[first] - RING.means[0])
    return x


def turned_modes(n, rng):
    """Each mode is a line, as long as it should be."""
    x, mode = RING.labelled(n, rng)
    along = RING.means / RING.means.norm(dim=1, keepdim=True)
    inside = ((x - RING.means[mode]) * along[mode]).sum(1, keepdim=True)
    return RING.means[mode] + 1.41 * inside * along[mode]


def points(n, rng):
    """Two hundred right points, again and again."""
    return RING.sample(200, rng)[torch.randint(200, (n,), generator=rng)]


def half_arc(n, rng):
    """The crescent without its last third."""
    angle = math.pi * (1 - torch.rand(n, 1, generator=rng) * 2 / 3)
    radius = 1 + 0.1 * torch.randn(n, 1, generator=rng)
    return radius * torch.cat([angle.cos(), angle.sin()], 1)


WRONG = {f"{share:.0%} junk": Sampler(RING, partial(junk, share)) for share in (0.1, 0.2, 0.3, 0.4)}
WRONG |= {
    f"moved by {s} std": Sampler(RING, partial(moved, s, RING)) for s in (0.4, 0.8, 1.2, 1.8, 2.4)
}
WRONG |= {
    f"{f} times as wide": Sampler(RING, partial(scaled, f, RING)) for f in (0.52, 0.6, 0.8, 1.4, 2)
}
WRONG |= {
    f"{share:.0%} copies of {k}": Sampler(RING, partial(copies, share), examples=k)
    for share, k in ((0.1, 500), (0.2, 500), (0.4, 500), (0.6, 500), (0.2, 4000), (0.4, 4000))
}
WRONG |= {
    "a 1% mode never made": Sampler(RARE, partial(shares, [0, *[1] * 7])),
    "a 1% mode never made, 5,000 samples": Sampler(RARE, partial(shares, [0, *[1] * 7]), 5000),
    "a mode at 25%": Sampler(RING, partial(shares, [0.25, *[1] * 7])),
    "a mode never made": Sampler(RING, partial(shares, [0, *[1] * 7])),
    "one mode twice as wide": Sampler(RING, one_wide),
    "lines": Sampler(RING, turned_modes),
    "200 points": Sampler(RING, points),
    "93% only": Sampler(LOPSIDED, partial(shares, [1, 0], truth=LOPSIDED)),
    "wide in 16 dimensions": Sampler(HIGH, partial(scaled, 1.2, HIGH)),
    "moved in 16 dimensions": Sampler(HIGH, partial(moved, 0.4, HIGH)),
    "equal widths": Sampler(WIDTHS, Mixture(RING.means, 0.07, RING.weights).sample),
    "two thirds of the arc": Sampler(Crescent(), half_arc),
    "a thin arc": Sampler(Crescent(), lambda n, rng: _thinner(Crescent().sample(n, rng))),
}


def _thinner(x):
    radius = x.norm(dim=1, keepdim=True)
    return x / radius * (1 + 0.5 * (radius - 1))


def sampled_run(sampler, seed):
    """A run of six looks at an exact sampler, after a first one at noise."""
    rng = torch.Generator().manual_seed(index(seed))
    train = sampler.truth.sample(sampler.examples, rng) if sampler.examples else None
    more = () if train is None else (train,)
    looks = [sampler.draw(sampler.n, rng, *more) for _ in range(6)]
    start = 0.3 * torch.randn(looks[0].shape, generator=rng)
    rows = [{"step": 100 * i, "d_accuracy": 0.5} for i in range(7)]
    return Run(rows, torch.stack([start, *looks]), sampler.truth, train)
