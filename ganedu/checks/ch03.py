"""Checks of chapter 03: losses as formulas of logits, in parts, and what people put in their place."""

import itertools
import math
import re
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import relu, sigmoid, softplus

from ganedu import losses
from ganedu.checks.exercise import Case, Exercise, Part, asks, raises, shows
from ganedu.checks.probes import (
    fresh,
    near,
    number,
    seeded,
    slopes_of,
    tensor,
    value_and_slopes,
)

LOSS, SLOPES = "your loss", "the gradient"


# ---- logits to try a loss on ---------------------------------------------------------------------


def spread(rng, n, mean):
    """n different logits around a mean, in a random order: [n]."""
    s = torch.linspace(-2.5, 2.5, n) + 0.5 * torch.rand(n, generator=rng) + mean - 0.25
    return s[torch.randperm(n, generator=rng)]


def ordinary(seed, *means):
    """A batch for each of the means (one a side), of 4 logits, 5, ...: none of them alike."""
    rng = seeded(seed)
    return [
        Case(f"{n} logits on both sides of 0", tuple(spread(rng, n, mean) for mean in sides))
        for n, sides in enumerate(means, 4)
    ]


def far(seed, *signs):
    """Batches in which D is very sure, and here and there very wrong; and logits of exactly 0."""
    size = 1 + 0.1 * torch.rand((), generator=seeded(seed))
    sides = [torch.tensor(side) * size for side in signs]
    zeros = tuple(torch.zeros_like(side) for side in sides)
    return [
        Case("logits of exactly 0", zeros, {"KINK-AT-ZERO": NO_GRADIENT}),
        Case("logits up to 40", tuple(20 * side for side in sides), BROKEN),
        Case("logits up to 200", tuple(100 * side for side in sides), BROKEN),
        Case("logits up to 2000", tuple(1000 * side for side in sides), BROKEN),
    ]


def finite(seen):
    """Are all numbers of an observation finite?"""
    if isinstance(seen, dict):
        return all(map(finite, seen.values()))
    if isinstance(seen, tuple):
        return all(map(finite, seen))
    if isinstance(seen, torch.Tensor):
        return bool(torch.isfinite(seen).all())
    return not isinstance(seen, float) or math.isfinite(seen)


def overflows(loss, args):
    """In half precision exp(12) is inf, but sigmoid(-12) is not yet 0: that tells exp from log."""
    batches = 12 * torch.eye(len(args)).half()  # one side far, the other at 0
    try:
        values = [loss(*(sign * batch[:, None])) for batch in batches for sign in (1, -1)]
        return not all(torch.isfinite(torch.as_tensor(v)).all() for v in values)
    except (RuntimeError, TypeError):
        return False


class Seen(dict):
    """What is compared, and beside it what tells how it came about."""

    overflow = False  # an exp is what broke it
    family = ""  # the learner's choice


def with_cause(seen, loss, args):
    """An observation, and whether an exp is what broke it."""
    seen = Seen(seen)
    broken = not finite(seen) and max(float(x.abs().max()) for x in args) > 50
    seen.overflow = broken and overflows(loss, args)
    return seen


BROKEN = {
    "EPSILON-PATCH": shows(lambda got, right: finite(got)),
    "EXP-OVERFLOW": shows(lambda got, right: got.overflow),
    "LOG-OF-SIGMOID": shows(lambda got, right: True),
}
NO_GRADIENT = shows(
    lambda got, right: near(got[LOSS], right[LOSS]) and not near(got[SLOPES], right[SLOPES])
)
NOT_FINITE = shows(lambda got, right: not math.isfinite(got[LOSS]))


def still(ask, part, *batches):
    """Does this part of the result stay the same on all of these batches?"""
    seen = [ask(*batch)[part] for batch in batches]
    return all(near(x, seen[0]) for x in seen)


def deaf(ask, part, args, k):
    """Is there an example of argument k whose logit does not matter at all?"""
    for i in range(len(args[k])):
        moved = [list(fresh(args)) for _ in range(3)]
        for batch, by in zip(moved, (0.0, -3.0, 3.0)):
            batch[k][i] += by
        if still(ask, part, *moved):
            return True
    return False


# ---- 03.d_loss: D's cross-entropy ----------------------------------------------------------------


def see_loss(answer, case):
    """Value, slopes, and the cause if they are not finite."""
    return with_cause(value_and_slopes(answer, case), answer, case.args)


def d_right(
    real,
    fake,
    *,
    see=lambda s: s,
    nll=lambda s: softplus(-s),  # -log D
    on_real=lambda s, nll: nll(s),
    on_fake=lambda s, nll: nll(-s),
    mean=lambda terms: terms.mean(),
    add=lambda a, b: a + b,
    end=lambda loss, n: loss,
):
    a, b = mean(on_real(see(real), nll)), mean(on_fake(see(fake), nll))
    return end(add(a, b), len(real))


def smoothed(ask, real, fake):
    """A real term that is no lower at 60 than at 50, but rises there by a part of its fall at -60."""

    def at(s):
        return ask(torch.full_like(real, s), fake)[LOSS]

    right, left = (at(60.0) - at(50.0)) / 10, (at(-60.0) - at(-50.0)) / 10
    return 0.01 < right < 0.5 and abs(right + left - 1) < 1e-3


