"""Answers to the exercises of chapter 08, right and wrong."""

import itertools
import math

import numpy as np
import torch
from torch import nn, optim
from torch.nn.functional import logsigmoid, relu, softplus

from ganedu.losses import relativistic
from ganedu.networks import MinibatchStd, Packed
from ganedu.penalties import gradient_penalty, r1, r1_r2, r2

# ---- 08.gradient_penalty: my_gradient_penalty(D, real, fake, rng) -------------------------------


def alphas(x, rng):
    """One uniform number for each example, [n, 1, ...]."""
    return torch.rand(len(x), *[1] * (x.ndim - 1), generator=rng)


def slope_at(D, x, wrap=lambda s: s, **options):
    """The slope of each example, a row each: [n, d]."""
    x = x.detach().requires_grad_(True)
    options = {"create_graph": True, **options}
    return torch.autograd.grad(wrap(D(x)).sum(), x, **options)[0].flatten(1)


def gp(alpha=alphas, slope=slope_at, norm=lambda s: s.norm(dim=1), cost=lambda n: (n - 1) ** 2):
    """A gradient penalty of the given parts; the usual ones make it right."""

    def answer(D, real, fake, rng):
        a = alpha(real, rng)
        return 10 * cost(norm(slope(D, a * real + (1 - a) * fake))).mean()

    return answer


def gp_with_grad_outputs(D, real, fake, rng):
    alpha = torch.rand([len(real)] + [1] * (real.dim() - 1), generator=rng)
    x = (real + alpha * (fake - real)).requires_grad_()
    score = D(x)
    gradients = torch.autograd.grad(
        outputs=score,
        inputs=x,
        grad_outputs=torch.ones_like(score),
        create_graph=True,
        retain_graph=True,
    )[0]
    gradients = gradients.view(len(real), -1)
    return 10.0 * ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def gp_with_lerp_and_a_safe_root(D, real, fake, rng):
    alpha = torch.empty(len(real)).uniform_(generator=rng)
    x = torch.lerp(fake, real, alpha.reshape(-1, *([1] * (real.ndim - 1)))).requires_grad_()
    D(x).sum().backward(create_graph=True, inputs=[x])
    norm = torch.sqrt(x.grad.pow(2).flatten(1).sum(1) + 1e-8)
    return 10 * torch.nn.functional.mse_loss(norm, torch.ones(len(norm)))


def gp_over_all_axes(D, real, fake, rng):
    alpha = torch.stack([torch.rand((), generator=rng) for _ in real])
    alpha = alpha.reshape(len(real), *(1 for _ in real.shape[1:]))
    x = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    (g,) = torch.autograd.grad((-D(x)).sum(), x, create_graph=True)
    return 10 * (torch.linalg.vector_norm(g, dim=tuple(range(1, x.ndim))) - 1).square().mean()


def gp_looks_at_the_ends_too(D, real, fake, rng):
    _ = D(real), D(fake)
    return gradient_penalty(D, real, fake, rng)


def gp_one_by_one(D, real, fake, rng):
    total = 0
    for x, y in zip(real, fake):
        alpha = torch.rand((), generator=rng)
        point = (alpha * x + (1 - alpha) * y)[None].requires_grad_()
        (slope,) = torch.autograd.grad(D(point), point, create_graph=True)
        total = total + (slope.norm() - 1) ** 2
    return 10 * total / len(real)


def gp_shares_one_alpha(x, rng):
    return torch.rand(1, generator=rng)


def gp_without_graph(D, real, fake, rng):
    a = alphas(real, rng)
    s = slope_at(D, a * real + (1 - a) * fake, create_graph=False)
    return 10 * ((s.norm(dim=1) - 1) ** 2).mean()


