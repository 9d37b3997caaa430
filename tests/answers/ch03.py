"""Chapter 03: the D loss, the G loss with its gradient, and a family of losses."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import logsigmoid, relu, sigmoid, softplus

# ---------------------------------------------------------------- d_loss


def d_softplus(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def d_bce(real, fake):
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


def d_logsigmoid(real, fake):
    return -(logsigmoid(real) + logsigmoid(-fake)).mean()


def d_logaddexp(real, fake):
    zero = torch.zeros(())
    terms = torch.logaddexp(zero, -real), torch.logaddexp(zero, fake)
    return sum(term.sum() / len(term) for term in terms)


def d_in_place(real, fake):
    return softplus(real.neg_()).mean() + softplus(fake).mean()


def d_cross_entropy_of_two_classes(real, fake):
    logits = torch.cat([real, fake])
    pairs = torch.stack([torch.zeros_like(logits), logits], dim=1)
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).long()
    return 2 * F.cross_entropy(pairs, labels)


def d_vectors_of_one(real, fake):
    return softplus(-real).mean(dim=0, keepdim=True) + softplus(fake).mean(dim=0, keepdim=True)


def d_log_of_sigmoid(real, fake):
    return -torch.log(sigmoid(real)).mean() - torch.log(1 - sigmoid(fake)).mean()


def d_log_of_sigmoid_of_minus(real, fake):
    return -torch.log(sigmoid(real)).mean() - torch.log(sigmoid(-fake)).mean()


def d_epsilon(real, fake):
    return -(torch.log(sigmoid(real) + 1e-8) + torch.log(1 - sigmoid(fake) + 1e-8)).mean()


def d_clamped(real, fake):
    p, q = sigmoid(real).clamp(1e-7, 1 - 1e-7), sigmoid(fake).clamp(1e-7, 1 - 1e-7)
    return -(p.log().mean() + (1 - q).log().mean())


def d_bce_of_probabilities(real, fake):
    p, q = sigmoid(real), sigmoid(fake)
    loss = nn.BCELoss()
    return loss(p, torch.ones_like(p)) + loss(q, torch.zeros_like(q))


def d_exp(real, fake):
    return torch.log(1 + torch.exp(-real)).mean() + torch.log(1 + torch.exp(fake)).mean()


def d_numpy(real, fake):
    return np.logaddexp(0, -np.asarray(real)).mean() + np.logaddexp(0, np.asarray(fake)).mean()


def d_bce_without_sigmoid(real, fake):
    loss = nn.BCELoss()
    return loss(real, torch.ones_like(real)) + loss(fake, torch.zeros_like(fake))


def d_concatenated(real, fake):
    labels = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    return bce(torch.cat([real, fake]), labels)


def kinked(s):
    """softplus but for its slope at 0."""
    return relu(s) + torch.log1p(torch.exp(-s.abs()))


def d_one_by_one(real, fake):
    return sum(softplus(-a) + softplus(b) for a, b in zip(real, fake)) / len(real)


def d_logsumexp(real, fake):
    terms = [torch.stack([torch.zeros_like(s), s]).logsumexp(0).mean() for s in (-real, fake)]
    return terms[0] + terms[1]


def d_double(real, fake):
    return torch.einsum("i->", softplus(-real)) / real.numel() + softplus(fake.double()).mean()


D_LOSS_WRONG = [
    ("LABELS-SWAPPED", lambda r, f: (softplus(r) + softplus(-f)).sum()),
    ("LABELS-SWAPPED", lambda r, f: logsigmoid(-r).mean() + logsigmoid(f).mean()),
    ("DOUBLE-SIGMOID", lambda r, f: d_concatenated(sigmoid(r), sigmoid(f))),
    ("LOG-OF-SIGMOID", d_log_of_sigmoid),
    ("LOG-OF-SIGMOID", d_log_of_sigmoid_of_minus),
    ("LOG-OF-SIGMOID", lambda r, f: d_log_of_sigmoid(r.double(), f.double())),
    ("LOG-OF-SIGMOID", lambda r, f: torch.nan_to_num(d_log_of_sigmoid(r, f))),
    ("EPSILON-PATCH", d_epsilon),
    ("EPSILON-PATCH", d_clamped),
    ("EPSILON-PATCH", d_bce_of_probabilities),
    ("EPSILON-PATCH", lambda r, f: d_softplus(r.clamp(-10, 10), f.clamp(-10, 10))),
    ("EXP-OVERFLOW", d_exp),
    ("EXP-OVERFLOW", lambda r, f: sum(F.soft_margin_loss(s, torch.ones(len(s))) for s in (r, -f))),
    ("KINK-AT-ZERO", lambda r, f: kinked(-r).mean() + kinked(f).mean()),
    ("LOGIT-AS-PROBABILITY", lambda r, f: -torch.log(r).mean() - torch.log(1 - f).mean()),
    ("LOGIT-AS-PROBABILITY", d_bce_without_sigmoid),
    ("HALVED", lambda r, f: mse(torch.cat([sigmoid(-r), sigmoid(f)]), 0.0)),
    ("UNREDUCED", lambda r, f: softplus(-r) + softplus(f)),
    ("UNREDUCED", lambda r, f: softplus(-r).mean() + softplus(f)),
    ("ONE-TERM", lambda r, f: softplus(-r).mean() + softplus(r).mean()),
    ("LABEL-SMOOTHED", lambda r, f: bce(r, torch.full_like(r, 0.7)) + softplus(f).mean()),
    ("TIMES-A-FACTOR", lambda r, f: d_softplus(r, f) / np.log(10)),
    ("NO-GRADIENT", lambda r, f: d_bce(r, f).item()),
    ("NO-GRADIENT", lambda r, f: d_bce(r, f.detach())),
    ("NO-GRADIENT", d_numpy),
    ("NOT-A-NUMBER", lambda r, f: (softplus(-r).mean(), softplus(f).mean())),
    ("NOT-A-NUMBER", lambda r, f: f"{d_softplus(r, f):.4f}"),
    ("CONSTANT", lambda r, f: torch.tensor(1.386)),
    ("EXAMPLES-IGNORED", lambda r, f: d_softplus(r[:-1], f[:-1])),
    ("EXAMPLES-IGNORED", lambda r, f: softplus(-r).max() + softplus(f).max()),
    ("CENTRED", lambda r, f: d_softplus(r - r.mean(), f - f.mean())),
    ("INPUT-CHANGED", d_in_place),
    ("PLUS-A-NUMBER", lambda r, f: d_bce(r, f) + 0.5),
    ("WRONG-VALUE", lambda r, f: softplus(-2 * r).mean() + softplus(f).mean()),
    ("WRONG-VALUE", lambda r, f: d_softplus(r.half(), f.half()).float()),
]

# ---------------------------------------------------------------- g_loss


def g_softplus(fake):
    return softplus(-fake).mean(), -sigmoid(-fake) / len(fake)


def g_bce(fake):
    D = torch.sigmoid(fake)
    return bce(fake, torch.ones_like(fake)), (D - 1) / fake.numel()


def g_autograd(fake):
    s = fake.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(-logsigmoid(s).mean(), s)
    return -logsigmoid(fake).mean(), gradient


def g_list(fake):
    return [-logsigmoid(fake).sum() / len(fake), -1 / (1 + fake.exp()) / len(fake)]


def g_with(loss=None, gradient=None):
    """A right answer with one part replaced."""

    def answer(fake):
        right_loss, right_gradient = g_softplus(fake)
        new_loss = right_loss if loss is None else loss(fake)
        new_gradient = right_gradient if gradient is None else gradient(fake)
        return new_loss, new_gradient

    return answer


def consistent(loss):
    """The loss of a batch with the gradient that autograd finds for it: one mistake, twice."""

    def answer(fake):
        s = fake.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(s), s)
        return loss(fake), gradient

    return answer


def chain(fake):
    D = sigmoid(fake)
    return -1 / D * D * (1 - D) / len(fake)


def g_numpy_gradient(fake):
    s = fake.detach().double().numpy()
    return bce(fake, torch.ones_like(fake)), -1 / (1 + np.exp(np.minimum(s, 700))) / len(s)


def g_jacobian(fake):
    def loss(s):
        return softplus(-s).mean()

    return loss(fake), torch.autograd.functional.jacobian(loss, fake.detach())


def g_in_a_loop(fake):
    return softplus(-fake).mean(), [-float(sigmoid(-s.detach())) / len(fake) for s in fake]


def g_by_tanh(fake):
    return -logsigmoid(fake).mean(), -0.5 * (1 - torch.tanh(fake / 2)) / len(fake)


G_LOSS_WRONG = [
    ("SATURATING-FOR-NON-SATURATING", consistent(lambda f: -softplus(f).mean())),
    ("MINUS-FORGOTTEN", consistent(lambda f: torch.log(sigmoid(f)).mean())),
    ("DOUBLE-SIGMOID", consistent(lambda f: bce(sigmoid(f), torch.ones_like(f)))),
    ("LOG-OF-SIGMOID", g_with(loss=lambda f: -torch.log(sigmoid(f)).mean())),
    ("LOG-OF-SIGMOID", g_with(gradient=chain)),
    ("LOG-OF-SIGMOID", g_with(gradient=lambda f: -(-f).exp() / (1 + (-f).exp()) / len(f))),
    ("EPSILON-PATCH", g_with(loss=lambda f: -torch.log(sigmoid(f) + 1e-8).mean())),
    ("EPSILON-PATCH", g_with(gradient=lambda f: -sigmoid(-f.clamp(-5, 5)) / len(f))),
    (
        "EPSILON-PATCH",
        g_with(loss=lambda f: F.binary_cross_entropy(sigmoid(f), torch.ones(len(f)))),
    ),
    ("EXP-OVERFLOW", g_with(loss=lambda f: torch.log(1 + torch.exp(-f)).mean())),
    ("KINK-AT-ZERO", g_with(loss=lambda f: kinked(-f).mean())),
    ("LOGIT-AS-PROBABILITY", g_with(loss=lambda f: -torch.log(f).mean())),
    ("SUM-NOT-MEAN", consistent(lambda f: softplus(-f).sum())),
    ("UNREDUCED", g_with(loss=lambda f: softplus(-f))),
    ("NO-GRADIENT", g_with(loss=lambda f: softplus(-f).mean().item())),
    ("NO-GRADIENT", g_with(loss=lambda f: softplus(-f.detach()).mean())),
    ("ONE-OF-TWO", lambda f: softplus(-f).mean()),
    ("ONE-OF-TWO", lambda f: (softplus(-f).mean(),)),
    ("ONE-OF-TWO", lambda f: (1, 2, 3)),
    ("ORDER-SWAPPED", lambda f: g_softplus(f)[::-1]),
    ("GRADIENT-SIGN", g_with(gradient=lambda f: 1 - sigmoid(f))),
    ("GRADIENT-OF-ANOTHER", g_with(gradient=lambda f: -sigmoid(f))),
    ("CHAIN-RULE", g_with(gradient=lambda f: -1 / sigmoid(f))),
    ("GRADIENT-REDUCED", g_with(gradient=lambda f: -sigmoid(-f).mean())),
    ("GRADIENT-REDUCED", lambda f: (softplus(-f).mean(), None)),
    ("GRADIENT-REDUCED", g_with(gradient=lambda f: (-sigmoid(-f).mean()).item())),
    ("GRADIENT-IN-PART", g_with(gradient=lambda f: (f != f[-1]) * -sigmoid(-f) / len(f))),
    ("CONSTANT", lambda f: (torch.tensor(0.7), torch.zeros(len(f)))),
    ("EXAMPLES-IGNORED", g_with(loss=lambda f: softplus(-f[0]))),
    ("PLUS-A-NUMBER", g_with(loss=lambda f: softplus(-f).mean() + 0.5)),
    ("WRONG-VALUE", lambda f: (softplus(-3 * f).mean(), -sigmoid(-f) / len(f))),
]

# ---------------------------------------------------------------- family


def family(name, d, g):
    """An answer of the exercise's form from two functions of (real, fake)."""
    return lambda real, fake: (name, d(real, fake), g(real, fake))


