"""Checks of chapter 10: labels for G and for D, the great circle, truncation, a step along a direction."""

import torch
from torch import nn
from torch.nn import functional

from ganedu import steering
from ganedu.checks.exercise import Case, Exercise, Part, Probe, shows
from ganedu.checks.probes import number, randomness, seeded, several, tensor
from ganedu.checks.words import Misconception


def unit(v):
    return v / v.norm(dim=-1, keepdim=True)


# ---- 10.told: my_told(z [n, d], y [n], classes) -> what G is given, [n, classes + d] --------------


def one_hot(y, classes):
    return functional.one_hot(y, classes).float()


def told(
    z,
    y,
    classes,
    *,
    label=one_hot,
    noise=lambda z: z,
    join=lambda label, noise: torch.cat([label, noise], dim=1),
):
    return join(label(y, classes), noise(z))


def dropped(k):
    """1 among 0s, but for one class, which gets 0s alone."""
    return lambda y, classes: one_hot(y, classes) * (torch.arange(classes) != k % classes)


def as_number(y, classes, top=1):
    return (y / top).float()[:, None].expand(-1, classes)


def see_told(answer, case):
    z, y, classes = case.args
    shape = len(z), classes + z.shape[1]
    return tensor(answer(z.clone(), y.clone(), classes), shape, "What G is given").detach().double()


label, noise, join = Part.of(told)
TOLD_MISTAKES = {
    "CLASS-DROPPED": label(dropped(-1), dropped(0)),
    "LABEL-BLIND": label(
        lambda y, classes: torch.zeros(len(y), classes),
        lambda y, classes: torch.ones(len(y), classes),
        lambda y, classes: torch.full((len(y), classes), 1 / classes),
    ),
    "LABEL-AS-NUMBER": label(as_number, lambda y, c: as_number(y, c, c), lambda y, c: as_number(y, c, c - 1)),
    "ONE-LABEL-FOR-ALL": label(lambda y, classes: one_hot(y[:1], classes).expand(len(y), classes)),
    "LABEL-SHIFTED": label(
        lambda y, classes: one_hot((y + 1) % classes, classes),
        lambda y, classes: one_hot((y - 1) % classes, classes),
    ),
    "PLUS-MINUS": label(
        lambda y, classes: 2 * one_hot(y, classes) - 1, lambda y, classes: 1 - one_hot(y, classes)
    ),
    "LABEL-BEHIND": join(lambda label, noise: torch.cat([noise, label], dim=1)),
    "NOISE-DROPPED": noise(torch.zeros_like, lambda z: z.mean(0).expand(len(z), -1)),
    "NOISE-SHARED": noise(lambda z: z[:1].expand(len(z), -1)),
}  # fmt: skip


def told_cases(seed):
    rng, found = seeded(seed), []
    for n, d, classes in ((7, 3, 4), (9, 5, 3)):
        y = torch.cat(
            [torch.arange(classes), torch.randint(classes, (n - classes,), generator=rng)]
        )
        y = y[torch.randperm(n, generator=rng)]
        found.append(
            Case(f"{n} z and {classes} classes", (torch.randn(n, d, generator=rng), y, classes))
        )
    z, y = torch.randn(3, 2, generator=rng), torch.tensor([1, 0, 1])
    return [*found, Case("a batch without the last class", (z, y, 3))]


# ---- 10.scores: my_scores(G, D, x, y, z) -> logits of real and of fake, [n] each -------------------


def own_logit(logits, y):
    return logits.gather(1, y[:, None]).squeeze(1)


def scores(
    G,
    D,
    x,
    y,
    z,
    *,
    draw=lambda G, z, y: G(z, y),
    of_real=own_logit,
    of_fake=own_logit,
    named=lambda y: y,
    end=lambda real, fake: (real, fake),
):
    return end(of_real(D(x), y), of_fake(D(draw(G, z, y)), named(y)))


class ToyG(nn.Module):
    """(z [n, 2], y [n]) -> x [n, 3]."""

    def __init__(self, rng):
        super().__init__()
        self.a = nn.Parameter(torch.randn(2, 3, generator=rng))
        self.b = nn.Parameter(torch.randn(4, 3, generator=rng))

    def forward(self, z, y):
        return torch.tanh(z @ self.a + self.b[y])


