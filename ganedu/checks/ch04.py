"""Checks of chapter 04: a step of both players, the stability of a point, R1, a running average.

Each check compares the answer with the wrong formulas that people write; their words stand in the
table beside them. What no table knows is judged by the property that it breaks.
"""

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from ganedu.checks import probes
from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near


def _name(got, slips, words):
    """Raise the first of the slips (code, wrong value) whose value is the one we got."""
    for code, wrong in slips:
        if near(got, wrong):
            raise _named(code, words)


def _named(code, words):
    """The misconception of that name, with the words of its table."""
    return Misconception(code, *words[code])


# ---- 04.step: one step of both players of the Dirac-GAN ------------------------------------------

POINTS = [(0.9, 0.4, 0.5), (-0.7, 1.2, 0.3), (0.8, -1.5, 0.4)]  # theta, psi, lr
STEP_WORDS = {
    "RETURN-SWAPPED": (
        "The two numbers you return are right, in the wrong order: psi comes first.",
        "The text asks for (theta, psi). Which of the two is G's parameter?",
    ),
    "CHANGE-NOT-VALUE": (
        "You return how far the players move, not where they arrive.",
        "A step starts from theta and psi: do both appear in what you return?",
    ),
    "FLAG-INVERTED": (
        "Both kinds of step are right and their names are exchanged: `alternating=True` gives the "
        "simultaneous step.",
        "In which of the two does G see the D that has just moved?",
    ),
    "ALTERNATING-FOR-SIMULTANEOUS": (
        "With alternating=False, your second player already sees where the first one went.",
        "Look for a line that overwrites theta or psi before the other gradient is computed.",
    ),
    "SIMULTANEOUS-FOR-ALTERNATING": (
        "With alternating=True you return the simultaneous step: G still answers the old D.",
        "In the alternating step G's gradient is taken at (theta, new psi). Which psi is in yours?",
    ),
    "G-FIRST": (
        "You alternate with G first. That is a good game too, but here, as in the course's "
        "`Trainer`, D goes first.",
        "Which parameter must be new when the other gradient is computed?",
    ),
    "ONE-PLAYER-A-CALL": (
        "Only one of the two players moves in a call.",
        "One step of the game is a step of D and a step of G, whichever way they take turns.",
    ),
    "STALE-LOGIT": (
        "With alternating=True, G's gradient mixes two moments: of psi as a factor and psi inside "
        "the sigmoid, one is new and one is old.",
        "Was something computed before D's step and used again after it?",
    ),
}
D_WORDS = {
    "D-SIGN": (
        "D climbs its own loss: it raises its logit on the generated point.",
        "Both players minimise: the new value is the old one minus lr times the gradient.",
    ),
    "WRONG-CHAIN": (
        "The derivative of softplus(psi * theta) in psi carries a factor, and yours is psi itself.",
        "The inner derivative of psi * theta with respect to psi: what is left?",
    ),
    "LINEARISED": (
        "Your gradient has a constant 1/2 where the sigmoid belongs: that is its value at the "
        "equilibrium only.",
        "The derivative of softplus(t) is sigmoid(t). What is t away from the equilibrium?",
    ),
    "SIGMOID-MISSING": (
        "Your players play f(x, y) = x y: the sigmoid of the logistic loss is missing.",
        "What is the derivative of softplus(t) with respect to t?",
    ),
    "WRONG-SIGMOID": (
        "D's gradient has the right factor with sigmoid(-t), t = psi * theta: D is stronger the "
        "more sure it is already.",
        "D's loss on the fake is softplus(+t). What is its derivative?",
    ),
}
G_WORDS = {
    **D_WORDS,
    "BOTH-DESCEND": (
        "Both of your players walk down D's loss: G moves so that D's logit on its own point "
        "falls, and so helps D.",
        "G wants its point to be called real. Which sign of the logit does its loss reward?",
    ),
    "SATURATING": (
        "Your G uses the saturating loss, -softplus(t) with t = psi * theta; its gradient has the "
        "factor sigmoid(t).",
        "The text gives G the loss softplus(-t). What is its derivative?",
    ),
    "WRONG-CHAIN": (
        "The derivative of softplus(-psi * theta) in theta carries a factor, and yours is theta "
        "itself.",
        "The inner derivative of psi * theta with respect to theta: what is left?",
    ),
}


def step(answer):
    """(theta, psi, lr, alternating) -> (theta, psi) for L_D = softplus(t), L_G = softplus(-t)."""
    sim, alt = _steps(answer, False), _steps(answer, True)
    if not near(sim, _steps(_right_step, False)):
        _wrong_simultaneous(sim, alt)
    if not near(alt, _steps(_right_step, True)):
        _wrong_alternating(alt)
    return _radii(answer)


def _right_step(theta, psi, lr, alternating):
    new = psi - lr * _sigmoid(psi * theta) * theta
    seen = new if alternating else psi
    return theta + lr * _sigmoid(-seen * theta) * seen, new


def _sigmoid(t):
    return 1 / (1 + math.exp(-t))


def _steps(answer, alternating):
    """One step from each of POINTS: [3, 2]."""
    return torch.stack([_pair(answer(*point, alternating)) for point in POINTS])