def mse(x, target):
    return F.mse_loss(x, torch.full_like(x, target))


def ls_d(r, f):
    return ((r - 1) ** 2).mean() + (f**2).mean()


def ls_g(r, f):
    return ((f - 1) ** 2).mean()


def hinge_d(r, f):
    return relu(1 - r).mean() + relu(1 + f).mean()


def critic_d(r, f):
    return f.mean() - r.mean()


def critic_g(r, f):
    return -f.mean()


def rel_d(r, f):
    return softplus(f - r).mean()


def rel_g(r, f):
    return softplus(r - f).mean()


def sat_g(r, f):
    return -softplus(f).mean()


def all_pairs(r, f):
    return softplus(f[None, :] - r[:, None]).mean()


FAMILY_RIGHT = [
    family("least squares", ls_d, ls_g),
    family("least_squares", lambda r, f: mse(r, 1.0) + mse(f, 0.0), lambda r, f: mse(f, 1.0)),
    family("LSGAN", lambda r, f: ls_d(r, f) / 2, lambda r, f: ls_g(r, f) / 2),
    family("lsgan", lambda r, f: mse(r, 1.0) + mse(f, -1.0), lambda r, f: mse(f, 0.0)),
    family("hinge", hinge_d, critic_g),
    family(
        "Hinge", lambda r, f: -(r - 1).clamp(max=0).mean() - (-1 - f).clamp(max=0).mean(), critic_g
    ),
    family("wasserstein", critic_d, critic_g),
    family("WGAN", lambda r, f: -(r - f).mean(), lambda r, f: (-f).mean()),
    family("relativistic", rel_d, rel_g),
    family(
        "relativistic",
        lambda r, f: -logsigmoid(r - f).mean(),
        lambda r, f: bce(f - r, torch.ones_like(f)),
    ),
    family("saturating", d_softplus, sat_g),
    family("WGAN-GP", critic_d, lambda r, f: -critic_d(r, f)),
    family("saturating GAN", d_softplus, lambda r, f: -d_softplus(r, f)),
    family("minimax", d_logsigmoid, lambda r, f: softplus(-r).mean() - softplus(f).mean()),
    family("minimax", d_bce, lambda r, f: logsigmoid(-f).mean()),
]

