"""Checks of chapter 09: Frechet distance, KID, precision and recall, from two sets of features.

Each check compares the answer with the package's own metric and with the wrong formulas that people
write (the `_..._slips`), whose words stand in a table beside them; then come the sets on which a
right-looking formula breaks: no full rank, one column, two sizes, points on a rim.
"""

import numpy as np
import torch

from ganedu import metrics
from ganedu.checks.exercise import Case, Exercise, Part, shows
from ganedu.checks.probes import near, number, seeded
from ganedu.checks.words import Misconception


def _points(n, d, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=rng, dtype=torch.float64)


def _called(answer, *args):
    """The answer's result; a named verdict if it writes into the tensors it was given."""
    given = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
    result = answer(*given)
    for before, after in zip(args, given):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise Misconception(
                "INPUT-CHANGED",
                "After the call one of the sets holds other numbers than before: your code writes "
                "into the caller's tensor.",
                "`x -= ...` and `x[...] = ...` change a tensor in place. Which line does?",
            )
    return result


def _one(answer, *args):
    """The one number that the answer returns, as a float."""
    value = _called(answer, *args)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.detach().item()
    if isinstance(value, complex):
        raise Misconception(
            "COMPLEX", "You return a complex number.", "Which of your matrices has complex roots?"
        )
    if isinstance(value, tuple | list | dict | str):
        raise Misconception(
            "NOT-A-NUMBER",
            f"You return a {type(value).__name__}.",
            "One number is asked for, and nothing else.",
        )
    if isinstance(value, torch.Tensor | np.ndarray):
        raise Misconception(
            "UNREDUCED",
            f"You return numbers of shape {list(value.shape)}.",
            "One number is asked for. Which sum, mean or trace makes it?",
        )
    return number(value, "What your function returns")


def _name(got, slips, words, tolerance=1e-6):
    """Raise the first of the slips (code, wrong value) whose value is the one we got."""
    for code, wrong in slips:
        if near(got, wrong, tolerance):
            raise Misconception(code, *words[code])


# ---- 09.frechet: my_frechet(real, fake) -> number ------------------------------------------------


def close(a, b, tolerance):
    return near(a, b, tolerance) if tolerance < 1e-3 else abs(a - b) < tolerance


def covariance(x):
    return x.T.cov().reshape(x.shape[1], -1)


def gap(x, y):
    return x.mean(0) - y.mean(0)


def root(S):
    values, vectors = torch.linalg.eigh(S)
    return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T


def roots(S):
    return torch.linalg.eigvalsh(S).clamp(min=0).sqrt().sum()


def distance(
    x,
    y,
    *,
    shift=lambda x, y: (gap(x, y) ** 2).sum(),
    cov=covariance,
    overlap=lambda S, T: roots(root(S) @ T @ root(S)),
    spread=lambda S, T, both: S.trace() + T.trace() - 2 * both,
    end=lambda f, x: f,
):
    S, T = cov(x), cov(y)
    return end(shift(x, y) + spread(S, T, overlap(S, T)), x)


shift, cov, overlap, spread, end = Part.of(distance)
FRECHET_MISTAKES = {
    "NOT-A-NUMBER": (shows(lambda got, right: got != got or abs(got) == float("inf")),),
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
    "ELEMENTWISE-SQRT": overlap(
        lambda S, T: (S @ T).sqrt().trace(),
        lambda S, T: (S.sqrt() @ T.sqrt()).trace(),
        lambda S, T: (S.sqrt() @ T @ S.sqrt()).sqrt().trace(),
        lambda S, T: (root(S) @ T @ root(S)).sqrt().trace(),
    ),
    "VARIANCES-ONLY": overlap(lambda S, T: (S * T).diag().sqrt().sum()),
    "ROOTS-MULTIPLIED": overlap(lambda S, T: (root(S) @ root(T)).trace()),
    "EIGVALSH-OF-PRODUCT": overlap(lambda S, T: roots(S @ T), lambda S, T: roots(T @ S)),
    "SINGULAR-FOR-EIGEN": overlap(lambda S, T: torch.linalg.svdvals(S @ T).sqrt().sum()),
    "NO-ROOT": overlap(lambda S, T: (S @ T).trace()),
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
    "BIASED-DIVISOR": cov(lambda x: x.T.cov(correction=0)),
    "NOT-DIVIDED": cov(lambda x: (len(x) - 1) * x.T.cov()),
    "NOT-CENTRED": cov(lambda x: x.T @ x / (len(x) - 1), lambda x: x.T @ x / len(x)),
    "CORRELATION-NOT-COVARIANCE": cov(lambda x: x.T.corrcoef()),
}
EPSILON = shows(lambda got, right: isinstance(got, float) and abs(got - right) < 0.05 * (1 + right))
ELSE = shows(lambda got, right: True)