def _pair(value):
    """A returned (theta, psi), in whatever form, as a tensor [2]."""
    if value is None:
        raise Misconception(
            "NOTHING-RETURNED",
            "Your function returns None.",
            "End it with `return theta, psi`.",
        )
    try:
        numbers = [float(v.detach() if isinstance(v, torch.Tensor) else v) for v in value]
    except (TypeError, ValueError, RuntimeError):
        numbers = []
    if len(numbers) != 2:
        raise Misconception(
            "NOT-A-PAIR",
            f"Your function returns a {type(value).__name__} that is not a pair of numbers.",
            "End it with `return theta, psi`, the two new parameters.",
        )
    if not all(map(math.isfinite, numbers)):
        raise Misconception(
            "NOT-A-NUMBER",
            f"Your function returns {numbers[0]} and {numbers[1]}.",
            "Print the two gradients: which one is not finite?",
        )
    return torch.tensor(numbers, dtype=torch.float64)


def _start():
    """theta [3], psi [3] and lr [3] of POINTS."""
    return torch.tensor(POINTS, dtype=torch.float64).T


def _wrong_simultaneous(sim, alt):
    """Name what is wrong when both players move at once: first the whole, then D, then G."""
    theta, psi, lr = _start()
    right_sim, right_alt = _steps(_right_step, False), _steps(_right_step, True)
    if near(sim, right_alt) and near(alt, right_sim):
        raise _named("FLAG-INVERTED", STEP_WORDS)
    _name(sim.flip(1), [("RETURN-SWAPPED", right_sim)], STEP_WORDS)
    _name(sim + torch.stack([theta, psi], dim=1), [("CHANGE-NOT-VALUE", right_sim)], STEP_WORDS)
    _name(sim, _lone_steps(), STEP_WORDS)
    overwritten = [right_alt, _g_first_step()]
    _name(sim, [("ALTERNATING-FOR-SIMULTANEOUS", w) for w in overwritten], STEP_WORDS)
    if not near(sim[:, 1], right_sim[:, 1]):
        _wrong_d((sim[:, 1] - psi) / lr, sim)
    _wrong_g((sim[:, 0] - theta) / lr, sim)


def _wrong_d(move, sim):
    theta, psi, _ = _start()
    _name(move, _d_slips(theta, psi), D_WORDS)
    if (move * theta > 0).all():
        raise _named("D-SIGN", D_WORDS)
    _wrong_value(sim, "psi", "minus the derivative of softplus(psi * theta) in psi")


def _wrong_g(move, sim):
    theta, psi, _ = _start()
    _name(move, _g_slips(theta, psi) + _g_slips(theta, sim[:, 1]), G_WORDS)
    if (move * psi < 0).all():
        raise _named("BOTH-DESCEND", G_WORDS)
    _wrong_value(sim, "theta", "minus the derivative of softplus(-psi * theta) in theta")


def _g_first_step():
    """The step in which G moves first and D answers: [3, 2]."""
    theta, psi, lr = _start()
    moved = theta + lr * torch.sigmoid(-psi * theta) * psi
    return torch.stack([moved, psi - lr * torch.sigmoid(psi * moved) * moved], dim=1)


def _lone_steps():
    """Steps in which only D, or only G, has moved."""
    theta, psi, _ = _start()
    g_moved, d_moved = _steps(_right_step, False).T
    return [
        ("ONE-PLAYER-A-CALL", torch.stack([theta, d_moved], dim=1)),
        ("ONE-PLAYER-A-CALL", torch.stack([g_moved, psi], dim=1)),
    ]


def _d_slips(theta, psi):
    t = psi * theta
    return [
        ("WRONG-SIGMOID", -torch.sigmoid(-t) * theta),
        ("LINEARISED", -theta / 2),
        ("SIGMOID-MISSING", -theta),
        ("WRONG-CHAIN", -torch.sigmoid(t) * psi),
    ]


def _g_slips(theta, psi):
    t = psi * theta
    return [
        ("SATURATING", torch.sigmoid(t) * psi),
        ("LINEARISED", psi / 2),
        ("SIGMOID-MISSING", psi),
        ("WRONG-CHAIN", torch.sigmoid(-t) * theta),
    ]


def _wrong_alternating(alt):
    """Name what is wrong when the simultaneous step is right and the alternating one is not."""
    theta, psi, lr = _start()
    right_sim, right_alt = _steps(_right_step, False), _steps(_right_step, True)
    d_moved = right_sim[:, 1]
    stale_logit = theta + lr * torch.sigmoid(-psi * theta) * d_moved
    stale_factor = theta + lr * torch.sigmoid(-d_moved * theta) * psi
    slips = [
        ("SIMULTANEOUS-FOR-ALTERNATING", right_sim),
        ("G-FIRST", _g_first_step()),
        *_lone_steps(),
        ("STALE-LOGIT", torch.stack([stale_logit, d_moved], dim=1)),
        ("STALE-LOGIT", torch.stack([stale_factor, d_moved], dim=1)),
        ("RETURN-SWAPPED", right_alt.flip(1)),
    ]
    _name(alt, slips, STEP_WORDS)
    raise Misconception(
        "WRONG-VALUE",
        f"The simultaneous step is right. {_from_to(alt)} with alternating=True.",
        "D moves first, as in the simultaneous step; then G moves with the same formula as before "
        "and the new psi.",
    )


