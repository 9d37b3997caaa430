"""Steering a trained generator: ways between two z, directions, attributes, units, the z of a picture.

G is any generator z -> pictures; bind a class to a conditional one first: `lambda z: G(z, y)`. A direction
is a unit vector [d] in z; what it does is measured (`effect`), never read off its name.
"""

from contextlib import contextmanager

import torch

from ganedu.diagnostics.samples import finite
from ganedu.trainer import latent

# ---- between two z, and nearer to the middle -----------------------------------------------------


def lerp(a, b, t):
    """The straight way from a to b [n, ...]: at t = 1/2 its norm is too small by about sqrt(2)."""
    return (1 - t) * a + t * b


def slerp(a, b, t):
    """Along the great circle from a to b [n, ...], each row by itself (Shoemake 1985).

    Where |a| = |b| the norm stays the same. Rows in one direction, or in opposite ones, have no one circle:
    there it is `lerp`.
    """
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    angle = (unit(flat_a) * unit(flat_b)).sum(1, keepdim=True).clamp(-1, 1).acos()  # [n, 1]
    way = (((1 - t) * angle).sin() * flat_a + (t * angle).sin() * flat_b) / angle.sin()
    return torch.where(angle.sin() < 1e-4, lerp(flat_a, flat_b, t), way).view_as(a)


def truncated(G, n, rng, limit):
    """z whose numbers beyond +-limit are drawn again until none is (Brock et al. 2019): [n, *z_shape]."""
    if not limit > 0:
        raise ValueError(f"limit must be above 0; got {limit}")
    z = latent(G, n, rng)
    while (beyond := z.abs() > limit).any():
        z[beyond] = torch.randn(int(beyond.sum()), generator=rng, device=rng.device)
    return z


# ---- attributes of pictures ----------------------------------------------------------------------

ATTRIBUTES = ("slant", "thickness", "width", "height")


def attributes(x):
    """Slant (degrees to the right), thickness, width and height (pixels) of digits x [n, 1, H, W]: [n, 4].

    From the moments of the ink: of its rows' shift, twice its area over its outline, and 4 standard
    deviations across (after the slant is taken out) and down.
    """
    ink = (x[:, 0].double() + 1) / 2  # [n, H, W], 0 to 1
    mass = ink.sum((1, 2)).clamp(min=1e-6)
    down, across = (torch.arange(k, device=x.device).double() for k in ink.shape[1:])
    down = down[:, None] - ((ink.sum(2) @ down) / mass)[:, None, None]  # [n, H, 1]
    across = across - ((ink.sum(1) @ across) / mass)[:, None, None]  # [n, 1, W]
    yy, xx, xy = ((ink * m).sum((1, 2)) / mass for m in (down**2, across**2, down * across))
    shear = xy / yy.clamp(min=1e-6)  # pixels to the right for each row down
    padded = torch.nn.functional.pad(ink, (1, 1, 1, 1))
    steps = padded.diff(dim=2)[:, :-1] ** 2 + padded.diff(dim=1)[:, :, :-1] ** 2
    outline = (steps + 1e-12).sqrt().sum((1, 2))
    return torch.stack(
        [
            torch.rad2deg(torch.atan(-shear)),
            2 * mass / outline.clamp(min=1e-6),
            4 * (xx - shear * xy).clamp(min=0).sqrt(),
            4 * yy.sqrt(),
        ],
        dim=1,
    ).float()


# ---- directions ----------------------------------------------------------------------------------


def unit(v):
    """Vectors [..., d] of length 1; one of length 0 stays as it is."""
    return v / v.norm(dim=-1, keepdim=True).clamp(min=1e-30)


def slopes(z, a):
    """Least squares: how much each attribute a [n, k] rises with each number of z [n, ...]: [k, d]."""
    z = finite(z).flatten(1)
    a = finite(a).to(z)
    return torch.linalg.lstsq(z - z.mean(0), a - a.mean(0)).solution.T


def sefa(weight, k=3):
    """Directions that a first layer's weights [d, ...] stretch most: [k, d] (Shen & Zhou 2021)."""
    vectors = torch.linalg.svd(weight.flatten(1), full_matrices=False).U.T
    return vectors[:k]


def ganspace(z, activations, k=3):
    """Directions in z along the principal components of activations [n, ...]: [k, d] (Harkonen et al. 2020).

    The components' scores are fitted by least squares to the z [n, ...] that gave them.
    """
    h = activations.flatten(1)
    scores = torch.linalg.svd(h - h.mean(0), full_matrices=False)
    scores = scores.U[:, :k] * scores.S[:k]  # [n, k]
    flat = z.flatten(1)
    return unit(torch.linalg.lstsq(scores, flat - flat.mean(0)).solution)


@torch.no_grad()
def effect(G, z, direction, measure):
    """Half the change of measure(picture) [n, k] from one unit back to one unit ahead of each z: [n, k]."""
    step = unit(direction.flatten()).view(1, *z.shape[1:])
    return (measure(G(z + step)) - measure(G(z - step))) / 2


# ---- inside --------------------------------------------------------------------------------------


@torch.no_grad()
def activations(G, layer, z):
    """What `layer` gives on the way of z through G: [n, C, H, W]."""
    seen = []
    handle = layer.register_forward_hook(lambda _, given, out: seen.append(out))
    try:
        G(z)
    finally:
        handle.remove()
    return seen[0]


@contextmanager
def unit_set(layer, k, value=0.0):
    """Inside the block unit k of the layer is `value` at all places: 0 takes it away (Bau et al. 2019)."""

    def change(_, given, out):
        out = out.clone()
        out[:, k] = value
        return out

    handle = layer.register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()


# ---- the z of a picture --------------------------------------------------------------------------


def invert(G, x, z, *, steps=150, lr=0.1):
    """z that draws pictures x [n, ...] best, searched from starts z: (z, squared error a pixel [n])."""
    z = z.clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=lr)
    for _ in range(steps):
        adam.zero_grad()
        _error(G(z), x).sum().backward(inputs=[z])
        adam.step()
    with torch.no_grad():
        return z.detach(), _error(G(z), x)


def _error(drawn, x):
    return ((drawn - x) ** 2).flatten(1).mean(1)  # [n]
