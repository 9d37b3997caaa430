"""Are G and D told the label? Four games at equal cost, and what a judge says of the digits asked for.

Both told, only G told, both told a label that is wrong (shuffled among the training digits), and none: on
scikit-learn's digits of 8 x 8 pixels, a few seconds of a core a game, or on MNIST's of 28 x 28, most of a
minute a game. Each row is kept in a file of its own: stopped, the same command goes on where it was.

    python benchmarks/conditioning.py --kept small --out ganedu/results/conditioning.json
    python benchmarks/conditioning.py --size 28 --kept large --out ganedu/results/conditioning_28.json
"""

import argparse
import copy
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from common import record

from ganedu import data, metrics
from ganedu.classifier import probabilities, train_classifier
from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator, LabelBlind
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.recipe import Recipe


def games(size):
    """The recipes of the four games on digits of 8 or 28 pixels, by name."""
    width, z_dim = (16, 16) if size == 8 else (24, 90)
    plain_g = partial(DCGANGenerator, size, width=width, z_dim=10 + z_dim)
    plain_d = partial(DCGANDiscriminator, size, width=width)
    both = Recipe(
        data=data.small_digits if size == 8 else data.digits,
        G=partial(ConditionalGenerator, plain_g),
        D=partial(ConditionalDiscriminator, partial(plain_d, classes=10)),
        steps=400 if size == 8 else 800,
        batch=32,
        lr_g=2e-3 if size == 8 else 1e-3,
        lr_d=1e-3 if size == 8 else 5e-4,
        ema=0.995,
        precision=torch.float32,
    )
    return {
        "both told": both,
        "only G told": replace(both, D=partial(LabelBlind, plain_d)),
        "labels shuffled": both,
        "none told": replace(both, G=plain_g, D=plain_d),
    }


SEEDS = 5
N = 1000  # samples judged, 100 of each class where one can ask


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--size", type=int, choices=[8, 28], default=8, help="default: %(default)s"
    )
    options.add_argument("--kept", type=Path, required=True, help="folder of a file for each game")
    options.add_argument("--out", type=Path, help="write all games that are kept here, as JSON")
    args = options.parse_args()
    torch.set_num_threads(1)
    args.kept.mkdir(parents=True, exist_ok=True)
    recipes = games(args.size)
    train, held_out = recipes["both told"].data().split()
    judge = train_classifier(train, seed=100, progress=False)
    for seed in range(SEEDS):
        for game, recipe in recipes.items():
            file = args.kept / f"{game} {seed}.json"
            if not file.exists():
                row = {
                    "game": game,
                    "seed": seed,
                    **play(game, recipe, seed, train, held_out, judge),
                }
                print(row, flush=True)
                file.write_text(json.dumps(row), encoding="utf-8")
    if args.out:
        rows = [json.loads(f.read_text(encoding="utf-8")) for f in args.kept.glob("*.json")]
        command = f"python benchmarks/conditioning.py --size {args.size} --kept kept"
        record(
            args.out,
            f"{command} --out {args.out.name}",
            sorted(rows, key=lambda row: ([*recipes].index(row["game"]), row["seed"])),
            steps=recipes["both told"].steps,
            judge_right_of_held_out=share(named(judge, held_out.x) == held_out.y),
        )


def play(game, recipe, seed, train, held_out, judge):
    """One game trained and judged, as a row."""
    if game == "labels shuffled":
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        train = data.Images(train.x, train.y[order], "labels shuffled")
    trainer = recipe.trainer(seed, device="cpu", data=train)
    begin = time.process_time()
    trainer.fit(recipe.steps, every=recipe.steps, progress=False)
    row = {"cpu_seconds": round(time.process_time() - begin, 1)}
    told = isinstance(trainer.G, ConditionalGenerator)
    y = torch.arange(N) % 10
    x = trainer.sample(N, seed=1, y=y) if told else trainer.sample(N, seed=1)
    p = probabilities(judge, x)
    row |= {
        "sure": share(p.max(1).values > 0.9),
        "named": p.argmax(1).bincount(minlength=10).tolist(),
        **against(judge, held_out.x, x),
    }
    if told:
        right = p.argmax(1) == y
        row |= {
            "named_as_asked": share(right),
            "of_each": [share(right[y == k]) for k in range(10)],
            **label_shuffle(trainer.D, held_out),
        }
    return row


@torch.no_grad()
def label_shuffle(D, real):
    """D on real pictures with their own labels and with those of others: shares that it calls real.

    And of how many the own label has the largest of the ten logits. D's batch norm takes its statistics
    from the pictures, all real, as it did in training.
    """
    D = copy.deepcopy(D).train()
    y, other = real.y, (real.y + 1 + torch.arange(len(real)) % 9) % 10  # never the own label
    scores = torch.stack([D(real.x, torch.full_like(y, k)) for k in range(10)], dim=1)
    own, others = (scores.gather(1, which[:, None]) for which in (y, other))
    best = (scores.argmax(1) == y) & (scores.std(1) > 0)  # a blind D has no best
    return {
        "own_label_real": share(own > 0),
        "other_label_real": share(others > 0),
        "own_label_best": share(best),
        "own_above_other": share(own > others),
    }


@torch.no_grad()
def against(judge, real, fake):
    """Frechet distance, precision and recall on the judge's features."""
    a, b = judge.features(real), judge.features(fake)
    precision, recall = metrics.precision_recall(a, b)
    return {
        "frechet": round(metrics.frechet(a, b), 2),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
    }


def named(judge, x):
    """The class that the judge names: [n]."""
    return probabilities(judge, x).argmax(1)


def share(x):
    """The mean of 0s and 1s, rounded."""
    return round(x.float().mean().item(), 4)


if __name__ == "__main__":
    main()
