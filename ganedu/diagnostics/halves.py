"""What perfect generators of pictures would score: real pictures against real pictures.

    crowd, held = (Crowd.of(pictures, held_out, train) for pictures in (fake, held_out))
    found, luck = beside(crowd, held, classes=10)
    luck.z(found)  # {"far": 0.3, "sure": 11.2, ...}: by how many SDs each number is off

The held-out pictures are halved, again and again: one half plays the generator, the other the truth. The
patient's pictures face the same halves, and must lie inside the spread of those players: the counterpart of
`perfect`, where the truth can be drawn from.
"""

import math
from dataclasses import dataclass

import torch

from ganedu.diagnostics.copies import nearest
from ganedu.diagnostics.perfect import lucky
from ganedu.metrics import c2st

SPLITS = 30  # of the held-out pictures
TAIL = 0.02  # "nearer, or further, than 98% of real ones"
CERTAIN = 0.9  # the judge is sure of a picture
GRAIN = 0.1  # noise on pictures before a fresh D compares them: real ones have 17 grey levels, fakes all


@dataclass(frozen=True)
class Crowd:
    """What the numbers need of n pictures, so that any part of them can be measured at once."""

    named: torch.Tensor  # [n]
    sure: torch.Tensor  # is the judge more than 90% sure? [n]
    own: torch.Tensor  # distances to each other, infinite to themselves [n, n]
    real: torch.Tensor  # distances to the held-out pictures [n, N]
    copied: torch.Tensor | None  # distance to the nearest training example [n]

    @classmethod
    def of(cls, pictures, held_out, train):
        x, real = pictures.x.flatten(1), held_out.x.flatten(1)
        own = torch.cdist(x, x).fill_diagonal_(math.inf)
        copied = None if train is None else nearest(pictures.x, train)
        return cls(pictures.named, pictures.sure > CERTAIN, own, torch.cdist(x, real), copied)


def vitals(crowd, part, held, half, classes):
    """Numbers of the pictures `part` [m] of a crowd against the held-out ones of `half` [m]."""
    near, near_real = _neighbours(crowd, part), _neighbours(held, half)  # [m], [m]
    found = {
        "far": _share_above(crowd.real[part[:, None], half].min(1).values, near_real),
        "sure": (crowd.sure[part].double().mean() - held.sure[half].double().mean()).item(),
        "apart": _log_mean(near) - _log_mean(near_real),
        "twins": _share_below(near, near_real),
        "poorest": _poorest(crowd, part, held, half, classes),
    }
    if crowd.copied is not None:
        found["copies"] = _share_below(crowd.copied[part], held.copied[half])
    return found


def _neighbours(crowd, part):
    """How far each of the part has its nearest neighbour among the others of it."""
    return crowd.own[part[:, None], part].min(1).values


def _share_above(x, real):
    return (x > real.quantile(1 - TAIL)).double().mean().item()


def _share_below(x, real):
    return (x < real.quantile(TAIL)).double().mean().item()


def _log_mean(distances):
    return distances.clamp(min=0.01).log().mean().item()


def _poorest(crowd, part, held, half, classes, at_least=8):
    """How much nearer neighbours are in the class that has least variety, as a log; nan without any."""
    lacks = [math.nan]
    for k in range(classes):
        a, b = part[crowd.named[part] == k], half[held.named[half] == k]
        n = min(len(a), len(b))
        if n >= at_least:
            lacks.append(_log_mean(_neighbours(held, b[:n])) - _log_mean(_neighbours(crowd, a[:n])))
    return max(lacks[1:], default=math.nan)


def beside(crowd, held, classes):
    """(the numbers of a crowd, the luck of real pictures), both against halves of the held-out ones."""
    rng = torch.Generator().manual_seed(7_220_520)
    n, m = len(crowd.named), min(len(held.named) // 2, len(crowd.named))
    rows, others = [], []
    for _ in range(SPLITS):
        order = torch.randperm(len(held.named), generator=rng)
        some = torch.randperm(n, generator=rng)[:m]
        rows.append(vitals(crowd, some, held, order[:m], classes))
        others.append(vitals(held, order[-m:], held, order[:m], classes))
    return {k: sum(row[k] for row in rows) / SPLITS for k in rows[0]}, lucky(others)


def told_apart(real, fake):
    """What a fresh D tells apart of grainy pictures [n, C, H, W], and its SD where there is nothing."""
    rng = torch.Generator().manual_seed(7_220_521)
    real, fake = (x.flatten(1) for x in (real, fake))
    found = c2st(
        *(x + GRAIN * torch.randn(x.shape, generator=rng) for x in (real, fake)), steps=150
    )
    return found, (2 / min(len(real), len(fake))) ** 0.5