MIX = torch.tensor([[2.0, 0.3, 0.1], [0.9, 1.1, 0.2], [0.4, 0.2, 0.6]]).double()
OTHER = torch.tensor([[0.5, 0.1, 0.8], [0.2, 1.4, 0.3], [0.1, 0.9, 1.7]]).double()


def frechet_cases(seed):
    """Ordinary pairs, whose covariances do not commute; then those that break right-looking answers."""
    rng = seeded(seed)

    def points(n, d):
        return torch.randn(n, d, generator=rng, dtype=torch.float64)

    def pair(n, m):
        return points(n, 3) @ MIX.T, points(m, 3) @ OTHER.T + torch.tensor([1.2, 2.5, 0.7])

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
        Case("60 and 41 examples", pair(60, 41), {"TWO-SIZES": ELSE}, 1e-5),
        Case("one feature", (points(30, 1), 2 + 3 * points(25, 1)), {"ONE-FEATURE": ELSE}, 1e-5),
        *(Case(what, sets, broken, 2e-3) for what, sets in flat.items()),
    ]


frechet = Exercise(
    "09.frechet",
    distance,
    FRECHET_MISTAKES,
    frechet_cases,
    same=close,
    what="your distance",
    library=metrics.frechet,
)


# ---- 09.kid: my_kid(real, fake) -> number --------------------------------------------------------

PAIRS = "Of n examples, how many ordered pairs of two different ones are there?"
KERNEL = "k(x, y) = (x . y / d + 1)^3. Compute one entry by hand and compare."
KID_WORDS = {
    "KID-DIAGONAL": (
        "You count the pairs (x, x), an example with itself: your distance is biased upwards.",
        "Which entries of the table x @ x.T belong to such pairs?",
    ),
    "PAIRS-MISCOUNTED": (
        "The pairs (x, x) are out of your sum, but not out of the number you divide by (or the "
        "other way round).",
        PAIRS,
    ),
    "HALF-OF-PAIRS": (
        "You sum one triangle of the table and divide by all pairs (or both and by half).",
        "(x, x') and (x', x) are two ordered pairs. How many entries does one triangle hold?",
    ),
    "CROSS-ONCE": (
        "You subtract the mean over mixed pairs once, not twice.",
        "For two equal distributions all three means are alike. What should be left?",
    ),
    "CROSS-ADDED": (
        "You add the mean over mixed pairs.",
        "For two equal distributions the terms should cancel. Do they?",
    ),
    "CROSS-DIAGONAL": (
        "You leave a diagonal out of the *mixed* pairs too.",
        "The i-th real and the i-th fake example have nothing to do with each other. Why drop "
        "that pair?",
    ),
    "CROSS-MISSING": (
        "Only pairs within one set enter: you never compare real with fake.",
        "Which term of the formula holds both x and y?",
    ),
    "ONE-SIDED": (
        "One of the two sets is compared only with the other, never with itself.",
        "There are three means in the formula. Which is missing?",
    ),
    "SQUARE-ROOT": (
        "You return a root of the number asked for.",
        "What would the root be where the unbiased number falls below 0?",
    ),
    "HALVED": ("Your number is half of the right one.", "Is there a 1/2 in the formula?"),
    "NOT-AVERAGED": (
        "You add up kernel values and do not divide by the number of pairs.",
        "The formula has three *means*.",
    ),
    "KERNEL-DEGREE": ("Your kernel has another power than 3.", KERNEL),
    "KERNEL-NO-D": (
        "Your kernel does not divide the product by d, the number of features.",
        KERNEL,
    ),
    "KERNEL-DIVIDED-BY-N": (
        "Your kernel divides by the number of examples, not by d.",
        "`len(x)` is n. Which size of x is the number of features?",
    ),
    "KERNEL-NO-ONE": ("Your kernel lacks the + 1.", KERNEL),
    "KERNEL-ONE-INSIDE": ("Your kernel divides the 1 by d as well.", KERNEL),
    "KERNEL-ROOT-D": ("Your kernel divides by the root of d, not by d.", KERNEL),
    "MEANS-ONLY": (
        "Your number compares nothing but the means of the two sets.",
        "The kernel's third power goes on each pair, before any mean is taken.",
    ),
    "SIGN": (
        "Your number has the wrong sign.",
        "Likeness within the sets counts for, likeness between them against, the distance.",
    ),
    "NOT-A-NUMBER": (
        "You return NaN (or inf) for two ordinary sets.",
        "Print the three means. Is there a root of something negative?",
    ),
}


