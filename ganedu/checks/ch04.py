"""Checks of chapter 04: a step of both players, the stability of a point, R1, a running average."""

import itertools
import math

import torch
from torch import nn
from torch.nn.functional import softplus

from ganedu import dirac, penalties
from ganedu.checks.exercise import Case, Exercise, Part, Probe, asks, raises, shows
from ganedu.checks.probes import Bumpy, fresh, near, number, seeded, several, tensor
from ganedu.checks.words import Misconception

# ---- 04.step: one step of both players of the Dirac-GAN ------------------------------------------


def sig(t):
    return 1 / (1 + math.exp(-t))


def d_slope(theta, psi):
    return sig(psi * theta) * theta


def g_slope(theta, psi):
    return -sig(-psi * theta) * psi


def step_right(
    theta,
    psi,
    lr,
    alternating,
    *,
    flag=lambda alternating: alternating,
    d=d_slope,
    g=g_slope,
    h=lambda lr: (lr, lr),  # of D, of G
    order=lambda old, new, alternating: new if alternating else old,
    end=lambda new, old: new,
):
    alternating = flag(alternating)
    moved = psi - h(lr)[0] * d(theta, psi)
    arrived = theta - h(lr)[1] * g(theta, order(psi, moved, alternating))
    return end((arrived, moved), (theta, psi))


def g_first(theta, psi, lr, alternating):
    """G moves first and D answers; with alternating=False both at once."""
    moved = theta - lr * g_slope(theta, psi)
    return moved, psi - lr * d_slope(moved if alternating else theta, psi)


def g_overwritten(theta, psi, lr, alternating):
    return g_first(theta, psi, lr, True)


def stale(factor, inside):
    """G's gradient with one psi as the factor and another inside the sigmoid: 0 old, 1 new."""

    def step(theta, psi, lr, alternating):
        both = psi, psi - lr * d_slope(theta, psi)
        if not alternating:
            return step_right(theta, psi, lr, False)
        return theta + lr * sig(-both[inside] * theta) * both[factor], both[1]

    return step


def alone(player, alternating_only):
    """Only one of the two players moves."""

    def step(theta, psi, lr, alternating):
        arrived, moved = step_right(theta, psi, lr, alternating)
        if alternating_only and not alternating:
            return arrived, moved
        return (theta, moved) if player == "D" else (step_right(theta, psi, lr, False)[0], psi)

    return step


def see_step(answer, case):
    return tuple(number(x) for x in several(answer(*case.args), 2))


def moves(ask, args):
    """(D's move, G's move) of the learner, and the right ones."""
    theta, psi = args[:2]
    mine, right = ask(*args), step_right(*args)
    return (mine[1] - psi, mine[0] - theta), (right[1] - psi, right[0] - theta)


def wrong_way(player):
    """Does this player move against its right direction (and D in the right one, if it is G)?"""

    def test(ask, *args):
        mine, right = moves(ask, args)
        agree = [a * b > 0 for a, b in zip(mine, right)]
        return not agree[0] if player == "D" else agree == [True, False]

    return asks(test)


def other_size(ask, *args):
    """Do both players go the right way, by the same wrong multiple of the right step?"""
    mine, right = moves(ask, (*args[:3], False))
    ratios = [a / b for a, b in zip(mine, right)]
    return near(ratios[0], ratios[1], 1e-3) and not near(ratios[0], 1, 1e-3) and ratios[0] > 0