def _from_to(steps):
    (theta, psi, lr), (new_theta, new_psi) = POINTS[0], steps[0].tolist()
    return (
        f"From theta = {theta}, psi = {psi} with lr = {lr} you go to theta = {new_theta:.4g}, "
        f"psi = {new_psi:.4g}"
    )


def _wrong_value(steps, parameter, property):
    raise Misconception(
        "WRONG-VALUE",
        f"{_from_to(steps)} with alternating=False.",
        f"The change of {parameter}, divided by lr, must be {property}. Compute that by hand for "
        "this point and print both.",
    )


def _radii(answer):
    """What the learner's own steps do in 200 rounds, for the verdict."""
    ends = []
    for alternating in (False, True):
        w = (1.0, 1.0)
        for _ in range(200):
            w = _pair(answer(*w, 0.5, alternating)).tolist()
        ends.append(math.hypot(*w))
    return (
        f"Right. From (1, 1), at distance 1.41 from the equilibrium, 200 of your steps with "
        f"lr = 0.5 end at distance {ends[0]:.2f} when simultaneous and {ends[1]:.2f} when "
        "alternating: the order of two lines decides."
    )


# ---- 04.stability: eigenvalues of a field's Jacobian, and the largest step -----------------------

SPIRAL = ("an inward spiral", [[-0.1, 0.8], [-0.5, -0.5]])  # eigenvalues -0.3 +- 0.6i
SLOPE = ("an inward flow without rotation", [[-3.0, 1.0], [0.5, -1.0]])  # -2 +- sqrt(1.5)
CIRCLE = ("a pure rotation", [[0.0, 0.5], [-0.5, 0.0]])  # +- 0.5i
OUTWARD = ("an outward spiral", [[0.2, 1.0], [-1.0, -0.1]])  # 0.05 +- 0.99i
EIGEN_WORDS = {
    "NO-GRADIENT": (
        "Both of your eigenvalues are 0: no gradient arrived.",
        "Was w a plain number, or detached, when the field was evaluated?",
    ),
    "ROTATION-DROPPED": (
        "You return the real parts alone. The imaginary parts are the rotation, which is what "
        "this chapter is about.",
        "Keep the eigenvalues complex; `torch.linalg.eigvals` returns them so.",
    ),
    "MODULI": (
        "You return the moduli |lambda|: they cannot tell a flow that comes in from one that goes "
        "out.",
        "The sign of the real part decides. Keep the eigenvalues themselves.",
    ),
    "SYMMETRISED": (
        "Your eigenvalues are those of a symmetric matrix, always real. The Jacobian of a game is "
        "not symmetric: the two players follow different losses.",
        "`eigvalsh` reads only half of the matrix. Which function takes any square matrix?",
    ),
    "SINGULAR-VALUES": (
        "You return the singular values. They say how much the matrix stretches, not where the "
        "flow goes.",
        "An eigenvalue solves J v = lambda v, and may be complex.",
    ),
    "DIAGONAL": (
        "You return the diagonal of the Jacobian: what each player would do alone.",
        "The dance is in the two entries off the diagonal: how each player answers the other.",
    ),
    "ROWS-SUMMED": (
        "Your Jacobian is [2] where it should be [2, 2]: `autograd.grad` of a sum adds the rows.",
        "Each component of the velocity has a gradient of its own: one row of the matrix each.",
    ),
    "AT-THE-ORIGIN": (
        "Your eigenvalues belong to the origin. The point w asked for is elsewhere.",
        "The Jacobian is taken at the w you are given.",
    ),
    "FIELD-REVERSED": (
        "Your eigenvalues have the opposite sign. The field is the direction in which the players "
        "*move*, already minus the gradients.",
        "Take the Jacobian of the field as it is given.",
    ),
    "STEP-FOR-FLOW": (
        "You return the eigenvalues of I + J, one step of size 1. Asked are those of J.",
        "One step of size h has the eigenvalues 1 + h lambda; here return lambda.",
    ),
}
STEP_LIMIT_WORDS = {
    "BOWL-RULE": (
        "For an inward spiral your largest step is that of a bowl, 2 / |lambda| or "
        "2 / |Re lambda|: right when lambda is real. Here such a step spirals out.",
        "Draw 1 + h lambda in the complex plane. When does its modulus reach 1?",
    ),
    "SLOWEST-NOT-FASTEST": (
        "Each eigenvalue has its limit on h, and you return the larger of the two: with that step "
        "the other direction blows up.",
        "All |1 + h lambda| must be below 1. Which of the two limits decides?",
    ),
    "HALF-THE-STEP": (
        "Your h is half of the limit: it makes |1 + h lambda| as *small* as possible.",
        "Asked is where |1 + h lambda| comes back to 1.",
    ),
}


