"""Answers to the exercises of chapter 05: the D step, the G step, the loop."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import softplus

from ganedu import losses
from ganedu.trainer import latent

# ---------------------------------------------------------------- d_step(G, D, opt_D, x, z)


def d_loss(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def descend(opt, loss):
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss


def d_with(loss):
    """A D step that is right but for its loss(real logits, fake logits)."""

    def my_d_step(G, D, opt_D, x, z):
        return descend(opt_D, loss(D(x), D(G(z).detach())))

    return my_d_step


def d_bce(G, D, opt_D, x, z):
    """With targets, two backward calls, no_grad for G, and a float returned."""
    with torch.no_grad():
        fake = G(z)
    D.zero_grad(set_to_none=False)
    real_logits = D(x)
    l_real = bce(real_logits, torch.ones_like(real_logits))
    l_real.backward()
    fake_logits = D(fake)
    l_fake = bce(fake_logits, torch.zeros_like(fake_logits))
    l_fake.backward()
    opt_D.step()
    return l_real.item() + l_fake.item()


def d_one_batch(G, D, opt_D, x, z):
    """Real and fake through D together, and the package's own loss."""
    D.train()
    logits = D(torch.cat([x, G(z).detach()]))
    loss = losses.logistic_d(*logits.chunk(2))
    for p in D.parameters():
        p.grad = None
    loss.backward()
    opt_D.step()
    return loss.detach()


def d_not_detached(G, D, opt_D, x, z):
    """Right but slower: gradients flow on into G and are not used."""
    return descend(opt_D, d_loss(D(x), D(G(z))))


def d_not_detached_cleared(G, D, opt_D, x, z):
    opt_D.zero_grad()
    G.zero_grad()
    loss = d_loss(D(x), D(G(z)))
    loss.backward()
    G.zero_grad()
    opt_D.step()
    return loss.item()


def d_by_autograd(G, D, opt_D, x, z):
    """No backward call: gradients asked for and put in place."""
    loss = -F.logsigmoid(D(x)).mean() - F.logsigmoid(-D(G(z).detach())).mean()
    for p, g in zip(D.parameters(), torch.autograd.grad(loss, list(D.parameters()))):
        p.grad = g
    opt_D.step()
    return loss.detach().numpy()


def d_clears_last(G, D, opt_D, x, z):
    """Clears before as well as after."""
    loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    opt_D.zero_grad()
    return loss


def d_freezes_g(G, D, opt_D, x, z):
    G.requires_grad_(False)
    loss = descend(opt_D, d_loss(D(x), D(G(z))))
    G.requires_grad_(True)
    return loss


def d_closure(G, D, opt_D, x, z):
    """The way that LBFGS asks for."""

    def closure():
        opt_D.zero_grad()
        loss = d_loss(D(x), D(G(z).detach()))
        loss.backward()
        return loss

    return opt_D.step(closure)


def d_real_not_tracked(G, D, opt_D, x, z):
    with torch.no_grad():
        real = D(x)
    return descend(opt_D, d_loss(real, D(G(z).detach())))


def d_x_into_g(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x), D(G(x))))


def d_smooth(real, fake):
    return bce(real, torch.full_like(real, 0.9)) + bce(fake, torch.zeros_like(fake))


def d_zero_between(G, D, opt_D, x, z):
    loss = d_loss(D(x), D(G(z).detach()))
    loss.backward()
    opt_D.zero_grad()
    opt_D.step()
    return loss


def d_two_steps(G, D, opt_D, x, z):
    for _ in range(2):
        loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    return loss


def d_moves_g_too(G, D, opt_D, x, z):
    G.zero_grad()
    loss = descend(opt_D, d_loss(D(x), D(G(z))))
    with torch.no_grad():
        for p in G.parameters():
            p -= 0.01 * p.grad
    return loss


def d_shared_optimiser(G, D, opt_D, x, z):
    opt = torch.optim.Adam([*G.parameters(), *D.parameters()], lr=2e-4)
    return descend(opt, d_loss(D(x), D(G(z))))


def d_shared_by_group(G, D, opt_D, x, z):
    if len(opt_D.param_groups) == 1:
        opt_D.add_param_group({"params": list(G.parameters())})
    return descend(opt_D, d_loss(D(x), D(G(z))))


def d_own_optimiser(G, D, opt_D, x, z):
    opt = torch.optim.Adam(D.parameters(), lr=2e-4)
    return descend(opt, d_loss(D(x), D(G(z).detach())))


def d_clips(G, D, opt_D, x, z):
    loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    with torch.no_grad():
        for p in D.parameters():
            p.clamp_(-0.01, 0.01)
    return loss


def d_item(G, D, opt_D, x, z):
    opt_D.zero_grad()
    loss = d_loss(D(x), D(G(z).detach())).item()
    loss.backward()
    opt_D.step()
    return loss


def d_all_no_grad(G, D, opt_D, x, z):
    opt_D.zero_grad()
    with torch.no_grad():
        loss = d_loss(D(x), D(G(z)))
    loss.backward()
    opt_D.step()
    return loss


def d_stale(G, D, opt_D, x, z):
    opt_D.zero_grad()
    fake = G(z)
    l_real = softplus(-D(x)).mean()
    l_real.backward()
    loss = l_real + softplus(D(fake)).mean()
    loss.backward()
    opt_D.step()
    return loss


