"""Checks of chapter 07: the counter, reverse KL, the birthday test, what is proved, and the clinic.

The first three are formulas in their parts, and what people put in their place. The clinic's check
measures the patient again and holds the diagnosis against the number that speaks against it.
"""

import math

import numpy as np
import torch

from ganedu import clinic
from ganedu.checks.exercise import Case, Exercise, Part, Probe, Stopped, asks, shows
from ganedu.checks.probes import fresh, near, number, seeded, several, tensor
from ganedu.checks.words import Misconception
from ganedu.diagnostics import kl_floor
from ganedu.doctor import FIRST, Signs

ELSE = shows(lambda got, right: True)


def many(value):
    """Does a returned value hold more than one number?"""
    if isinstance(value, torch.Tensor | np.ndarray):
        return math.prod(value.shape) > 1
    return isinstance(value, list | tuple)


# ---- 07.counter: my_counter(x [n, 2], means [k, 2], std) -> (modes, quality, counts [k]) ---------


def euclidean(x, means):
    return (x[:, None] - means).norm(dim=2)  # [n, k]


def nearest(d):
    return torch.nn.functional.one_hot(d.argmin(1), d.shape[1]).bool()


def first_in_reach(d, inside):
    return inside & (inside.cumsum(1) == 1)


def counter(
    x,
    means,
    std,
    *,
    apart=euclidean,
    inside=lambda d, std: d < 3 * std,
    belongs=lambda d, inside: nearest(d) & inside,  # [n, k]
    modes=lambda found, every, n: (found > 0).sum(),
    quality=lambda mine, n: mine.any(1).double().mean(),
    counts=lambda found, every, n: found,
    give=lambda modes, quality, counts: (modes, quality, counts),
):
    d = apart(x, means)
    mine = belongs(d, inside(d, std))
    found, every, n = mine.sum(0), nearest(d).sum(0), len(x)
    return give(modes(found, every, n), quality(mine, n), counts(found, every, n))


def three_values(answer, case):
    """{"modes": number, "quality": number, "counts": numbers} of what was returned."""
    first, second, third = several(answer(*fresh(case.args)), 3)
    if many(first) and not many(third):
        raise Misconception("ORDER")
    modes, quality = number(first, "`modes`"), number(second, "`quality`")
    if third is None:
        raise Misconception("NOTHING-RETURNED", what="`counts`")
    try:
        counts = torch.as_tensor(np.asarray(third)).double()
    except (TypeError, ValueError):
        raise Misconception("NOT-A-TENSOR", what="`counts`", kind=type(third).__name__) from None
    k = len(case.args[1])
    if counts.ndim == 1 and len(counts) < k:
        raise Misconception("EMPTY-MODES-LEFT-OUT")
    return {"counts": tensor(counts, (k,), "`counts`"), "quality": quality, "modes": modes}


def std_ignored(ask, x, means, std):
    wider = ask(x, means, 1.5 * std), ask(x, means, 0.6 * std)
    return all(near(got, ask(x, means, std)) for got in wider) and not near(
        ask(3 * x, means, std), ask(x, means, std)
    )


def free_row(right):
    """May the first or the last sample be another one, where that moves the right answer?"""

    def stays(ask, x, rest, row):
        before = ask(x, *rest), right(x, *rest)
        others = [x.index_put((torch.tensor(row),), value) for value in (x[5], x[6], x[7] + 999)]
        moving = [y for y in others if not near(right(y, *rest), before[1])]
        return bool(moving) and all(near(ask(y, *rest), before[0]) for y in moving)

    def free(ask, x, *rest):
        ends = any(stays(ask, x, rest, row) for row in (0, len(x) - 1))
        return ends and not any(stays(ask, x, rest, row) for row in (1, 2, 3))

    return asks(free)


def other_length(observed):
    """Is the answer right for another length, the last argument, than the one it was given?"""
    factors = (1 / 6, 0.5, 2 / 3, 0.75, 0.8, 1.2, 6 / 7, 4 / 3, 1.5, 2.0, 3.0)

    def test(ask, *args):
        return any(near(ask(*args[:-1], f * args[-1]), observed(*args)) for f in factors)

    return asks(test)


