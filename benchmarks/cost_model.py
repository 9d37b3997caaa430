"""What a training step costs on this machine: a model, its errors on sizes it has not seen, and four levers.

All times are processor time of one thread, taken in turns: neighbours make a program wait, and waiting is
not counted. Of a size the least of the rounds counts, of a lever the median ratio, with its quartiles.
Writes ganedu/results/cost.json, part by part. What is compiled is compiled anew each time.
Target: median error at most 20% over ten unseen sizes or more.
"""

import argparse
import copy
import itertools
import json
import statistics
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from common import in_turns, machine, ratios, timed
from torch import nn
from torch.nn.functional import softplus

from ganedu import cost, data
from ganedu.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from ganedu.penalties import r1, squared_slopes
from ganedu.trainer import Trainer

OUT = Path(__file__).parents[1] / "ganedu" / "results" / "cost.json"


@dataclass(frozen=True)
class Size:
    """Networks and a batch: pixels 0 for the multilayer pair on points in the plane."""

    pixels: int
    width: int
    batch: int
    r1: bool = False

    def trainer(self):
        torch.manual_seed(0)
        if self.pixels:
            x = torch.rand(512, 1, self.pixels, self.pixels) * 2 - 1
            G = DCGANGenerator(size=self.pixels, width=self.width)
            D, p_data = DCGANDiscriminator(size=self.pixels, width=self.width), data.Images(x)
        else:
            G, D = MLPGenerator(width=self.width), MLPDiscriminator(width=self.width)
            p_data = data.ring(8)
        penalty = partial(r1, gamma=0.1) if self.r1 else None
        parts = {"G": G, "D": D, "data": p_data, "batch": self.batch, "penalty": penalty}
        return Trainer(**parts, device="cpu", precision=torch.float32)


SEEN = [
    *[Size(28, width, batch) for width, batch in ((16, 16), (16, 64), (32, 16), (32, 64))],
    *[Size(32, width, 32) for width in (16, 32)],
    *[Size(64, 16, batch) for batch in (8, 16)],
    *[Size(28, width, 32, r1=True) for width in (16, 32)],
    *[Size(0, width, batch) for width, batch in ((128, 128), (256, 256))],
    Size(0, 128, 128, r1=True),
]
UNSEEN = [
    *[Size(28, width, 64) for width in (8, 24, 64)],
    *[Size(28, 32, batch) for batch in (8, 128)],
    Size(28, 16, 256),
    *[Size(32, width, batch) for width, batch in ((64, 16), (8, 128))],
    *[Size(64, width, batch) for width, batch in ((8, 16), (32, 8), (16, 32))],
    *[Size(28, width, batch, r1=True) for width, batch in ((8, 32), (32, 64))],
    *[Size(0, width, batch) for width, batch in ((64, 512), (512, 64))],
    Size(0, 256, 64, r1=True),
]


def measured(rounds):
    """{size: {"work": Work, "seconds": the least}} for all sizes, in turns."""
    trainers = {size: size.trainer() for size in SEEN + UNSEEN}
    best = dict.fromkeys(trainers, float("inf"))
    for _, (size, trainer) in itertools.product(range(rounds), trainers.items()):
        steps = 2 if size.pixels else 20
        best[size] = min(best[size], cost.step_seconds(trainer, steps=steps, repeats=1))
    works = {size: cost.step_work(trainer) for size, trainer in trainers.items()}
    return {size: {"work": works[size], "seconds": best[size]} for size in trainers}


def model(found):
    """(Machine, one row a size with its predicted time and, for the unseen, the error)."""
    fitted = cost.fitted([found[s]["work"] for s in SEEN], [found[s]["seconds"] for s in SEEN])
    rows = []
    for size, one in found.items():
        predicted = fitted.seconds(one["work"])
        rows.append(
            {
                **asdict(size),
                "seen": size in SEEN,
                **asdict(one["work"]),
                "seconds": one["seconds"],
                "predicted": predicted,
                "error": predicted / one["seconds"] - 1,
            }
        )
    return fitted, rows


def peak(n=1024, rounds=10):
    """Floating-point operations a second of one thread in a large matrix product."""
    a = torch.rand(n, n)
    return 2 * n**3 / min(timed(lambda: a @ a)[1] for _ in range(rounds))


# ---- levers --------------------------------------------------------------------------------------

LEVERS = ("fused", "channels_last", "bfloat16", "compiled")


