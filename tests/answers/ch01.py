"""Right and wrong answers to the exercises of chapter 01."""

import math

import numpy as np
import torch

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


def blend(weights, means, stds, n, rng):
    each = means + stds[:, None] * torch.randn(n, *means.shape, generator=rng)  # [n, k, d]
    return (weights[:, None] * each).sum(1)


def around_the_mean(weights, means, stds, n, rng):
    return weights @ means + (weights @ stds) * torch.randn(n, means.shape[1], generator=rng)


def plain_average(weights, means, stds, n, rng):
    each = means + stds[:, None] * torch.randn(n, *means.shape, generator=rng)
    return each.mean(1)


def moments_matched(weights, means, stds, n, rng):
    middle = weights @ means
    off = means - middle
    covariance = (weights[:, None] * off).T @ off + (weights * stds**2).sum() * torch.eye(
        means.shape[1]
    )
    root = torch.linalg.cholesky(covariance)
    return middle + torch.randn(n, means.shape[1], generator=rng) @ root.T


def moments_per_coordinate(weights, means, stds, n, rng):
    middle = weights @ means
    spread = (weights @ ((means - middle) ** 2) + weights @ stds**2).sqrt()
    return middle + spread * torch.randn(n, means.shape[1], generator=rng)


def equal_shares(weights, means, stds, n, rng):
    mode = torch.randint(len(means), (n,), generator=rng)
    return means[mode] + stds[mode, None] * torch.randn(n, means.shape[1], generator=rng)


def as_logits(weights, means, stds, n, rng):
    return right_index(weights.softmax(0), means, stds, n, rng)


def one_for_all(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, 1, generator=rng)
    return means[mode] + stds[mode] * torch.randn(n, means.shape[1], generator=rng)


def most_likely(weights, means, stds, n, rng):
    mode = weights.argmax()
    return means[mode] + stds[mode] * torch.randn(n, means.shape[1], generator=rng)


def no_noise(weights, means, stds, n, rng):
    return means[torch.multinomial(weights, n, replacement=True, generator=rng)]


def variance(weights, means, stds, n, rng):
    return right_index(weights, means, stds**2, n, rng)


def root(weights, means, stds, n, rng):
    return right_index(weights, means, stds.sqrt(), n, rng)


def unit_noise(weights, means, stds, n, rng):
    return right_index(weights, means, torch.ones_like(stds), n, rng)


def average_std(weights, means, stds, n, rng):
    return right_index(weights, means, stds.mean().expand_as(stds), n, rng)


def two_draws(weights, means, stds, n, rng):
    one = torch.multinomial(weights, n, replacement=True, generator=rng)
    two = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[one] + stds[two][:, None] * torch.randn(n, means.shape[1], generator=rng)