class ToyD(nn.Module):
    """x [n, 3] -> a logit for each of 4 classes, [n, 4]."""

    def __init__(self, rng):
        super().__init__()
        self.a = nn.Parameter(2 * torch.randn(3, 4, generator=rng))

    def forward(self, x):
        return x @ self.a + 0.3


def both_of(way):
    """The same way with the logits of real and of fake."""
    return {"of_real": way, "of_fake": way}


def last_without(logits, y):
    logits = torch.cat([logits[:, :-1], torch.zeros(len(y), 1)], dim=1)
    return own_logit(logits, y)


def see_scores(answer, case):
    """Both scores, as numbers [n]."""
    G, D, x, y, z = case.args
    real, fake = several(answer(G, D, x.clone(), y.clone(), z.clone()), 2)
    return {
        "the score of the real": tensor(real, (len(x),), "The score of the real").detach().double(),
        "the score of the fake": tensor(fake, (len(x),), "The score of the fake").detach().double(),
    }


BLIND = (
    lambda s, y: s.mean(1),
    lambda s, y: s.sum(1),
    lambda s, y: s.amax(1),
    lambda s, y: s.logsumexp(1),
    lambda s, y: s[:, 0],
)
draw, of_real, of_fake, named, end = Part.of(scores)
SCORES_MISTAKES = {
    "CONDITION-G-ONLY": tuple(both_of(way) for way in BLIND),
    "REAL-UNTOLD": of_real(*BLIND),
    "FAKE-UNTOLD": of_fake(*BLIND),
    "LABEL-BLIND": draw(
        lambda G, z, y: G(z, torch.zeros_like(y)), lambda G, z, y: G(z, y[:1].expand(len(y)))
    ),
    "FAKE-OTHER-LABEL": named(
        lambda y: y.roll(1), lambda y: y.roll(-1), lambda y: y.flip(0), lambda y: (y + 1) % 4
    ),
    "CLASS-DROPPED": (both_of(last_without), both_of(lambda s, y: own_logit(s, y.clamp(max=2)))),
    "NAMES-NOT-REAL": (
        both_of(lambda s, y: own_logit(s.softmax(1), y)),
        both_of(lambda s, y: own_logit(s.log_softmax(1), y)),
    ),
    "PROBABILITY-NOT-LOGIT": (both_of(lambda s, y: own_logit(s, y).sigmoid()),),
    "SWAPPED": end(lambda real, fake: (fake, real)),
}


def scores_cases(seed):
    rng = seeded(seed)
    G, D, found = ToyG(rng), ToyD(rng), []
    for n in (6, 5):
        y = torch.cat([torch.tensor([3, 0, 2, 1]), torch.randint(4, (n - 4,), generator=rng)])
        x, z = torch.randn(n, 3, generator=rng), torch.randn(n, 2, generator=rng)
        found.append(Case(f"{n} examples of 4 classes", (G, D, x, y, z)))
    return found


# ---- 10.slerp: my_slerp(a [n, d], b [n, d], t) -> [n, d] -------------------------------------------


def cosine(a, b):
    return (unit(a) * unit(b)).sum(1, keepdim=True)


def between(a, b):
    return cosine(a, b).clamp(-1, 1).acos()