def stability(answer):
    """(field, w) -> (eigenvalues [2] of the Jacobian, limit of h with all |1 + h lambda| < 1)."""
    found = {}
    for name, matrix in (SPIRAL, SLOPE, CIRCLE, OUTWARD):
        field, w = _field(matrix)
        eigenvalues, found[name] = _two_parts(answer(field, w.clone()))
        _check_eigenvalues(eigenvalues, np.array(matrix), w.numpy(), name)
    _check_rotation(found[CIRCLE[0]])
    _check_outward(found[OUTWARD[0]])
    for name, matrix in (SPIRAL, SLOPE):
        _check_limit(found[name], np.linalg.eigvals(matrix), name)
    return (
        "Right. On a pure rotation no step size brings a simultaneous step inwards: a smaller one "
        "only leaves more slowly."
    )


def _field(matrix):
    """v(w) = J tanh(w - c), so that the Jacobian at w = c is J, and the point c [2]."""
    J, c = torch.tensor(matrix, dtype=torch.float64), torch.tensor([0.5, -0.8], dtype=torch.float64)
    return lambda w: J.to(w.dtype) @ torch.tanh(w - c.to(w.dtype)), c.clone()


def _two_parts(value):
    """A returned (eigenvalues, largest step) as a complex array [2] and a float."""
    if value is None:
        raise Misconception(
            "NOTHING-RETURNED",
            "Your function returns None.",
            "End it with `return eigenvalues, largest_step`.",
        )
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Misconception(
            "NOT-A-PAIR",
            f"Your function returns one {type(value).__name__}; two things are asked for.",
            "End it with `return eigenvalues, largest_step`.",
        )
    return _complex_pair(value[0]), _largest_step(value[1])


def _complex_pair(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().resolve_conj().numpy()
    try:
        array = np.array([complex(v) for v in value] if np.ndim(value) == 1 else value)
        array = array.astype(complex)
    except (TypeError, ValueError, RuntimeError):
        array = np.empty(0)
    if array.shape == (2, 2):
        raise Misconception(
            "WHOLE-JACOBIAN",
            "The first thing you return is a [2, 2] matrix: the Jacobian itself, it seems.",
            "Its eigenvalues are two numbers.",
        )
    if array.shape != (2,):
        raise Misconception(
            "NOT-A-PAIR",
            "The first thing you return is not a list or tensor of two eigenvalues.",
            "End with `return eigenvalues, largest_step`.",
        )
    return array


def _largest_step(value):
    try:
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError, RuntimeError):
        raise Misconception(
            "NOT-A-NUMBER",
            f"The largest step you return is a {type(value).__name__} that is not one real number.",
            "It is one number for the point: both eigenvalues must allow it.",
        ) from None


def _sorted(values):
    return sorted(np.asarray(values, dtype=complex), key=lambda z: (round(z.real, 6), z.imag))


def _same(found, expected):
    return bool(np.allclose(_sorted(found), _sorted(expected), rtol=1e-4, atol=1e-4))


def _check_eigenvalues(found, J, w, name):
    if _same(found, np.linalg.eigvals(J)):
        return
    for code, wrong in _eigen_slips(J, w):
        if _same(found, wrong):
            raise _named(code, EIGEN_WORDS)
    got = ", ".join(f"{z:.4g}" for z in found)
    raise Misconception(
        "WRONG-VALUE",
        f"For {name} your eigenvalues are {got}; their sum is {found.sum():.4g} and the trace of "
        f"the Jacobian is {np.trace(J):.4g}, their product {found.prod():.4g} and its determinant "
        f"{np.linalg.det(J):.4g}.",
        "Print your Jacobian [2, 2] first: row i holds the derivatives of component i.",
    )


def _eigen_slips(J, w):
    right = np.linalg.eigvals(J)
    at_zero = J @ np.diag(1 - np.tanh(w) ** 2)
    return [
        ("NO-GRADIENT", [0, 0]),
        ("ROTATION-DROPPED", right.real),
        ("MODULI", np.abs(right)),
        ("SYMMETRISED", np.linalg.eigvalsh(J)),
        ("SYMMETRISED", np.linalg.eigvalsh(J, UPLO="U")),
        ("SYMMETRISED", np.linalg.eigvalsh((J + J.T) / 2)),
        ("SINGULAR-VALUES", np.linalg.svd(J, compute_uv=False)),
        ("DIAGONAL", np.diag(J)),
        ("ROWS-SUMMED", J.sum(0)),
        ("AT-THE-ORIGIN", np.linalg.eigvals(at_zero)),
        ("FIELD-REVERSED", -right),
        ("STEP-FOR-FLOW", 1 + right),
    ]


def _check_rotation(h):
    if h > 1e-4:
        grows = "" if math.isinf(h) else f" With it |1 + h lambda| = {abs(1 + h * 0.5j):.8g} > 1."
        raise Misconception(
            "SMALL-LR-CURES-ROTATION",
            f"For a pure rotation, eigenvalues +-0.5i, your largest step is {h:.4g}.{grows}",
            "Halve h again and again and print |1 + 0.5i h|. Does it ever fall below 1?",
        )