def d_stale_after_step(G, D, opt_D, x, z):
    opt_D.zero_grad()
    real, fake = D(x), D(G(z).detach())
    softplus(-real).mean().backward()
    opt_D.step()
    softplus(fake).mean().backward()
    opt_D.step()
    return d_loss(real, fake)


def d_own_z(G, D, opt_D, x, z):
    z = torch.randn_like(z)
    return descend(opt_D, d_loss(D(x), D(G(z).detach())))


def d_noise_for_fake(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x), D(z)))


def d_unreduced(G, D, opt_D, x, z):
    loss = softplus(-D(x)) + softplus(D(G(z).detach()))
    descend(opt_D, loss.mean())
    return loss


def d_unreduced_backward(G, D, opt_D, x, z):
    return descend(opt_D, softplus(-D(x)) + softplus(D(G(z).detach())))


def d_probabilities(G, D, opt_D, x, z):
    ones, zeros = torch.ones(len(x)), torch.zeros(len(x))
    real, fake = D(x), D(G(z).detach())
    return descend(opt_D, nn.BCELoss()(real, ones) + nn.BCELoss()(fake, zeros))


def d_bce_of_sigmoid(real, fake):
    loss = nn.BCELoss()
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return loss(real, torch.ones_like(real)) + loss(fake, torch.zeros_like(fake))


def d_log_of_sigmoid(real, fake):
    return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()


def d_log_with_eps(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return -torch.log(real + 1e-8).mean() - torch.log(1 - fake + 1e-8).mean()


def d_leaves_frozen(G, D, opt_D, x, z):
    G.requires_grad_(False)
    return descend(opt_D, d_loss(D(x), D(G(z))))


def d_in_eval(G, D, opt_D, x, z):
    D.eval()
    loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    D.train()
    return loss


def d_with_g_in_eval(G, D, opt_D, x, z):
    G.eval()
    fake = G(z).detach()
    G.train()
    return descend(opt_D, d_loss(D(x), D(fake)))


def d_leaves_eval(G, D, opt_D, x, z):
    G.eval()
    return descend(opt_D, d_loss(D(x), D(G(z).detach())))


def d_returns_nothing(G, D, opt_D, x, z):
    descend(opt_D, d_loss(D(x), D(G(z).detach())))


def d_returns_pair(G, D, opt_D, x, z):
    real, fake = D(x), D(G(z).detach())
    return descend(opt_D, d_loss(real, fake)), real


def d_returns_number_of_its_own(G, D, opt_D, x, z):
    descend(opt_D, d_loss(D(x), D(G(z).detach())))
    return 0.5


def d_trains_on_part(G, D, opt_D, x, z):
    """The number is right, but only the real half is learned from."""
    opt_D.zero_grad()
    real, fake = softplus(-D(x)).mean(), softplus(D(G(z).detach())).mean()
    real.backward()
    opt_D.step()
    return real + fake


def d_backward_of_sum(G, D, opt_D, x, z):
    real, fake = D(x), D(G(z).detach())
    descend(opt_D, softplus(-real).sum() + softplus(fake).sum())
    return d_loss(real, fake).item() if opt_D else None


def d_two_mistakes(G, D, opt_D, x, z):
    """Labels swapped, and nothing cleared: the loss comes first."""
    loss = softplus(D(x)).mean() + softplus(-D(G(z).detach())).mean()
    loss.backward()
    opt_D.step()
    return loss


def d_decays(G, D, opt_D, x, z):
    for group in opt_D.param_groups:
        group["lr"] *= 0.9
    return descend(opt_D, d_loss(D(x), D(G(z).detach())))


def d_maximises(G, D, opt_D, x, z):
    opt_D.param_groups[0]["maximize"] = True
    return descend(opt_D, d_loss(D(x), D(G(z).detach())))


def d_one_z(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x), D(G(z[:1]).detach())))


def d_text(G, D, opt_D, x, z):
    return f"{descend(opt_D, d_loss(D(x), D(G(z).detach()))).item():.4f}"


def d_clips_gradient(G, D, opt_D, x, z):
    opt_D.zero_grad()
    loss = d_loss(D(x), D(G(z).detach()))
    loss.backward()
    nn.utils.clip_grad_norm_(D.parameters(), 0.1)
    opt_D.step()
    return loss


def d_back_twice(G, D, opt_D, x, z):
    opt_D.zero_grad()
    loss = d_loss(D(x), D(G(z).detach()))
    loss.backward(retain_graph=True)
    loss.backward()
    opt_D.step()
    return loss


def d_noisy(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x + 0.1 * torch.randn_like(x)), D(G(z).detach())))


def d_in_place(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x.clamp_(-1, 1)), D(G(z).detach())))


def d_new_parameters(G, D, opt_D, x, z):
    loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    for layer in D.modules():
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(layer.weight.detach().clone())
    return loss


def d_train_again_for_one(G, D, opt_D, x, z):
    G.eval(), D.eval()
    loss = descend(opt_D, d_loss(D(x), D(G(z).detach())))
    D.train()
    return loss