def boxed(x, means, std):
    """The nearest mode by the Euclidean distance, and then a box around it."""
    mine = nearest(euclidean(x, means)) & ((x[:, None] - means).abs().amax(2) < 3 * std)
    return (mine.sum(0) > 0).sum(), mine.any(1).double().mean(), mine.sum(0)


def nearest_samples(x, means, std):
    distance, place = euclidean(x, means).min(dim=0)
    good, k = distance < 3 * std, len(means)
    return good.sum(), good.double().mean(), torch.bincount(place[good], minlength=k)[:k]


apart, inside, belongs, modes, quality, counts, give = Part.of(counter)
COUNTER_MISTAKES = {
    "EVERYTHING-COUNTS": inside(lambda d, std: d >= 0),
    "JUNK-COVERAGE": (
        *modes(lambda found, every, n: (every > 0).sum()),
        *counts(lambda found, every, n: every),
        {"modes": lambda f, every, n: (every > 0).sum(), "counts": lambda f, every, n: every},
    ),
    "BOX-FOR-CIRCLE": (
        *apart(
            lambda x, means: (x[:, None] - means).abs().amax(2),
            lambda x, means: (x[:, None] - means).abs().sum(2),
        ),
        boxed,
    ),
    "SQUARED-DISTANCE": (
        *inside(
            lambda d, std: d < 9 * std**2,
            lambda d, std: d**2 < 3 * std,
            lambda d, std: d**2 < 3 * std**2,
            lambda d, std: d**2 < 9 * std,
        ),
        *inside(lambda d, std: d < 3 * std**2),
    ),
    "ONE-SIGMA": inside(lambda d, std: d < std, lambda d, std: d < 2 * std),
    "OTHER-RADIUS": inside(
        lambda d, std: d < 4 * std, lambda d, std: d < 6 * std, lambda d, std: d < std / 3
    ),
    "COUNTED-TWICE": (
        *belongs(lambda d, inside: inside),
        {"belongs": lambda d, inside: inside, "quality": lambda mine, n: mine.sum() / n},
    ),
    "FIRST-IN-REACH": belongs(
        first_in_reach, lambda d, inside: first_in_reach(d, inside.flip(1)).flip(1)
    ),
    "WRONG-AXIS": (
        *belongs(lambda d, inside: nearest(d.T).T & inside, lambda d, inside: nearest(d.T).T),
        nearest_samples,
    ),
    "ONE-IS-ENOUGH": modes(
        lambda found, every, n: (found > 1).sum(),
        lambda found, every, n: (found > 2).sum(),
        lambda found, every, n: (found > 0.01 * n).sum(),
        lambda found, every, n: (found > 0.05 * n).sum(),
        lambda found, every, n: (found >= n / len(found) / 2).sum(),
    ),
    "SHARE-NOT-COUNT": quality(lambda mine, n: mine.any(1).sum()),
    "PERCENT": quality(lambda mine, n: 100 * mine.any(1).double().mean()),
    "QUALITY-OF-MODES": (
        *quality(lambda mine, n: mine.any(0).double().mean(), lambda mine, n: mine.double().mean()),
        *modes(lambda found, every, n: (found > 0).double().mean()),
    ),
    "SHARE-TURNED": quality(lambda mine, n: 1 - mine.any(1).double().mean()),
    "COUNTS-NOT-SHARES": counts(
        lambda found, every, n: found / n,
        lambda found, every, n: found / found.sum(),
        lambda found, every, n: found > 0,
    ),
    "ORDER": give(lambda modes, quality, counts: (quality, modes, counts)),
    "FIXED-RADIUS": (asks(std_ignored),),
    "OTHER-RADIUS/asked": (other_length(lambda *args: three_values(counter, Case("", args))),),
    "ROW-IGNORED": (free_row(counter),),
}