def kid(answer):
    """my_kid(real [n, d], fake [m, d]) -> the unbiased squared kernel distance."""
    for n, m in ((9, 9), (9, 6)):
        x, y = _points(n, 3, 1) + 0.5, 1.5 * _points(m, 3, 2)
        got = _one(answer, x, y)
        if not near(got, metrics.kid(x, y), 1e-5):
            _name(got, _kid_slips(x, y), KID_WORDS)
            if not np.isfinite(got):
                raise Misconception("NOT-A-NUMBER", *KID_WORDS["NOT-A-NUMBER"])
            _broken_kid(answer, got, x, y)
    _below_zero(answer)
    _equal_rows(answer)
    return (
        "Right, and unbiased: around 0, below it too, for two samples of one distribution, "
        "however small."
    )


def _kernel(x, y, power=3, scale=None, one=1.0):
    return (x @ y.T / (x.shape[1] if scale is None else scale) + one) ** power


def _mmd(x, y, kernel=_kernel, cross=2.0):
    """Unbiased; `cross` is how many times the mixed pairs are subtracted."""
    return _within(kernel(x, x)) + _within(kernel(y, y)) - cross * kernel(x, y).mean()


def _within(k, off=True, fewer=True):
    """Mean over the pairs of one set; off: without the diagonal in the sum; fewer: in the count."""
    n = len(k)
    return (k.sum() - off * k.diagonal().sum()) / (n * (n - 1) if fewer else n * n)


def _kid_slips(x, y):
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    a, b, c = _within(xx), _within(yy), xy.mean()
    right = a + b - 2 * c
    yield from [
        ("KID-DIAGONAL", xx.mean() + yy.mean() - 2 * c),
        ("KID-DIAGONAL", xx.mean() + b - 2 * c),
        ("KID-DIAGONAL", a + yy.mean() - 2 * c),
        ("PAIRS-MISCOUNTED", _within(xx, fewer=False) + _within(yy, fewer=False) - 2 * c),
        ("PAIRS-MISCOUNTED", _within(xx, off=False) + _within(yy, off=False) - 2 * c),
        ("HALF-OF-PAIRS", a / 2 + b / 2 - 2 * c),
        ("HALF-OF-PAIRS", 2 * a + 2 * b - 2 * c),
        ("CROSS-ONCE", a + b - c),
        ("CROSS-ONCE", xx.mean() + yy.mean() - c),
        ("CROSS-ADDED", a + b + 2 * c),
        ("CROSS-MISSING", a + b),
        ("CROSS-MISSING", a - b),
        ("CROSS-MISSING", (a - b).abs()),
        ("ONE-SIDED", a - c),
        ("ONE-SIDED", b - c),
        ("ONE-SIDED", a - 2 * c),
        ("ONE-SIDED", b - 2 * c),
        ("SQUARE-ROOT", right.abs().sqrt()),
        ("SQUARE-ROOT", (xx.mean() + yy.mean() - 2 * c).abs().sqrt()),
        ("HALVED", right / 2),
        ("SIGN", -right),
        ("NOT-AVERAGED", xx.sum() + yy.sum() - 2 * xy.sum()),
        ("NOT-AVERAGED", n * (n - 1) * a + m * (m - 1) * b - 2 * n * m * c),
    ]
    off = xy.sum() - xy.diagonal().sum()
    for pairs in (n * (n - 1), n * m - min(n, m), n * m):
        yield "CROSS-DIAGONAL", a + b - 2 * off / pairs
    yield from _kernel_slips(x, y, n, d)


