"""Chapter 00: the two first answers of the course, noise for G and what D thinks."""

import torch

from ganedu.checks.exercise import Case, Exercise, Part, Probe
from ganedu.checks.probes import randomness, seeded, tensor
from ganedu.checks.words import Misconception

# ---- 00.turn_noise: my_noise(n, rng) -> z [n, 2] -------------------------------------------------


def noise(n, rng, *, draw=torch.randn, shape=lambda n: (n, 2), end=lambda z: z):
    return end(draw(*shape(n), generator=rng))


draw, shape, end = Part.of(noise)
NOISE = {
    "UNIFORM-NOISE": draw(torch.rand),
    "SHAPE": shape(lambda n: (2, n), lambda n: (n,)),
    "ONE-DRAW": end(lambda z: z[:1].expand(len(z), 2)),
    "SHARED-COORDINATE": end(lambda z: z[:, :1].expand(len(z), 2)),
    "NOT-STANDARD": end(lambda z: z / 2, lambda z: z + 1),
    "GLOBAL-RNG": (lambda n, rng: torch.randn(n, 2),),
}


def judge_noise(answer, seed):
    """Independent standard normal numbers, [n, 2], from rng."""
    z = tensor(answer(3000, seeded(seed)), (3000, 2), "Your noise").detach().double()
    found = randomness(lambda rng: answer(50, rng), seed)
    if found:
        return found
    if torch.corrcoef(z.T)[0, 1].abs() > 0.5:
        return Misconception("SHARED-COORDINATE")
    if (z.abs() < 1).all() and z.min() > -0.01:
        return Misconception("UNIFORM-NOISE")
    if (z.mean(0).abs() > 0.12).any() or ((z.std(0) - 1).abs() > 0.1).any():
        return Misconception("NOT-STANDARD", mean=z.mean(), std=z.std())
    inside = float((z.abs() < 1).double().mean())  # 68% of a Gaussian; 58% of a uniform of std 1
    return None if abs(inside - 0.683) < 0.04 else Misconception("NOT-GAUSSIAN", inside=inside)


# ---- 00.turn_share: my_share(logits [n]) -> share that D calls real ------------------------------


def share(
    logits,
    *,
    see=lambda s: s,
    called=lambda s: (s > 0).float(),
    mean=lambda c: c.mean(),
):
    return mean(called(see(logits)))


see, called, mean = Part.of(share)
SHARE = {
    "HALF-FOR-ZERO": called(lambda s: (s > 0.5).float()),
    "MEAN-OF-PROBABILITIES": called(lambda s: s.sigmoid()),
    "MEAN-OF-LOGITS": called(lambda s: s),
    "THE-OTHER-SIDE": called(lambda s: (s < 0).float()),
    "COUNT-NOT-SHARE": mean(lambda c: c.sum()),
    "IN-PERCENT": mean(lambda c: 100 * c.mean()),
    "ZERO-ON-PROBABILITY": see(lambda s: s.sigmoid()),
    "ABSOLUTE": see(lambda s: s.abs() - 0.5),
}


def share_cases(seed):
    """Logits of which some lie between 0 and 1/2: there the two thresholds differ."""
    rng = seeded(seed)

    def logits(above, between, below):
        sizes = torch.rand(above + between + below, generator=rng)
        parts = sizes.split([above, between, below])
        s = torch.cat([0.6 + parts[0], 0.1 + 0.3 * parts[1], -0.6 - parts[2]])
        return s[torch.randperm(len(s), generator=rng)]

    return [Case("nine logits", (logits(3, 2, 4),)), Case("thirteen", (logits(4, 3, 6),))]


EXERCISES = {
    "turn_noise": Probe("00.turn_noise", noise, judge_noise, NOISE, may_change=("rng",)),
    "turn_share": Exercise("00.turn_share", share, SHARE, share_cases, what="your share"),
}
