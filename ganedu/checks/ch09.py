"""Checks of chapter 09: Frechet distance, KID, precision and recall, from two sets of features.

Each exercise is the formula in its parts and what people put in their place, sets on which
right-looking formulas break (no full rank, one column, two sizes, points on a rim), and properties:
what moves the learner's number when the sets are moved, scaled or turned.
"""

import torch
from torch import linalg

from ganedu import metrics
from ganedu.checks.exercise import Case, Exercise, Part, asks, shows
from ganedu.checks.probes import near, number, seeded, several

ELSE = shows(lambda got, right: True)
NOT_A_NUMBER = shows(lambda got, right: got != got or abs(got) == float("inf"))


def one_real_number(value):
    """One number; a complex one stays as it is, so that it can be named."""
    if isinstance(value, torch.Tensor) and value.is_complex() and value.numel() == 1:
        return value.item()
    return value if isinstance(value, complex) else number(value)


def close(a, b, tolerance):
    if isinstance(a, complex) or isinstance(b, complex):
        return False
    return near(a, b, tolerance) if tolerance < 1e-3 else abs(a - b) < tolerance


def gap(x, y):
    return x.mean(0) - y.mean(0)


def alike(ask, sets, others, *rest):
    """Does the answer give the same for these other sets?"""
    return near(ask(*others, *rest), ask(*sets, *rest), 1e-6)


def swapped(sets, i, x):
    return (*sets[:i], x, *sets[i + 1 :])


def all_count(ask, sets):
    """Does the learner's number depend on each of the sets?"""
    return not any(alike(ask, sets, swapped(sets, i, x**3 + 2)) for i, x in enumerate(sets))


def still(change):
    """The learner's number stays when all sets are changed so, though each set counts for it."""
    return asks(lambda ask, *sets: alike(ask, sets, change(*sets)) and all_count(ask, sets))


def one_row_is_free(ask, *sets):
    """Is there a first or last row of some set that may be anything?"""
    return all_count(ask, sets) and any(
        alike(ask, sets, swapped(sets, i, torch.cat([x[:-1], x[-1:] + 1]).roll(turn, 0)))
        for i, x in enumerate(sets)
        for turn in (0, 1)
    )


DRAWS = asks(lambda ask, *args: not near(ask(*args), ask(*args), 1e-9))

# ---- 09.frechet: my_frechet(real, fake) -> number ------------------------------------------------


def covariance(x):
    return x.T.cov().reshape(x.shape[1], -1)


def root(S):
    values, vectors = linalg.eigh(S)
    return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T


def roots(S):
    return linalg.eigvalsh(S).clamp(min=0).sqrt().sum()


def distance(
    real,
    fake,
    *,
    shift=lambda x, y: (gap(x, y) ** 2).sum(),
    cov=covariance,
    cov_y=None,  # the fakes' covariance, where it is another
    overlap=lambda S, T: roots(root(S) @ T @ root(S)),
    spread=lambda S, T, both: S.trace() + T.trace() - 2 * both,
    end=lambda f, x: f,
):
    S, T = cov(real), (cov_y or cov)(fake)
    return end(shift(real, fake) + spread(S, T, overlap(S, T)), real)


def one_side(wrong):
    """A wrong covariance of the real examples alone, and of the fakes alone."""
    return {"cov": wrong, "cov_y": covariance}, {"cov_y": wrong}


def ridge(e):
    return lambda x: covariance(x) + e * torch.eye(x.shape[1], dtype=x.dtype)


def biased(x):
    return x.T.cov(correction=0)


def uncentred(x):
    return x.T @ x / (len(x) - 1)