def _kernel_slips(x, y, n, d):
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    yield from [("MEANS-ONLY", value) for value in (shift, shift / d, shift**3)]
    for code, kernel in (
        ("KERNEL-DEGREE", lambda a, b: _kernel(a, b, power=2)),
        ("KERNEL-DEGREE", lambda a, b: _kernel(a, b, power=4)),
        ("MEANS-ONLY", lambda a, b: _kernel(a, b, power=1)),
        ("KERNEL-NO-D", lambda a, b: _kernel(a, b, scale=1)),
        ("KERNEL-DIVIDED-BY-N", lambda a, b: _kernel(a, b, scale=len(a))),
        ("KERNEL-DIVIDED-BY-N", lambda a, b: _kernel(a, b, scale=n)),
        ("KERNEL-NO-ONE", lambda a, b: _kernel(a, b, one=0)),
        ("KERNEL-ONE-INSIDE", lambda a, b: _kernel(a, b, one=1 / d)),
        ("KERNEL-ROOT-D", lambda a, b: _kernel(a, b, scale=d**0.5)),
    ):
        yield code, _mmd(x, y, kernel)


def _broken_kid(answer, got, x, y):
    n, m = len(x), len(y)
    if n != m:
        raise Misconception(
            "TWO-SIZES",
            f"Right for two sets of {n}, but not for {n} real and {m} fake examples.",
            "Each of the three means has its own number of pairs.",
        )
    seen = f"For two sets of shape {list(x.shape)} you return {got:.4g}, which is wrong."
    if not near(_one(answer, y, x), got, 1e-6):
        seen += " With real and fake exchanged it is another number, and should not be."
    raise Misconception(
        "WRONG-VALUE", seen, "Print the three means, and check the kernel of one pair by hand."
    )


def _below_zero(answer):
    """Two samples of one distribution whose unbiased distance is negative."""
    pairs = ((_points(8, 4, 2 * seed), _points(7, 4, 2 * seed + 1)) for seed in range(20))
    x, y = next(pair for pair in pairs if metrics.kid(*pair) < -0.1)
    got, right = _one(answer, x, y), metrics.kid(x, y)
    if near(got, right, 1e-5):
        return
    if near(got, 0.0) or near(got, abs(right)):
        raise Misconception(
            "CLAMPED",
            f"Where the unbiased number is {right:.3f} you return {got:.3f}: never below 0.",
            "What is the mean of numbers that scatter around 0, once the negative ones are lifted?",
        )
    raise Misconception(
        "SQUARE-ROOT" if np.isnan(got) else "WRONG-VALUE",
        f"Where the unbiased number is {right:.3f} you return {got:.3f}.",
        "Is there a root of it? It may be negative, and that means: no difference found.",
    )