flag, d, g, h, order, end = Part.of(step_right)
STEP_MISTAKES = {
    "NOT-A-NUMBER": (shows(lambda got, right: not all(map(math.isfinite, got))),),
    "FLAG-INVERTED": flag(lambda alternating: not alternating),
    "RETURN-SWAPPED": end(lambda new, old: new[::-1]),
    "CHANGE-NOT-VALUE": end(
        lambda new, old: (new[0] - old[0], new[1] - old[1]),
        lambda new, old: (old[0] - new[0], old[1] - new[1]),
    ),
    "NOTHING-MOVES": end(lambda new, old: old),
    "ONE-PLAYER-A-CALL": tuple(
        alone(player, only) for player in ("D", "G") for only in (True, False)
    ),
    "LOSSES-ADDED": (
        {
            "d": lambda theta, psi: d_slope(theta, psi) - sig(-psi * theta) * theta,
            "g": lambda theta, psi: g_slope(theta, psi) + sig(psi * theta) * psi,
        },
    ),
    "D-SIGN": d(lambda theta, psi: -d_slope(theta, psi)),
    "BOTH-DESCEND": g(
        lambda theta, psi: sig(psi * theta) * psi, lambda theta, psi: -g_slope(theta, psi)
    ),
    "SATURATING": g(lambda theta, psi: -sig(psi * theta) * psi),
    "LINEARISED": d(lambda theta, psi: theta / 2) + g(lambda theta, psi: -psi / 2),
    "SIGMOID-MISSING": d(lambda theta, psi: theta) + g(lambda theta, psi: -psi),
    "WRONG-CHAIN/psi": d(lambda theta, psi: sig(psi * theta) * psi),
    "WRONG-CHAIN/theta": g(lambda theta, psi: -sig(-psi * theta) * theta),
    "CHAIN-MISSING": (
        *d(lambda theta, psi: sig(psi * theta), lambda theta, psi: sig(psi * theta) * theta * psi),
        *g(lambda theta, psi: -sig(-psi * theta), lambda theta, psi: g_slope(theta, psi) * theta),
    ),
    "WRONG-SIGMOID": d(lambda theta, psi: sig(-psi * theta) * theta),
    "SIGMOID-SLOPE": (
        *d(lambda theta, psi: sig(psi * theta) * sig(-psi * theta) * theta),
        *g(lambda theta, psi: -sig(psi * theta) * sig(-psi * theta) * psi),
    ),
    "SOFTPLUS-FOR-SIGMOID": (
        *d(lambda theta, psi: math.log1p(math.exp(psi * theta)) * theta),
        *g(lambda theta, psi: -math.log1p(math.exp(-psi * theta)) * psi),
    ),
    "LR-IGNORED": h(lambda lr: (1, 1), lambda lr: (lr, 1), lambda lr: (1, lr)),
    "STEP-SIZE": (
        *h(lambda lr: (lr / 2, lr), lambda lr: (lr, lr / 2), lambda lr: (lr / 2, lr / 2)),
        *h(lambda lr: (2 * lr, 2 * lr), lambda lr: (lr * lr, lr * lr)),
        asks(other_size),
    ),
    "ALTERNATING-FOR-SIMULTANEOUS": (*order(lambda old, new, alternating: new), g_overwritten),
    "SIMULTANEOUS-FOR-ALTERNATING": order(lambda old, new, alternating: old),
    "G-FIRST": (g_first,),
    "STALE-LOGIT": (stale(1, 0), stale(0, 1)),
    "D-SIGN/any": (wrong_way("D"),),
    "BOTH-DESCEND/any": (wrong_way("G"),),
}


def step_cases(seed):
    """Both kinds of step from points in three quadrants, with step sizes that are no 1/2 or 1."""
    rng = seeded(seed)

    def point(theta, psi, lr):
        by = 1 + 0.3 * torch.rand(3, generator=rng, dtype=torch.float64)
        return (by * torch.tensor([theta, psi, lr])).tolist()

    points = [point(0.9, 0.4, 0.6), point(-0.7, 1.2, 0.3), point(0.8, -1.5, 0.35)]
    return [
        Case(f"alternating={alternating}", (*place, alternating), tolerance=1e-5)
        for alternating, place in itertools.product((False, True), points)
    ]


def radii(answer):
    """Where 200 of the learner's own steps end, for the verdict."""
    ends = {}
    for name, alternating in (("simultaneous", False), ("alternating", True)):
        w = (1.0, 1.0)
        for _ in range(200):
            w = tuple(map(number, answer(*w, 0.5, alternating)))
        ends[name] = math.hypot(*w)
    return ends


step = Exercise(
    "04.step",
    step_right,
    STEP_MISTAKES,
    step_cases,
    observe=see_step,
    what="your step",
    praised=radii,
)


# ---- 04.stability: eigenvalues of a field's Jacobian, and the largest step -----------------------

LAMBDA, LIMIT = "your eigenvalues", "your largest step"


