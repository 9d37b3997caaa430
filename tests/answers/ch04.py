"""Chapter 04, the dance: a step of both players, stability of a point, R1, a running average."""

import copy
import math

import numpy as np
import torch
from torch.nn.functional import softplus

from ganedu import losses, penalties

# ---- 04.step: (theta, psi, lr, alternating) -> (theta, psi) --------------------------------------


def sigmoid(t):
    return 1 / (1 + math.exp(-t))


def d_grad(theta, psi):
    return sigmoid(psi * theta) * theta


def g_grad(theta, psi):
    return -sigmoid(-psi * theta) * psi


def step_from(d, g):
    """A right step made of two gradient functions of (theta, psi)."""

    def step(theta, psi, lr, alternating):
        new_psi = psi - lr * d(theta, psi)
        return theta - lr * g(theta, new_psi if alternating else psi), new_psi

    return step


def step_autograd(theta, psi, lr, alternating):
    theta = torch.tensor(float(theta), dtype=torch.float64, requires_grad=True)
    psi = torch.tensor(float(psi), dtype=torch.float64, requires_grad=True)
    d_loss = losses.nonsaturating.d(torch.zeros(1), (psi * theta.detach()).reshape(1))
    (slope_psi,) = torch.autograd.grad(d_loss, psi)
    moved = (psi - lr * slope_psi).detach()
    g_loss = losses.nonsaturating.g(((moved if alternating else psi.detach()) * theta).reshape(1))
    (slope_theta,) = torch.autograd.grad(g_loss, theta)
    return torch.stack([theta - lr * slope_theta, moved])


def step_numpy(theta, psi, lr, alternating=False):
    w = np.array([theta, psi])

    def D_moves(w):
        return np.array([0, -w[0] / (1 + np.exp(-w[0] * w[1]))])

    def G_moves(w):
        return np.array([w[1] / (1 + np.exp(w[0] * w[1])), 0])

    if alternating:
        w = w + lr * D_moves(w)
        return w + lr * G_moves(w)
    return list(w + lr * (D_moves(w) + G_moves(w)))


def step_optimisers(theta, psi, lr, alternating):
    theta, psi = (torch.nn.Parameter(torch.tensor(float(v))) for v in (theta, psi))
    opt_D, opt_G = torch.optim.SGD([psi], lr=lr), torch.optim.SGD([theta], lr=lr)
    softplus(psi * theta.detach()).backward()
    if alternating:
        opt_D.step()
    softplus(-psi.detach() * theta).backward()
    if not alternating:
        opt_D.step()
    opt_G.step()
    return theta, psi


def both_descend(theta, psi, lr, alternating):
    loss = lambda t, p: softplus(p * t)  # noqa: E731
    t = torch.tensor(float(theta), requires_grad=True)
    p = torch.tensor(float(psi), requires_grad=True)
    grad_t, grad_p = torch.autograd.grad(loss(t, p), (t, p))
    return float(t - lr * grad_t), float(p - lr * grad_p)


right_step = step_from(d_grad, g_grad)

# ---- 04.stability: (field, w) -> (eigenvalues [2], largest step) ---------------------------------


def jacobian(field, w):
    return torch.autograd.functional.jacobian(field, w)


def limit_of(eigenvalues):
    """Below which every |1 + h lambda| < 1; 0 when there is no such h."""
    bounds = [-2 * z.real / abs(z) ** 2 for z in eigenvalues.tolist()]
    return max(0.0, min(bounds))


def stability_torch(field, w):
    eigenvalues = torch.linalg.eigvals(jacobian(field, w))
    return eigenvalues, limit_of(eigenvalues)


def stability_by_trace_and_determinant(field, w):
    (a, b), (c, d) = torch.func.jacrev(field)(w).tolist()
    root = complex((a + d) ** 2 / 4 - (a * d - b * c)) ** 0.5
    pair = [(a + d) / 2 + root, (a + d) / 2 - root]
    if any(z.real >= -1e-12 for z in pair):
        return pair, 0
    return pair, min(-2 * z.real / abs(z) ** 2 for z in pair)


