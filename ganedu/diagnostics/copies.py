"""Without ground truth: samples that repeat each other, or the training set."""

import math
from dataclasses import dataclass

import torch

from ganedu.diagnostics.samples import finite


@dataclass(frozen=True)
class Birthday:
    """How many different things a generator makes, from how often two samples are alike."""

    pairs: int  # pairs compared
    duplicates: int  # pairs closer than `close`
    support: float  # pairs / duplicates: how many equally likely things would collide as often
    low: float  # about 95% of such tests would cover
    high: float  # the truth between these two


def birthday(x, close):
    """The birthday-paradox test (Arora & Zhang 2018) on samples x [n, ...], by all pairs.

    Two samples are duplicates when they are less than `close` apart (Euclidean): take `close` from real
    data, where the answer is known. With s equally likely things a pair is one with probability 1/s.
    """
    x = finite(x).flatten(1).float()
    n = len(x)
    if n < 2 or not close > 0:
        raise ValueError(f"birthday needs two samples or more and close > 0; got {n} and {close}")
    alike = torch.cat([(_distances(part, x) < close).sum(1) - 1 for part in _parts(x, x)])  # [n]
    share = alike.cpu().double() / (n - 1)
    rate, error = share.mean().item(), 2 * share.std().item() / math.sqrt(n)  # jackknife
    pairs, duplicates = n * (n - 1) // 2, int(alike.sum()) // 2
    most = rate + 2 * error if duplicates else 3 / pairs  # none seen: the rule of three
    return Birthday(pairs, duplicates, _over(1, rate), 1 / most, _over(1, rate - 2 * error))


def _over(a, b):
    return a / b if b > 0 else math.inf


@dataclass(frozen=True)
class Memorisation:
    """Are generated examples closer to the training set than fresh real ones would be?"""

    nearer: float  # share of fakes nearer to a training than to a held-out example: 0.5 if none
    ratio: float  # median distance to the nearest training example, over that to a held-out one


def memorisation(fake, train, held_out):
    """Nearest neighbours of fakes [n, ...] in two real sets: all of train, and as many held out or fewer.

    A larger set is nearer to everything. Where fewer are held out, both numbers are put on the scale of
    equal sizes: fresh fakes have 0.5 and 1, copies 1 and 0. More than len(train) are thinned.
    """
    if min(len(fake), len(train), len(held_out)) < 1:
        raise ValueError("memorisation needs fakes, training examples and held-out examples")
    fake, train, held_out = map(finite, (fake, train, held_out))
    if len(held_out) > len(train):  # evenly, because data often lie in order
        held_out = held_out[torch.linspace(0, len(held_out) - 1, len(train)).round().long()]
    to_train, to_held = nearest(fake, train), nearest(fake, held_out)  # [n], [n]
    by_size = len(train) / (len(train) + len(held_out))  # the share of fresh fakes nearer to train
    won = torch.where(to_train == to_held, by_size, (to_train < to_held).float())  # [n]
    share = won.cpu().double().mean().item()
    above = share > by_size
    nearer = 1 - (1 - share) / (1 - by_size) / 2 if above else share / by_size / 2
    ratio = _ratio(to_train, to_held) / max(_usual(train, held_out), 1e-12)
    return Memorisation(nearer, ratio)


def in_tail(fake, train, fresh, quantile=0.01):
    """Share of fakes [n, ...] nearer to the training set than all but 1% of fresh real examples are.

    Fresh fakes have 0.01, 30% copies at least 0.3, whatever the other samples are like: bad ones cannot
    make up for copies here (Meehan et al. 2020 look at cells for the same reason). The limit comes from
    `fresh`: give it some thousands.
    """
    if min(len(fake), len(train), len(fresh)) < 1:
        raise ValueError("in_tail needs fakes, training examples and fresh examples")
    fake, train, fresh = map(finite, (fake, train, fresh))
    limit = nearest(fresh, train).quantile(quantile)
    return (nearest(fake, train) < limit).double().mean().item()


def _usual(train, held_out):
    """How much nearer fresh examples are to the training set than to as many others as were held out."""
    if len(train) == len(held_out) or len(held_out) < 2:
        return 1.0
    among = nearest(held_out, held_out, k=2)  # the nearest is the example itself
    return _ratio(nearest(held_out, train), among)


def _ratio(near, far):
    """Median over median of two sets of distances: 1 where both are the same, 0 or beyond counting too."""
    near, far = near.median().item(), far.median().item()
    return 1.0 if near == far else near / max(far, 1e-12)


def nearest(x, others, k=1):
    """Euclidean distance of each of x to its k-th nearest of the others: [n]."""
    x, others = finite(x).flatten(1).float(), finite(others).flatten(1).float()
    if x.shape[1] != others.shape[1]:
        raise ValueError(
            f"examples of {x.shape[1]} and of {others.shape[1]} numbers do not compare"
        )
    found = (_distances(part, others).kthvalue(k, dim=1).values for part in _parts(x, others))
    return torch.cat(list(found))


def _parts(x, others):
    """Rows of x, so many that their distances to all others take some 16 MB."""
    return x.split(max(1, 2**22 // len(others)))


def _distances(x, others):
    """Euclidean distances [n, m], exact for near-duplicates too (cdist's fast way is not)."""
    return torch.cdist(x, others, compute_mode="donot_use_mm_for_euclid_dist")