def _equal_rows(answer):
    """A set in which rows repeat: pairs of two different rows with the same numbers count."""
    x, y = _points(4, 3, 11).repeat(2, 1), _points(4, 3, 12).repeat(2, 1) + 0.3
    y[0] = x[0]
    got = _one(answer, x, y)
    if not near(got, metrics.kid(x, y), 1e-5):
        raise Misconception(
            "EQUAL-ROWS-DROPPED",
            f"Right, until a set holds the same row twice: then {got:.4g} instead of "
            f"{metrics.kid(x, y):.4g}.",
            "Leave out the pairs of a row with itself by their place (i = j), not by their "
            "numbers.",
        )


# ---- 09.precision_recall: my_precision_recall(train, held_out, fake, k) -> (precision, recall) ---

NEIGHBOUR = "In `torch.cdist(x, x)`, which distance stands first in each sorted row?"
BALL = "A ball belongs to its centre. Whose radius is compared with which side of your table?"
ASKED = "Precision asks each fake: does some real ball hold you? Recall asks each real point."
PR_WORDS = {
    "PR-SWAPPED": (
        "Your two numbers are exchanged: what you call precision is recall.",
        "A generator collapsed onto one good point: which of the two must be low?",
    ),
    "TRAIN-LEAK": (
        "Your reference holds training data. A generator that copies it is then judged by its own "
        "source, and does better than new real data would.",
        "Which of the two real sets has the generator never seen?",
    ),
    "SAMPLE-SIZE": (
        "You use all rows of both sets, though they are not equally many: with more fakes recall "
        "rises by itself.",
        "How many rows may be used of each, so that both are the same number?",
    ),
    "FIRST-ROWS": (
        "You make the sets equally large, but keep other rows than the first.",
        "The text asks for the first rows of the larger set: then everybody gets one number.",
    ),
    "K-OFF-BY-ONE": ("Your balls reach to neighbour k - 1: a point counts as its own.", NEIGHBOUR),
    "K-TOO-FAR": ("Your balls reach to neighbour k + 1.", NEIGHBOUR),
    "RIM-COUNTS": (
        "Right, but for points exactly on the rim of a ball: you count them as inside.",
        "Strictly nearer than the k-th neighbour, says the text.",
    ),
    "BALLS-COUNTED": (
        "You return the share of *balls* that hold a point, not of points that lie in a ball.",
        ASKED,
    ),
    "RADIUS-FROM-OTHER-SET": (
        "Your radius reaches to the k-th nearest point of the *other* set.",
        "The ball around a real point is measured among real points.",
    ),
    "ONE-RADIUS": (
        "All your balls have one radius.",
        "Balls are large where points are few. Along which dimension is a mean or maximum taken?",
    ),
    "RADIUS-IS-A-MEAN": (
        "Your radius is the mean distance to the k nearest, not the distance to the k-th.",
        "The k-th in order alone decides.",
    ),
    "COUNTED-NOT-SHARED": (
        "You count how many balls hold a point (that is density, up to its factor).",
        "Inside one ball or inside ten: here both count once.",
    ),
    "ALL-FOR-ANY": ("You ask that a point lies in *all* balls.", "One ball is enough."),
    "ONE-MINUS": ("You return the shares of points *outside*.", ASKED),
    "SAME-TWICE": (
        "Both of your numbers are the same one.",
        "Precision and recall exchange the roles of the two sets. Do your two lines?",
    ),
    "SQUARED-MISMATCH": (
        "Squared distances meet radii that are not squared (or the other way round).",
        "Scale all sets by 10: nothing should change. Does it?",
    ),
    "PERCENT": ("You return percent.", "Shares between 0 and 1 are asked for."),
    "INTEGER": ("You return counts, not shares.", "By what should a count be divided?"),
}


def precision_recall(answer):
    """my_precision_recall(train [N, d], held_out [n, d], fake [m, d], k) -> (precision, recall)"""
    for sizes in ((70, 110), (110, 70)):
        sets = _three_sets(*sizes)
        for k in (3, 5):
            got = _pair(answer, *sets, k)
            if not near(got, _right(*sets, k), 1e-6):
                _name(got, _pr_slips(*sets, k), PR_WORDS)
                _broken_pair(answer, got, *sets, k)
    _rim(answer)
    return (
        "Right, on data that the generator has never seen, with equally many points. A copier "
        "scores here what a perfect generator does: chapter 09, section 10, finds it."
    )


