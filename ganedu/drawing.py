"""Samples of a trained run as files: from its checkpoint alone, the data need not be there."""

import math
from operator import index
from pathlib import Path

import torch
from PIL import Image
from torchvision.utils import make_grid

from ganedu import checkpoint
from ganedu.files import replacing, write_text
from ganedu.recipe import Recipe, made
from ganedu.trainer import check_fits, evaluating, latent

PART = 500  # samples held at a time


def loaded(run):
    """(state, recipe) of a run's folder, or of one of its checkpoints."""
    path = Path(run).expanduser()
    file = path / "checkpoint.pt" if path.is_dir() else path
    state = checkpoint.load_run(file)
    if "recipe" not in state or "G" not in state:
        raise ValueError(
            f"{file} does not say of which networks it is: `ganedu train` leaves some that do"
        )
    return state, Recipe.from_toml(state["recipe"])


def generator(run):
    """G of a run's folder, or of a checkpoint; the averaged one where there is one."""
    state, recipe = loaded(run)
    G = made(recipe.G)
    check_fits("average" if "average" in state else "G", G, state)
    G.load_state_dict(state.get("average", state["G"]))
    return G


@torch.no_grad()
def samples(G, n, seed=0, label=None):
    """n samples in float32, one at a time; the first ones are the same whatever n is.

    Of a G with classes: of the class `label`, or of all alike often.
    """
    rng = torch.Generator().manual_seed(index(seed))
    for begin in range(0, n, PART):
        with evaluating(G):
            part = G(latent(G, PART, rng), *labels(G, PART, rng, label))
        yield from part[: n - begin]


def labels(G, n, rng, label=None):
    """Labels [n], as one argument more for a G that has classes; none for any other."""
    classes = getattr(G, "n_classes", None)
    if classes is None:
        if label is not None:
            raise ValueError("this generator knows no classes: leave the class out")
        return []
    chosen = torch.randint(classes, (n,), generator=rng)
    return [chosen if label is None else torch.full_like(chosen, label)]


def write(run, out, n, seed=0, label=None):
    """Write n samples of a run into the folder `out`: 00000.png, ...; points as samples.csv."""
    out, G = Path(out).expanduser(), generator(run)
    taken = sorted([*out.glob("*.png"), *out.glob("samples.csv")])
    if taken:
        raise FileExistsError(f"{taken[0]} is there already: choose another --out")
    points = []
    for i, x in enumerate(samples(G, n, seed, label)):
        if x.ndim == 1:
            points.append(x.tolist())
        else:
            write_picture(x, out / f"{i:05}.png")
    if points:
        write_points(points, out / "samples.csv")


def picture(x):
    """A picture x [C, H, W] in [-1, 1] for PIL: gray, in colours, or with opacity, as C is 1, 3 or 4."""
    pixels = ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0)  # [H, W, C]
    return Image.fromarray(pixels.squeeze(2).numpy())


def write_picture(x, path):
    """A picture x [C, H, W] in [-1, 1] as a PNG file."""
    with replacing(path) as file:
        picture(x).save(file, "PNG")


def write_figure(fig, path, dpi=110):
    """A figure of matplotlib as a PNG file."""
    with replacing(path) as file:
        fig.savefig(file, format="png", dpi=dpi)


def on_white(x):
    """Pictures [n, 4, H, W] with opacity as one sees them on white, [n, 3, H, W]; others as they are."""
    if x.ndim != 4 or x.shape[1] != 4:
        return x
    opacity = (x[:, 3:] + 1) / 2
    return x[:, :3] * opacity + (1 - opacity)


def sheet(x, gap=2, width=512):
    """Pictures x [n, C, H, W] in [-1, 1] side by side on white, in whole pixels: about `width` wide."""
    x = on_white(x)
    columns = math.ceil(len(x) ** 0.5)
    times = max(1, width // (columns * (x.shape[3] + gap)))
    x = x.repeat_interleave(times, 2).repeat_interleave(times, 3)
    tiled = make_grid(x, nrow=columns, padding=gap, pad_value=1.0)  # [3, H, W]
    return picture(tiled)


def write_points(points, path):
    """Points, a list of lists of d numbers, as a CSV file with the columns x1 to xd."""
    head = [f"x{i + 1}" for i in range(len(points[0]))]
    write_text(path, "".join(",".join(map(str, line)) + "\n" for line in (head, *points)))
