"""Answers to the exercises of chapter 12: rates, gradients and seeds of processes, augmentation, trials."""

import copy
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

# ---------------------------------------------------------------- turn_rate(machine, work, batch)


def rate_by_hand(m, w, batch):
    seconds = m.per_step + m.per_flop * w.flops + m.per_byte * w.bytes + m.per_call * w.calls
    return batch / seconds


RATE_WRONG = [
    ("STEPS-NOT-PICTURES", lambda m, w, batch: m.seconds(w) ** -1),
    ("SECONDS", lambda m, w, batch: m.seconds(w)),
    ("UPSIDE-DOWN", lambda m, w, batch: m.seconds(w) / batch),
    ("TIMES-SECONDS", lambda m, w, batch: batch * m.seconds(w)),
    ("FLOPS-ALONE", lambda m, w, batch: batch / (m.per_flop * w.flops)),
    ("SLOWEST-ALONE", lambda m, w, batch: batch / max(m.parts(w).values())),
    ("STEP-FORGOTTEN", lambda m, w, batch: batch / (m.seconds(w) - m.per_step)),
    ("TIMES-A-FACTOR", lambda m, w, batch: 60 * batch / m.seconds(w)),
]

# ---------------------------------------------------------------- turn_sync(slopes, n)


def sync_stacked(slopes, n):
    share = torch.tensor(n) / sum(n)
    return torch.einsum("k,kd->d", share, torch.stack(slopes))


def sync_by_sums(slopes, n):
    total = torch.zeros_like(slopes[0])
    for slope, count in zip(slopes, n):
        total += count * slope
    return total / sum(n)


SYNC_WRONG = [
    ("NO-SYNC", lambda slopes, n: slopes[0].clone()),
    ("SUM-NOT-MEAN", lambda slopes, n: torch.stack(slopes).sum(0)),
    ("MEAN-OF-MEANS", lambda slopes, n: torch.stack(slopes).mean(0)),
    ("COUNTS-UNDIVIDED", lambda slopes, n: sum(k * s for k, s in zip(n, slopes))),
    ("DIVIDED-TWICE", lambda slopes, n: sync_by_sums(slopes, n) / len(n)),
    ("COUNTS-TURNED", lambda slopes, n: sync_by_sums(slopes, n[::-1])),
    ("SHAPE", lambda slopes, n: torch.stack(slopes)),
    ("NOT-A-TENSOR", lambda slopes, n: slopes),
]

# ---------------------------------------------------------------- augment(D, real, fake, change)


def aug_named(D, real, fake, change):
    r, f = D(change(real)), D(change(fake.detach()))
    d_loss = softplus(-r).mean() + softplus(f).mean()
    return d_loss, softplus(-D(change(fake))).mean()


def aug_once(D, real, fake, change):
    """Changed once; the fakes of D's loss are the same ones, cut off from G."""
    fake = change(fake)
    both = D(torch.cat([change(real), fake.detach()]))
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    d_loss = 2 * bce(both, labels)
    return d_loss, -F.logsigmoid(D(fake)).mean()


def aug_not_detached(D, real, fake, change):
    """Right but slower: D's loss flows on into G."""
    r, f = D(change(real)), D(change(fake))
    return [softplus(-r).mean() + softplus(f).mean(), softplus(-f).mean()]


def aug(of_real, of_fake, for_g):
    """Losses of pictures that each pass through (change, x) -> x."""

    def my_losses(D, real, fake, change):
        d_loss = softplus(-D(of_real(change, real))).mean()
        d_loss = d_loss + softplus(D(of_fake(change, fake.detach()))).mean()
        return d_loss, softplus(-D(for_g(change, fake))).mean()

    return my_losses


def on(change, x):
    return change(x)


def off(change, x):
    return x


def no_grad(change, x):
    with torch.no_grad():
        return change(x)


def after_d(D, real, fake, change):
    """Changes D's answers, not the pictures."""
    return aug_named(lambda x: change(D(x)[:, None].expand(-1, 4))[:, 0], real, fake, lambda x: x)


AUG_WRONG = [
    ("NO-AUGMENTATION", aug(off, off, off)),
    ("AUG-REAL-ONLY", aug(on, off, off)),
    ("AUG-REAL-ONLY", aug(on, off, on)),
    ("AUG-FAKE-ONLY", aug(off, on, on)),
    ("AUG-NOT-FOR-G", aug(on, on, off)),
    ("AUG-G-ONLY", aug(off, off, on)),
    ("AUG-NO-GRADIENT", aug(on, on, no_grad)),
    ("AUG-NO-GRADIENT", lambda *a: tuple(loss.detach() for loss in aug_named(*a))),
    ("AUG-TWICE", lambda D, r, f, change: aug_named(D, r, f, lambda x: change(change(x)))),
    ("ORDER-SWAPPED", lambda *a: aug_named(*a)[::-1]),
    ("WRONG-VALUE", after_d),
    ("NOT-A-PAIR", lambda *a: sum(aug_named(*a))),
    ("NOTHING-RETURNED", lambda *a: None),
]

# ---------------------------------------------------------------- rank_seed(make_net, seed, rank)


def start_forked(make_net, seed, rank):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345 + seed)
        net = make_net()
    return net, torch.Generator().manual_seed(2**20 * (seed + 1) + rank)


def start_by_hash(make_net, seed, rank):
    torch.manual_seed(seed)
    net = make_net()
    words = np.random.SeedSequence([seed, rank]).generate_state(1)
    rng = torch.Generator()
    rng.manual_seed(int(words[0]))
    return net, rng


