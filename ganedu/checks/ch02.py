"""Checks of chapter 02: the best D there is, the value of the game, and counts that differ.

Each check first compares the answer with the wrong formulas that people write (the `_..._slips`),
whose words stand in one table beside them; then come the places where a right formula breaks.
"""

import math

import numpy as np
import torch

from ganedu.checks import probes
from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near

LOG2, LOG4 = math.log(2), math.log(4)


def _name(got, slips, words, tolerance=1e-4):
    """Raise the first of the slips (code, wrong value) whose value is the one we got."""
    for code, wrong in slips:
        if near(got, wrong, tolerance):
            raise Misconception(code, *words[code])


def _called(answer, *args):
    """The answer's result; a named verdict if it writes into the tensors it was given."""
    given = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
    result = answer(*given)
    for place, before, after in zip(("first", "second", "third"), args, given):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise Misconception(
                "INPUT-CHANGED",
                f"After the call the {place} argument holds other numbers than before: your code "
                "writes into the caller's tensor.",
                "`a /= b` and `a[...] = b` change a tensor in place. Which line does, and on what?",
            )
    return result


# ---- what 02.optimal_d and 02.priors share: D's answers on a grid --------------------------------

P, Q = torch.tensor([0.30, 0.10, 0.02, 0.50]), torch.tensor([0.10, 0.40, 0.06, 0.30])
ODDS = "D answers with a probability: of all the examples that fall at x, which share is real?"
D_WORDS = {
    "HARD-VERDICT": (
        "Your D says only 0 or 1: it names the likelier side.",
        "D is a probability. Where 3 of 4 examples are real, is 1 what cross-entropy rewards?",
    ),
    "SWAPPED": (
        "Your D is the probability that an example is *fake*.",
        "D = 1 means real, and p is the density of the real data: which goes on top?",
    ),
    "RATIO-NOT-PROBABILITY": (
        "You return the ratio of the densities: odds of real to fake, which have no upper end.",
        "Odds of 3 to 1: which share of the examples is real?",
    ),
    "RATIO-UPSIDE-DOWN": ("You return odds of fake to real, which have no upper end.", ODDS),
    "LOGIT-NOT-PROBABILITY": (
        "You return the logarithm of the odds, D's logit: it can be any number.",
        "What turns a logit into a probability?",
    ),
    "SIGMOID-OF-RATIO": (
        "You take the sigmoid of p/q. As a ratio is positive, it never answers below 1/2.",
        "A sigmoid takes a logit. Which function of the ratio is 0 where p = q?",
    ),
    "SIGMOID-OF-DIFFERENCE": (
        "You take the sigmoid (or softmax) of the densities: with both ten times smaller, the odds "
        "are the same, and your answer changes.",
        "A sigmoid takes logits. Which function of p and q is one?",
    ),
    "OVER-THE-WHOLE-GRID": (
        "You divide by one number for the whole grid.",
        "Each x has its own answer, and no other x enters it. What should it be divided by?",
    ),
    "AVERAGE-FOR-SUM": (
        "Your answers go up to 2: they are twice p/(p + q).",
        "The average (p + q)/2 belongs to JS. What must D and 1 - D add up to?",
    ),
    "HALVED": (
        "Your answers never exceed 1/2, even where nothing is fake.",
        "Real and fake are equally frequent: both halves cancel. Do they in your line?",
    ),
    "HALF-EVERYWHERE": (
        "Your D answers 1/2 everywhere, though p and q differ.",
        "1/2 is D's answer once G has won. Here G has not: what does D know at each x?",
    ),
    "SAME-EVERYWHERE": (
        "Your D gives one and the same answer at every x.",
        "p and q differ from x to x. What does that tell a D which knows both?",
    ),
    "SQUARED": (
        "You weigh the squares of the densities.",
        "Where p is three times q, three times as many examples are real, not nine times.",
    ),
    "DENSITY-NOT-ANSWER": (
        "You return a sum or difference of densities: how often examples fall at x, not what they "
        "are.",
        ODDS,
    ),
}


