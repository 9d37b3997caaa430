"""Train one of the gallery's generators anew: python -m ganedu.gallery.make gravel --out FOLDER.

Writes NAME.npz (weights, float16) and NAME.png, a tile to look at, and a checkpoint every 1,000 steps:
stopped, the same command goes on where it was. About 4 minutes of a core of its own.
"""

import argparse
from pathlib import Path

import torch

from ganedu import pictures
from ganedu.drawing import write_picture
from ganedu.gallery import FILES, painter, save
from ganedu.pretrained.make import fit
from ganedu.texture import RECIPE, Album, noise, recipe, split, tile


def main():
    args = _options().parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    trainer = trainer_of(args.name, args.seed)
    seconds = fit(trainer, args.steps, args.out / f"{args.name}_{args.seed}.pt")
    save(trainer.average, args.out / f"{args.name}.npz")
    G = painter(args.name, args.out)
    kinds = range(len(FILES[args.name]))
    rng = torch.Generator().manual_seed(1)
    z = noise(G, len(kinds), (48, 48), rng)
    drawn = tile(G, z, torch.tensor([*kinds]) if G.n_classes else None)  # [kinds, C, 384, 384]
    write_picture(torch.cat([*drawn], dim=2), args.out / f"{args.name}.png")
    print(f"{args.name}: {trainer.step:,} steps, {seconds:.0f} s")


def trainer_of(name, seed=0):
    """A trainer on the pictures of FILES[name], of which one block in five is never seen."""
    xs = [pictures.named(picture) for picture in FILES[name]]
    seen = [split(x)[0] for x in xs]
    data = seen[0] if len(seen) == 1 else Album(seen)
    made = recipe(xs[0], None if len(xs) == 1 else len(xs), precision=torch.float32)
    return made.trainer(seed, device="cpu", data=data)


def _options():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("name", choices=FILES)
    options.add_argument("--out", type=Path, required=True, help="folder for what is made")
    options.add_argument("--steps", type=int, default=RECIPE.steps, help="default: %(default)s")
    options.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return options


if __name__ == "__main__":
    main()