def _three_sets(n, m):
    """train, held_out, fake: the fakes are too narrow, shifted, and in part near-copies of train."""
    train, held_out = _points(150, 2, 21) * torch.tensor([2.0, 1.0]), _points(n, 2, 22)
    fake = 0.6 * _points(m, 2, 23) + torch.tensor([0.9, 0.2])
    fake[::3] = train[: len(fake[::3])] + 0.05 * _points(len(fake[::3]), 2, 24)
    return train, held_out * torch.tensor([2.0, 1.0]), fake


def _right(train, held_out, fake, k):
    n = min(len(held_out), len(fake))
    return metrics.precision_recall(held_out[:n], fake[:n], k)


def _pair(answer, *args):
    """The two returned shares as floats, or a named verdict on what came back instead."""
    result = _called(answer, *args)
    if result is None:
        raise Misconception(
            "NOTHING-RETURNED",
            "Your function returned None.",
            "End it with `return precision, recall`.",
        )
    if isinstance(result, dict):
        result = tuple(result.values())
    if not isinstance(result, tuple | list | torch.Tensor | np.ndarray) or np.ndim(result) == 0:
        raise Misconception(
            "TWO-NUMBERS",
            f"You return one {type(result).__name__}.",
            "Two numbers are asked for: `return precision, recall`.",
        )
    if len(result) != 2:
        raise Misconception(
            "TWO-NUMBERS",
            f"You return {len(result)} values.",
            "Two numbers are asked for: `return precision, recall`.",
        )
    return tuple(
        number(value, f"Your {name}") for value, name in zip(result, ("precision", "recall"))
    )


def _balls(x, k):
    return torch.cdist(x, x).sort(dim=1).values[:, k]


def _shares(real, fake, inside, reduce=None):
    """(of fakes in real balls, of reals in fake balls), for inside(points, centres) -> table."""
    reduce = reduce or (lambda table: table.any(1).double().mean())
    return float(reduce(inside(fake, real))), float(reduce(inside(real, fake)))


def _pr_slips(train, held_out, fake, k):
    n = min(len(held_out), len(fake))
    real, made, (p, r) = held_out[:n], fake[:n], _right(train, held_out, fake, k)
    pool = torch.cat([train, held_out])
    shorter = min(len(train), len(fake))
    same = metrics.precision_recall
    yield from [
        ("PR-SWAPPED", (r, p)),
        ("TRAIN-LEAK", same(train, fake, k)),
        ("TRAIN-LEAK", same(train[:shorter], fake[:shorter], k)),
        ("TRAIN-LEAK", same(train[:n], made, k)),
        ("TRAIN-LEAK", same(pool, fake, k)),
        ("TRAIN-LEAK", same(pool[:shorter], fake[:shorter], k)),
        ("TRAIN-LEAK", same(torch.cat([held_out, train]), fake, k)),
        ("TRAIN-LEAK", same(train, fake, k)[::-1]),
        ("SAMPLE-SIZE", same(held_out, fake, k)),
        ("SAMPLE-SIZE", same(held_out, fake, k)[::-1]),
        ("FIRST-ROWS", same(held_out[-n:], fake[-n:], k)),
        ("K-OFF-BY-ONE", same(real, made, k - 1)),
        ("K-OFF-BY-ONE", same(held_out, fake, k - 1)),
        ("K-OFF-BY-ONE", same(train, fake, k - 1)),
        ("K-TOO-FAR", same(real, made, k + 1)),
        ("ONE-MINUS", (1 - p, 1 - r)),
        ("SAME-TWICE", (p, p)),
        ("SAME-TWICE", (r, r)),
        ("PERCENT", (100 * p, 100 * r)),
        ("INTEGER", (n * p, n * r)),
        ("ALL-FOR-ANY", (0.0, 0.0)),
    ]
    yield from _table_slips(real, made, k)