def _answers_of_d(answer, p, q, *counts):
    """D's answers [k] as float64, or a named verdict on what came back instead."""
    value = _called(answer, p, q, *counts)
    if isinstance(value, np.ndarray | float | int):
        value = torch.as_tensor(value)
    D = probes.tensor(value, p.shape, "What your function returns").detach().double().cpu()
    if D.isnan().all() and (p > 0).any():
        raise Misconception(
            "NOT-A-NUMBER",
            "Every value you return is NaN, though no density here is 0.",
            "Print each intermediate result; where does the first NaN appear?",
        )
    return D


def _blunt(D):
    """D answers only 0, 1/2 and 1, or the same everywhere."""
    code = ""
    if len(D.unique()) == 1:
        code = "SAME-EVERYWHERE"
    elif ((D == 0) | (D == 1) | (D == 0.5)).all():
        code = "HARD-VERDICT"
    if code:
        raise Misconception(code, *D_WORDS[code])


def _edges(answer, *counts):
    """One density is 0; both are tiny; both are 0: in this order. Returns D where both are 0."""
    D = _answers_of_d(answer, torch.tensor([0.3, 0.0]), torch.tensor([0.0, 0.2]), *counts)
    if not near(D, [1.0, 0.0]):
        raise Misconception(
            "EDGE-LOST",
            f"Where q = 0 and p = 0.3 you answer {D[0]:.3g}; where p = 0 and q = 0.2, {D[1]:.3g}.",
            "Only real examples ever fall in the first place, only fakes in the second.",
        )
    _tails(answer, *counts)
    return _empty_place(answer, *counts)


def _empty_place(answer, *counts):
    """A place with p = 0.3, q = 0.1 beside one where both are 0; returns D at the latter."""
    alone = _answers_of_d(answer, torch.tensor([0.3]), torch.tensor([0.1]), *counts)[0]
    other, D = _answers_of_d(answer, torch.tensor([0.3, 0.0]), torch.tensor([0.1, 0.0]), *counts)
    if not near(alone, other):
        raise Misconception(
            "EMPTY-SPREADS",
            f"At p = 0.3, q = 0.1 you answer {alone:.3g}; with an empty place (p = q = 0) beside "
            f"it on the grid, {other:.3g}.",
            "An `if` decides once for the whole grid. What decides for each x by itself?",
        )
    if D.isnan():
        raise Misconception(
            "ZERO-OVER-ZERO",
            "Right wherever anything can fall. Where p = 0 and q = 0 you return NaN.",
            "`torch.where` or a mask can pick out the places where p + q is 0.",
        )
    if not 0.001 < D < 0.999:
        raise Misconception(
            "EMPTY-DECIDED",
            f"Where p = 0 and q = 0 your D answers {D:.3g}: quite sure, on no evidence.",
            "Nothing ever falls there, real or fake. Read again what the text asks for.",
        )
    return float(D)


def _tails(answer, *counts):
    """The same odds, 3 to 1, from densities of order 0.1 and of order 1e-12."""
    large = _answers_of_d(answer, torch.tensor([0.3]), torch.tensor([0.1]), *counts)[0]
    tiny = _answers_of_d(answer, torch.tensor([3e-12]), torch.tensor([1e-12]), *counts)[0]
    if not near(tiny, large):
        raise Misconception(
            "EPSILON-WINS",
            f"At p = 0.3, q = 0.1 you answer {large:.3g}; at p = 3e-12, q = 1e-12, with the same "
            f"odds, {tiny:.3g}.",
            "A number added or clamped against division by zero is larger than the densities in "
            "the tails. Treat only the places where both are exactly 0.",
        )


# ---- 02.optimal_d --------------------------------------------------------------------------------


