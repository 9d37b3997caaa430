"""The Dirac-GAN, the smallest game of its kind: a state w = (theta of G, psi of D), [..., 2].

All real data sit at 0, G puts all of its points at theta, D's logit is psi x. A field v(w) is the
direction in which both players move, minus the gradients of their losses. Chapter 04 derives it all
(Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406).
"""

import torch

FOR_G, FOR_D = torch.eye(2, dtype=torch.float64)  # [2] each: which of the two numbers may move


def field(w, gamma=0.0):
    """The saturating game with the R1 penalty gamma/2 psi^2 in D's loss: [..., 2] -> [..., 2]."""
    theta, psi = w.unbind(-1)
    push = torch.sigmoid(psi * theta)  # the derivative of softplus
    return torch.stack([push * psi, -push * theta - gamma * psi], dim=-1)


def flow(field, w, time, n=2000):
    """Follow the arrows for a time, in n fine steps (Runge-Kutta, fourth order): [n + 1, 2]."""
    path, h = [w], time / n
    for _ in range(n):
        k1 = field(w)
        k2 = field(w + h / 2 * k1)
        k3 = field(w + h / 2 * k2)
        k4 = field(w + h * k3)
        w = w + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(w)
    return torch.stack(path)


def simultaneous(field, w, h):
    """One step of size h, both players at once."""
    return w + h * field(w)


def alternating(field, w, h):
    """One step of size h of D, then one of G, who sees the D that has just moved."""
    w = w + h * field(w) * FOR_D
    return w + h * field(w) * FOR_G


def walk(step, field, w, h, n):
    """n steps from w: [n + 1, 2]."""
    path = [w]
    for _ in range(n):
        path.append(step(field, path[-1], h))
    return torch.stack(path)


def averaged(path, decay):
    """The running average of each state so far (EMA, from the first one on): [n, 2] -> [n, 2]."""
    average, seen = path[0], []
    for now in path:
        average = decay * average + (1 - decay) * now
        seen.append(average)
    return torch.stack(seen)


def home_time(path, h, near):
    """The time after which a path [n + 1, 2] in steps of h stays within `near` of (0, 0); inf if never."""
    away = (path.norm(dim=1) > near).nonzero()
    if not len(away):
        return 0.0
    last = int(away[-1])
    return float("inf") if last == len(path) - 1 else (last + 1) * h