see, nll, on_real, on_fake, mean, add, end = Part.of(d_right)


def both(a, b):
    """A slip in the real and in the fake term together."""
    return ({"on_real": a, "on_fake": b},)


def each(f):
    """A slip of a term's logit, in the real term or in the fake one: f(nll, s)."""
    return (
        *on_real(lambda s, nll: f(nll, s)),
        *on_fake(lambda s, nll: f(nll, -s)),
    )


def weighted(a, b):
    """The cross-entropy with the label a (of real): lambda s, nll."""
    return lambda s, nll: a * nll(s) + b * nll(-s)


D_LOSS_MISTAKES = {
    "LOGIT-AS-PROBABILITY": (raises("between 0 and 1"), NOT_FINITE),
    "NO-GRADIENT": (NO_GRADIENT,),
    "LABELS-SWAPPED": both(lambda s, nll: nll(-s), lambda s, nll: nll(s)),
    "MINUS-FORGOTTEN": add(lambda a, b: -(a + b)),
    "REAL-TERM-FLIPPED": on_real(lambda s, nll: -nll(s)),
    "FAKE-TERM-FLIPPED": on_fake(lambda s, nll: -nll(-s)),
    "ALL-REAL": on_fake(lambda s, nll: nll(s)),
    "ALL-FAKE": on_real(lambda s, nll: nll(-s)),
    "ARTICLE-D-LOSS": (
        lambda real, fake: -(real.mean() + fake.mean()),
        lambda real, fake: -(sigmoid(real).mean() + sigmoid(fake).mean()),
    ),
    "COMPLEMENT-OUTSIDE": on_fake(
        lambda s, nll: -nll(s), lambda s, nll: 1 + nll(s), lambda s, nll: -1 - nll(s)
    ),
    "NO-LOGARITHM": (
        *nll(lambda s: -sigmoid(s), lambda s: sigmoid(-s)),
        lambda real, fake: sigmoid(fake).mean() - sigmoid(real).mean(),
    ),
    "DOUBLE-SIGMOID": (
        *see(sigmoid, lambda s: sigmoid(sigmoid(s))),
        *on_real(lambda s, nll: nll(sigmoid(s))),
        *on_fake(lambda s, nll: nll(-sigmoid(s))),
    ),
    "MEAN-TOO-EARLY": (
        *see(lambda s: s.mean()),
        *mean(lambda terms: -(-terms).exp().mean().log()),
        *each(lambda nll, s: nll(s.mean())),
    ),
    "ONE-TERM/real": add(lambda a, b: a),
    "ONE-TERM/fake": add(lambda a, b: b),
    "SUM-NOT-MEAN": mean(lambda terms: terms.sum()) + each(lambda nll, s: len(s) * nll(s)),
    "DIVIDED-TWICE": end(lambda loss, n: loss / n) + each(lambda nll, s: nll(s) / len(s)),
    "HALVED": end(lambda loss, n: loss / 2) + each(lambda nll, s: nll(s) / 2),
    "LABEL-SMOOTHED": (
        *on_real(weighted(0.9, 0.1), weighted(0.8, 0.2), weighted(0.9, 0)),
        *on_fake(weighted(0.1, 0.9), weighted(0, 0.9), weighted(0.2, 0.8)),
        *both(weighted(0.9, 0.1), weighted(0.1, 0.9)),
        *both(weighted(0.8, 0.2), weighted(0.2, 0.8)),
        asks(smoothed),
    ),
    "BITS": nll(lambda s: softplus(-s) / math.log(2)),
    "OTHER-FAMILY/wasserstein": nll(lambda s: -s),
    "OTHER-FAMILY/hinge": nll(lambda s: relu(1 - s)),
    "OTHER-FAMILY/squares": (
        *nll(lambda s: (s - 1) ** 2, lambda s: sigmoid(-s) ** 2),
        *both(lambda s, nll: (s - 1) ** 2, lambda s, nll: s**2),
    ),
    "OTHER-FAMILY/relativistic": (lambda real, fake: softplus(fake - real).mean(),),
    "OTHER-FAMILY/exponential": nll(lambda s: (-s).exp()),
    "TERMS-MULTIPLIED": add(lambda a, b: a * b),
    "CONSTANT": (asks(lambda ask, r, f: still(ask, LOSS, (r, f), (r + 1, f + 1), (r / 3, f / 3))),),
    "ONE-TERM/real-only": (
        asks(lambda ask, r, f: still(ask, LOSS, (r, f), (r, f + 1), (r, f / 3))),
    ),
    "ONE-TERM/fake-only": (
        asks(lambda ask, r, f: still(ask, LOSS, (r, f), (r + 1, f), (r / 3, f))),
    ),
    "CENTRED": (asks(lambda ask, r, f: still(ask, LOSS, (r, f), (r + 1, f), (r, f + 1))),),
    "EXAMPLES-IGNORED": (
        asks(lambda ask, r, f: deaf(ask, LOSS, (r, f), 0) or deaf(ask, LOSS, (r, f), 1)),
    ),
}


