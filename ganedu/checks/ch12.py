"""Chapter 12: speed, gradients and seeds of several processes, augmentation, a fair trial, a membership test.

Every answer is a function of what it is given: a D, pictures and a change; seeds and ranks; functions that
train and score. The stand-ins are small and exact, and none of the learner's code trains anything.
"""

from itertools import product

import torch
from torch import nn
from torch.nn.functional import softplus

from ganedu.checks.exercise import Case, Exercise, Part
from ganedu.checks.probes import Bumpy, number, seeded, several, tensor
from ganedu.checks.words import Misconception
from ganedu.cost import Machine, Work

# ---- 12.turn_rate: my_rate(machine, work, batch) -> pictures a second ----------------------------


def rate(
    machine,
    work,
    batch,
    *,
    parts=lambda m, w: (
        m.per_step,
        m.per_flop * w.flops,
        m.per_byte * w.bytes,
        m.per_call * w.calls,
    ),
    whole=sum,
    answer=lambda batch, seconds: batch / seconds,
):
    return answer(batch, whole(parts(machine, work)))


parts, whole, answer = Part.of(rate)
RATE_MISTAKES = {
    "STEPS-NOT-PICTURES": answer(lambda batch, seconds: 1 / seconds),
    "SECONDS": answer(lambda batch, seconds: seconds),
    "UPSIDE-DOWN": answer(lambda batch, seconds: seconds / batch),
    "TIMES-SECONDS": answer(lambda batch, seconds: batch * seconds),
    "FLOPS-ALONE": parts(
        lambda m, w: (m.per_flop * w.flops,), lambda m, w: (m.per_step, m.per_flop * w.flops)
    ),
    "STEP-FORGOTTEN": parts(
        lambda m, w: (m.per_flop * w.flops, m.per_byte * w.bytes, m.per_call * w.calls)
    ),
    "SLOWEST-ALONE": whole(max),
}


def rate_cases(seed):
    """In each another part is the largest."""
    rng, found = seeded(seed), []
    cases = (("calls", 16, (1, 1, 5)), ("bytes", 256, (1, 5, 1)), ("arithmetic", 64, (5, 1, 1)))
    for what, batch, (flops, moved, calls) in cases:
        a, b, c, d, e, f, g = (0.8 + 0.4 * torch.rand(7, generator=rng)).tolist()
        machine = Machine(1e-3 * a, 1e-11 * b, 1e-10 * c, 1e-5 * d)
        work = Work(2e8 * e * flops, 2e7 * f * moved, 2e2 * g * calls)
        found.append(Case(f"a step of much {what}", (machine, work, batch)))
    return found


# ---- 12.turn_sync: my_mean(slopes, n) -> the gradient that every process steps with ----------------


def joined(
    slopes,
    n,
    *,
    weight=lambda n: [k / sum(n) for k in n],
    add=lambda slopes, weights: sum(w * s for w, s in zip(weights, slopes)),
):
    return add(slopes, weight(n))


weight, add = Part.of(joined)
SYNC_MISTAKES = {
    "NO-SYNC": add(lambda slopes, weights: slopes[0], lambda slopes, weights: slopes[-1]),
    "SUM-NOT-MEAN": weight(lambda n: [1.0 for _ in n]),
    "MEAN-OF-MEANS": weight(lambda n: [1 / len(n) for _ in n]),
    "COUNTS-UNDIVIDED": weight(lambda n: [float(k) for k in n]),
    "DIVIDED-TWICE": weight(lambda n: [k / sum(n) / len(n) for k in n]),
    "COUNTS-TURNED": weight(lambda n: [k / sum(n) for k in reversed(n)]),
}


def sync_cases(seed):
    rng, found = seeded(seed), []
    for what, n in (
        ("two processes", [16, 5]),
        ("three processes", [8, 32, 3]),
        ("four processes", [9, 4, 7, 30]),
    ):
        found.append(Case(what, (list(torch.randn(len(n), 6, generator=rng)), n)))
    return found


# ---- 12.augment: my_losses(D, real, fake, change) -> (D's loss, G's loss) --------------------------


def changed(change, x):
    return change(x)


