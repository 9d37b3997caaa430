"""A GAN on 100, 500 and 4,000 digits, with and without differentiable augmentation; one thread.

Measured on MNIST digits of 8 x 8 pixels: the Frechet distance to 1,000 held-out ones on a classifier's
features, and what D says of digits that it was trained on and of ones that it was not. Goes on where
it was stopped; writes ganedu/results/little_data.json.
"""

import argparse
import time
from functools import cache, partial
from pathlib import Path

import torch
from common import record

from ganedu import data, metrics
from ganedu.augment import Augmented
from ganedu.classifier import train_classifier
from ganedu.diagnostics import memorisation
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.studies import study
from ganedu.trainer import Trainer, evaluating

SIZES = (100, 500, 4000)
STEPS = 1000
OUT = Path(__file__).parents[1] / "ganedu" / "results" / "little_data.json"


@cache
def judge():
    return train_classifier(data.digits(8).split()[0], progress=False)


def trial(seed, n, augmented):
    """Train on n digits and measure."""
    train, held_out = data.digits(8).split()
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    x = train.x[order[:n]]
    torch.manual_seed(seed)
    D = DCGANDiscriminator(size=8, width=24)
    trainer = Trainer(
        G=DCGANGenerator(size=8, width=32, z_dim=16),
        D=Augmented(D) if augmented else D,
        data=data.Images(x),
        batch=32,
        lr_g=2e-3,
        lr_d=1e-3,
        ema=0.99,
        seed=seed,
        device="cpu",
        precision=torch.float32,
    )
    begin = time.process_time()
    trainer.fit(STEPS, every=STEPS, progress=False)
    seconds = time.process_time() - begin
    fake = trainer.sample(1000)
    with torch.no_grad(), evaluating(trainer.D):
        seen, unseen, false = (trainer.D(y).mean().item() for y in (x[:500], held_out.x, fake))
    features = judge().features  # trained on first use
    with torch.no_grad():
        real, drawn, floor = (features(y) for y in (held_out.x, fake, train.x[:1000]))
    return {
        "frechet": metrics.frechet(real, drawn),
        "frechet of 1,000 real": metrics.frechet(real, floor),
        "recall": metrics.precision_recall(real, drawn)[1],
        "nearer to the training set": memorisation(fake, x, held_out.x).nearer,
        "logit of seen": seen,
        "logit of unseen": unseen,
        "logit of generated": false,
        "cpu_seconds": seconds,
    }


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    options.add_argument("--out", type=Path, default=Path("little_data"), help="folder of the runs")
    args = options.parse_args()
    trials = {
        f"{n} {'with' if augmented else 'without'}": partial(trial, n=n, augmented=augmented)
        for n in SIZES
        for augmented in (False, True)
    }
    rows = []
    for seed in range(args.seeds):  # seed by seed: stopped early, each arm has as many
        rows += study(trials, [seed], folder=args.out, jobs=1)
        command = f"python benchmarks/little_data.py --seeds {seed + 1}"
        record(OUT, command, rows, steps=STEPS)


if __name__ == "__main__":
    main()
