"""Checks of chapter 02: the best D there is, the value of the game, and counts that differ."""

import math

import numpy as np
import torch

from ganedu.checks.exercise import Case, Exercise, Part, Probe, Stopped, asks, raises, shows
from ganedu.checks.probes import near, number, seeded, several, tensor
from ganedu.checks.words import Misconception

LOG2, LOG4, LOG10 = math.log(2), math.log(4), math.log(10)
ELSE = shows(lambda got, right: True)
HALF = torch.tensor(0.5)

# ---- D's answers at k places: what 02.optimal_d and 02.priors share ------------------------------


def answers_of_d(answer, case):
    """D's answers [k] as float64."""
    value = answer(*(x.clone() if isinstance(x, torch.Tensor) else x for x in case.args))
    if isinstance(value, np.ndarray | np.generic | float | int) and not isinstance(value, bool):
        value = torch.as_tensor(value)
    return tensor(value, case.args[0].shape, "D's answer").detach().double().cpu()


def same(x):
    return x


def first(a, b):
    return a


def second(a, b):
    return b


def odds(D):
    return D / (1 - D)


def no_numbers(got, right):
    return not got.isfinite().all()


def blunt(got, right):
    return len(got.unique()) > 1 and bool(torch.isin(got, torch.tensor([0, 0.5, 1]).double()).all())


def same_everywhere(ask, *args):
    return len(ask(*args).unique()) == 1


def elsewhere_matters(ask, p, q, *counts):
    """Does D move anywhere else when the densities at the second place do?"""
    p2, q2, others = p.clone(), q.clone(), torch.arange(len(p)) != 1
    p2[1], q2[1] = 2 * p[1], 3 * q[1]
    return not near(ask(p2, q2, *counts)[others], ask(p, q, *counts)[others])


def scale_matters(ask, p, q, *counts):
    return not near(ask(p / 10, q / 10, *counts), ask(p, q, *counts))


def no_share(ask, *args):
    D = ask(*args)
    return bool(((D < -1e-6) | (D > 1 + 1e-6)).any())


top, below, say = map(Part, ("top", "below", "say"))
D_MISTAKES = {
    "ONE-IF-FOR-ALL": (raises("Boolean value of Tensor"), raises("truth value of an array")),
    "NOT-FINITE": (shows(no_numbers),),
    "SAME-EVERYWHERE": (asks(same_everywhere, first=True),),
    "HARD-VERDICT": (shows(blunt), *say(lambda D: (D > 0.5).float())),
    "SWAPPED": top(second),
    "RATIO-NOT-PROBABILITY": (
        *below(second, torch.minimum),
        *say(lambda D: odds(D).clamp(0, 1)),
        {"top": torch.minimum, "below": torch.maximum},
    ),
    "RATIO-UPSIDE-DOWN": ({"top": second, "below": first},),
    "LOGIT-NOT-PROBABILITY": say(torch.logit, lambda D: -D.logit()),
    "SIGMOID-OF-RATIO": say(lambda D: odds(D).sigmoid()),
    "SIGMOID-TWICE": say(torch.sigmoid),
    "LOG-OF-ANSWER": say(torch.log, lambda D: -D.log(), lambda D: (1 - D).log()),
    "OVER-THE-WHOLE-GRID": (
        *below(*(lambda p, q, f=f: f(p + q) for f in (torch.sum, torch.max, torch.mean))),
        *below(*(lambda p, q, f=f: f(p) for f in (torch.sum, torch.max))),
        *say(lambda D: D / D.sum(), lambda D: D / D.max(), lambda D: D.softmax(0)),
        asks(elsewhere_matters, first=True),
    ),
    "AVERAGE-FOR-SUM": below(lambda p, q: (p + q) / 2),
    "HALVED": below(lambda p, q: 2 * (p + q)),
    "SQUARED": say(torch.square, lambda D: odds(D) ** 2 / (1 + odds(D) ** 2)),
    "ROOTED": say(torch.sqrt, lambda D: D.sqrt() / (D.sqrt() + (1 - D).sqrt())),
    "DIFFERENCE-NOT-SHARE": top(lambda p, q: p - q, lambda p, q: q - p, lambda p, q: (p - q).abs()),
    "PRODUCT-ON-TOP": (*top(torch.mul), *say(lambda D: D * (1 - D), lambda D: 4 * D * (1 - D))),
    "DENSITY-NOT-ANSWER": below(lambda p, q: 1.0)
    + tuple({"top": way, "below": lambda p, q: 1.0} for way in (torch.add, torch.sub, torch.mul)),
    "LOG-BASE": say(*(lambda D, u=u: (D.logit() / u).sigmoid() for u in (LOG2, LOG10))),
    "ROUNDED": say(*(lambda D, k=k: D.round(decimals=k) for k in (1, 2))),
}
PROPERTIES = {  # asked once no row fits
    "SCALE-MATTERS": (asks(scale_matters),),
    "NOT-A-PROBABILITY": (asks(no_share),),
}