def cross_entropy(r, f):
    return softplus(-r).mean() + softplus(f).mean()


def augmented(
    D,
    real,
    fake,
    change,
    *,
    of_real=changed,
    of_fake=changed,
    for_g=changed,
    d=cross_entropy,
    g=lambda f: softplus(-f).mean(),
    give=lambda d, g: (d, g),
):
    d_loss = d(D(of_real(change, real)), D(of_fake(change, fake.detach())))
    return give(d_loss, g(D(for_g(change, fake))))


of_real, of_fake, for_g, d, g, give = Part.of(augmented)


def as_it_is(change, x):
    return x


def twice(change, x):
    return change(change(x))


def cut_off(change, x):
    return change(x.detach())


AUG_MISTAKES = {
    "NO-AUGMENTATION": ({"of_real": as_it_is, "of_fake": as_it_is, "for_g": as_it_is},),
    "AUG-REAL-ONLY": ({"of_fake": as_it_is, "for_g": as_it_is}, *of_fake(as_it_is)),
    "AUG-FAKE-ONLY": of_real(as_it_is),
    "AUG-NOT-FOR-G": for_g(as_it_is),
    "AUG-G-ONLY": ({"of_real": as_it_is, "of_fake": as_it_is},),
    "AUG-NO-GRADIENT": for_g(cut_off),
    "AUG-TWICE": (
        {"of_real": twice, "of_fake": twice, "for_g": twice},
        *of_real(twice),
        *of_fake(twice),
        *for_g(twice),
    ),
    "LABELS-SWAPPED": d(lambda r, f: cross_entropy(-r, -f)),
    "SATURATING-FOR-NON-SATURATING": g(lambda f: -softplus(f).mean()),
    "WRONG-SIGN": g(lambda f: softplus(f).mean()),
    "SUM-NOT-MEAN": (
        *d(lambda r, f: softplus(-r).sum() + softplus(f).sum()),
        *g(lambda f: softplus(-f).sum()),
    ),
    "ORDER-SWAPPED": give(lambda d, g: (g, d)),
}


class Tilted:
    """A change that is smooth, exact, and another for each place: stands for a random one."""

    def __init__(self, seed):
        self.slope = 0.5 + torch.rand(4, generator=seeded(seed))
        self.shift = torch.rand(4, generator=seeded(seed + 1))

    def __call__(self, x):
        return torch.tanh(x * self.slope + self.shift)


def play_losses(answer, case):
    """Both losses, and the gradient that G's loss sends to the fakes."""
    D, real, fake, change = case.args
    fake = fake.clone().requires_grad_()
    pair = several(answer(D, real.clone(), fake, change), 2)
    d_loss, g_loss = (number(loss, what) for loss, what in zip(pair, ("D's loss", "G's loss")))
    return {
        "D's loss": d_loss,
        "G's loss": g_loss,
        "the gradient that reaches G's pictures": reaching(pair[1], fake),
    }


def reaching(loss, fake):
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        return torch.zeros_like(fake)
    (slope,) = torch.autograd.grad(loss, fake, allow_unused=True, retain_graph=True)
    return torch.zeros_like(fake) if slope is None else slope


def augment_cases(seed):
    found = []
    for k, (what, n) in enumerate((("a batch of 5", 5), ("a batch of 8", 8))):
        rng = seeded(10 * seed + k)
        D = Bumpy((4,), seed=10 * seed + k)
        real = torch.randn(n, 4, generator=rng) + torch.tensor([1.0, -0.5, 0.3, 0.0])
        found.append(Case(what, (D, real, torch.randn(n, 4, generator=rng), Tilted(10 * seed + k))))
    return found


# ---- 12.rank_seed: my_start(make_net, seed, rank) -> (net, rng) ------------------------------------


def start(
    make_net,
    seed,
    rank,
    *,
    weights=lambda seed, rank: seed,
    draws=lambda seed, rank: 1000 * seed + rank + 7,
    generator=lambda seed: torch.Generator().manual_seed(seed),
):
    torch.manual_seed(weights(seed, rank))
    net = make_net()
    return net, generator(draws(seed, rank))


