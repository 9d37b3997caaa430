"""Samples of a trained run as files: from its checkpoint alone, the data need not be there."""

from pathlib import Path

import torch
from PIL import Image

from ganedu import checkpoint
from ganedu.files import replacing, write_text
from ganedu.recipe import Recipe, made
from ganedu.trainer import evaluating, latent

PART = 500  # samples held at a time


def generator(run):
    """G of a run's folder, or of a checkpoint; the averaged one where there is one."""
    path = Path(run).expanduser()
    file = path / "checkpoint.pt" if path.is_dir() else path
    state = checkpoint.load(file)
    if "recipe" not in state or "G" not in state:
        raise ValueError(
            f"{file} does not say of which networks it is: `ganedu train` leaves some that do"
        )
    G = made(Recipe.from_toml(state["recipe"]).G)
    G.load_state_dict(state.get("average", state["G"]))
    return G


@torch.no_grad()
def samples(G, n, seed=0):
    """n samples in float32, one at a time; the first ones are the same whatever n is."""
    rng = torch.Generator().manual_seed(seed)
    for begin in range(0, n, PART):
        with evaluating(G):
            part = G(latent(G, PART, rng), *_labels(G, rng))
        yield from part[: n - begin]


def _labels(G, rng):
    """Labels [PART], each class alike often, as one argument more for a G that has classes."""
    classes = getattr(G, "n_classes", None)
    return [] if classes is None else [torch.randint(classes, (PART,), generator=rng)]


def write(run, out, n, seed=0):
    """Write n samples of a run into the folder `out`: 00000.png, ...; points as samples.csv."""
    out, G = Path(out).expanduser(), generator(run)
    taken = sorted([*out.glob("*.png"), *out.glob("samples.csv")])
    if taken:
        raise FileExistsError(f"{taken[0]} is there already: choose another --out")
    points = []
    for i, x in enumerate(samples(G, n, seed)):
        if x.ndim == 1:
            points.append(x.tolist())
        else:
            write_picture(x, out / f"{i:05}.png")
    if points:
        write_points(points, out / "samples.csv")


def write_picture(x, path):
    """A picture x [C, H, W] in [-1, 1] as a PNG file: gray, or in colours where C is 3."""
    pixels = ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0)  # [H, W, C]
    picture = Image.fromarray(pixels.squeeze(2).numpy())
    with replacing(path) as file:
        picture.save(file, "PNG")


def write_points(points, path):
    """Points, a list of lists of d numbers, as a CSV file with the columns x1 to xd."""
    head = [f"x{i + 1}" for i in range(len(points[0]))]
    write_text(path, "".join(",".join(map(str, line)) + "\n" for line in (head, *points)))