def gp_with_backward(D, real, fake, rng):
    a = alphas(real, rng)
    x = (a * real + (1 - a) * fake).requires_grad_()
    D(x).sum().backward(create_graph=True)
    return 10 * ((x.grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gp_x_not_tracked(D, real, fake, rng):
    a = alphas(real, rng)
    x = a * real + (1 - a) * fake
    (s,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return 10 * ((s.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gp_at(place):
    def answer(D, real, fake, rng):
        return 10 * ((slope_at(D, place(real, fake)).norm(dim=1) - 1) ** 2).mean()

    return answer


def gp_in_weights(D, real, fake, rng):
    a = alphas(real, rng)
    out = D(a * real + (1 - a) * fake).sum()
    grads = torch.autograd.grad(out, list(D.parameters()), create_graph=True)
    return 10 * (torch.cat([g.flatten() for g in grads]).norm() - 1) ** 2


def gp_global_rng(x, rng):
    return torch.rand(len(x), *[1] * (x.ndim - 1))


def gp_reseeds(x, rng):
    return alphas(x, torch.Generator().manual_seed(0))


def gp_changes_its_input(D, real, fake, rng):
    a = alphas(real, rng)
    real *= a
    fake *= 1 - a
    return 10 * ((slope_at(D, real + fake).norm(dim=1) - 1) ** 2).mean()


def gp_noise_around_real(D, real, fake, rng):
    x = real + 0.5 * torch.randn(real.shape, generator=rng)
    return 10 * ((slope_at(D, x).norm(dim=1) - 1) ** 2).mean()


def gp_detached_slope(D, real, fake, rng):
    """The graph is there, and the part of the gradient that matters is cut."""
    a = alphas(real, rng)
    n = slope_at(D, a * real + (1 - a) * fake).norm(dim=1)
    return 10 * ((n - 1).detach() * (n - 1)).mean()


def scaled(k):
    return lambda *args: k * gradient_penalty(*args)


GRADIENT_PENALTY_WRONG = [
    ("ALPHA-PER-PIXEL", gp(alpha=lambda x, rng: torch.rand(x.shape, generator=rng))),
    ("ALPHA-NORMAL", gp(alpha=lambda x, rng: torch.randn(alphas(x, rng).shape, generator=rng))),
    ("ALPHA-PER-BATCH", gp(alpha=gp_shares_one_alpha)),
    ("ALPHA-FIXED", gp(alpha=lambda x, rng: 0.5)),
    ("ENDS-ONLY", gp(alpha=lambda x, rng: alphas(x, rng).round())),
    ("ALPHA-SHAPE", gp(alpha=lambda x, rng: torch.rand(len(x), generator=rng))),
    ("GLOBAL-RNG", gp(alpha=gp_global_rng)),
    ("RNG-REWOUND", gp(alpha=gp_reseeds)),
    ("NOT-BETWEEN", gp_at(lambda real, fake: real)),
    ("OFF-THE-LINE", gp_noise_around_real),
    ("NORM-AXIS", gp(norm=lambda s: s.norm(dim=0))),
    ("NORM-OVER-BATCH", gp(norm=lambda s: s.norm())),
    ("SLOPE-OF-MEAN", gp(slope=lambda D, x: slope_at(D, x, wrap=lambda s: s / len(s)))),
    ("PENALTY-UNSQUARED", gp(cost=lambda n: n - 1)),
    ("MEAN-BEFORE-SQUARE", gp(cost=lambda n: (n.mean() - 1) ** 2)),
    ("ONE-SIDED", gp(cost=lambda n: relu(n - 1) ** 2)),
    ("ZERO-CENTRED", gp(cost=lambda n: n**2)),
    ("NORM-SQUARED", gp(norm=lambda s: s.square().sum(1))),
    ("MEAN-OVER-PIXELS", gp(norm=lambda s: s.square().mean(1).sqrt())),
    ("NORM-L1", gp(norm=lambda s: s.abs().sum(1))),
    ("SUM-NOT-MEAN", gp(cost=lambda n: ((n - 1) ** 2).sum())),
    ("WEIGHT", scaled(0.1)),
    ("SIGN", scaled(-1)),
    ("PENALTY-ON-LOSS", gp(slope=lambda D, x: slope_at(D, x, wrap=lambda s: softplus(-s)))),
    ("PENALTY-ON-PROBABILITY", gp(slope=lambda D, x: slope_at(D, x, wrap=torch.sigmoid))),
    ("SLOPE-IN-WEIGHTS", gp_in_weights),
    (
        "LOSS-ADDED",
        lambda D, r, f, rng: D(f).mean() - D(r).mean() + gradient_penalty(D, r, f, rng),
    ),
    ("NO-CREATE-GRAPH", gp_without_graph),
    ("WRONG-GRADIENT", gp_detached_slope),
    ("SQRT-NAN", gp(norm=lambda s: s.square().sum(1).sqrt())),
    ("EPSILON-WINS", gp(norm=lambda s: (s.square().sum(1) + 1e-2).sqrt())),
    ("X-NOT-TRACKED", gp_x_not_tracked),
    ("GRADIENTS-TOUCHED", gp_with_backward),
    ("INPUT-CHANGED", gp_changes_its_input),
    ("UNREDUCED", lambda *args: gradient_penalty(*args).expand(5)),
    ("NOTHING-RETURNED", lambda *args: None),
    ("CONSTANT", lambda *args: torch.tensor(4.0)),
    ("WRONG-VALUE", gp(cost=lambda n: (n - 2) ** 2)),
]

# ---- 08.critic: my_wgan_gp(G, data, penalty, rounds, n_critic, rng) -> D ------------------------


def plain_critic():
    return nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))


def critic_with(layer):
    return nn.Sequential(
        nn.Linear(2, 16), layer, nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0)
    )


def critic_with_sigmoid():
    return nn.Sequential(*plain_critic(), nn.Sigmoid())


def wasserstein_d(real, fake):
    return fake.mean() - real.mean()


def critic_g(fake):
    return -fake.mean()


def adam(net):
    return optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999))