def loop(on, batch=32, width=16):
    """A bare training loop with these levers on: a function of the number of steps."""
    torch.manual_seed(0)
    G, D = DCGANGenerator(width=width), DCGANDiscriminator(width=width)
    x = torch.rand(512, 1, 28, 28) * 2 - 1
    if "channels_last" in on:
        G, D = (net.to(memory_format=torch.channels_last) for net in (G, D))
    fused = True if "fused" in on else None
    opt_G, opt_D = (
        torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=fused) for net in (G, D)
    )
    if "compiled" in on:
        G, D = torch.compile(G), torch.compile(D)

    def call(net, x):
        with torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in on):
            return net(x).float()

    def train(n):
        for _ in range(n):
            real = x[torch.randint(len(x), (batch,))]
            fake = call(G, torch.randn(batch, 100, 1, 1))
            d_loss = softplus(-call(D, real)).mean() + softplus(call(D, fake.detach())).mean()
            opt_D.zero_grad()
            d_loss.backward()
            opt_D.step()
            g_loss = softplus(-call(D, fake)).mean()
            opt_G.zero_grad()
            g_loss.backward()
            opt_G.step()

    return train


def levers(rounds, compiled):
    """How many times as fast as the plain loop each set of levers is: median and quartiles of rounds."""
    names = LEVERS[:3]
    alone = [(), *[(name,) for name in names], names[:2], names]
    sets = [(), ("compiled",), ("channels_last", "compiled")] if compiled else alone
    loops = {on: loop(on) for on in sets}
    first = {on: timed(partial(train, 1))[1] for on, train in loops.items()}  # compiles, allocates
    times = in_turns({on: partial(train, 5) for on, train in loops.items()}, rounds)
    rows = []
    for on in sets:
        low, speed, high = statistics.quantiles(ratios(times, of=on, to=(), kind=1), n=4)
        seconds = statistics.median(cpu for _, cpu in times[on]) / 5
        row = {"levers": list(on), "seconds": seconds, "first": first[on]}
        rows.append(row | {"speed": speed, "low": low, "high": high})
    return rows


# ---- why penalties stay out ----------------------------------------------------------------------


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def slopes_by_precision():
    """R1's squared slope on images, whole and in half precision, at several sizes of D's answer."""
    torch.manual_seed(0)
    D = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1))
    x, rows = torch.rand(64, 1, 28, 28) * 2 - 1, []
    for scale in (1e-4, 1e-2, 1.0, 1e2, 1e4):
        row = {"scale": scale}
        for kind in (torch.float32, torch.bfloat16, torch.float16):
            net = nn.Sequential(copy.deepcopy(D), Times(scale)).to(kind)
            slope = squared_slopes(net, x.to(kind))
            row[str(kind).removeprefix("torch.")] = slope.float().mean().item()
        rows.append(row)
    return rows


def compiled_penalty():
    """What torch says when a compiled D is asked for the slope of its slope."""
    D = torch.compile(DCGANDiscriminator(width=8))
    try:
        squared_slopes(D, torch.rand(4, 1, 28, 28)).mean().backward()
    except RuntimeError as error:
        return str(error).strip().split("\n")[0]
    return "no error"


def the_model(rounds):
    fitted, rows = model(measured(rounds))
    errors = [abs(row["error"]) for row in rows if not row["seen"]]
    print(f"{fitted}\nmedian error of {len(errors)} unseen: {statistics.median(errors):.1%}")
    median = statistics.median(errors)
    return {"fitted": asdict(fitted), "peak": peak(), "median error": median, "rows": rows}


def the_levers(rounds):
    return {"levers": levers(rounds, compiled=False), "slopes": slopes_by_precision()}


def the_compiler(rounds):
    torch.compiler.config.force_disable_caches = True  # the first step compiles, each time
    return {"compiled": levers(rounds, compiled=True), "compiled penalty": compiled_penalty()}


PARTS = {"model": the_model, "levers": the_levers, "compiler": the_compiler}


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("parts", nargs="*", default=["model", "levers", "compiler"])
    options.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    args = options.parse_args()
    torch.set_num_threads(1)
    made = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    for part in args.parts:
        made |= {
            "command": f"python benchmarks/cost_model.py --rounds {args.rounds}",
            "machine": machine(),
            **PARTS[part](args.rounds),
        }
        OUT.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        print(f"{part} written to {OUT}", flush=True)


if __name__ == "__main__":
    main()