D_WRONG = [
    ("TERM-MISSING", d_real_not_tracked),
    ("Z-SHAPE", d_x_into_g),
    ("STEPPED-TWICE", d_two_steps),
    ("D-STEP-FEEDS-G", d_moves_g_too),
    ("SHARED-OPTIMISER", d_shared_optimiser),
    ("SHARED-OPTIMISER", d_shared_by_group),
    ("OPTIMISER-IGNORED", d_own_optimiser),
    ("WEIGHTS-TOUCHED", d_clips),
    ("LOSS-ITEM-TOO-EARLY", d_item),
    ("GRAPH-CUT", d_all_no_grad),
    ("STALE-GRAPH", d_stale),
    ("STALE-GRAPH", d_stale_after_step),
    ("OWN-Z", d_own_z),
    ("NOISE-FOR-FAKE", d_noise_for_fake),
    ("UNREDUCED", d_unreduced),
    ("UNREDUCED", d_unreduced_backward),
    ("LOGITS-AS-PROBABILITIES", d_probabilities),
    ("LOG-OF-SIGMOID", d_with(d_bce_of_sigmoid)),
    ("LOG-OF-SIGMOID", d_with(d_log_of_sigmoid)),
    ("LOG-OF-SIGMOID", d_with(d_log_with_eps)),
    ("LABELS-SWAPPED", d_two_mistakes),
    ("LEFT-FROZEN", d_leaves_frozen),
    ("LEFT-IN-EVAL", d_leaves_eval),
    ("EVAL-MODE", d_in_eval),
    ("EVAL-MODE", d_with_g_in_eval),
    ("NOTHING-RETURNED", d_returns_nothing),
    ("NOT-A-NUMBER", d_returns_pair),
    ("WRONG-VALUE", d_returns_number_of_its_own),
    ("TERM-MISSING", d_trains_on_part),
    ("SUM-NOT-MEAN", d_backward_of_sum),
    ("G-UNUSED", lambda G, D, opt_D, x, z: 1.0),
    ("TIMES-A-FACTOR", d_with(lambda r, f: 3 * d_loss(r, f))),
    ("NOT-FINITE", d_with(lambda r, f: d_loss(r, f) + (f - 1e4).log().mean())),
    ("SETTINGS-CHANGED", d_decays),
    ("SETTINGS-CHANGED", d_maximises),
    ("PART-OF-BATCH", d_one_z),
    ("NOT-A-NUMBER", d_text),
    ("STEP-LENGTH", d_clips_gradient),
    ("REAL-UNSEEN", d_noisy),
    ("STEP-LENGTH", d_back_twice),
    ("INPUT-CHANGED", d_in_place),
    ("PARAMETERS-REPLACED", d_new_parameters),
    ("LEFT-IN-EVAL", d_train_again_for_one),
    ("TIMES-A-FACTOR", d_with(lambda r, f: d_loss(r, f) / math.log(2))),
    ("PLUS-A-NUMBER", d_with(lambda r, f: d_loss(r, f) - 2 * math.log(2))),
    ("LOG-OF-SIGMOID", d_with(lambda r, f: d_loss(r.clamp(-20, 20), f.clamp(-20, 20)))),
]

# ---------------------------------------------------------------- g_step(G, D, opt_G, z)


def g_with(loss):
    """A G step that is right but for its loss(fake logits)."""

    def my_g_step(G, D, opt_G, z):
        return descend(opt_G, loss(D(G(z))))

    return my_g_step


def g_bce(G, D, opt_G, z):
    """With the target 'real' for the fakes, D frozen meanwhile, a float returned."""
    for p in D.parameters():
        p.requires_grad = False
    fake_logits = D(G(z))
    loss = bce(fake_logits, torch.ones_like(fake_logits))
    G.zero_grad()
    loss.backward()
    opt_G.step()
    for p in D.parameters():
        p.requires_grad = True
    return loss.item()


def g_by_autograd(G, D, opt_G, z):
    loss = -F.logsigmoid(D(G(z))).mean()
    for p, g in zip(G.parameters(), torch.autograd.grad(loss, list(G.parameters()))):
        p.grad = g
    opt_G.step()
    return loss


def g_clears_d(G, D, opt_G, z):
    loss = descend(opt_G, losses.nonsaturating_g(D(G(z))))
    D.zero_grad()
    return float(loss.detach())


def g_detached_d_frozen(G, D, opt_G, z):
    D.requires_grad_(False)
    return descend(opt_G, softplus(-D(G(z).detach())).mean())


def g_d_no_grad(G, D, opt_G, z):
    """Spares D by no_grad around it, which cuts G off as well."""
    fake = G(z)
    with torch.no_grad():
        logits = D(fake)
    return descend(opt_G, softplus(-logits).mean())


def g_no_backward(G, D, opt_G, z):
    opt_G.zero_grad()
    loss = softplus(-D(G(z))).mean()
    opt_G.step()
    return loss


def g_moves_d(G, D, opt_G, z):
    D.zero_grad()
    loss = descend(opt_G, softplus(-D(G(z))).mean())
    with torch.no_grad():
        for p in D.parameters():
            p -= 0.1 * p.grad
    return loss


def g_shared_optimiser(G, D, opt_G, z):
    opt = torch.optim.SGD([*G.parameters(), *D.parameters()], lr=0.01)
    return descend(opt, softplus(-D(G(z))).mean())


def g_shared_by_group(G, D, opt_G, z):
    if len(opt_G.param_groups) == 1:
        opt_G.add_param_group({"params": list(D.parameters())})
    return descend(opt_G, softplus(-D(G(z))).mean())


def g_own_optimiser(G, D, opt_G, z):
    opt = torch.optim.Adam(G.parameters(), lr=2e-4)
    return descend(opt, softplus(-D(G(z))).mean())


def g_leaves_d_frozen(G, D, opt_G, z):
    D.requires_grad_(False)
    return descend(opt_G, softplus(-D(G(z))).mean())