def counter_cases(seed):
    """Overlapping modes with samples at all distances; a fine ring; and nothing but junk."""
    rng = seeded(seed)

    def world(std, spacing, sizes):
        k, empty = len(sizes), sizes.index(0)
        means = spacing * torch.cartesian_prod(torch.arange(4.0), torch.arange(2.0))[:k]
        means = means + 0.4 * torch.rand(k, 2, generator=rng)
        means[torch.tensor(sizes) == 0] += torch.tensor([-60.0, 40.0])
        means[-1] += torch.tensor([50.0, 0.0])
        mode = torch.repeat_interleave(torch.arange(k), torch.tensor(sizes))
        angle = 2 * math.pi * torch.rand(len(mode), generator=rng)
        away = 5 * torch.rand(len(mode), generator=rng)
        away[-1] *= 0.3  # the last mode's one sample is good
        x = means[mode] + away[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        junk = means[empty] - 5 - 9 * torch.rand(7, 2, generator=rng)
        x = torch.cat([x, junk, means[:1] + torch.tensor([[0.0, 30.0]])])
        return std * x[torch.randperm(len(x), generator=rng)].double(), std * means.double(), std

    far = torch.tensor([[50.0, 50.0], [60.0, 40.0], [-70.0, 1.0]]).double()
    return [
        Case("modes that overlap", world(0.2, 4.0, [40, 31, 22, 0, 9, 2, 1])),
        Case("modes of another width", world(0.06, 5.0, [60, 0, 35, 17, 8, 0, 1])),
        Case("modes of width 2", world(2.0, 7.0, [20, 33, 0, 12, 5, 3, 30, 1])),
        Case("junk only", (far, torch.eye(4, 2).double(), 0.2), {"NOTHING-GOOD": ELSE}),
    ]


# ---- 07.reverse_kl: my_reverse_kl(counts [k], weights [k]) -> KL(generated || true) in nats ------


def reverse_kl(
    counts,
    weights,
    *,
    shares=lambda counts: counts / counts.sum(),
    truth=lambda q, p: p,
    front=lambda q, p: q,
    ratio=lambda q, p: q / p,
    log=torch.log,
    end=lambda terms, q: terms.sum(),
    last=lambda kl: kl,
):
    q = shares(counts)
    p = truth(q, weights)
    terms = torch.where(counts > 0, front(q, p) * log(ratio(q, p)), 0.0)
    return last(end(terms, q))


def smoothed(e):
    return lambda counts: (counts + e) / (counts + e).sum()


def whole(f):
    """An answer made of the two shares."""
    return lambda counts, weights: f(counts / counts.sum(), weights)


def kl(a, b):
    return torch.xlogy(a, a / b).sum()


def js(q, p):
    return (kl(q, (p + q) / 2) + kl(p, (p + q) / 2)) / 2


def one_weight_is_free(ask, counts, weights):
    others = [weights.index_put((torch.tensor(i),), 2 * weights[i]) for i in (0, len(weights) - 1)]
    return [near(ask(counts, p), ask(counts, weights)) for p in others].count(True) == 1


shares, truth, front, ratio, log, end, last = Part.of(reverse_kl)
FORWARD = {"front": lambda q, p: p, "ratio": lambda q, p: p / q}
KL_MISTAKES = {
    "NOT-FINITE": (shows(lambda got, right: not math.isfinite(got)),),
    "KL-DIRECTION": (FORWARD,),
    "LOG-BASE": log(torch.log2, torch.log10),
    "COUNTS-NOT-SHARES": (
        *shares(lambda c: c, lambda c: c / c.max(), lambda c: c / len(c), lambda c: c.softmax(0)),
        lambda counts, weights: kl(counts / counts.sum(), weights) + counts.sum().log(),
        lambda counts, weights: kl(counts / counts.sum(), weights) * counts.sum(),
    ),
    "UNIFORM-ASSUMED": truth(lambda q, p: torch.full_like(p, 1 / len(p))),
    "SMOOTHED": (
        *shares(
            *map(smoothed, (1, 0.5, 0.1)),
            *(lambda c, e=e: c / c.sum() + e for e in (0.1, 0.01, 0.001)),
        ),
        *ratio(lambda q, p: q / (p + 0.01), lambda q, p: (q + 0.01) / (p + 0.01)),
        *ratio(lambda q, p: q / p + 0.01, lambda q, p: (q + 0.01) / p),
    ),
    "SYMMETRISED": (
        whole(js),
        whole(lambda q, p: (kl(q, p) + kl(p, q)) / 2),
        whole(lambda q, p: kl(q, p) + kl(p, q)),
        *ratio(lambda q, p: 2 * q / (p + q)),
    ),
    "SIGN": (*last(lambda kl: -kl), *ratio(lambda q, p: p / q)),
    "MEAN-NOT-SUM": end(lambda terms, q: terms.mean()),
    "ENTROPY-FOR-KL": (*ratio(lambda q, p: 1 / q, lambda q, p: q, lambda q, p: 1 / p),),
    "LOG-FORGOTTEN": (
        *log(lambda r: r, lambda r: r - 1),
        whole(lambda q, p: (q - p).abs().sum() / 2),
        whole(lambda q, p: (q - p).abs().sum()),
        whole(lambda q, p: ((q - p) ** 2).sum()),
        whole(lambda q, p: ((q - p) ** 2 / p).sum()),
    ),
    "UNWEIGHTED": front(lambda q, p: 1.0),
    "WRONG-WEIGHT": front(lambda q, p: p),
    "MORE-THAN-KL": (
        *last(lambda kl: kl.exp(), lambda kl: kl.sqrt(), lambda kl: 1 / kl),
        *end(lambda terms, q: terms.sum() / math.log(len(q))),
    ),
    "MODE-IGNORED": (asks(one_weight_is_free),),
    "ABSOLUTE-TERMS": end(lambda terms, q: terms.abs().sum(), lambda terms, q: terms.relu().sum()),
}


def kl_cases(seed):
    rng = seeded(seed)

    def uneven(k):
        counts = torch.randint(3, 60, (k,), generator=rng).double()
        weights = 0.1 + torch.rand(k, generator=rng).double()
        return counts, weights / weights.sum()

    def without(k, absent):
        counts, weights = uneven(k)
        counts[absent] = 0
        forgiven = math.log(weights[counts > 0].sum())
        breaks = {
            "ZERO-LOG-ZERO": shows(lambda got, right: got != got),
            "KL-DIRECTION": shows(lambda got, right: abs(got) == math.inf),
            "MISSING-FORGIVEN": shows(lambda got, right: near(got, right + forgiven)),
            "ZERO-REPLACED": ELSE,
        }
        return Case(f"{k} modes, some without samples", (counts, weights), breaks)

    return [
        Case("four modes", uneven(4)),
        Case("seven modes", uneven(7)),
        without(5, [1, 3]),
        without(4, [0, 1, 3]),
    ]


# ---- 07.birthday: my_birthday(x [n, ...], close) -> (duplicates, support) ------------------------


def birthday(
    x,
    close,
    *,
    apart=lambda x: (x[:, None] - x).norm(dim=2),
    alike=lambda d, close: d < close,
    count=lambda alike: alike.triu(1).sum(),
    pairs=lambda n: n * (n - 1) / 2,
    support=lambda pairs, d, n: pairs / d,
    give=lambda d, support: (d, support),
):
    d = int(count(alike(apart(x.flatten(1)), close)))
    n = len(x)
    return give(d, support(pairs(n), d, n) if d else math.inf)


def two_numbers(value):
    duplicates, support = several(value, 2)
    return {
        "duplicates": number(duplicates, "`duplicates`"),
        "support": number(support, "`support`"),
    }


def gaps(x):
    return (x[:, None] - x).abs()


def others(alike):
    return alike & ~torch.eye(len(alike)).bool()


def close_ignored(ask, x, close):
    return near(ask(x, 0.5 * close), ask(x, close)) and near(ask(x, 2.5 * close), ask(x, close))


apart, alike, count, pairs, support, give = Part.of(birthday)
BIRTHDAY_MISTAKES = {
    "ORDER": give(lambda d, support: (support, d)),
    "SELF-PAIRS": (
        *count(lambda t: t.sum(), lambda t: t.triu().sum(), lambda t: t.sum() // 2),
        {"alike": lambda d, close: d.triu(1) < close, "count": lambda t: t.sum()},
        *pairs(lambda n: n * (n + 1) / 2),
    ),
    "ORDERED-PAIRS": (*count(lambda t: others(t).sum()), *pairs(lambda n: n * (n - 1))),
    "PAIRS-WITH-REPEATS": pairs(lambda n: n**2, lambda n: n**2 / 2, lambda n: (n - 1) ** 2 / 2),
    "BIRTHDAY-PAIRS": (
        *pairs(lambda n: n, lambda n: n - 1, lambda n: n / 2),
        *support(
            lambda pairs, d, n: n**2,
            lambda pairs, d, n: n**2 / 2,
            lambda pairs, d, n: n,
            lambda pairs, d, n: n - d,
            lambda pairs, d, n: (n / d) ** 2,
            lambda pairs, d, n: pairs,
            lambda pairs, d, n: pairs - d,
        ),
    ),
    "TWINS-NOT-PAIRS": count(
        lambda t: others(t).any(1).sum(),
        lambda t: t.triu(1).any(0).sum(),
        lambda t: t.triu(1).any(1).sum(),
    ),
    "RATE-NOT-SUPPORT": support(lambda pairs, d, n: d / pairs),
    "ROOT-OF-SUPPORT": support(lambda pairs, d, n: (pairs / d) ** 0.5),
    "WHOLE-NUMBER-DIVISION": support(lambda pairs, d, n: pairs // d),
    "ONE-MORE": support(lambda pairs, d, n: pairs / (d + 1), lambda pairs, d, n: pairs / d + 1),
    "NEIGHBOURS-ONLY": (
        *count(lambda t: t.diagonal(1).sum()),
        {"count": lambda t: t.diagonal(1).sum(), "pairs": lambda n: n - 1},
    ),
    "EXACT-EQUALITY": alike(lambda d, close: d == 0),
    "SQUARED-DISTANCE": alike(lambda d, close: d**2 < close, lambda d, close: d < close**2),
    "NOT-EUCLIDEAN": apart(
        lambda x: gaps(x).amax(2),
        lambda x: gaps(x).sum(2),
        lambda x: gaps(x).square().mean(2).sqrt(),
        lambda x: gaps(x)[:, :, 0],
    ),
    "FAR-NOT-CLOSE": alike(lambda d, close: d > close),
    "FIXED-DISTANCE": (asks(close_ignored),),
    "OTHER-DISTANCE": (other_length(lambda *args: two_numbers(birthday(*args))),),
    "ROW-IGNORED": (free_row(birthday),),
}


NONE_ALIKE = {
    "NONE-FOUND/stopped": shows(lambda got, right: isinstance(got, Stopped)),
    "NONE-FOUND": ELSE,
}


def birthday_cases(seed):
    """Pairs at known distances, counted in `close`; images; and a set in which nothing is alike."""
    rng = seeded(seed)
    kinds = [(0.0, 0), (0.8, 0), (0.66, 0.66), (0.8, 0.8), (1.3, 0), (0, 1.7), (2.6, 0)]

    def crowd(close):
        many = torch.randint(1, 6, (len(kinds),), generator=rng)
        offsets = torch.tensor(kinds).repeat_interleave(many, 0)
        n = len(offsets)
        places = 30.0 * torch.cartesian_prod(torch.arange(7.0), torch.arange(6.0))[: n + 1]
        heap = places[n] + 0.2 * torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1], [2, 1]])
        x = close * torch.cat([places[:n], places[:n] + offsets, heap, places[n:] + 40])
        return x[torch.randperm(len(x), generator=rng)].double(), close

    images = torch.randn(6, 1, 4, 4, generator=rng).double()
    images = torch.cat([images, images[:2] + 0.01, images[:1] - 0.01])
    return [
        Case("pairs at known distances", crowd(0.3)),
        Case("another `close`", crowd(0.07)),
        Case("a wider `close`", crowd(2.0)),
        Case("images [9, 1, 4, 4]", (images, 0.5), {"IMAGES-NOT-FLAT": ELSE}),
        Case("points in space", (3 * torch.eye(5)[:, [0, 1, 2]], 0.5), {"IMAGES-NOT-FLAT": ELSE}),
        Case("three points far apart", (torch.eye(3).double(), 0.3), NONE_ALIKE),
    ]


