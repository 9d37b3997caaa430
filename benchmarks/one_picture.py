"""What chapter 11 says of its map, on more seeds than its own; one thread, a minute a seed.

For each seed G is trained on the map as in the lesson, and measured: steps across the edge of a cut
piece and of a tile, of the loop, contrast of the walks, distances to seen and hidden blocks,
statistics against the map's. Goes on where it was stopped; writes ganedu/results/one_picture.json.
"""

import argparse
import time
from functools import cache
from pathlib import Path

import torch
from common import record

from ganedu import pictures
from ganedu.diagnostics.textures import copying, gram_distance, patches_of, seam, strides
from ganedu.studies import study
from ganedu.texture import CELL, circle, noise, recipe, split, tile
from ganedu.trainer import evaluating

STEPS = 700  # the lesson's
OUT = Path(__file__).parents[1] / "ganedu" / "results" / "one_picture.json"


@cache
def the_map():
    return pictures.named("terrain")


def trial(seed):
    """Train on the map and measure what the lesson measures, with other z."""
    x = the_map()
    seen, groups = split(x)
    begin = time.process_time()
    trainer = recipe(x, steps=STEPS, precision=torch.float32).trainer(seed, data=seen)
    trainer.fit(STEPS, every=STEPS, progress=False)
    seconds = time.process_time() - begin
    G, rng = trainer.average.cpu(), torch.Generator().manual_seed(1000 + seed)
    with evaluating(G), torch.no_grad():
        row = {"cpu_seconds": seconds, **edges(G, rng), **loops(G, rng)}
        drawn = patches_of(tile(G, noise(G, 8, (32, 32), rng)))
        cheat = torch.cat([g.at(g.corners[::40]) for g in groups[1:]])
        cheat = cheat + 0.05 * torch.randn(cheat.shape, generator=rng)
        row["excess of G"] = copying(drawn, groups).excess
        row["excess of a cheat"] = copying(cheat, groups).excess
        ground = tile(G, noise(G, 1, (40, 46), rng))
        for scale, far in gram_distance(ground, x).items():
            row[f"statistics at {scale}"] = far
        for scale, far in gram_distance(*x.chunk(2, dim=2)).items():
            row[f"statistics at {scale}, half to half"] = far
    return {k: float(v) for k, v in row.items()}


def edges(G, rng):
    """Steps across the edge as multiples of those inside: 40 cut pieces, 40 tiles."""
    cut = torch.cat([G(noise(G, 1, (22, 22), rng)) for _ in range(40)])
    torus = torch.cat([tile(G, noise(G, 1, (16, 16), rng)) for _ in range(40)])
    found = {"edge of a cut piece": seam(cut, CELL), "edge of a tile": seam(torus, CELL)}
    row = {name: edge.ratio for name, edge in found.items()}
    return row | {
        "edge of a tile, by all lines": seam(torus).ratio,
        "its error": found["edge of a tile"].error,
    }


def loops(G, rng):
    """First step as a multiple of the others, and the palest frame's contrast as one of the strongest."""
    a, b = (noise(G, 1, (16, 16), rng) for _ in range(2))
    share = torch.linspace(0, 1, 25)[:24]
    walks = {
        "the line": [(1 - s) * a + s * b for s in share],
        "there and back": [(1 - s) * a + s * b for s in 1 - (2 * share - 1).abs()],
        "the circle": [*circle(a, b, 24)],
    }
    row = {}
    for name, walk in walks.items():
        film = torch.cat([tile(G, z) for z in walk])
        steps = strides(film)
        row[f"jump of {name}"] = steps[0] / steps[1:].mean()
        contrast = film.std((1, 2, 3))
        row[f"palest frame of {name}"] = contrast.min() / contrast.max()
    return row


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=5, help="default: %(default)s")
    options.add_argument("--out", type=Path, default=Path("one_picture"), help="folder of the runs")
    args = options.parse_args()
    seeds = range(1, args.seeds + 1)  # the lesson itself has seed 0
    rows = study({"the map": trial}, seeds, folder=args.out, jobs=1)
    command = f"python benchmarks/one_picture.py --seeds {args.seeds}"
    record(OUT, command, rows, steps=STEPS)


if __name__ == "__main__":
    main()