def g_with_d_in_eval(G, D, opt_G, z):
    D.eval()
    loss = descend(opt_G, softplus(-D(G(z))).mean())
    D.train()
    return loss


def g_leaves_d_eval(G, D, opt_G, z):
    D.eval()
    return descend(opt_G, softplus(-D(G(z))).mean())


def g_item(G, D, opt_G, z):
    opt_G.zero_grad()
    loss = softplus(-D(G(z))).mean().item()
    loss.backward()
    opt_G.step()
    return loss


def g_twice(G, D, opt_G, z):
    opt_G.zero_grad()
    loss = softplus(-D(G(z))).mean()
    loss.backward()
    opt_G.step()
    loss.backward()
    opt_G.step()
    return loss


def g_own_z(G, D, opt_G, z):
    return descend(opt_G, softplus(-D(G(torch.randn_like(z)))).mean())


def g_noise(G, D, opt_G, z):
    return descend(opt_G, softplus(-D(z)).mean())


def g_pair(G, D, opt_G, z):
    fake = G(z)
    return descend(opt_G, softplus(-D(fake)).mean()), fake


def g_unreduced(G, D, opt_G, z):
    return descend(opt_G, softplus(-D(G(z))))


def g_ascends(G, D, opt_G, z):
    opt_G.zero_grad()
    loss = softplus(-D(G(z))).mean()
    (-loss).backward()
    opt_G.step()
    return loss


def g_two_mistakes(G, D, opt_G, z):
    """The loss for D's side, and detached: the loss comes first."""
    return descend(opt_G, softplus(D(G(z).detach())).mean())


G_WRONG = [
    ("G-STARVED", g_detached_d_frozen),
    ("G-STARVED", g_d_no_grad),
    ("G-STEP-MOVES-D", g_moves_d),
    ("SHARED-OPTIMISER", g_shared_optimiser),
    ("SHARED-OPTIMISER", g_shared_by_group),
    ("OPTIMISER-IGNORED", g_own_optimiser),
    ("LEFT-FROZEN", g_leaves_d_frozen),
    ("LEFT-IN-EVAL", g_leaves_d_eval),
    ("EVAL-MODE", g_with_d_in_eval),
    ("LOSS-ITEM-TOO-EARLY", g_item),
    ("STALE-GRAPH", g_twice),
    ("OWN-Z", g_own_z),
    ("NOISE-FOR-FAKE", g_noise),
    ("NOT-A-NUMBER", g_pair),
    ("UNREDUCED", g_unreduced),
    ("LABELS-SWAPPED", g_two_mistakes),
    ("LOGITS-AS-PROBABILITIES", g_with(lambda f: nn.BCELoss()(f, torch.ones_like(f)))),
    ("LOG-OF-SIGMOID", g_with(lambda f: -f.sigmoid().log().mean())),
    ("LOG-OF-SIGMOID", g_with(lambda f: nn.BCELoss()(f.sigmoid(), torch.ones_like(f)))),
    ("NOTHING-RETURNED", lambda G, D, opt_G, z: None),
    ("G-UNUSED", lambda G, D, opt_G, z: torch.tensor(0.7)),
    ("TIMES-A-FACTOR", g_with(lambda f: 3 * softplus(-f).mean())),
    ("INPUT-CHANGED", lambda G, D, opt_G, z: descend(opt_G, softplus(-D(G(z.normal_()))).mean())),
    ("OWN-Z", lambda G, D, opt_G, z: descend(opt_G, softplus(-D(G(z.flip(1)))).mean())),
    ("FAKES-UNSEEN", lambda G, D, opt_G, z: descend(opt_G, softplus(-D(G(z) + 0.1)).mean())),
]

# ------------------------------------------- train(G, D, opt_G, opt_D, data, steps, batch, rng)


def d_step(G, D, opt_D, x, z):
    return descend(opt_D, d_loss(D(x), D(G(z).detach())))


def g_step(G, D, opt_G, z):
    return descend(opt_G, softplus(-D(G(z))).mean())


def noise(G, n, rng):
    return torch.randn(n, G.z_dim, generator=rng)


def t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Fresh z for each player, from two functions."""
    rows = []
    for _ in range(steps):
        x = data.sample(batch, rng)
        d = d_step(G, D, opt_D, x, noise(G, batch, rng))
        g = g_step(G, D, opt_G, noise(G, batch, rng))
        rows.append((d.item(), g.item()))
    return rows


def t_inline(G, D, opt_G, opt_D, data, steps, batch, rng):
    """One batch of fakes for both players, all written out, z before x."""
    rows = []
    for _ in range(steps):
        z = noise(G, batch, rng)
        fake = G(z)
        x = data.sample(batch, rng)
        opt_D.zero_grad()
        d_loss = bce(D(x), torch.ones(batch)) + bce(D(fake.detach()), torch.zeros(batch))
        d_loss.backward()
        opt_D.step()
        opt_G.zero_grad()
        g_loss = bce(D(fake), torch.ones(batch))
        g_loss.backward()
        opt_G.step()
        rows += [[d_loss.item(), g_loss.item()]]
    return rows


def t_article_order(G, D, opt_G, opt_D, data, steps, batch, rng):
    """The article's order: G first, then D on the fakes made before."""
    rows = []
    for _ in range(steps):
        x, fake = data.sample(batch, rng), G(latent(G, batch, rng))
        g = descend(opt_G, softplus(-D(fake)).mean())
        d = descend(opt_D, d_loss(D(x), D(fake.detach())))
        rows.append((d.item(), g.item()))
    return rows