def start_of(weights, draws):
    def my_start(make_net, seed, rank):
        torch.manual_seed(weights(seed, rank))
        return make_net(), torch.Generator().manual_seed(draws(seed, rank))

    return my_start


def start_unseeded(make_net, seed, rank):
    torch.manual_seed(seed)
    net = copy.deepcopy(make_net())
    return net, torch.Generator().manual_seed(random.SystemRandom().getrandbits(60))


def start_global(make_net, seed, rank):
    torch.manual_seed(seed)
    net = make_net()
    torch.manual_seed(1000 * seed + rank)
    return net, torch.default_generator


SEED_WRONG = [
    ("RANK-SEED", start_of(lambda s, r: s, lambda s, r: s + 5)),
    ("WEIGHTS-DIFFER", start_of(lambda s, r: 97 * s + r, lambda s, r: 101 * s + r)),
    ("BOTH-TURNED", start_of(lambda s, r: 97 * s + r, lambda s, r: s)),
    ("SEEDS-COLLIDE", start_of(lambda s, r: s, lambda s, r: s + r)),
    ("SEED-IGNORED", start_of(lambda s, r: s, lambda s, r: r + 100)),
    ("SEED-TIMES-RANK", start_of(lambda s, r: s, lambda s, r: s * r)),
    ("ONE-START", start_of(lambda s, r: 42, lambda s, r: 1000 * s + r)),
    ("NOT-REPEATABLE", start_unseeded),
    ("NET-AND-GENERATOR", lambda make_net, seed, rank: (make_net(), 1000 * seed + rank)),
]

# ---------------------------------------------------------------- gain(real, test, n, make, train, score)


def gain_in_order(real, test, n, make, train, score):
    before = score(train(real), test)
    after = score(train(torch.cat([make(real, n), real])), test)
    return after - before


def gain_on(seen, added, baseline, judged=lambda real, fake, test: test):
    def my_gain(real, test, n, make, train, score):
        fake = make(seen(real, test), n)
        on = judged(real, fake, test)
        return score(train(added(real, fake)), on) - score(train(baseline(real, fake)), on)

    return my_gain


def real_alone(real, other):
    return real


def joined(a, b):
    return torch.cat([a, b])


def gain_leaking_baseline(real, test, n, make, train, score):
    fake = make(torch.cat([test, real]), n)
    return score(train(torch.cat([fake, real])), test) - score(train(real), test)


GAIN_WRONG = [
    (
        "NO-BASELINE",
        lambda real, test, n, make, train, score: score(
            train(torch.cat([real, make(real, n)])), test
        ),
    ),
    ("BASELINE-ALONE", lambda real, test, n, make, train, score: score(train(real), test)),
    ("LEAK-AUG", gain_leaking_baseline),
    ("LEAK-AUG", gain_on(lambda real, test: test, joined, real_alone)),
    ("TRAIN-SCORED", gain_on(real_alone, joined, real_alone, lambda real, fake, test: real)),
    (
        "FAKES-IN-THE-TEST",
        gain_on(real_alone, joined, real_alone, lambda real, fake, test: torch.cat([test, fake])),
    ),
    ("REAL-DROPPED", gain_on(real_alone, lambda real, fake: fake, real_alone)),
    ("SAME-MODEL-TWICE", gain_on(real_alone, joined, joined)),
    ("WRONG-SIGN", lambda *a: -gain_in_order(*a)),
    ("NOTHING-RETURNED", lambda *a: None),
]

# ---------------------------------------------------------------- members(inside, outside)


def auc_loops(inside, outside):
    wins = 0.0
    for a in inside.tolist():
        for b in outside.tolist():
            wins += 1.0 if a > b else 0.5 if a == b else 0.0
    return wins / (len(inside) * len(outside))


def auc_by_ranks(inside, outside):
    """Mann and Whitney's formula with mean ranks."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([inside.numpy(), outside.numpy()]))
    n, m = len(inside), len(outside)
    return (ranks[:n].sum() - n * (n + 1) / 2) / (n * m)


def auc_by_sign(inside, outside):
    return (1 + (inside[:, None] - outside).sign().mean()) / 2


MEMBER_WRONG = [
    ("SWAPPED", lambda a, b: auc_loops(b, a)),
    ("TIES-LOST", lambda a, b: (a[:, None] > b).double().mean()),
    ("TIES-WON", lambda a, b: (a[:, None] >= b).double().mean()),
    ("SUM-NOT-MEAN", lambda a, b: auc_loops(a, b) * len(a) * len(b)),
    ("GINI", lambda a, b: (a[:, None] - b).sign().mean()),
    ("BEST-AGAINST-BEST", lambda a, b: float(a.max() > b.max()) + 0.5 * float(a.max() == b.max())),
    ("NOTHING-RETURNED", lambda a, b: None),
]

RIGHT = {
    "turn_rate": [rate_by_hand, lambda m, w, batch: batch / m.seconds(w)],
    "turn_sync": [sync_stacked, sync_by_sums],
    "augment": [aug_named, aug_once, aug_not_detached],
    "rank_seed": [start_forked, start_by_hash],
    "gain": [gain_in_order, gain_on(real_alone, joined, real_alone)],
    "members": [auc_loops, auc_by_ranks, auc_by_sign],
}
WRONG = {
    "turn_rate": RATE_WRONG,
    "turn_sync": SYNC_WRONG,
    "augment": AUG_WRONG,
    "rank_seed": SEED_WRONG,
    "gain": GAIN_WRONG,
    "members": MEMBER_WRONG,
}
