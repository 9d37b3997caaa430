"""Checks of chapter 01: sample a mixture, score a model by held-out data, expose a copying generator."""

import math

import numpy as np
import torch

from ganedu.checks.exercise import Case, Exercise, Part, Probe, asks, shows
from ganedu.checks.probes import near, number, randomness, seeded, several, tensor
from ganedu.checks.words import Misconception

ELSE = shows(lambda got, right: True)

# ---- mixture: my_sample(weights [k], means [k, d], stds [k], n, rng) -> [n, d] -------------------

FAR = 20.0  # no component reaches so far; the centres are 100 apart or more


def gaussian(n, d, rng):
    return torch.randn(n, d, generator=rng)


def picked(weights, n, rng):
    return torch.multinomial(weights, n, replacement=True, generator=rng)


def mixed(
    weights,
    means,
    stds,
    n,
    rng,
    *,
    pick=picked,
    spread=lambda stds, mode: stds[mode],
    noise=gaussian,
    place=lambda means, mode: means[mode],
):
    mode = pick(weights, n, rng)
    return place(means, mode) + spread(stds, mode)[:, None] * noise(n, means.shape[1], rng)


class Clouds:
    """Three components in the plane, and what a sample looks like beside them."""

    def __init__(self, answer, seed):
        order = torch.randperm(3, generator=seeded(seed))
        self.answer, self.seed = answer, seed
        self.weights = torch.tensor([0.6, 0.3, 0.1])[order]
        self.means = torch.tensor([[-64.0, 16.0], [48.0, -32.0], [0.0, 96.0]])[order.flip(0)]
        self.stds = torch.tensor([0.5, 1.2, 0.2])[torch.randperm(3, generator=seeded(seed + 1))]

    def draw(self, n, rng):
        return drawn(self.answer, self.weights, self.means, self.stds, n, rng)

    def look(self):
        self.x = self.draw(6000, seeded(self.seed))
        distance, self.mode = torch.cdist(self.x, self.means).min(1)  # [n], [n]
        self.lost = (distance > FAR).float().mean()
        self.share = torch.bincount(self.mode, minlength=3) / len(self.x)
        self.residuals = [self.x[self.mode == i] - self.means[i] for i in range(3)]


def drawn(answer, *args):
    """Points of the learner's sampler, [n, d]."""
    x = answer(*(a.clone() if isinstance(a, torch.Tensor) else a for a in args))
    x = torch.as_tensor(x) if isinstance(x, np.ndarray) else x
    return tensor(x, (args[3], args[1].shape[1]), "Your sample").detach().float()


def judge_mixture(answer, seed):
    it = Clouds(answer, seed)
    it.look()
    if answer.changed:
        return answer.changed
    if not it.x.isfinite().all():
        return Misconception(
            "NOT-FINITE", what="A coordinate of your sample", got="NaN or infinite"
        )
    questions = (wrong_places, wrong_shares, repeats, wrong_noise, counts, chance, other_sizes)
    found = next(filter(None, (question(it) for question in questions)), None)
    return found or ("sorted" if bool((it.mode.diff() >= 0).all()) else None)


def wrong_places(it):
    """Points lie where no component is: which of the usual reasons made them?"""
    if it.lost <= 0.01:
        return None
    middle, x = it.weights @ it.means, it.x
    spread = (it.weights @ ((it.means - middle) ** 2) + it.weights @ it.stds**2).sqrt()
    heaps = torch.stack([middle, it.means.mean(0)])  # weighted average or plain one
    seen = {"lost": f"{it.lost:.0%}", "middle": x.mean(0)}
    if (x.std(0) < 0.3 * spread).all() and (heaps - x.mean(0)).norm(dim=1).min() < 3:
        return Misconception("MEAN-NOT-MIXTURE", **seen)
    crossing = torch.cartesian_prod(it.means[:, 0], it.means[:, 1])  # x_1 of one, x_2 of another
    off, crossed = torch.cdist(x, crossing, p=math.inf).min(1)
    if (off < 8).float().mean() > 0.95 and len(crossed.unique()) == 9:
        return Misconception("COMPONENT-PER-COORDINATE", **seen)
    alike = (x.mean(0) - middle).abs().max() < 5 and near(x.std(0), spread, 0.1)
    if it.lost > 0.4 and alike:
        return Misconception("ONE-GAUSSIAN", **seen)
    return Misconception("WRONG-PLACES", **seen)


def wrong_shares(it):
    """The components are visited, but not by their weights."""
    share, weights = it.share, it.weights
    if near(share, weights, 0.04):
        return None
    seen = {"weights": rounded(weights), "shares": rounded(share)}
    if share.max() == 1:
        seeds = range(it.seed, it.seed + 30)
        visited = {
            int(torch.cdist(it.draw(20, seeded(s)), it.means).mean(0).argmin()) for s in seeds
        }
        return Misconception("MOST-LIKELY-ONLY" if len(visited) == 1 else "ONE-FOR-ALL", **seen)
    for code, other in (
        ("WEIGHTS-IGNORED", torch.full((3,), 1 / 3)),
        ("WEIGHTS-AS-LOGITS", weights.softmax(0)),
        ("WEIGHTS-SQUARED", weights**2 / (weights**2).sum()),
        ("WEIGHTS-SQUARED", weights.sqrt() / weights.sqrt().sum()),
        ("WEIGHTS-TURNED", (1 - weights) / 2),
        ("WEIGHTS-TURNED", (1 / weights) / (1 / weights).sum()),
    ):
        if near(share, other, 0.04):
            return Misconception(code, **seen)
    if near(share.sort().values, weights.sort().values, 0.04):
        return Misconception("WEIGHTS-OF-OTHERS", **seen)
    if len(it.x.unique(dim=0)) < 0.5 * len(it.x):
        return repeats(it) or Misconception("WRONG-SHARES", **seen)
    return Misconception("WRONG-SHARES", **seen)


