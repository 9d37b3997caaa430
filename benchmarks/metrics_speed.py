"""ganedu.metrics against torch-fidelity and torchmetrics: same features, same threads, one run.

Frechet distance, KID (all pairs: one subset of all examples), MMD with a Gaussian kernel, precision with
recall (k = 3) and the Inception score (of the features as logits), from float64 features, correlated and
unequally spread as a network's are. torchmetrics has no precision and recall and no such kernel; c2st,
authentic and the likelihood neither has. Before anything is timed all results are compared. Needs
`pip install -e '.[dev,bench]'`.

`--large` measures one thing more, once: precision_recall of 50,000 x 50,000 points, and its memory.
Targets: at least as fast as either (a ratio of 1 or more); at most 2 GiB for the large one.
"""

import argparse
import statistics
import subprocess
import sys

import torch
from common import in_turns, machine, ratios, spread, timed

from ganedu.metrics import frechet, inception_score, kid, mmd, precision_recall


def score_of_logits(real, fake):
    return inception_score(fake.double().softmax(1))


def gaussian(real, fake):
    return mmd(real, fake, width=real.shape[1] ** 0.5)


class AsTheyAre(torch.nn.Module):
    """The feature network of torchmetrics, for features that were computed before."""

    def __init__(self, d):
        super().__init__()
        self.num_features = d

    def forward(self, x):
        return x


def features(n, d, dtype, seed=0):
    """Two sets [n, d]: correlated, of falling spread; the fakes moved a little and narrower."""
    rng = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=rng, dtype=torch.float64) / d**0.5
    mix *= torch.linspace(2, 0.1, d, dtype=torch.float64)
    real, fake = torch.randn(2, n, d, generator=rng, dtype=torch.float64) @ mix
    return real.to(dtype), (0.9 * fake + 0.05).to(dtype)


def torch_fidelity(n):
    """{metric: function of (real, fake)}"""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    def frechet(real, fake):
        x, y = fid_features_to_statistics(real), fid_features_to_statistics(fake)
        return fid_statistics_to_metric(x, y, False)["frechet_inception_distance"]

    def kid(real, fake, **kernel):
        options = {"kid_subsets": 1, "kid_subset_size": n, "verbose": False} | kernel
        return kid_features_to_metric(real, fake, **options)["kernel_inception_distance_mean"]

    def mmd(real, fake):
        width = real.shape[1] ** 0.5
        return kid(real, fake, kid_kernel="rbf", kid_kernel_rbf_sigma=width)

    def score(real, fake):
        return isc_features_to_metric(fake, splits=1)["inception_score_mean"]

    def precision_recall(real, fake):
        found = prc_features_to_metric(fake, real, verbose=False)
        return found["precision"], found["recall"]

    found = {"frechet": frechet, "kid": kid, "mmd": mmd, "precision_recall": precision_recall}
    return found | {"inception_score": score}


def torchmetrics(n, d, dtype):
    """{metric: function of (real, fake)}"""
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    fid = FrechetInceptionDistance(AsTheyAre(d), normalize=True).set_dtype(dtype)
    one = KernelInceptionDistance(AsTheyAre(d), subsets=1, subset_size=n, normalize=True)
    logits = InceptionScore(torch.nn.Identity(), splits=1)

    def value(metric, real, fake):
        metric.reset()
        metric.update(real, real=True)
        metric.update(fake, real=False)
        return metric.compute()

    def score(real, fake):
        logits.reset()
        logits.update(fake)
        return logits.compute()[0].item()

    return {
        "inception_score": score,
        "frechet": lambda real, fake: value(fid, real, fake).item(),
        "kid": lambda real, fake: value(one, real, fake)[0].item(),
    }


def compare(n, d, rounds, dtype):
    """Time all metrics of all packages on two sets [n, d], after a look at their results."""
    real, fake = features(n, d, dtype)
    ours = {"frechet": frechet, "kid": kid, "mmd": gaussian, "precision_recall": precision_recall}
    ours |= {"inception_score": score_of_logits}
    theirs = {"torch-fidelity": torch_fidelity(n), "torchmetrics": torchmetrics(n, d, dtype)}
    for name, metric in ours.items():
        found = {"ganedu": metric} | {who: m[name] for who, m in theirs.items() if name in m}
        agree(name, {who: m(real, fake) for who, m in found.items()}, dtype)
        often = (
            20 if name in ("frechet", "inception_score") else 1
        )  # milliseconds are too short to time
        work = {who: repeated(m, real, fake, often) for who, m in found.items()}
        times = in_turns(work, rounds)
        seconds = statistics.median(wall for wall, _ in times["ganedu"]) / often
        for who in found:
            if who != "ganedu":
                print(
                    f"{n:>6} x {d:<4}{name:18}ours {seconds:8.3f} s   {who:15}"
                    f"by the clock {spread(ratios(times, 'ganedu', who))}   "
                    f"by processor {spread(ratios(times, 'ganedu', who, 1))}",
                    flush=True,
                )


def repeated(metric, real, fake, often):
    """A function that computes the metric so many times."""
    return lambda: [metric(real, fake) for _ in range(often)]


def agree(name, values, dtype):
    """All packages must have computed the same number, to 1e-6 in float64."""
    tolerance = 1e-6 if dtype == torch.float64 else 2e-2
    ours = torch.tensor(values["ganedu"], dtype=torch.float64)
    for who, value in values.items():
        value = torch.tensor(value, dtype=torch.float64)
        if not torch.allclose(value, ours, rtol=tolerance, atol=tolerance):
            sys.exit(f"{name}: {who} says {value.tolist()}, ganedu {ours.tolist()}")


LARGE = """
import resource, torch
from ganedu.metrics import precision_recall
torch.set_num_threads({threads})
rng = torch.Generator().manual_seed(0)
real, fake = torch.randn(2, {n}, 16, generator=rng)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = precision_recall(real, 0.9 * fake)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(f"precision and recall {{found[0]:.4f}}, {{found[1]:.4f}}; peak memory of the process "
      f"{{after / 2**20:.2f}} GiB, of which {{before / 2**20:.2f}} before the call")
"""


def large(n=50_000):
    """One process of its own for the largest case: its time and its peak memory."""
    command = [sys.executable, "-c", LARGE.format(n=n, threads=torch.get_num_threads())]
    wall, _ = timed(lambda: subprocess.run(command, check=True))
    print(f"{n:,} x {n:,} points in 16 dimensions: {wall:.0f} s in all")


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    options.add_argument("--n", type=int, nargs="+", default=[5000, 10_000], help="examples a set")
    options.add_argument("--d", type=int, nargs="+", default=[64, 512], help="features")
    options.add_argument("--threads", type=int, default=1, help="of every package (default: 1)")
    options.add_argument("--float32", action="store_true", help="features as networks give them")
    options.add_argument("--large", action="store_true", help="50,000 x 50,000 instead")
    args = options.parse_args()
    torch.set_num_threads(args.threads)  # numpy takes as many as OMP_NUM_THREADS says
    print(machine())
    if args.large:
        large()
        return
    dtype = torch.float32 if args.float32 else torch.float64
    print(f"Features in {dtype}. How many times faster ganedu is; medians (and quartiles) of")
    print(f"{args.rounds} rounds in turns.")
    for n in args.n:
        for d in args.d:
            compare(n, d, args.rounds, dtype)


if __name__ == "__main__":
    main()