class Field:
    """v(w) = J tanh(w - c): its Jacobian at c is J. Not 0 in curvature anywhere else."""

    def __init__(self, J, c):
        self.J, self.c = J, c

    def __call__(self, w):
        return self.J.to(w.dtype) @ torch.tanh(w - self.c.to(w.dtype))


def jacobian(field, w):
    return torch.autograd.functional.jacobian(field, w)


def stability_right(
    field,
    w,
    *,
    at=lambda w: w,
    see=lambda J: J,
    eigen=torch.linalg.eigvals,
    bound=lambda z: -2 * z.real / z.abs() ** 2,
    pick=lambda h: h.min(),
    guard=lambda h: max(0.0, h),
):
    J = jacobian(field, at(w))
    z = torch.linalg.eigvals(J)
    return eigen(see(J)), guard(float(pick(bound(z))))


def numbers(values):
    """Two returned eigenvalues as [real, imaginary, real, imaginary], sorted."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().tolist()
    found = [complex(v) for v in several(values, 2, "The first thing you return")]
    found.sort(key=lambda z: (round(z.real, 4), z.imag))
    return torch.tensor([[z.real, z.imag] for z in found], dtype=torch.float64)


def see_stability(answer, case):
    values, step = several(answer(*fresh(case.args)), 2)
    if getattr(values, "shape", None) == (2, 2):
        return {LAMBDA: "a matrix", LIMIT: 0.0}
    return {LAMBDA: numbers(values), LIMIT: number(step, "The largest step you return")}


def same_numbers(a, b, tolerance):
    return not isinstance(a, str) and near(a, b, tolerance)


def step_is(test):
    """Eigenvalues right, and the step is such: a fact of a special field."""
    return shows(
        lambda got, right: same_numbers(got[LAMBDA], right[LAMBDA], 1e-3) and test(got[LIMIT])
    )


def only_direction(index):
    """The bound of one eigenvalue alone, in the order in which they come."""
    return lambda h: h[index]


def inwards(rule):
    """A rule for the step where the flow comes inwards, else 0."""
    return lambda z: rule(z) if z.real.max() < -1e-9 else torch.zeros(2)


at, see, eigen, bound, pick, guard = Part.of(stability_right)
STABILITY_MISTAKES = {
    "WHOLE-JACOBIAN": (shows(lambda got, right: isinstance(got[LAMBDA], str)),),
    "NO-GRADIENT": (
        *see(torch.zeros_like),
        raises("does not require grad"),
        raises("not have been used in the graph"),
    ),
    "ROTATION-DROPPED": eigen(lambda J: torch.linalg.eigvals(J).real),
    "IMAGINARY-ONLY": eigen(
        lambda J: torch.linalg.eigvals(J).imag, lambda J: torch.linalg.eigvals(J).imag * 1j
    ),
    "MODULI": eigen(lambda J: torch.linalg.eigvals(J).abs()),
    "SYMMETRISED": (
        *eigen(torch.linalg.eigvalsh, lambda J: torch.linalg.eigvalsh(J, UPLO="U")),
        *see(lambda J: (J + J.T) / 2),
    ),
    "SINGULAR-VALUES": eigen(torch.linalg.svdvals),
    "DIAGONAL": eigen(torch.diagonal),
    "ROWS-SUMMED": eigen(lambda J: J.sum(0), lambda J: J.sum(1)),
    "AT-THE-ORIGIN": at(torch.zeros_like),
    "FIELD-REVERSED": see(lambda J: -J),
    "STEP-FOR-FLOW": see(lambda J: torch.eye(2) + J),
    "CONJUGATE-LOST": eigen(lambda J: torch.linalg.eigvals(J)[:1].expand(2)),
    "BOWL-RULE": bound(
        inwards(lambda z: 2 / z.abs()),
        inwards(lambda z: -2 / z.real),
        inwards(lambda z: 1 / z.abs()),
        inwards(lambda z: -1 / z.real),
    ),
    "SLOWEST-NOT-FASTEST": pick(lambda h: h.max()),
    "BOUNDS-AVERAGED": pick(lambda h: h.mean(), lambda h: h.sum()),
    "ONE-EIGENVALUE": pick(only_direction(0), only_direction(1)),
    "HALF-THE-STEP": bound(lambda z: -z.real / z.abs() ** 2),
    "MODULUS-NOT-SQUARED": bound(lambda z: -2 * z.real / z.abs()),
    "IMAGINARY-SQUARED": bound(lambda z: -2 * z.real / z.imag**2),
    "STEP-IS-ZERO": guard(lambda h: 0.0),
}
ROTATION = {"SMALL-LR-CURES-ROTATION": step_is(lambda h: h > 1e-4)}
OUTWARD = {
    "NEGATIVE-STEP": step_is(lambda h: h < -1e-4),
    "REPELLING-POINT": step_is(lambda h: h > 1e-4),
}
SADDLE = {"NEGATIVE-STEP": OUTWARD["NEGATIVE-STEP"], "SADDLE": step_is(lambda h: h > 1e-4)}


def stability_cases(seed):
    """Spirals, flows with the faster direction first and last; then points that no step reaches."""
    rng = seeded(seed)

    def case(what, matrix, breaks=None):
        by = 1 + 0.2 * torch.rand((), generator=rng, dtype=torch.float64)
        c = torch.rand(2, generator=rng, dtype=torch.float64) + torch.tensor([0.4, -1.3])
        J = by * torch.tensor(matrix, dtype=torch.float64)
        return Case(what, (Field(J, c), c), breaks or {})

    return [
        case("a pure rotation", [[0.0, 0.5], [-0.5, 0.0]], ROTATION),
        case("an inward spiral", [[-0.1, 0.8], [-0.5, -0.5]]),
        case("an inward flow without rotation", [[-3.0, 1.0], [0.5, -1.0]]),
        case("an inward flow, its slow direction first", [[-0.4, 0.2], [0.3, -2.5]]),
        case("an outward spiral", [[0.2, 1.0], [-1.0, -0.1]], OUTWARD),
        case("a saddle", [[-1.5, 0.4], [0.3, 0.7]], SADDLE),
        case("a saddle, its unstable direction first", [[0.6, 0.2], [0.5, -1.2]], SADDLE),
    ]


stability = Exercise(
    "04.stability",
    stability_right,
    STABILITY_MISTAKES,
    stability_cases,
    observe=see_stability,
    same=same_numbers,
    what="your answer",
)


# ---- 04.r1: the gradient penalty on real examples ------------------------------------------------

PENALTY, IN_WEIGHTS = "your penalty", "its gradient in D's weights"


def r1_right(
    D,
    real,
    fake,
    gamma,
    *,
    at=lambda real, fake: real,
    of=lambda s: s,  # the function of D's logits whose slope is taken
    reduce=lambda slope: slope.square().sum(1).mean(),  # [n, d] -> scalar
    factor=lambda gamma: gamma / 2,
    end=lambda penalty, D, real, fake, gamma: penalty,
):
    x = at(real, fake).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(of(D(x)).sum(), x, create_graph=True)
    return end(factor(gamma) * reduce(slope.flatten(1)), D, real, fake, gamma)


def of_the_value(D, real, fake, gamma):
    return gamma / 2 * D(real).square().mean()


def in_weights(reduce):
    def penalty(D, real, fake, gamma):
        grads = torch.autograd.grad(reduce(D(real)), list(D.parameters()), create_graph=True)
        return gamma / 2 * sum(g.square().sum() for g in grads)

    return penalty


def see_penalty(answer, case):
    """The penalty and its gradient in D's weights: tensors, or None where D could not learn from it."""
    D, *rest = fresh(case.args)
    value = answer(D, *rest)
    seen = {PENALTY: number(value, "the penalty"), IN_WEIGHTS: None, "facts": "D learns"}
    if not all(p.requires_grad for p in D.parameters()):
        return {**seen, "facts": "D is frozen"}
    if isinstance(value, torch.Tensor) and value.requires_grad:
        found = torch.autograd.grad(value.sum(), list(D.parameters()), allow_unused=True)
        if any(g is not None for g in found):
            zeros = map(torch.zeros_like, D.parameters())
            seen[IN_WEIGHTS] = tuple(z if g is None else g for z, g in zip(zeros, found))
    return seen


