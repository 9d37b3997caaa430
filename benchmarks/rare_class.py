"""Is a GAN of use where examples are rare? Three recorded trials on MNIST's digits, one thread.

rare: 20 real examples of one digit beside 200 of each other. A classifier is trained on them as they are,
drawn as often as the others, with classical augmentation, with a GAN's pictures, with both, and with more
real examples; the test is held out. Seed s makes digit s mod 10 the rare one. `leak` is the mistake: a GAN
that was trained on the test's examples, too. Members: can one tell who was among the 20?
little: a GAN on 100, 500 and 4,000 digits, with and without differentiable augmentation.

Goes on where it was stopped; `--save` writes what is there.
"""

import argparse
import base64
import json
import time
from functools import cache, partial
from pathlib import Path

import torch
from common import machine
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from ganedu import data, metrics
from ganedu.augment import Augmented
from ganedu.classifier import DigitClassifier, probabilities, train_classifier
from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator
from ganedu.diagnostics import memorisation
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.studies import study
from ganedu.trainer import Trainer, evaluating

RARE, COMMON, TEST, TEST_RARE = 20, 200, 100, 200  # examples of a class
GAN_STEPS, CLASSIFIER_STEPS = 700, 400
SIZES = (100, 500, 4000)
WITH_LEAK = 5  # seeds for which the leaking GAN is trained, too
OUT = Path(__file__).parents[1] / "ganedu" / "results" / "rare_class.json"


# ---- the data of one seed ------------------------------------------------------------------------


def parts(seed):
    """rare digit, train {digit: x}, test (x, y), more real examples of the rare one [280, 1, 28, 28]."""
    digits, rare = data.digits(), seed % 10
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(seed))
    x, y = digits.x[order], digits.y[order]
    train, test = {}, []
    for k in range(10):
        own = x[y == k]
        first = RARE if k == rare else COMMON
        train[k] = own[:first]
        test.append((own[-(TEST_RARE if k == rare else TEST) :], k))
    more = x[y == rare][RARE:-TEST_RARE]
    test_y = torch.cat([torch.full((len(part),), k) for part, k in test])
    return rare, train, (torch.cat([part for part, _ in test]), test_y), more


class Balanced:
    """Labelled pictures, each class as often as the others however few it has."""

    def __init__(self, pools):
        self.pools = pools

    def labelled(self, n, rng):
        y = torch.randint(10, (n,), generator=rng)
        u = torch.rand(n, generator=rng)
        rows = [int(a * len(self.pools[int(k)])) for a, k in zip(u, y)]
        return torch.stack([self.pools[int(k)][row] for row, k in zip(rows, y)]), y


class AsTheyAre:
    """Labelled pictures, each example as often as the others."""

    def __init__(self, pools):
        self.all = data.Images(
            torch.cat(list(pools.values())),
            torch.cat([torch.full((len(x),), k) for k, x in pools.items()]),
        )

    def labelled(self, n, rng):
        return self.all.labelled(n, rng)


# ---- the two kinds of training -------------------------------------------------------------------


def gan(pools, seed):
    """A conditional GAN on the pools, given every help: all digits, balanced, and augmentation for D."""
    torch.manual_seed(seed)
    trainer = Trainer(
        G=ConditionalGenerator(DCGANGenerator(width=16, z_dim=10 + 16)),
        D=ConditionalDiscriminator(Augmented(DCGANDiscriminator(width=16, classes=10))),
        data=Balanced(pools),
        batch=32,
        lr_g=2e-3,
        lr_d=1e-3,
        ema=0.99,
        seed=seed,
        device="cpu",
        precision=torch.float32,
    )
    trainer.fit(GAN_STEPS, progress=False, every=GAN_STEPS)
    return trainer


@torch.no_grad()
def drawn(trainer, digit, n=1000):
    """n pictures of one digit by the averaged G."""
    G = trainer.average
    rng = torch.Generator().manual_seed(1)
    z = torch.randn(n, *G.z_shape, generator=rng)
    with evaluating(G):
        return G(z, torch.full((n,), digit))