def d_cases(seed):
    return [
        *ordinary(seed, (1.4, -1.7), (-0.6, 0.5)),
        *far(seed, [1.0, -1.0, 0.3], [-0.5, 2.0, -0.4]),
    ]


d_loss = Exercise(
    "03.d_loss",
    d_right,
    D_LOSS_MISTAKES,
    d_cases,
    observe=see_loss,
    what=LOSS,
    library=losses.nonsaturating.d,
)


# ---- 03.g_loss: the non-saturating loss and its gradient -----------------------------------------

FORM, OWN = "what you return", "your gradient"


def g_right(
    fake,
    *,
    see=lambda s: s,
    loss=lambda s: softplus(-s),
    mean=lambda terms: terms.mean(),
    slope=lambda s: -sigmoid(-s),
    share=lambda slope, n: slope / n,
):
    return mean(loss(see(fake))), share(slope(fake), len(fake))


def form_of(returned, n):
    """("", "") for a loss and n slopes, else what is wrong with the form, and what it is."""
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        return "ONE-OF-TWO", kinds(returned)
    try:
        loss, slopes = (torch.as_tensor(x).detach() for x in returned)
    except (TypeError, ValueError, RuntimeError):
        return "GRADIENT-REDUCED", f"is a {type(returned[1]).__name__}"
    if loss.numel() == n and slopes.numel() == 1 and float(slopes) > 0:
        return "ORDER-SWAPPED", ""
    if loss.numel() == 1 and slopes.shape != (n,):
        shape = f"has shape {list(slopes.shape)}" if slopes.ndim else "is a single number"
        return "GRADIENT-REDUCED", shape
    return "", ""


def kinds(returned):
    if not isinstance(returned, tuple | list):
        return f"one thing of type {type(returned).__name__}"
    return "(" + ", ".join(type(x).__name__ for x in returned) + ")"


def see_two(answer, case):
    """The loss, autograd's slopes of it, and the slopes that were returned."""
    returned = answer(*fresh(case.args))
    form = form_of(returned, len(case.args[0]))
    if any(form):
        return {FORM: form, LOSS: math.nan, SLOPES: None, OWN: None}

    def loss(fake):
        return answer(fake)[0]

    seen = value_and_slopes(loss, case)
    own = torch.as_tensor(returned[1]).detach().double()
    return with_cause({FORM: form, **seen, OWN: own}, loss, case.args)


def told_by_form(code):
    return shows(lambda got, right: got[FORM][0] == code)


def in_part(ask, fake):
    """Is the returned gradient right for some logits and not for others?"""
    hits = [near(a, b) for a, b in zip(ask(fake)[OWN], g_right(fake)[1])]
    return any(hits) and not all(hits)


see, loss, mean, slope, share = Part.of(g_right)
G_LOSS_MISTAKES = {
    "ONE-OF-TWO": (told_by_form("ONE-OF-TWO"),),
    "ORDER-SWAPPED": (told_by_form("ORDER-SWAPPED"),),
    "GRADIENT-REDUCED": (told_by_form("GRADIENT-REDUCED"),),
    "LOGIT-AS-PROBABILITY": (raises("between 0 and 1"), NOT_FINITE),
    "NO-GRADIENT": (NO_GRADIENT,),
    "SATURATING-FOR-NON-SATURATING": loss(lambda s: -softplus(s)),
    "G-HELPS-D": loss(lambda s: softplus(s)),
    "MINUS-FORGOTTEN": loss(lambda s: -softplus(-s)),
    "ARTICLE-G-LOSS": loss(lambda s: -s),
    "ARTICLE-G-LOSS/sigmoid": loss(lambda s: -sigmoid(s), lambda s: 1 - sigmoid(s)),
    "HINGE-FOR-G": loss(lambda s: relu(1 - s), lambda s: -relu(1 + s), lambda s: relu(-s)),
    "OTHER-FAMILY": loss(
        lambda s: (s - 1) ** 2, lambda s: (sigmoid(s) - 1) ** 2, lambda s: (-s).exp()
    ),
    "BITS": loss(lambda s: softplus(-s) / math.log(2)),
    "LABEL-SMOOTHED": loss(
        lambda s: 0.9 * softplus(-s) + 0.1 * softplus(s), lambda s: 0.9 * softplus(-s)
    ),
    "DOUBLE-SIGMOID": see(sigmoid),
    "MEAN-TOO-EARLY": see(lambda s: s.mean()) + mean(lambda t: -(-t).exp().mean().log()),
    "SUM-NOT-MEAN": mean(lambda terms: terms.sum()),
    "DIVIDED-TWICE": mean(lambda terms: terms.mean() / len(terms)),
    "HALVED": mean(lambda terms: terms.mean() / 2),
    "GRADIENT-SIGN": slope(lambda s: sigmoid(-s)),
    "GRADIENT-OF-ANOTHER/saturating": slope(lambda s: -sigmoid(s)),
    "GRADIENT-OF-ANOTHER/d": slope(lambda s: sigmoid(s)),
    "CHAIN-RULE": slope(
        lambda s: -1 / sigmoid(s), lambda s: -1 / sigmoid(-s), lambda s: 1 / sigmoid(s)
    ),
    "SIGMOID-SLOPE": slope(lambda s: -sigmoid(s) * sigmoid(-s), lambda s: sigmoid(s) * sigmoid(-s)),
    "LOSS-FOR-SLOPE": slope(lambda s: softplus(-s), lambda s: -softplus(-s)),
    "GRADIENT-ORDER": slope(lambda s: -sigmoid(-s).flip(0), lambda s: -sigmoid(-s).sort()[0]),
    "GRADIENT-ALL-ALIKE": slope(lambda s: -sigmoid(-s).mean().expand(len(s))),
    "GRADIENT-BRACKETS": ({"slope": lambda s: sigmoid(s), "share": lambda g, n: g - 1 / n},),
    "GRADIENT-NOT-AVERAGED": share(lambda g, n: g),
    "DIVIDED-TWICE/gradient": share(lambda g, n: g / n**2),
    "GRADIENT-IN-PART": (asks(in_part),),
    "CONSTANT/gradient": (
        *slope(torch.zeros_like, lambda s: -torch.ones_like(s)),
        asks(
            lambda ask, f: (
                still(ask, OWN, (f,), (f + 1,), (f / 3,)) and not still(ask, LOSS, (f,), (f + 1,))
            )
        ),
    ),
    "CONSTANT": (asks(lambda ask, f: still(ask, LOSS, (f,), (f + 1,), (f / 3,))),),
    "EXAMPLES-IGNORED": (asks(lambda ask, f: deaf(ask, LOSS, (f,), 0)),),
}