class Wgan:
    """The loop in parts, so that each part can be wrong."""

    def __init__(self, **parts):
        self.critic, self.d_loss, self.g_loss = plain_critic, wasserstein_d, critic_g
        self.weight, self.d_opt, self.g_opt = 1.0, adam, adam
        self.d_turns, self.g_turns = lambda n: n, lambda n: 1
        self.fresh_real = self.fresh_fake = self.zero_d = self.zero_g = True
        self.__dict__.update(parts)

    def __call__(self, G, data, penalty, rounds, n_critic, rng):
        D = self.critic()
        opt_D, opt_G = self.d_opt(D), self.g_opt(G)
        for _ in range(rounds):
            real, fake = self.draw(G, data, rng)
            for turn in range(self.d_turns(n_critic)):
                new_real, new_fake = self.draw(G, data, rng) if turn else (real, fake)
                real = new_real if self.fresh_real else real
                fake = new_fake if self.fresh_fake else fake
                loss = self.d_loss(D(real), D(fake))
                loss = loss + self.weight * penalty(D, real, fake, rng)
                self.step(opt_D, loss, self.zero_d)
            for _ in range(self.g_turns(n_critic)):
                z = torch.randn(64, G.z_dim, generator=rng)
                self.step(opt_G, self.g_loss(D(G(z))), self.zero_g)
        return D

    def draw(self, G, data, rng):
        real = data.sample(64, rng)
        return real, G(torch.randn(64, G.z_dim, generator=rng)).detach()

    def step(self, opt, loss, zero):
        if zero:
            opt.zero_grad()
        loss.backward()
        opt.step()


def critic_with_a_counter(G, data, penalty, rounds, n_critic, rng):
    """One D step a pass, and G moves in every n_critic-th; the fakes are not detached."""
    D = critic_with(nn.LayerNorm(16))
    opt_D, opt_G = optim.RMSprop(D.parameters(), 1e-4), optim.RMSprop(G.parameters(), 1e-4)
    for k in range(rounds * n_critic):
        real, z = data.sample(32, rng), torch.randn(32, G.z_dim, generator=rng)
        fake = G(z)
        d_loss = -D(real).mean() + D(fake).mean() + penalty(D, real, fake, rng)
        D.zero_grad()
        d_loss.backward()
        opt_D.step()
        if (k + 1) % n_critic == 0:
            G.zero_grad()
            D(G(z)).mean().neg().backward()
            opt_G.step()
    return D


def critic_in_two_backwards(G, data, penalty, rounds, n_critic, rng):
    D = plain_critic()
    opt_D, opt_G = adam(D), adam(G)
    for _ in range(rounds):
        for _ in range(n_critic):
            real, fake = data.sample(16, rng), None
            with torch.no_grad():
                fake = G(torch.randn(16, G.z_dim, generator=rng))
            opt_D.zero_grad()
            wasserstein_d(D(real), D(fake)).backward()
            penalty(D, real, fake, rng).backward()
            opt_D.step()
        opt_G.zero_grad()
        critic_g(D(G(torch.randn(16, G.z_dim, generator=rng)))).backward()
        opt_G.step()
    return D


