"""PacGAN's two-dimensional protocol, as published (Lin et al. 2018): hours on one core, so not in CI.

100,000 fixed training points; G 2-400-400-400-400-2 with batch norm and ReLU; D three maxout layers of
200 with 5 pieces, and a linear one; logistic losses, non-saturating G; Adam 1e-4 with beta1 .8; batches of
100; 400 epochs, which are 400,000 updates; 2,500 samples to judge. `--pack 1` is their plain GAN. The
run goes on where it was when started again with the same --out. What we could not read in the paper
and decided: batches are drawn with replacement, and samples use batch norm's running averages.

    python benchmarks/pacgan_protocol.py --data ring --pack 1 --seed 0
"""

import argparse
import json
import time
from pathlib import Path

import torch
from common import machine
from torch import nn
from tqdm import tqdm

from ganedu import checkpoint, data, networks
from ganedu.diagnostics import mode_coverage
from ganedu.recording import progress
from ganedu.trainer import Trainer

UPDATES, LOOK = 400_000, 10_000
P_DATA = {"ring": data.ring(8, std=0.01), "grid": data.grid(5, spacing=2.0, std=0.05)}


class Maxout(nn.Module):
    """The largest of `pieces` linear maps, feature by feature: [n, d] -> [n, out]."""

    def __init__(self, d, out, pieces=5):
        super().__init__()
        self.all, self.shape = nn.Linear(d, out * pieces), (out, pieces)

    def forward(self, x):
        return self.all(x).unflatten(1, self.shape).amax(2)


class MaxoutDiscriminator(nn.Module):
    """x [n, 2 * pack] -> logits [n]."""

    def __init__(self, pack):
        super().__init__()
        layers = [Maxout(2 * pack, 200), Maxout(200, 200), Maxout(200, 200), nn.Linear(200, 1)]
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(1)


class NormedGenerator(nn.Module):
    """z [n, 2] -> x [n, 2], four hidden layers of 400 with batch norm."""

    z_dim, z_shape = 2, (2,)

    def __init__(self):
        super().__init__()
        layers, d = [], 2
        for _ in range(4):
            layers += [nn.Linear(d, 400), nn.BatchNorm1d(400), nn.ReLU()]
            d = 400
        self.net = nn.Sequential(*layers, nn.Linear(d, 2))

    def forward(self, z):
        return self.net(z)


def protocol(name, pack, seed):
    """The Trainer of the published protocol, and the true mixture to judge by."""
    mixture = P_DATA[name]
    points = data.Points(mixture.sample(100_000, torch.Generator().manual_seed(1000 + seed)))
    torch.manual_seed(seed)
    D = MaxoutDiscriminator(pack)
    D = D if pack == 1 else networks.Packed(D, pack)
    settings = {"batch": 100, "lr_g": 1e-4, "lr_d": 1e-4, "betas": (0.8, 0.999), "seed": seed}
    return Trainer(G=NormedGenerator(), D=D, data=points, **settings), mixture


def look(trainer, mixture):
    """The published numbers of 2,500 samples."""
    found = mode_coverage(trainer.sample(2500).cpu(), mixture)
    numbers = {"modes": found.modes, "quality": found.quality, "reverse_kl": found.reverse_kl}
    return {"updates": trainer.step, **numbers}


def go_on(trainer, mixture, folder, updates):
    """Train to `updates`, looking and saving each LOOK steps; returns the looks."""
    state, rows = folder / "checkpoint.pt", []
    if state.exists():
        saved = checkpoint.load(state)
        trainer.load_state_dict(saved)
        rows = saved["rows"]
    left, begin = updates - trainer.step, time.perf_counter()
    before = rows[-1]["seconds"] if rows else 0.0

    def keep():
        seconds = before + time.perf_counter() - begin
        rows.append({**look(trainer, mixture), "seconds": seconds})
        checkpoint.save({**trainer.state_dict(), "rows": rows}, state)
        tqdm.write(str(rows[-1]))

    with progress(trainer, left) as steps:
        for now in steps:
            if now["step"] % LOOK == 0:
                keep()
    if trainer.step < updates:
        keep()
        print("Stopped. The same command goes on from here.")
    return rows


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", choices=P_DATA, default="ring")
    options.add_argument("--pack", type=int, default=1, help="examples D judges at once")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--updates", type=int, default=UPDATES, help="default: %(default)s")
    options.add_argument("--out", default="pacgan", help="folder (default: %(default)s)")
    args = options.parse_args()
    torch.set_num_threads(1)
    print(machine())
    folder = Path(args.out) / f"{args.data}-pack{args.pack}-seed{args.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = go_on(*protocol(args.data, args.pack, args.seed), folder, args.updates)
    settings = {"data": args.data, "pack": args.pack, "seed": args.seed}
    result = {**settings, "machine": machine(), "looks": rows}
    (folder / "result.json").write_text(json.dumps(result, indent=1))
    print(f"{folder / 'result.json'}: {rows[-1] if rows else 'nothing trained'}")


if __name__ == "__main__":
    main()