def depends(ask, args):
    """Does the penalty move with the real examples, with the fakes, with gamma?"""
    D, real, fake, gamma = args

    def at(*other):
        torch.manual_seed(1)
        return ask(*fresh(other))[PENALTY]

    here = at(*args)
    others = (D, real - 0.5, fake, gamma), (D, real, fake + 0.5, gamma), (D, real, fake, 2 * gamma)
    return [not near(at(*other), here) for other in others]


def depends_on(*wanted):
    """A property: with (real, fake) the penalty moves, or does not, as `wanted` says."""
    return asks(lambda ask, *args: depends(ask, args)[:2] == list(wanted))


def no_graph(got, right):
    return near(got[PENALTY], right[PENALTY]) and got[IN_WEIGHTS] is None


def other_graph(got, right):
    return near(got[PENALTY], right[PENALTY]) and not near(got[IN_WEIGHTS], right[IN_WEIGHTS], 1e-3)


at, of, reduce, factor, end = Part.of(r1_right)
R1_MISTAKES = {
    "X-NOT-TRACKED": (
        raises("does not require grad"),
        raises("not have been used in the graph"),
    ),
    "LEFT-FROZEN": (shows(lambda got, right: got["facts"] != right["facts"]),),
    "NOT-A-NUMBER": (shows(lambda got, right: not math.isfinite(got[PENALTY])),),
    "NO-CREATE-GRAPH": (shows(no_graph),),
    "WRONG-GRADIENT": (shows(other_graph),),
    "R1-ON-FAKE": at(lambda real, fake: fake),
    "R1-ON-BOTH": (
        *at(lambda real, fake: torch.cat([real, fake])),
        *end(
            lambda p, D, real, fake, gamma: p + r1_right(D, fake, real, gamma),
            lambda p, D, real, fake, gamma: (p + r1_right(D, fake, real, gamma)) / 2,
        ),
    ),
    "R1-BETWEEN": at(lambda real, fake: (real + fake) / 2),
    "LOSS-ADDED": end(
        lambda p, D, real, fake, gamma: p + softplus(-D(real)).mean() + softplus(D(fake)).mean(),
        lambda p, D, real, fake, gamma: p + softplus(-D(real)).mean(),
        lambda p, D, real, fake, gamma: p + D(fake).mean() - D(real).mean(),
    ),
    "PENALTY-UNSQUARED": reduce(
        lambda s: s.norm(dim=1).mean(), lambda s: s.abs().sum(1).mean(), lambda s: s.sum(1).mean()
    ),
    "MEAN-BEFORE-SQUARE": reduce(
        lambda s: s.norm(dim=1).mean() ** 2, lambda s: s.mean(0).square().sum()
    ),
    "SQUARE-OF-SUM": reduce(lambda s: s.sum(1).square().mean()),
    "L1-NORM": reduce(lambda s: s.abs().sum(1).square().mean()),
    "SUM-NOT-MEAN": reduce(lambda s: s.square().sum()),
    "MEAN-OVER-PIXELS": reduce(lambda s: s.square().mean()),
    "NORM-OVER-BATCH": (
        *of(lambda s: s / len(s)),
        *reduce(lambda s: s.square().sum() / len(s) ** 2, lambda s: s.norm() / len(s)),
    ),
    "WHOLE-NORM": reduce(lambda s: s.norm(), lambda s: s.norm() ** 2 / s.numel() ** 2),
    "ONE-CENTRED": reduce(
        lambda s: (s.norm(dim=1) - 1).square().mean(),
        lambda s: (s.square().sum(1) - 1).square().mean(),
        lambda s: (s.norm(dim=1) - 1).relu().square().mean(),
    ),
    "EXAMPLES-IGNORED": reduce(
        lambda s: s.square().sum(1).max(),
        lambda s: s[0].square().sum(),
        lambda s: s[:-1].square().sum(1).mean(),
        lambda s: s.square().sum(1).median(),
    ),
    "R1-HALF": factor(lambda gamma: gamma),
    "GAMMA-IGNORED": factor(lambda gamma: 0.5, lambda gamma: 1.0),
    "GAMMA-POWER": factor(
        lambda gamma: gamma**2 / 2, lambda gamma: gamma**2, lambda gamma: gamma**0.5 / 2
    ),
    "SIGN": factor(lambda gamma: -gamma / 2),
    "PENALTY-ON-PROBABILITY": of(torch.sigmoid),
    "PENALTY-ON-LOSS": of(lambda s: softplus(-s), lambda s: softplus(s)),
    "VALUE-NOT-SLOPE": (of_the_value,),
    "SLOPE-IN-WEIGHTS": (in_weights(torch.mean), in_weights(torch.sum)),
    "R1-ON-FAKE/any": (depends_on(False, True),),
    "R1-BETWEEN/any": (depends_on(True, True),),
    "RANDOM": (asks(lambda ask, *args: not near(ask(*args)[PENALTY], ask(*args)[PENALTY])),),
    "GAMMA-IGNORED/any": (asks(lambda ask, *args: not depends(ask, args)[2]),),
    "VALUE-CONSTANT": (depends_on(False, False),),
}


