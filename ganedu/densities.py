"""The game on a line, exactly: densities on a grid x [k], the perfect D, and what G would feel.

Densities p, q and log-densities log_p, log_q are [..., k], integrals are trapezoids over the grid.
Nothing is trained and nothing is drawn here. Chapter 02 derives it all.
"""

import math

import torch
from torch.nn.functional import softplus


def log_hills(x, *hills):
    """Log-density [..., k] of normal hills (mean, std) in equal shares, at the places x [k]."""
    logs = [
        -(((x - m) / std) ** 2) / 2 - math.log(std * math.sqrt(2 * math.pi)) for m, std in hills
    ]
    return torch.logsumexp(torch.stack(logs), dim=0) - math.log(len(hills))


def optimal_d(p, q):
    """D* = p / (p + q), the perfect discriminator's answer; 1/2 where nothing ever falls [...]."""
    return torch.where(p + q > 0, p / (p + q), 0.5)


def js(x, p, q):
    """Jensen-Shannon divergence in nats, 0 (p = q) to log 2 (no overlap): [..., k] -> [...]."""
    D = optimal_d(p, q)
    terms = torch.xlogy(p, 2 * D) + torch.xlogy(q, 2 * optimal_d(q, p))
    return torch.trapezoid(terms, x) / 2


def value(x, p, q, s):
    """V = E_p log D + E_q log(1 - D) for any D, given by its logits s [..., k]."""
    return -torch.trapezoid(p * softplus(-s) + q * softplus(s), x)


def gradients(x, log_p, log_q):
    """How the loss of G(z) = mean + std z changes with the mean, against a perfect D: two of [...].

    The minimax loss E log(1 - D), whose gradient is that of 2 JS, and the non-saturating -E log D.
    """
    s, q = log_p - log_q, log_q.exp()  # [..., k]
    (slope,) = torch.gradient(s, spacing=(x,), dim=-1)  # ds/dx
    minimax = -torch.trapezoid(q * s.sigmoid() * slope, x)
    nonsaturating = -torch.trapezoid(q * (-s).sigmoid() * slope, x)
    return minimax, nonsaturating
