"""Chapter 01's contest: traditional generators and one small GAN, fitted to the same data and judged alike.

What the models are stands in `classical` and `trainer`; here is only who plays, on which data, and
who wins.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch

from ganedu import classical, data, networks
from ganedu.classical import LEVELS, Model, a_seed, tidy
from ganedu.metrics import frechet, precision_recall
from ganedu.penalties import r1
from ganedu.trainer import Trainer

FITTED = 1297  # of the 1,797 small digits; the other 500 are held out
MEASURES = ("Fréchet", "precision", "recall")


def gan(train, *, seed=0, z_dim=2, G=networks.MLPGenerator, penalty=None, steps=1500):
    """A GAN of two small MLPs, trained on points [n, d]; like any GAN, it has no density."""
    torch.manual_seed(seed)
    d = train.shape[1]
    trainer = Trainer(
        G=G(z_dim, d),
        D=networks.MLPDiscriminator(d),
        data=data.Points(train),
        lr_g=1e-3,
        lr_d=1e-3,
        ema=0.99,
        penalty=penalty,
        seed=seed,
        device="cpu",
    )
    trainer.fit(steps, every=steps, progress=False)
    return Model(lambda n, rng: trainer.sample(n, seed=a_seed(rng)))


class Pixels(networks.MLPGenerator):
    """An MLP whose numbers lie between -1 and 1, as pixels do."""

    def forward(self, z):
        return super().forward(z).tanh()


def judge(model, real, rng, tidy=lambda x: x):
    """1,000 samples against held-out points [n, d]: {"Fréchet": ..., "precision": ..., "recall": ...}."""
    fake = tidy(model.sample(1000, rng))  # [1000, d]
    found = (frechet(tidy(real), fake), *precision_recall(tidy(real), fake))
    return dict(zip(MEASURES, found))


def by_lot(names, seed):
    """The names in an order that was drawn by lot."""
    names = list(names)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    return [names[place] for place in order.tolist()]


def wins(rows, a, b):
    """For each measure, in how many of the runs the model a has the better value than b."""
    pairs = list(zip(_rows_of(rows, a), _rows_of(rows, b), strict=True))
    lower = {"Fréchet"}  # is better; of the others, higher
    return {m: sum(x[m] < y[m] if m in lower else x[m] > y[m] for x, y in pairs) for m in MEASURES}


def mean_of(rows, name):
    """The model's mean of each measure over the runs."""
    own = _rows_of(rows, name)
    return {m: sum(row[m] for row in own) / len(own) for m in MEASURES}


def _rows_of(rows, name):
    return [row for row in rows if row["recipe"] == name]


@dataclass(frozen=True)
class Run:
    """One run on the small digits: which of them were fitted, which held out, and every model."""

    train: torch.Tensor  # [1297, 64], in [-1, 1]
    held_out: torch.Tensor  # [500, 64]
    models: dict  # name -> Model; "training set" draws from train itself
    rng: torch.Generator

    def judged(self):
        """A row of measures for each model, as `viz.study` draws them."""
        return [
            {"recipe": name} | judge(model, self.held_out, self.rng, tidy)
            for name, model in self.models.items()
        ]

    def nats(self, name):
        """The mean log-probability of a held-out digit: its density times the volume of its step."""
        volume = self.train.shape[1] * math.log(2 / LEVELS)
        return self.models[name].log_prob(self.held_out).mean().item() + volume

    def digits(self, name, n):
        """n digits [n, 64] of a model, on the 17 levels."""
        return tidy(self.models[name].sample(n, self.rng))

    def to_training(self, name, n=500):
        """Of n digits of a model, or of the "held-out digits", the distance to the nearest training one."""
        x = tidy(self.held_out) if name == "held-out digits" else self.digits(name, n)
        return torch.cdist(x, tidy(self.train)).min(1).values  # [n]


def split(seed):
    """The small digits in an order of chance, each level spread over its step: train, held out, rng."""
    rng = torch.Generator().manual_seed(seed)
    levels = classical.digit_levels()  # [1797, 64]
    x = classical.spread(levels[torch.randperm(len(levels), generator=rng)], rng)
    return x[:FITTED], x[FITTED:], rng


def on_digits(seed):
    """Split the digits by the seed and fit all models to one part: a `Run`. Takes some seconds."""
    train, held_out, rng = split(seed)
    models = {
        "pixel histograms": classical.pixel_histograms(train),
        "KDE": classical.kde(train, h=0.25),
        "mixture": classical.gaussian_mixture(train, k=10, floor=0.003, seed=seed),
        "PCA Gaussian": classical.pca_gaussian(train, k=30),
        "GAN": gan(train, seed=seed, z_dim=16, G=Pixels, penalty=partial(r1, gamma=0.1)),
        "copier": classical.kde(train, h=0.02),
        "training set": Model(data.Points(train).sample),
    }
    return Run(train, held_out, models, rng)