# ---- 07.proved: my_verdicts() -> {"a": bool, ...} ------------------------------------------------

CLAIMS = {  # letter: (is it proved?, the mistake of one who says otherwise)
    "a": (False, "LOSS-PROVES"),
    "b": (False, "GRID-OF-64"),
    "c": (True, "TOO-CAUTIOUS/c"),
    "d": (False, "SPREAD-IS-NOT-COVERAGE"),
    "e": (False, "N-OF-ONE"),
    "f": (False, "KL-FLOOR"),
    "g": (False, "JUNK-COVERAGE"),
    "h": (True, "TOO-CAUTIOUS/h"),
}


def verdicts(**changed):
    """The right verdicts, some changed."""
    return {letter: proved for letter, (proved, _) in CLAIMS.items()} | changed


def judge_verdicts(answer, seed):
    said = answer()
    wrong = not_these_keys(said, CLAIMS)
    if wrong:
        return wrong
    for letter, verdict in said.items():
        if not isinstance(verdict, bool | np.bool_):
            return Misconception("NOT-A-VERDICT", letter=letter, verdict=repr(verdict))
    missed = [code for letter, (proved, code) in CLAIMS.items() if said[letter] != proved]
    return Misconception(missed[0], n=len(CLAIMS) - len(missed)) if missed else None


