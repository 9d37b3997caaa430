"""Moving pictures of a run, as GIF files: how the samples came to be, and a walk through z."""

import math
from operator import index
from pathlib import Path

import torch
from PIL import Image

from ganedu import drawing
from ganedu.files import replacing
from ganedu.steering import slerp
from ganedu.trainer import evaluating, latent

FRAMES = 200  # of a film; more are thinned out


def film(run, out, seconds=10.0):
    """The sheets that `ganedu train --samples-every` left in a run, in order; returns how many."""
    sheets = sorted((Path(run).expanduser() / "samples").glob("*.png"))
    if len(sheets) < 2:
        raise ValueError(
            f"{run} has {len(sheets)} sheets of samples and a film needs two: train it with "
            "--samples-every 100"
        )
    step = math.ceil(len(sheets) / FRAMES)
    chosen = sheets[:-1][::step] + sheets[-1:]
    frames = [Image.open(sheet).convert("RGB") for sheet in chosen]
    write_gif(frames, out, seconds, pause=1.5)
    return len(frames)


@torch.no_grad()
def walk(run, out, n=16, stops=5, frames=60, seconds=8.0, seed=0):
    """n walks side by side: z goes through `stops` random places and back to the first; a GIF."""
    G = drawing.generator(run)
    rng = torch.Generator().manual_seed(index(seed))
    y = drawing.labels(G, n, rng)  # each walk stays in its class
    places = torch.stack([latent(G, n, rng) for _ in range(stops)])  # [stops, n, *z_shape]
    pictures = []
    with evaluating(G):
        for z in path(places, frames):
            x = G(z, *y)  # [n, C, H, W]
            if x.ndim != 4:
                raise ValueError(f"{run} draws points, not pictures: there is nothing to film")
            pictures.append(drawing.sheet(x))
    write_gif(pictures, out, seconds)


def path(places, frames):
    """`frames` points [n, ...] along a closed path through places [stops, n, ...].

    Between two of them z turns, it does not cut the corner: a mean of two normal vectors is shorter
    than the generator ever saw (White 2016, spherical interpolation).
    """
    stops = len(places)
    for k in range(frames):
        whole, part = divmod(k * stops / frames, 1)
        a, b = places[int(whole) % stops], places[(int(whole) + 1) % stops]
        yield slerp(a, b, part)


def write_gif(frames, out, seconds, pause=0.0):
    """PIL pictures of one size as a GIF that repeats; the last one stays `pause` seconds longer."""
    each = max(20, round(1000 * seconds / len(frames)))  # ms; viewers slow down what is quicker
    durations = [each] * (len(frames) - 1) + [each + round(1000 * pause)]
    indexed = [frame.convert("P", palette=Image.Palette.ADAPTIVE) for frame in frames]
    with replacing(out) as file:
        indexed[0].save(
            file, "GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0
        )
