"""Is a drawn texture whole, does a loop close, is it a copy, and is it like its source? In numbers.

Pictures are [n, C, H, W], or [C, H, W] for a single one, in [-1, 1].
"""

import math
from dataclasses import dataclass
from operator import index

import torch
from torch.nn.functional import avg_pool2d, conv2d

from ganedu.diagnostics.samples import finite
from ganedu.texture import CELL, circle, noise, split, tile
from ganedu.trainer import evaluating


@dataclass(frozen=True)
class Seam:
    """The mean step from a pixel to the next: across the edges of a tile laid beside itself, and inside."""

    across: float  # mean |difference|, of a range of 2
    inside: float
    ratio: float  # across / inside: 1 where no seam is to be found
    error: float  # standard error of the ratio: edges differ as lines inside do


def seam(x, every=1):
    """The seam of tiles x [n, C, H, W], over both directions; of one colour alone there is none.

    Inside, every so many pixels' line is looked at, counted from the edge. A generator does the same in
    each of its cells, so lines inside of a cell are no measure for an edge that lies between two: for its
    tiles, `every` is texture.CELL.
    """
    x = _pictures(x)
    if not 1 <= every < min(x.shape[2:]):
        raise ValueError(f"no line inside of tiles {list(x.shape)} is {every} pixels from the edge")
    down, right = (x - x.roll(1, axis) for axis in (2, 3))  # the first line steps across the edge
    across = torch.cat([down[:, :, 0].flatten(), right[:, :, :, 0].flatten()]).abs().mean().item()
    inner = [down[:, :, every::every].abs(), right[:, :, :, every::every].abs()]
    inside = torch.cat([step.flatten() for step in inner]).mean().item()
    lines = torch.cat([inner[0].mean((1, 3)).flatten(), inner[1].mean((1, 2)).flatten()])
    error = lines.std().item() / math.sqrt(2 * len(x))  # two edges a tile
    if inside == 0:
        return Seam(across, inside, math.inf if across else 1.0, 0.0)
    return Seam(across, inside, across / inside, error / inside)


def strides(frames):
    """Root mean square steps of a loop [frames]: from the frame before, for the first one from the last."""
    frames = finite(torch.stack([*frames]) if not isinstance(frames, torch.Tensor) else frames)
    return (frames - frames.roll(1, 0)).flatten(1).pow(2).mean(1).sqrt()


def loop_jump(frames):
    """The step from the last frame to the first over the mean of the others: 1 where a loop is closed."""
    far = strides(frames)
    if len(far) < 2:
        raise ValueError("a loop needs two frames or more")
    first, others = far[0].item(), far[1:].mean().item()
    return 1.0 if first == others else first / max(others, 1e-12)  # what stands still is closed


@dataclass(frozen=True)
class Copying:
    """How near drawn patches come to real ones that were trained on, and to others that were not."""

    seen: tuple[
        float, ...
    ]  # root mean square distance to the nearest window, for each group trained on
    held_out: float  # ... of the group that was not
    excess: float  # how much further the held-out group is, in standard errors; copies: far above 3


def copying(drawn, groups):
    """Drawn patches [n, C, P, P] against the groups of `texture.split`, the held-out one first.

    The groups are of equal size, and the scatter of those trained on says how far one more would be from
    their mean by chance alone.
    """
    drawn = _pictures(drawn)
    held_out, *seen = [_nearest(drawn, group.at(group.corners)) for group in groups]
    scatter = torch.tensor(seen).std().item() * math.sqrt(1 + 1 / len(seen))
    excess = (held_out - sum(seen) / len(seen)) / max(scatter, 1e-12)
    return Copying(tuple(seen), held_out, excess)


def _nearest(drawn, real):
    far = torch.cat([torch.cdist(part.flatten(1), real.flatten(1)) for part in drawn.split(256)])
    return far.amin(1).mean().item() / math.sqrt(drawn[0].numel())


SCALES = (1, 2, 4, 8)  # the picture shrunk so many times


def gram(x, scale=1, filters=32, size=5):
    """The Gram matrix of a picture's features at a scale: x [C, H, W] or [n, C, H, W] -> [filters, filters].

    Features are random filters with a ReLU, the same for every picture: even these tell textures apart
    (Ustyuzhaninov et al. 2016; Gatys et al. 2015 took those of a trained network). A Gram matrix says
    which features come together, and forgets where.
    """
    x = _pictures(x)
    x = avg_pool2d(x, scale) if scale > 1 else x
    rng = torch.Generator().manual_seed(scale)
    weight = torch.randn(filters, x.shape[1], size, size, generator=rng)
    weight = weight / weight.flatten(1).norm(dim=1)[:, None, None, None]
    features = conv2d(x, weight).relu().transpose(0, 1).flatten(1)  # [filters, places]
    return features @ features.T / features.shape[1]


def gram_distance(x, source, scales=SCALES):
    """{scale: |gram(x) - gram(source)| / |gram(source)|}: 0 where the statistics are the same."""
    wanted = {scale: gram(source, scale) for scale in scales}
    return {k: ((gram(x, k) - g).norm() / g.norm()).item() for k, g in wanted.items()}


def measured(G, x, y=None, *, seed=0, tiles=16, frames=64):
    """All of the above for a generator trained on `split(x)[0]`: plain numbers, of 256-pixel tiles."""
    rng = torch.Generator().manual_seed(index(seed))
    kind = None if y is None else y.expand(1)
    with evaluating(G):
        drawn = torch.cat([tile(G, noise(G, 1, (32, 32), rng), kind) for _ in range(tiles)])
        a, b = (noise(G, 1, (16, 16), rng) for _ in range(2))
        jump = loop_jump([tile(G, z, kind) for z in circle(a, b, frames)])
    edge, groups = seam(drawn, CELL), split(x)[1]
    found = {
        "seam": round(edge.ratio, 4),
        "seam_error": round(edge.error, 4),
        "loop": round(jump, 4),
        "gram": _rounded(gram_distance(drawn, x, _scales(x))),
        "gram_of_halves": _rounded(gram_distance(*x.chunk(2, dim=2), _scales(x))),
    }
    if groups:
        far = copying(patches_of(drawn), groups)
        found["seen"] = [round(k, 4) for k in far.seen]
        found["held_out"] = round(far.held_out, 4)
        found["excess"] = round(far.excess, 2)
    return found


def _pictures(x):
    """[n, C, H, W] of pictures, or of a single one [C, H, W]; none of it may be NaN."""
    x = finite(x)
    return x if x.ndim == 4 else x[None]


def patches_of(x, size=32, apart=48):
    """Patches [m, C, size, size] of pictures x [n, C, H, W], `apart` pixels apart."""
    windows = x.unfold(2, size, apart).unfold(3, size, apart)  # [n, C, h, w, size, size]
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def _scales(x, least=8):
    """The scales at which half of the picture still has `least` pixels a side."""
    return [k for k in SCALES if min(x.shape[1], x.shape[2] // 2) >= least * k]


def _rounded(numbers):
    return {str(key): round(value, 4) for key, value in numbers.items()}