def not_these_keys(said, keys):
    """None if this is a dict with just these keys, or what is wrong with it."""
    if not isinstance(said, dict):
        return Misconception("NOT-A-DICT", kind=type(said).__name__, keys=", ".join(keys))
    missing, extra = [k for k in keys if k not in said], [k for k in said if k not in keys]
    if missing:
        return Misconception("ONE-MISSING", missing=", ".join(missing), keys=", ".join(keys))
    if extra:
        return Misconception("ONE-TOO-MANY", extra=", ".join(map(str, extra)), keys=", ".join(keys))
    return None


def otherwise(letter):
    """An answer that is right but for this claim."""
    return lambda: verdicts(**{letter: not CLAIMS[letter][0]})


PROVED_MISTAKES = {code: (otherwise(letter),) for letter, (_, code) in CLAIMS.items()}

# ---- 07.diagnose: my_diagnoses() -> {"patient 01": diagnosis, ...} -------------------------------

PATIENTS = [f"patient {number:02}" for number in (1, 2, 6, 7, 8, 10, 12, 14)]
DIAGNOSES = list(FIRST)
PLAYERS = ("discriminator too strong", "generator starved", "diverged")
SYMPTOMS = ("dropped modes", "wrong proportions", "oscillation")
CAUSES = ("full collapse", "memorisation")


