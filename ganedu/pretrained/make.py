"""Train the generator of digits anew, and measure it: python -m ganedu.pretrained.make --out FOLDER.

Writes digits.npz (weights, float16) and pretrained.json (what was measured), and a checkpoint every
1,000 steps: stopped, the same command goes on where it was. About 6 minutes of a core of its own.
"""

import argparse
import hashlib
import json
import os
import platform
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import trange

from ganedu import checkpoint, data, metrics
from ganedu.classifier import probabilities, train_classifier
from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator
from ganedu.diagnostics import memorisation
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.pretrained import digits_generator, save
from ganedu.recipe import Recipe
from ganedu.trainer import cosine, latent

EVERY, JUDGES, SAMPLES = 1000, 5, 10_000
# A conditional DCGAN; 16 numbers of z say how the digit is written.
RECIPE = Recipe(
    data=data.digits,
    G=partial(ConditionalGenerator, partial(DCGANGenerator, z_dim=10 + 16)),
    D=partial(ConditionalDiscriminator, partial(DCGANDiscriminator, classes=10)),
    steps=6000,
    batch=32,
    lr_g=2e-3,
    lr_d=1e-3,
    schedule=cosine,  # the step sizes fall to 0
    ema=0.998,
    precision=torch.float32,
)


def main():
    args = _options().parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    train, held_out = data.digits().split()
    recipe = replace(RECIPE, steps=args.steps)
    trainer = recipe.trainer(args.seed, device="cpu", data=train)
    seconds = fit(trainer, args.steps, args.out / "checkpoint.pt")
    save(trainer.average, args.out / "digits.npz")
    found = measure(digits_generator(args.out / "digits.npz"), train, held_out)
    made = {
        "command": f"python -m ganedu.pretrained.make --steps {args.steps} --seed {args.seed}",
        "machine": machine(),
        "seconds": round(seconds),
        "sha256": hashlib.sha256((args.out / "digits.npz").read_bytes()).hexdigest(),
        **found,
    }
    text = json.dumps(made, indent=1)
    (args.out / "pretrained.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def fit(trainer, steps, file):
    """Train up to `steps`, from the checkpoint if there is one; returns the seconds of all parts."""
    seconds = 0.0
    if file.exists():
        state = checkpoint.load(file)
        seconds = state.pop("seconds")
        trainer.load_state_dict(state)
    bar = trange(steps, initial=trainer.step, desc="training")
    while trainer.step < steps:
        begin = time.perf_counter()
        for _ in trainer.steps(min(EVERY - trainer.step % EVERY, steps - trainer.step)):
            bar.update()
        seconds += time.perf_counter() - begin
        checkpoint.save({**trainer.state_dict(), "seconds": seconds}, file)
    return seconds


def measure(G, train, held_out):
    """What judges of several seeds say of G's digits, and how far these spread, as a dictionary."""
    z = latent(G, SAMPLES, torch.Generator().manual_seed(1))
    y = G.label(z)
    fake = torch.cat([G(part) for part in z.split(1000)])
    judges = {
        (seed, seen.name): (train_classifier(seen, seed=seed, progress=False), unseen)
        for seen, unseen in ((train, held_out), (held_out, train))
        for seed in trange(JUDGES, desc=f"judges trained on {seen.name}")
    }
    copies = memorisation(fake[:2000], train.x, held_out.x)
    first = judges[0, train.name][0]
    return {
        "n": SAMPLES,
        "asked_for": y.bincount(minlength=10).tolist(),
        "rows": [
            {"judge": seed, "trained_on": seen, **_judged(judge, fake, y, unseen)}
            for (seed, seen), (judge, unseen) in judges.items()
        ],
        "generated_against_held_out": _spread(first, fake[:1000], held_out.x),
        "train_against_held_out": _spread(first, train.x[:1000], held_out.x),
        "memorisation": {"nearer": round(copies.nearer, 4), "ratio": round(copies.ratio, 4)},
        "nearest_training_digit": {
            "generated": _nearest(fake[:1000], train.x),
            "held_out": _nearest(held_out.x, train.x),
        },
    }


def _judged(judge, fake, y, real):
    """Of how many a judge is more than 0.9 sure, and whether it names them as asked; the same of real."""
    p, q = probabilities(judge, fake), probabilities(judge, real.x)
    named = p.argmax(1)
    return {
        "sure": round(_sure(p), 4),
        "sure_of_unseen_real": round(_sure(q), 4),
        "named_as_asked": round((named == y).float().mean().item(), 4),
        "unseen_real_named_right": round((q.argmax(1) == real.y).float().mean().item(), 4),
        "named": named.bincount(minlength=10).tolist(),
        "sure_of_each_digit": [round(_sure(p[y == k]), 4) for k in range(10)],
    }


def _sure(p):
    return (p.max(1).values > 0.9).float().mean().item()


@torch.no_grad()
def _spread(judge, x, held_out):
    """Set against set, on the judge's own features [n, 64]."""
    real, fake = judge.features(held_out), judge.features(x)
    precision, recall = metrics.precision_recall(real, fake)
    return {
        "frechet": round(metrics.frechet(real, fake), 2),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "coverage": round(metrics.density_coverage(real, fake)[1], 4),
    }


def _nearest(x, train):
    """Euclidean distance of pictures to the nearest training digit: the least, and the median."""
    near = torch.cat([torch.cdist(p.flatten(1), train.flatten(1)).amin(1) for p in x.split(500)])
    return {"least": round(near.min().item(), 3), "median": round(near.median().item(), 3)}


def machine():
    """The kind of machine in one line, and how busy it is: a long run on a busy one says little."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    torchs = f"torch {torch.__version__} with {torch.get_num_threads()} thread"
    return f"{platform.machine()}, {os.cpu_count()} cores, load {load}, no GPU used; {torchs}"


def _options():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path, required=True, help="folder for what is made")
    options.add_argument("--steps", type=int, default=RECIPE.steps, help="default: %(default)s")
    options.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return options


if __name__ == "__main__":
    main()