FAMILY_RIGHT += [  # a term of real alone in G's loss is harmless: G cannot change it
    family("hinge", hinge_d, lambda r, f: r.mean() - f.mean()),
    family("lsgan", ls_d, lambda r, f: ls_g(r, f) + (r**2).mean()),
    family("RpGAN", rel_d, lambda r, f: torch.logaddexp(torch.zeros_like(r), r - f).mean()),
]

FAMILY_WRONG = [
    # least squares
    # hinge
    # Wasserstein
    ("G-HELPS-D", family("wgan", critic_d, critic_d)),
    # relativistic
    ("RELATIVISTIC-SIGN", family("relativistic", rel_g, rel_d)),
    ("ALL-PAIRS", family("relativistic", all_pairs, lambda r, f: all_pairs(f, r))),
    ("LOG-OF-SIGMOID", family("relativistic", lambda r, f: -sigmoid(r - f).log().mean(), rel_g)),
    ("LOG-OF-SIGMOID", family("relativistic", rel_d, lambda r, f: -sigmoid(f - r).log().mean())),
    ("EXP-OVERFLOW", family("relativistic", lambda r, f: (1 + (f - r).exp()).log().mean(), rel_g)),
    ("KINK-AT-ZERO", family("relativistic", lambda r, f: kinked(f - r).mean(), rel_g)),
    ("EXAMPLES-IGNORED", family("relativistic", lambda r, f: softplus(f[0] - r[0]), rel_g)),
    # saturating
    (
        "LOG-OF-SIGMOID",
        family("saturating", d_softplus, lambda r, f: (1 - sigmoid(f)).log().mean()),
    ),
    ("EPSILON-PATCH", family("saturating", d_epsilon, sat_g)),
    # any
    ("UNREDUCED", family("relativistic", lambda r, f: softplus(f - r), rel_g)),
    ("UNREDUCED", family("wasserstein", lambda r, f: f - r, lambda r, f: -f)),
    ("NO-GRADIENT", family("hinge", lambda r, f: hinge_d(r, f).item(), critic_g)),
    ("NO-GRADIENT", family("hinge", hinge_d, lambda r, f: -f.detach().mean())),
    ("PLAYERS-SWAPPED", family("least squares", ls_g, ls_d)),
    ("UNKNOWN-FAMILY", family("vanilla cheese", d_softplus, sat_g)),
    ("UNKNOWN-FAMILY", family("", hinge_d, critic_g)),
    ("UNKNOWN-FAMILY", family("non-saturating", d_softplus, lambda r, f: softplus(-f).mean())),
    ("NOT-THREE", lambda r, f: (hinge_d(r, f), critic_g(r, f))),
    ("NOT-THREE", lambda r, f: hinge_d(r, f)),
    ("NOT-THREE", lambda r, f: (hinge_d, critic_g, "hinge")),
    ("NOT-THREE", lambda r, f: ("hinge", hinge_d, lambda fake: -fake.mean())),
    ("CONSTANT", family("hinge", lambda r, f: torch.tensor(1.75), critic_g)),
    ("WRONG-VALUE", family("least squares", ls_d, lambda r, f: (f.mean() - 3) ** 2)),
]