def optimal_d(answer):
    """my_optimal_d(p [k], q [k]) -> D* [k]"""
    D = _answers_of_d(answer, P, Q)
    if not near(D, P / (P + Q)):
        _name(D, _d_slips(P, Q), D_WORDS)
        _blunt(D)
        _broken_property(answer, D)
    nowhere = _edges(answer)
    if not near(nowhere, 0.5):
        raise Misconception(
            "EMPTY-DECIDED",
            f"Where p = 0 and q = 0 your D answers {nowhere:.3g}.",
            "With no evidence either way, both answers are equally likely.",
        )
    return (
        "Right, in the tails and in the gaps too. Only the ratio p/q matters to a perfect D: its "
        "logit is log p - log q."
    )


def _d_slips(p, q):
    ratio, total = p / q, p + q
    return [
        ("SWAPPED", q / total),
        ("RATIO-NOT-PROBABILITY", ratio),
        ("RATIO-NOT-PROBABILITY", ratio.clamp(0, 1)),
        ("RATIO-UPSIDE-DOWN", 1 / ratio),
        ("LOGIT-NOT-PROBABILITY", ratio.log()),
        ("SIGMOID-OF-RATIO", ratio.sigmoid()),
        ("SIGMOID-OF-DIFFERENCE", (p - q).sigmoid()),
        ("OVER-THE-WHOLE-GRID", p / total.sum()),
        ("OVER-THE-WHOLE-GRID", p / p.sum()),
        ("OVER-THE-WHOLE-GRID", p / p.max()),
        ("OVER-THE-WHOLE-GRID", p / total.max()),
        ("AVERAGE-FOR-SUM", 2 * p / total),
        ("HALVED", p / total / 2),
        ("HALF-EVERYWHERE", torch.full_like(p, 0.5)),
        ("SQUARED", p**2 / (p**2 + q**2)),
        ("DENSITY-NOT-ANSWER", p),
        ("DENSITY-NOT-ANSWER", total),
        ("DENSITY-NOT-ANSWER", p - q),
    ]


def _broken_property(answer, D):
    other = _answers_of_d(answer, Q, P)
    seen = f"At p = 0.3 and q = 0.1 your D is {D[0]:.4g}."
    if not near(D + other, torch.ones_like(D)):
        seen += f" With p and q exchanged it is {other[0]:.4g}: the two should add up to 1."
    elif not near(_answers_of_d(answer, 10 * P, 10 * Q), D):
        seen += " With both densities ten times larger it changes, though the odds do not."
    raise Misconception(
        "WRONG-VALUE", seen, "Imagine 4 examples that fell at this x. How many of them are real?"
    )


# ---- 02.value ------------------------------------------------------------------------------------