def stability_by_rows_and_bisection(field, w):
    w = w.detach().clone().requires_grad_(True)
    v = field(w)
    rows = [torch.autograd.grad(v[i], w, retain_graph=True)[0] for i in range(2)]
    found = np.linalg.eigvals(torch.stack(rows).detach().numpy()).astype(complex)
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        inside = np.abs(1 + middle * found).max() < 1 - 1e-15
        low, high = (middle, high) if inside else (low, middle)
    return found, torch.tensor(low)


def stability_by_differences(field, w, h=1e-4):
    steps = torch.eye(2, dtype=w.dtype) * h
    columns = [(field(w + s) - field(w - s)) / (2 * h) for s in steps]
    eigenvalues = torch.linalg.eigvals(torch.stack(columns, dim=1).detach())
    slowest = min((-2 * z.real / z.abs() ** 2).item() for z in eigenvalues)
    return eigenvalues, slowest if slowest > 1e-6 else 0.0


def stability_with(eigenvalues=None, limit=limit_of):
    """An answer with one of its two halves replaced."""

    def answer(field, w):
        J = jacobian(field, w)
        found = torch.linalg.eigvals(J) if eigenvalues is None else eigenvalues(J)
        return found, limit(torch.linalg.eigvals(J))

    return answer


def of_the_loss(field, w):
    return stability_torch(lambda v: -field(v), w)


def smallest_bound_unguarded(eigenvalues):
    return min(-2 * z.real / abs(z) ** 2 for z in eigenvalues.tolist())


# ---- 04.r1: (D, real, fake, gamma) -> scalar -----------------------------------------------------


def slopes(D, x, **options):
    x = x.detach().clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True, **options)
    return slope


def r1_right(D, real, fake, gamma):
    return 0.5 * gamma * slopes(D, real).flatten(1).pow(2).sum(1).mean()


def r1_by_ones(D, real, fake, gamma):
    real.requires_grad_()
    logits = D(real)
    out = torch.autograd.grad(
        outputs=logits, inputs=real, grad_outputs=torch.ones_like(logits), create_graph=True
    )[0]
    return gamma / 2 * out.square().sum() / len(real)


def r1_by_norm(D, real, fake, gamma):
    size = torch.linalg.vector_norm(slopes(D, real).reshape(len(real), -1), dim=1)
    return (size**2).mean() * gamma / 2


def r1_by_example(D, real, fake, gamma):
    def slope(x):
        return torch.func.grad(lambda one: D(one[None]).sum())(x)

    total = sum(slope(x).square().sum() for x in real)
    return gamma * total / (2 * real.shape[0])


def r1_package(D, real, fake, gamma):
    return penalties.r1(D, real, gamma=gamma)


def r1_with(reduce, wrap=lambda D: D, at=lambda real, fake: real):
    """R1 with another reduction [n, d] -> scalar (times gamma), function of D, or place."""

    def answer(D, real, fake, gamma):
        return gamma * reduce(slopes(wrap(D), at(real, fake)).flatten(1))

    return answer


def half_mean_square(slope):
    return slope.square().sum(1).mean() / 2


def r1_without_graph(D, real, fake, gamma):
    x = real.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(D(x).sum(), x)
    return gamma / 2 * slope.flatten(1).square().sum(1).mean()


def r1_item(D, real, fake, gamma):
    return r1_right(D, real, fake, gamma).item()


def r1_backward(D, real, fake, gamma):
    x = real.detach().requires_grad_(True)
    D(x).sum().backward(create_graph=True)
    return gamma / 2 * x.grad.flatten(1).square().sum(1).mean()


def r1_untracked(D, real, fake, gamma):
    (slope,) = torch.autograd.grad(D(real.detach()).sum(), real, create_graph=True)
    return gamma / 2 * slope.flatten(1).square().sum(1).mean()


def between(real, fake):
    alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
    return alpha * real + (1 - alpha) * fake


def r1_without_flatten(D, real, fake, gamma):
    return gamma / 2 * slopes(D, real).square().sum(1).mean()


def r1_last_axis(D, real, fake, gamma):
    return gamma / 2 * slopes(D, real).square().sum(-1).mean()


def r1_half_detached(D, real, fake, gamma):
    slope = slopes(D, real).flatten(1)
    return gamma / 2 * (slope * slope.detach()).sum(1).mean()


# ---- 04.average: (average, net, decay) -> None, in place -----------------------------------------