def diagnoses(**changed):
    """The right diagnoses, some changed: patient_01="healthy"."""
    right = {name: clinic.truth(name)[0] for name in PATIENTS}
    return right | {name.replace("_", " "): claim for name, claim in changed.items()}


def judge_diagnoses(answer, seed):
    said = answer()
    wrong = not_these_keys(said, PATIENTS)
    if wrong:
        return wrong
    said = {name: str(claim).strip().lower() for name, claim in said.items()}
    for name, claim in said.items():
        if claim not in DIAGNOSES:
            return Misconception("NO-SUCH-DIAGNOSIS", name=name, claim=claim)
    truth = diagnoses()
    missed = [name for name in PATIENTS if said[name] != truth[name]]
    if not missed:
        return None
    speaks = [f"{name}: you say {said[name]}, but {against(name, said[name])}." for name in missed]
    code = taken_for(missed[0], said[missed[0]], truth[missed[0]])
    return Misconception(code, n=len(PATIENTS) - len(missed), against=" ".join(speaks[:3]))


def taken_for(name, claim, truth):
    """The code of taking `truth` for `claim`."""
    if claim in ("healthy", "nearly healthy"):
        return "OVERLOOKED"
    if claim == "unknown":
        return "GAVE-UP"
    if truth == "unknown":
        return "FORCED-DIAGNOSIS"
    if claim in SYMPTOMS and truth in CAUSES and is_there(name, claim):
        return "SYMPTOM-FOR-CAUSE"
    if "oscillation" in (claim, truth):
        return "ONE-LOOK"
    if "collapse within modes" in (claim, truth):
        return "SPREAD-IS-NOT-COVERAGE"
    if claim == "full collapse":
        return "EVERYTHING-IS-COLLAPSE"
    return "BLAMED-THE-PLAYERS" if claim in PLAYERS else "MISDIAGNOSED"


