"""The treatments of chapter 08's trial: a baseline that collapses, and one change of it at a time.

Two families, the article's: changes of the architecture and changes of the training strategy. All
get the same compute: a treatment whose step costs twice as much takes half as many steps
(`cost`, measured by benchmarks/treatment_cost.py). What helps is for the trial to say, not for us.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from ganedu import data, losses, penalties
from ganedu.diagnostics import mode_coverage
from ganedu.networks import FourierFeatures, MinibatchStd, MLPGenerator, Packed, he_init, leaky, mlp
from ganedu.trainer import Trainer, cosine, geometric

BUDGET = 4000  # steps of the baseline; other treatments take BUDGET / cost
CLASSROOM = 10_000  # steps of the best recipe in a minute on one core
SAMPLES = 2500  # to judge, as published
POINTS = {"ring": data.ring(8, std=0.01), "grid": data.grid(5, spacing=0.5, std=0.0125)}


@dataclass(frozen=True)
class Treatment:
    """One change of the baseline."""

    family: str  # "architecture", "training" or "both"
    trainer: Callable  # (p_data, seed, steps) -> Trainer
    cost: float  # time of a step, in steps of the baseline


# ---- points in the plane -------------------------------------------------------------------------


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


def points(p_data, seed, steps, *, G=MLPGenerator, D=critic, **changes):
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
    return points(p_data, seed, steps, **{**settings, **changes})


class Unrolled(Trainer):
    """G answers to the D of `ahead` steps from now (Metz et al. 2017), by plain gradient steps."""

    ahead, step_size = 5, 0.1

    def _g_step(self, real, fake, watch):
        weights = dict(self.D.named_parameters())
        for _ in range(self.ahead):
            weights = self._later(weights, real, fake)
        loss = self.loss.g(functional_call(self.D, weights, (fake,)))
        watch(loss, "generator", self.step)
        self.opt_G.zero_grad()
        slopes = torch.autograd.grad(loss, list(self.G.parameters()))  # D's weights get none
        for weight, slope in zip(self.G.parameters(), slopes):
            weight.grad = slope
        self.opt_G.step()
        return loss.detach()

    def _later(self, weights, real, fake):
        """D's weights after one step of gradient descent, as a function of the fakes."""
        judge = partial(functional_call, self.D, weights)
        loss = self.loss.d(judge((real,)), judge((fake,)))
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        return {name: w - self.step_size * s for (name, w), s in zip(weights.items(), slopes)}


def _wgan_gp(p_data, seed, steps):
    settings = {"loss": losses.wasserstein, "penalty": penalties.gradient_penalty, "d_steps": 5}
    return points(p_data, seed, steps, **settings, betas=(0.0, 0.9))


def _r1(p_data, seed, steps):
    return points(p_data, seed, steps, penalty=partial(penalties.r1, gamma=0.05))


def _relativistic_r1_r2(p_data, seed, steps):
    return annealed(p_data, seed, steps, penalty_schedule=None)


def _packed(m):
    return partial(points, D=lambda: Packed(critic(d=2 * m), m))


def best_for_points(p_data, seed, steps):
    """What the course uses: the annealed recipe, a deeper and wider G, a D whose fine waves fade."""
    G, D = partial(MLPGenerator, width=192, depth=4), partial(critic, fade=1.0)
    return annealed(p_data, seed, steps, G=G, D=D)


def _with(**D):
    return partial(points, D=partial(critic, **D))


def _wider(p_data, seed, steps):
    G, D = partial(MLPGenerator, width=256), partial(critic, width=256)
    return points(p_data, seed, steps, G=G, D=D)


FOR_POINTS = {
    "baseline": Treatment("none", points, 1.0),
    "plain coordinates": Treatment("architecture", _with(waves=False), 0.9),
    "fading waves": Treatment("architecture", _with(fade=1.0), 1.05),
    "wider networks": Treatment("architecture", _wider, 2.3),
    "deeper generator": Treatment(
        "architecture", partial(points, G=partial(MLPGenerator, depth=4)), 1.3
    ),
    "minibatch std": Treatment("architecture", _with(batch_std=True), 1.35),
    "packing by 2": Treatment("architecture", _packed(2), 0.85),
    "packing by 4": Treatment("architecture", _packed(4), 0.8),
    "spectral norm": Treatment("architecture", _with(spectral=True), 1.4),
    "five steps for D": Treatment("training", partial(points, d_steps=5), 3.2),
    "two time scales": Treatment("training", partial(points, lr_g=2.5e-4), 1.0),
    "averaged G (EMA)": Treatment("training", partial(points, ema=0.999), 1.0),
    "least squares": Treatment("training", partial(points, loss=losses.least_squares), 0.95),
    "hinge": Treatment("training", partial(points, loss=losses.hinge), 0.95),
    "WGAN-GP": Treatment("training", _wgan_gp, 6.1),
    "R1": Treatment("training", _r1, 1.6),
    "unrolled": Treatment("training", partial(points, kind=Unrolled), 8.0),
    "relativistic": Treatment("training", partial(points, loss=losses.relativistic), 1.05),
    "relativistic + R1 + R2": Treatment("training", _relativistic_r1_r2, 2.1),
    "the same, annealed": Treatment("training", annealed, 2.1),
    "annealed, fading, larger G": Treatment("both", best_for_points, 2.9),
}


def judge_points(trainer, p_data):
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


def run_points(treatment, p_data, seed, steps=None):
    """Train one treatment with one seed, for its share of the budget; what was measured."""
    steps = steps or round(BUDGET / treatment.cost)
    trainer, begin = treatment.trainer(p_data, seed, steps), time.process_time()
    for _ in trainer.steps(steps):
        pass
    cpu_seconds = time.process_time() - begin  # fair on a busy machine, unlike the clock
    return {**judge_points(trainer, p_data), "cpu_seconds": cpu_seconds}


def trial(name):
    """The trial's recipes on "ring", "grid" or "stacked": {treatment: function(seed, steps=None)}."""
    return {
        key: partial(run_points, treatment, POINTS[name]) for key, treatment in FOR_POINTS.items()
    }