@torch.no_grad()
def average_in_every_module(average, net, decay):
    for mine, theirs in zip(average.modules(), net.modules()):
        average_lerp(mine, theirs, decay)


@torch.no_grad()
def average_lerp(average, net, decay):
    for mine, theirs in zip(average.parameters(), net.parameters()):
        mine.lerp_(theirs, 1 - decay)
    for mine, theirs in zip(average.buffers(), net.buffers()):
        mine.copy_(theirs)


def average_data(average, net, decay):
    for mine, theirs in zip(average.parameters(), net.parameters()):
        mine.data.mul_(decay).add_(theirs.data, alpha=1 - decay)
    for (_, mine), (_, theirs) in zip(average.named_buffers(), net.named_buffers()):
        mine.data = theirs.detach().clone()
    return average


def buffers(average, net):
    with torch.no_grad():
        for mine, theirs in zip(average.buffers(), net.buffers()):
            mine.copy_(theirs)


def average_with(rule, *, keep=lambda p: True):
    """In-place average in which each kept parameter becomes rule(mine, theirs, decay)."""

    def answer(average, net, decay):
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), net.parameters()):
                if keep(mine):
                    mine.copy_(rule(mine, theirs, decay))
        buffers(average, net)

    return answer


def average_tracked(average, net, decay):
    for mine, theirs in zip(average.parameters(), net.parameters()):
        mine.mul_(decay).add_((1 - decay) * theirs)
    buffers(average, net)


def average_graph(average, net, decay):
    for module, other in zip(average.modules(), net.modules()):
        for name, theirs in list(other._parameters.items()):
            if theirs is not None:
                mixed = decay * getattr(module, name) + (1 - decay) * theirs
                module._parameters[name] = mixed
    buffers(average, net)


def average_backward(average, net, decay):
    """Pulls the average along by a loss and its gradient."""
    distance = sum(
        (mine - theirs.detach()).square().sum() / 2
        for mine, theirs in zip(average.parameters(), net.parameters())
    )
    distance.backward()
    with torch.no_grad():
        for mine in average.parameters():
            mine -= (1 - decay) * mine.grad
    buffers(average, net)


def average_into_net(average, net, decay):
    average_lerp(average, net, decay)
    net.load_state_dict(average.state_dict())


def average_shared(average, net, decay):
    for mine, theirs in zip(average.parameters(), net.parameters()):
        mine.data = theirs.data
    buffers(average, net)


def average_new_copy(average, net, decay):
    mixed = copy.deepcopy(average)
    average_lerp(mixed, net, decay)
    return mixed


# ---- the lesson's turns --------------------------------------------------------------------------


def turn_by_numbers(field, w, h):
    moved = w.clone()
    moved[1] += h * field(w)[1]
    theta = moved[0] + h * field(moved)[0]
    return torch.stack([theta, moved[1]])


def turn_by_cat(field, w, h):
    psi = (w + h * field(w))[1:]
    return torch.cat([w[:1] + h * field(torch.cat([w[:1], psi]))[:1], psi])


def turn_g_first(field, w, h):
    theta = (w + h * field(w))[:1]
    return torch.cat([theta, w[1:] + h * field(torch.cat([theta, w[1:]]))[1:]])


RIGHT = {
    "turn_alternate": [turn_by_numbers, turn_by_cat],
    "turn_damping": [0.9, 0.6],
    "step": [right_step, step_autograd, step_numpy, step_optimisers],
    "stability": [
        stability_torch,
        stability_by_trace_and_determinant,
        stability_by_rows_and_bisection,
        stability_by_differences,
    ],
    "r1": [r1_right, r1_by_ones, r1_by_norm, r1_by_example, r1_package],
    "average": [average_lerp, average_data],
}

