"""Treatments of collapse on points in the plane: a baseline that collapses, and one change at a time.

The costs are measured by benchmarks/treatment_cost.py; `DATA` are the published ring and grid.
"""

import time
from functools import partial

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.diagnostics import mode_coverage
from ganedu.networks import FourierFeatures, MinibatchStd, MLPGenerator, Packed, he_init, leaky, mlp
from ganedu.trainer import Trainer, cosine, geometric
from ganedu.treatments.base import Treatment, Unrolled

BUDGET = 4000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 10_000  # steps of the best recipe in a minute on one core
SAMPLES = 2500  # to judge, as published
DATA = {"ring": data.ring(8, std=0.01), "grid": data.grid(5, spacing=0.5, std=0.0125)}


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


def baseline(p_data, seed, steps, *, G=MLPGenerator, D=critic, **changes):
    """The baseline with `changes`: networks made by G() and D(), the rest fields of the Trainer."""
    torch.manual_seed(seed)
    usual = {"batch": 256, "lr_g": 1e-3, "lr_d": 1e-3, "schedule": cosine(steps), "seed": seed}
    kind = changes.pop("kind", Trainer)
    return kind(G=G(), D=D(), data=p_data, **{**usual, **changes})


def annealed(p_data, seed, steps, **changes):
    """Relativistic loss with R1 + R2, whose weight falls from .05 to .0002."""
    gentle = partial(penalties.r1_r2, gamma=0.05)
    settings = {"loss": losses.relativistic, "penalty": gentle}
    settings["penalty_schedule"] = geometric(steps, 0.004)
    return baseline(p_data, seed, steps, **{**settings, **changes})


def _wgan_gp(p_data, seed, steps):
    settings = {"loss": losses.wasserstein, "penalty": penalties.gradient_penalty, "d_steps": 5}
    return baseline(p_data, seed, steps, **settings, betas=(0.0, 0.9))


def _r1(p_data, seed, steps):
    return baseline(p_data, seed, steps, penalty=partial(penalties.r1, gamma=0.05))


def _relativistic_r1_r2(p_data, seed, steps):
    return annealed(p_data, seed, steps, penalty_schedule=None)


def _packed(m):
    return partial(baseline, D=lambda: Packed(critic(d=2 * m), m))


def best(p_data, seed, steps):
    """What the course uses: the annealed recipe, a deeper and wider G, a D whose fine waves fade."""
    G, D = partial(MLPGenerator, width=192, depth=4), partial(critic, fade=1.0)
    return annealed(p_data, seed, steps, G=G, D=D)


def _with(**D):
    return partial(baseline, D=partial(critic, **D))


def _wider(p_data, seed, steps):
    G, D = partial(MLPGenerator, width=256), partial(critic, width=256)
    return baseline(p_data, seed, steps, G=G, D=D)


TREATMENTS = {
    "baseline": Treatment("none", baseline, 1.0),
    "plain coordinates": Treatment("architecture", _with(waves=False), 0.9),
    "fading waves": Treatment("architecture", _with(fade=1.0), 1.05),
    "wider networks": Treatment("architecture", _wider, 2.3),
    "deeper generator": Treatment(
        "architecture", partial(baseline, G=partial(MLPGenerator, depth=4)), 1.3
    ),
    "minibatch std": Treatment("architecture", _with(batch_std=True), 1.35),
    "packing by 2": Treatment("architecture", _packed(2), 0.85),
    "packing by 4": Treatment("architecture", _packed(4), 0.8),
    "spectral norm": Treatment("architecture", _with(spectral=True), 1.4),
    "five steps for D": Treatment("training", partial(baseline, d_steps=5), 3.2),
    "two time scales": Treatment("training", partial(baseline, lr_g=2.5e-4), 1.0),
    "averaged G (EMA)": Treatment("training", partial(baseline, ema=0.999), 1.0),
    "least squares": Treatment("training", partial(baseline, loss=losses.least_squares), 0.95),
    "hinge": Treatment("training", partial(baseline, loss=losses.hinge), 0.95),
    "WGAN-GP": Treatment("training", _wgan_gp, 6.1),
    "R1": Treatment("training", _r1, 1.6),
    "unrolled": Treatment("training", partial(baseline, kind=Unrolled), 8.0),
    "relativistic": Treatment("training", partial(baseline, loss=losses.relativistic), 1.05),
    "relativistic + R1 + R2": Treatment("training", _relativistic_r1_r2, 2.1),
    "R1 + R2 annealed": Treatment("training", annealed, 2.1),
    "best: annealed + fading + larger G": Treatment("both", best, 2.9),
}


def judge(trainer, p_data):
    """What the trial measures of a trained generator."""
    found = mode_coverage(trainer.sample(SAMPLES).cpu(), p_data)
    g_updates = trainer.step
    return {
        "modes": found.modes,
        "quality": found.quality,
        "reverse_kl": found.reverse_kl,
        "d_updates": g_updates * trainer.d_steps,
        "g_updates": g_updates,
    }


def run(treatment, p_data, seed, steps=None):
    """Train one treatment with one seed, for its share of the budget; what was measured."""
    steps = steps or round(BUDGET / treatment.cost)
    trainer, begin = treatment.trainer(p_data, seed, steps), time.process_time()
    for _ in trainer.steps(steps):
        pass
    cpu_seconds = time.process_time() - begin  # fair on a busy machine, unlike the clock
    return {**judge(trainer, p_data), "cpu_seconds": cpu_seconds}