def r1_cases(seed):
    """Vectors, and pictures; a D with a slope that differs from place to place, and old gradients."""
    rng = seeded(seed)

    def case(what, n, shape, breaks=None):
        real, fake = (torch.randn(n, *shape, generator=rng) + shift for shift in (0.0, 1.0))
        return Case(what, (Bumpy(shape, seed + n), real, fake, 0.3 + n / 10), breaks or {})

    return [
        case("5 vectors", 5, (3,)),
        case("4 vectors", 4, (2,)),
        case("pictures [4, 1, 2, 3]", 4, (1, 2, 3), {"AXES": shows(lambda got, right: True)}),
    ]


r1 = Exercise(
    "04.r1",
    r1_right,
    R1_MISTAKES,
    r1_cases,
    observe=see_penalty,
    may_change=("real.requires_grad", "real.grad", "fake.requires_grad"),
    what="your penalty",
    library=lambda D, real, fake, gamma: penalties.r1(D, real, gamma=gamma),
)


# ---- 04.average: a running average of a network, in place ----------------------------------------

PARAMETERS, BUFFERS, FACTS = "`average`", "a buffer of `average`", "facts"


def network(rng):
    """Nested, with a frozen parameter, batch norm and parameters of every rank; gradients lie about."""
    inner = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    net = nn.Sequential(nn.Linear(2, 3), inner, nn.Linear(3, 2))
    for values in itertools.chain(net.parameters(), net.buffers()):
        if values.is_floating_point():
            values.data.copy_(torch.randn(values.shape, generator=rng))
        else:
            values.fill_(int(torch.randint(9, 99, (), generator=rng)))
    net[0].bias.requires_grad_(False)
    return net


