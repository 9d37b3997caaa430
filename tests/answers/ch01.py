"""Right and wrong answers to the exercises of chapter 01."""

import math

import numpy as np
import torch

from ganedu import data

# ---- 01.mixture: my_sample(weights [k], means [k, d], stds [k], n, rng) -> [n, d] ----------------


def right_index(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def right_cumulative(weights, means, stds, n, rng):
    u = torch.rand(n, generator=rng)
    edges = weights.cumsum(0)
    edges[-1] = 1.0
    mode = torch.searchsorted(edges, u)
    spread = stds[mode].unsqueeze(1).expand(n, means.shape[1])
    return torch.normal(means[mode], spread, generator=rng)


def right_loop(weights, means, stds, n, rng):
    points = []
    for _ in range(n):
        u, i = torch.rand((), generator=rng).item(), 0
        while i < len(weights) - 1 and u > weights[: i + 1].sum():
            i += 1
        noise = torch.randn(means.shape[1], generator=rng)
        points.append(means[i] + stds[i] * noise)
    return torch.stack(points)


def right_by_component(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    parts = []
    for i in range(len(weights)):
        count = int((mode == i).sum())
        parts.append(means[i] + stds[i] * torch.randn(count, means.shape[1], generator=rng))
    return torch.cat(parts)  # sorted by component


def right_one_hot(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    pick = torch.nn.functional.one_hot(mode, len(weights)).float()  # [n, k]
    return pick @ means + (pick @ stds)[:, None] * torch.randn(n, means.shape[1], generator=rng)


def right_numpy(weights, means, stds, n, rng):
    seed = int(torch.randint(2**31, (), generator=rng))
    own = np.random.default_rng(seed)
    p = weights.double().numpy()
    mode = own.choice(len(p), size=n, p=p / p.sum())
    x = own.normal(means.numpy()[mode], stds.numpy()[mode][:, None])
    return torch.tensor(x, dtype=torch.float32)


def right_gumbel(weights, means, stds, n, rng):
    gumbel = -torch.log(-torch.log(torch.rand(n, len(weights), generator=rng)))
    mode = (weights.log() + gumbel).argmax(1)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def as_numpy(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, rng).numpy()


def with_noise(noise):
    """Right but for the noise: noise(n, d, rng)."""

    def answer(weights, means, stds, n, rng):
        mode = torch.multinomial(weights, n, replacement=True, generator=rng)
        return means[mode] + stds[mode][:, None] * noise(n, means.shape[1], rng)

    return answer


def triangular(n, d, rng):
    u = torch.rand(n, d, generator=rng) + torch.rand(n, d, generator=rng)
    return (u - 1) * math.sqrt(6)


def divided(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + torch.randn(n, means.shape[1], generator=rng) / stds[mode][:, None]


def small_pool(weights, means, stds, n, rng):
    return right_index(weights, means, stds, 100, rng).repeat(n // 100 + 1, 1)[:n]


def edges_not_summed(weights, means, stds, n, rng):
    mode = torch.searchsorted(weights, torch.rand(n, generator=rng)).clamp(max=len(weights) - 1)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def on_a_copy(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, rng.clone_state())


def stretched(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] * (1 + stds[mode][:, None] * torch.randn(n, 2, generator=rng) / 30)


def blend(weights, means, stds, n, rng):
    each = means + stds[:, None] * torch.randn(n, *means.shape, generator=rng)  # [n, k, d]
    return (weights[:, None] * each).sum(1)


def moments_matched(weights, means, stds, n, rng):
    middle = weights @ means
    off = means - middle
    covariance = (weights[:, None] * off).T @ off + (weights * stds**2).sum() * torch.eye(
        means.shape[1]
    )
    root = torch.linalg.cholesky(covariance)
    return middle + torch.randn(n, means.shape[1], generator=rng) @ root.T


def root(weights, means, stds, n, rng):
    return right_index(weights, means, stds.sqrt(), n, rng)


def unit_noise(weights, means, stds, n, rng):
    return right_index(weights, means, torch.ones_like(stds), n, rng)


def two_draws(weights, means, stds, n, rng):
    one = torch.multinomial(weights, n, replacement=True, generator=rng)
    two = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[one] + stds[two][:, None] * torch.randn(n, means.shape[1], generator=rng)


def noise_per_component(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return (means + stds[:, None] * torch.randn(means.shape, generator=rng))[mode]


def uniform_noise(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.rand(n, means.shape[1], generator=rng)


def per_coordinate(weights, means, stds, n, rng):
    columns = [
        right_index(weights, means[:, j : j + 1], stds, n, rng) for j in range(means.shape[1])
    ]
    return torch.cat(columns, dim=1)


def fixed_counts(weights, means, stds, n, rng):
    counts = (weights * n).round().long()
    counts[0] += n - counts.sum()
    mode = torch.arange(len(weights)).repeat_interleave(counts)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def global_noise(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, None)


def rewound(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, rng.manual_seed(0))


def transposed(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, rng).T


def with_components(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng), mode


def changes_its_input(weights, means, stds, n, rng):
    means -= weights @ means
    return right_index(weights, means, stds, n, rng)


def without_replacement(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def most_weight_to_the_last(weights, means, stds, n, rng):
    return right_index(weights.flip(0), means, stds, n, rng)


def fixed_sizes(weights, means, stds, n, rng):
    return right_index(weights[:3], means[:3], stds[:3], n, rng)


# ---- 01.two_scores: my_scores(fit, x, is_good, rng) -> (log-likelihood, quality) -----------------


def split(x, rng, share=0.2):
    order = torch.randperm(len(x), generator=rng)
    cut = round(share * len(x))
    return x[order[cut:]], x[order[:cut]]


def right_plain(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    samples = model.sample(1000, rng)
    return model.log_prob(held_out).mean(), is_good(samples).float().mean()


def right_floats_and_more_samples(fit, x, is_good, rng):
    shuffled = x[torch.randperm(len(x), generator=rng)]
    n = 4 * len(x) // 5
    model = fit(shuffled[:n])
    seen = float(model.log_prob(shuffled[:n]).mean())  # looked at, not returned
    assert math.isfinite(seen)
    total = sum(float(v) for v in model.log_prob(shuffled[n:]))
    good = sum(bool(g) for g in is_good(model.sample(3000, rng)))
    return [total / (len(x) - n), good / 3000]


def right_mask(fit, x, is_good, rng):
    held = torch.zeros(len(x), dtype=torch.bool)
    held[torch.randperm(len(x), generator=rng)[: len(x) // 5]] = True
    model = fit(x[~held])
    good = torch.cat([is_good(model.sample(100, rng)) for _ in range(10)])
    return torch.stack([model.log_prob(x[held]).mean(), good.float().mean()])


def right_folds(fit, x, is_good, rng):
    folds = x[torch.randperm(len(x), generator=rng)].chunk(5)
    scores = []
    for i in range(5):
        model = fit(torch.cat(folds[:i] + folds[i + 1 :]))
        scores.append(model.log_prob(folds[i]))
    return torch.cat(scores).mean(), is_good(model.sample(1000, rng)).float().mean()


def standardised(fit, x, is_good, rng):
    return right_plain(fit, (x - x.mean(0)) / x.std(0), is_good, rng)


def shuffled_in_place(fit, x, is_good, rng):
    x[:] = x[torch.randperm(len(x), generator=rng)]
    model = fit(x[100:])
    return model.log_prob(x[:100]).mean(), is_good(model.sample(1000, rng)).float().mean()


def with_quality(quality):
    """Right but for the second number: quality(model, is_good, rng)."""

    def answer(fit, x, is_good, rng):
        train, held_out = split(x, rng)
        model = fit(train)
        return model.log_prob(held_out).mean(), quality(model, is_good, rng)

    return answer


def own_generator(model, is_good, rng):
    return is_good(model.sample(1000, torch.Generator().manual_seed(0))).float().mean()


def one_repeated(model, is_good, rng):
    return is_good(model.sample(1, rng).repeat(1000, 1)).float().mean()


def one_by_one(model, is_good, rng):
    return sum(float(is_good(model.sample(1, rng))) for _ in range(1000)) / 1000


def fitted_again(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    score = fit(train).log_prob(held_out).mean()
    return score, is_good(fit(x).sample(1000, rng)).float().mean()


def on_a_copy_of_rng(fit, x, is_good, rng):
    return right_plain(fit, x, is_good, rng.clone_state())


def scored_on_train(fit, x, is_good, rng):
    train, _ = split(x, rng)
    model = fit(train)
    return model.log_prob(train).mean(), is_good(model.sample(1000, rng)).float().mean()


def fitted_on_all(fit, x, is_good, rng):
    _, held_out = split(x, rng)
    model = fit(x)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def in_order_from_the_front(fit, x, is_good, rng):
    n = len(x) // 5
    model = fit(x[n:])
    return model.log_prob(x[:n]).mean(), is_good(model.sample(1000, rng)).float().mean()


def same_seed_split(fit, x, is_good, rng):
    train, held_out = split(x, torch.Generator().manual_seed(0))
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def global_split(fit, x, is_good, rng):
    train, held_out = split(x, None)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def two_shuffles(fit, x, is_good, rng):
    train, _ = split(x, rng)
    _, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def sides_swapped(fit, x, is_good, rng):
    held_out, train = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def half_held_out(fit, x, is_good, rng):
    train, held_out = split(x, rng, 0.5)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def per_example(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out), is_good(model.sample(1000, rng)).float().mean()


def mean_density(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).exp().mean(), is_good(model.sample(1000, rng)).float().mean()


def exp_of_mean(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean().exp(), is_good(model.sample(1000, rng)).float().mean()


def per_dimension(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).mean() / x.shape[1]
    return score, is_good(model.sample(1000, rng)).float().mean()


def likelihood_as_quality(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).mean()
    return score, score.exp()


def sample_likelihood(fit, x, is_good, rng):
    train, _ = split(x, rng)
    model = fit(train)
    samples = model.sample(1000, rng)
    return model.log_prob(samples).mean(), is_good(samples).float().mean()


def train_judged(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(train).float().mean()


def cherry_picked(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    samples = model.sample(2000, rng)
    best = samples[model.log_prob(samples).argsort(descending=True)[:1000]]
    return model.log_prob(held_out).mean(), is_good(best).float().mean()


def results_swapped(fit, x, is_good, rng):
    score, quality = right_plain(fit, x, is_good, rng)
    return quality, score


def one_result(fit, x, is_good, rng):
    return right_plain(fit, x, is_good, rng)[0]


def quality_made_up(fit, x, is_good, rng):
    score, quality = right_plain(fit, x, is_good, rng)
    return score, quality**0.5


def score_made_up(fit, x, is_good, rng):
    score, quality = right_plain(fit, x, is_good, rng)
    return score + 1, quality


def never_fitted(fit, x, is_good, rng):
    _, held_out = split(x, rng)
    spread = held_out.std(0)
    z = (held_out - held_out.mean(0)) / spread
    score = (-0.5 * z**2 - spread.log() - 0.5 * math.log(2 * math.pi)).sum(1).mean()
    return score, is_good(held_out).float().mean()


# ---- 01.copying: my_copying(fake [n, d], train [m, d], held_out [h, d]) -> probability -----------


def nearest(points, others):
    return torch.cdist(points, others).min(dim=1).values


def right_pairs(fake, train, held_out):
    a, b = nearest(fake, train), nearest(held_out, train)
    wins = (a[:, None] < b[None]).float() + 0.5 * (a[:, None] == b[None]).float()
    return wins.mean()


def right_sorted(fake, train, held_out):
    def squared(points):
        return ((points[:, None] - train[None]) ** 2).sum(2).amin(1)

    a, b = squared(fake), squared(held_out).sort().values
    below = torch.searchsorted(b, a, right=False)  # held-out distances < a
    upto = torch.searchsorted(b, a, right=True)  # held-out distances <= a
    farther = len(b) - upto
    return ((farther + 0.5 * (upto - below)) / len(b)).mean().item()


def right_numpy_loops(fake, train, held_out):
    fake, train, held_out = (np.asarray(a, dtype=float) for a in (fake, train, held_out))
    a = [min(np.linalg.norm(f - t) for t in train) for f in fake]
    b = [min(np.linalg.norm(h - t) for t in train) for h in held_out]
    total = sum(1.0 if p < q else 0.5 if p == q else 0.0 for p in a for q in b)
    return total / (len(a) * len(b))


def right_ranks(fake, train, held_out):
    from sklearn.metrics import roc_auc_score

    a, b = nearest(fake, train), nearest(held_out, train)
    return roc_auc_score([1] * len(a) + [0] * len(b), -torch.cat([a, b]).numpy())


def pairs_of(distances):
    """The right comparison of other distances: distances(points, train) -> [n]."""

    def answer(fake, train, held_out):
        a, b = distances(fake, train), distances(held_out, train)
        return ((a[:, None] < b).double() + 0.5 * (a[:, None] == b).double()).mean()

    return answer


def of_two(statistic):
    """statistic(a, b) of the right distances."""

    def answer(fake, train, held_out):
        return statistic(nearest(fake, train), nearest(held_out, train))

    return answer


def last_fake_left_out(fake, train, held_out):
    return right_pairs(fake[:-1], train, held_out)


def share_very_near(fake, train, held_out):
    return (nearest(fake, train) < 0.05).float().mean()


def mean_nearest(fake, train, held_out):
    return nearest(fake, train).mean()


def exact_copies(fake, train, held_out):
    return (nearest(fake, train) == 0).float().mean()


def rows_in_train(fake, train, held_out):
    seen = {tuple(row.tolist()) for row in train}
    return sum(tuple(row.tolist()) in seen for row in fake) / len(fake)


def train_against_itself(fake, train, held_out):
    a, b = nearest(fake, train), nearest(train, train)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def means_compared(fake, train, held_out):
    return float(nearest(fake, train).mean() < nearest(held_out, train).mean())


def ties_lost(fake, train, held_out):
    return (nearest(fake, train)[:, None] < nearest(held_out, train)).float().mean()


def ties_won(fake, train, held_out):
    return (nearest(fake, train)[:, None] <= nearest(held_out, train)).float().mean()


def not_averaged(fake, train, held_out):
    a, b = nearest(fake, train), nearest(held_out, train)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean(1)


def a_constant(fake, train, held_out):
    return 0.5


def percent(fake, train, held_out):
    return 100 * right_pairs(fake, train, held_out)


# ---- 01.turn_kde and 01.turn_bandwidth -----------------------------------------------------------


def density_of_mixture(x, train, h):
    even = torch.full((len(train),), 1 / len(train))
    return data.Mixture(train, h, even).log_prob(x[None]).exp()


def density_by_coordinates(x, train, h):
    return torch.distributions.Normal(train, h).log_prob(x).exp().prod(1).mean()


def width_by_loop(kde, train, held_out, widths):
    best = max(widths, key=lambda h: kde(train, h=h).log_prob(held_out).sum().item())
    return torch.tensor(best)


def width_by_scores(kde, train, held_out, widths):
    scores = [float(kde(train, h=h).log_prob(held_out).mean()) for h in widths]
    return widths[int(np.argmax(scores))]


def width_by_loss(kde, train, held_out, widths):
    return max(widths, key=lambda h: -kde(train, h=h).log_prob(held_out).mean())


RIGHT = {
    "mixture": [
        right_index,
        right_cumulative,
        right_loop,
        right_by_component,
        right_one_hot,
        right_numpy,
        right_gumbel,
        as_numpy,
    ],
    "two_scores": [
        right_plain,
        right_floats_and_more_samples,
        right_mask,
        right_folds,
        with_quality(one_by_one),
    ],
    "copying": [
        right_pairs,
        right_sorted,
        right_numpy_loops,
        right_ranks,
        pairs_of(lambda x, t: (torch.cdist(x, t) ** 2).amin(1)),
    ],
}

WRONG = {
    "mixture": [
        ("MEAN-NOT-MIXTURE", blend),
        ("ONE-GAUSSIAN", moments_matched),
        ("VARIANCE-FOR-STD", root),
        ("ONE-STD", unit_noise),
        ("TWO-DRAWS", two_draws),
        ("SHARED-NOISE", noise_per_component),
        ("UNIFORM-NOISE", uniform_noise),
        ("COMPONENT-PER-COORDINATE", per_coordinate),
        ("COUNTS-NOT-DRAWN", fixed_counts),
        ("GLOBAL-RNG", global_noise),
        ("RNG-REWOUND", rewound),
        ("SHAPE", transposed),
        ("NOT-A-TENSOR", with_components),
        ("INPUT-CHANGED", changes_its_input),
        ("CRASHED", without_replacement),
        ("WEIGHTS-OF-OTHERS", most_weight_to_the_last),
        ("ONE-SIZE-ONLY", fixed_sizes),
        ("NOT-GAUSSIAN", with_noise(triangular)),
        ("STD-DIVIDED", divided),
        ("ONE-DRAW", small_pool),
        ("WRONG-SHARES", edges_not_summed),
        ("RNG-COPIED", on_a_copy),
        ("NOT-ROUND", stretched),
    ],
    "two_scores": [
        ("TRAIN-SCORED", scored_on_train),
        ("FITTED-ON-ALL", fitted_on_all),
        ("DATA-IN-ORDER", in_order_from_the_front),
        ("SPLIT-NOT-DRAWN", same_seed_split),
        ("GLOBAL-RNG", global_split),
        ("LEAKY-SPLIT", two_shuffles),
        ("SPLIT-SWAPPED", sides_swapped),
        ("SPLIT-SIZE", half_held_out),
        ("UNREDUCED", per_example),
        ("MEAN-OF-DENSITIES", mean_density),
        ("EXPONENTIATED", exp_of_mean),
        ("PER-DIMENSION", per_dimension),
        ("LIKELIHOOD-IS-QUALITY", likelihood_as_quality),
        ("OWN-SAMPLES-SCORED", sample_likelihood),
        ("REAL-JUDGED", train_judged),
        ("CHERRY-PICKED", cherry_picked),
        ("RESULTS-SWAPPED", results_swapped),
        ("NOT-A-PAIR", one_result),
        ("NEVER-FITTED", never_fitted),
        ("WRONG-QUALITY", quality_made_up),
        ("WRONG-SCORE", score_made_up),
        ("OTHER-POINTS", standardised),
        ("INPUT-CHANGED", shuffled_in_place),
        ("RNG-REWOUND", with_quality(own_generator)),
        ("ONE-DRAW", with_quality(one_repeated)),
        ("FITTED-AGAIN", fitted_again),
        ("RNG-COPIED", on_a_copy_of_rng),
    ],
    "copying": [
        ("COPYCAT", share_very_near),
        ("COPYCAT", mean_nearest),
        ("EXACT-COPIES", exact_copies),
        ("EXACT-COPIES", rows_in_train),
        ("TRAIN-SCORED", train_against_itself),
        ("VERDICT-NOT-PROBABILITY", means_compared),
        ("TIES", ties_lost),
        ("TIES", ties_won),
        ("UNREDUCED", not_averaged),
        ("CONSTANT", a_constant),
        ("NOT-A-PROBABILITY", percent),
        ("WRONG-DISTANCE", pairs_of(lambda x, t: torch.cdist(x, t, p=3.0).amin(1))),
        ("WRONG-DISTANCE", pairs_of(lambda x, t: (x @ t.T).amax(1))),
        ("WRONG-DISTANCE", pairs_of(lambda x, t: nearest(x[:, :1], t[:, :1]))),
        ("EACH-SET-CENTRED", pairs_of(lambda x, t: nearest(x - x.mean(0), t - t.mean(0)))),
        ("SCALE-MATTERS", pairs_of(lambda x, t: -torch.exp(-(torch.cdist(x, t) ** 2)).sum(1))),
        ("SCALE-MATTERS", of_two(lambda a, b: torch.sigmoid(b.mean() - a.mean()))),
        ("VERDICT-NOT-PROBABILITY", lambda *sets: right_pairs(*sets) > 0.6),
        ("PAIRED-BY-ROW", last_fake_left_out),
        ("NOT-A-NUMBER", lambda *sets: f"{right_pairs(*sets):.2f}"),
        ("WRONG-VALUE", pairs_of(lambda x, t: torch.cdist(x, t).quantile(0.1, dim=1))),
    ],
}
RIGHT |= {
    "turn_kde": [density_of_mixture, density_by_coordinates],
    "turn_bandwidth": [width_by_loop, width_by_scores],
}
WRONG |= {
    "turn_kde": [
        ("SUM-NOT-MEAN", lambda x, t, h: len(t) * density_by_coordinates(x, t, h)),
        ("NOT-NORMALISED", lambda x, t, h: (-((x - t) ** 2).sum(1) / (2 * h**2)).exp().mean()),
        ("LOG-RETURNED", lambda x, t, h: density_by_coordinates(x, t, h).log()),
        ("ARGUMENT-IGNORED", lambda x, t, h: density_by_coordinates(x, x[None], h)),
        ("UNREDUCED", lambda x, t, h: torch.distributions.Normal(t, h).log_prob(x).exp().prod(1)),
        ("WRONG-VALUE", lambda x, t, h: torch.distributions.Normal(t, h).log_prob(x).mean().exp()),
        ("NOTHING-RETURNED", lambda x, t, h: None),
    ],
    "turn_bandwidth": [
        ("TRAIN-SCORED", lambda kde, t, v, widths: width_by_loop(kde, t, t, widths)),
        ("TRAIN-SCORED", lambda kde, t, v, widths: width_by_loop(kde, v, v, widths)),
        ("WORST-WIDTH", width_by_loss),
        ("ARGUMENT-IGNORED", lambda kde, t, v, widths: widths[len(widths) // 2]),
        ("NOTHING-RETURNED", lambda kde, t, v, widths: None),
        ("UNREDUCED", lambda kde, t, v, widths: torch.tensor(widths)),
    ],
}
