"""Terms added to D's loss that keep its slope in check: (D, real, fake, rng) -> scalar.

All are means over the batch of a function of one example's gradient norm. Of a D that gives an example
many logits [n, ...], one for each place, it is the slope of their sum. Chapters 04 and 08 use them.
"""

import torch


def squared_slopes(D, x):
    """||dD/dx||^2 of each example: x [n, ...] -> [n], differentiable with respect to D."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1)  # [n]


def gradient_penalty(D, real, fake, rng=None, *, weight=10.0):
    """weight * E (||dD/dx|| - 1)^2 at points between real and fake (Gulrajani et al. 2017, eq. 3)."""
    shape = (len(real), *[1] * (real.ndim - 1))  # one alpha for each example, uniform
    alpha = torch.rand(shape, generator=rng, device=real.device)
    squared = squared_slopes(D, alpha * real + (1 - alpha) * fake)
    return weight * ((squared + 1e-12).sqrt() - 1).square().mean()  # sqrt alone is NaN at slope 0


def r1(D, real, fake=None, rng=None, *, gamma=1.0):
    """gamma/2 * E ||dD/dx||^2 on real examples (Mescheder et al. 2018, eq. 9)."""
    return gamma / 2 * squared_slopes(D, real).mean()


def r2(D, real, fake, rng=None, *, gamma=1.0):
    """gamma/2 * E ||dD/dx||^2 on generated examples (Mescheder et al. 2018)."""
    return gamma / 2 * squared_slopes(D, fake).mean()


def r1_r2(D, real, fake, rng=None, *, gamma=1.0):
    """Both at once, as in R3GAN (Huang et al. 2024)."""
    return r1(D, real, gamma=gamma) + r2(D, real, fake, gamma=gamma)