HALF = "JS is the mean, 1/2 and 1/2, of two KL divergences. Which factor stands in your line?"
MIDDLE = "JS compares p and q not with each other but with their average m = (p + q)/2."
ENDS = "Progress is 1 when p = q and 0 when nothing overlaps. What are V and JS at these two ends?"
JS_WORDS = {
    "JS-SCALE": ("Your JS is off by a factor of 2.", HALF),
    "NATS-BITS": (
        "Your JS is measured in bits: it ends at 1, not at log 2.",
        "V is made of natural logarithms. Which logarithm did you use for JS?",
    ),
    "NO-MIXTURE": (
        "Your JS compares p with q both ways: infinite as soon as one of them vanishes.",
        MIDDLE,
    ),
    "KL-FOR-JS": ("Your JS is a single KL of p and q: exchange them, and it changes.", MIDDLE),
    "ONE-SIDED": (
        "Your JS holds only one of two divergences.",
        "JS looks from both sides: from p to m and from q to m. Which is missing?",
    ),
    "KL-TURNED": (
        "You take KL from the average to p and to q.",
        "In JS the expectations are over p and over q: what stands in front of each log?",
    ),
    "SQUARE-ROOT": (
        "You return the square root of JS, a distance that some libraries give under its name.",
        "In V = -log 4 + 2 JS there is no root.",
    ),
    "MIXTURE-IS-SUM": (
        "Your JS is negative, which a divergence never is: it compares p and q with their sum.",
        "Does your m integrate to 1, as a density should?",
    ),
    "JS-SIGN": (
        "Your JS is negative, which a divergence never is.",
        "In KL(p, m), which density stands on top inside the log?",
    ),
    "WRONG-VALUE": (
        "Your JS of two hills is wrong. It must be 0 for p = q and log 2 for hills far apart.",
        "JS is made of KL from p to m and from q to m; print them one by one.",
    ),
}
V_WORDS = {
    "JS-SCALE": (
        "Your V is -log 4 + JS.",
        "Compute V from its definition, with D*. How many times does JS fit into V + log 4?",
    ),
    "NATS-BITS": (
        "Your V is in bits (logarithms to base 2), your JS in nats.",
        "Use the natural logarithm, `torch.log`, for both.",
    ),
    "LOSS-NOT-VALUE": (
        "You return D's loss, which is -V: D minimises it, and maximises V.",
        "V is an average of logarithms of probabilities: which sign can it have?",
    ),
    "SWAPPED": (
        "Your D calls real what is fake: V is below -log 4, worse than guessing.",
        "In V, log D stands with p. Is your D large where p is?",
    ),
    "V-AVERAGED": (
        "Your V is half of V: the mean of its two terms.",
        "V is the *sum* of two expectations, each over its own density.",
    ),
    "HALF-EVERYWHERE": (
        "Your V is -log 4, as if D answered 1/2 everywhere.",
        "Here p and q differ, and D* knows it. Which D do you put into V?",
    ),
    "REAL-IN-BOTH-TERMS": (
        "Both of your terms are averaged over the real data.",
        "log(1 - D) is averaged over what G makes: with which density?",
    ),
    "ONE-SIDED": (
        "Your V holds only one of its two terms.",
        "V has a term over real examples and one over fakes. Which one is missing?",
    ),
    "LOG-FORGOTTEN": (
        "Your V is positive: it averages D itself, not its logarithm.",
        "Cross-entropy is made of logarithms. Where do they stand in V?",
    ),
    "MINUS-NOT-PLUS": (
        "You subtract the fake term from the real one.",
        "Being right about fakes is worth as much to D as being right about real data.",
    ),
    "WRONG-VALUE": (
        "Your JS is right, your V is not. V must lie between -log 4 and 0.",
        "V is two integrals, one over p and one over q. What does D say inside each?",
    ),
}
PROGRESS_WORDS = {
    "D-WINS-MEANS-DONE": (
        "V and JS are right. Your progress of G is largest where D always wins.",
        "Training is done when D can no longer tell. What is V then, and what should progress be?",
    ),
    "PROGRESS-SCALE": ("V and JS are right. Progress of G runs the right way, too far.", ENDS),
    "PROGRESS-SIGN": ("V and JS are right. Your progress of G is negative.", ENDS),
    "WRONG-VALUE": ("V and JS are right. Your progress of G is not.", ENDS),
}


def value(answer):
    """my_value(x [k], p [k], q [k]) -> (V, JS, progress)"""
    for case in (_even, _uneven, _one_vanishes, _apart, _equal):
        case(answer)
    return (
        "Right, with unequal steps and vanishing densities too. Each time V was -log 4 + 2 JS: "
        "0 where D always wins, and -log 4 when G is done."
    )


def _three(answer, x, p, q):
    """The three returned numbers as floats, or a named verdict on what came back instead."""
    result, names = _called(answer, x, p, q), ("V", "JS", "progress")
    if result is None or (isinstance(result, tuple) and any(r is None for r in result)):
        raise Misconception(
            "NOTHING-RETURNED",
            "Your function returned None where a number is asked for.",
            "End it with `return V, JS, progress`.",
        )
    parts = (result,) if np.ndim(result) == 0 and not isinstance(result, dict) else tuple(result)
    if len(parts) != 3 or any(isinstance(part, str) for part in parts):
        raise Misconception(
            "THREE-NUMBERS",
            f"Your function returned a {type(result).__name__}; three numbers are asked for.",
            "End it with `return V, JS, progress`.",
        )
    for name, part in zip(names, parts):
        if isinstance(part, torch.Tensor | np.ndarray) and math.prod(part.shape) > 1:
            raise Misconception(
                "UNREDUCED",
                f"{name} has shape {list(part.shape)}: one value for each x of the grid.",
                "An integral over x is still to be taken.",
            )
    return tuple(probes.number(part, name) for name, part in zip(names, parts))


