"""PacGAN's two-dimensional protocol, as published (Lin et al. 2018): 90 minutes of a core a run, not in CI.

    python benchmarks/pacgan_protocol.py --data ring --pack 1 --seed 0
    python benchmarks/pacgan_protocol.py --data ring,grid --pack 1,2 --seed 0,1     one run of each

100,000 fixed training points; G 2-400-400-400-400-2 with batch norm and ReLU; D three maxout layers of
200 with 5 pieces, and a linear one; logistic losses, non-saturating G; Adam 1e-4 with beta1 .8; batches of
100; 400 epochs, which are 400,000 updates; 2,500 samples to judge. `--pack 1` is their plain GAN. The
run goes on where it was when started again with the same --out. What we could not read in the paper
and decided: batches are drawn with replacement, and samples use batch norm's running averages.

A GPU waits for Python between such small layers. There the steps of all runs are recorded once, as one
CUDA graph with a stream for each run, and replayed: minutes for all of them, and `seconds` are those of all.
`--record` writes what all runs have kept to ganedu/results/pacgan_protocol.json.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import torch
from common import machine, record
from torch import nn
from tqdm import tqdm

from ganedu import checkpoint, data, networks
from ganedu.diagnostics import mode_coverage
from ganedu.recording import progress
from ganedu.trainer import Trainer

OUT = Path(__file__).parents[1] / "ganedu" / "results" / "pacgan_protocol.json"
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


class Run:
    """One run of the protocol in its folder: what it has reached is kept there."""

    def __init__(self, out, name, pack, seed):
        self.settings = {"data": name, "pack": pack, "seed": seed}
        self.trainer, self.mixture = protocol(name, pack, seed)
        self.folder = Path(out) / f"{name}-pack{pack}-seed{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state, self.result = self.folder / "checkpoint.pt", self.folder / "result.json"
        self.rows = []
        if self.state.exists():
            saved = checkpoint.load(self.state)
            self.trainer.load_state_dict(saved)
            self.rows = saved["rows"]
        self.before = self.rows[-1]["seconds"] if self.rows else 0.0
        self.begin = time.perf_counter()

    def keep(self):
        seconds = self.before + time.perf_counter() - self.begin
        self.rows.append({**look(self.trainer, self.mixture), "seconds": round(seconds, 2)})
        checkpoint.save({**self.trainer.state_dict(), "rows": self.rows}, self.state)
        result = {**self.settings, "machine": machine(), "looks": self.rows}
        self.result.write_text(json.dumps(result, indent=1))
        tqdm.write(f"{self.settings} {self.rows[-1]}")

    def go_on(self, updates):
        """Train to `updates`, looking and saving each LOOK steps."""
        self.begin = time.perf_counter()
        with progress(self.trainer, updates - self.trainer.step) as steps:
            for now in steps:
                if now["step"] % LOOK == 0:
                    self.keep()
        if self.trainer.step < updates:
            self.keep()
        return self.trainer.step >= updates


class Recorded:
    """`stride` steps of each trainer as one CUDA graph, side by side: calling it takes them."""

    def __init__(self, trainers, stride=10):
        self.trainers, self.stride = trainers, stride
        self.graph = torch.cuda.CUDAGraph()
        for trainer in trainers:
            for adam in (trainer.opt_G, trainer.opt_D):
                adam.param_groups[0]["capturable"] = True
            self.graph.register_generator_state(trainer.rng)
        with torch.cuda.graph(self.graph):
            here = torch.cuda.current_stream()
            streams = [torch.cuda.Stream() for _ in trainers]
            for trainer, stream in zip(trainers, streams):
                stream.wait_stream(here)
                with torch.cuda.stream(stream):
                    for _ in range(stride):
                        trainer._step()
            for stream in streams:
                here.wait_stream(stream)
        for trainer in trainers:
            trainer._watch.seen.clear()  # those losses were recorded, not computed

    def __call__(self):
        self.graph.replay()
        for trainer in self.trainers:
            trainer.step += self.stride


def replayed(runs, updates):
    """All runs to `updates` on a GPU, side by side; they must have come equally far."""
    trainers = [run.trainer for run in runs]
    done = {trainer.step for trainer in trainers}
    if len(done) > 1:
        raise SystemExit(f"these runs have come to {sorted(done)}: continue each alone, or anew")
    for trainer in trainers:
        for _ in trainer.steps(200 - trainer.step % 100):  # Adam's averages are made
            pass
    ten_steps = Recorded(trainers)
    for run in runs:
        run.begin = time.perf_counter()
    try:
        for _ in tqdm(range(trainers[0].step, updates, ten_steps.stride)):
            ten_steps()
            if trainers[0].step % LOOK == 0:
                for run in runs:
                    run.keep()
    except KeyboardInterrupt:
        pass
    return trainers[0].step >= updates


def difference(steps=100):
    """How far apart 2 times `steps` steps of the trainer's own loop and of its recording end, at most."""
    alone, graphed = (protocol("ring", 2, 0)[0] for _ in range(2))
    for trainer in (alone, graphed):
        for _ in trainer.steps(steps):
            pass
    ten_steps = Recorded([graphed])
    for _ in alone.steps(steps):
        pass
    for _ in range(steps // ten_steps.stride):
        ten_steps()
    pairs = zip(alone.G.parameters(), graphed.G.parameters())
    return max((a - b).abs().max().item() for a, b in pairs)


def write_record(runs):
    """Every look of these runs, with the machine that the last one was trained on."""
    rows = [run.settings | kept for run in runs for kept in run.rows]
    wanted = {key: sorted({run.settings[key] for run in runs}) for key in runs[0].settings}
    options = " ".join(f"--{key} {','.join(map(str, values))}" for key, values in wanted.items())
    command = f"python benchmarks/pacgan_protocol.py {options}"
    record(OUT, command, rows, machine=json.loads(runs[-1].result.read_text())["machine"])


def names(text):
    return text.split(",")


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=names, default=["ring"], help="ring, grid, or both")
    options.add_argument("--pack", type=numbers, default=[1], help="examples D judges at once")
    options.add_argument("--seed", type=numbers, default=[0])
    options.add_argument("--updates", type=int, default=UPDATES, help="default: %(default)s")
    options.add_argument("--out", default="pacgan", help="folder (default: %(default)s)")
    options.add_argument("--record", action="store_true", help="write the record at the end")
    args = options.parse_args()
    if unknown := set(args.data) - set(P_DATA):
        options.error(f"--data is ring, grid, or both; got {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    print(machine())
    wanted = itertools.product(args.data, args.pack, args.seed)
    runs = [Run(args.out, *settings) for settings in wanted]
    if torch.cuda.is_available():
        gap = difference()
        print(f"weights after 100 recorded steps and 100 of the trainer's own differ by {gap:.1e}")
        if not gap < 1e-5:
            raise SystemExit("a recorded step is not the trainer's step: nothing was trained")
        finished = replayed(runs, args.updates)
    else:
        finished = all(run.go_on(args.updates) for run in runs)
    if not finished:
        print("Stopped. The same command goes on from here.")
    for run in runs:
        print(f"{run.result}: {run.rows[-1] if run.rows else 'nothing kept'}")

    if args.record:
        write_record(runs)


if __name__ == "__main__":
    main()
