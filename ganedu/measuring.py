"""A generator judged by one number while it trains: which features, which metric, how many samples.

The number compares n samples with n real examples that the training saw, so a perfect copier would do
best by it; `doctor` and `memorisation` tell a copy. Numbers of other features or another n do not
compare.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import adaptive_avg_pool2d

from ganedu import metrics
from ganedu.classifier import train_classifier
from ganedu.names import nearest

THUMB = 8  # pixels a side of what is judged where no classifier fits


def precision(real, fake):
    """The share of fakes inside the real set."""
    return metrics.precision_recall(real, fake)[0]


def recall(real, fake):
    """The share of real examples inside the set of fakes."""
    return metrics.precision_recall(real, fake)[1]


def coverage(real, fake):
    """The share of real examples that have a fake near."""
    return metrics.density_coverage(real, fake)[1]


METRICS = {
    "frechet": metrics.frechet,
    "kid": metrics.kid,
    "precision": precision,
    "recall": recall,
    "coverage": coverage,
}
LESS_IS_BETTER = ("frechet", "kid")


@dataclass
class Judge:
    """Trainer -> one number; `on` says in words what it is taken on."""

    name: str  # of the metric
    n: int  # samples, and real examples
    features: Callable  # x [n, ...] -> [n, d]
    real: torch.Tensor  # features of real examples [n, d]
    on: str

    def __call__(self, trainer):
        return METRICS[self.name](self.real, self.features(trainer.sample(self.n).cpu()))

    def better(self, now, before):
        """Whether `now` is a better value than `before`."""
        return now < before if self.name in LESS_IS_BETTER else now > before


def judge(name, n, p_data):
    """The Judge of that metric on this data set; features of its own, always the same for one set."""
    if name not in METRICS:
        raise ValueError(f"no metric called {name!r}{nearest(name, METRICS)}")
    features, on = features_for(p_data)
    real = features(p_data.sample(n, torch.Generator().manual_seed(0)))
    if name == "frechet" and n < real.shape[1]:
        raise ValueError(
            f"frechet on {real.shape[1]} features needs that many samples and better ten times; got "
            f"n = {n}: more, or kid, which is right at any n"
        )
    if name != "frechet":
        METRICS[name](
            real[:20], real[:20]
        )  # too few are said now, not after the first thousand steps
    return Judge(name, n, features, real, on)


def features_for(p_data):
    """(x [n, ...] -> features [n, d], in words what they are): a classifier's where one can be trained."""
    x = getattr(p_data, "x", None)
    if x is None or x.ndim == 2:
        return torch.Tensor.float, "the points themselves"
    if x.shape[1:] == (1, 28, 28) and getattr(p_data, "y", None) is not None:
        net = train_classifier(p_data, progress=False).requires_grad_(False)
        return net.features, "64 features of a classifier of the same set"
    return (
        _thumbs,
        f"averages of {THUMB} x {THUMB} parts of a picture: layout and colours, no detail",
    )


def _thumbs(x):
    side = min(THUMB, x.shape[2])
    return adaptive_avg_pool2d(x.float(), side).flatten(1)