def g_cases(seed):
    return [*ordinary(seed, (-0.5,), (1.3,)), *far(seed, [0.5, -1.0, -2.0])]


g_loss = Exercise("03.g_loss", g_right, G_LOSS_MISTAKES, g_cases, observe=see_two, what="your loss")


# ---- 03.family: five pairs, judged loss by loss --------------------------------------------------


@dataclass(frozen=True)
class Family:
    """D's two terms and G's loss, each (r, f) -> terms; and pairs that are as good."""

    on_real: object
    on_fake: object  # None where D's terms need both
    on_g: object
    styles: tuple = ()  # (D's loss, G's loss), just as right

    def d(self, r, f):
        a = self.on_real(r, f).mean()
        return a if self.on_fake is None else a + self.on_fake(r, f).mean()

    def g(self, r, f):
        return self.on_g(r, f).mean()

    def pairs(self):
        return [(self.d, self.g), *self.styles]


def squares(a, b, c, factor=1.0):
    """Least squares with the targets a of real, b of fake for D, and c for G."""
    return (
        lambda r, f: factor * (((r - a) ** 2).mean() + ((f - b) ** 2).mean()),
        lambda r, f: factor * ((f - c) ** 2).mean(),
    )


def table(r, f):
    """All differences f_j - r_i, [n, n]."""
    return f[None, :] - r[:, None]


FAMILIES = {
    "least squares": Family(
        lambda r, f: (r - 1) ** 2,
        lambda r, f: f**2,
        lambda r, f: (f - 1) ** 2,
        tuple(
            squares(*targets, factor)
            for targets in ((1, 0, 1), (1, -1, 1), (1, -1, 0))
            for factor in (1.0, 0.5)
        ),
    ),
    "hinge": Family(lambda r, f: relu(1 - r), lambda r, f: relu(1 + f), lambda r, f: -f),
    "Wasserstein": Family(lambda r, f: -r, lambda r, f: f, lambda r, f: -f),
    "relativistic": Family(
        lambda r, f: softplus(f - r),
        None,
        lambda r, f: softplus(r - f),
    ),
    "saturating": Family(
        lambda r, f: softplus(-r), lambda r, f: softplus(f), lambda r, f: -softplus(f)
    ),
}
NAMED = {  # part of a name -> family
    "nonsat": None,
    "leastsquare": "least squares",
    "lsgan": "least squares",
    "mse": "least squares",
    "hinge": "hinge",
    "wasserstein": "Wasserstein",
    "wgan": "Wasserstein",
    "relativistic": "relativistic",
    "rpgan": "relativistic",
    "saturating": "saturating",
    "minimax": "saturating",
}


def pair(real, fake, *, family="hinge", d=None, g=None):
    """What a learner returns who chose this family: its name, D's loss, G's loss."""
    its = FAMILIES[family]
    return family, (d or its.d)(real, fake), (g or its.g)(real, fake)


def losses_of(family):
    """What the two losses of a family are called in a verdict."""
    return f"your {family} loss for D", f"your {family} loss for G"


def slopes_named(loss):
    return loss.replace("your", "the gradient of your")


def named(returned):
    """("", family), or what is wrong with the form of the answer, and what it is."""
    three = isinstance(returned, tuple | list) and len(returned) == 3
    if not (three and isinstance(returned[0], str) and not any(map(callable, returned[1:]))):
        return "NOT-THREE", kinds(returned)
    key = re.sub("[^a-z]", "", returned[0].lower())
    family = next((it for part, it in NAMED.items() if part in key), None)
    return ("", family) if family else ("UNKNOWN-FAMILY", repr(returned[0]))