weights, draws, generator = Part.of(start)


def anything(seed):
    """A generator that no seed governs."""
    rng = torch.Generator()
    rng.seed()
    return rng


SEED_MISTAKES = {
    "RANK-SEED": draws(lambda seed, rank: seed, lambda seed, rank: 1000 * seed),
    "WEIGHTS-DIFFER": weights(lambda seed, rank: 1000 * seed + rank),
    "BOTH-TURNED": (
        {"weights": lambda seed, rank: 1000 * seed + rank, "draws": lambda seed, rank: seed},
    ),
    "SEEDS-COLLIDE": draws(lambda seed, rank: seed + rank, lambda seed, rank: seed - rank + 50),
    "SEED-IGNORED": draws(lambda seed, rank: rank),
    "SEED-TIMES-RANK": draws(lambda seed, rank: seed * rank),
    "ONE-START": weights(lambda seed, rank: 0),
    "NOT-REPEATABLE": generator(anything),
    "GLOBAL-RNG": generator(lambda seed: torch.default_generator),
}

SEEDS, RANKS = (1, 2, 5), (0, 1, 2, 3)


def play_start(answer, case):
    """What four processes of four runs have: facts, since every good choice of seeds is as good."""
    make_net, offset = case.args
    seeds = [0, *(seed + offset for seed in SEEDS)]
    nets, first, own = {}, {}, True
    for seed, rank in product(seeds, RANKS):
        net, rng = several(answer(make_net, seed, rank), 2)
        if not isinstance(net, nn.Module) or not isinstance(rng, torch.Generator):
            kinds = f"a {type(net).__name__} and a {type(rng).__name__}"
            raise Misconception("NET-AND-GENERATOR", kinds=kinds)
        own &= rng is not torch.default_generator
        nets[seed, rank] = torch.cat([p.detach().flatten() for p in net.parameters()])
        first[seed, rank] = torch.rand(5, generator=rng)
    again = torch.rand(5, generator=several(answer(make_net, seeds[1], 1), 2)[1])
    place = {key: [other for other in first if equal(first[key], first[other])] for key in first}
    return {
        "equal weights on all ranks": all(
            equal(nets[s, r], nets[s, 0]) for s, r in product(seeds, RANKS)
        ),
        "other weights for other seeds": not any(
            equal(nets[s, 0], nets[t, 0]) for s in seeds for t in seeds if s != t
        ),
        "other draws on other ranks": not any(
            a[0] == b[0] and a[1] != b[1] for a in place for b in place[a]
        ),
        "other draws for other seeds": not any(
            a[0] != b[0] and a[1] == b[1] for a in place for b in place[a]
        ),
        "no draws shared across seeds and ranks": not any(
            a[0] != b[0] and a[1] != b[1] for a in place for b in place[a]
        ),
        "the same draws again": equal(again, first[seeds[1], 1]),
        "a generator of its own": own,
    }


def equal(a, b):
    return bool(torch.equal(a, b))


def small_net():
    return nn.Linear(3, 2)


def seed_cases(seed):
    return [Case("runs of four seeds on four ranks", (small_net, 10 * seed))]


# ---- 12.gain: my_gain(real, test, n, make, train, score) -> how much the fakes help ----------------


def gain(
    real,
    test,
    n,
    make,
    train,
    score,
    *,
    seen=lambda real, test: real,
    with_=lambda real, fake: torch.cat([real, fake]),
    without=lambda real, fake: real,
    judged_on=lambda real, fake, test: test,
    compare=lambda after, before: after - before,
):
    fake = make(seen(real, test), n)
    on = judged_on(real, fake, test)
    after, before = score(train(with_(real, fake)), on), score(train(without(real, fake)), on)
    return compare(after, before)