def is_there(name, symptom):
    """Does this patient show the symptom?"""
    s = Signs.of(clinic.patient(name))
    if symptom == "dropped modes":
        return s.coverage.modes < s.coverage.of
    return symptom == "wrong proportions" or s.movement.change >= 0.2


def against(name, claim):
    """What speaks against a claim, in numbers; the right name is not told."""
    run = clinic.patient(name)
    if not torch.isfinite(run.samples).all():
        return "its samples are not all finite"
    s = Signs.of(run)
    c, top = s.coverage, float(s.shares[-1].max())
    poor = f"{c.quality:.0%} of its samples are near a mode"
    still = f"only {s.movement.change:.0%} of the samples change their mode from look to look"
    if claim == "full collapse":
        return f"the fullest mode has {top:.0%} of the samples" if top < 0.9 else poor
    if claim == "oscillation":
        return still if s.movement.change < 0.2 else "at each look one mode has nearly everything"
    if claim == "memorisation":
        if s.memory is None:
            return "it never saw a training example twice: its data were drawn anew at each step"
        return f"{s.memory.nearer:.0%} of samples are nearer to the training set (innocent: 50%)"
    if claim == "discriminator too strong":
        return f"D tells {s.d_accuracy:.0%} of examples right, and {c.quality:.0%} are near a mode"
    if claim == "generator starved":
        return f"G moved its samples by {s.moved:.0%} of the size of the data"
    if claim == "diverged":
        return f"half of its samples lie within {s.reach:.1f} times the size of the data"
    return against_shares(s, claim, poor, top)


def against_shares(s, claim, poor, top):
    """The same for claims about modes, shares and widths."""
    c = s.coverage
    shares = f"the reverse KL is {c.reverse_kl:.3f} (a perfect sampler: {kl_floor(c.of, 800):.3f})"
    narrow = s.within.narrow.nanmedian()
    if claim == "unknown":
        return "one of the nine patterns fits it"
    if c.quality < 0.5:
        return poor
    if claim == "collapse within modes":
        wide = s.within.spread.nanmedian()
        return f"its modes are {wide:.2f} times as wide as the true ones, {narrow:.2f} at the narrowest"
    if claim == "dropped modes" and c.modes == c.of:
        return f"all {c.of} modes are found, and the emptiest has {int(c.counts.min())} samples"
    if claim in ("healthy", "nearly healthy") and narrow < 0.1:
        return f"in their narrowest direction its modes have {narrow:.2f} of the true width"
    if claim == "wrong proportions" and (c.reverse_kl > 0.06 or s.memory):
        return f"something further up the list brings its uneven shares along ({c.modes} modes)"
    return shares if top < 0.9 else f"the fullest mode has {top:.0%} of the samples"


def instead(number, claim):
    """An answer that is right but for this patient."""
    return lambda: diagnoses(**{f"patient_{number}": claim})