def critic_without_penalty(G, data, penalty, rounds, n_critic, rng):
    return Wgan(weight=0.0)(G, data, lambda *args: 0.0, rounds, n_critic, rng)


def critic_starves_g(G, data, penalty, rounds, n_critic, rng):
    D = plain_critic()
    opt_D, opt_G = adam(D), adam(G)
    for _ in range(rounds):
        for _ in range(n_critic):
            real, fake = Wgan().draw(G, data, rng)
            loss = wasserstein_d(D(real), D(fake)) + penalty(D, real, fake, rng)
            opt_D.zero_grad(), loss.backward(), opt_D.step()
        opt_G.zero_grad(), critic_g(D(fake)).backward(), opt_G.step()
    return D


def critic_returns_nothing(*args):
    Wgan()(*args)


def critic_two_rounds_only(G, data, penalty, rounds, n_critic, rng):
    return Wgan()(G, data, penalty, 2, n_critic, rng)


def critic_colleague(G, data, penalty, rounds, n_critic, rng):
    """The exercise's own text, unmended."""
    D = nn.Sequential(
        *(nn.Linear(2, 64), nn.BatchNorm1d(64), nn.LeakyReLU(0.2)),
        *(nn.Linear(64, 1), nn.Flatten(0), nn.Sigmoid()),
    )
    return Wgan(critic=lambda: D, d_turns=lambda n: 1, g_turns=lambda n: n)(
        G, data, penalty, rounds, n_critic, rng
    )


CRITIC_WRONG = [
    ("BATCHNORM-CRITIC", critic_colleague),  # three faults: named one after the other
    (
        "SIGMOID-CRITIC",
        Wgan(critic=critic_with_sigmoid, d_turns=lambda n: 1, g_turns=lambda n: n),
    ),
    ("CRITIC-RATIO", Wgan(d_turns=lambda n: 1, g_turns=lambda n: n)),
    ("ONE-TO-ONE", Wgan(d_turns=lambda n: 1)),
    ("N-CRITIC-FIXED", Wgan(d_turns=lambda n: 5)),
    ("WRONG-SIGN", Wgan(d_loss=lambda r, f: r.mean() - f.mean())),
    ("ARTICLE-D-LOSS", Wgan(d_loss=lambda r, f: -(r.mean() + f.mean()))),
    ("LOGISTIC-CRITIC", Wgan(d_loss=lambda r, f: softplus(-r).mean() + softplus(f).mean())),
    ("PENALTY-MISSING", critic_without_penalty),
    ("PENALTY-SIGN", Wgan(weight=-1.0)),
    ("PENALTY-WEIGHTED", Wgan(weight=10.0)),
    ("STALE-BATCH", Wgan(fresh_real=False, fresh_fake=False)),
    ("NO-ZERO-GRAD", Wgan(zero_d=False)),
    ("G-STARVED", critic_starves_g),
    ("NOTHING-RETURNED", critic_returns_nothing),
    ("ROUNDS", critic_two_rounds_only),
    ("WRONG-GRADIENT", Wgan(d_loss=lambda r, f: ((r - 1) ** 2).mean() + (f**2).mean())),
]

# ---- 08.packing: my_packed_logits(D, real, fake, m) -> (real logits, fake logits) ---------------


def packing(pack):
    return lambda D, real, fake, m: (D(pack(real, m)), D(pack(fake, m)))


def pack_by_reshape(x, m):
    return x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def pack_by_strides(D, real, fake, m):
    """Example i of each of m piles: other companions, the same idea."""
    return tuple(D(torch.cat(x.chunk(m), dim=1)) for x in (real, fake))


def pack_in_a_loop(D, real, fake, m):
    def packs(x):
        rows = [torch.cat(list(x[i : i + m]), dim=0) for i in range(0, len(x), m)]
        return torch.stack(rows)

    return [D(packs(real)), D(packs(fake))]


def pack_channel_by_channel(D, real, fake, m):
    """The channels of the m examples interleaved: a fixed order, which D does not mind."""

    def packs(x):
        groups = x.reshape(len(x) // m, m, *x.shape[1:]).transpose(1, 2)
        return groups.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])

    return D(packs(real)), D(packs(fake))