def average_cases(seed):
    def case(what, decay, k):
        rng = seeded(seed + k)
        average, net = network(rng), network(rng)
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=rng)
        return Case(what, (average, net, decay), tolerance=1e-5)

    return [case("decay 0.75", 0.75, 0), case("decay 0.9", 0.9, 50)]


def average_right(
    average,
    net,
    decay,
    *,
    rule=lambda p, q, grad, decay: decay * p + (1 - decay) * q,
    keep=lambda name, p: True,
    take=lambda old, new, decay: new,
):
    with torch.no_grad():
        for (name, p), q in zip(average.named_parameters(), net.parameters()):
            if keep(name, p):
                p.copy_(rule(p, q, q.grad, decay))
        for old, new in zip(average.buffers(), net.buffers()):
            old.copy_(take(old, new, decay))


def see_average(answer, case):
    """What `average` holds afterwards; and whether net moved, autograd was at work, memory is shared."""
    average, net, decay = fresh(case.args)
    before = [t.clone() for t in (*net.parameters(), *net.buffers())]
    answer(average, net, decay)
    mine, theirs = ([*n.parameters(), *n.buffers()] for n in (average, net))
    facts = (
        not all(map(torch.equal, before, theirs)),
        any(p.grad_fn is not None or p.grad is not None for p in average.parameters()),
        bool({t.data_ptr() for t in mine} & {t.data_ptr() for t in theirs}),
    )
    return {
        FACTS: facts,
        PARAMETERS: tuple(p.detach().clone() for p in average.parameters()),
        BUFFERS: tuple(b.detach().clone().float() for b in average.buffers()),
    }