def repeats(it):
    """Every point is one that was drawn for it."""
    different = len(it.x.unique(dim=0))
    if torch.cat(it.residuals).abs().max() < 0.02:
        return Misconception("NO-NOISE")
    if different <= 12:
        how = "the points of a component all lie at one place"
        return (
            Misconception("SHARED-NOISE", how=how)
            if different <= 3
            else Misconception("TWO-VALUED-NOISE")
        )
    return Misconception("ONE-DRAW") if different < 0.8 * len(it.x) else None


def wrong_noise(it):
    """What is left after the component's mean is taken away should be round Gaussian noise."""
    parts = it.residuals
    tilt = torch.stack([torch.corrcoef(r.T)[0, 1].abs() for r in parts]).nan_to_num()
    oval = torch.stack([r.std(0).max() / r.std(0).min() for r in parts]).nan_to_num(1)
    if max(r.std(0).max() for r in parts) < 0.02:
        return Misconception("SHARED-NOISE", how="the points of a component all lie at one place")
    if tilt.min() > 0.9:
        return Misconception("SHARED-NOISE", how="the points of a component lie on a line")
    if oval.min() > 20:
        return Misconception("ONE-COORDINATE")
    if oval.max() > 20:
        return Misconception("NOT-ROUND")
    z = torch.cat([(r - r.mean(0)) / r.std(0) for r in parts])  # [n, 2], spread 1 each
    return (
        chained(z)
        or wrong_shape(z, parts)
        or mirrored(torch.cat([r / std for r, std in zip(parts, it.stds)]))
        or wrong_spread(it, parts, oval.max() < 1.2 and tilt.max() < 0.2)
        or (Misconception("NOT-GAUSSIAN") if not_gaussian(z) else None)
    )


def chained(z):
    if (z[1:] * z[:-1]).mean().abs() < 0.1:
        return None
    return Misconception("SHARED-NOISE", how="each point's noise goes on from that of another")


def mirrored(z):
    if len((z.abs() * 1000).round().unique(dim=0)) > 0.9 * len(z):
        return None
    return Misconception("SHARED-NOISE", how="points come in pairs that mirror one another")


def wrong_shape(z, parts):
    """Noise with edges: flatter than a Gaussian in every component."""
    r = max(parts, key=len)
    tops = (r == r.max(0).values).float().mean() + (r == r.min(0).values).float().mean()
    if tops > 0.9:
        return Misconception("TWO-VALUED-NOISE")
    if tops > 0.02:
        return Misconception("CLAMPED-NOISE")
    flat = max(float(((r - r.mean(0)) ** 4).mean() / r.var() ** 2) for r in parts)
    if flat < 2.1:  # 3 for a Gaussian, 1.8 for a uniform distribution
        return Misconception("UNIFORM-NOISE")
    lean = z.pow(3).mean(0).abs().min()  # 0 for a Gaussian, 1 for half of one
    return Misconception("ONE-SIDED-NOISE") if lean > 0.5 else None


def not_gaussian(z):
    """By the distance of the distribution functions, and by the weight of the tails."""
    ordered = z.flatten().sort().values
    gap = torch.special.ndtr(ordered) - torch.arange(len(ordered)) / len(ordered)
    return gap.abs().max() > 0.03 or (z.pow(4).mean() - 3).abs() > 0.3


def wrong_spread(it, parts, is_round):
    stds = it.stds
    spread = torch.stack([r.square().mean().sqrt() for r in parts])
    middle = torch.stack([r.mean(0).abs().max() for r in parts])
    seen = {"stds": rounded(stds), "spread": rounded(spread)}
    if (middle > 0.2 * torch.maximum(stds, spread)).any():
        return Misconception("WRONG-CENTRE", off=middle.max())
    if near(spread, stds, 0.07):
        return None if is_round else Misconception("NOT-ROUND")
    if near(spread, stds**2, 0.1) or near(spread, stds.sqrt(), 0.1):
        return Misconception("VARIANCE-FOR-STD", **seen)
    if near(spread, 1 / stds, 0.1):
        return Misconception("STD-DIVIDED", **seen)
    if near(spread.sort().values, stds.sort().values, 0.07):
        return Misconception("STD-OF-ANOTHER", **seen)
    if (spread - spread.mean()).abs().max() < 0.1 * spread.mean():
        lengths = [r.square().sum(1) for r in parts]
        compact = torch.stack([a.median() / a.mean() for a in lengths])  # log 2 for one Gaussian
        return Misconception("TWO-DRAWS" if compact.max() < 0.6 else "ONE-STD", **seen)
    ratio = spread / stds
    if (ratio - ratio.mean()).abs().max() < 0.07 * ratio.mean():
        return Misconception("NOISE-SCALED", factor=ratio.mean())
    return Misconception("WRONG-SPREAD" if is_round else "NOT-ROUND", **seen)


