"""Treatments of collapse on stacked mini-digits: 1000 modes, three 8x8 digits as colour channels.

The convolutional pair has no batch norm in the baseline: with it, nothing collapses here.
"""

from dataclasses import replace
from functools import cache, partial

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.classifier import train_classifier
from ganedu.diagnostics import stacked_coverage
from ganedu.networks import MinibatchStd, Packed, leaky
from ganedu.recipe import Recipe
from ganedu.trainer import cosine, geometric
from ganedu.treatments.base import Treatment

BUDGET = 2000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 1000  # steps of WGAN-GP in about a minute on one core
SAMPLES = 26_000  # to judge, as published
LR = 5e-4  # Adam's step size for both


def drawer(*, width=16, z_dim=100, batch_norm=False):
    """G for stacks: z [n, z_dim, 1, 1] -> x [n, 3, 8, 8]; 1 -> 2 -> 4 -> 4 -> 8 -> 8 pixels."""
    w, norm = width, _norms(batch_norm)
    G = nn.Sequential(
        *(nn.ConvTranspose2d(z_dim, 4 * w, 2, 1, 0), *norm(4 * w), leaky()),
        *(nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), *norm(2 * w), leaky()),
        *(nn.Conv2d(2 * w, 2 * w, 3, 1, 1), *norm(2 * w), leaky()),
        *(nn.ConvTranspose2d(2 * w, w, 4, 2, 1), *norm(w), leaky()),
        *(nn.Conv2d(w, 3, 3, 1, 1), nn.Tanh()),
    )
    G.z_dim, G.z_shape = z_dim, (z_dim, 1, 1)
    return he_init(G)


def critic(*, pictures=1, width=16, batch_norm=False, batch_std=False, spectral=False):
    """D for stacks: x [n, 3 pictures, 8, 8] -> logits [n]; the mirror image of `drawer`."""
    w, norm = width, _norms(batch_norm)
    D = nn.Sequential(
        *(nn.Conv2d(3 * pictures, w, 3, 1, 1), leaky()),
        *(nn.Conv2d(w, 2 * w, 4, 2, 1), *norm(2 * w), leaky()),
        *(nn.Conv2d(2 * w, 2 * w, 3, 1, 1), *norm(2 * w), leaky()),
        *(nn.Conv2d(2 * w, 4 * w, 4, 2, 1), *norm(4 * w), leaky()),
        *([MinibatchStd()] if batch_std else []),
        *(nn.Conv2d(4 * w + batch_std, 1, 2, 1, 0), nn.Flatten(0)),
    )
    he_init(D)
    for layer in [m for m in D.modules() if isinstance(m, nn.Conv2d)] if spectral else []:
        spectral_norm(layer)
    return D


class Regrouped(nn.Module):
    """The same numbers in other examples, [n, ...] -> [m, *shape]: stacks become digits, or back."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape)


def painter(*, width=256, z_dim=100):
    """G that knows what a stack is: of z [n, z_dim] three plans, one network paints each: [n, 3, 8, 8]."""
    w = width
    G = nn.Sequential(
        *(nn.Linear(z_dim, 2 * w), leaky(), nn.Linear(2 * w, 3 * 64), Regrouped(64)),
        *(nn.Linear(64, w), leaky(), nn.Linear(w, w), leaky(), nn.Linear(w, 64), nn.Tanh()),
        Regrouped(3, 8, 8),
    )
    G.z_dim, G.z_shape = z_dim, (z_dim,)
    return he_init(G)


def viewer(*, width=256):
    """D that looks at each digit with the same eyes, then at all three: x [n, 3, 8, 8] -> logits [n]."""
    w = width
    D = nn.Sequential(
        Regrouped(64),
        *(nn.Linear(64, w), leaky(), nn.Linear(w, w), leaky(), nn.Linear(w, 64), leaky()),
        Regrouped(3 * 64),
        *(nn.Linear(3 * 64, w), leaky(), nn.Linear(w, 1), nn.Flatten(0)),
    )
    return he_init(D)


def _norms(batch_norm):
    return (lambda c: [nn.BatchNorm2d(c)]) if batch_norm else (lambda c: [])


def he_init(net):
    """He et al. 2015 for LeakyReLU of slope .2: normal weights, zero biases."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            mode = "fan_out" if isinstance(layer, nn.ConvTranspose2d) else "fan_in"
            nn.init.kaiming_normal_(layer.weight, a=0.2, mode=mode)  # transposed: axes swapped
            nn.init.zeros_(layer.bias)
    return net


