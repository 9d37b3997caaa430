"""Samplers of digits without any training: held-out digits themselves, and what is wrong in one known way.

The doctor must never call the wrong ones healthy, and the digits themselves seldom anything else
(`benchmarks/doctor_images.py`). Each is a function (digits [n, 1, 8, 8], their labels, rng) -> x.
"""

import torch
from torch.nn.functional import avg_pool2d

from ganedu.clinic.digits import held_out, judge, training
from ganedu.diagnostics.pictures import PictureRun


def themselves(x, y, rng):
    return x


def noisy(x, y, rng):
    """A tenth of the pictures is noise."""
    k = len(x) // 10
    return torch.cat([2 * torch.rand(k, 1, 8, 8, generator=rng) - 1, x[k:]])


def copied(x, y, rng):
    """Three of ten are training examples."""
    k = 3 * len(x) // 10
    return torch.cat([training().sample(k, rng), x[k:]])


def rare(x, y, rng):
    """One class comes a tenth as often as it should."""
    k = int(torch.randint(10, (), generator=rng))
    return x[(y != k) | (torch.rand(len(y), generator=rng) < 0.1)]


def blurred(x, y, rng):
    """Each pixel is the mean of its neighbourhood."""
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def repeated(x, y, rng):
    """Half of the pictures, each of them twice."""
    return x[: len(x) // 2].repeat(2, 1, 1, 1)


PERFECT = {"held-out digits": themselves}
WRONG = {
    "10% noise": noisy,
    "30% copies": copied,
    "one class at a tenth": rare,
    "blurred": blurred,
    "half of them, twice": repeated,
}


def sampled_pictures(sampler, seed):
    """A run of six looks at a sampler: half of the held-out digits, drawn anew, go to it."""
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(held_out()), generator=rng)
    mine, real = order.chunk(2)
    x = sampler(held_out().x[mine], held_out().y[mine], rng)
    start = 2 * torch.rand(100, 1, 8, 8, generator=rng) - 1
    looks = torch.stack(
        [start, *[x[torch.randperm(len(x), generator=rng)[:100]] for _ in range(6)]]
    )
    row = {"d_accuracy": 0.5, "d_loss": 1.4, "g_loss": 0.7}
    rows = [{"step": 100 * i, **row} for i in range(7)]
    real = held_out().x[real]
    return PictureRun.of(rows, looks, real, training().x, end=x, judge=judge())