def pack_both_at_once(D, real, fake, m):
    logits = D(pack_by_reshape(torch.cat([real, fake]), m))
    return logits.split(len(real) // m)


def pack_shuffled(D, real, fake, m):
    return D(pack_by_reshape(real[torch.randperm(len(real))], m)), D(pack_by_reshape(fake, m))


def pack_mixed_pairs(D, real, fake, m):
    both = torch.stack([real, fake], dim=1).flatten(0, 1)  # real, fake, real, fake, ...
    return pack_both_at_once(D, both[: len(real)], both[len(real) :], m)


def pack_windows(x, m):
    return torch.cat([x[i : len(x) - m + 1 + i] for i in range(m)], dim=1)


def pack_scrambled(x, m):
    return x.transpose(0, 1).reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


def pack_alone(D, real, fake, m):
    def judge(x):
        return D(x).reshape(-1, m).mean(1)

    return judge(real), judge(fake)


def pack_changes_its_input(D, real, fake, m):
    real -= 1
    return packing(pack_by_reshape)(D, real, fake, m)


PACKING_WRONG = [
    ("PAC-MIXED", pack_mixed_pairs),
    ("PAC-COPIES", packing(lambda x, m: torch.cat([x] * m, dim=1))),
    ("PAC-OVERLAP", packing(pack_windows)),
    ("PAC-SCRAMBLED", packing(pack_scrambled)),
    ("NOT-PACKED", pack_alone),
    ("PAC-AXIS", packing(lambda x, m: x.reshape(-1, m, *x.shape[1:]))),
    ("M-IGNORED", packing(lambda x, m: pack_by_reshape(x, 2))),
    ("EXAMPLES-LOST", packing(lambda x, m: pack_by_reshape(x[:m], m))),
    ("PLAYERS-SWAPPED", lambda D, real, fake, m: pack_both_at_once(D, fake, real, m)),
    ("SHAPE", lambda D, real, fake, m: (Packed(D, m)(real), Packed(D, m)(fake))),
    ("NOT-A-PAIR", lambda D, real, fake, m: D(pack_by_reshape(torch.cat([real, fake]), m))),
    ("FAKE-CUT", lambda D, real, fake, m: pack_both_at_once(D, real, fake.detach(), m)),
    (
        "LOGITS-CHANGED",
        lambda D, r, f, m: [x.sigmoid() for x in pack_both_at_once(D, r, f, m)],
    ),
    ("INPUT-CHANGED", pack_changes_its_input),
    ("NOTHING-RETURNED", lambda D, real, fake, m: None),
    ("REAL-TWICE", lambda D, real, fake, m: (D(pack_by_reshape(real, m)),) * 2),
]

# ---- 08.minibatch_std: my_minibatch_std(x) -> [n, C + 1, ...] -----------------------------------


def std_by(spread):
    """Append the number (or whatever spread returns, stretched to fit) as a last feature."""

    def answer(x):
        s = spread(x)
        s = torch.as_tensor(s).expand(len(x), 1, *x.shape[2:])
        return torch.cat([x, s], dim=1)

    return answer


def safe(variance):
    return (variance + 1e-8).sqrt()


def std_for_both_kinds(x):
    s = x.std(dim=0).mean()  # torch's own root has the slope 0 at 0; divides by n - 1
    if x.ndim == 2:
        return torch.cat([x, s.repeat(len(x), 1)], dim=1)
    n, _, h, w = x.shape
    return torch.cat([x, s.repeat(n, 1, h, w)], dim=1)


def std_by_hand(x):
    deviation = x - x.mean(dim=0, keepdim=True)
    s = torch.sqrt((deviation**2).mean(0) + 1e-8).flatten().mean()
    return torch.cat((x, s * torch.ones_like(x[:, :1])), dim=1)


def std_new_tensor(x):
    out = x.new_empty(len(x), x.shape[1] + 1, *x.shape[2:])
    out[:, :-1] = x
    out[:, -1] = torch.std(x, dim=0, correction=0).mean()
    return out


def per_example(x):
    s = safe(x.flatten(1).var(1, unbiased=False))
    return s.reshape(-1, *[1] * (x.ndim - 1))


MINIBATCH_STD_WRONG = [
    ("AVERAGED-IN-PART", std_by(lambda x: x.std(0)[0].mean())),
    ("STD-OVER-FEATURES", std_by(per_example)),
    ("STD-OVER-FEATURES", std_by(lambda x: x.std(1, keepdim=True))),
    ("NOT-AVERAGED", lambda x: torch.cat([x, x.std(0, keepdim=True).expand(x.shape)], dim=1)),
    ("MAP-NOT-NUMBER", std_by(lambda x: x.std(0, keepdim=True).mean(1, keepdim=True))),
    ("NOT-APPENDED", lambda x: x + x.std(0).mean()),
    ("NOT-APPENDED", lambda x: x / (x.std(0) + 1e-8)),
    ("SHAPE", lambda x: x.std(0).mean()),
    ("SHAPE", lambda x: torch.cat([x, x.std(0).mean().expand(1, *x.shape[1:])])),
    ("FIRST-NOT-LAST", lambda x: std_for_both_kinds(x).roll(1, dims=1)),
    ("X-CHANGED", lambda x: std_for_both_kinds(x - x.mean(0))),
    ("DETACHED", std_by(lambda x: x.std(0).mean().item())),
    ("DETACHED", std_by(lambda x: x.detach().std(0).mean())),
    ("DETACHED", lambda x: std_for_both_kinds(x).detach()),
    ("SQRT-NAN", std_by(lambda x: x.var(0, unbiased=False).sqrt().mean())),
    ("SQRT-NAN", std_by(lambda x: ((x - x.mean(0)) ** 2).mean(0).sqrt().mean())),
    ("POINTS-ONLY", lambda x: torch.cat([x, x.std(0).mean().expand(len(x), 1)], dim=1)),
    ("ARGUMENT-IGNORED", std_by(lambda x: torch.tensor(1.0))),
    ("WRONG-VALUE", std_by(lambda x: 3 * x.std(0).mean())),
    ("NOTHING-RETURNED", lambda x: None),
]

# ---- 08.relativistic: my_relativistic(D, real, fake, gamma) -> (D's total, G's loss) ------------


def pair(
    d=lambda r, f: softplus(f - r).mean(),
    g=lambda r, f: softplus(r - f).mean(),
    penalty=lambda D, real, fake, gamma: r1_r2(D, real, fake, gamma=gamma),
):
    """The pair of given parts; the usual ones make it right."""

    def answer(D, real, fake, gamma):
        total = d(D(real), D(fake.detach())) + penalty(D, real, fake, gamma)
        return total, g(D(real), D(fake))

    return answer


def pair_of_the_package(D, real, fake, gamma):
    r, f = D(real), D(fake)
    return relativistic.d(r, f) + r1_r2(D, real, fake, gamma=gamma), relativistic.g(r, f)


def pair_with_logsigmoid(D, real, fake, gamma):
    real, still = real.requires_grad_(), fake.detach().requires_grad_()
    r, f = D(real), D(still)
    (a,) = torch.autograd.grad(r.sum(), real, create_graph=True)
    (b,) = torch.autograd.grad(f.sum(), still, create_graph=True)
    d = -logsigmoid(r - f).mean()
    d = d + gamma / 2 * (a.pow(2).flatten(1).sum(1) + b.pow(2).flatten(1).sum(1)).mean()
    return d, -logsigmoid(D(fake) - D(real.detach())).mean()


def pair_from_the_difference(D, real, fake, gamma):
    """One gradient of the summed difference, with respect to both batches at once."""
    real = real.detach().requires_grad_()
    difference = D(real) - D(fake)  # fake keeps its graph
    slopes = torch.autograd.grad(difference.sum(), [real, fake], create_graph=True)
    penalty = gamma / 2 * sum(s.square().sum() for s in slopes) / len(real)
    return softplus(-difference).mean() + penalty, softplus(difference).mean()


def pair_with_cross_entropy(D, real, fake, gamma):
    bce = nn.BCEWithLogitsLoss()
    difference = D(real) - D(fake)
    ones = torch.ones_like(difference)
    penalty = r1(D, real, gamma=gamma) + r2(D, real, fake, gamma=gamma)
    return [bce(difference, ones) + penalty, bce(-difference, ones)]


def squared(D, x, wrap=lambda s: s, **options):
    return slope_at(D, x, wrap=wrap, **options).square().sum(1)


def both(term, factor=0.5):
    """A penalty of a term for each kind, with a factor before it."""
    return lambda D, real, fake, gamma: factor * gamma * (term(D, real) + term(D, fake))


def plain(D, x):
    return squared(D, x).mean()


def pair_penalises_g(D, real, fake, gamma):
    d, g = pair()(D, real, fake, gamma)
    return d, g + r2(D, real, fake, gamma=gamma)


def pair_starves_g(D, real, fake, gamma):
    d, _ = pair()(D, real, fake, gamma)
    return d, softplus(D(real) - D(fake.detach())).mean()


def pair_reuses_cut_logits(D, real, fake, gamma):
    r, f = D(real), D(fake.detach())
    return softplus(f - r).mean() + r1_r2(D, real, fake, gamma=gamma), softplus(r - f).mean()


def pair_no_grad_g(D, real, fake, gamma):
    d, g = pair()(D, real, fake, gamma)
    return d, g.item()


def pair_without_graph(D, real, fake, gamma):
    a, b = (squared(D, x, create_graph=False).mean() for x in (real, fake))
    return softplus(D(fake) - D(real)).mean() + gamma / 2 * (a + b), pair()(D, real, fake, 0)[1]


def pair_all_pairs(D, real, fake, gamma):
    r, f = D(real)[:, None], D(fake)[None, :]
    return softplus(f - r).mean() + r1_r2(D, real, fake, gamma=gamma), softplus(r - f).mean()


def pair_backward(D, real, fake, gamma):
    x = real.detach().requires_grad_()
    D(x).sum().backward(create_graph=True)
    d = softplus(D(fake) - D(real)).mean() + gamma / 2 * x.grad.square().flatten(1).sum(1).mean()
    return d + r2(D, real, fake, gamma=gamma), softplus(D(real) - D(fake)).mean()


def pair_changes_its_input(D, real, fake, gamma):
    result = pair()(D, real, fake, gamma)
    real += 1
    return result


def on_log_of_sigmoid(D, real, fake, gamma):
    difference = D(real) - D(fake)
    d = -difference.sigmoid().log().mean() + r1_r2(D, real, fake, gamma=gamma)
    return d, -(-difference).sigmoid().log().mean()


RELATIVISTIC_WRONG = [
    ("ALL-PAIRS", pair_all_pairs),
    ("DOUBLE-SIGMOID", pair(d=lambda r, f: softplus(f.sigmoid() - r.sigmoid()).mean())),
    ("LOG-OF-SIGMOID", on_log_of_sigmoid),
    ("PLAYERS-SWAPPED", lambda *args: pair()(*args)[::-1]),
    (
        "PENALTY-BETWEEN",
        pair(penalty=lambda D, r, f, g: gradient_penalty(D, r, f, weight=g)),
    ),
    ("GAMMA-IGNORED", pair(penalty=lambda D, r, f, g: r1_r2(D, r, f))),
    ("GAMMA-IGNORED", pair(penalty=lambda D, r, f, g: r1_r2(D, r, f, gamma=10))),
    ("PENALTY-IN-G", pair_penalises_g),
    ("G-STARVED", pair_starves_g),
    ("G-STARVED", pair_reuses_cut_logits),
    ("G-STARVED", pair_no_grad_g),
    ("NO-CREATE-GRAPH", pair_without_graph),
    ("NO-CREATE-GRAPH", lambda *args: [x.detach() for x in pair()(*args)]),
    ("GRADIENTS-TOUCHED", pair_backward),
    ("INPUT-CHANGED", pair_changes_its_input),
    ("NOT-A-PAIR", lambda *args: pair()(*args)[0]),
    ("NOTHING-RETURNED", lambda *args: None),
    ("UNREDUCED", pair(d=lambda r, f: softplus(f - r))),
    ("PLUS-A-NUMBER", pair(d=lambda r, f: softplus(f - r).mean() + 0.3)),
    ("TIMES-A-FACTOR", pair(penalty=both(plain, 0.7))),
    ("GAMMA-IGNORED", pair(penalty=lambda D, r, f, g: g * r1_r2(D, r, f, gamma=g))),
]

# ---- the lesson's turns --------------------------------------------------------------------------


def p_by_masks(a, b):
    values = [*a.tolist(), *b.tolist()]
    n, k = len(a), len(values)

    def difference(mask):
        mine = sum(v for i, v in enumerate(values) if mask >> i & 1)
        return abs(mine / n - (sum(values) - mine) / (k - n))

    masks = [mask for mask in range(2**k) if bin(mask).count("1") == n]
    real = difference(2**n - 1)
    return sum(difference(mask) >= real - 1e-9 for mask in masks) / len(masks)


def p_in_numpy(a, b):
    both, n = np.concatenate([a.numpy(), b.numpy()]), len(a)
    groups = np.array([list(c) for c in itertools.combinations(range(len(both)), n)])
    mine = both[groups].sum(1)
    gaps = np.abs(mine / n - (both.sum() - mine) / len(b))
    return float(np.mean(gaps >= gaps[0] - 1e-9))


def p_but(count=lambda gap, real: abs(gap) >= abs(real) - 1e-9, end=lambda found: found):
    def answer(a, b):
        both, n = torch.cat([a, b]), len(a)
        gaps = []
        for mine in itertools.combinations(range(len(both)), n):
            inside = both[list(mine)].sum()
            gaps.append(inside / n - (both.sum() - inside) / len(b))
        return end(sum(bool(count(gap, gaps[0])) for gap in gaps) / len(gaps))

    return answer


TURN_P_WRONG = [
    ("STRICT", p_but(lambda gap, real: abs(gap) > abs(real) + 1e-9)),
    ("TURNED-ROUND", p_but(lambda gap, real: abs(gap) < abs(real) - 1e-9)),
    ("ONE-SIDED", p_but(lambda gap, real: gap >= real - 1e-9)),
    ("PERCENT", p_but(end=lambda share: 100 * share)),
    ("COUNT-FOR-SHARE", lambda a, b: p_by_masks(a, b) * math.comb(len(a) + len(b), len(a))),
    ("NOTHING-RETURNED", lambda a, b: None),
]


def fade_by_logarithm(step, steps, end):
    return math.exp(math.log(end) * step / steps)


def fade_by_ratio(step, steps, end):
    ratio = end ** (1 / steps)
    factor = 1.0
    for _ in range(step):
        factor *= ratio
    return factor


TURN_FADE_WRONG = [
    ("STRAIGHT-LINE", lambda step, steps, end: ((steps - step) + step * end) / steps),
    ("RISES", lambda step, steps, end: math.exp(-math.log(end) * step / steps)),
    ("RISES", lambda step, steps, end: end / fade_by_logarithm(step, steps, end)),
    ("STEPS-NOT-DIVIDED", lambda step, steps, end: math.exp(step * math.log(end))),
    ("TIMES-FOR-POWER", lambda step, steps, end: step / steps * end),
    ("END-FORGOTTEN", lambda step, steps, end: math.exp(-step / steps)),
]

RIGHT = {
    "gradient_penalty": [
        gp(),
        gradient_penalty,
        gp_with_grad_outputs,
        gp_with_lerp_and_a_safe_root,
        gp_over_all_axes,
        gp_looks_at_the_ends_too,
        gp_one_by_one,
    ],
    "critic": [
        Wgan(),
        critic_with_a_counter,
        critic_in_two_backwards,
        Wgan(d_opt=lambda net: optim.SGD(net.parameters(), 0.01, momentum=0.9)),
    ],
    "packing": [
        packing(pack_by_reshape),
        pack_by_strides,
        pack_in_a_loop,
        pack_channel_by_channel,
        pack_both_at_once,
        pack_shuffled,
        packing(lambda x, m: Packed(None, m).pack(x)),
    ],
    "minibatch_std": [
        MinibatchStd(),
        std_for_both_kinds,
        std_by_hand,
        std_new_tensor,
        std_by(lambda x: safe(x.var(0)).mean()),
        std_by(lambda x: x.std(0, unbiased=False).mean()),
    ],
    "relativistic": [
        pair(),
        pair_of_the_package,
        pair_with_logsigmoid,
        pair_from_the_difference,
        pair_with_cross_entropy,
    ],
    "turn_p": [p_by_masks, p_in_numpy],
    "turn_fade": [fade_by_logarithm, fade_by_ratio],
}
WRONG = {
    "gradient_penalty": GRADIENT_PENALTY_WRONG,
    "critic": CRITIC_WRONG,
    "packing": PACKING_WRONG,
    "minibatch_std": MINIBATCH_STD_WRONG,
    "relativistic": RELATIVISTIC_WRONG,
    "turn_p": TURN_P_WRONG,
    "turn_fade": TURN_FADE_WRONG,
}