def played(loss, real, fake, player):
    """A loss of one player: its value, and its slopes in the logits through which that player learns."""
    seen = value_and_slopes(loss, Case("", (real, fake)))
    slopes = seen[SLOPES] and torch.cat(seen[SLOPES][player:]).tolist()
    return seen[LOSS], slopes and tuple(slopes)


def close(a, b, tolerance):
    """Like near, for numbers and tuples of them, and quicker."""
    if isinstance(b, tuple):
        return (
            isinstance(a, tuple)
            and len(a) == len(b)
            and all(close(x, y, tolerance) for x, y in zip(a, b))
        )
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a is not None and abs(a - b) <= tolerance * (1 + abs(b))


@cache
def all_right(real, fake):
    """Both losses of all families, and their gradients, on a batch of plain numbers."""
    seen, batch = {FORM: ("", "")}, (torch.tensor(real), torch.tensor(fake))
    for family, its in FAMILIES.items():
        for player, (what, loss) in enumerate(zip(losses_of(family), (its.d, its.g))):
            seen[what], seen[slopes_named(what)] = played(loss, *batch, player)
    return seen


def see_family(answer, case):
    """All losses of all families: those of the family that was named as returned, the others right."""
    real, fake = fresh(case.args)
    seen = Seen(all_right(tuple(real.tolist()), tuple(fake.tolist())))
    code, family = named(answer(*fresh(case.args)))
    if code:
        seen[FORM] = code, family
        return seen
    mine = [lambda r, f, k=k: answer(r, f)[k] for k in (1, 2)]
    got = [played(loss, real, fake, player) for player, loss in enumerate(mine)]
    chosen = style(FAMILIES[family], got, real, fake)
    for player, what in enumerate(losses_of(family)):
        right = played(chosen[player], real, fake, player)
        value, slopes = got[player]
        if close(value, right[0], 1e-4) or (player and harmless(mine[1], chosen[1], real, fake)):
            value = seen[what]
            slopes = seen[slopes_named(what)] if close(slopes, right[1], 1e-4) else slopes
        seen[what], seen[slopes_named(what)] = value, slopes
    seen.family = family
    seen.overflow = any(with_cause({LOSS: got[k]}, mine[k], case.args).overflow for k in (0, 1))
    return seen


def style(its, got, real, fake):
    """The right pair that the answer is, or of which it has one half; else the first one."""
    hits = [
        [close(value, right(real, fake).item(), 1e-4) for (value, _), right in zip(got, pair)]
        for pair in its.pairs()
    ]
    return its.pairs()[max(range(len(hits)), key=lambda k: (sum(hits[k]), -k))]


def harmless(mine, right, real, fake):
    """Is G's loss the right one plus a term of the real logits alone, which G cannot change?"""

    def gap(r, f):
        return number(mine(r, f)) - right(r, f).item()

    here, size = gap(real, fake), 1 + abs(right(real, fake).item())
    return (
        abs(gap(real, 0.5 - fake) - here) < 1e-4 * size and abs(gap(0.7 - real, fake) - here) > 1e-3
    )


def d_side(family, *ways):
    return tuple({"family": family, "d": way} for way in ways)


def g_side(family, *ways):
    return tuple({"family": family, "g": way} for way in ways)


def meaned(*terms):
    """Losses from terms (r, f) -> one an example."""
    return [lambda r, f, t=t: t(r, f).mean() for t in terms]


def constant(ask, real, fake):
    batches = (real, fake), (real + 1, fake), (real, fake + 1), (-real, fake), (real, -fake)
    seen = [ask(*batch) for batch in batches]
    own = losses_of(seen[0].family)
    return any(all(close(x[what], seen[0][what], 1e-6) for x in seen) for what in own)


def ignored(ask, real, fake):
    """Is there an example whose logit does not matter to a loss that should look at it?"""
    d, g = losses_of(ask(real, fake).family)
    return any(deaf(ask, d, (real, fake), k) for k in (0, 1)) or deaf(ask, g, (real, fake), 1)


def right_values(got, right):
    return [close(got[k], right[k], 1e-4) for f in FAMILIES for k in losses_of(f)]


def right_slopes(got, right):
    return [
        close(got[s], right[s], 1e-4) for f in FAMILIES for s in map(slopes_named, losses_of(f))
    ]


def swapped_players(got, right):
    d, g = losses_of(got.family)
    return (
        got.family != "relativistic"
        and close(got[d], right[g], 1e-4)
        and close(got[g], right[d], 1e-4)
    )


UNLEARNT = shows(
    lambda got, right: all(right_values(got, right)) and not all(right_slopes(got, right))
)
ADDITIVE = [name for name, its in FAMILIES.items() if its.on_fake]
CURVED = ["least squares", "hinge", "relativistic", "saturating"]
LOGISTIC = ["relativistic", "saturating"]


def per_family(make, families=FAMILIES, side=d_side):
    """The same slip in several families: make(Family) -> one or more losses (r, f)."""
    made = {name: make(FAMILIES[name]) for name in families}
    return tuple(
        way
        for name, ways in made.items()
        for way in side(name, *(ways if isinstance(ways, list) else [ways]))
    )