DIAGNOSE_MISTAKES = {
    "OVERLOOKED": (instead("14", "healthy"),),
    "GAVE-UP": (instead("10", "unknown"),),
    "FORCED-DIAGNOSIS": (instead("06", "wrong proportions"),),
    "SYMPTOM-FOR-CAUSE": (instead("02", "oscillation"), instead("07", "wrong proportions")),
    "ONE-LOOK": (instead("08", "dropped modes"),),
    "EVERYTHING-IS-COLLAPSE": (instead("10", "full collapse"),),
    "SPREAD-IS-NOT-COVERAGE": (instead("14", "dropped modes"),),
    "BLAMED-THE-PLAYERS": (instead("12", "discriminator too strong"),),
    "MISDIAGNOSED": (instead("01", "memorisation"), instead("07", "dropped modes")),
}

# ---- in the lesson: the chance to see a mode, and what a perfect generator scores ----------------


def chance(
    n, share, *, miss=lambda p: 1 - p, often=lambda m, n: m**n, end=lambda unseen: 1 - unseen
):
    return end(often(miss(share), n))


miss, often, end = Part.of(chance)
CHANCE_MISTAKES = {
    "UNSEEN-FOR-SEEN": end(lambda unseen: unseen),
    "CHANCES-ADDED": (lambda n, p: n * p, lambda n, p: min(1.0, n * p)),
    "ALL-FOR-ONE": (*miss(lambda p: p), lambda n, p: p**n),
    "ONE-SAMPLE": often(lambda m, n: m),
    "MISSES-ADDED": often(lambda m, n: m * n),
    "EXACTLY-ONE": (lambda n, p: n * p * (1 - p) ** (n - 1),),
    "ONE-DRAW-OFF": often(lambda m, n: m ** (n - 1), lambda m, n: m ** (n + 1)),
}


def chance_cases(seed):
    rng = seeded(seed)
    shares = (0.02 + 0.1 * torch.rand(3, generator=rng)).tolist()
    return [Case(f"{n} samples", (n, p)) for n, p in zip((7, 12, 24), shares)]


def floor(k, n, *, free=lambda k: k - 1, half=lambda x: x / 2, end=lambda x, n: x / n):
    return end(half(free(k)), n)


free, half, end = Part.of(floor)
FLOOR_MISTAKES = {
    "MODES-NOT-FREEDOM": free(lambda k: k),
    "HALF-FORGOTTEN": half(lambda x: x),
    "DOUBLED": half(lambda x: 2 * x),
    "NO-SAMPLES": end(lambda x, n: x),
    "SAMPLES-NOT-FREEDOM": end(lambda x, n: x / (n - 1)),
    "ROOT-OF-N": end(lambda x, n: x / n**0.5),
    "TURNED-OVER": (lambda k, n: 2 * n / (k - 1), lambda k, n: n / (2 * (k - 1))),
    "TIMES-N": end(lambda x, n: x * n),
}


def floor_cases(seed):
    rng = seeded(seed)
    sizes = [int(torch.randint(20, 60, (1,), generator=rng)) for _ in range(3)]
    return [Case(f"{k} modes, {n} samples", (k, n)) for k, n in zip((8, 25, 5), sizes)]


EXERCISES = {
    "counter": Exercise(
        "07.counter", counter, COUNTER_MISTAKES, counter_cases, observe=three_values
    ),
    "reverse_kl": Exercise("07.reverse_kl", reverse_kl, KL_MISTAKES, kl_cases, what="your KL"),
    "birthday": Exercise(
        "07.birthday", birthday, BIRTHDAY_MISTAKES, birthday_cases, read=two_numbers
    ),
    "proved": Probe("07.proved", verdicts, judge_verdicts, PROVED_MISTAKES),
    "diagnose": Probe("07.diagnose", diagnoses, judge_diagnoses, DIAGNOSE_MISTAKES),
    "turn_chance": Exercise(
        "07.turn_chance", chance, CHANCE_MISTAKES, chance_cases, what="your chance"
    ),
    "turn_floor": Exercise(
        "07.turn_floor", floor, FLOOR_MISTAKES, floor_cases, what="your floor", library=kl_floor
    ),
}