def counts(it):
    """Independent points do not keep count of each other."""
    modes = [torch.cdist(it.draw(40, seeded(it.seed + s)), it.means).argmin(1) for s in range(20)]
    big = it.weights.argmax()
    found = torch.tensor([float((mode == big).sum()) for mode in modes])
    fixed = found.var() < 1.5  # 9.6 for independent points
    moving = not torch.equal(it.draw(40, seeded(1)), it.draw(40, seeded(2)))
    return Misconception("COUNTS-NOT-DRAWN", spread=found.std()) if fixed and moving else None


def chance(it):
    return randomness(lambda rng: it.draw(40, rng), it.seed)


def other_sizes(it):
    it.draw(1, seeded(3))
    means = 20 * torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, -1.0]])
    weights, stds = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([1.0, 0.5, 2.0, 0.1])
    x = drawn(it.answer, weights, means, stds, 2000, seeded(it.seed + 4))
    mode = torch.cdist(x, means).argmin(1)
    share = torch.bincount(mode, minlength=4) / len(x)
    spread = torch.stack([(x[mode == i] - means[i]).square().mean().sqrt() for i in range(4)])
    if near(share, weights, 0.05) and near(spread, stds, 0.1):
        return None
    return Misconception("ONE-SIZE-ONLY", weights=rounded(weights), shares=rounded(share))


def rounded(values):
    return tuple(round(v, 2) for v in values.tolist())


pick, spread, noise, place = Part.of(mixed)
mixture = Probe(
    "01.mixture",
    mixed,
    judge_mixture,
    {
        "WEIGHTS-IGNORED": pick(lambda w, n, rng: torch.randint(len(w), (n,), generator=rng)),
        "WEIGHTS-AS-LOGITS": pick(lambda w, n, rng: picked(w.softmax(0), n, rng)),
        "WEIGHTS-SQUARED": pick(lambda w, n, rng: picked(w**2, n, rng)),
        "WEIGHTS-TURNED": pick(lambda w, n, rng: picked(1 - w, n, rng)),
        "ONE-FOR-ALL": pick(lambda w, n, rng: picked(w, 1, rng).expand(n)),
        "MOST-LIKELY-ONLY": pick(lambda w, n, rng: w.argmax().expand(n)),
        "NO-NOISE": noise(lambda n, d, rng: torch.zeros(n, d)),
        "SHARED-NOISE": noise(
            lambda n, d, rng: gaussian(1, d, rng).expand(n, d),
            lambda n, d, rng: gaussian(n, 1, rng).expand(n, d),
        ),
        "UNIFORM-NOISE": noise(lambda n, d, rng: torch.rand(n, d, generator=rng) - 0.5),
        "ONE-SIDED-NOISE": noise(lambda n, d, rng: gaussian(n, d, rng).abs()),
        "CLAMPED-NOISE": noise(lambda n, d, rng: gaussian(n, d, rng).clamp(-1, 1)),
        "TWO-VALUED-NOISE": noise(lambda n, d, rng: gaussian(n, d, rng).sign()),
        "VARIANCE-FOR-STD": spread(
            lambda stds, mode: stds[mode] ** 2, lambda stds, mode: stds[mode].sqrt()
        ),
        "STD-DIVIDED": spread(lambda stds, mode: 1 / stds[mode]),
        "STD-OF-ANOTHER": spread(lambda stds, mode: stds[(mode + 1) % len(stds)]),
        "ONE-STD": spread(lambda stds, mode: stds.mean().expand(len(mode))),
        "NOISE-SCALED": noise(lambda n, d, rng: 2 * gaussian(n, d, rng)),
        "WRONG-CENTRE": place(lambda means, mode: means[mode] + 0.5),
        "WRONG-PLACES": place(lambda means, mode: 0 * means[mode]),
        "GLOBAL-RNG": noise(lambda n, d, rng: torch.randn(n, d)),
    },
    may_change=("rng",),
)


# ---- two_scores: my_scores(fit, x, is_good, rng) -> (log-likelihood, quality) --------------------

N, HELD = 500, 100
WIDE = 50.0  # the standard deviation of the model's junk