def turned(x, rng):
    """Classical augmentation: turned by up to 15 degrees, 15% larger or smaller, moved by up to 3 pixels."""
    u = 2 * torch.rand(4, len(x), generator=rng) - 1
    angle, scale, dx, dy = u[0] * 0.26, 1 + 0.15 * u[1], u[2] * 3 / 14, u[3] * 3 / 14
    cos, sin = scale * angle.cos(), scale * angle.sin()
    theta = torch.stack([cos, -sin, dx, sin, cos, dy], 1).view(-1, 2, 3)
    grid = affine_grid(theta, list(x.shape), align_corners=False)
    return grid_sample(x + 1, grid, align_corners=False) - 1  # black comes in from outside


def classifier(source, seed, augment=lambda x, rng: x):
    """Trained to the end of its schedule; returns it and its training loss over the last 20 steps."""
    torch.manual_seed(seed)
    net, rng = DigitClassifier(), torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, total_steps=CLASSIFIER_STEPS)
    losses = []
    for _ in range(CLASSIFIER_STEPS):
        x, y = source.labelled(64, rng)
        loss = cross_entropy(net(augment(x, rng)), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        losses.append(loss.item())
    return net.eval(), sum(losses[-20:]) / 20


# ---- what is measured ----------------------------------------------------------------------------


def judged(net, test, rare):
    """Recall and precision of the rare digit, their F1, false alarms, and the accuracy on all ten."""
    x, y = test
    named = probabilities(net, x).argmax(1)
    hit, said = ((named == rare) & (y == rare)).sum().item(), (named == rare).sum().item()
    recall, precision = hit / (y == rare).sum().item(), hit / max(1, said)
    each = [(named[y == k] == k).double().mean().item() for k in range(10)]
    return {
        "recall": recall,
        "precision": precision,
        "F1": 2 * hit / (said + (y == rare).sum().item()),
        "false alarms": (said - hit) / (y != rare).sum().item(),
        "mean accuracy of the ten": sum(each) / 10,
    }


def members(score_in, score_out):
    """For each member, the share of outsiders that look at least as much like members: small is a leak."""
    return (score_out[None] >= score_in[:, None]).double().mean(1).tolist()


@torch.no_grad()
def by_distance(x, fake):
    return -torch.cdist(x.flatten(1), fake.flatten(1)).amin(1)


@torch.no_grad()
def by_critic(x, trainer, digit):
    with evaluating(trainer.D):
        return trainer.D.D(x)[:, digit]


def rare_trial(seed, folder):
    """One seed, all arms: numbers called 'arm: measure'."""
    rare, train, test, more = parts(seed)
    begin = time.process_time()
    trainer = gan(train, seed)
    gan_seconds = time.process_time() - begin
    fake = drawn(trainer, rare)
    keep(fake, train[rare], Path(folder) / f"pictures-{seed}.json")
    arms = {
        "nothing": (AsTheyAre(train),),
        "drawn as often": (Balanced(train),),
        "classical": (Balanced(train), turned),
        "GAN": (Balanced(train | {rare: half(train[rare], fake)}),),
        "classical + GAN": (Balanced(train | {rare: half(train[rare], fake)}), turned),
    }
    for n in (20, 80, 280):
        arms[f"{n} more real"] = (Balanced(train | {rare: torch.cat([train[rare], more[:n]])}),)
    larger = train | {rare: torch.cat([train[rare], more[:20]])}
    arms["classical + 20 more real"] = (Balanced(larger), turned)
    if seed < WITH_LEAK:
        seen = train | {rare: torch.cat([train[rare], test[0][test[1] == rare]])}
        leaked = drawn(gan(seen, seed), rare)
        arms["GAN, leaked"] = (Balanced(train | {rare: half(train[rare], leaked)}),)
    found = {"gan_cpu_seconds": gan_seconds}
    for name, (source, *augment) in arms.items():
        net, loss = classifier(source, seed, *augment)
        row = judged(net, test, rare) | {"training loss": loss}
        found |= {f"{name}: {measure}": value for measure, value in row.items()}
    outside = test[0][test[1] == rare]
    scores = {
        "distance": (by_distance(train[rare], fake), by_distance(outside, fake)),
        "critic": (by_critic(train[rare], trainer, rare), by_critic(outside, trainer, rare)),
    }
    for name, (score_in, score_out) in scores.items():
        ranks = members(score_in, score_out)
        found |= {f"member {i} by {name}": rank for i, rank in enumerate(ranks)}
    return found


def half(real, fake):
    """Real ones repeated, and as many generated: half of what is drawn is real."""
    return torch.cat([real.repeat(len(fake) // len(real), 1, 1, 1), fake])


def keep(fake, real, file):
    file.write_text(json.dumps({"real": packed(real[:10]), "generated": packed(fake[:10])}))


def packed(x):
    """Pictures [n, 1, 28, 28] as bytes in base64."""
    return base64.b64encode(((x + 1) * 127.5).round().byte().numpy().tobytes()).decode()


def little_trial(seed, n, augmented):
    """A GAN on n digits: Frechet distance to held-out ones, and what D says of seen and of unseen ones."""
    train, held_out = data.digits().split()
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    x = train.x[order[:n]]
    torch.manual_seed(seed)
    D = DCGANDiscriminator(width=16)
    trainer = Trainer(
        G=DCGANGenerator(width=16, z_dim=32),
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
    trainer.fit(GAN_STEPS, progress=False, every=GAN_STEPS)
    seconds = time.process_time() - begin
    fake, judge = trainer.sample(1000), digit_judge()
    with torch.no_grad(), evaluating(trainer.D):
        seen, unseen = trainer.D(x[:500]).mean().item(), trainer.D(held_out.x[:500]).mean().item()
        false = trainer.D(fake[:500]).mean().item()
        features = [judge.features(part) for part in (held_out.x, fake, train.x[:1000])]
    copies = memorisation(fake, x, held_out.x)
    return {
        "frechet": metrics.frechet(features[0], features[1]),
        "frechet of 1,000 real": metrics.frechet(features[0], features[2]),
        "recall": metrics.precision_recall(features[0], features[1])[1],
        "nearer to the training set": copies.nearer,
        "logit of seen": seen,
        "logit of unseen": unseen,
        "logit of generated": false,
        "cpu_seconds": seconds,
    }


@cache
def digit_judge():
    return train_classifier(data.digits().split()[0], progress=False)


# ---- running and saving --------------------------------------------------------------------------


def little_trials():
    return {
        f"{n}, {'with' if augmented else 'without'}": partial(
            little_trial, n=n, augmented=augmented
        )
        for n in SIZES
        for augmented in (False, True)
    }


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rare", type=int, default=10, help="seeds (default: %(default)s)")
    options.add_argument("--little", type=int, default=3, help="seeds (default: %(default)s)")
    options.add_argument("--out", type=Path, default=Path("rare_class"), help="folder of the runs")
    options.add_argument("--save", action="store_true", help=f"write {OUT.name}")
    args = options.parse_args()
    torch.set_num_threads(1)
    (args.out / "runs").mkdir(parents=True, exist_ok=True)
    trial = {"rare": partial(rare_trial, folder=str(args.out))}
    run = partial(study, folder=args.out / "runs", jobs=1)
    rows = run(trial, range(args.rare)) if args.rare else []
    little = run(little_trials(), range(args.little)) if args.little else []
    if args.save:
        save(rows, little, args)


def save(rows, little, args):
    pictures = [json.loads((args.out / f"pictures-{s}.json").read_text()) for s in (0, 1)]
    found = {
        "command": f"python benchmarks/rare_class.py --rare {args.rare} --little {args.little}",
        "machine": machine().split(": ", 1)[1],
        "rare": RARE,
        "rows": [rounded(row) for row in rows],
        "little": [rounded(row) for row in little],
        "pictures": pictures,
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def rounded(row):
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


if __name__ == "__main__":
    main()