seen, with_, without, judged_on, compare = Part.of(gain)
GAIN_MISTAKES = {
    "NO-BASELINE": compare(lambda after, before: after),
    "LEAK-AUG": seen(lambda real, test: torch.cat([real, test]), lambda real, test: test),
    "TRAIN-SCORED": judged_on(
        lambda real, fake, test: real, lambda real, fake, test: torch.cat([real, fake])
    ),
    "FAKES-IN-THE-TEST": judged_on(
        lambda real, fake, test: torch.cat([test, fake]), lambda real, fake, test: fake
    ),
    "REAL-DROPPED": with_(lambda real, fake: fake),
    "SAME-MODEL-TWICE": without(lambda real, fake: torch.cat([real, fake])),
    "WRONG-SIGN": compare(lambda after, before: before - after),
    "RATIO-NOT-GAIN": compare(lambda after, before: after / before),
    "BASELINE-ALONE": compare(lambda after, before: before),
}


class Maker:
    """Stands for a GAN: n examples about the mean of those that it was given."""

    def __init__(self, seed):
        self.noise = torch.randn(200, 3, generator=seeded(seed))

    def __call__(self, examples, n):
        return examples.mean(0) * 1.3 + examples.std(0) * self.noise[:n]


def trained(examples):
    """Stands for a classifier: remembers the mean, the spread and how many it saw."""
    return examples.mean(0), examples.std(0), len(examples)


def scored(model, examples):
    """Stands for the share that is right: higher for a model whose examples look like these."""
    mean, spread, n = model
    distance = ((examples - mean) / spread).square().mean()
    return float(torch.exp(-distance / 4) * n / (n + 20))


def gain_cases(seed):
    found = []
    for k, (what, n) in enumerate((("20 real examples", 60), ("35 real examples", 25))):
        rng = seeded(10 * seed + k)
        real = torch.randn(20 + 15 * k, 3, generator=rng) + 0.5
        test = 1.4 * torch.randn(50, 3, generator=rng) - 0.4
        found.append(Case(what, (real, test, n, Maker(10 * seed + k), trained, scored)))
    return found


# ---- 12.members: my_auc(inside, outside) -> area under the ROC ------------------------------------


def auc(
    inside,
    outside,
    *,
    won=lambda a, b: (a > b).double() + (a == b).double() / 2,
    pairs=lambda inside, outside: (inside[:, None], outside[None]),
    end=torch.mean,
):
    return end(won(*pairs(inside, outside)))


won, pairs, end = Part.of(auc)
MEMBER_MISTAKES = {
    "SWAPPED": won(lambda a, b: (a < b).double() + (a == b).double() / 2),
    "TIES-LOST": won(lambda a, b: (a > b).double()),
    "TIES-WON": won(lambda a, b: (a >= b).double()),
    "SUM-NOT-MEAN": end(torch.sum),
    "ABOVE-THE-MEAN": pairs(
        lambda inside, outside: (inside, outside.mean()),
        lambda inside, outside: (inside, outside.median()),
    ),
    "BEST-AGAINST-BEST": pairs(lambda inside, outside: (inside.max(), outside.max())),
    "GINI": end(lambda x: 2 * x.mean() - 1),
}


def member_cases(seed):
    found = []
    for k, (what, n, m) in enumerate((("20 against 70", 20, 70), ("12 against 9", 12, 9))):
        rng = seeded(10 * seed + k)
        inside = (4 * torch.randn(n, generator=rng) + 2.5).round()  # rounded: ties
        outside = (4 * torch.randn(m, generator=rng).abs() - 1).round()
        found.append(Case(what, (inside.double(), outside.double())))
    return found


def same_shape(value):
    return tensor(value, (6,))


EXERCISES = {
    "turn_rate": Exercise(
        "12.turn_rate", rate, RATE_MISTAKES, rate_cases, what="your number of pictures a second"
    ),
    "turn_sync": Exercise(
        "12.turn_sync", joined, SYNC_MISTAKES, sync_cases, read=same_shape, what="your gradient"
    ),
    "augment": Exercise("12.augment", augmented, AUG_MISTAKES, augment_cases, observe=play_losses),
    "rank_seed": Exercise("12.rank_seed", start, SEED_MISTAKES, seed_cases, observe=play_start),
    "gain": Exercise("12.gain", gain, GAIN_MISTAKES, gain_cases, what="your gain"),
    "members": Exercise("12.members", auc, MEMBER_MISTAKES, member_cases, what="your area"),
}