BASELINE = Recipe(
    data=data.stacked_digits,
    G=drawer,
    D=critic,
    steps=BUDGET,
    batch=64,
    lr_g=LR,
    lr_d=LR,
    precision=torch.float32,
)
WGAN_GP = {"loss": losses.wasserstein, "penalty": penalties.gradient_penalty, "d_steps": 5}
# One weight for all arms, unsearched: at ten times this one the ordinary loss does as well as the
# relativistic one (benchmarks/stacks_that_draw.py heavier; chapter 08).
R1, R2 = partial(penalties.r1, gamma=0.1), partial(penalties.r2, gamma=0.1)
R1_R2 = replace(BASELINE, loss=losses.relativistic, penalty=partial(penalties.r1_r2, gamma=0.1))
# The same with larger steps that end at 0, a weight that falls tenfold, and an averaged G.
ANNEALED = replace(
    R1_R2,
    lr_g=2 * LR,
    lr_d=2 * LR,
    ema=0.998,
    schedule=cosine,
    penalty_schedule=partial(geometric, end=0.1),
)

# What draws: networks that know that a stack is three digits (benchmarks/stacks_that_draw.py).
DRAWING = replace(
    BASELINE,
    G=painter,
    D=viewer,
    steps=8000,
    lr_g=2 * LR,
    lr_d=2 * LR,
    loss=losses.relativistic,
    penalty=R1,
    ema=0.999,
    schedule=cosine,
)


def _but(family, cost, **changes):
    return Treatment(family, replace(BASELINE, **changes), cost)


TREATMENTS = {
    "baseline": _but("none", 1.0),
    "batch norm in both": _but(
        "architecture", 1.3, G=partial(drawer, batch_norm=True), D=partial(critic, batch_norm=True)
    ),
    "minibatch std": _but("architecture", 1.1, D=partial(critic, batch_std=True)),
    "packing by 2": _but("architecture", 0.9, D=partial(Packed, partial(critic, pictures=2), 2)),
    "spectral norm": _but("architecture", 1.3, D=partial(critic, spectral=True)),
    "slower D": _but("training", 1.0, lr_d=LR / 4),
    "larger steps": _but("training", 1.0, lr_g=2 * LR, lr_d=2 * LR),
    "hinge": _but("training", 1.0, loss=losses.hinge),
    "WGAN-GP": _but("training", 6.0, **WGAN_GP, betas=(0.0, 0.9)),
    "R1": _but("training", 1.7, penalty=R1),
    "R2": _but("training", 1.7, penalty=R2),
    "R1 + R2": _but("training", 2.2, penalty=partial(penalties.r1_r2, gamma=0.1)),
    "relativistic": _but("training", 1.05, loss=losses.relativistic),
    "relativistic + R1": Treatment("training", replace(R1_R2, penalty=R1), 1.75),
    "relativistic + R2": Treatment("training", replace(R1_R2, penalty=R2), 1.75),
    "relativistic + R1 + R2": Treatment("training", R1_R2, 2.2),
    "R1 + R2 annealed + EMA": Treatment("training", ANNEALED, 2.2),
}


@cache
def classifier():
    """The course's classifier, trained once in a process on four fifths of the digits."""
    return train_classifier(data.small_digits().split()[0], progress=False)


def judge(trainer):
    """What the trial measures of a generator of stacks."""
    found = stacked_coverage(trainer.sample(SAMPLES).cpu(), classifier())
    return {
        "modes": found.modes,
        "quality": found.sure,
        "reverse_kl": found.reverse_kl,
        "sure_modes": found.sure_modes,
    }