def fact(k):
    return shows(lambda got, right: got[FACTS][k])


def same_decay(ask, average, net, decay):
    """Does another decay give the same average?"""
    other = ask(*fresh((average, net)), 0.3)[PARAMETERS]
    return near(other, ask(*fresh((average, net)), decay)[PARAMETERS])


def mixed(old, new, decay):
    return decay * old + (1 - decay) * new if old.is_floating_point() else new


def module_by_module(average, net, decay):
    """`parameters()` of each module, which holds those of the modules inside it as well."""
    for mine, theirs in zip(average.modules(), net.modules()):
        average_right(mine, theirs, decay)


rule, keep, take = Part.of(average_right)
AVERAGE_MISTAKES = {
    "MOVES-THE-PLAYER": (fact(0),),
    "EMA-WITH-GRADIENT": (
        fact(1),
        raises("a leaf Variable that requires grad"),
        raises("NoneType"),
    ),
    "SHARED-WEIGHTS": (fact(2),),
    "NOTHING-CHANGED": rule(lambda p, q, grad, decay: p),
    "COPY-NOT-AVERAGE": rule(lambda p, q, grad, decay: q),
    "DECAY-SWAPPED": rule(lambda p, q, grad, decay: (1 - decay) * p + decay * q),
    "AVERAGED-AGAIN": (
        *rule(
            lambda p, q, grad, decay: decay**2 * p + (1 - decay**2) * q,
            lambda p, q, grad, decay: decay**3 * p + (1 - decay**3) * q,
        ),
        module_by_module,
    ),
    "UNNORMALISED": rule(
        lambda p, q, grad, decay: decay * p + q,
        lambda p, q, grad, decay: p + (1 - decay) * q,
        lambda p, q, grad, decay: p + q,
        lambda p, q, grad, decay: decay * (p + q),
        lambda p, q, grad, decay: p + decay * q,
    ),
    "SIGN": rule(
        lambda p, q, grad, decay: decay * p - (1 - decay) * q,
        lambda p, q, grad, decay: p - (1 - decay) * (q - p),
        lambda p, q, grad, decay: p + (1 - decay) * (q + p),
    ),
    "EMA-OF-GRADIENTS": rule(
        lambda p, q, grad, decay: decay * p + (1 - decay) * grad,
        lambda p, q, grad, decay: p - (1 - decay) * grad,
        lambda p, q, grad, decay: decay * p - (1 - decay) * grad,
        lambda p, q, grad, decay: grad,
    ),
    "DECAY-IGNORED": (
        *rule(
            lambda p, q, grad, decay: (p + q) / 2,
            lambda p, q, grad, decay: 0.999 * p + 0.001 * q,
        ),
        asks(same_decay),
    ),
    "WEIGHTS-ONLY": keep(
        lambda name, p: p.ndim > 1, lambda name, p: name.endswith("weight") or p.ndim > 1
    ),
    "BIASES-ONLY": keep(lambda name, p: name.endswith("bias"), lambda name, p: p.ndim == 1),
    "FROZEN-SKIPPED": keep(lambda name, p: p.requires_grad),
    "NESTED-SKIPPED": keep(
        lambda name, p: name.count(".") == 1, lambda name, p: name.count(".") > 1
    ),
    "SOME-SKIPPED": keep(
        lambda name, p: not name.startswith("0."),
        lambda name, p: not name.startswith("2."),
        lambda name, p: name != "2.bias",
        lambda name, p: name == "0.weight",
    ),
    "BUFFERS-FORGOTTEN": take(lambda old, new, decay: old),
    "BUFFERS-AVERAGED": take(
        mixed,
        lambda old, new, decay: decay * old + (1 - decay) * new,
        lambda old, new, decay: (1 - decay) * old + decay * new,
        lambda old, new, decay: (old + new) / 2,
    ),
    "BUFFERS-IN-PART": take(
        lambda old, new, decay: new if old.is_floating_point() else old,
        lambda old, new, decay: old if old.is_floating_point() else new,
    ),
}

average = Exercise(
    "04.average",
    average_right,
    AVERAGE_MISTAKES,
    average_cases,
    observe=see_average,
    may_change=("average.weights",),
    what="the average",
)