def shares(angle, t):
    return ((1 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin()


def straight(angle, t):
    return torch.full_like(angle, 1 - t), torch.full_like(angle, t)


def circle(
    a,
    b,
    t,
    *,
    ends=lambda a, b: (a, b),
    time=lambda t: t,
    angle=between,
    weights=shares,
    last=lambda way, a, b, t: way,
):
    a, b = ends(a, b)
    angle, t = angle(a, b), time(t)
    one, two = weights(angle, t)
    same = angle.sin().abs() < 1e-4
    line = straight(angle, t)
    one, two = torch.where(same, line[0], one), torch.where(same, line[1], two)
    return last(one * a + two * b, a, b, t)


def resized(way, a, b, t):
    """The straight way pulled out to the length that it should have."""
    length = (1 - t) * a.norm(dim=1, keepdim=True) + t * b.norm(dim=1, keepdim=True)
    return unit(way) * length


def whole_batch(a, b):
    return torch.dot(unit(a.flatten()), unit(b.flatten())).clamp(-1, 1).acos().expand(len(a), 1)


def see_way(answer, case):
    a, b, t = case.args
    return tensor(answer(a.clone(), b.clone(), t), a.shape, "Your point").detach().double()


ends, time, angle, weights, last = Part.of(circle)
SLERP_MISTAKES = {
    "LERP-NORM": weights(straight),
    "SPEED-UNEVEN": ({"weights": straight, "last": resized},),
    "REVERSED": time(lambda t: 1 - t),
    "UNIT-LENGTH": ends(lambda a, b: (unit(a), unit(b))),
    "ANGLE-OF-THE-BATCH": angle(whole_batch),
    "LENGTHS-IN-THE-ANGLE": angle(lambda a, b: (a * b).sum(1, keepdim=True).clamp(-1, 1).acos()),
    "COSINE-FOR-ANGLE": angle(cosine),
    "DEGREES": angle(lambda a, b: torch.rad2deg(between(a, b))),
    "SINE-MISSING": weights(lambda angle, t: (((1 - t) * angle).sin(), (t * angle).sin())),
    "COSINE-FOR-SINE": weights(
        lambda angle, t: (((1 - t) * angle).cos() / angle.sin(), (t * angle).cos() / angle.sin())
    ),
    "MIDDLE-ONLY": time(lambda t: 0.5),
}


def pair_of_rows(rng, n, d):
    """Rows of unlike lengths, at angles between 40 and 140 degrees."""
    while True:
        a, b = (torch.randn(n, d, generator=rng) for _ in "ab")
        a = a * (1 + torch.rand(n, 1, generator=rng))
        if (cosine(a, b).abs() < 0.76).all():
            return a, b


def slerp_cases(seed):
    rng = seeded(seed)
    found = [
        Case(f"{n} rows of {d} numbers, t = {t}", (*pair_of_rows(rng, n, d), t))
        for n, d, t in ((3, 5, 0.25), (4, 3, 0.6))
    ]
    a = torch.randn(3, 4, generator=rng)
    broken = {"ZERO-ANGLE": shows(lambda got, right: not torch.isfinite(got).all())}
    return [*found, Case("a and b in the same place", (a, a.clone(), 0.5), broken)]


# ---- 10.truncated: my_truncated(n, d, limit, rng) -> z [n, d] within +-limit -----------------------


def normal(n, d, rng):
    return torch.randn(n, d, generator=rng)


def again(z, limit, rng):
    while (beyond := z.abs() > limit).any():
        z = torch.where(beyond, normal(*z.shape, rng), z)
    return z


def resample(n, d, limit, rng, *, mend=again):
    return mend(normal(n, d, rng), limit, rng)


def once(z, limit, rng):
    return torch.where(z.abs() > limit, normal(*z.shape, rng), z)


def one_sided(z, limit, rng):
    while (beyond := z > limit).any():
        z = torch.where(beyond, normal(*z.shape, rng), z)
    return z


SHAPES = {  # other ways to stay within the limit: how they spread
    "SQUEEZED": (
        lambda z, limit, rng: limit * torch.tanh(z),
        lambda z, limit, rng: limit * torch.tanh(z / limit),
        lambda z, limit, rng: limit * torch.erf(z / 2**0.5),
        lambda z, limit, rng: limit * (2 * torch.rand(z.shape, generator=rng) - 1),
    ),
    "FOLDED": (lambda z, limit, rng: torch.fmod(z, limit),),
    "ONE-HALF": (
        lambda z, limit, rng: again(z, limit, rng).abs(),
        lambda z, limit, rng: -again(z, limit, rng).abs(),
    ),
}
SHRUNK = lambda z, limit, rng: z / z.abs().amax() * limit  # noqa: E731
TRUNCATED_MISTAKES = {
    "NOT-TRUNCATED": ({"mend": lambda z, limit, rng: z},),
    "LIMIT-AS-FACTOR": ({"mend": lambda z, limit, rng: limit * z},),
    "ONE-ROUND": ({"mend": once},),
    "ONE-SIDED": ({"mend": one_sided},),
    "CLIP-NOT-RESAMPLE": ({"mend": lambda z, limit, rng: z.clamp(-limit, limit)},),
    "ZEROED": ({"mend": lambda z, limit, rng: torch.where(z.abs() > limit, 0.0, z)},),
    "SHRUNK": ({"mend": SHRUNK},),
    **{code: tuple({"mend": way} for way in ways) for code, ways in SHAPES.items()},
}


def judge_truncated(answer, seed):
    for limit in (0.8, 1.5):
        found = one_limit(answer, seed, limit)
        if found or answer.changed:
            return found or answer.changed
    return randomness(lambda rng: truncated_by(answer, 40, 3, 0.8, rng), seed)


def truncated_by(answer, n, d, limit, rng):
    return tensor(answer(n, d, limit, rng), (n, d), "Your z").detach().float()


def one_limit(answer, seed, limit, n=8000, d=4):
    z = truncated_by(answer, n, d, limit, seeded(seed))
    if not z.isfinite().all():
        return Misconception("NOT-FINITE", what="A number of your z", got="NaN or infinite")
    return beyond(z, limit) or heaped(z, limit) or other_shape(z, limit, seed)


def beyond(z, limit):
    """Numbers outside: how many, and on which side?"""
    share = (z.abs() > limit).float().mean().item()
    usual = torch.erfc(torch.tensor(limit / 2**0.5)).item()  # of a normal number
    seen = {"share": share, "limit": limit}
    if share == 0:
        return None
    if ks(z, limit * normal(*z.shape, seeded(1))) < 0.03:
        return Misconception("LIMIT-AS-FACTOR", **seen)
    if min((z > limit).sum(), (z < -limit).sum()) == 0:
        return Misconception("ONE-SIDED", **seen)
    if abs(share - usual) < 0.25 * usual:
        return Misconception("NOT-TRUNCATED", **seen)
    if abs(share - usual**2) < 0.4 * usual**2:
        return Misconception("ONE-ROUND", **seen)
    return Misconception("BEYOND-THE-LIMIT", **seen)


def heaped(z, limit):
    """Many numbers at one and the same place."""
    at_edge = (z.abs() > limit - 1e-6).float().mean().item()
    at_zero = (z == 0).float().mean().item()
    if at_edge > 0.01:
        return Misconception("CLIP-NOT-RESAMPLE", share=at_edge, limit=limit)
    return Misconception("ZEROED", share=at_zero, limit=limit) if at_zero > 0.01 else None


def other_shape(z, limit, seed):
    """Within the limit, yet spread otherwise than a normal number that stays there."""
    start, rng = normal(*z.shape, seeded(seed + 1)), seeded(seed + 2)
    if unlike(z, again(start, limit, rng)) < 0.02:  # 32,000 each: exceeded once in 100,000
        return None
    for code, ways in SHAPES.items():
        if any(unlike(z, way(start, limit, rng)) < 0.02 for way in ways):
            return Misconception(code, limit=limit)
    code = "SHRUNK" if z.std() < 0.6 * again(start, limit, rng).std() else "OTHER-SHAPE"
    return Misconception(code, limit=limit)


def unlike(a, b):
    """How differently two sets of numbers spread: with their signs, and without."""
    return max(ks(a, b), ks(a.abs(), b.abs()))


def ks(a, b):
    """The largest distance of two empirical distribution functions of equally many numbers."""
    both = torch.cat([a.flatten(), b.flatten()])
    step = torch.cat([torch.ones(a.numel()), -torch.ones(b.numel())])[both.argsort()]
    return step.cumsum(0).abs().max().item() / a.numel()


# ---- 10.effect: my_effect(G, z [n, d], direction [d], measure, sd) -> number -----------------------


def both_ways(at, z, u):
    return (at(z + u) - at(z - u)) / 2


def effect_of(
    G,
    z,
    direction,
    measure,
    sd,
    *,
    step=unit,
    change=both_ways,
    scale=lambda e, sd: e / sd,
    end=torch.mean,
):
    return end(scale(change(lambda z: measure(G(z)), z, step(direction)), sd))


def goes_with(G, z, direction, measure, sd, *, how=lambda c, v, a: c / v):
    """No z is moved: how the attribute goes with the place along the direction."""
    place, a = z @ unit(direction), measure(G(z)) / sd
    place, a = place - place.mean(), a - a.mean()
    return how((place * a).mean(), place.square().mean(), a.square().mean())


class Bends(nn.Module):
    """z [n, d] -> x [n, 6], not linear."""

    def __init__(self, d, rng):
        super().__init__()
        self.a = nn.Parameter(torch.randn(d, 6, generator=rng))

    def forward(self, z):
        return torch.tanh(z @ self.a) + 0.1 * (z @ self.a) ** 2


def tilt(x):
    """An attribute of pictures [n, 6]: [n]."""
    return x @ torch.tensor([1.0, -0.5, 2.0, 0.3, 1.0, 0.7]) + x[:, 0] * x[:, 1]


step, change, scale, end = Part.of(effect_of)
EFFECT_MISTAKES = {
    "CORRELATION-IS-CONTROL": (
        goes_with,
        lambda *args: goes_with(*args, how=lambda c, v, a: c),
        lambda *args: goes_with(*args, how=lambda c, v, a: c / (v * a).sqrt()),
    ),
    "DIRECTION-SCALE": step(
        lambda v: v,
        lambda v: v / len(v),
        lambda v: v / v.square().sum(),
        lambda v: v / v.abs().max(),
        lambda v: v / v.abs().sum(),
    ),
    "ONE-WAY": change(lambda at, z, u: at(z + u) - at(z), lambda at, z, u: at(z) - at(z - u)),
    "TWO-UNITS": change(lambda at, z, u: at(z + u) - at(z - u)),
    "AGAINST": change(lambda at, z, u: -both_ways(at, z, u)),
    "SD-FORGOTTEN": scale(lambda e, sd: e),
    "SD-MULTIPLIED": scale(lambda e, sd: e * sd),
    "VARIANCE-FOR-SD": scale(lambda e, sd: e / sd**2),
    "SIZE-NOT-SIGN": end(lambda e: e.abs().mean()),
    "ONE-PICTURE": end(lambda e: e[0]),
    "SUM-NOT-MEAN": end(torch.sum),
    "MEDIAN-FOR-MEAN": end(torch.median),
}


def effect_cases(seed):
    rng, found = seeded(seed), []
    for n, d, sd in ((40, 4, 2.5), (30, 3, 0.4)):
        G, z = Bends(d, rng), torch.randn(n, d, generator=rng)
        direction = 3 * unit(torch.randn(d, generator=rng))
        while effect_of(G, z, direction, tilt, sd).item() > -0.05:  # a negative effect
            direction = 3 * unit(torch.randn(d, generator=rng))
        found.append(Case(f"{n} z of {d} numbers", (G, z, direction, tilt, sd)))
    return found


# ---- in the lesson: the straight way, a step along a direction, a unit taken away ------------------


def line(a, b, t, *, time=lambda t: t, first=lambda t: 1 - t, second=lambda t: t):
    t = time(t)
    return first(t) * a + second(t) * b


time, first, second = Part.of(line)
LINE_MISTAKES = {
    "REVERSED": time(lambda t: 1 - t),
    "MIDDLE-ONLY": time(lambda t: 0.5),
    "NOT-AT-B": first(lambda t: 1),
    "ONLY-A": second(lambda t: 0),
    "ONLY-B": first(lambda t: 0),
    "ROOTS": ({"first": lambda t: (1 - t) ** 0.5, "second": lambda t: t**0.5},),
    "HALVED": (lambda a, b, t: ((1 - t) * a + t * b) / 2,),
}


def line_cases(seed):
    rng = seeded(seed)
    return [
        Case(f"t = {t}", (*torch.randn(2, n, 3, 1, 1, generator=rng), t))
        for n, t in ((2, 0.2), (3, 0.7))
    ]


def along(z, direction, by, *, step=unit, move=lambda z, v, by: z + by * v):
    return move(z, step(direction).view(1, -1, 1, 1), by)


def to_place(z, v, by):
    return z + (by - (z * v).sum(1, keepdim=True)) * v


step, move = Part.of(along)
ALONG_MISTAKES = {
    "DIRECTION-SCALE": step(
        lambda v: v, lambda v: v / len(v), lambda v: v / v.abs().max(), lambda v: v / v.square().sum()
    ),
    "AGAINST": move(lambda z, v, by: z - by * v),
    "ONE-UNIT": move(lambda z, v, by: z + v),
    "PLACE-NOT-STEP": move(to_place),
    "Z-LOST": move(lambda z, v, by: (by * v).expand(z.shape)),
    "STRETCHED": move(lambda z, v, by: z * (1 + by * v)),
}  # fmt: skip


def along_cases(seed):
    rng = seeded(seed)
    return [
        Case(f"{by} units", (torch.randn(n, 4, 1, 1, generator=rng), 3 * torch.randn(4, generator=rng), by))
        for n, by in ((3, 1.7), (2, -0.6))
    ]  # fmt: skip


def without(h, unit, *, where=lambda unit: unit, value=lambda h, k: 0.0, put=None):
    h, k = h.clone(), where(unit)
    put = put or (lambda h, k, value: h.__setitem__((slice(None), k), value))
    put(h, k, value(h, k))
    return h


def kept_alone(h, unit):
    rest = torch.zeros_like(h)
    rest[:, unit] = h[:, unit]
    return rest


where, value, put = Part.of(without)
WITHOUT_MISTAKES = {
    "EXAMPLE-FOR-UNIT": put(lambda h, k, v: h.__setitem__(k, v)),
    "ROW-FOR-UNIT": put(
        lambda h, k, v: h.__setitem__((slice(None), slice(None), k), v),
        lambda h, k, v: h.__setitem__((slice(None), slice(None), slice(None), k), v),
    ),
    "KEPT-ALONE": (kept_alone,),
    "NEXT-UNIT": where(lambda unit: unit + 1, lambda unit: unit - 1),
    "MEAN-FOR-ZERO": value(lambda h, k: h[:, k].mean(), lambda h, k: h[:, k].mean(0)),
    "ONE-FOR-ZERO": value(lambda h, k: 1.0),
    "ONE-PLACE": put(lambda h, k, v: h.__setitem__((slice(None), k, 0, 0), v)),
    "UNITS-UP-TO": where(lambda unit: slice(None, unit), lambda unit: slice(unit, None)),
    "NOTHING-TAKEN": (lambda h, unit: h,),
}


def without_cases(seed):
    rng = seeded(seed)
    return [
        Case(f"unit {k} of 5", (torch.rand(5, 5, 4, 4, generator=rng) + 0.1, k)) for k in (2, 3)
    ]


def like(first_argument_of):
    """Observe a tensor of the shape of the first argument."""

    def see(answer, case):
        args = tuple(a.clone() if isinstance(a, torch.Tensor) else a for a in case.args)
        return tensor(answer(*args), args[0].shape, first_argument_of).detach().double()

    return see


EXERCISES = {
    "told": Exercise("10.told", told, TOLD_MISTAKES, told_cases, observe=see_told, what="your z"),
    "scores": Exercise(
        "10.scores", scores, SCORES_MISTAKES, scores_cases, observe=see_scores, what="your score"
    ),
    "slerp": Exercise(
        "10.slerp",
        circle,
        SLERP_MISTAKES,
        slerp_cases,
        observe=see_way,
        what="your point",
        library=steering.slerp,
    ),
    "truncated": Probe("10.truncated", resample, judge_truncated, TRUNCATED_MISTAKES),
    "effect": Exercise(
        "10.effect",
        effect_of,
        EFFECT_MISTAKES,
        effect_cases,
        read=number,
        what="your effect",
    ),
    "turn_line": Exercise(
        "10.turn_line", line, LINE_MISTAKES, line_cases, observe=like("Your point")
    ),
    "turn_step": Exercise(
        "10.turn_step", along, ALONG_MISTAKES, along_cases, observe=like("Your z"), what="your z"
    ),
    "turn_without": Exercise(
        "10.turn_without",
        without,
        WITHOUT_MISTAKES,
        without_cases,
        observe=like("Your activation"),
        what="your activation",
    ),
}