# Float64 throughout: in float32 a D that rounds to 1 makes log(1 - D) infinite far out in a tail.


def _even_grid(k=3001):
    return torch.linspace(-6, 7, k, dtype=torch.float64)


def _uneven_grid():
    u = torch.linspace(0, 1, 3001, dtype=torch.float64)
    return -6 + 13 * (0.3 * u + 0.7 * u**2)  # steps from 0.001 to 0.007


def _hills(x):
    return x, _hill(x, 0.0, 1.0), _hill(x, 0.9, 0.7)


def _hill(x, mean, std):
    return _density(x, torch.exp(-(((x - mean) / std) ** 2) / 2))


def _tent(x, left, right):
    """A triangle over [left, right], exactly 0 outside."""
    half = (right - left) / 2
    return _density(x, (half - (x - left - half).abs()).clamp(min=0))


def _density(x, f):
    return f / torch.trapezoid(f, x)


class _Truth:
    """What right and wrong formulas are made of."""

    def __init__(self, x, p, q):
        self.x, self.p, self.q, self.m = x, p, q, (p + q) / 2
        self.D = torch.where(self.m > 0, p / (p + q), 0.5)
        self.V = self.v(self.D)
        self.JS = (self.kl(p, self.m) + self.kl(q, self.m)) / 2
        self.progress = 1 - self.JS / LOG2
        self.three = self.V, self.JS, self.progress

    def integral(self, f):
        return float(torch.trapezoid(f, self.x))

    def kl(self, a, b):
        return self.integral(torch.where(a > 0, a * (a / b).log(), 0.0))

    def v(self, D):
        return self.real_term(D) + self.integral(torch.xlogy(self.q, 1 - D))

    def real_term(self, D):
        return self.integral(torch.xlogy(self.p, D))


def _even(answer):
    """Two hills on a grid with equal steps: here a wrong formula shows itself."""
    grid = _hills(_even_grid())
    got, t = _three(answer, *grid), _Truth(*grid)
    if near(got, t.three, 1e-3):
        return
    _finite(got)
    _order(got, t)
    _sums(got, grid[0], t)
    for place, right, slips, words in (
        (1, t.JS, _js_slips(t), JS_WORDS),
        (0, t.V, _v_slips(t), V_WORDS),
        (2, t.progress, _progress_slips(t), PROGRESS_WORDS),
    ):
        if not near(got[place], right, 1e-3):
            _name(got[place], slips, words, 1e-3)
            seen, step = words["WRONG-VALUE"]
            raise Misconception("WRONG-VALUE", f"{seen} You return {got[place]:.4g}.", step)


def _finite(got):
    if not all(map(math.isfinite, got)):
        raise Misconception(
            "LOG-OF-ZERO",
            f"For two hills, nowhere 0, V = {got[0]:.3g} and JS = {got[1]:.3g}: far out in a tail "
            "something rounds to 0 before its logarithm is taken.",
            "Is 1 - D really 0 where q is small, or only rounded? Print D there; keep float64.",
        )


def _order(got, t):
    for order in ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1)):
        if near(got, [t.three[i] for i in order], 1e-3):
            raise Misconception(
                "ORDER",
                "The three numbers are right, in another order than asked for.",
                "The order is V, JS, progress.",
            )


def _sums(got, x, t):
    """Both numbers (or one of them) as many times too large as a sum without widths makes them."""
    step, k = float(x[1] - x[0]), len(x)
    for times, what in ((1 / step, "a sum over the grid"), (1 / step / k, "a mean over the grid")):
        if any(near(g / times, right, 1e-3) for g, right in zip(got[:2], t.three)):
            raise Misconception(
                "SUM-IS-NOT-INTEGRAL",
                f"V = {got[0]:.4g}, JS = {got[1]:.4g}: {what}. A finer or wider grid would give "
                "another number.",
                "An integral adds up height times width. Which width belongs to each point?",
            )