WRONG = {
    "turn_alternate": [
        ("SIMULTANEOUS", lambda field, w, h: w + h * field(w)),
        ("G-FIRST", turn_g_first),
        ("G-STANDS", lambda field, w, h: torch.stack([w[0], (w + h * field(w))[1]])),
        ("D-STANDS", lambda field, w, h: torch.stack([(w + h * field(w))[0], w[1]])),
        ("D-LOST", lambda field, w, h: torch.stack([turn_by_cat(field, w, h)[0], w[1]])),
        ("UPHILL", lambda field, w, h: turn_by_cat(field, w, -h)),
        ("CHANGE-NOT-PLACE", lambda field, w, h: turn_by_cat(field, w, h) - w),
        ("STEP-SIZE", lambda field, w, h: turn_by_numbers(field, w, 0.5 * h)),
        ("SHAPE", lambda field, w, h: turn_by_cat(field, w, h)[:1]),
    ],
    "turn_damping": [
        ("PUSHED-OUT", -1),
        ("NO-FRICTION", 0),
        ("TOO-LITTLE", 0.2),
        ("TOO-MUCH", 3),
        ("OFF-THE-SCALE", 1e6),
        ("NOT-A-NUMBER", "1.0"),
        ("NOTHING-RETURNED", None),
    ],
    "step": [
        ("BOTH-DESCEND", both_descend),
        ("D-SIGN", step_from(lambda t, p: -sigmoid(-t * p) * t, g_grad)),
        ("LINEARISED", step_from(lambda t, p: t / 2, lambda t, p: -p / 2)),
        ("SIGMOID-MISSING", step_from(lambda t, p: t, lambda t, p: -p)),
        (
            "WRONG-CHAIN",
            step_from(lambda t, p: sigmoid(p * t) * p, lambda t, p: -sigmoid(-p * t) * t),
        ),
        ("NOT-A-PAIR", lambda *a: right_step(*a)[0]),
        ("STEP-SIZE", lambda t, p, lr, a: right_step(t, p, lr / 3, a)),
    ],
    "stability": [
        ("SMALL-LR-CURES-ROTATION", stability_with(limit=lambda e: 2 / e.abs().max().item())),
        ("SMALL-LR-CURES-ROTATION", stability_with(limit=lambda e: 1 / e.abs().max().item())),
        ("SMALL-LR-CURES-ROTATION", stability_with(limit=lambda e: 1e-3)),
        ("SMALL-LR-CURES-ROTATION", stability_with(limit=lambda e: float("inf"))),
        ("NEGATIVE-STEP", stability_with(limit=smallest_bound_unguarded)),
        (
            "NEGATIVE-STEP",
            stability_with(limit=lambda e: -1.0 if max(e.real) > 1e-9 else limit_of(e)),
        ),
        ("FIELD-REVERSED", of_the_loss),
        ("REPELLING-POINT", stability_with(limit=lambda e: abs(smallest_bound_unguarded(e)))),
        ("NOT-A-PAIR", lambda field, w: torch.linalg.eigvals(jacobian(field, w))),
        ("WHOLE-JACOBIAN", lambda field, w: (jacobian(field, w), 0.0)),
        ("WRONG-VALUE", stability_with(lambda J: 2 * torch.linalg.eigvals(J))),
    ],
    "r1": [
        ("R1-BETWEEN", r1_with(half_mean_square, at=between)),
        ("NO-CREATE-GRAPH", r1_without_graph),
        ("NO-CREATE-GRAPH", r1_item),
        ("X-NOT-TRACKED", r1_untracked),
        ("GRADIENTS-TOUCHED", r1_backward),
        ("LEFT-FROZEN", lambda D, r, f, g: r1_right(D.requires_grad_(False), r, f, g)),
        ("AXES", r1_without_flatten),
        ("AXES", r1_last_axis),
        ("WRONG-GRADIENT", r1_half_detached),
        ("UNREDUCED", r1_with(lambda s: s.square().sum(1) / 2)),
        ("TIMES-A-FACTOR", lambda D, r, f, g: 3 * r1_right(D, r, f, g)),
    ],
    "average": [
        ("EMA-WITH-GRADIENT", average_tracked),
        ("AVERAGED-AGAIN", average_in_every_module),
        ("EMA-WITH-GRADIENT", average_graph),
        ("EMA-WITH-GRADIENT", average_backward),
        ("SHARED-WEIGHTS", average_shared),
        ("NOTHING-CHANGED", average_new_copy),
        ("MOVES-THE-PLAYER", average_into_net),
        ("MOVES-THE-PLAYER", lambda a, n, d: average_lerp(n, a, d)),
        ("PLUS-A-NUMBER", average_with(lambda m, t, d: d * m + (1 - d) * t + 0.1)),
    ],
}
