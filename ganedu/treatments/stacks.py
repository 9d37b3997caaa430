"""Treatments of collapse on stacked mini-digits: 1000 modes, three 8x8 digits as colour channels.

The convolutional pair has no batch norm in the baseline: with it, nothing collapses here.
"""

import time
from functools import cache, partial

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.classifier import train_classifier
from ganedu.diagnostics import stacked_coverage
from ganedu.networks import MinibatchStd, Packed, leaky
from ganedu.trainer import Trainer, cosine, geometric
from ganedu.treatments.base import Treatment

BUDGET = 2000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 1000  # steps of WGAN-GP, the best here, in about a minute on one core
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
    return _he_init(G)


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
    _he_init(D)
    for layer in [m for m in D.modules() if isinstance(m, nn.Conv2d)] if spectral else []:
        spectral_norm(layer)
    return D


def _norms(batch_norm):
    return (lambda c: [nn.BatchNorm2d(c)]) if batch_norm else (lambda c: [])


def _he_init(net):
    """He et al. 2015 for LeakyReLU of slope .2: normal weights, zero biases."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            mode = "fan_out" if isinstance(layer, nn.ConvTranspose2d) else "fan_in"
            nn.init.kaiming_normal_(layer.weight, a=0.2, mode=mode)  # transposed: axes swapped
            nn.init.zeros_(layer.bias)
    return net


def baseline(p_data, seed, steps, *, G=drawer, D=critic, kind=Trainer, **changes):
    """The baseline with `changes`: non-saturating, networks made by G() and D()."""
    torch.manual_seed(seed)
    usual = {"batch": 64, "lr_g": LR, "lr_d": LR, "seed": seed, "precision": torch.float32}
    return kind(G=G(), D=D(), data=p_data, **{**usual, **changes})


def relativistic_r1_r2(p_data, seed, steps, **changes):
    """Relativistic loss with R1 + R2."""
    settings = {"loss": losses.relativistic, "penalty": partial(penalties.r1_r2, gamma=0.1)}
    return baseline(p_data, seed, steps, **{**settings, **changes})


def annealed(p_data, seed, steps, **changes):
    """The same with larger steps that end at 0, a weight that falls tenfold, and an averaged G."""
    settings = {"lr_g": 1e-3, "lr_d": 1e-3, "ema": 0.998, "schedule": cosine(steps)}
    settings["penalty_schedule"] = geometric(steps, 0.1)
    return relativistic_r1_r2(p_data, seed, steps, **{**settings, **changes})


def wgan_gp(p_data, seed, steps):
    """Wasserstein loss with gradient penalty, five steps of D for each of G."""
    settings = {"loss": losses.wasserstein, "penalty": penalties.gradient_penalty, "d_steps": 5}
    return baseline(p_data, seed, steps, **settings, betas=(0.0, 0.9))


def _packed(m):
    return partial(baseline, D=lambda: Packed(critic(pictures=m), m))


def _with(**D):
    return partial(baseline, D=partial(critic, **D))


def _batch_norm(p_data, seed, steps):
    G, D = partial(drawer, batch_norm=True), partial(critic, batch_norm=True)
    return baseline(p_data, seed, steps, G=G, D=D)


TREATMENTS = {
    "baseline": Treatment("none", baseline, 1.0),
    "batch norm in both": Treatment("architecture", _batch_norm, 1.3),
    "minibatch std": Treatment("architecture", _with(batch_std=True), 1.1),
    "packing by 2": Treatment("architecture", _packed(2), 0.9),
    "spectral norm": Treatment("architecture", _with(spectral=True), 1.3),
    "slower D": Treatment("training", partial(baseline, lr_d=LR / 4), 1.0),
    "larger steps": Treatment("training", partial(baseline, lr_g=2 * LR, lr_d=2 * LR), 1.0),
    "hinge": Treatment("training", partial(baseline, loss=losses.hinge), 1.0),
    "WGAN-GP": Treatment("training", wgan_gp, 6.0),
    "R1": Treatment("training", partial(baseline, penalty=partial(penalties.r1, gamma=0.1)), 1.7),
    "relativistic": Treatment("training", partial(baseline, loss=losses.relativistic), 1.05),
    "relativistic + R1 + R2": Treatment("training", relativistic_r1_r2, 2.2),
    "R1 + R2 annealed + EMA": Treatment("training", annealed, 2.2),
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
        "d_updates": trainer.step * trainer.d_steps,
        "g_updates": trainer.step,
    }


def run(treatment, seed, steps=None):
    """Train one treatment with one seed on stacked digits; what was measured."""
    steps = steps or round(BUDGET / treatment.cost)
    trainer = treatment.trainer(data.stacked_digits(), seed, steps)
    begin = time.process_time()
    for _ in trainer.steps(steps):
        pass
    cpu_seconds = time.process_time() - begin
    return {**judge(trainer), "cpu_seconds": cpu_seconds}