def _table_slips(real, made, k):
    """Slips in the table of points and balls, as rules (points, centres) -> table."""

    def nearer(radius, square=1):
        return lambda points, centres: (
            torch.cdist(points, centres) ** square < radius(points, centres)
        )

    right = nearer(lambda points, centres: _balls(centres, k))
    for reduce in (lambda t: t.sum(1).double().mean(), lambda t: t.sum().double() / (k * len(t))):
        yield "COUNTED-NOT-SHARED", _shares(real, made, right, reduce)
    balls = _shares(real, made, right, lambda table: table.any(0).double().mean())
    yield from [("BALLS-COUNTED", balls), ("BALLS-COUNTED", balls[::-1])]
    for code, radius, square in (
        (
            "RADIUS-FROM-OTHER-SET",
            lambda points, centres: torch.cdist(centres, points).sort(1).values[:, k],
            1,
        ),
        (
            "RADIUS-FROM-OTHER-SET",
            lambda points, centres: torch.cdist(centres, points).sort(1).values[:, k - 1],
            1,
        ),
        ("ONE-RADIUS", lambda points, centres: _balls(centres, k).mean(), 1),
        ("ONE-RADIUS", lambda points, centres: _balls(centres, k).max(), 1),
        ("ONE-RADIUS", lambda points, centres: _balls(centres, k).median(), 1),
        (
            "RADIUS-IS-A-MEAN",
            lambda points, centres: (
                torch.cdist(centres, centres).sort(1).values[:, 1 : k + 1].mean(1)
            ),
            1,
        ),
        ("SQUARED-MISMATCH", lambda points, centres: _balls(centres, k), 2),
        ("SQUARED-MISMATCH", lambda points, centres: _balls(centres, k) ** 2, 1),
    ):
        yield code, _shares(real, made, nearer(radius, square))


def _broken_pair(answer, got, train, held_out, fake, k):
    if k != 3 and near(got, _right(train, held_out, fake, 3), 1e-6):
        raise Misconception(
            "K-IGNORED",
            f"For k = {k} you return what is right for k = 3.",
            "Look for a number in your code that should be `k`.",
        )
    seen = f"You return precision {got[0]:.3f} and recall {got[1]:.3f}, which is wrong"
    if not all(0 <= value <= 1 for value in got):
        seen += "; both are shares, between 0 and 1"
    raise Misconception(
        "WRONG-VALUE",
        seen + ".",
        "Take 4 points on a line with k = 1, work out the balls by hand, and print yours.",
    )


def _rim(answer):
    """On a line: real balls of radius 1, and fakes exactly at distance 1; and one inside."""
    held_out = torch.tensor([[0.0, 0], [1, 0], [50, 0], [51, 0]]).double()
    fake = torch.tensor([[-1.0, 0], [2, 0], [0.5, 0], [52, 0]]).double()
    train = torch.tensor([[200.0, 0], [201, 0], [202, 0], [203, 0]]).double()
    got, right = _pair(answer, train, held_out, fake, 1), _right(train, held_out, fake, 1)
    if near(got, right, 1e-6):
        return
    near_rim = _shares(
        held_out, fake, lambda points, centres: torch.cdist(points, centres) <= _balls(centres, 1)
    )
    if near(got, near_rim, 1e-6):
        raise Misconception("RIM-COUNTS", *PR_WORDS["RIM-COUNTS"])
    raise Misconception(
        "WRONG-VALUE",
        f"For reals at 0, 1, 50, 51 and fakes at -1, 2, 0.5, 52 on a line, with k = 1, you return "
        f"{got[0]:.2f} and {got[1]:.2f}; {right[0]:.2f} and {right[1]:.2f} are right.",
        "All real balls have radius 1 there. Which fakes lie inside one?",
    )


EXERCISES = {"frechet": frechet, "kid": kid, "precision_recall": precision_recall}