def of_others(side, which, besides=()):
    """The same player's loss in the other families."""
    rows = []
    for name, other in itertools.permutations(FAMILIES, 2):
        if {name, other} != {"hinge", "Wasserstein"} or which == "d":
            rows += side(name, getattr(FAMILIES[other], which))
    return tuple(rows)


def margins(*_):
    """D's hinge with a sign turned in one of its terms or in both."""
    terms = itertools.product(
        (
            lambda r: relu(1 - r),
            lambda r: relu(1 + r),
            lambda r: relu(r - 1),
            lambda r: relu(-1 - r),
        ),
        (
            lambda f: relu(1 + f),
            lambda f: relu(1 - f),
            lambda f: relu(f - 1),
            lambda f: relu(-1 - f),
        ),
    )
    return [lambda r, f, a=a, b=b: a(r).mean() + b(f).mean() for a, b in terms][1:]


def margins_at(*pairs):
    return [lambda r, f, a=a, b=b: relu(a - r).mean() + relu(b + f).mean() for a, b in pairs]


def squashed(its):
    return lambda r, f: its.d(sigmoid(r), sigmoid(f))


def squashed_g(its):
    return lambda r, f: its.g(sigmoid(r), sigmoid(f))


FAMILY_MISTAKES = {
    "NOT-THREE": (told_by_form("NOT-THREE"),),
    "UNKNOWN-FAMILY": (told_by_form("UNKNOWN-FAMILY"),),
    "PLAYERS-SWAPPED": (shows(swapped_players),),
    "LOGIT-AS-PROBABILITY": (raises("between 0 and 1"), shows(lambda got, right: not finite(got))),
    "NO-GRADIENT": (UNLEARNT,),
    "LABELS-SWAPPED": per_family(
        lambda its: lambda r, f: its.d(f, r), ["least squares", "Wasserstein", "saturating"]
    ),
    "MINUS-FORGOTTEN": (
        *per_family(lambda its: lambda r, f: -its.d(r, f), CURVED),
        *per_family(
            lambda its: lambda r, f: -its.g(r, f), ["least squares", "relativistic"], g_side
        ),
        *g_side("saturating", *meaned(lambda r, f: -softplus(-f))),
    ),
    "G-HELPS-D": (
        *g_side("least squares", *meaned(lambda r, f: f**2, lambda r, f: (f + 1) ** 2)),
        *per_family(lambda its: lambda r, f: f.mean(), ["hinge", "Wasserstein"], g_side),
        *g_side("relativistic", FAMILIES["relativistic"].d),
        *g_side("saturating", *meaned(lambda r, f: softplus(f))),
    ),
    "MARGIN-SIGN": d_side("hinge", *margins()),
    "NO-MARGIN": d_side("hinge", lambda r, f: relu(-r).mean() + relu(f).mean()),
    "MARGIN-SIZE": d_side("hinge", *margins_at((0.5, 0.5), (2, 2), (0.5, 1), (0, 1), (1, 0))),
    "SQUARED-HINGE": d_side(
        "hinge", lambda r, f: relu(1 - r).square().mean() + relu(1 + f).square().mean()
    ),
    "RELU-FORGOTTEN": d_side(
        "hinge",
        *meaned(
            lambda r, f: 2 - r + f,
            lambda r, f: relu(1 - r) + 1 + f,
            lambda r, f: 1 - r + relu(1 + f),
        ),
    ),
    "HINGE-FOR-G": per_family(
        lambda its: meaned(
            lambda r, f: relu(1 - f),
            lambda r, f: -relu(1 + f),
            lambda r, f: relu(1 + f),
            lambda r, f: -relu(1 - r) - relu(1 + f),
            lambda r, f: relu(-f),
            lambda r, f: -relu(f),
        ),
        ["hinge", "Wasserstein"],
        g_side,
    ),
    "ABSOLUTE": d_side(
        "Wasserstein",
        lambda r, f: (f.mean() - r.mean()).abs(),
        lambda r, f: -(f.mean() - r.mean()).abs(),
    ),
    "ABSOLUTE/squares": (
        *d_side("least squares", lambda r, f: (r - 1).abs().mean() + f.abs().mean()),
        *g_side("least squares", *meaned(lambda r, f: (f - 1).abs())),
    ),
    "SQUARE-ROOT": (
        *d_side(
            "least squares",
            lambda r, f: (r - 1).square().mean().sqrt() + f.square().mean().sqrt(),
        ),
        *g_side("least squares", lambda r, f: (f - 1).square().mean().sqrt()),
    ),
    "COMPLEMENT-OUTSIDE": d_side(
        "saturating",
        *meaned(
            lambda r, f: softplus(-r) - softplus(-f),
            lambda r, f: softplus(-r) + 1 + softplus(-f),
            lambda r, f: softplus(-r) - 1 - softplus(-f),
        ),
    ),
    "RELATIVISTIC-SIGN": d_side("relativistic", FAMILIES["relativistic"].g),
    "RELATIVISTIC-OF-MEANS": (
        *d_side("relativistic", lambda r, f: softplus(f.mean() - r.mean())),
        *g_side("relativistic", lambda r, f: softplus(r.mean() - f.mean())),
    ),
    "ALL-PAIRS": (
        *d_side("relativistic", lambda r, f: softplus(table(r, f)).mean()),
        *g_side("relativistic", lambda r, f: softplus(-table(r, f)).mean()),
    ),
    "RELATIVISTIC-AVERAGE": (
        *d_side(
            "relativistic",
            lambda r, f: softplus(f.mean() - r).mean() + softplus(f - r.mean()).mean(),
            lambda r, f: (softplus(f.mean() - r).mean() + softplus(f - r.mean()).mean()) / 2,
            lambda r, f: softplus(f.mean() - r).mean(),
        ),
        *g_side(
            "relativistic",
            lambda r, f: softplus(r - f.mean()).mean() + softplus(r.mean() - f).mean(),
            lambda r, f: (softplus(r - f.mean()).mean() + softplus(r.mean() - f).mean()) / 2,
            lambda r, f: softplus(r.mean() - f).mean(),
        ),
    ),
    "G-BLIND-TO-REAL": g_side("relativistic", *meaned(lambda r, f: softplus(-f))),
    "NON-SATURATING-FOR-SATURATING": g_side("saturating", *meaned(lambda r, f: softplus(-f))),
    "ZERO-SUM": per_family(
        lambda its: lambda r, f: -its.d(r, f), ["least squares", "relativistic"], g_side
    )
    + g_side("least squares", *meaned(lambda r, f: -(f**2))),
    "ALL-REAL": (
        *d_side("least squares", *meaned(lambda r, f: (r - 1) ** 2 + (f - 1) ** 2)),
        *d_side("saturating", *meaned(lambda r, f: softplus(-r) + softplus(-f))),
    ),
    "ALL-FAKE": (
        *d_side("least squares", *meaned(lambda r, f: r**2 + f**2)),
        *d_side("saturating", *meaned(lambda r, f: softplus(r) + softplus(f))),
    ),
    "REAL-TERM-FLIPPED": per_family(
        lambda its: lambda r, f: its.on_fake(r, f).mean() - its.on_real(r, f).mean(), ADDITIVE
    ),
    "ARTICLE-D-LOSS": per_family(
        lambda its: meaned(lambda r, f: -r - f, lambda r, f: -sigmoid(r) - sigmoid(f))
    ),
    "FAKE-TERM-FLIPPED": per_family(
        lambda its: lambda r, f: its.on_real(r, f).mean() - its.on_fake(r, f).mean(),
        ["least squares", "hinge", "saturating"],
    ),
    "ONE-TERM/real": per_family(lambda its: lambda r, f: its.on_real(r, f).mean(), ADDITIVE),
    "ONE-TERM/fake": per_family(lambda its: lambda r, f: its.on_fake(r, f).mean(), ADDITIVE),
    "SIGMOID-FIRST": (
        *per_family(squashed, ["least squares", "hinge", "Wasserstein"]),
        *per_family(squashed_g, ["least squares", "hinge", "Wasserstein"], g_side),
    ),
    "DOUBLE-SIGMOID": (*per_family(squashed, LOGISTIC), *per_family(squashed_g, LOGISTIC, g_side)),
    "SIGMOID-OF-EACH": (
        *d_side("relativistic", *meaned(lambda r, f: softplus(f - r).sigmoid())),
        *d_side("relativistic", *meaned(lambda r, f: sigmoid(f - r), lambda r, f: -sigmoid(r - f))),
        *g_side("relativistic", *meaned(lambda r, f: sigmoid(r - f), lambda r, f: -sigmoid(f - r))),
    ),
    "MEAN-TOO-EARLY": (
        *per_family(
            lambda its: lambda r, f: its.d(r.mean(), f.mean()),
            ["least squares", "hinge", "saturating"],
        ),
        *per_family(
            lambda its: lambda r, f: its.g(r.mean(), f.mean()),
            ["least squares", "saturating"],
            g_side,
        ),
    ),
    "SUM-NOT-MEAN": (
        *per_family(lambda its: lambda r, f: len(r) * its.d(r, f)),
        *per_family(lambda its: lambda r, f: len(r) * its.g(r, f), side=g_side),
    ),
    "HALVED": (
        *per_family(lambda its: lambda r, f: its.d(r, f) / 2),
        *per_family(lambda its: lambda r, f: its.g(r, f) / 2, side=g_side),
    ),
    "DIVIDED-TWICE": (
        *per_family(lambda its: lambda r, f: its.d(r, f) / len(r)),
        *per_family(lambda its: lambda r, f: its.g(r, f) / len(r), side=g_side),
    ),
    "LABEL-SMOOTHED": (
        *d_side("least squares", *meaned(lambda r, f: (r - 0.9) ** 2 + f**2)),
        *d_side("saturating", *meaned(lambda r, f: softplus(-r) + 0.1 * r + softplus(f))),
    ),
    "WRONG-FAMILY": (
        *of_others(d_side, "d"),
        *of_others(g_side, "g"),
        *per_family(
            lambda its: meaned(lambda r, f: softplus(-f)),
            ["least squares", "hinge", "Wasserstein"],
            g_side,
        ),
    ),
    "CONSTANT": (asks(constant),),
    "EXAMPLES-IGNORED": (asks(ignored),),
}