def _check_outward(h):
    _no_negative(min(h, 0.0))
    if h > 1e-4:
        raise Misconception(
            "REPELLING-POINT",
            f"For an outward spiral, Re lambda = 0.05, your largest step is {h:.4g}; already the "
            "flow leaves the point.",
            "Which sign must Re lambda have for any step to come closer? Return 0 otherwise.",
        )


def _no_negative(h):
    if h < -1e-4:
        raise Misconception(
            "NEGATIVE-STEP",
            f"Where no step works you return {h:.4g}: a negative step plays the game backwards.",
            "Return 0 when there is no positive step that contracts.",
        )


def _check_limit(h, right, name):
    bounds = -2 * right.real / np.abs(right) ** 2
    if near(h, bounds.min()):
        return
    slips = [
        ("HALF-THE-STEP", bounds.min() / 2),
        ("BOWL-RULE", (2 / np.abs(right)).min()),
        ("BOWL-RULE", (2 / np.abs(right.real)).min()),
        ("SLOWEST-NOT-FASTEST", bounds.max()),
    ]
    _no_negative(h)
    _name(h, slips, STEP_LIMIT_WORDS)
    moduli = ", ".join(f"{m:.4g}" for m in np.abs(1 + h * right))
    raise Misconception(
        "WRONG-VALUE",
        f"For {name} your largest step is {h:.4g}; there |1 + h lambda| = {moduli}.",
        "At the largest step the greatest of these moduli is exactly 1.",
    )


# ---- 04.r1: the gradient penalty on real examples ------------------------------------------------

GAMMA = 0.7
R1_WORDS = {
    "R1-ON-FAKE": (
        "Your penalty changes with the fakes and not with the real examples: that is R2.",
        "R1 asks D to be flat where the *data* are. At which points is the slope taken?",
    ),
    "R1-ON-BOTH": (
        "Your penalty takes the slope on real and on generated examples: R1 and R2 together.",
        "R1 alone looks at the real examples. What does `fake` do in your function?",
    ),
    "R1-BETWEEN": (
        "Your penalty changes with the fakes as well as with the real examples. WGAN-GP takes its "
        "slope between the two; R1 does not.",
        "At which points x is dD/dx taken in the formula?",
    ),
    "LOSS-ADDED": (
        "You return D's loss with the penalty added.",
        "Return the penalty alone; the trainer adds it.",
    ),
    "R1-HALF": (
        "Your value is exactly twice R1: the factor is gamma/2, yours is gamma.",
        "With 1/2 the gradient of the penalty for D(x) = psi x is gamma psi. What is yours?",
    ),
    "GAMMA-IGNORED": (
        "Your value does not change with gamma.",
        "The penalty is proportional to gamma.",
    ),
    "PENALTY-UNSQUARED": (
        "You average the norms of the slopes, not their squares.",
        "R1 is quadratic: twice the slope costs four times as much.",
    ),
    "MEAN-BEFORE-SQUARE": (
        "You average over the batch first and square then: slopes in opposite directions cancel.",
        "The square is each example's own; the mean over the batch comes last.",
    ),
    "SUM-NOT-MEAN": (
        "You add over the batch: twice as many examples, twice the penalty.",
        "The formula has an expectation over the real examples.",
    ),
    "MEAN-OVER-PIXELS": (
        "You average over the coordinates of x as well: the penalty shrinks as pictures grow.",
        "A squared norm is a *sum* over the coordinates; the mean is over examples only.",
    ),
    "NORM-OVER-BATCH": (
        "You take the slope of D's mean over the batch: each example's slope is divided by n, its "
        "square by n^2.",
        "Which function of D(real) has each example's own slope as its gradient?",
    ),
    "ONE-CENTRED": (
        "You pull the norm of the slope to 1. That is WGAN-GP's target.",
        "R1 pulls it to another value: which one does D have at the equilibrium?",
    ),
    "PENALTY-ON-PROBABILITY": (
        "You take the slope of sigmoid(D(x)). Where D is sure the sigmoid is flat, and the penalty "
        "is blind.",
        "The formula has the slope of the logit D(x) itself.",
    ),
    "PENALTY-ON-LOSS": (
        "You take the slope of D's loss. Where D is sure the loss is flat, and the penalty is "
        "blind.",
        "The formula has the slope of the logit D(x) itself.",
    ),
    "VALUE-NOT-SLOPE": (
        "You penalise the square of D's answer, not of its slope.",
        "A D with the same high answer everywhere has slope 0. `torch.autograd.grad` gives dD/dx.",
    ),
    "SLOPE-IN-WEIGHTS": (
        "You take the gradient with respect to D's weights.",
        "The slope is in x: how fast does D's answer change as the example moves?",
    ),
    "SIGN": (
        "Your penalty is negative: added to D's loss, it rewards steep slopes.",
        "D minimises its loss plus the penalty.",
    ),
    "AXES": (
        "Right for vectors [n, d]. For pictures [n, 1, 2, 3] you sum over one axis only and "
        "average over the others.",
        "A picture's slope is one long vector: `flatten(1)` makes it so.",
    ),
}