def spoilt(got, right):
    """The place where something falls is wrong, because an empty one stands beside it."""
    return isinstance(got, Stopped) or not near(got[0], right[0])


def empty(got, right):
    return bool(got[1].isnan())


def places(seed, k):
    """Two densities at k places: now p is larger, now q, never in the same proportion."""
    rng = seeded(seed)
    q = 0.05 + 0.3 * torch.rand(k, generator=rng)
    ratio = torch.tensor([3.0, 0.3, 1.6, 0.6, 0.12])[:k] * (1 + 0.3 * torch.rand(k, generator=rng))
    return ratio * q, q


def d_cases(seed, *counts):
    """Places where something falls; then a density of 0, tiny ones, and an empty place."""
    (a, b, c), _ = places(seed + 7, 3)
    one, other = counts or [(), ()]
    return [
        Case("densities at five places", (*places(seed, 5), *one)),
        Case("densities at three other places", (*places(seed + 50, 3), *other)),
        Case("q = 0 here, p = 0 there", pair([a, 0], [0, b], one), {"EDGE-LOST": ELSE}),
        Case("densities of order 1e-12", tiny(seed, one), {"EPSILON-WINS": ELSE}),
        Case(
            "an empty place",
            pair([a, 0], [c, 0], one),
            {"EMPTY-SPREADS": shows(spoilt), "ZERO-OVER-ZERO": shows(empty), "EMPTY-DECIDED": ELSE},
        ),
    ]


def pair(p, q, counts):
    return torch.tensor(p), torch.tensor(q), *counts


def tiny(seed, counts):
    p, q = places(seed + 3, 4)
    return 1e-11 * p, 1e-11 * q, *counts


# ---- 02.optimal_d: my_optimal_d(p [k], q [k]) -> D* [k] ------------------------------------------


def best_d(p, q, *, weigh=same, top=first, below=torch.add, say=same):
    some = p + q > 0
    p, q = weigh(p), weigh(q)
    return torch.where(some, say(top(p, q) / below(p, q)), HALF)


def not_complementary(ask, p, q):
    return not near(ask(p, q) + ask(q, p), torch.ones(len(p)))


weigh = Part("weigh")
WEIGHED = {
    "HALF-EVERYWHERE": (lambda p, q: torch.full_like(p, 0.5),),
    "SIGMOID-OF-DIFFERENCE": (*weigh(torch.exp), lambda p, q: 2 * (p - q).sigmoid() - 1),
    "DENSITIES-NORMALISED": weigh(*(lambda f, w=w: f / w(f) for w in (torch.sum, torch.max))),
    "LOGARITHMS-WEIGHED": weigh(torch.log, torch.log1p),
    "CONSTANT-ADDED": weigh(*(lambda f, e=e: f + e for e in (1.0, 0.5, 0.1, 0.01, 1e-3))),
}
optimal_d = Exercise(
    "02.optimal_d",
    best_d,
    D_MISTAKES | WEIGHED | PROPERTIES | {"NOT-COMPLEMENTARY": (asks(not_complementary),)},
    d_cases,
    observe=answers_of_d,
    what="your D",
)


# ---- 02.priors: my_prior_d(p [k], q [k], n_real, n_fake) -> D [k] --------------------------------


def both(a, b):
    return a, b