def family_cases(seed):
    return [
        *ordinary(seed, (1.4, -1.7), (-0.6, 0.5)),
        *(
            Case(case.what, case.args, {"KINK-AT-ZERO": UNLEARNT} if not k else BROKEN)
            for k, case in enumerate(far(seed, [1.0, -1.0, 0.3], [-0.5, 2.0, -0.4]))
        ),
    ]


def chosen_by(answer):
    """The family of a right answer, for the words of praise."""
    return {"kind": named(answer(torch.zeros(2), torch.zeros(2)))[1]}


family = Exercise(
    "03.family",
    pair,
    FAMILY_MISTAKES,
    family_cases,
    observe=see_family,
    same=close,
    what="your pair of losses",
    praised=chosen_by,
)

# ---- 03.turn_article: the article's G formula, mended into V --------------------------------------


def v_right(
    D_x,
    D_Gz,
    *,
    see=lambda p: p,
    log=torch.log,
    on_real=lambda p, log: log(p),
    on_fake=lambda p, log: log(1 - p),
    mean=lambda terms: terms.mean(),
    end=lambda a, b: a + b,
):
    return end(mean(on_real(see(D_x), log)), mean(on_fake(see(D_Gz), log)))


see, log, on_real, on_fake, mean, end = Part.of(v_right)
ARTICLE_MISTAKES = {
    "LOG-OF-ZERO": (shows(lambda got, right: not math.isfinite(got)),),
    "ARTICLE-L-GAN": on_real(lambda p, log: -log(p)),
    "WRONG-TERM-TURNED": on_fake(lambda p, log: -log(1 - p)),
    "BOTH-TURNED": end(lambda a, b: -a - b),
    "COMPLEMENT-MISSING": on_fake(lambda p, log: log(p), lambda p, log: -log(p)),
    "COMPLEMENT-OUTSIDE": on_fake(lambda p, log: 1 - log(p)),
    "NO-LOGARITHM": log(lambda p: p),
    "BITS": log(torch.log2, torch.log10),
    "SIGMOID-AGAIN": see(sigmoid),
    "ONE-TERM": end(lambda a, b: a, lambda a, b: b),
    "SUM-NOT-MEAN": mean(lambda terms: terms.sum()),
    "MEAN-TOO-EARLY": see(lambda p: p.mean()),
}