def _js_slips(t):
    p, q, m = t.p, t.q, t.m
    return [
        ("JS-SCALE", 2 * t.JS),
        ("JS-SCALE", t.JS / 2),
        ("NATS-BITS", t.JS / LOG2),
        ("NO-MIXTURE", t.kl(p, q) + t.kl(q, p)),
        ("NO-MIXTURE", (t.kl(p, q) + t.kl(q, p)) / 2),
        ("KL-FOR-JS", t.kl(p, q)),
        ("KL-FOR-JS", t.kl(q, p)),
        ("ONE-SIDED", t.kl(p, m)),
        ("ONE-SIDED", t.kl(p, m) / 2),
        ("ONE-SIDED", t.kl(q, m)),
        ("ONE-SIDED", t.kl(q, m) / 2),
        ("KL-TURNED", (t.kl(m, p) + t.kl(m, q)) / 2),
        ("SQUARE-ROOT", t.JS**0.5),
        ("MIXTURE-IS-SUM", t.JS - LOG2),
        ("MIXTURE-IS-SUM", 2 * t.JS - LOG4),
        ("JS-SIGN", -t.JS),
    ]


def _v_slips(t):
    p, q, D = t.p, t.q, t.D
    fake_term = t.V - t.real_term(D)
    return [
        ("JS-SCALE", t.JS - LOG4),
        ("NATS-BITS", t.V / LOG2),
        ("LOSS-NOT-VALUE", -t.V),
        ("SWAPPED", t.v(1 - D)),
        ("V-AVERAGED", t.V / 2),
        ("HALF-EVERYWHERE", -LOG4),
        ("REAL-IN-BOTH-TERMS", t.real_term(D) + t.real_term(1 - D)),
        ("ONE-SIDED", t.real_term(D)),
        ("ONE-SIDED", fake_term),
        ("LOG-FORGOTTEN", t.integral(p * D + q * (1 - D))),
        ("MINUS-NOT-PLUS", t.real_term(D) - fake_term),
    ]


def _progress_slips(t):
    return [
        ("D-WINS-MEANS-DONE", t.JS / LOG2),
        ("D-WINS-MEANS-DONE", t.JS),
        ("D-WINS-MEANS-DONE", 2 * t.JS),
        ("D-WINS-MEANS-DONE", t.V),
        ("PROGRESS-SCALE", 1 - t.JS),
        ("PROGRESS-SCALE", -t.V),
        ("PROGRESS-SCALE", 100 * t.progress),
        ("PROGRESS-SIGN", -t.progress),
    ]


def _uneven(answer):
    """The same hills on a grid whose steps grow."""
    grid = _hills(_uneven_grid())
    got, t = _three(answer, *grid), _Truth(*grid)
    if not near(got, t.three, 2e-3):
        raise Misconception(
            "EQUAL-SPACING",
            f"Right on a grid with equal steps. With steps that grow from 0.001 to 0.007, the same "
            f"densities give V = {got[0]:.3g} and JS = {got[1]:.3g}, not {t.V:.3g} and {t.JS:.3g}.",
            "Each point has a width of its own. `torch.trapezoid` takes the positions x, too.",
        )


def _one_vanishes(answer):
    """p is a tent, exactly 0 outside; q is above 0 everywhere."""
    x = _even_grid(4001)
    grid = x, _tent(x, -1.0, 2.0), _hill(x, 0.0, 1.5)
    got, t = _three(answer, *grid), _Truth(*grid)
    if not all(map(math.isfinite, got)):
        raise Misconception(
            "LOG-OF-ZERO",
            f"Where p is exactly 0 and q is not, V = {got[0]:.3g} and JS = {got[1]:.3g}.",
            "0 log 0 counts as 0 in these integrals, but 0 times -inf is NaN. `torch.xlogy` or "
            "`torch.where` can say so.",
        )
    _kept_all(got, t, "where p is 0 and q is not")