def pooled_d(p, q, n_real, n_fake, *, weights=both, top=first, below=torch.add, say=same):
    a, b = weights(n_real, n_fake)
    real, fake = a * p, b * q
    return torch.where(p + q > 0, say(top(real, fake) / below(real, fake)), HALF)


def share(n, m):
    return n / (n + m)


def of_logit(change):
    return lambda p, q, n, m: torch.sigmoid(change((p / q).log(), n, m))


def of_star(change):
    return lambda p, q, n, m: change(p / (p + q), n, m)


FACTORS = (
    share,
    lambda n, m: share(m, n),
    lambda n, m: 2 * share(n, m),
    lambda n, m: n / m,
    lambda n, m: m / n,
)
SHIFTS = (
    lambda n, m: n - m,
    lambda n, m: share(n, m) - share(m, n),
    lambda n, m: math.log10(n / m),
    lambda n, m: math.log2(n / m),
)
weights = Part("weights")
COUNTED = {
    "WHOLE-NUMBER-DIVISION": (
        shows(lambda got, right: bool((got == 0).all())),
        *weights(lambda n, m: (n // m, 1), lambda n, m: (1, m // n), lambda n, m: (n // m, m // n)),
    ),
    "PRIOR-IGNORED": weights(lambda n, m: (1, 1)),
    "PRIOR-FLIPPED": weights(lambda n, m: (m, n)),
    "FAKE-UNWEIGHTED": weights(lambda n, m: (n, 1), lambda n, m: (share(n, m), 1)),
    "REAL-UNWEIGHTED": weights(lambda n, m: (1, m), lambda n, m: (1, share(m, n))),
    "ONE-COUNT-UPSIDE-DOWN": weights(lambda n, m: (n, 1 / m), lambda n, m: (1 / n, m)),
    "ONE-PAIR-OF-COUNTS": weights(lambda n, m: (5, 2)),
    "COUNTS-TWICE": weights(lambda n, m: (n * n, m * m), lambda n, m: (n * n, m)),
    "COUNTS-ROOTED": weights(lambda n, m: (n**0.5, m**0.5)),
    "PRIOR-ONLY": tuple(of_star(lambda D, n, m, a=a: a(n, m) + 0 * D) for a in FACTORS[:2]),
    "COUNTS-ON-ONE-SIDE": (
        of_star(lambda D, n, m: n * D),
        lambda p, q, n, m: p / (n * p + m * q),
        lambda p, q, n, m: p / (share(n, m) * p + share(m, n) * q),
        lambda p, q, n, m: n * p / (p + m * q),
    ),
    "PRIOR-TIMES-D": tuple(
        of_star(lambda D, n, m, a=a, end=end: (a(n, m) * D).clamp(max=end))
        for a in FACTORS
        for end in (1, 99)
    ),
    "PRIOR-ADDED": (
        of_star(lambda D, n, m: D + share(n, m) - 0.5),
        of_star(lambda D, n, m: (D + share(n, m) - 0.5).clamp(0, 1)),
        of_star(lambda D, n, m: D + share(n, m)),
    ),
    "PRIOR-AVERAGED": (
        of_star(lambda D, n, m: (D + share(n, m)) / 2),
        of_star(lambda D, n, m: (D * share(n, m)).sqrt()),
        of_star(lambda D, n, m: share(n, m) * D + share(m, n) * (1 - D)),
    ),
    "LOGIT-SCALED": tuple(of_logit(lambda s, n, m, a=a: a(n, m) * s) for a in FACTORS),
    "LOGIT-SHIFTED-WRONGLY": tuple(
        of_logit(lambda s, n, m, a=a: s + a(n, m)) for a in (*FACTORS, *SHIFTS)
    ),
    "SIGMOID-OF-DIFFERENCE": (lambda p, q, n, m: (n * p - m * q).sigmoid(),),
    "DENSITY-NOT-ANSWER": D_MISTAKES["DENSITY-NOT-ANSWER"]
    + (lambda p, q, n, m: share(n, m) * p + share(m, n) * q,),
}


def more_of_both(ask, p, q, n, m):
    return not near(ask(p, q, 10 * n, 10 * m), ask(p, q, n, m))


def not_the_share(ask, p, q, n, m):
    return not near(ask(p, p, n, m), torch.full((len(p),), share(n, m)))


def pooled_answers(answer, case):
    """D's answers; where nothing ever falls, any number inside (0, 1) is as good as 1/2."""
    D = answers_of_d(answer, case)
    nowhere = case.args[0] + case.args[1] == 0
    return torch.where(nowhere & (D > 0.001) & (D < 0.999), HALF.double(), D)


def prior_cases(seed):
    """More real than fake examples, then more fake ones; no count divides another."""
    big, small = (7, 9, 11)[seed % 3], (2, 4, 5)[seed // 3 % 3]
    return d_cases(seed, (big, small), ((2, 5)[seed % 2], (7, 13)[seed // 2 % 2]))


priors = Exercise(
    "02.priors",
    pooled_d,
    D_MISTAKES
    | COUNTED
    | PROPERTIES
    | {"COUNTS-NOT-A-RATIO": (asks(more_of_both),), "EQUAL-DENSITIES": (asks(not_the_share),)},
    prior_cases,
    observe=pooled_answers,
    what="your D",
)


# ---- 02.value: my_value(x [k], p [k], q [k]) -> (V, JS, progress) --------------------------------


def log_of(a, b):
    """a log b, and 0 where a is 0."""
    return torch.where(a > 0, a * torch.log(b), torch.zeros_like(a))


def star(p, q):
    return torch.where(p + q > 0, p / (p + q), HALF)


def middle(p, q):
    return (p + q) / 2, (p + q) / 2


def truth(x, p, q):
    """V and JS."""
    d = star(p, q)
    V = torch.trapezoid(log_of(p, d) + log_of(q, 1 - d), x)
    return V, (V + LOG4) / 2


def game(
    x,
    p,
    q,
    *,
    D=star,
    real=lambda p, q, D: log_of(p, D),
    fake=lambda p, q, D: log_of(q, 1 - D),
    value=lambda a, b: a + b,
    against=middle,
    kl=lambda a, m: log_of(a, a / m),
    js=lambda a, b: (a + b) / 2,
    progress=lambda V, JS: 1 - JS / LOG2,
    integral=torch.trapezoid,
):
    d, (m, n) = D(p, q), against(p, q)
    V = value(integral(real(p, q, d), x), integral(fake(p, q, d), x))
    JS = js(integral(kl(p, m), x), integral(kl(q, n), x))
    return V, JS, progress(*truth(x, p, q))  # a mistake in V or JS is not told as one in progress


ORDERS = ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))


def all_three(got):
    return [got[name] for name in ("V", "JS", "progress")]


def other_order(got, right):
    given, asked = all_three(got), all_three(right)
    return any(near(given, [asked[i] for i in order], 1e-3) for order in ORDERS)


def both_negative(got, right):
    return near([got["V"], got["JS"]], [-right["V"], -right["JS"]], 1e-3)


def broken(got, right):
    return not all(map(math.isfinite, got.values()))


def mass_lost(got, right):
    return got["JS"] < right["JS"] - 2e-3


def stopped(got, right):
    return isinstance(got, Stopped) or broken(got, right)


def not_a_number(got, right):
    return isinstance(got, Stopped) or any(value != value for value in got.values())


D, real, fake, value, against, kl, js, progress, integral = Part.of(game)
ALONE = (first, second, lambda a, b: a / 2, lambda a, b: b / 2)
UNEQUAL = (lambda a, b: a + b / 2, lambda a, b: a / 2 + b)
JS_MISTAKES = {
    "JS-SCALE": js(*(lambda a, b, k=k: k * (a + b) for k in (1, 2, 1 / 4))),
    "NATS-BITS": js(*(lambda a, b, u=u: (a + b) / 2 / u for u in (LOG2, LOG10))),
    "HALF-OF-ONE": js(*UNEQUAL),
    "NO-MIXTURE": tuple({"against": lambda p, q: (q, p)} | way for way in ({}, *js(torch.add))),
    "KL-FOR-JS": tuple({"against": lambda p, q: (q, p)} | way for way in js(*ALONE)),
    "ONE-SIDED": js(*ALONE, torch.maximum),
    "KL-TURNED": kl(lambda a, m: log_of(m, m / a)),
    "JS-SIGN": (*kl(lambda a, m: log_of(a, m / a)), *js(lambda a, b: -(a + b))),
    "TERMS-SUBTRACTED": js(torch.sub, torch.mul, lambda a, b: (a - b) / 2),
    "SQUARE-ROOT": js(*(lambda a, b, k=k: ((a + b) / k).sqrt() for k in (2, LOG4, 1))),
    "MIXTURE-IS-SUM": tuple(
        {"against": lambda p, q: (p + q, p + q)} | way for way in ({}, *js(torch.add))
    ),
    "ANOTHER-MIDDLE": against(
        lambda p, q: ((p * q).sqrt(),) * 2,
        lambda p, q: (torch.maximum(p, q),) * 2,
        lambda p, q: (p * q,) * 2,
    ),
    "WEIGHT-FORGOTTEN": kl(lambda a, m: (a / m).log()),
    "LOG-FORGOTTEN/JS": kl(
        lambda a, m: a * a / m, lambda a, m: a - m, lambda a, m: (a - m).abs(), lambda a, m: a / m
    ),
    "ENTROPY-NOT-KL": kl(lambda a, m: log_of(a, a), lambda a, m: -log_of(a, m)),
}
NO_LOG = {"real": lambda p, q, D: p * D, "fake": lambda p, q, D: q * (1 - D)}
V_MISTAKES = {
    "JS-SCALE/V": value(lambda a, b: (a + b - LOG4) / 2, lambda a, b: 2 * (a + b) + LOG4),
    "NATS-BITS/V": value(*(lambda a, b, u=u: (a + b) / u for u in (LOG2, LOG10))),
    "LOSS-NOT-VALUE": value(lambda a, b: -(a + b), lambda a, b: -(a + b) / 2),
    "SWAPPED": D(lambda p, q: star(q, p)),
    "V-AVERAGED": value(lambda a, b: (a + b) / 2),
    "HALF-EVERYWHERE": D(lambda p, q: torch.full_like(p, 0.5)),
    "ONE-SIDED/V": value(*ALONE),
    "HALF-OF-ONE/V": value(*UNEQUAL),
    "MINUS-NOT-PLUS": value(torch.sub, torch.mul),
    "REAL-IN-BOTH-TERMS": (
        *fake(lambda p, q, D: log_of(p, 1 - D)),
        *real(lambda p, q, D: log_of(q, D)),
    ),
    "ONE-MINUS-FORGOTTEN": fake(lambda p, q, D: log_of(q, D), lambda p, q, D: -log_of(q, D)),
    "ONE-MINUS-LOG": fake(lambda p, q, D: q * (1 - D.log())),
    "LOG-FORGOTTEN": (
        NO_LOG,
        {"real": lambda p, q, D: p * D, "fake": lambda p, q, D: -q * D},
        *real(lambda p, q, D: p * D),
        *fake(lambda p, q, D: q * (1 - D)),
    ),
    "LOG-OF-MEAN": (NO_LOG | {"value": lambda a, b: a.log() + b.log()},),
    "WEIGHT-FORGOTTEN/V": (
        {"real": lambda p, q, D: D.log(), "fake": lambda p, q, D: (1 - D).log()},
        *real(lambda p, q, D: D.log()),
        *fake(lambda p, q, D: (1 - D).log()),
    ),
    "RATIO-NOT-PROBABILITY": (
        {"real": lambda p, q, D: log_of(p, p / q), "fake": lambda p, q, D: log_of(q, q / p)},
        {"real": lambda p, q, D: log_of(p, p / q), "value": lambda a, b: a},
    ),
    "SIGMOID-TWICE": D(lambda p, q: star(p, q).sigmoid()),
    "SIGMOID-OF-DIFFERENCE": D(lambda p, q: (p - q).sigmoid()),
}


# ---- what is asked of progress, whose V and JS are right: where it stands at the two ends


def at_the_ends(ask, x, p, q):
    """(progress for p = q, progress where nothing overlaps), or NaN if V or JS is wrong."""
    got = ask(x, p, q)
    fine = near([got["V"], got["JS"]], list(truth(x, p, q)), 1e-3)
    third = (x[-1] - x[0]) / 3
    apart = ask(x, tent(x, x[0], x[0] + third), tent(x, x[-1] - third, x[-1]))
    return (ask(x, p, p)["progress"], apart["progress"]) if fine else (math.nan, math.nan)


def known_by_ends(test):
    return (asks(lambda ask, *args: test(*at_the_ends(ask, *args))),)


FACTS = {
    "ORDER": (shows(other_order),),
    "INTEGRAL-TURNED": (shows(both_negative),),
    "LOG-OF-ZERO": (shows(broken),),
    "SUM-IS-NOT-INTEGRAL": integral(*(lambda f, x, w=w: w(f) for w in (torch.sum, torch.mean))),
}
PROGRESS_MISTAKES = {
    "D-WINS-MEANS-DONE": (
        *progress(lambda V, JS: JS / LOG2, lambda V, JS: V),
        *known_by_ends(lambda done, lost: done < lost - 1e-3),
    ),
    "PROGRESS-SIGN": progress(lambda V, JS: JS / LOG2 - 1, lambda V, JS: -JS),
    "PROGRESS-AS-VERDICT": known_by_ends(lambda done, lost: near(done, lost)),
    "PROGRESS-BENT": (
        *progress(lambda V, JS: (1 - JS / LOG2) ** 2, lambda V, JS: (1 - JS / LOG2).sqrt()),
        *known_by_ends(lambda done, lost: near([done, lost], [1.0, 0.0], 1e-3)),
    ),
    "PROGRESS-SCALE": (
        *progress(lambda V, JS: 1 - JS, lambda V, JS: -V),
        *known_by_ends(lambda done, lost: done > lost),
    ),
}


def three(answer, case):
    """JS, V and progress, judged one by one."""
    V, JS, done = several(answer(*(x.clone() for x in case.args)), 3)
    return {"JS": number(JS, "JS"), "V": number(V, "V"), "progress": number(done, "progress")}


# Float64 throughout: in float32 a D that rounds to 1 makes log(1 - D) infinite far out in a tail.


def density(x, f):
    return f / torch.trapezoid(f, x)


def hill(x, mean, std):
    return density(x, torch.exp(-(((x - mean) / std) ** 2) / 2))


def tent(x, left, right):
    """A triangle over [left, right], exactly 0 outside."""
    half = (right - left) / 2
    return density(x, (half - (x - left - half).abs()).clamp(min=0))


def grid(left, right, k):
    return torch.linspace(left, right, k, dtype=torch.float64)


def value_cases(seed):
    """Two pairs of hills; then unequal steps, densities that vanish, and p = q."""
    a, b, c = torch.rand(3, generator=seeded(seed)).tolist()
    one, two = (0.8 + 0.4 * a, 0.68 + 0.08 * b), (-0.7 - 0.3 * c, 0.6 + 0.1 * a)
    x, y, long = grid(-5.5 - 0.2 * b, 6, 401), grid(-5 - c / 2, 4, 301), grid(-6, 7, 4001)
    u = grid(0, 1, 3001)
    uneven = -5.6 + 11.6 * (0.3 * u + 0.7 * u**2)  # steps from 0.001 to 0.007
    bent = uneven, hill(uneven, 0, 1), hill(uneven, *one)
    half = long, tent(long, -1 - a, 2), hill(long, 0, 1.5)
    apart = long, tent(long, -3 + 0.3 * a, -1), tent(long, 1, 2 + 0.3 * b)
    zeros = {"LOG-OF-ZERO": shows(stopped), "OVERLAP-ONLY": shows(mass_lost)}
    zeros["GUARD-TOO-STRONG"] = ELSE
    empty = {"ZERO-OVER-ZERO": shows(not_a_number)} | zeros
    return [
        Case("two hills", (x, hill(x, 0, 1), hill(x, *one)), tolerance=1e-3),
        Case("two other hills", (y, hill(y, *two), hill(y, 0.2, 0.9)), tolerance=1e-3),
        Case("steps that grow from 0.001 to 0.007", bent, {"EQUAL-SPACING": ELSE}, 2e-3),
        Case("a p that is 0 where q is not", half, zeros, 2e-3),
        Case("two tents that do not overlap", apart, empty, 2e-3),
        Case("p = q", (x, hill(x, *one), hill(x, *one)), {"EQUAL-HILLS": ELSE}, 2e-3),
    ]


value_of_the_game = Exercise(
    "02.value",
    game,
    FACTS | JS_MISTAKES | V_MISTAKES | PROGRESS_MISTAKES,
    value_cases,
    observe=three,
    what="your result",
)


# ---- 02.turn_best_guess: best_guess(n_real, n_fake) -> D's answer where these fell ---------------


def guess(n_real, n_fake, *, top=first, below=lambda n, m: n + m, say=same):
    return say(top(n_real, n_fake) / below(n_real, n_fake))


def counts(n_real, n_fake):
    """As the lesson has them: numbers in tensors, so that `.float()` and its like work."""
    return torch.tensor(float(n_real)), torch.tensor(float(n_fake))


turn_best_guess = Exercise(
    "02.turn_best_guess",
    guess,
    {
        "WHOLE-NUMBER-DIVISION": (lambda n, m: n // (n + m),),
        "SWAPPED": top(second),
        "RATIO-NOT-PROBABILITY": (*below(second), {"top": second, "below": first}),
        "DIFFERENCE-NOT-SHARE": top(lambda n, m: n - m, lambda n, m: abs(n - m)),
        "HARD-VERDICT": say(lambda D: float(D > 0.5)),
        "HALF-EVERYWHERE": (lambda n, m: 0.5,),
        "PERCENT": say(lambda D: 100 * D),
        "LOGIT-NOT-PROBABILITY": say(lambda D: math.log(odds(D))),
    },
    lambda seed: [
        Case("many real and few fake examples", counts(31 + seed % 7, 10 + seed % 5)),
        Case("few real and many fake examples", counts(8 + seed % 3, 45 + seed % 11)),
        Case("no fake ones", counts(12, 0), {"EDGE-LOST": ELSE}),
        Case("no real ones", counts(0, 12), {"EDGE-LOST": ELSE}),
    ],
    what="your answer",
)


# ---- 02.turn_dead_zone: a distance at which the minimax gradient has died ------------------------


def minimax_gradient(d):
    """d/d mean of E log(1 - D*), with D* held fixed: p = N(0, 1), q = N(d, 0.7)."""
    x = grid(d - 6, d + 6, 2001)
    q = torch.exp(-(((x - d) / 0.7) ** 2) / 2) / (0.7 * math.sqrt(2 * math.pi))
    s = ((x - d) / 0.7) ** 2 / 2 - x**2 / 2 + math.log(0.7)  # log p - log q
    return float(-torch.trapezoid(q * s.sigmoid() * ((x - d) / 0.49 - x), x))


def judge_distance(answer, seed):
    d = number(answer() if callable(answer) else answer, "Your distance")
    slope = minimax_gradient(d) if math.isfinite(d) else d
    seen = {"got": d, "slope": slope}
    if not math.isfinite(d):
        return Misconception("NOT-FINITE", what="Your distance", **seen)
    if d < 0:
        return Misconception("NEGATIVE-DISTANCE", **seen)
    if abs(slope) > 1e-4:
        return Misconception("STILL-ALIVE" if d > 0.3 else "ON-TOP", **seen)
    if d < 1:
        return Misconception("ON-TOP", **seen)
    return Misconception("TOO-FAR", **seen) if d > 12 else None


turn_dead_zone = Probe(
    "02.turn_dead_zone",
    8.0,
    judge_distance,
    {"ON-TOP": (0.0,), "STILL-ALIVE": (1.0, 4.0, 7), "NEGATIVE-DISTANCE": (-8,), "TOO-FAR": (1e3,)},
    function=False,
)


EXERCISES = {
    "optimal_d": optimal_d,
    "value": value_of_the_game,
    "priors": priors,
    "turn_best_guess": turn_best_guess,
    "turn_dead_zone": turn_dead_zone,
}