# ---------------------------------------------------------------- the lesson's turns


def v_by_bce(D_x, D_Gz):
    ones, zeros = torch.ones_like(D_x), torch.zeros_like(D_Gz)
    return -F.binary_cross_entropy(D_x, ones) - F.binary_cross_entropy(D_Gz, zeros)


def v_in_a_loop(D_x, D_Gz):
    real = sum(float(np.log(float(p))) for p in D_x) / len(D_x)
    return real + sum(float(np.log1p(-float(p))) for p in D_Gz) / len(D_Gz)


def v_by_log1p(D_x, D_Gz):
    return D_x.log().mean() + torch.log1p(-D_Gz).mean()


TURN_ARTICLE_WRONG = [
    ("ARTICLE-L-GAN", lambda x, g: torch.log(1 - g).mean() - x.log().mean()),
    ("ARTICLE-L-GAN", lambda x, g: (1 / x).log().mean() + (1 - g).log().mean()),
    ("WRONG-TERM-TURNED", lambda x, g: x.log().mean() - torch.log(1 - g).mean()),
    ("BOTH-TURNED", lambda x, g: -v_by_log1p(x, g)),
    ("COMPLEMENT-MISSING", lambda x, g: torch.log(x).mean() + torch.log(g).mean()),
    ("ONE-TERM", lambda x, g: x.log().sum() / len(x)),
    ("SUM-NOT-MEAN", lambda x, g: x.log().sum() + (1 - g).log().sum()),
    ("MEAN-TOO-EARLY", lambda x, g: (x.mean() * (1 - g.mean())).log()),
    ("SIGMOID-AGAIN", lambda x, g: logsigmoid(x).mean() + logsigmoid(-g).mean()),
    ("LOG-OF-ZERO", lambda x, g: torch.log(x - 1).mean() + torch.log(-g).mean()),
]