# ---- 04.turn_alternate: two lines, and whom G answers ---------------------------------------------

G_MOVES, D_MOVES = torch.eye(2, dtype=torch.float64)


def turn_right(
    field,
    w,
    h,
    *,
    size=lambda h: h,
    first=D_MOVES,
    second=G_MOVES,
    seen=lambda old, new: new,
    onto=lambda old, new: new,
    end=lambda new, old: new,
):
    moved = w + size(h) * field(w) * first
    return end(onto(w, moved) + size(h) * field(seen(w, moved)) * second, w)


size, first, second, seen, onto, end = Part.of(turn_right)
TURN_MISTAKES = {
    "SIMULTANEOUS": seen(lambda old, new: old),
    "G-FIRST": ({"first": G_MOVES, "second": D_MOVES},),
    "G-STANDS": (*second(0 * G_MOVES), {"second": D_MOVES}),
    "D-STANDS": (*first(0 * D_MOVES), {"first": G_MOVES}),
    "BOTH-TWICE": ({"first": torch.ones(2), "second": torch.ones(2)},),
    "ONE-MOVES-TWICE": (*first(torch.ones(2)), *second(torch.ones(2))),
    "UPHILL": size(lambda h: -h),
    "STEP-SIZE": size(lambda h: h / 2, lambda h: 2 * h, lambda h: 1.0),
    "D-LOST": onto(lambda old, new: old),
    "CHANGE-NOT-PLACE": end(lambda new, old: new - old),
}


def turn_cases(seed):
    """Two fields in which the players' moves differ, from two places, with two step sizes."""
    rng = seeded(seed)

    def case(what, matrix, place, h):
        by = 1 + 0.2 * torch.rand(3, generator=rng, dtype=torch.float64)
        J = by[0] * torch.tensor(matrix, dtype=torch.float64)
        w = by[1] * torch.tensor(place, dtype=torch.float64)
        return Case(what, (Field(J, torch.zeros(2)), w, float(by[2] * h)))

    return [
        case("a rotation", [[0.1, 0.9], [-0.6, 0.2]], [0.8, 0.5], 0.5),
        case("a rotation with friction", [[0.0, 0.5], [-0.7, -0.4]], [-0.6, 0.9], 0.3),
    ]


turn_alternate = Exercise(
    "04.turn_alternate",
    turn_right,
    TURN_MISTAKES,
    turn_cases,
    read=lambda w: tensor(w, (2,)).detach().double(),
    what="the new place",
)


# ---- 04.turn_damping: a gamma that brings the players home ----------------------------------------

HOME, NEAR, SOON = (1.5, 0.0), 0.05, 15.0


def time_home(gamma):
    """The time after which the flow with R1, from HOME, stays nearer than NEAR."""
    start = torch.tensor(HOME, dtype=torch.float64)
    path = dirac.flow(lambda w: dirac.field(w, gamma), start, time=2 * SOON, n=600)
    return dirac.home_time(path, 2 * SOON / 600, NEAR)


def judge_damping(answer, seed):
    gamma = number(answer() if callable(answer) else answer, "Your gamma")
    if not math.isfinite(gamma) or gamma > 20:
        return Misconception("OFF-THE-SCALE", gamma=gamma)
    if gamma < 0:
        return Misconception("PUSHED-OUT", gamma=gamma)
    if gamma == 0:
        return Misconception("NO-FRICTION")
    time = time_home(gamma)
    if time <= SOON:
        return None
    return Misconception("TOO-LITTLE" if gamma < 1 else "TOO-MUCH", gamma=gamma)


DAMPING_MISTAKES = {
    "PUSHED-OUT": (-0.5, -1.0),
    "NO-FRICTION": (0.0,),
    "TOO-LITTLE": (0.1, 0.3),
    "TOO-MUCH": (2.5, 5.0),
    "OFF-THE-SCALE": (100.0, math.inf),
}
turn_damping = Probe("04.turn_damping", 1.0, judge_damping, DAMPING_MISTAKES, function=False)

EXERCISES = {
    "step": step,
    "stability": stability,
    "r1": r1,
    "average": average,
    "turn_alternate": turn_alternate,
    "turn_damping": turn_damping,
}
