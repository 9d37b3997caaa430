"""Treatments of collapse on points in the plane: a baseline that collapses, and one change at a time.

Each arm has one main number, searched among three values on seeds that the trial does not use
(benchmarks/trial.py search); `CHOSEN` is what the search said. The costs are measured by
benchmarks/treatment_cost.py; `DATA` are the published ring and grid.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.diagnostics import mode_coverage
from ganedu.networks import FourierFeatures, MinibatchStd, MLPGenerator, Packed, he_init, leaky, mlp
from ganedu.recipe import Recipe
from ganedu.trainer import cosine, geometric
from ganedu.treatments.base import Search, Treatment

BUDGET = 4000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 10_000  # steps of the combination in a minute on one core
SAMPLES = 2500  # to judge, as published
MADE = {
    "ring": partial(data.ring, 8, std=0.01),
    "grid": partial(data.grid, 5, spacing=0.5, std=0.0125),
}
DATA = {name: make() for name, make in MADE.items()}


def critic(*, d=2, width=128, waves=True, fade=0.0, batch_std=False, spectral=False):
    """D for points: x [n, d] -> logits [n]; sees waves of x, two hidden layers."""
    see = FourierFeatures(fade=fade) if waves else nn.Identity()
    inside = see.out_dim(d) if waves else d
    body = nn.Sequential(mlp([inside, width, width], leaky), leaky())
    last = nn.Linear(width + batch_std, 1)
    D = nn.Sequential(
        see, body, MinibatchStd() if batch_std else nn.Identity(), last, nn.Flatten(0)
    )
    he_init(D)
    for layer in [m for m in D.modules() if isinstance(m, nn.Linear)] if spectral else []:
        spectral_norm(layer)
    return D


class Noisy(nn.Module):
    """D that sees each point with Gaussian noise of its own: x [n, d] -> logits [n]."""

    def __init__(self, D, sigma):
        super().__init__()
        self.D, self.sigma = D, sigma

    def forward(self, x):
        return self.D(x + self.sigma * torch.randn_like(x))


# Small networks and batches, so that twenty seeds of every arm are an hour on one core.
SMALL = {"batch": 64, "G": partial(MLPGenerator, width=64), "D": partial(critic, width=64)}
BASELINE = Recipe(data=MADE["ring"], **SMALL, steps=BUDGET, lr_g=1e-3, lr_d=1e-3, schedule=cosine)
WGAN_GP = {"loss": losses.wasserstein, "d_steps": 5, "betas": (0.0, 0.9)}
# What the course uses for its minute: the relativistic loss, R1 + R2 of a weight that falls from .05
# to .0002, larger networks and batches, a deeper G, a D whose fine waves fade.
COMBINATION = replace(
    BASELINE,
    batch=256,
    G=partial(MLPGenerator, width=192, depth=4),
    D=partial(critic, fade=1.0),
    loss=losses.relativistic,
    penalty=partial(penalties.r1_r2, gamma=0.05),
    penalty_schedule=partial(geometric, end=0.004),
)


def left_over(weight):
    """What the ablation leaves of it: R2 that fades from this weight to .0002, fading waves, a larger G.

    Step size, batch and width of G were chosen among ten settings of the same cost on seed 0.
    """
    return replace(
        COMBINATION,
        G=partial(MLPGenerator, width=128, depth=4),
        loss=losses.nonsaturating,
        penalty=partial(penalties.r2, gamma=weight),
        penalty_schedule=partial(geometric, end=0.0002 / weight),
        lr_g=2e-3,
        lr_d=2e-3,
    )


FIRST_WEIGHTS = (0.05, 0.5, 5.0)  # searched: benchmarks/trial.py minute_search
LEFT_OVER = left_over(0.5)
MINUTE = 9000  # steps of what is left over in a minute of one core


def baseline(p_data, seed, steps):
    """A trainer of the baseline."""
    return replace(BASELINE, steps=steps).trainer(seed, data=p_data)


def combination(p_data, seed, steps):
    """A trainer of what the course uses for its minute."""
    return replace(COMBINATION, steps=steps).trainer(seed, data=p_data)


# ---- the arms, each with what is searched --------------------------------------------------------

STEP_SIZES, WEIGHTS = (3e-4, 1e-3, 3e-3), (0.01, 0.05, 0.25)


def _arm(family, what, values, cost, change):
    """An arm for each value; `cost` is a number, or one for each value."""
    costs = cost if isinstance(cost, tuple) else (cost,) * len(values)
    arms = {
        value: Treatment(family, replace(BASELINE, **change(value)), c)
        for value, c in zip(values, costs, strict=True)
    }
    return Search(what, arms)


def _by_step_size(family, cost, **changes):
    return _arm(
        family, "Adam's step size", STEP_SIZES, cost, lambda lr: {"lr_g": lr, "lr_d": lr, **changes}
    )


def _by_weight(cost, penalty, values=WEIGHTS, number="gamma", **changes):
    def change(value):
        return {"penalty": partial(penalty, **{number: value}), **changes}

    return _arm("training", "weight of the penalty", values, cost, change)


def _small(**changes):
    return partial(critic, width=64, **changes)


PAIR = {"loss": losses.relativistic}
FACTORS = {
    "baseline": _by_step_size("none", 1.0),
    "R1": _by_weight(1.6, penalties.r1),
    "R2": _by_weight(1.6, penalties.r2),
    "R1 + R2": _by_weight(2.1, penalties.r1_r2),
    "relativistic": _by_step_size("training", 1.05, **PAIR),
    "relativistic + R1": _by_weight(1.65, penalties.r1, **PAIR),
    "relativistic + R2": _by_weight(1.65, penalties.r2, **PAIR),
    "relativistic + R1 + R2": _by_weight(2.1, penalties.r1_r2, **PAIR),
}
OTHERS = {
    "other step size": _arm(
        "training", "Adam's step size", (3e-4, 3e-3), 1.0, lambda lr: {"lr_g": lr, "lr_d": lr}
    ),
    "WGAN-GP": _by_weight(
        6.1, penalties.gradient_penalty, (0.1, 1.0, 10.0), number="weight", **WGAN_GP
    ),
    "plain coordinates": _by_step_size("architecture", 0.9, D=_small(waves=False)),
    "packing": _arm(
        "architecture",
        "points in a pack",
        (2, 4, 8),
        1.1,
        lambda m: {"D": partial(Packed, _small(d=2 * m), m)},
    ),
    "minibatch std": _by_step_size("architecture", 1.35, D=_small(batch_std=True)),
    "instance noise": _arm(
        "training",
        "standard deviation of the noise",
        (0.03, 0.1, 0.3),
        1.15,
        lambda sigma: {"D": partial(Noisy, _small(), sigma)},
    ),
    "hinge": _by_step_size("training", 0.95, loss=losses.hinge),
    "larger batch": _arm(
        "training", "points in a batch", (128, 256, 512), (1.3, 1.8, 3.5), lambda n: {"batch": n}
    ),
    "larger z": _arm(
        "architecture",
        "dimensions of z",
        (8, 32, 128),
        1.0,
        lambda n: {"G": partial(MLPGenerator, z_dim=n, width=64)},
    ),
}
ANNEALED = {**PAIR, "penalty": partial(penalties.r1_r2, gamma=0.05)}
OTHERS["R1 + R2 annealed"] = _arm(
    "training",
    "the weight's last share",
    (0.1, 0.02, 0.004),
    2.1,
    lambda end: {**ANNEALED, "penalty_schedule": partial(geometric, end=end)},
)
SEARCHED = FACTORS | OTHERS
CHOSEN = {
    "baseline": 1e-3,
    "R1": 0.25,
    "R2": 0.25,
    "R1 + R2": 0.01,
    "relativistic": 1e-3,
    "relativistic + R1": 0.25,
    "relativistic + R2": 0.05,
    "relativistic + R1 + R2": 0.25,
    "other step size": 3e-4,
    "WGAN-GP": 1.0,
    "plain coordinates": 3e-3,
    "packing": 4,
    "minibatch std": 3e-4,
    "instance noise": 0.3,
    "hinge": 3e-4,
    "larger batch": 512,
    "larger z": 32,
    "R1 + R2 annealed": 0.1,
}
TREATMENTS = {name: search.arms[CHOSEN[name]] for name, search in SEARCHED.items()}

# The combination in small, and each of its six changes taken away.
ALL_SIX = replace(
    BASELINE,
    **ANNEALED,
    penalty_schedule=partial(geometric, end=0.004),
    G=partial(MLPGenerator, width=96, depth=4),
    D=_small(fade=1.0),
)
ABLATED = {
    "all six": ALL_SIX,
    "without the relativistic loss": replace(ALL_SIX, loss=losses.nonsaturating),
    "without R1": replace(ALL_SIX, penalty=partial(penalties.r2, gamma=0.05)),
    "without R2": replace(ALL_SIX, penalty=partial(penalties.r1, gamma=0.05)),
    "without annealing": replace(ALL_SIX, penalty_schedule=None),
    "without fading waves": replace(ALL_SIX, D=_small()),
    "without a larger G": replace(ALL_SIX, G=SMALL["G"]),
}


def judge(trainer):
    """What the trial measures of a trained generator of points."""
    return measured(trainer.sample(SAMPLES).cpu(), trainer.data)


def measured(x, mixture):
    """The published numbers, and `overlap`: good samples, none counted beyond its mode's due share.

    Overlap is the share of the truth that good samples make up: a G that sits on one of k modes has at
    most 1/k, one that smears has at most its quality; a perfect one has about .97.
    """
    found = mode_coverage(x, mixture)
    share = found.counts / len(x)
    return {
        "modes": found.modes,
        "quality": found.quality,
        "reverse_kl": found.reverse_kl,
        "overlap": float(torch.minimum(share, found.weights).sum()),
    }
