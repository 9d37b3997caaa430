"""A collapse in every seed, and what it depends on: how many waves of its input D sees (chapter 07).

D sees its input and 0 to 5 waves of it (wavelengths 4, 2, 1, 1/2, 1/4); all else is the same: G and D of
two layers of 128, batches of 256, Adam 1e-3, betas (.5, .999), steps that fall to 0 along a cosine, the
non-saturating loss. Ring: radius 1, standard deviation .01. Grid: 5 x 5, spacing .5, standard deviation
.0125. 2,500 samples to judge. `ditch`: how far D's logit falls on the way from the mode that has most
samples to its nearest neighbour. Stopped and started again it goes on where it was.

    python benchmarks/real_collapse.py
"""

import argparse
import math
from functools import partial
from pathlib import Path

import torch
from common import machine, record
from torch import nn

from ganedu import data, results
from ganedu.diagnostics import mode_coverage
from ganedu.networks import FourierFeatures, MLPDiscriminator, MLPGenerator
from ganedu.recipe import Recipe
from ganedu.studies import show, study, table
from ganedu.trainer import cosine

P_DATA = {
    "ring": partial(data.ring, 8, std=0.01),
    "grid": partial(data.grid, 5, spacing=0.5, std=0.0125),
}
WAVES = {"ring": (5, 0), "grid": (5, 0, 3)}


def discriminator(waves):
    """D that sees x and `waves` waves of it, each half as long as the one before."""
    see = FourierFeatures([math.pi / 2 * 2**i for i in range(waves)]) if waves else nn.Identity()
    return nn.Sequential(see, MLPDiscriminator(in_dim=2 + 4 * waves))


def ditch(D, start, means):
    """How far D's logit falls on the straight way from one mode to its nearest neighbour."""
    distance = (means - start).norm(dim=1)
    end = means[distance.argsort()[1]]
    way = torch.lerp(start, end, torch.linspace(0, 1, 201)[:, None])  # [201, 2]
    with torch.no_grad():
        s = D(way)
    return float(s[0] - s.min())


def recipe(name, waves, steps):
    """The run whose modes are counted."""
    return Recipe(
        data=P_DATA[name],
        G=MLPGenerator,
        D=partial(discriminator, waves),
        steps=steps,
        batch=256,
        lr_g=1e-3,
        lr_d=1e-3,
        schedule=cosine,
    )


def run(recipe, seed):
    """One training: what is left of the modes, and D's landscape around the fullest."""
    trainer = recipe.trainer(seed, device="cpu")
    rows = trainer.fit(recipe.steps, progress=False)
    p_data, late = trainer.data, rows[-recipe.steps // 10 :]
    found = mode_coverage(trainer.sample(2500), p_data)
    return {
        "modes": found.modes,
        "quality": found.quality,
        "reverse_kl": found.reverse_kl,
        "largest": found.near.max() / found.near.sum(),
        "ditch": ditch(trainer.D, p_data.means[found.near.argmax()], p_data.means),
        "d_loss": sum(row["d_loss"] for row in late) / len(late),
        "g_loss": sum(row["g_loss"] for row in late) / len(late),
    }


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=5, help="default: %(default)s")
    options.add_argument("--steps", type=int, default=6000, help="default: %(default)s")
    options.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    options.add_argument("--kept", default="real_collapse", help="folder of finished runs")
    args = options.parse_args()
    print(machine())
    recipes = {
        f"{name}, {waves} waves": partial(run, recipe(name, waves, args.steps))
        for name in P_DATA
        for waves in WAVES[name]
    }
    rows = study(recipes, range(args.seeds), folder=args.kept, jobs=args.jobs)
    print(show(table(rows)))
    command = f"python benchmarks/real_collapse.py --seeds {args.seeds} --steps {args.steps}"
    record(Path(results.__file__).parent / "real_collapse.json", command, rows)


if __name__ == "__main__":
    main()