def noise_for_all_coordinates(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(n, 1, generator=rng)


def noise_drawn_once(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(means.shape[1], generator=rng)


def noise_per_component(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return (means + stds[:, None] * torch.randn(means.shape, generator=rng))[mode]


def uniform_noise(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.rand(n, means.shape[1], generator=rng)


def uniform_centred(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    noise = 2 * torch.rand(n, means.shape[1], generator=rng) - 1
    return means[mode] + math.sqrt(3) * stds[mode][:, None] * noise


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


def fixed_counts_shuffled(weights, means, stds, n, rng):
    return fixed_counts(weights, means, stds, n, rng)[torch.randperm(n, generator=rng)]


def global_noise(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, None)


def half_global(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return means[mode] + stds[mode][:, None] * torch.randn(n, means.shape[1])


def rewound(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, rng.manual_seed(0))


def own_seed(weights, means, stds, n, rng):
    return right_index(weights, means, stds, n, torch.Generator().manual_seed(0))


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


def centre_forgotten(weights, means, stds, n, rng):
    mode = torch.multinomial(weights, n, replacement=True, generator=rng)
    return stds[mode][:, None] * torch.randn(n, means.shape[1], generator=rng)


def centre_moved(weights, means, stds, n, rng):
    return right_index(weights, means + 0.5, stds, n, rng)


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


def scored_on_train(fit, x, is_good, rng):
    train, _ = split(x, rng)
    model = fit(train)
    return model.log_prob(train).mean(), is_good(model.sample(1000, rng)).float().mean()


def no_split(fit, x, is_good, rng):
    model = fit(x)
    return model.log_prob(x).mean(), is_good(model.sample(1000, rng)).float().mean()


def scored_on_all(fit, x, is_good, rng):
    train, _ = split(x, rng)
    model = fit(train)
    return model.log_prob(x).mean(), is_good(model.sample(1000, rng)).float().mean()


def fitted_on_all(fit, x, is_good, rng):
    _, held_out = split(x, rng)
    model = fit(x)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def in_order(fit, x, is_good, rng):
    n = 4 * len(x) // 5
    model = fit(x[:n])
    return model.log_prob(x[n:]).mean(), is_good(model.sample(1000, rng)).float().mean()


def in_order_from_the_front(fit, x, is_good, rng):
    n = len(x) // 5
    model = fit(x[n:])
    return model.log_prob(x[:n]).mean(), is_good(model.sample(1000, rng)).float().mean()


def every_fifth(fit, x, is_good, rng):
    held = torch.arange(len(x)) % 5 == 0
    model = fit(x[~held])
    return model.log_prob(x[held]).mean(), is_good(model.sample(1000, rng)).float().mean()


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


def with_replacement(fit, x, is_good, rng):
    rows = torch.randint(len(x), (len(x),), generator=rng)
    cut = len(x) // 5
    model = fit(x[rows[cut:]])
    return model.log_prob(x[rows[:cut]]).mean(), is_good(model.sample(1000, rng)).float().mean()


def sides_swapped(fit, x, is_good, rng):
    held_out, train = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def half_held_out(fit, x, is_good, rng):
    train, held_out = split(x, rng, 0.5)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def summed(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).sum(), is_good(model.sample(1000, rng)).float().mean()


def per_example(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out), is_good(model.sample(1000, rng)).float().mean()


def negative(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return -model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).float().mean()


def mean_density(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).exp().mean(), is_good(model.sample(1000, rng)).float().mean()


def log_of_mean_density(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).exp().mean().log()
    return score, is_good(model.sample(1000, rng)).float().mean()


def exp_of_mean(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean().exp(), is_good(model.sample(1000, rng)).float().mean()


def per_dimension(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).mean() / x.shape[1]
    return score, is_good(model.sample(1000, rng)).float().mean()


def log_twice(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).log().mean()
    return score, is_good(model.sample(1000, rng)).float().mean()


def likelihood_as_quality(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out).mean()
    return score, score.exp()


def likely_samples(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    typical = model.log_prob(held_out).quantile(0.05)
    samples = model.sample(1000, rng)
    return model.log_prob(held_out).mean(), (model.log_prob(samples) > typical).float().mean()


def likely_real(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    score = model.log_prob(held_out)
    return score.mean(), (score > model.log_prob(train).mean()).float().mean()


def sample_likelihood(fit, x, is_good, rng):
    train, _ = split(x, rng)
    model = fit(train)
    samples = model.sample(1000, rng)
    return model.log_prob(samples).mean(), is_good(samples).float().mean()


def held_out_judged(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(held_out).float().mean()


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


def counted(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(1000, rng)).sum()


def bad_share(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), 1 - is_good(model.sample(1000, rng)).float().mean()


def few_samples(fit, x, is_good, rng):
    train, held_out = split(x, rng)
    model = fit(train)
    return model.log_prob(held_out).mean(), is_good(model.sample(64, rng)).float().mean()


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


def share_very_near(fake, train, held_out):
    return (nearest(fake, train) < 0.05).float().mean()


def mean_nearest(fake, train, held_out):
    return nearest(fake, train).mean()


def close_is_good(fake, train, held_out):
    return (-nearest(fake, train)).exp().mean()


def exact_copies(fake, train, held_out):
    return (nearest(fake, train) == 0).float().mean()


def almost_exact(fake, train, held_out):
    return (nearest(fake, train) < 1e-6).float().mean()


def rows_in_train(fake, train, held_out):
    seen = {tuple(row.tolist()) for row in train}
    return sum(tuple(row.tolist()) in seen for row in fake) / len(fake)


def farther(fake, train, held_out):
    return 1 - right_pairs(fake, train, held_out)


def train_against_itself(fake, train, held_out):
    a, b = nearest(fake, train), nearest(train, train)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def train_leave_one_out(fake, train, held_out):
    own = torch.cdist(train, train).fill_diagonal_(math.inf).min(1).values
    a = nearest(fake, train)
    return ((a[:, None] < own).float() + 0.5 * (a[:, None] == own).float()).mean()


def nearer_set(fake, train, held_out):
    return (nearest(fake, train) < nearest(fake, held_out)).float().mean()


def from_the_data(fake, train, held_out):
    a, b = nearest(train, fake), nearest(train, held_out)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def held_out_as_reference(fake, train, held_out):
    a, b = nearest(fake, held_out), nearest(train, held_out)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def mean_of_all_distances(fake, train, held_out):
    a, b = torch.cdist(fake, train).mean(1), torch.cdist(held_out, train).mean(1)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def means_compared(fake, train, held_out):
    return float(nearest(fake, train).mean() < nearest(held_out, train).mean())


def ratio_of_means(fake, train, held_out):
    return nearest(fake, train).mean() / nearest(held_out, train).mean()


def median_threshold(fake, train, held_out):
    return (nearest(fake, train) < nearest(held_out, train).median()).float().mean()


def mean_threshold(fake, train, held_out):
    return (nearest(fake, train) < nearest(held_out, train).mean()).float().mean()


def smallest_threshold(fake, train, held_out):
    return (nearest(fake, train) < nearest(held_out, train).min()).float().mean()


def by_row(fake, train, held_out):
    n = min(len(fake), len(held_out))
    return (nearest(fake, train)[:n] < nearest(held_out, train)[:n]).float().mean()


def ties_lost(fake, train, held_out):
    return (nearest(fake, train)[:, None] < nearest(held_out, train)).float().mean()


def ties_won(fake, train, held_out):
    return (nearest(fake, train)[:, None] <= nearest(held_out, train)).float().mean()


def sum_of_differences(fake, train, held_out):
    def near(points):
        return torch.cdist(points, train, p=1).min(1).values

    a, b = near(fake), near(held_out)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


def not_averaged(fake, train, held_out):
    a, b = nearest(fake, train), nearest(held_out, train)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean(1)


def not_divided(fake, train, held_out):
    a, b = nearest(fake, train), nearest(held_out, train)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).sum()


def a_constant(fake, train, held_out):
    return 0.5


def percent(fake, train, held_out):
    return 100 * right_pairs(fake, train, held_out)


def arguments_turned(fake, train, held_out):
    return right_pairs(train, fake, held_out)


def mean_first(fake, train, held_out):
    a = (fake - train.mean(0)).norm(dim=1)
    b = (held_out - train.mean(0)).norm(dim=1)
    return ((a[:, None] < b).float() + 0.5 * (a[:, None] == b).float()).mean()


RIGHT = {
    "mixture": [
        right_index,
        right_cumulative,
        right_loop,
        right_by_component,
        right_one_hot,
        right_numpy,
    ],
    "two_scores": [right_plain, right_floats_and_more_samples, right_mask, right_folds],
    "copying": [right_pairs, right_sorted, right_numpy_loops, right_ranks],
}

WRONG = {
    "mixture": [
        ("MEAN-NOT-MIXTURE", blend),
        ("MEAN-NOT-MIXTURE", around_the_mean),
        ("MEAN-NOT-MIXTURE", plain_average),
        ("ONE-GAUSSIAN", moments_matched),
        ("ONE-GAUSSIAN", moments_per_coordinate),
        ("WEIGHTS-IGNORED", equal_shares),
        ("WEIGHTS-AS-LOGITS", as_logits),
        ("ONE-FOR-ALL", one_for_all),
        ("MOST-LIKELY-ONLY", most_likely),
        ("NO-NOISE", no_noise),
        ("VARIANCE-FOR-STD", variance),
        ("VARIANCE-FOR-STD", root),
        ("ONE-STD", unit_noise),
        ("ONE-STD", average_std),
        ("TWO-DRAWS", two_draws),
        ("SHARED-NOISE", noise_for_all_coordinates),
        ("SHARED-NOISE", noise_drawn_once),
        ("SHARED-NOISE", noise_per_component),
        ("UNIFORM-NOISE", uniform_noise),
        ("UNIFORM-NOISE", uniform_centred),
        ("COMPONENT-PER-COORDINATE", per_coordinate),
        ("COUNTS-NOT-DRAWN", fixed_counts),
        ("COUNTS-NOT-DRAWN", fixed_counts_shuffled),
        ("RNG-UNUSED", global_noise),
        ("RNG-UNUSED", half_global),
        ("RNG-REWOUND", rewound),
        ("RNG-REWOUND", own_seed),
        ("SHAPE", transposed),
        ("NOT-A-TENSOR", with_components),
        ("INPUT-CHANGED", changes_its_input),
        ("CRASHED", without_replacement),
        ("WRONG-PLACES", centre_forgotten),
        ("WRONG-CENTRE", centre_moved),
        ("WRONG-SHARES", most_weight_to_the_last),
        ("ONE-SIZE-ONLY", fixed_sizes),
    ],
    "two_scores": [
        ("TRAIN-SCORED", scored_on_train),
        ("TRAIN-SCORED", no_split),
        ("TRAIN-SCORED", scored_on_all),
        ("FITTED-ON-ALL", fitted_on_all),
        ("DATA-IN-ORDER", in_order),
        ("DATA-IN-ORDER", in_order_from_the_front),
        ("SPLIT-NOT-DRAWN", every_fifth),
        ("SPLIT-NOT-DRAWN", same_seed_split),
        ("RNG-UNUSED", global_split),
        ("LEAKY-SPLIT", two_shuffles),
        ("LEAKY-SPLIT", with_replacement),
        ("SPLIT-SWAPPED", sides_swapped),
        ("SPLIT-SIZE", half_held_out),
        ("SUM-NOT-MEAN", summed),
        ("UNREDUCED", per_example),
        ("WRONG-SIGN", negative),
        ("MEAN-OF-DENSITIES", mean_density),
        ("MEAN-OF-DENSITIES", log_of_mean_density),
        ("EXPONENTIATED", exp_of_mean),
        ("PER-DIMENSION", per_dimension),
        ("NOT-FINITE", log_twice),
        ("LIKELIHOOD-IS-QUALITY", likelihood_as_quality),
        ("LIKELIHOOD-IS-QUALITY", likely_samples),
        ("LIKELIHOOD-IS-QUALITY", likely_real),
        ("OWN-SAMPLES-SCORED", sample_likelihood),
        ("REAL-JUDGED", held_out_judged),
        ("REAL-JUDGED", train_judged),
        ("CHERRY-PICKED", cherry_picked),
        ("COUNT-NOT-SHARE", counted),
        ("BAD-SHARE", bad_share),
        ("TOO-FEW-SAMPLES", few_samples),
        ("RESULTS-SWAPPED", results_swapped),
        ("TWO-NUMBERS", one_result),
        ("NEVER-FITTED", never_fitted),
        ("WRONG-QUALITY", quality_made_up),
        ("WRONG-SCORE", score_made_up),
    ],
    "copying": [
        ("COPYCAT", share_very_near),
        ("COPYCAT", mean_nearest),
        ("COPYCAT", close_is_good),
        ("EXACT-COPIES", exact_copies),
        ("EXACT-COPIES", almost_exact),
        ("EXACT-COPIES", rows_in_train),
        ("FARTHER-FOR-NEARER", farther),
        ("TRAIN-SCORED", train_against_itself),
        ("TRAIN-SCORED", train_leave_one_out),
        ("NEARER-SET", nearer_set),
        ("DIRECTION", from_the_data),
        ("DIRECTION", held_out_as_reference),
        ("MEAN-NOT-NEAREST", mean_of_all_distances),
        ("MEAN-NOT-NEAREST", mean_first),
        ("MEANS-COMPARED", means_compared),
        ("MEANS-COMPARED", ratio_of_means),
        ("ONE-THRESHOLD", median_threshold),
        ("ONE-THRESHOLD", mean_threshold),
        ("ONE-THRESHOLD", smallest_threshold),
        ("PAIRED-BY-ROW", by_row),
        ("TIES", ties_lost),
        ("TIES", ties_won),
        ("WRONG-DISTANCE", sum_of_differences),
        ("UNREDUCED", not_averaged),
        ("SUM-NOT-MEAN", not_divided),
        ("CONSTANT", a_constant),
        ("NOT-A-PROBABILITY", percent),
        ("WRONG-VALUE", arguments_turned),
    ],
}