class _Bumpy(nn.Module):
    """A D whose slope differs from place to place: x [n, ...] -> logits [n]."""

    def __init__(self, d):
        super().__init__()
        rng = torch.Generator().manual_seed(d)
        self.W = nn.Parameter(torch.randn(4, d, generator=rng))
        self.v = nn.Parameter(torch.tensor([1.5, -0.8, 2.0, 0.6]))

    def forward(self, x):
        return torch.tanh(x.flatten(1) @ self.W.T) @ self.v + 0.4


def r1(answer):
    """(D, real, fake, gamma) -> gamma/2 E ||dD/dx||^2 on real examples, differentiable in D."""
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.randn(5, 3, generator=rng), 1.5 + torch.randn(5, 3, generator=rng)
    D = _Bumpy(3)
    value = _penalty(answer, D, real, fake)
    got, right = _float(value), _float(_right_r1(D, real))
    _check_place(answer, D, real, fake, got)
    _name(got, _r1_slips(D, real), R1_WORDS)
    if not near(got, right):
        raise Misconception(
            "WRONG-VALUE",
            f"For a curved D and gamma = {GAMMA} your penalty is {got:.4g}, {got / right:.4g} "
            "times R1.",
            "Try D(x) = w.x by hand: its slope is w everywhere, so R1 is gamma/2 |w|^2.",
        )
    _check_graph(value, D, real)
    _check_gamma(answer, D, real, fake)
    _check_pictures(answer)
    return (
        "Right: value, gradient and pictures. It is `ganedu.penalties.r1`; for D(x) = psi x its "
        "gradient is gamma psi, the friction of this chapter."
    )


def _penalty(answer, D, real, fake, gamma=GAMMA):
    """The answer's penalty: one number, with D's own gradients untouched."""
    torch.manual_seed(1)
    before = copy.deepcopy(D)
    try:
        value = answer(D, real.clone(), fake.clone(), gamma)
    except RuntimeError as error:
        if "does not require grad" in str(error) or "not have been used in the graph" in str(error):
            raise Misconception(
                "X-NOT-TRACKED",
                "PyTorch has no path from D's answer back to the examples you asked about.",
                "Mark x with `requires_grad_(True)` *before* D sees it, and ask for that same x.",
            ) from None
        raise
    _float(value)
    if any(p.grad is not None for p in D.parameters()):
        raise Misconception(
            "LEFTOVER-GRADIENTS",
            "After the call D's parameters hold gradients: `backward` filled `.grad` of everything "
            "on its way, and they would be added to D's next step.",
            "`torch.autograd.grad` returns the slope and leaves `.grad` alone.",
        )
    if not all(p.requires_grad and near(p, q) for p, q in zip(D.parameters(), before.parameters())):
        raise Misconception(
            "D-CHANGED",
            "After the call D is another: its parameters have changed or are frozen.",
            "A penalty is a number about D. Only the optimiser's step may change D.",
        )
    return value


def _float(value):
    return probes.number(value, "The penalty")


def _slopes(D, x, wrap=lambda s: s):
    """Slopes dD/dx of each example, [n, d], with a graph."""
    x = x.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(wrap(D(x)).sum(), x, create_graph=True)
    return slope.flatten(1)


def _right_r1(D, x):
    return GAMMA / 2 * _slopes(D, x).square().sum(1).mean()


def _check_place(answer, D, real, fake, value):
    """R1 depends on the real examples and on nothing else."""
    with_fakes = not near(_float(_penalty(answer, D, real, fake + 0.5)), value)
    with_reals = not near(_float(_penalty(answer, D, real - 0.5, fake)), value)
    if not with_fakes:
        return
    if not with_reals:
        raise _named("R1-ON-FAKE", R1_WORDS)
    on_real, on_fake = _float(_right_r1(D, real)), _float(_right_r1(D, fake))
    loss = _float(softplus(-D(real)).mean() + softplus(D(fake)).mean())
    slips = [
        ("R1-ON-BOTH", on_real + on_fake),
        ("R1-ON-BOTH", (on_real + on_fake) / 2),
        ("R1-ON-BOTH", 2 * (on_real + on_fake)),
        ("LOSS-ADDED", loss + on_real),
        ("LOSS-ADDED", loss + 2 * on_real),
    ]
    _name(value, slips, R1_WORDS)
    raise _named("R1-BETWEEN", R1_WORDS)