def price_bce(s):
    return bce(s, torch.ones_like(s), reduction="none")


def price_logaddexp(s):
    return torch.logaddexp(torch.zeros_like(s), -s)


TURN_MINUS_LOG_WRONG = [
    ("LOG-OF-SIGMOID", lambda s: -torch.log(sigmoid(s))),
    ("EXP-OVERFLOW", lambda s: -torch.log(1 / (1 + torch.exp(-s)))),
    ("EXP-OVERFLOW", lambda s: torch.log1p(torch.exp(-s))),
    ("EPSILON-PATCH", lambda s: -torch.log(sigmoid(s) + 1e-9)),
    ("KINK-AT-ZERO", lambda s: kinked(-s)),
    ("MINUS-FORGOTTEN", logsigmoid),
    ("PRICE-OF-A-FAKE", lambda s: bce(s, torch.zeros_like(s), reduction="none")),
    ("LOG-OF-THE-REST", lambda s: logsigmoid(-s)),
    ("NO-LOGARITHM", lambda s: 1 - sigmoid(s)),
    ("RELU", lambda s: (-s).clamp(min=0)),
    ("SIGMOID-TOO", lambda s: -logsigmoid(sigmoid(s))),
    ("LOGIT-AS-PROBABILITY", lambda s: -torch.log(s)),
    ("NO-GRADIENT", lambda s: softplus(-s).detach()),
    ("SHAPE", lambda s: softplus(-s).mean()),
]

RIGHT = {
    "turn_article": [v_by_bce, v_in_a_loop, v_by_log1p],
    "turn_minus_log_d": [price_bce, price_logaddexp, lambda s: -logsigmoid(s)],
    "d_loss": [
        d_softplus,
        d_bce,
        d_logsigmoid,
        d_logaddexp,
        d_one_by_one,
        d_logsumexp,
        d_double,
        d_cross_entropy_of_two_classes,
        d_vectors_of_one,
    ],
    "g_loss": [
        g_softplus,
        g_bce,
        g_autograd,
        g_list,
        g_numpy_gradient,
        g_jacobian,
        g_in_a_loop,
        g_by_tanh,
    ],
    "family": FAMILY_RIGHT,
}
WRONG = {
    "turn_article": TURN_ARTICLE_WRONG,
    "turn_minus_log_d": TURN_MINUS_LOG_WRONG,
    "d_loss": D_LOSS_WRONG,
    "g_loss": G_LOSS_WRONG,
    "family": FAMILY_WRONG,
}
