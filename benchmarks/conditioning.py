"""Are G and D told the label? Four games at equal cost, and what a judge says of the digits asked for.

Both told, only G told, both told a label that is wrong (shuffled among the training digits), and none:
the tour's small DCGAN and step sizes each time. A game of 1,200 steps is about a minute of a core. Each
row is written when it is known: stopped, the same command goes on where it was.
"""

import argparse
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from common import machine

from ganedu import data, metrics, tour
from ganedu.classifier import probabilities, train_classifier
from ganedu.conditional import ConditionalGenerator, LabelBlind
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import evaluating

PLAIN_G = partial(DCGANGenerator, width=24, z_dim=10 + 16)
PLAIN_D = partial(DCGANDiscriminator, width=24)
BOTH = replace(tour.RECIPE, precision=torch.float32)
GAMES = {
    "both told": BOTH,
    "only G told": replace(BOTH, D=partial(LabelBlind, PLAIN_D)),
    "labels shuffled": BOTH,
    "none told": replace(BOTH, G=PLAIN_G, D=PLAIN_D),
}
SEEDS = {"both told": 5, "only G told": 3, "labels shuffled": 3, "none told": 5}
N = 2000  # samples judged, 200 of each class where one can ask


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    args = options.parse_args()
    torch.set_num_threads(1)
    train, held_out = data.digits().split()
    judge = train_classifier(train, seed=100, progress=False)
    made = {
        "command": f"python benchmarks/conditioning.py --out {args.out.name}",
        "machine": machine().split(": ", 1)[1],
        "steps": BOTH.steps,
        "judge_of_held_out": share(named(judge, held_out.x) == held_out.y),
        "rows": [],
    }
    if args.out.exists():
        made = json.loads(args.out.read_text(encoding="utf-8"))
    for seed in range(max(SEEDS.values())):
        for game in GAMES:
            known = any((row["game"], row["seed"]) == (game, seed) for row in made["rows"])
            if seed < SEEDS[game] and not known:
                made["rows"].append(play(game, seed, train, held_out, judge))
                print(made["rows"][-1], flush=True)
                args.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def play(game, seed, train, held_out, judge):
    """One game trained and judged, as a row."""
    if game == "labels shuffled":
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        train = data.Images(train.x, train.y[order], "labels shuffled")
    trainer = GAMES[game].trainer(seed, device="cpu", data=train)
    begin = time.process_time()
    trainer.fit(BOTH.steps, every=BOTH.steps, progress=False)
    row = {"game": game, "seed": seed, "cpu_seconds": round(time.process_time() - begin, 1)}
    told = isinstance(trainer.G, ConditionalGenerator)
    y = torch.arange(N) % 10
    x = trainer.sample(N, seed=1, y=y) if told else trainer.sample(N, seed=1)
    p = probabilities(judge, x)
    row |= {
        "sure": share(p.max(1).values > 0.9),
        "named": p.argmax(1).bincount(minlength=10).tolist(),
        **against(judge, held_out.x, x[:1000]),
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

    And of how many the own label has the largest of the ten logits.
    """
    y, other = real.y, (real.y + 1 + torch.arange(len(real)) % 9) % 10  # never the own label
    with evaluating(D):
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
    """Frechet distance, precision and recall on the judge's features, 1,000 against 1,000."""
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