def _r1_slips(D, real):
    """(code, value) of what people compute instead, with gamma/2 and with gamma in front."""
    s, n = _slopes(D, real), len(real)
    norms = s.norm(dim=1)
    grads = torch.autograd.grad(D(real).mean(), list(D.parameters()))
    summed = torch.autograd.grad(D(real).sum(), list(D.parameters()))
    right = s.square().sum(1).mean()
    bare = [
        ("PENALTY-UNSQUARED", norms.mean()),
        ("MEAN-BEFORE-SQUARE", norms.mean() ** 2),
        ("MEAN-BEFORE-SQUARE", s.mean(0).square().sum()),
        ("SUM-NOT-MEAN", s.square().sum()),
        ("MEAN-OVER-PIXELS", s.square().mean()),
        ("NORM-OVER-BATCH", s.square().sum() / n**2),
        ("NORM-OVER-BATCH", right / n**2),
        ("ONE-CENTRED", (norms - 1).square().mean()),
        ("PENALTY-ON-PROBABILITY", _slopes(D, real, torch.sigmoid).square().sum(1).mean()),
        ("PENALTY-ON-LOSS", _slopes(D, real, lambda t: softplus(-t)).square().sum(1).mean()),
        ("VALUE-NOT-SLOPE", D(real).square().mean()),
        ("SLOPE-IN-WEIGHTS", sum(g.square().sum() for g in grads)),
        ("SLOPE-IN-WEIGHTS", sum(g.square().sum() for g in summed)),
        ("SIGN", -right),
    ]
    slips = [(code, _float(f * v)) for (code, v), f in itertools.product(bare, (GAMMA / 2, GAMMA))]
    other = [
        ("R1-HALF", GAMMA * right),
        ("GAMMA-IGNORED", right / 2),
        ("GAMMA-IGNORED", right),
    ]
    return [(code, _float(v)) for code, v in other] + slips


