"""The two players' state: what D tells apart, and the gradients that still move them."""

import math
from dataclasses import dataclass
from operator import index

import torch

from ganedu.networks import Packed
from ganedu.trainer import evaluating


@dataclass(frozen=True)
class Health:
    """What the two players know and what they still learn, on a fresh batch."""

    d_accuracy: float  # share of real and fake that D tells right: 0.5 is guessing
    d_real: float  # mean of D(x)
    d_fake: float  # mean of D(G(z))
    g_gradient: float  # norm of the gradient that G's loss gives G
    d_gradient: float  # norm of the gradient that D's loss gives D


def health(trainer, n=512, seed=0):
    """Look at both players on n fresh examples (whole packs of them); training is not changed by it."""
    n = max(1, n // _pack(trainer.D)) * _pack(trainer.D)
    rng = torch.Generator(trainer.device).manual_seed(index(seed))
    real, z, G, D = trainer.deal(n, rng)
    with evaluating(trainer.G), evaluating(trainer.D):
        fake = G(z)
        r, f = D(real).float(), D(fake.detach()).float()  # [n], [n]
        d_gradient = _norm(trainer.loss.d(r, f), trainer.D)
        judged = [D(x).float() for x in trainer.loss.for_g(real, fake)]
        g_gradient = _norm(trainer.loss.g(*judged), trainer.G)
    right = ((r > 0).float().mean() + (f < 0).float().mean()) / 2
    d_real, d_fake = r.sigmoid().mean().item(), f.sigmoid().mean().item()
    return Health(right.item(), d_real, d_fake, g_gradient, d_gradient)


def _pack(D):
    """How many examples D judges at once."""
    return math.lcm(*(part.m for part in D.modules() if isinstance(part, Packed)))


def _norm(loss, net):
    """Norm of d loss / d weights, without touching the weights' .grad."""
    weights = [p for p in net.parameters() if p.requires_grad]
    if not loss.requires_grad or not weights:
        return 0.0  # nothing flows: a detached loss
    slopes = torch.autograd.grad(loss, weights, allow_unused=True)
    return math.sqrt(sum(float(s.square().sum()) for s in slopes if s is not None))
