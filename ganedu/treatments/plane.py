"""Treatments of collapse on points in the plane: a baseline that collapses, and one change at a time.

The costs are measured by benchmarks/treatment_cost.py; `DATA` are the published ring and grid.
"""

from dataclasses import replace
from functools import partial

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.diagnostics import mode_coverage
from ganedu.networks import FourierFeatures, MinibatchStd, MLPGenerator, Packed, he_init, leaky, mlp
from ganedu.recipe import Recipe
from ganedu.trainer import cosine, geometric
from ganedu.treatments.base import Treatment, Unrolled

BUDGET = 4000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 10_000  # steps of the best recipe in a minute on one core
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


BASELINE = Recipe(
    data=MADE["ring"],
    G=MLPGenerator,
    D=critic,
    steps=BUDGET,
    batch=256,
    lr_g=1e-3,
    lr_d=1e-3,
    schedule=cosine,
)
WGAN_GP = {"loss": losses.wasserstein, "penalty": penalties.gradient_penalty, "d_steps": 5}
# The relativistic loss with R1 + R2; then with a weight that falls from .05 to .0002.
R1_R2 = replace(BASELINE, loss=losses.relativistic, penalty=partial(penalties.r1_r2, gamma=0.05))
ANNEALED = replace(R1_R2, penalty_schedule=partial(geometric, end=0.004))
# What the course uses: the annealed recipe, a deeper and wider G, a D whose fine waves fade.
LARGER = partial(MLPGenerator, width=192, depth=4)
BEST = replace(ANNEALED, G=LARGER, D=partial(critic, fade=1.0))


def baseline(p_data, seed, steps):
    """A trainer of the baseline."""
    return replace(BASELINE, steps=steps).trainer(seed, data=p_data)


def best(p_data, seed, steps):
    """A trainer of what the course uses."""
    return replace(BEST, steps=steps).trainer(seed, data=p_data)


def _but(family, cost, **changes):
    return Treatment(family, replace(BASELINE, **changes), cost)


TREATMENTS = {
    "baseline": _but("none", 1.0),
    "plain coordinates": _but("architecture", 0.9, D=partial(critic, waves=False)),
    "fading waves": _but("architecture", 1.05, D=partial(critic, fade=1.0)),
    "wider networks": _but(
        "architecture", 2.3, G=partial(MLPGenerator, width=256), D=partial(critic, width=256)
    ),
    "deeper generator": _but("architecture", 1.3, G=partial(MLPGenerator, depth=4)),
    "minibatch std": _but("architecture", 1.35, D=partial(critic, batch_std=True)),
    "packing by 2": _but("architecture", 0.85, D=partial(Packed, partial(critic, d=4), 2)),
    "packing by 4": _but("architecture", 0.8, D=partial(Packed, partial(critic, d=8), 4)),
    "spectral norm": _but("architecture", 1.4, D=partial(critic, spectral=True)),
    "five steps for D": _but("training", 3.2, d_steps=5),
    "two time scales": _but("training", 1.0, lr_g=2.5e-4),
    "averaged G (EMA)": _but("training", 1.0, ema=0.999),
    "least squares": _but("training", 0.95, loss=losses.least_squares),
    "hinge": _but("training", 0.95, loss=losses.hinge),
    "WGAN-GP": _but("training", 6.1, **WGAN_GP, betas=(0.0, 0.9)),
    "R1": _but("training", 1.6, penalty=partial(penalties.r1, gamma=0.05)),
    "unrolled": _but("training", 8.0, kind=Unrolled),
    "relativistic": _but("training", 1.05, loss=losses.relativistic),
    "relativistic + R1 + R2": Treatment("training", R1_R2, 2.1),
    "R1 + R2 annealed": Treatment("training", ANNEALED, 2.1),
    "best: annealed + fading + larger G": Treatment("both", BEST, 2.9),
}


def judge(trainer):
    """What the trial measures of a trained generator of points."""
    found = mode_coverage(trainer.sample(SAMPLES).cpu(), trainer.data)
    return {"modes": found.modes, "quality": found.quality, "reverse_kl": found.reverse_kl}