def _check_graph(value, D, real):
    """The penalty must teach D: its gradient in the weights is that of R1."""
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise Misconception(
            "NO-CREATE-GRAPH",
            "The value is right and D learns nothing from it: no gradient leads from the penalty "
            "to D's weights.",
            "The slope must itself be differentiable. Which argument of `autograd.grad` keeps its "
            "graph? (And `.item()` or `detach` cut it.)",
        )
    parameters = list(D.parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    right = torch.autograd.grad(_right_r1(D, real), parameters)
    if not all(f is not None and near(f, r) for f, r in zip(found, right)):
        raise Misconception(
            "WRONG-GRADIENT",
            "The value is right, but its gradient in D's weights is not that of R1.",
            "Look for a `detach` or `.data` between the slope and the value.",
        )


def _check_gamma(answer, D, real, fake):
    value = _float(_penalty(answer, D, real, fake, gamma=2 * GAMMA))
    if not near(value, 2 * _float(_right_r1(D, real))):
        raise _named("GAMMA-IGNORED", R1_WORDS)


def _check_pictures(answer):
    rng = torch.Generator().manual_seed(2)
    real, fake = torch.randn(4, 1, 2, 3, generator=rng), torch.randn(4, 1, 2, 3, generator=rng)
    D = _Bumpy(6)
    value, right = _float(_penalty(answer, D, real, fake)), _float(_right_r1(D, real))
    if near(value, right):
        return
    if value < right:
        raise _named("AXES", R1_WORDS)
    raise Misconception(
        "WRONG-VALUE",
        f"Right for vectors [n, d]; for pictures [4, 1, 2, 3] your penalty is {value / right:.4g} "
        "times R1.",
        "One squared norm a picture, over all of its axes but the first; then the mean.",
    )


# ---- 04.average: a running average of a network, in place ----------------------------------------

DECAY = 0.75
AVERAGE_WORDS = {
    "NOTHING-CHANGED": (
        "After the call `average` holds the same parameters as before. The caller keeps that very "
        "network, so it must change in place.",
        "`p = ...` in a loop gives a new tensor an old name. Which methods change a tensor itself?",
    ),
    "EMA-OF-GRADIENTS": (
        "You average the gradients of `net`, or step along them. That is momentum, a way to train.",
        "The running average never looks at a gradient: it is made of parameter values alone.",
    ),
    "DECAY-SWAPPED": (
        "The two weights are exchanged: with decay 0.75 your average keeps a quarter of itself.",
        "A decay near 1, such as 0.999, stands for a long memory.",
    ),
    "COPY-NOT-AVERAGE": (
        "After one call `average` equals `net`: it is a copy and remembers nothing.",
        "What share of its old value should each parameter keep?",
    ),
    "UNNORMALISED": (
        "The two weights do not add up to 1: averaging a network with itself would change it.",
        "decay for the old value; what is left for the new one?",
    ),
    "WEIGHTS-ONLY": (
        "The weight matrices are averaged; biases and batch norm's scales stay where they were.",
        "`parameters()` yields all of them: what leaves some out?",
    ),
    "DECAY-IGNORED": (
        "Your result is the same whatever the decay.",
        "Find where `decay` enters your formula.",
    ),
    "SHARED-WEIGHTS": (
        "`average` and `net` now share memory: when `net` trains on, the average moves with it.",
        "Assigning a tensor to `.data` shares it. Copy numbers, not tensors.",
    ),
    "MOVES-THE-PLAYER": (
        "Your function changed `net`, the player in training. An average only watches.",
        "Write into the parameters of `average` alone, and read from those of `net`.",
    ),
    "EMA-WITH-GRADIENT": (
        "Autograd was at work: the average is not trained, it has no gradient and needs no graph.",
        "`with torch.no_grad():` around the loop lets parameters be changed as plain numbers.",
    ),
    "BUFFERS-FORGOTTEN": (
        "Parameters are right. Batch norm's running mean and variance are buffers, not parameters, "
        "and yours stay as they were: the averaged network normalises with stale statistics.",
        "`net.buffers()` yields them; they are averages already, so a copy will do.",
    ),
}


def average(answer):
    """(average, net, decay): a parameter p becomes decay * p + (1 - decay) * net's, in place."""
    mine, theirs = _averaged(answer, DECAY)
    before, net = _vector(_networks()[0]), _vector(_networks()[1])
    _name(mine, _average_slips(before, net, theirs), AVERAGE_WORDS)
    matrices = _mask(lambda p: p.ndim > 1)
    right = DECAY * before + (1 - DECAY) * net
    if near(mine, torch.where(matrices, right, before)):
        raise _named("WEIGHTS-ONLY", AVERAGE_WORDS)
    if near(mine, _averaged(answer, 0.4)[0]):
        raise _named("DECAY-IGNORED", AVERAGE_WORDS)
    if not near(mine, right):
        raise Misconception(
            "WRONG-VALUE",
            f"With decay {DECAY} a parameter went from {before[0]:.4g} to {mine[0]:.4g} where net "
            f"has {net[0]:.4g}; it should have gone a quarter of the way.",
            "Write the rule for one number first: old value, new value, decay.",
        )
    if not near(_averaged(answer, 0.4)[0], 0.4 * before + 0.6 * net):
        raise _named("DECAY-IGNORED", AVERAGE_WORDS)
    _check_buffers(answer)
    return (
        "Right. After k calls with a net that stands still, the share decay^k of the start is "
        f"left: with decay 0.9 and k = 10, {0.9**10:.0%}."
    )


def _networks():
    """(average, net): two small networks with unequal weights; net has gradients."""
    rng = torch.Generator().manual_seed(3)
    average = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    net = copy.deepcopy(average)
    with torch.no_grad():
        for tensor in itertools.chain(average.parameters(), net.parameters()):
            tensor.copy_(torch.randn(tensor.shape, generator=rng) + 1)
    net(torch.randn(6, 3, generator=rng) + 2).square().sum().backward()
    return average, net


def _vector(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def _mask(condition):
    """Which entries of `_vector` belong to parameters that meet the condition."""
    return torch.cat([torch.full((p.numel(),), condition(p)) for p in _networks()[0].parameters()])


def _averaged(answer, decay):
    """The average's parameters after one call, and net's gradients, once nothing else has moved."""
    average, net = _networks()
    before = copy.deepcopy(net.state_dict())
    grads = torch.cat([p.grad.clone().flatten() for p in net.parameters()])
    try:
        answer(average, net, decay)
    except RuntimeError as error:
        if "requires grad" in str(error) or "requires_grad" in str(error):
            raise _named("EMA-WITH-GRADIENT", AVERAGE_WORDS) from None
        raise
    if any(not torch.equal(value, before[key]) for key, value in net.state_dict().items()):
        raise _named("MOVES-THE-PLAYER", AVERAGE_WORDS)
    now = [p.grad for p in net.parameters()]
    touched = any(g is None for g in now) or not near(torch.cat([g.flatten() for g in now]), grads)
    if touched or any(p.grad_fn or p.grad is not None for p in average.parameters()):
        raise _named("EMA-WITH-GRADIENT", AVERAGE_WORDS)
    result = _vector(average).clone()
    _check_sharing(average, net)
    return result, grads


def _check_sharing(average, net):
    """Train net on for a moment: the average must not move."""
    before = copy.deepcopy(average.state_dict())
    with torch.no_grad():
        for tensor in itertools.chain(net.parameters(), net.buffers()):
            tensor.add_(1)
    if any(not torch.equal(value, before[key]) for key, value in average.state_dict().items()):
        raise _named("SHARED-WEIGHTS", AVERAGE_WORDS)


def _average_slips(before, net, grads):
    return [
        ("NOTHING-CHANGED", before),
        ("COPY-NOT-AVERAGE", net),
        ("DECAY-SWAPPED", (1 - DECAY) * before + DECAY * net),
        ("UNNORMALISED", DECAY * before + net),
        ("UNNORMALISED", before + (1 - DECAY) * net),
        ("UNNORMALISED", before + net),
        ("EMA-OF-GRADIENTS", DECAY * before + (1 - DECAY) * grads),
        ("EMA-OF-GRADIENTS", before - (1 - DECAY) * grads),
        ("EMA-OF-GRADIENTS", DECAY * before - (1 - DECAY) * grads),
    ]


def _check_buffers(answer):
    """Batch norm's statistics are taken over, by copy or by average."""
    average, net = _networks()
    old = {
        key: value.clone() for key, value in average.named_buffers() if value.is_floating_point()
    }
    answer(average, net, DECAY)
    now, new = dict(average.named_buffers()), dict(net.named_buffers())
    for key, before in old.items():
        if near(now[key], before):
            raise _named("BUFFERS-FORGOTTEN", AVERAGE_WORDS)
        mixed = DECAY * before + (1 - DECAY) * new[key]
        if not (near(now[key], new[key]) or near(now[key], mixed)):
            raise Misconception(
                "WRONG-VALUE",
                f"Parameters are right; the buffer {key} is neither net's nor an average with it.",
                "Copy the buffers of `net`.",
            )


EXERCISES = {"step": step, "stability": stability, "r1": r1, "average": average}