def _apart(answer):
    """Two tents with a gap between: no overlap, and many x where both densities are 0."""
    x = _even_grid(4001)
    grid = x, _tent(x, -3.0, -1.0), _tent(x, 1.0, 2.0)
    got, t = _three(answer, *grid), _Truth(*grid)
    if not all(map(math.isfinite, got)):
        raise Misconception(
            "ZERO-OVER-ZERO",
            f"Where p = 0 and q = 0 your numbers break: V = {got[0]:.3g}, JS = {got[1]:.3g}.",
            "0/0 is NaN, and NaN times 0 still is. Give D, and p/m, a harmless value there.",
        )
    _kept_all(got, t, "where nothing overlaps and D always wins")


def _kept_all(got, t, where):
    """Neither the mass outside the overlap nor precision was lost to a guard against zeros."""
    if near(got, t.three, 2e-3):
        return
    both = (t.p > 0) & (t.q > 0)
    terms = torch.where(both, torch.xlogy(t.p, t.p / t.m) + torch.xlogy(t.q, t.q / t.m), 0.0)
    if near(got[1], t.integral(terms) / 2, 2e-3):
        raise Misconception(
            "OVERLAP-ONLY",
            f"You leave out every x where one density is 0, and with it the mass that the other "
            f"has there: JS = {got[1]:.3g}, too small.",
            "Only the term with the vanishing density in front is 0. What does the other one say?",
        )
    raise Misconception(
        "GUARD-TOO-STRONG",
        f"Right for two hills, but not {where}: V = {got[0]:.4g}, JS = {got[1]:.4g}, "
        f"progress = {got[2]:.4g}.",
        "Look at what keeps your logarithms away from 0: how large is it beside the densities?",
    )


def _equal(answer):
    """p = q: the end of the game."""
    x, p, _ = _hills(_even_grid())
    got = _three(answer, x, p, p.clone())
    if not near(got, (-LOG4, 0.0, 1.0), 2e-3):
        raise Misconception(
            "WRONG-VALUE",
            f"For p = q you return V = {got[0]:.4g}, JS = {got[1]:.4g}, progress = {got[2]:.4g}.",
            "There D* is 1/2 everywhere. Put it into V by hand.",
        )


# ---- 02.priors -----------------------------------------------------------------------------------

COUNTS = ((5, 2), (3, 9))  # real and fake examples in the batch
BOTH_COUNT = "Among all the examples that fall at x, how many are real, and how many are fake?"
CHECK_ENDS = "Where p = q, which share of the examples is real? Where q = 0? What does yours say?"
SHIFT = "A count multiplies the odds. What does it then do to their logarithm, the logit?"
PRIOR_WORDS = D_WORDS | {
    "PRIOR-IGNORED": (
        "The counts differ, and your D is the same as for equal counts.",
        "One mean over the pooled batch: each example counts once. How many real ones fall at x?",
    ),
    "PRIOR-FLIPPED": (
        "The kind with more examples in the batch gets the smaller weight from you.",
        "More real examples in the batch: should D call more, or fewer, things real?",
    ),
    "PRIOR-TIMES-D": ("You multiply p/(p + q) by a share or ratio of the counts.", CHECK_ENDS),
    "PRIOR-AVERAGED": ("You average p/(p + q) and the share of real examples.", CHECK_ENDS),
    "FAKE-UNWEIGHTED": ("You weigh p by its count or share, and q by 1.", BOTH_COUNT),
    "REAL-UNWEIGHTED": ("You weigh q by its count or share, and p by 1.", BOTH_COUNT),
    "PRIOR-ADDED": ("You shift D by the same amount at every x, also where it was sure.", SHIFT),
    "LOGIT-SCALED": ("You multiply the logit by n_real/n_fake: where p = q it stays 0.", SHIFT),
    "LOGIT-SHIFTED-WRONGLY": (
        "You add to the logit something that is not 0 when the counts are equal.",
        SHIFT,
    ),
    "PRIOR-ONLY": (
        "Your D answers with the share of real examples, whatever x is.",
        "That is D before it has looked at x. What do p and q add?",
    ),
    "WHOLE-NUMBER-DIVISION": (
        "Your D is 0 everywhere.",
        "`//` drops what follows the point: print your share of real examples.",
    ),
    "COUNTS-ON-ONE-SIDE": ("The counts stand above or below the fraction line only.", BOTH_COUNT),
}