def equal_means_are_right(ask, x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return close(ask(x, y), float(distance(x, y)), 1e-6)


def a_shift_is_right(ask, x, y):
    return close(ask(x, y) - ask(x, y + gap(x, y)), float((gap(x, y) ** 2).sum()), 1e-6)


def large_sets_are_right(ask, x, y):
    return close(ask(1e4 * x, 1e4 * y), float(distance(1e4 * x, 1e4 * y)), 1e-6)


shift, cov, _, overlap, spread, end = Part.of(distance)
FRECHET_MISTAKES = {
    "COMPLEX": (shows(lambda got, right: isinstance(got, complex)),),
    "NOT-A-NUMBER": (NOT_A_NUMBER,),
    "COVARIANCE-AXIS": cov(lambda x: x.cov(), lambda x: (x - x.mean(0)).cov()),
    "MEAN-TERM-MISSING": shift(lambda x, y: 0.0),
    "MEAN-NOT-SQUARED": shift(
        lambda x, y: gap(x, y).norm(),
        lambda x, y: gap(x, y).abs().sum(),
        lambda x, y: gap(x, y).sum(),
        lambda x, y: gap(y, x).sum(),
    ),
    "MEAN-AVERAGED": shift(lambda x, y: (gap(x, y) ** 2).mean()),
    "MEAN-OVER-EVERYTHING": shift(
        lambda x, y: (x.mean() - y.mean()) ** 2,
        lambda x, y: ((x.mean(1) - y.mean(1)) ** 2).sum(),
    ),
    "MEDIAN-FOR-MEAN": shift(
        lambda x, y: ((x.median(0)[0] - y.median(0)[0]) ** 2).sum(),
        lambda x, y: ((x.quantile(0.5, 0) - y.quantile(0.5, 0)) ** 2).sum(),
    ),
    "ELEMENTWISE-SQRT": overlap(
        lambda S, T: (S @ T).sqrt().trace(),
        lambda S, T: (S.sqrt() @ T.sqrt()).trace(),
        lambda S, T: (S.sqrt() @ T @ S.sqrt()).sqrt().trace(),
        lambda S, T: (root(S) @ T @ root(S)).sqrt().trace(),
    ),
    "VARIANCES-ONLY": overlap(lambda S, T: (S * T).diag().sqrt().sum()),
    "ROOTS-MULTIPLIED": overlap(lambda S, T: (root(S) @ root(T)).trace()),
    "EIGVALSH-OF-PRODUCT": overlap(lambda S, T: roots(S @ T), lambda S, T: roots(T @ S)),
    "SINGULAR-FOR-EIGEN": overlap(lambda S, T: linalg.svdvals(S @ T).sqrt().sum()),
    "CHOLESKY-FOR-ROOT": overlap(
        lambda S, T: (linalg.cholesky(S) @ linalg.cholesky(T)).trace(),
        lambda S, T: roots(linalg.cholesky(S) @ T @ linalg.cholesky(S)),
        lambda S, T: roots(linalg.cholesky(S) @ T @ linalg.cholesky(S).T),
    ),
    "NO-ROOT": overlap(lambda S, T: (S @ T).trace()),
    "SUM-FOR-TRACE": (
        *overlap(lambda S, T: root(root(S) @ T @ root(S)).sum()),
        {
            "overlap": lambda S, T: root(root(S) @ T @ root(S)).sum(),
            "spread": lambda S, T, both: S.sum() + T.sum() - 2 * both,
        },
    ),
    "COVARIANCES-MISSING": spread(lambda S, T, both: 0.0),
    "OVERLAP-ONCE": spread(lambda S, T, both: S.trace() + T.trace() - both),
    "OVERLAP-ADDED": spread(lambda S, T, both: S.trace() + T.trace() + 2 * both),
    "OVERLAP-MISSING": spread(lambda S, T, both: S.trace() + T.trace()),
    "COVARIANCES-SUBTRACTED": spread(
        lambda S, T, both: ((S - T) ** 2).sum(), lambda S, T, both: (S - T).norm()
    ),
    "TRACES-SUBTRACTED": spread(
        lambda S, T, both: (S - T).trace() - 2 * both, lambda S, T, both: (S - T).trace().abs()
    ),
    "SQUARE-ROOT": end(lambda f, x: f.sqrt()),
    "HALVED": end(lambda f, x: f / 2),
    "AVERAGED-OVER-FEATURES": end(lambda f, x: f / x.shape[1]),
    "BIASED-DIVISOR": cov(biased),
    "BIASED-DIVISOR/one": one_side(biased),
    "NOT-DIVIDED": cov(lambda x: (len(x) - 1) * x.T.cov()),
    "NOT-CENTRED": (*cov(uncentred, lambda x: x.T @ x / len(x)), *one_side(uncentred)),
    "CORRELATION-NOT-COVARIANCE": cov(lambda x: x.T.corrcoef()),
    "EPSILON-WINS": (*cov(ridge(1e-3)), asks(large_sets_are_right)),
    "DRAWS-LOTS": (DRAWS,),
    "LENGTH-LOST": (
        still(lambda x, y: (3 * x, 3 * y)),
        still(lambda x, y: (x * UNITS, y * UNITS)),
    ),
    "MEAN-TERM": (asks(equal_means_are_right),),
    "COVARIANCE-TERM": (asks(a_shift_is_right),),
    "ROW-IGNORED": (asks(one_row_is_free),),
}
EPSILON = shows(lambda got, right: isinstance(got, float) and abs(got - right) < 0.05 * (1 + right))


UNITS = torch.tensor([1.0, 0.5, 4.0]).double()  # of three features
MIX = torch.tensor([[2.0, 0.3, 0.1], [0.9, 1.1, 0.2], [0.4, 0.2, 0.6]]).double()
OTHER = torch.tensor([[0.5, 0.1, 0.8], [0.2, 1.4, 0.3], [0.1, 0.9, 1.7]]).double()


def frechet_cases(seed):
    """Ordinary pairs, whose covariances do not commute; then those that break right-looking answers."""
    points = drawing(seed)

    def pair(n, m):
        x, y = points(n, 3) @ MIX.T, points(m, 3) @ OTHER.T
        return x + torch.tensor([0.8, -1.3, 2.0]), y + torch.tensor([2.0, 1.2, 2.7])

    full = points(50, 4) @ (torch.eye(4).double() + 0.5)
    point = torch.full((40, 4), 0.7).double()
    steps = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    flat = {
        "all fakes on one point": (full, point),
        "all reals on one point": (point, full),
        "all fakes on one line": (full, steps * torch.tensor([[1.0, -2.0, 0.3, 0.9]]).double()),
        "fewer examples than features": (0.3 * points(5, 9), 0.4 * points(6, 9)),
        "the same set twice": (full, full.clone()),
    }
    broken = {"EPSILON-WINS": EPSILON, "RANK-DEFICIENT": ELSE}
    return [
        Case("two sets of 60 examples", pair(60, 60), tolerance=1e-5),
        Case("two sets of 25 examples", pair(25, 25)[::-1], tolerance=1e-5),
        Case("60 and 41 examples", pair(60, 41), {"TWO-SIZES": ELSE}, 1e-5),
        Case("one feature", (points(30, 1), 2 + 3 * points(25, 1)), {"ONE-FEATURE": ELSE}, 1e-5),
        *(Case(what, sets, broken, 2e-3) for what, sets in flat.items()),
    ]


def drawing(seed):
    """points(n, d), each time new ones."""
    rng = seeded(seed)
    return lambda n, d: torch.randn(n, d, generator=rng, dtype=torch.float64)


frechet = Exercise(
    "09.frechet",
    distance,
    FRECHET_MISTAKES,
    frechet_cases,
    read=one_real_number,
    same=close,
    what="your distance",
    library=metrics.frechet,
)

# ---- 09.kid: my_kid(real, fake) -> number --------------------------------------------------------


def others(k):
    """The sum of a square table without its diagonal."""
    return k.sum() - k.diagonal().sum()


def pairs_in(k):
    return len(k) * (len(k) - 1)


def mmd(
    real,
    fake,
    *,
    product=lambda x, y, n: x @ y.T / x.shape[1],
    plus=lambda p, d: p + 1,
    power=lambda p: p**3,
    within=lambda k: others(k) / pairs_in(k),
    within_y=None,  # among the fakes, where it is another mean
    mixed=lambda k: k.mean(),
    join=lambda a, b, c: a + b - 2 * c,
    end=lambda v: v,
):
    n, d = real.shape

    def kernel(x, y):
        return power(plus(product(x, y, n), d))

    a, b = within(kernel(real, real)), (within_y or within)(kernel(fake, fake))
    return end(join(a, b, mixed(kernel(real, fake))))


def mean(k):
    return k.mean()


product, plus, power, within, within_y, mixed, join, end = Part.of(mmd)
KID_MISTAKES = {
    "NOT-A-NUMBER": (NOT_A_NUMBER,),
    "KID-DIAGONAL": (
        *within(mean),
        *within_y(mean),
        {"within": mean, "within_y": lambda k: others(k) / pairs_in(k)},
    ),
    "ONLY-SELF-PAIRS": within(lambda k: k.diagonal().mean()),
    "PAIRS-MISCOUNTED": within(
        lambda k: others(k) / k.numel(),
        lambda k: k.sum() / pairs_in(k),
        lambda k: others(k) / k.numel() + 1 / len(k),
        lambda k: others(k) / (len(k) - 1) ** 2,
        lambda k: others(k) / (len(k) * (len(k) + 1)),
        lambda k: k.triu().sum() / (len(k) * (len(k) + 1) / 2),
    ),
    "HALF-OF-PAIRS": within(
        lambda k: others(k) / pairs_in(k) / 2,
        lambda k: others(k) / pairs_in(k) * 2,
        lambda k: k.triu(1).mean(),
    ),
    "CROSS-PAIRED": mixed(lambda k: k.diagonal().mean()),
    "CROSS-DIAGONAL": mixed(lambda k: others(k) / (k.numel() - min(k.shape))),
    "CROSS-MISCOUNTED": mixed(
        lambda k: others(k) / k.numel(),
        lambda k: k.sum() / (k.numel() - min(k.shape)),
        lambda k: k.sum() / len(k),
    ),
    "CROSS-ONCE": join(lambda a, b, c: a + b - c),
    "CROSS-ADDED": join(lambda a, b, c: a + b + 2 * c, lambda a, b, c: a + b + c),
    "CROSS-MISSING": join(
        lambda a, b, c: a + b, lambda a, b, c: a - b, lambda a, b, c: (a - b).abs()
    ),
    "ONE-SIDED": join(
        lambda a, b, c: a - c,
        lambda a, b, c: b - c,
        lambda a, b, c: a - 2 * c,
        lambda a, b, c: b - 2 * c,
        lambda a, b, c: 2 * a - 2 * c,
        lambda a, b, c: 2 * b - 2 * c,
    ),
    "ONE-SUBTRACTED": join(lambda a, b, c: a - b - 2 * c, lambda a, b, c: b - a - 2 * c),
    "CROSS-ALONE": join(lambda a, b, c: c, lambda a, b, c: 2 * c, lambda a, b, c: -2 * c),
    "SQUARE-ROOT": end(lambda v: v.sqrt(), lambda v: v.abs().sqrt(), lambda v: v.relu().sqrt()),
    "CLAMPED": end(lambda v: v.relu(), lambda v: v.abs()),
    "HALVED": end(lambda v: v / 2),
    "SIGN": end(lambda v: -v),
    "NOT-AVERAGED": (
        {"within": lambda k: k.sum(), "mixed": lambda k: k.sum()},
        {"within": others, "mixed": lambda k: k.sum()},
        *within(others, lambda k: k.sum()),
        *mixed(lambda k: k.sum()),
    ),
    "MEDIAN-FOR-MEAN": (
        *mixed(lambda k: k.median()),
        {"mixed": lambda k: k.median(), "within": lambda k: k[~torch.eye(len(k)).bool()].median()},
    ),
    "KERNEL-DEGREE": power(lambda p: p**2, lambda p: p**4),
    "KERNEL-NO-D": product(lambda x, y, n: x @ y.T),
    "KERNEL-DIVIDED-BY-N": product(
        lambda x, y, n: x @ y.T / len(x),
        lambda x, y, n: x @ y.T / len(y),
        lambda x, y, n: x @ y.T / n,
    ),
    "KERNEL-NO-ONE": plus(lambda p, d: p),
    "KERNEL-ONE-INSIDE": plus(lambda p, d: p + 1 / d),
    "KERNEL-ROOT-D": product(lambda x, y, n: x @ y.T / x.shape[1] ** 0.5),
    "KERNEL-D-OUTSIDE": (
        {"product": lambda x, y, n: x @ y.T, "end": lambda v: v / 3},
        {"product": lambda x, y, n: x @ y.T, "end": lambda v: v / 3, "plus": lambda p, d: p},
    ),
    "KERNEL-MINUS": plus(lambda p, d: p - 1, lambda p, d: 1 - p),
    "KERNEL-ABSOLUTE": power(lambda p: p.abs() ** 3, lambda p: p.relu() ** 3),
    "KERNEL-AXIS": product(lambda x, y, n: x.T @ y / len(x), lambda x, y, n: x.T @ y / x.shape[1]),
    "MEANS-ONLY": (
        *power(lambda p: p),
        lambda x, y: (gap(x, y) ** 2).sum(),
        lambda x, y: (gap(x, y) ** 2).mean(),
        lambda x, y: (gap(x, y) ** 2).sum() ** 3,
    ),
    "POWER-TOO-LATE": (
        {
            "power": lambda p: p,
            "within": lambda k: (others(k) / pairs_in(k)) ** 3,
            "mixed": lambda k: k.mean() ** 3,
        },
        {"power": mean, "within": lambda v: v**3, "mixed": lambda v: v**3},
    ),
    "DRAWS-LOTS": (DRAWS,),
    "NOT-FROM-THE-ORIGIN": (
        still(lambda x, y: (x + 1, y + 1)),
        still(lambda x, y: (x, y + 1)),
    ),
    "LENGTH-LOST": (still(lambda x, y: (3 * x, 3 * y)), still(lambda x, y: (x, 3 * y))),
    "ROW-IGNORED": (asks(one_row_is_free),),
}


def kid_cases(seed):
    """Far and near pairs of equal size, one with a number below 0; two sizes; and equal rows."""
    points = drawing(seed)
    near_ones = ((points(8, 3), points(8, 3)) for _ in range(1000))
    below = next(pair for pair in near_ones if metrics.kid(*pair) < -0.1)
    x, y = points(4, 3).repeat(2, 1), points(4, 3).repeat(2, 1) + 0.3
    y[0] = x[0]
    return [
        Case("two sets of 9 examples", (points(9, 3) + 2, 1.5 * points(9, 3)), tolerance=1e-5),
        Case("two samples of one distribution", below, tolerance=1e-5),
        Case("9 and 6 examples", (points(9, 3) + 0.5, points(6, 3)), {"TWO-SIZES": ELSE}, 1e-5),
        Case("5 features", (points(7, 5), points(7, 5) + 1), {"KERNEL-FIXED-D": ELSE}, 1e-5),
        Case("a row that stands in a set twice", (x, y), {"EQUAL-ROWS-DROPPED": ELSE}, 1e-5),
    ]


def near_or_both_nan(a, b, tolerance):
    return near(a, b, tolerance) or (a != a and b != b)


kid = Exercise("09.kid", mmd, KID_MISTAKES, kid_cases, alike=near_or_both_nan, library=metrics.kid)

# ---- 09.precision_recall: my_precision_recall(train, held_out, fake, k) -> (precision, recall) ---


def in_order(a, b, p=2.0):
    return torch.cdist(a, b, p).sort(dim=1).values


def first_rows(real, fake, train):
    return real[: len(fake)], fake[: len(real)]


def shares(
    train,
    held_out,
    fake,
    k=3,
    *,
    reference=lambda train, held_out: held_out,
    cut=first_rows,
    apart=torch.cdist,
    radius=lambda centres, points, k: in_order(centres, centres)[:, k],
    inside=lambda d, radius: d < radius,
    share=lambda table, k: table.any(1).double().mean(),
    give=lambda precision, recall: (precision, recall),
):
    real, fake = cut(reference(train, held_out), fake, train)

    def part(points, centres):
        return share(inside(apart(points, centres), radius(centres, points, k)), k)

    return give(part(fake, real), part(real, fake))


def two_shares(value):
    value = tuple(value.values()) if isinstance(value, dict) else value
    precision, recall = several(value, 2)
    return {
        "your precision": number(precision, "Your precision"),
        "your recall": number(recall, "Your recall"),
    }


def of_three(real, fake, train):
    n = min(len(real), len(fake), len(train))
    return real[:n], fake[:n]


def last_rows(real, fake, train):
    n = min(len(real), len(fake))
    return real[-n:], fake[-n:]


def but(rows):
    """The first rows, without some of them."""
    return lambda *sets: [x[rows] for x in first_rows(*sets)]


def metric(p):
    """Another distance: for the points, and for the radius too."""
    other = {"apart": lambda a, b: torch.cdist(a, b, p)}
    return other, {**other, "radius": lambda c, points, k: in_order(c, c, p)[:, k]}


def one_is_right(got, right):
    return [near(got[part], right[part]) for part in right].count(True) == 1


def all_three(change):
    """The learner's numbers move when this is done to all three sets."""
    return asks(lambda ask, *a: not alike(ask, a[:3], [change(x) for x in a[:3]], a[3]))


def moved_by_train(ask, train, held_out, fake, k):
    return not alike(ask, (train, held_out, fake), (train.flip(1) + 1, held_out, fake), k)


def moved_by_the_size_of_train(ask, train, held_out, fake, k):
    return not alike(ask, (train, held_out, fake), (train[: k + 2], held_out, fake), k)


def moved_by_later_rows(ask, train, held_out, fake, k):
    n = min(len(held_out), len(fake))
    later = (torch.cat([x[:n], x[n:].flip(1) + 0.5]) for x in (held_out, fake))
    return not alike(ask, (train, held_out, fake), (train, *later), k)


def moved_by_turning_alone(ask, *sets_and_k):
    *sets, k = sets_and_k
    turned, wider = ([f(x) for x in sets] for f in (lambda x: x @ TURN, lambda x: 3 * x))
    return alike(ask, sets, wider, k) and not alike(ask, sets, turned, k)


def only_one_k(ask, train, *sets_and_k):
    *sets, k = sets_and_k
    return alike(lambda *a: ask(train, *sets, *a), (k,), (k + 3,)) and all_count(
        lambda *others: ask(train, *others, k), sets
    )


TURN = torch.tensor([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]).double()
reference, cut, apart, radius, inside, share, give = Part.of(shares)
PR_MISTAKES = {
    "ALL-INSIDE": (shows(lambda got, right: set(got.values()) == {1.0}),),
    "SAME-TWICE": (
        shows(lambda got, right: len(set(got.values())) == 1 and one_is_right(got, right)),
    ),
    "TRAIN-LEAK": reference(
        lambda train, held_out: train,
        lambda train, held_out: torch.cat([train, held_out]),
        lambda train, held_out: torch.cat([held_out, train]),
    ),
    "PR-SWAPPED": give(lambda p, r: (r, p)),
    "K-OFF-BY-ONE": radius(lambda c, p, k: in_order(c, c)[:, k - 1]),
    "K-TOO-FAR": radius(lambda c, p, k: in_order(c, c)[:, k + 1]),
    "SAMPLE-SIZE": cut(lambda real, fake, train: (real, fake)),
    "TRAIN-CUTS": cut(of_three),
    "FIRST-ROWS": cut(last_rows),
    "ROW-IGNORED": cut(but(slice(0, -1)), but(slice(1, None))),
    "RADIUS-FROM-OTHER-SET": radius(
        lambda c, p, k: in_order(c, p)[:, k - 1],
        lambda c, p, k: in_order(c, p)[:, k],
        lambda c, p, k: in_order(c, torch.cat([c, p]))[:, k],
    ),
    "ONE-RADIUS": radius(
        lambda c, p, k: in_order(c, c)[:, k].mean(),
        lambda c, p, k: in_order(c, c)[:, k].max(),
        lambda c, p, k: in_order(c, c)[:, k].median(),
    ),
    "NO-RADIUS": radius(lambda c, p, k: torch.zeros(len(c))),
    "FARTHEST-FOR-NEAREST": radius(
        lambda c, p, k: in_order(c, c).flip(1)[:, k],
        lambda c, p, k: in_order(c, c).flip(1)[:, k - 1],
    ),
    "RADIUS-IS-A-MEAN": radius(
        lambda c, p, k: in_order(c, c)[:, 1 : k + 1].mean(1),
        lambda c, p, k: in_order(c, c)[:, : k + 1].mean(1),
        lambda c, p, k: in_order(c, c)[:, :k].mean(1),
    ),
    "RADIUS-HALVED": radius(lambda c, p, k: in_order(c, c)[:, k] / 2),
    "BALLS-COUNTED": (
        *share(lambda t, k: t.any(0).double().mean()),
        *radius(lambda c, p, k: in_order(p, p)[:, k, None]),
    ),
    "NEAREST-BALL-ONLY": inside(lambda d, radius: (d == d.amin(1, keepdim=True)) & (d < radius)),
    "COUNTED-NOT-SHARED": share(
        lambda t, k: t.sum(1).double().mean(),
        lambda t, k: t.sum(1).double().mean() / k,
        lambda t, k: t.double().mean(),
    ),
    "ALL-FOR-ANY": share(lambda t, k: t.all(1).double().mean()),
    "ONE-MINUS": share(lambda t, k: 1 - t.any(1).double().mean()),
    "SQUARED-MISMATCH": (
        *apart(lambda a, b: torch.cdist(a, b) ** 2),
        *radius(lambda c, p, k: in_order(c, c)[:, k] ** 2),
    ),
    "NOT-EUCLIDEAN": metric(1.0) + metric(float("inf")),
    "PERCENT": share(lambda t, k: 100 * t.any(1).double().mean()),
    "INTEGER": share(lambda t, k: t.any(1).sum()),
    "DRAWS-LOTS": (DRAWS,),
    "TRAIN-LEAK/asked": (asks(moved_by_train),),
    "TRAIN-CUTS/asked": (asks(moved_by_the_size_of_train),),
    "FIRST-ROWS/asked": (asks(moved_by_later_rows),),
    "K-IGNORED": (asks(only_one_k),),
    "SCALE-MATTERS": (all_three(lambda x: 16 * x),),
    "NOT-EUCLIDEAN/asked": (asks(moved_by_turning_alone),),
    "PLACE-MATTERS": (all_three(lambda x: x + 3),),
}
MORE = shows(lambda got, right: all(got[part] >= right[part] for part in right))


def pr_cases(seed):
    """The fakes too narrow, shifted, and in part near-copies of train; then rims and equal rows."""
    points = drawing(seed)

    def uneven(n, wide=1.0):  # three coordinates; some points far out
        return points(n, 3) * torch.tensor([1.0, wide, 0.6]) * (0.6 * points(n, 1)).exp()

    def three(N, n, m, scale=1.0):
        train, held_out = uneven(N, 2.5), uneven(n, 2.5)
        fake = 0.8 * uneven(m) + torch.tensor([1.5, 0.4, -0.3])
        fake[::4] *= torch.tensor([2.5, 1.0, 2.0])
        fake[1::5] = train[: len(fake[1::5])] + 0.05 * points(len(fake[1::5]), 3)
        return scale * train, scale * held_out, scale * fake

    def line(*places):
        return torch.tensor([[place, 0.0, 0.0] for place in places], dtype=torch.float64)

    train = line(200, 201, 202, 203)
    rims = train, line(0, 1, 50, 51), line(-1, 2, 0.5, 52), 1
    equal = train, line(0, 0, 4, 5, 9), line(1, 1, 6, 2, 20), 1
    return [
        Case("45 real, 95 fake, k = 2", (*three(99, 45, 95, 0.1), 2), tolerance=1e-6),
        Case("90 real, 44 fake, k = 1", (*three(40, 90, 44, 2.0), 1), tolerance=1e-6),
        Case("55 real, 70 fake, k = 3", (*three(50, 55, 70), 3), tolerance=1e-6),
        Case("9 real, 8 fake, k = 6", (*three(20, 9, 8), 6), tolerance=1e-6),
        Case("points on the rim of balls", rims, {"RIM-COUNTS": MORE}, 1e-6),
        Case("a row that stands in a set twice", equal, {"EQUAL-ROWS-DROPPED": ELSE}, 1e-6),
    ]


precision_recall = Exercise("09.precision_recall", shares, PR_MISTAKES, pr_cases, read=two_shares)


# ---- the lesson's turns --------------------------------------------------------------------------


def from_hits(
    hits,
    k,
    *,
    number_of_balls=lambda t: t.sum(1),  # [fakes]: in how many balls is each?
    over_k=lambda c, k: c / k,
    average=lambda c, t: c.mean(),
    found=lambda t: t.any(0),  # [reals]: does the ball hold a fake?
    share=lambda f, t: f.double().mean(),
    give=lambda density, coverage: (density, coverage),
):
    """Density and coverage from a table [fakes, reals] of 0 and 1: does this ball hold this fake?"""
    t = hits.double()
    density = average(over_k(number_of_balls(t), k), t)
    return give(density, share(found(t.bool()), t))


def density_and_coverage(value):
    density, coverage = several(value, 2)
    return {
        "your density": number(density, "Your density"),
        "your coverage": number(coverage, "Your coverage"),
    }


balls, over_k, average, holds, covered, order = Part.of(from_hits)
COVERAGE_MISTAKES = {
    "PRECISION-FOR-DENSITY": balls(lambda t: t.amax(1)),
    "NOT-DIVIDED-BY-K": over_k(lambda c, k: c),
    "DIVIDED-BY-REALS": average(
        lambda c, t: c.mean() / t.shape[1], lambda c, t: c.sum() / t.shape[1]
    ),
    "SUM-FOR-MEAN": average(lambda c, t: c.sum()),
    "PRECISION-FOR-COVERAGE": holds(lambda t: t.any(1)),
    "ALL-FOR-ANY": holds(lambda t: t.all(0)),
    "COUNT-FOR-SHARE": covered(lambda f, t: f.double().sum()),
    "SHARE-OF-FAKES": covered(lambda f, t: f.double().sum() / len(t)),
    "ORDER": order(lambda density, coverage: (coverage, density)),
}


def hits_cases(seed):
    """Tables with empty balls, fakes outside all balls, and other numbers of fakes than of reals."""
    rng = seeded(seed)

    def table(fakes, reals, p):
        hits = torch.rand(fakes, reals, generator=rng) < p * torch.rand(reals, generator=rng)
        hits[:, :3] = False
        hits[: fakes // 5] = False
        hits[fakes // 5 :, 3] = True
        return hits.double()

    return [
        Case("40 fakes and 25 balls, k = 5", (table(40, 25, 0.3), 5)),
        Case("16 fakes and 30 balls, k = 3", (table(16, 30, 0.2), 3)),
    ]


turn_coverage = Exercise(
    "09.turn_coverage", from_hits, COVERAGE_MISTAKES, hits_cases, read=density_and_coverage
)


def told_apart(
    on_real,
    on_fake,
    *,
    real_right=lambda r: r > 0,
    fake_right=lambda f: f < 0,
    accuracy=lambda r, f: (r.double().mean() + f.double().mean()) / 2,
    bound=lambda a: 2 * a - 1,
):
    """The least share of misplaced samples, from D's logits on held-out reals and fakes."""
    return bound(accuracy(real_right(on_real), fake_right(on_fake)))


real_right, fake_right, accuracy, bound = Part.of(told_apart)
C2ST_MISTAKES = {
    "ACCURACY-ITSELF": bound(lambda a: a, lambda a: 100 * a),
    "HALF-OF-IT": bound(lambda a: a - 0.5),
    "ERROR-RATE": bound(lambda a: 1 - a, lambda a: 2 * (1 - a)),
    "SIGN": bound(lambda a: 1 - 2 * a),
    "CLAMPED": bound(lambda a: (2 * a - 1).clamp(min=0), lambda a: (2 * a - 1).abs()),
    "LOGIT-NOT-PROBABILITY": (
        {"real_right": lambda r: r > 0.5, "fake_right": lambda f: f < 0.5},
        *real_right(lambda r: r > 0.5),
        *fake_right(lambda f: f < 0.5),
    ),
    "FAKE-TURNED": fake_right(lambda f: f > 0),
    "REAL-TURNED": real_right(lambda r: r < 0),
    "ONE-SIDE-ONLY": accuracy(lambda r, f: r.double().mean(), lambda r, f: f.double().mean()),
    "SUM-FOR-MEAN": accuracy(lambda r, f: r.double().mean() + f.double().mean()),
    "NOT-COUNTED": (
        {
            "real_right": lambda r: r,
            "fake_right": lambda f: -f,
            "accuracy": lambda r, f: (r.mean() + f.mean()) / 2,
        },
        {
            "real_right": lambda r: r.sigmoid(),
            "fake_right": lambda f: 1 - f.sigmoid(),
        },
    ),
}


def logits_cases(seed):
    """A good D, one that is right less often than by chance, and unequal numbers of the two."""
    points = drawing(seed)

    def logits(n, at):
        return points(n, 1)[:, 0] + at

    return [
        Case("logits of a good D", (logits(60, 0.9), logits(60, -0.6))),
        Case("a D worse than chance", (logits(60, -0.8), logits(60, 0.5))),
        Case("60 reals and 25 fakes", (logits(60, 1.2), logits(25, 0.1)), {"TWO-SIZES": ELSE}),
    ]


turn_c2st = Exercise("09.turn_c2st", told_apart, C2ST_MISTAKES, logits_cases)


def tail_share(
    new,
    fake,
    *,
    limit=lambda new, fake: new.quantile(0.01),
    nearer=lambda fake, limit, new: fake < limit,
    share=lambda t: t.double().mean(),
):
    """The share of fakes nearer to the training set than all but 1% of the new digits are."""
    return share(nearer(fake, limit(new, fake), new))


limit, nearer, tail = Part.of(tail_share)
TAIL_MISTAKES = {
    "MEDIAN-FOR-TAIL": limit(lambda new, fake: new.median()),
    "OTHER-QUANTILE": limit(
        lambda new, fake: new.quantile(0.1),
        lambda new, fake: new.quantile(0.05),
    ),
    "MINIMUM-FOR-QUANTILE": limit(lambda new, fake: new.min()),
    "OTHER-TAIL": (
        *limit(lambda new, fake: new.quantile(0.99)),
        {
            "limit": lambda new, fake: new.quantile(0.99),
            "nearer": lambda fake, limit, new: fake > limit,
        },
    ),
    "FARTHER": nearer(lambda fake, limit, new: fake > limit),
    "LIMIT-FROM-FAKES": limit(lambda new, fake: fake.quantile(0.01)),
    "ROLES-EXCHANGED": (
        lambda new, fake: (new < fake.quantile(0.01)).double().mean(),
        lambda new, fake: (new < fake.median()).double().mean(),
    ),
    "COUNT-FOR-SHARE": tail(lambda t: t.double().sum()),
    "PERCENT": tail(lambda t: 100 * t.double().mean()),
}


def tail_cases(seed):
    """Distances of new digits, and of fakes of which a part are copies; the rest is farther away."""
    points = drawing(seed)

    def away(n):
        return 5 + points(n, 1)[:, 0].abs() + 0.2 * points(n, 1)[:, 0]

    def part(n, copies):
        fake = away(n) + 0.4
        fake[1::5] += 4
        fake[::4] = 3.9 + 2.1 * points(len(fake[::4]), 1)[:, 0].abs()
        fake[:copies] = 0.01 * points(copies, 1)[:, 0].abs()
        return fake

    return [
        Case("30 copies among 100 fakes", (away(301), part(100, 30))),
        Case("10 copies among 250 fakes", (away(401), part(250, 10))),
    ]


turn_tail = Exercise("09.turn_tail", tail_share, TAIL_MISTAKES, tail_cases)


def through(x, y):
    """The least-squares line y = a + b x: (a, b)."""
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return y.mean() - slope * x.mean(), slope


def through_two(first, second):
    """The line through two of the points, which these functions choose."""

    def line(x, y):
        i, j = first(x), second(x)
        slope = (y[i] - y[j]) / (x[i] - x[j])
        return y[i] - slope * x[i], slope

    return line


def at_no_error(
    sizes,
    scores,
    *,
    over=lambda n: 1 / n,
    line=through,
    read=lambda a, b: a,
):
    """What a line through the scores over 1/n says at 1/n = 0."""
    return read(*line(over(sizes), scores))


over, line, at_zero = Part.of(at_no_error)
INFINITY_MISTAKES = {
    "OVER-N": over(lambda n: n),
    "OVER-ROOT": over(lambda n: n**-0.5),
    "OVER-SQUARE": over(lambda n: n**-2.0),
    "OVER-LOG": over(torch.log),
    "TWO-POINTS": line(
        through_two(lambda x: 0, lambda x: -1),
        through_two(lambda x: -1, lambda x: -2),
        through_two(lambda x: x.argmin(), lambda x: x.argmax()),
    ),
    "SLOPE": at_zero(lambda a, b: b),
    "AT-ONE": at_zero(lambda a, b: a + b),
    "CLAMPED": at_zero(lambda a, b: a.clamp(min=0), lambda a, b: a.abs()),
    "NO-LINE": (
        lambda sizes, scores: scores[sizes.argmax()],
        lambda sizes, scores: scores[-1],
        lambda sizes, scores: scores.min(),
        lambda sizes, scores: scores.mean(),
        lambda sizes, scores: (sizes * scores).sum() / sizes.sum(),
    ),
}


def size_cases(seed):
    """Scores near a line over 1/n, not sorted by n; of one pair of sets the true distance is 0."""
    points = drawing(seed)

    def scores(sizes, alpha, beta):
        noise = points(len(sizes), 1)[:, 0]
        return alpha + beta / sizes * (1 + 0.04 * noise)

    few = torch.tensor([400.0, 150.0, 1000.0, 250.0]).double()
    many = torch.tensor([500.0, 100.0, 200.0, 800.0, 300.0, 125.0]).double()
    return [
        Case("four sizes", (few, scores(few, 3.6, 400))),
        Case("a line that ends below 0", (many, scores(many, -0.3, 350))),
    ]


infinity = Exercise("09.infinity", at_no_error, INFINITY_MISTAKES, size_cases)

EXERCISES = {
    "frechet": frechet,
    "kid": kid,
    "precision_recall": precision_recall,
    "infinity": infinity,
    "turn_coverage": turn_coverage,
    "turn_c2st": turn_c2st,
    "turn_tail": turn_tail,
}