class Spy:
    """`fit` and `is_good` as the learner gets them, and a record of what was asked of them."""

    def __init__(self, seed):
        half = torch.randn(N // 2, 2, generator=seeded(seed + 5))
        x = torch.cat([half - torch.tensor([3.0, 0]), 0.5 * half.flip(0) + torch.tensor([3.0, 1])])
        self.x = x[x[:, 0].argsort()]  # in order, as files on a disk often are
        self.models, self.judged = [], []

    def fit(self, points):
        self.models.append(SpyModel(self, points))
        return self.models[-1]

    def is_good(self, points):
        points = torch.as_tensor(points).float()
        self.judged.append(points)
        return points.norm(dim=-1) < 8  # [n], True or False

    def rows(self, points):
        """Which rows of x these are: [n]; -1 for points that are none."""
        points = tensor(torch.as_tensor(points), (len(points), 2), "What `fit` or `log_prob` gets")
        distance, row = torch.cdist(points.detach().double(), self.x.double()).min(1)
        return torch.where(distance < 1e-5, row, -1)


class SpyModel:
    """A Gaussian around the fitted points, of whose samples nine in ten are junk."""

    def __init__(self, spy, points):
        self.spy, self.rows, self.scored, self.samples = spy, spy.rows(points), [], []
        self.noise = []
        points = torch.as_tensor(points).float()
        self.mean, self.std = points.mean(0), points.std(0)

    def log_prob(self, points):
        z = torch.as_tensor(points).float()
        good = torch.distributions.Normal(self.mean, self.std).log_prob(z).sum(1)
        junk = torch.distributions.Normal(0, WIDE).log_prob(z).sum(1)
        value = torch.logaddexp(good + math.log(0.1), junk + math.log(0.9))  # [n]
        self.scored.append((self.spy.rows(points), value, z))
        return value.clone()

    def sample(self, n, rng=None):
        noise, junk = torch.randn(n, 2, generator=rng), torch.rand(n, 1, generator=rng) < 0.9
        points = torch.where(junk, WIDE * noise, self.mean + self.std * noise)
        self.samples.append(points)
        self.noise.append(noise)
        return points.clone()


def two_numbers(answer, seed, rng):
    """The learner's two numbers for a fresh spy."""
    spy = Spy(seed)
    score, quality = several(answer(spy.fit, spy.x.clone(), spy.is_good, rng), 2)
    return spy, number(score, "Your log-likelihood"), number(quality, "Your quality")


def judge_scores(answer, seed):
    spy, score, quality = two_numbers(answer, seed, seeded(seed + 1))
    if not spy.models:
        return Misconception("NEVER-FITTED")
    return (
        wrong_score(spy, score, quality)
        or wrong_split(spy)
        or wrong_quality(spy, quality)
        or wrong_chance(answer, seed, spy)
    )


def wrong_score(spy, score, quality):
    """Is the first number the mean log-density of points that the model has not seen?"""
    calls = [(model, *call) for model in spy.models for call in model.scored]
    clean = [
        v for m, rows, v, _ in calls if (rows >= 0).all() and not torch.isin(rows, m.rows).any()
    ]
    real = [(model, rows, v) for model, rows, v, _ in calls if (rows >= 0).any()]
    held = [torch.cat(clean), *clean] if clean else []
    if any(near(score, v.mean()) for v in held):
        return None
    if any(near(quality, v.mean()) for v in held):
        return Misconception("RESULTS-SWAPPED")
    for model, _, v, z in calls:
        if near(score, v.mean()) and any(same_points(z, s) for s in model.samples):
            return Misconception("OWN-SAMPLES-SCORED")
    strange = [m for m in spy.models if (m.rows < 0).any()]
    if strange or any((rows < 0).all() and near(score, v.mean()) for _, rows, v, _ in calls):
        return Misconception("OTHER-POINTS")
    leaks = [c for c in real if not held or near(score, c[2].mean())]
    if leaks:
        return leak(spy, *leaks[0])
    return wrong_mean(spy, score, held) if held else Misconception("NO-LIKELIHOOD")


def same_points(a, b):
    return a.shape == b.shape and near(a, b)


def leak(spy, model, rows, values):
    seen = torch.isin(rows, model.rows)
    told = {"seen": int(seen.sum()), "scored": len(rows), "all": len(spy.x)}
    if len(model.rows.unique()) == len(spy.x) and len(rows) < len(spy.x):
        return Misconception("FITTED-ON-ALL", **told)
    if seen.all() or torch.isin(model.rows, rows).all():
        return Misconception("TRAIN-SCORED", **told)
    return Misconception("LEAKY-SPLIT", **told)


MEANS = (  # what people make of the log-densities v of the held-out points
    ("SUM-NOT-MEAN", lambda v: v.sum()),
    ("SUM-NOT-MEAN", lambda v: -v.sum()),
    ("WRONG-SIGN", lambda v: -v.mean()),
    ("MEAN-OF-DENSITIES", lambda v: v.exp().mean()),
    ("MEAN-OF-DENSITIES", lambda v: v.exp().mean().log()),
    ("MEAN-OF-DENSITIES", lambda v: v.exp().sum().log()),
    ("EXPONENTIATED", lambda v: v.mean().exp()),
    ("EXPONENTIATED", lambda v: (-v.mean()).exp()),
    ("PER-DIMENSION", lambda v: v.mean() / 2),
    ("MEDIAN-NOT-MEAN", lambda v: v.median()),
    ("MEDIAN-NOT-MEAN", lambda v: v.quantile(0.5)),
    ("ONE-POINT-SCORED", lambda v: v.max()),
    ("ONE-POINT-SCORED", lambda v: v.min()),
    ("ONE-POINT-SCORED", lambda v: v[0]),
    ("NATS-BITS", lambda v: v.mean() / math.log(2)),
    ("NATS-BITS", lambda v: v.mean() / math.log(10)),
    ("DIVIDED-BY-OTHERS", lambda v: v.sum() / N),
    ("DIVIDED-BY-OTHERS", lambda v: v.sum() / (N - HELD)),
    ("DIVIDED-BY-OTHERS", lambda v: v.sum() / 1000),
)


def wrong_mean(spy, score, held):
    if not math.isfinite(score):
        return Misconception("NOT-FINITE/score", got=score)
    for code, form in MEANS:
        if any(near(score, form(v)) for v in held):
            return Misconception(code, got=score)
    return Misconception("WRONG-SCORE", got=score)


def wrong_split(spy):
    """A fifth held out, drawn at random."""
    sizes = [len(model.rows.unique()) for model in spy.models]
    if any((model.rows < 0).any() for model in spy.models):
        return Misconception("OTHER-POINTS")
    for fitted in sizes:
        seen = {"fitted": fitted, "all": N, "held": N - fitted}
        if abs(fitted - (N - HELD)) > 1:
            swapped = "SPLIT-SWAPPED" if fitted == HELD else "SPLIT-SIZE"
            return Misconception(swapped if len(set(sizes)) == 1 else "FITTED-AGAIN", **seen)
    rows = spy.models[0].rows
    in_order = len(spy.models) == 1 and rows.max() - rows.min() == len(rows) - 1
    return Misconception("DATA-IN-ORDER") if in_order else None


def wrong_quality(spy, quality):
    """Is the second number the share of the model's samples that is_good accepts?"""
    drawn = sum(len(s) for model in spy.models for s in model.samples)
    if not spy.judged:
        return Misconception("LIKELIHOOD-IS-QUALITY", got=quality)
    judged = torch.cat([j.reshape(-1, 2) for j in spy.judged])
    good = (judged.norm(dim=1) < 8).float()
    seen = {"got": quality, "drawn": drawn, "judged": len(judged)}
    if (spy.rows(judged) >= 0).any():
        return Misconception("REAL-JUDGED")
    if len(judged.unique(dim=0)) < 0.9 * len(judged):
        return Misconception("ONE-DRAW")
    if quality > 1 and near(quality, good.sum()):
        return Misconception("COUNT-NOT-SHARE", **seen)
    if near(quality, 100 * good.mean()):
        return Misconception("PERCENT", **seen)
    if near(quality, 1 - good.mean()):
        return Misconception("BAD-SHARE", **seen)
    if len(judged) < drawn:
        return Misconception("CHERRY-PICKED", **seen)
    if len(judged) < 1000:
        return Misconception("TOO-FEW-SAMPLES", off=f"{0.5 / len(judged) ** 0.5:.0%}", **seen)
    return None if near(quality, good.mean()) else Misconception("WRONG-QUALITY", **seen)


def wrong_chance(answer, seed, spy):
    """Another generator gives another split and other samples; all draws come from it."""
    other, *_ = two_numbers(answer, seed, seeded(seed + 2))
    if set(other.models[0].rows.tolist()) == set(spy.models[0].rows.tolist()):
        return Misconception("SPLIT-NOT-DRAWN")
    if same_points(all_noise(spy), all_noise(other)):
        return Misconception("RNG-REWOUND")
    return randomness(
        lambda rng: torch.tensor(two_numbers(answer, seed, rng)[1:]), seed, rows=False
    )


def all_noise(spy):
    return torch.cat([noise for model in spy.models for noise in model.noise])


def scores(
    fit,
    x,
    is_good,
    rng,
    *,
    cut=lambda x, rng: x[torch.randperm(len(x), generator=rng)].split(
        [len(x) // 5, 4 * len(x) // 5]
    ),
    score=lambda v: v.mean(),
    samples=lambda model, rng: model.sample(1000, rng),
    quality=lambda good: good.float().mean(),
):
    held_out, train = cut(x, rng)
    model = fit(train)
    return score(model.log_prob(held_out)), quality(is_good(samples(model, rng)))


cut, score, samples, quality = Part.of(scores)
two_scores = Probe(
    "01.two_scores",
    scores,
    judge_scores,
    {
        "DATA-IN-ORDER": cut(lambda x, rng: (x[: len(x) // 5], x[len(x) // 5 :])),
        "SPLIT-NOT-DRAWN": cut(lambda x, rng: (x[::5], torch.cat([x[i::5] for i in range(1, 5)]))),
        "FITTED-ON-ALL": cut(lambda x, rng: (x[torch.randperm(N, generator=rng)[:HELD]], x)),
        "TRAIN-SCORED": cut(lambda x, rng: (x, x)),
        "SUM-NOT-MEAN": score(torch.sum),
        "MEDIAN-NOT-MEAN": score(torch.median),
        "WRONG-SIGN": score(lambda v: -v.mean()),
        "NATS-BITS": score(lambda v: v.mean() / math.log(2)),
        "TOO-FEW-SAMPLES": samples(lambda model, rng: model.sample(50, rng)),
        "ONE-DRAW": samples(lambda model, rng: model.sample(1, rng).expand(1000, -1)),
        "GLOBAL-RNG": samples(lambda model, rng: model.sample(1000)),
        "COUNT-NOT-SHARE": quality(torch.sum),
        "BAD-SHARE": quality(lambda good: 1 - good.float().mean()),
        "PERCENT": quality(lambda good: 100 * good.float().mean()),
    },
    may_change=("rng",),
)


# ---- copying: my_copying(fake [n, d], train [m, d], held_out [h, d]) -> probability --------------


def euclidean(a, b, p=2.0):
    return torch.cdist(a, b, p=p, compute_mode="donot_use_mm_for_euclid_dist")


def cosine(a, b):
    return 1 - torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)


def without_itself(a, b):
    """Distances in which no point is its own neighbour."""
    d = euclidean(a, b)
    return d.masked_fill(d == 0, math.inf)


def below(a, b):
    """The table of wins, [n, h]; a tie is half a win."""
    return (a[:, None] < b).double() + (a[:, None] == b).double() / 2


def nearer(
    fake,
    train,
    held_out,
    *,
    scale=lambda fake, train, held_out: (fake, train, held_out),
    sets=lambda fake, train, held_out: (fake, train, held_out, train),
    distance=euclidean,
    nearest=lambda d: d.min(1).values,
    compare=below,
    end=lambda wins: wins.mean(),
):
    a, to_a, b, to_b = sets(*scale(fake, train, held_out))
    return end(compare(nearest(distance(a, to_a)), nearest(distance(b, to_b))))


scale, sets, distance, nearest, compare, end = Part.of(nearer)


def rowwise(a, b):
    n = min(len(a), len(b))
    return (a[:n] < b[:n]).double()


def p_value(tails, sign):
    """Of Mann and Whitney's test, from the table of wins."""

    def end(wins):
        n, m = wins.shape
        gap = wins.sum() - n * m / 2
        gap = gap.abs() if tails == 2 else sign * gap
        return tails * torch.special.ndtr((0.5 - gap) / math.sqrt(n * m * (n + m + 1) / 12))

    return end


def ignoring_held_out(ask, fake, train, held_out):
    others = 9 * held_out.flip(0)[:-3] + 1, train[1:8] + 1e-3  # far from the training set, and near
    answers = [ask(fake, train, other) for other in (held_out, *others)]
    return near(answers, [answers[0]] * 3, 1e-6)


def copies_alone(ask, fake, train, held_out):
    """0 for these fakes, 1 for exact copies, whatever is held out."""
    copied = ask(train[:9], train[:9], held_out)
    blind = ignoring_held_out(ask, fake, train, held_out)
    return blind and near([ask(fake, train, held_out), copied], [0.0, 1.0])


def constant(ask, fake, train, held_out):
    blind = ignoring_held_out(ask, fake, train, held_out)
    same = ask(fake, train, held_out)
    return blind and near(
        [ask(train[:5], train, held_out), ask(9 * fake, train, held_out)], [same] * 2
    )


def only_yes_or_no(ask, fake, train, held_out):
    said = [ask(fake[k:], train, held_out[k:]) for k in range(5)] + [ask(held_out, train, fake)]
    return all(answer in (0, 1) for answer in said)


def fakes_place_ignored(ask, fake, train, held_out):
    return near(ask(fake + 50, train, held_out), ask(fake, train, held_out), 1e-6)


def train_is_its_own(ask, fake, train, held_out):
    """Every training example finds itself at distance 0: only exact copies come near that."""
    copied = ask(train[:5], train, held_out)
    return ask(fake, train, held_out) == 0 and 0.2 < copied < 0.8


def rows_matter(ask, *three):
    """Does the answer move with the order of the rows?"""
    before, rng = ask(*three), seeded(1)
    orders = ([x[torch.randperm(len(x), generator=rng)] for x in three] for _ in range(5))
    return any(not near(ask(*order), before, 1e-6) for order in orders)


def not_euclidean(ask, *three):
    """Does the answer move when everything is turned, or moved, as a whole?"""
    before, rng, d = ask(*three), seeded(3), three[0].shape[1]
    noise = (torch.randn(d, d, generator=rng, dtype=torch.float64) for _ in range(5))
    turns = [torch.linalg.qr(table).Q for table in noise]
    moved = [[x @ turn for x in three] for turn in turns] + [[x + 5 for x in three]]
    return any(not near(ask(*sets), before) for sets in moved)


def units_matter(ask, *three):
    return not near(ask(*(10 * x for x in three)), ask(*three))


COPYING_MISTAKES = {
    "NOT-FINITE": (shows(lambda got, right: not math.isfinite(got)),),
    "CONSTANT": (asks(constant, first=True),),
    "EXACT-COPIES": (asks(copies_alone, first=True),),
    "TRAIN-SCORED": (
        asks(train_is_its_own, first=True),
        *sets(lambda f, t, h: (f, t, torch.cat([t, h]), t)),
        {"sets": lambda f, t, h: (f, t, t, t), "distance": without_itself},
    ),
    "COPYCAT": (asks(ignoring_held_out, first=True),),
    "VERDICT-NOT-PROBABILITY": (asks(only_yes_or_no, first=True),),
    "EACH-SET-CENTRED": (asks(fakes_place_ignored, first=True),),
    "FARTHER-FOR-NEARER": compare(lambda a, b: below(b, a).T),
    "NEARER-SET": (
        *sets(lambda f, t, h: (f, t, f, h)),
        {"sets": lambda f, t, h: (f, t, f, h), "compare": rowwise},
        {
            "sets": lambda f, t, h: (f, t, f, h),
            "nearest": lambda d: d,
            "compare": lambda a, b: (a[:, :, None] < b[:, None]).double(),
        },
    ),
    "DIRECTION": sets(
        lambda f, t, h: (t, f, t, h),
        lambda f, t, h: (f, h, t, h),
        lambda f, t, h: (t, f, h, t),
        lambda f, t, h: (t, f, h, f),
        lambda f, t, h: (f, t, t, h),
    ),
    "SETS-MIXED-UP": sets(
        lambda f, t, h: (f, h, h, t),
        lambda f, t, h: (f, t, h, f),
        lambda f, t, h: (f, h, f, t),
        lambda f, t, h: (f, torch.cat([t, h]), h, t),
    ),
    "OWN-SETS": (
        {"sets": lambda f, t, h: (f, t, h, h), "distance": without_itself},
        {"sets": lambda f, t, h: (f, f, h, t), "distance": without_itself},
        {"sets": lambda f, t, h: (f, f, h, h), "distance": without_itself},
    ),
    "MEAN-NOT-NEAREST": (
        *nearest(*(lambda d, w=w: w(d, 1) for w in (torch.mean, torch.sum))),
        *nearest(lambda d: d.median(1).values),
        *distance(lambda a, b: euclidean(a, b.mean(0, keepdim=True))),
    ),
    "FARTHEST-NOT-NEAREST": nearest(lambda d: d.max(1).values),
    "SECOND-NEAREST": nearest(
        *(lambda d, k=k: d.kthvalue(k, 1).values for k in (2, 3)),
        *(lambda d, k=k: d.sort(1).values[:, :k].mean(1) for k in (2, 3, 5)),
    ),
    "MEANS-COMPARED": compare(
        lambda a, b: a.mean() / b.mean(),
        lambda a, b: (b.mean() / a.mean()).log(),
        lambda a, b: b.mean() / a.mean(),
        lambda a, b: b.mean() / (a.mean() + b.mean()),
        lambda a, b: a.mean() / (a.mean() + b.mean()),
        lambda a, b: b.mean() - a.mean(),
        lambda a, b: a.mean() - b.mean(),
        lambda a, b: a.median() / b.median(),
    ),
    "ONE-THRESHOLD": compare(
        *(
            lambda a, b, w=w: (a < w(b)).double()
            for w in (torch.median, torch.mean, torch.min, torch.max)
        ),
        *(
            lambda a, b, q=q: (a < b.quantile(q)).double()
            for q in (0.05, 0.1, 0.25, 0.5, 0.9, 0.95)
        ),
        lambda a, b: (a.mean() < b).double(),
        lambda a, b: (a.median() < b).double(),
    )
    + end(lambda wins: (wins.mean(1) > 0.5).double().mean()),
    "PAIRED-BY-ROW": (
        *compare(rowwise, lambda a, b: rowwise(a.sort().values, b.sort().values)),
        asks(rows_matter, first=True),
    ),
    "WRONG-DISTANCE": (
        *distance(
            lambda a, b: euclidean(a, b, 1.0), lambda a, b: euclidean(a, b, math.inf), cosine
        ),
        *scale(lambda f, t, h: tuple(x / t.std(0) for x in (f, t, h))),
        asks(not_euclidean, first=True),
    ),
    "SUM-NOT-MEAN": end(torch.sum),
    "PAIRS-MISCOUNTED": end(
        lambda wins: wins.sum() / len(wins) ** 2,
        lambda wins: wins.sum() / wins.shape[1] ** 2,
        lambda wins: wins.sum() / sum(wins.shape),
        lambda wins: wins.sum() / len(wins),
        lambda wins: wins.sum() / wins.shape[1],
    ),
    "P-VALUE": end(p_value(2, 1), p_value(1, 1), p_value(1, -1)),
    "RESCALED": end(lambda wins: 2 * wins.mean() - 1, lambda wins: (2 * wins.mean() - 1).abs()),
    "NOT-A-PROBABILITY": (asks(lambda ask, *three: not -1e-9 <= ask(*three) <= 1 + 1e-9),),
    "SCALE-MATTERS": (asks(units_matter),),
}


def copying_cases(seed):
    """Honest fakes and blurred copies together, in two dimensions and three; then ties on a line."""
    rng = seeded(seed + 7)

    def points(n, *spread):
        spread = torch.tensor(spread, dtype=torch.float64)
        return spread * torch.randn(n, len(spread), generator=rng, dtype=torch.float64)

    train, held_out, fresh = (points(n, 1, 2, 0.5) for n in (49, 26, 27))
    mixed = torch.cat([fresh, train[:18] + points(18, 0.02, 0.02, 0.02)])
    mixed = mixed[torch.randperm(45, generator=rng)]
    few, real, wide = points(11, 1, 0.6), points(19, 0.7, 0.4), points(37, 1.6, 0.8)
    line = tuple(torch.tensor(v).double()[:, None] for v in ([0, 1, 11], [0, 10], [9, 1, 2, 10]))
    return [
        Case("45 fakes, 18 of them blurred copies", (mixed, train, held_out), tolerance=2e-4),
        Case("37 fakes and a training set of 11", (wide, few, real), tolerance=2e-4),
        Case("points on a line with equal distances", line, {"TIES": ELSE}, 2e-4),
    ]


def told_of(answer):
    """What a right answer says of fresh data and of a copier."""
    _, train, held_out = copying_cases(0)[0].args
    fresh, copied = answer(held_out[13:], train, held_out[:13]), answer(train[:20], train, held_out)
    return {"fresh": f"{float(fresh):.2f}", "copied": f"{float(copied):.2f}"}


copying = Exercise(
    "01.copying",
    nearer,
    COPYING_MISTAKES,
    copying_cases,
    what="your probability",
    praised=told_of,
)


# ---- turn_kde: density(x [d], train [n, d], h) -> number -----------------------------------------


def kernel_density(
    x,
    train,
    h,
    *,
    inside=lambda r, h: r**2 / (2 * h**2),
    kernel=lambda u: torch.exp(-u),
    area=lambda h, d: (2 * math.pi * h**2) ** (d / 2),
    pool=torch.mean,
    end=lambda p: p,
):
    r = (x - train).norm(dim=1)  # [n]
    return end(pool(kernel(inside(r, h))) / area(h, len(x)))


inside, kernel, area, pool, end = Part.of(kernel_density)


def bump_cases(seed):
    rng = seeded(seed)
    train, x = torch.randn(7, 2, generator=rng), 0.6 * torch.randn(2, generator=rng)
    three, y = torch.randn(5, 3, generator=rng), 0.5 * torch.randn(3, generator=rng)
    return [
        Case("7 points in the plane, h = 0.6", (x, train, 0.6)),
        Case("5 points in space, h = 0.9", (y, three, 0.9)),
    ]


turn_kde = Exercise(
    "01.turn_kde",
    kernel_density,
    {
        "SUM-NOT-MEAN": pool(torch.sum),
        "NEAREST-ONLY": pool(torch.max),
        "NOT-NORMALISED": area(lambda h, d: 1.0, lambda h, d: (2 * math.pi) ** (d / 2)),
        "ONE-DIMENSION": area(
            lambda h, d: math.sqrt(2 * math.pi) * h, lambda h, d: (2 * math.pi) ** (d / 2) * h
        ),
        "NO-HALF": inside(lambda r, h: r**2 / h**2),
        "WIDTH-NOT-SQUARED": inside(lambda r, h: r**2 / (2 * h), lambda r, h: r**2 / 2),
        "DISTANCE-NOT-SQUARED": inside(lambda r, h: r / (2 * h**2), lambda r, h: r / h),
        "LOG-RETURNED": end(torch.log),
    },
    bump_cases,
    what="your density",
)


# ---- turn_bandwidth: best_width(kde, train, held_out, widths) -> the width -----------------------


class Bumps:
    """As the lesson's kde(train, h=h): a model with a log_prob."""

    def __init__(self, train, h):
        self.train, self.h = train, h

    def log_prob(self, x):
        squares = -torch.cdist(x, self.train).square() / (2 * self.h**2)
        n, d = self.train.shape
        return squares.logsumexp(1) - math.log(n) - d / 2 * math.log(2 * math.pi * self.h**2)


def best_width(
    kde,
    train,
    held_out,
    widths,
    *,
    parts=lambda train, held_out: (train, held_out),
    choose=torch.argmax,
    give=lambda widths, scores, k: widths[k],
):
    fitted, scored = parts(train, held_out)
    scores = torch.stack([kde(fitted, h=h).log_prob(scored).mean() for h in widths])
    return give(widths, scores, int(choose(scores)))


parts, choose, give = Part.of(best_width)


def width_cases(seed):
    rng = seeded(seed)
    widths = torch.logspace(-0.6, 2.5, 40).tolist()
    few, many = torch.tensor([1.0, 0.4]), torch.tensor([1.6, 0.6])
    sizes = ((11, few), (70, many), (14, few), (90, many))
    sets = [spread * torch.randn(n, 2, generator=rng) for n, spread in sizes]
    return [
        Case("11 training and 70 held-out points", (Bumps, *sets[:2], widths)),
        Case("14 training and 90 held-out points", (Bumps, *sets[2:], widths[::-1])),
    ]


turn_bandwidth = Exercise(
    "01.turn_bandwidth",
    best_width,
    {
        "TRAIN-SCORED": parts(
            lambda t, h: (t, t), lambda t, h: (h, h), lambda t, h: (torch.cat([t, h]), h)
        ),
        "WORST-WIDTH": choose(torch.argmin),
        "INDEX-NOT-WIDTH": give(lambda widths, scores, k: k),
        "SCORE-NOT-WIDTH": give(lambda widths, scores, k: scores[k]),
    },
    width_cases,
    what="your width",
)


EXERCISES = {
    "mixture": mixture,
    "two_scores": two_scores,
    "copying": copying,
    "turn_kde": turn_kde,
    "turn_bandwidth": turn_bandwidth,
}