def priors(answer):
    """my_prior_d(p [k], q [k], n_real, n_fake) -> D [k]"""
    for n, m in COUNTS:
        D = _answers_of_d(answer, P, Q, n, m)
        if not near(D, n * P / (n * P + m * Q)):
            _name(D, _prior_slips(P, Q, n, m), PRIOR_WORDS)
            _blunt(D)
            _broken_prior(answer, D, n, m)
    _edges(answer, 5, 2)
    return (
        "Right. The counts shift D's logit by log(n_real / n_fake) and do nothing else: where "
        "p = q, D answers with the share of real examples, however good G is."
    )


def _prior_slips(p, q, n, m):
    def weighted(a, b):
        return a * p / (a * p + b * q)

    D, share, logit = weighted(1, 1), n / (n + m), (p / q).log()
    return [
        ("SWAPPED", 1 - weighted(n, m)),
        ("PRIOR-IGNORED", D),
        ("PRIOR-FLIPPED", weighted(m, n)),
        ("PRIOR-TIMES-D", share * D),
        ("PRIOR-TIMES-D", n / m * D),
        ("PRIOR-TIMES-D", 2 * share * D),
        ("PRIOR-TIMES-D", (2 * share * D).clamp(max=1)),
        ("FAKE-UNWEIGHTED", weighted(share, 1)),
        ("FAKE-UNWEIGHTED", weighted(n, 1)),
        ("REAL-UNWEIGHTED", weighted(1, 1 - share)),
        ("REAL-UNWEIGHTED", weighted(1, m)),
        ("RATIO-NOT-PROBABILITY", n * p / (m * q)),
        ("RATIO-NOT-PROBABILITY", p / q),
        ("LOGIT-NOT-PROBABILITY", (n * p / (m * q)).log()),
        ("PRIOR-ADDED", D + share - 0.5),
        ("PRIOR-ADDED", (D + share - 0.5).clamp(0, 1)),
        ("PRIOR-AVERAGED", (D + share) / 2),
        ("LOGIT-SCALED", (n / m * logit).sigmoid()),
        ("LOGIT-SHIFTED-WRONGLY", (logit + n / m).sigmoid()),
        ("LOGIT-SHIFTED-WRONGLY", (logit + share).sigmoid()),
        ("PRIOR-ONLY", torch.full_like(p, share)),
        ("WHOLE-NUMBER-DIVISION", torch.zeros_like(p)),
        ("COUNTS-ON-ONE-SIDE", n * p / (p + q)),
        ("COUNTS-ON-ONE-SIDE", p / (n * p + m * q)),
        ("DENSITY-NOT-ANSWER", share * p + (1 - share) * q),
        ("DENSITY-NOT-ANSWER", n * p + m * q),
        ("DENSITY-NOT-ANSWER", share * p),
        ("OVER-THE-WHOLE-GRID", n * p / (n * p + m * q).sum()),
    ]


def _broken_prior(answer, D, n, m):
    same = _answers_of_d(answer, P, P, n, m)[0]
    if (n, m) != COUNTS[0]:
        raise Misconception(
            "ONE-PAIR-OF-COUNTS",
            f"Right for 5 real and 2 fake examples, but not for {n} and {m}.",
            "Look for a number in your code that should be `n_real` or `n_fake`.",
        )
    seen = f"With {n} real to {m} fake examples, your D at p = 0.3, q = 0.1 is {D[0]:.4g}"
    seen += "." if near(same, n / (n + m)) else f", and where p = q = 0.3 it is {same:.4g}."
    raise Misconception(
        "WRONG-VALUE",
        seen,
        "Imagine a very large batch; count what falls at this x: how many real, how many in all?",
    )


EXERCISES = {"optimal_d": optimal_d, "value": value, "priors": priors}