def v_cases(seed):
    """D's answers to four real and four generated examples; then to five and three."""
    rng = seeded(seed)

    def answers(n, low, high):
        return low + (high - low) * torch.rand(n, generator=rng)

    return [
        Case("4 answers on each side", (answers(4, 0.55, 0.95), answers(4, 0.05, 0.4))),
        Case("5 real and 3 generated", (answers(5, 0.1, 0.9), answers(3, 0.5, 0.9))),
    ]


turn_article = Exercise("03.turn_article", v_right, ARTICLE_MISTAKES, v_cases, what="your formula")


# ---- 03.turn_minus_log_d: -log D from the logit, one number for each ------------------------------


def minus_log_d(s, *, see=lambda s: s, price=lambda s: softplus(-s), end=lambda terms: terms):
    return end(price(see(s)))


def see_terms(answer, case):
    """What is returned, and its slopes: [n] each."""
    (s,) = case.args
    leaf = s.clone().requires_grad_()
    value = tensor(answer(leaf), s.shape)
    slopes = slopes_of(value, [leaf])
    return with_cause({LOSS: value.detach(), SLOPES: slopes}, answer, case.args)


see, price, end = Part.of(minus_log_d)
MINUS_LOG_MISTAKES = {
    "LOGIT-AS-PROBABILITY": (raises("between 0 and 1"), shows(lambda got, right: not finite(got))),
    "NO-GRADIENT": (NO_GRADIENT,),
    "MINUS-FORGOTTEN": price(lambda s: -softplus(-s)),
    "PRICE-OF-A-FAKE": price(lambda s: softplus(s)),
    "LOG-OF-THE-REST": price(lambda s: -softplus(s)),
    "NO-LOGARITHM": price(sigmoid, lambda s: sigmoid(-s), lambda s: -sigmoid(s)),
    "ONE-FORGOTTEN": price(lambda s: -s, lambda s: (-s).exp()),
    "RELU": price(lambda s: relu(-s)),
    "BITS": price(lambda s: softplus(-s) / math.log(2)),
    "SIGMOID-TOO": see(sigmoid, lambda s: sigmoid(-s)),
    "MEAN-TAKEN": end(lambda terms: terms.mean().expand(len(terms))),
}


def minus_log_cases(seed):
    return [*ordinary(seed, (-0.5,), (1.3,)), *far(seed, [0.5, -1.0, 2.0])]


turn_minus_log_d = Exercise(
    "03.turn_minus_log_d",
    minus_log_d,
    MINUS_LOG_MISTAKES,
    minus_log_cases,
    observe=see_terms,
    what="your formula",
)

EXERCISES = {
    "d_loss": d_loss,
    "g_loss": g_loss,
    "family": family,
    "turn_article": turn_article,
    "turn_minus_log_d": turn_minus_log_d,
}