def t_g_first(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        g = g_step(G, D, opt_G, noise(G, batch, rng))
        d = d_step(G, D, opt_D, data.sample(batch, rng), noise(G, batch, rng))
        rows.append((d.item(), g.item()))
    return rows


def t_slower(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Not detached, but cleared before G's own step: right, with work thrown away."""
    rows = []
    for _ in range(steps):
        x, z = data.sample(batch, rng), noise(G, batch, rng)
        d = d_not_detached(G, D, opt_D, x, z)
        rows.append((d.detach(), g_step(G, D, opt_G, z).detach()))
    return rows


def t_drawn_before(G, D, opt_G, opt_D, data, steps, batch, rng):
    """All batches drawn before the loop, D given real and fake as one batch."""
    draws = [(data.sample(batch, rng), noise(G, batch, rng)) for _ in range(steps)]
    return [
        (
            d_one_batch(G, D, opt_D, x, z).item(),
            g_by_autograd(G, D, opt_G, z).item(),
        )
        for x, z in draws
    ]


def t_with_d_frozen(G, D, opt_G, opt_D, data, steps, batch, rng):
    """A generator of rows, wrapped in a list; D frozen during G's step."""

    def rows():
        for _ in range(steps):
            G.train(), D.train()
            z = noise(G, batch, rng)
            d = d_bce(G, D, opt_D, data.sample(batch, rng), z)
            yield d, g_bce(G, D, opt_G, z)

    return list(rows())


def t_at_once(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Both gradients first, then both steps."""
    rows = []
    for _ in range(steps):
        x, fake = data.sample(batch, rng), G(noise(G, batch, rng))
        real_logits, fake_logits = D(x), D(fake)
        d, g = d_loss(real_logits, fake_logits), softplus(-fake_logits).mean()
        for_d = torch.autograd.grad(d, list(D.parameters()), retain_graph=True)
        for_g = torch.autograd.grad(g, list(G.parameters()))
        for p, gradient in zip([*D.parameters(), *G.parameters()], [*for_d, *for_g]):
            p.grad = gradient
        opt_D.step(), opt_G.step()
        rows.append((d.item(), g.item()))
    return rows


def t_looks_on(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Keeps an average of G and previews, with noise of another generator."""
    rows, average, fixed = [], copy.deepcopy(G), torch.randn(8, G.z_dim)
    for _ in range(steps):
        d = d_step(G, D, opt_D, data.sample(batch, rng), noise(G, batch, rng))
        g = g_step(G, D, opt_G, noise(G, batch, rng))
        with torch.no_grad():
            for mine, now in zip(average.parameters(), G.parameters()):
                mine.lerp_(now, 0.1)
            G.eval(), D(G(fixed)), average(fixed), G.train()
        rows.append((d.item(), g.item()))
    return rows


def t_clears_last(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Clears at the end of each pass: D's two gradients never meet, for both are cleared there."""
    rows = []
    opt_G.zero_grad(), opt_D.zero_grad()
    for _ in range(steps):
        fake = G(noise(G, batch, rng))
        d = d_loss(D(data.sample(batch, rng)), D(fake.detach()))
        d.backward()
        opt_D.step()
        g = softplus(-D(fake)).mean()
        g.backward()
        opt_G.step()
        opt_G.zero_grad(), opt_D.zero_grad()
        rows.append((d.item(), g.item()))
    return rows


def train_with(
    d_step=d_step, g_step=g_step, row=lambda d, g: (torch.as_tensor(d).item(), g.item())
):
    """A loop that is right but for its parts."""

    def my_train(G, D, opt_G, opt_D, data, steps, batch, rng):
        rows = []
        for _ in range(steps):
            x = data.sample(batch, rng)
            d = d_step(G, D, opt_D, x, noise(G, batch, rng))
            g = g_step(G, D, opt_G, noise(G, batch, rng))
            rows.append(row(d, g))
        return rows

    return my_train


def with_noise(draw):
    """A loop that is right but for its z = draw(n, dim, rng)."""

    def my_train(G, D, opt_G, opt_D, data, steps, batch, rng):
        rows = []
        for _ in range(steps):
            z = draw(batch, G.z_dim, rng)
            d = d_step(G, D, opt_D, data.sample(batch, rng), z)
            rows.append((d.item(), g_step(G, D, opt_G, z).item()))
        return rows

    return my_train


def t_feeds_g(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Not detached, and both cleared once at the top: D's loss leaks into G's step."""
    rows = []
    for _ in range(steps):
        opt_G.zero_grad()
        opt_D.zero_grad()
        d = d_loss(D(data.sample(batch, rng)), D(G(noise(G, batch, rng))))
        d.backward()
        opt_D.step()
        g = softplus(-D(G(noise(G, batch, rng)))).mean()
        g.backward()
        opt_G.step()
        rows.append((d.item(), g.item()))
    return rows


def t_frozen_z(G, D, opt_G, opt_D, data, steps, batch, rng):
    z = noise(G, batch, rng)
    return [
        (
            d_step(G, D, opt_D, data.sample(batch, rng), z).item(),
            g_step(G, D, opt_G, z).item(),
        )
        for _ in range(steps)
    ]


def t_reseeded(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        rng.manual_seed(0)
        x, z = data.sample(batch, rng), noise(G, batch, rng)
        rows.append((d_step(G, D, opt_D, x, z).item(), g_step(G, D, opt_G, z).item()))
    return rows


def t_frozen_x(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows, x = [], data.sample(batch, rng)
    for _ in range(steps):
        z = noise(G, batch, rng)
        rows.append((d_step(G, D, opt_D, x, z).item(), g_step(G, D, opt_G, z).item()))
    return rows


def t_no_x_rng(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows, own = [], torch.Generator().manual_seed(5)
    for _ in range(steps):
        x, z = data.sample(batch, own), noise(G, batch, rng)
        rows.append((d_step(G, D, opt_D, x, z).item(), g_step(G, D, opt_G, z).item()))
    return rows


def t_batch_128(G, D, opt_G, opt_D, data, steps, batch, rng):
    return t_fresh(G, D, opt_G, opt_D, data, steps, 128, rng)


def t_1000_steps(G, D, opt_G, opt_D, data, steps, batch, rng):
    return t_fresh(G, D, opt_G, opt_D, data, 50, batch, rng)


def t_return_in_loop(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        z = noise(G, batch, rng)
        d = d_step(G, D, opt_D, data.sample(batch, rng), z)
        rows.append((d.item(), g_step(G, D, opt_G, z).item()))
        return rows
    return None


def t_no_rows(G, D, opt_G, opt_D, data, steps, batch, rng):
    t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng)


def t_d_only(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        z = noise(G, batch, rng)
        d = d_step(G, D, opt_D, data.sample(batch, rng), z)
        rows.append((d.item(), softplus(-D(G(z))).mean().item()))
    return rows


def t_five_d(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        for _ in range(5):
            d = d_step(G, D, opt_D, data.sample(batch, rng), noise(G, batch, rng))
        rows.append((d.item(), g_step(G, D, opt_G, noise(G, batch, rng)).item()))
    return rows


def t_d_then_g(G, D, opt_G, opt_D, data, steps, batch, rng):
    """First trains D to the end, then G: no dance."""
    d = [
        d_step(G, D, opt_D, data.sample(batch, rng), noise(G, batch, rng)).item()
        for _ in range(steps)
    ]
    g = [g_step(G, D, opt_G, noise(G, batch, rng)).item() for _ in range(steps)]
    return list(zip(d, g))


def t_optimisers_swapped(G, D, opt_G, opt_D, data, steps, batch, rng):
    return t_fresh(G, D, opt_D, opt_G, data, steps, batch, rng)


def t_g_step_with_opt_d(G, D, opt_G, opt_D, data, steps, batch, rng):
    return t_fresh(G, D, opt_D, opt_D, data, steps, batch, rng)


def t_shared(G, D, opt_G, opt_D, data, steps, batch, rng):
    opt = torch.optim.Adam([*G.parameters(), *D.parameters()], lr=2e-4)
    return t_fresh(G, D, opt, opt, data, steps, batch, rng)


def t_own_optimisers(G, D, opt_G, opt_D, data, steps, batch, rng):
    opt_G = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng)


def t_zero_for_d_once(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Clears D's gradients only after its own step: G's step leaves some for the next one."""
    rows = []
    for _ in range(steps):
        d = d_loss(D(data.sample(batch, rng)), D(G(noise(G, batch, rng)).detach()))
        d.backward()
        opt_D.step()
        opt_D.zero_grad()
        g = g_step(G, D, opt_G, noise(G, batch, rng))
        rows.append((d.item(), g.item()))
    return rows


def t_reuses_graph(G, D, opt_G, opt_D, data, steps, batch, rng):
    """G learns from D's logits of before D's step."""
    rows = []
    for _ in range(steps):
        x, fake = data.sample(batch, rng), G(noise(G, batch, rng))
        real_logits, fake_logits = D(x), D(fake)
        d = d_loss(real_logits, fake_logits)
        opt_D.zero_grad()
        d.backward(retain_graph=True)
        opt_D.step()
        opt_G.zero_grad()
        g = softplus(-fake_logits).mean()
        g.backward()
        opt_G.step()
        rows.append((d.item(), g.item()))
    return rows


def t_stale_fakes(G, D, opt_G, opt_D, data, steps, batch, rng):
    """Fakes drawn once, by the first G, are all that D ever sees."""
    rows = []
    with torch.no_grad():
        fake = G(noise(G, batch, rng))
    for _ in range(steps):
        d = descend(opt_D, d_loss(D(data.sample(batch, rng)), D(fake)))
        rows.append((d.item(), g_step(G, D, opt_G, noise(G, batch, rng)).item()))
    return rows


def t_freezes_d(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng)
    D.requires_grad_(False)
    return rows


def t_eval_at_end(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng)
    G.eval()
    return rows


def t_dicts(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = t_fresh(G, D, opt_G, opt_D, data, steps, batch, rng)
    return [{"d_loss": d, "g_loss": g} for d, g in rows]


def t_seeds_globally(G, D, opt_G, opt_D, data, steps, batch, rng):
    torch.manual_seed(0)
    return with_noise(lambda n, d, rng: torch.randn(n, d))(
        G, D, opt_G, opt_D, data, steps, batch, rng
    )


def t_no_real(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        z = noise(G, batch, rng)
        d = descend(opt_D, softplus(D(G(z).detach())).mean())
        rows.append((d.item(), g_step(G, D, opt_G, z).item()))
    return rows


def t_noise_as_fakes(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        x = data.sample(batch, rng)
        d = descend(opt_D, d_loss(D(x), D(torch.randn(x.shape, generator=rng))))
        rows.append((d.item(), g_step(G, D, opt_G, noise(G, batch, rng)).item()))
    return rows


def g_clips_gradient(G, D, opt_G, z):
    loss = softplus(-D(G(z))).mean()
    opt_G.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(G.parameters(), 0.01)
    opt_G.step()
    return loss


def t_item_early(G, D, opt_G, opt_D, data, steps, batch, rng):
    rows = []
    for _ in range(steps):
        d = d_loss(D(data.sample(batch, rng)), D(G(noise(G, batch, rng)).detach())).item()
        opt_D.zero_grad()
        d.backward()
        opt_D.step()
        rows.append((d, g_step(G, D, opt_G, noise(G, batch, rng)).item()))
    return rows


def t_keeps_graphs(G, D, opt_G, opt_D, data, steps, batch, rng):
    return train_with(row=lambda d, g: (d, g))(G, D, opt_G, opt_D, data, steps, batch, rng)


def loop(x=None, z=None, before=lambda opt_G, opt_D: None):
    """A loop that is right but for x(data, batch, rng, step), z(G, batch, rng) or what comes before."""

    def my_train(G, D, opt_G, opt_D, data, steps, batch, rng):
        draw_x, draw_z = (f(data, G, batch, rng) if f else None for f in (x, z))
        draw_x = draw_x or (lambda k: data.sample(batch, rng))
        draw_z = draw_z or (lambda: noise(G, batch, rng))
        rows = []
        for k in range(steps):
            before(opt_G, opt_D)
            d = d_step(G, D, opt_D, draw_x(k), draw_z())
            rows.append((d.item(), g_step(G, D, opt_G, draw_z()).item()))
        return rows

    return my_train


def seeds_with_the_rngs_seed(data, G, batch, rng):
    torch.manual_seed(rng.initial_seed())
    return lambda: torch.randn(batch, G.z_dim)


def copies(data, G, batch, rng):
    mine = torch.Generator()
    mine.set_state(rng.get_state())
    return lambda: noise(G, batch, mine)


def pool(data, G, batch, rng):
    """Two batches drawn once, used in turn."""
    x = data.sample(2 * batch, rng)
    return lambda k: x[(k % 2) * batch :][:batch]


def decays(opt_G, opt_D):
    for opt in (opt_G, opt_D):
        opt.param_groups[0]["lr"] *= 0.9


t_seeds_with_the_rngs_seed, t_copies_rng = loop(z=seeds_with_the_rngs_seed), loop(z=copies)
t_pool, t_schedule = loop(x=pool), loop(before=decays)


T_WRONG = [
    ("D-STEP-FEEDS-G", t_feeds_g),
    ("FROZEN-Z", t_frozen_z),
    ("RNG-RESET", t_reseeded),
    ("FROZEN-X", t_frozen_x),
    ("STALE-FAKES", t_stale_fakes),
    ("RNG-IGNORED", t_no_x_rng),
    ("Z-NOT-NORMAL", with_noise(lambda n, d, rng: 2 * torch.rand(n, d, generator=rng) - 1)),
    ("BATCH-IGNORED", t_batch_128),
    ("STEPS-IGNORED", t_1000_steps),
    ("ONE-STEP-ONLY", t_return_in_loop),
    ("REAL-UNSEEN", t_no_real),
    ("G-UNUSED", t_noise_as_fakes),
    ("WRONG-GRADIENT", train_with(g_step=g_clips_gradient)),
    ("NOTHING-DONE", lambda *args: None),
    ("RNG-REWOUND", t_seeds_globally),
    ("Z-SHAPE", with_noise(lambda n, d, rng: torch.randn(n, 2, generator=rng))),
    ("ROWS", t_dicts),
    ("NOTHING-RETURNED", t_no_rows),
    ("GRAPH-KEPT", t_keeps_graphs),
    ("STEP-FORGOTTEN", t_d_only),
    ("STEPS-UNEQUAL", t_five_d),
    ("NO-ALTERNATION", t_d_then_g),
    ("OPTIMISERS-SWAPPED", t_optimisers_swapped),
    ("G-STEP-MOVES-D", t_g_step_with_opt_d),
    ("WEIGHTS-TOUCHED", train_with(g_step=g_moves_d)),
    ("SHARED-OPTIMISER", t_shared),
    ("OPTIMISER-IGNORED", t_own_optimisers),
    ("NO-ZERO-GRAD", t_zero_for_d_once),
    ("STALE-GRAPH", t_reuses_graph),
    ("G-STARVED", train_with(g_step=g_d_no_grad)),
    ("LOSS-ITEM-TOO-EARLY", t_item_early),
    ("WRONG-SIGN", train_with(g_step=g_ascends)),
    ("LABELS-SWAPPED", train_with(g_step=g_with(lambda f: softplus(f).mean()))),
    ("ARTICLE-G-LOSS", train_with(g_step=g_with(losses.article_code_g))),
    ("DOUBLE-SIGMOID", train_with(d_step=d_with(lambda r, f: d_loss(r.sigmoid(), f.sigmoid())))),
    ("SUM-NOT-MEAN", train_with(g_step=g_with(lambda f: softplus(-f).sum()))),
    ("ZERO-GRAD-TOO-LATE", train_with(d_step=d_zero_between)),
    ("BACKWARD-FORGOTTEN", train_with(g_step=g_no_backward)),
    ("NOISE-FOR-FAKE", train_with(d_step=d_noise_for_fake)),
    ("LEFT-FROZEN", t_freezes_d),
    ("LEFT-IN-EVAL", t_eval_at_end),
    ("RNG-COPIED", t_copies_rng),
    ("SETTINGS-CHANGED", t_schedule),
    ("ONE-DRAW", with_noise(lambda n, d, rng: torch.randn(n, 1, generator=rng).expand(-1, d))),
    ("LABEL-SMOOTHING", train_with(d_step=d_with(d_smooth))),
]


def d_inference_mode(G, D, opt_D, x, z):
    with torch.inference_mode():
        fake = G(z)
    return descend(opt_D, d_loss(D(x), D(fake.clone())))


def by_torch_func(net, opt, loss):
    """A step by torch.func.grad: loss(net as a function of its parameters)."""
    names = dict(net.named_parameters())
    grads, value = torch.func.grad_and_value(
        lambda p: loss(lambda v: torch.func.functional_call(net, p, (v,)))
    )({k: p.detach() for k, p in names.items()})
    for k, p in names.items():
        p.grad = grads[k]
    opt.step()
    return value


def d_torch_func(G, D, opt_D, x, z):
    return by_torch_func(D, opt_D, lambda net: d_loss(net(x), net(G(z).detach())))


def g_torch_func(G, D, opt_G, z):
    return by_torch_func(G, opt_G, lambda net: softplus(-D(net(z))).mean())


def d_one_by_one(G, D, opt_D, x, z):
    opt_D.zero_grad()
    parts = [d_loss(D(x[i : i + 1]), D(G(z[i : i + 1]).detach())) / len(x) for i in range(len(x))]
    for part in parts:
        part.backward()
    opt_D.step()
    return sum(parts)


def g_one_by_one(G, D, opt_G, z):
    return descend(opt_G, sum(softplus(-D(G(v[None]))).sum() for v in z) / len(z))


RIGHT = {
    "d_step": [
        d_with(d_loss),
        d_bce,
        d_one_batch,
        d_not_detached,
        d_not_detached_cleared,
        d_by_autograd,
        d_clears_last,
        d_freezes_g,
        d_closure,
        d_inference_mode,
        d_torch_func,
        d_one_by_one,
    ],
    "g_step": [
        g_with(lambda f: softplus(-f).mean()),
        g_bce,
        g_by_autograd,
        g_clears_d,
        g_torch_func,
        g_one_by_one,
    ],
    "train": [
        t_fresh,
        t_inline,
        t_article_order,
        t_g_first,
        t_slower,
        t_drawn_before,
        t_with_d_frozen,
        t_at_once,
        t_looks_on,
        t_clears_last,
        train_with(d_inference_mode),
        train_with(d_torch_func, g_torch_func),
        train_with(d_one_by_one, g_one_by_one),
    ],
}
RIGHT["turn_sign"] = [
    lambda real, fake: fake.mean() - real.mean(),
    lambda real, fake: (fake.sum() - real.sum()) / len(real),
    lambda real, fake: -torch.stack([real, -fake]).sum(0).mean(),
]


def cut_with_no_grad_around_a_copy(D, real, fake):
    copy = fake.data.clone()
    return softplus(-D(real)).mean() + softplus(D(copy)).mean()


def cut_at_once(D, real, fake):
    r, f = D(torch.cat([real, fake.detach()])).chunk(2)
    return bce(r, torch.ones_like(r)) + bce(f, torch.zeros_like(f))


RIGHT["turn_detach"] = [
    lambda D, real, fake: softplus(-D(real)).mean() + softplus(D(fake.detach())).mean(),
    cut_with_no_grad_around_a_copy,
    cut_at_once,
]


def frees_the_fake_too_late(D, real, fake):
    loss = softplus(-D(real)).mean() + softplus(D(fake)).mean()
    fake.detach()
    return loss


def cut_everything(D, real, fake):
    with torch.no_grad():
        return softplus(-D(real)).mean() + softplus(D(fake)).mean()


WRONG = {
    "d_step": D_WRONG,
    "g_step": G_WRONG,
    "train": T_WRONG,
    "turn_sign": [
        ("ARTICLE-D-LOSS", lambda real, fake: -torch.cat([real, fake]).mean() * 2),
        ("WRONG-SIGN", lambda real, fake: -(fake.mean() - real.mean())),
        ("BOTH-TURNED", lambda real, fake: (real + fake).mean()),
        ("TERM-MISSING", lambda real, fake: -real.mean()),
        ("UNREDUCED", lambda real, fake: -(real - fake)),
        ("ANOTHER-LOSS", lambda real, fake: softplus(-real).mean() + softplus(fake).mean()),
        ("NOTHING-RETURNED", lambda real, fake: None),
    ],
    "turn_detach": [
        ("D-STEP-FEEDS-G", frees_the_fake_too_late),
        ("D-STEP-FEEDS-G", lambda D, r, f: softplus(-D(r.detach())).mean() + softplus(D(f)).mean()),
        ("D-CUT-OFF", lambda D, r, f: softplus(-D(r)).mean() + softplus(D(f).detach()).mean()),
        ("D-CUT-OFF", cut_everything),
        ("REAL-CUT-OFF", lambda D, r, f: softplus(-D(r).data).mean() + softplus(D(f.data)).mean()),
        ("SAME-LABEL", lambda D, r, f: softplus(-D(r)).mean() + softplus(-D(f.detach())).mean()),
        ("UNREDUCED", lambda D, r, f: softplus(-D(r)) + softplus(D(f.detach()))),
    ],
}
