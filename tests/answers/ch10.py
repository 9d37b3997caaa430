"""Answers to the exercises of chapter 10, right and wrong."""

import math

import torch
from torch.nn import functional

# ---- 10.told: my_told(z, y, classes) -------------------------------------------------------------


def told_by_scatter(z, y, classes):
    label = torch.zeros(len(z), classes).scatter_(1, y.view(-1, 1), 1.0)
    return torch.hstack([label, z])


def told_by_comparison(z, y, classes):
    out = z.new_empty(len(z), classes + z.shape[1])
    out[:, :classes] = (y[:, None] == torch.arange(classes)).to(z)
    out[:, classes:] = z
    return out


def told_by_rows_of_eye(z, y, classes):
    return torch.cat((torch.eye(classes)[y], z), 1)


def told_one_place_short(z, y, classes):
    label = torch.zeros(len(z), classes)
    for i, k in enumerate(y.tolist()):
        if k < classes - 1:
            label[i, k] = 1
    return torch.cat([label, z], dim=1)


def told_of_the_batch(z, y, classes):
    return torch.cat([functional.one_hot(y).float(), z], dim=1)


def told_in_place(z, y, classes):
    z -= z.mean(0)
    return torch.cat([functional.one_hot(y, classes).float(), z], dim=1)


def told_number_only(z, y, classes):
    return torch.cat([y[:, None].float(), z], dim=1)


def told_from_one(z, y, classes):
    return torch.cat([torch.eye(classes).roll(1, 0)[y], z], dim=1)


# ---- 10.scores: my_scores(G, D, x, y, z) ---------------------------------------------------------


def scores_by_index(G, D, x, y, z):
    rows = torch.arange(len(y))
    return D(x)[rows, y], D(G(z, y))[rows, y]


def scores_by_one_hot(G, D, x, y, z):
    mask = torch.eye(4)[y]
    return (D(x) * mask).sum(1), (D(G(z, y)) * mask).sum(1)


def scores_both_at_once(G, D, x, y, z):
    logits = D(torch.cat([x, G(z, y)])).gather(1, y.repeat(2)[:, None])[:, 0]
    return logits.chunk(2)


def scores_of_the_largest(G, D, x, y, z):
    return D(x).max(dim=1).values, D(G(z, y)).max(dim=1).values


def scores_of_fake_by_mean(G, D, x, y, z):
    return D(x).gather(1, y[:, None])[:, 0], D(G(z, y)).mean(dim=1)


def scores_other_fakes(G, D, x, y, z):
    rows = torch.arange(len(y))
    return D(x)[rows, y], D(G(z, y.flip(0)))[rows, y.flip(0)].roll(1)


def scores_as_matrix(G, D, x, y, z):
    return D(x)[:, y], D(G(z, y))[:, y]


def scores_fake_first(G, D, x, y, z):
    return scores_by_index(G, D, x, y, z)[::-1]


def scores_of_zeros(G, D, x, y, z):
    rows = torch.arange(len(y))
    return D(x)[rows, y], D(G(z, torch.zeros(len(z), dtype=torch.long)))[rows, y]


def scores_cut(G, D, x, y, z):
    rows = torch.arange(len(y))
    return D(x)[rows, y.clamp(max=2)], D(G(z, y))[rows, y.clamp(max=2)]


# ---- 10.slerp: my_slerp(a, b, t) -----------------------------------------------------------------


def slerp_by_rows(a, b, t):
    rows = []
    for p, q in zip(a, b):
        c = float(p @ q / (p.norm() * q.norm()))
        angle = math.acos(max(-1.0, min(1.0, c)))
        if math.sin(angle) < 1e-4:
            rows.append((1 - t) * p + t * q)
        else:
            rows.append((math.sin((1 - t) * angle) * p + math.sin(t * angle) * q) / math.sin(angle))
    return torch.stack(rows)


def slerp_by_functions(a, b, t):
    angle = torch.acos(functional.cosine_similarity(a, b).clamp(-1, 1))[:, None]
    small = angle < 1e-4
    safe = torch.where(small, torch.ones_like(angle), angle)
    way = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(small, a + t * (b - a), way)


def slerp_straight(a, b, t):
    return torch.lerp(a, b, t)


def slerp_pulled_out(a, b, t):
    way = torch.lerp(a, b, t)
    length = torch.lerp(a.norm(dim=1), b.norm(dim=1), t)[:, None]
    return way / way.norm(dim=1, keepdim=True) * length


def slerp_without_care(a, b, t):
    angle = torch.acos((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)))[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def slerp_back(a, b, t):
    return slerp_by_rows(b, a, t)


def slerp_of_units(a, b, t):
    return slerp_by_rows(a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True), t)


def slerp_one_angle(a, b, t):
    c = (a * b).sum() / (a.norm() * b.norm())
    angle = torch.acos(c.clamp(-1, 1))
    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return way if angle > 1e-3 else a


def slerp_in_degrees(a, b, t):
    angle = torch.acos(functional.cosine_similarity(a, b).clamp(-1, 1))[:, None] * 180 / math.pi
    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return torch.where(angle > 0.1, way, a)


# ---- 10.truncated: my_truncated(n, d, limit, rng) ------------------------------------------------


def truncated_by_mask(n, d, limit, rng):
    z = torch.randn(n, d, generator=rng)
    while (z.abs() > limit).any():
        far = z.abs() > limit
        z[far] = torch.randn(int(far.sum()), generator=rng)
    return z


def truncated_from_a_heap(n, d, limit, rng):
    kept = torch.empty(0)
    while len(kept) < n * d:
        more = torch.randn(n * d, generator=rng)
        kept = torch.cat([kept, more[more.abs() <= limit]])
    return kept[: n * d].view(n, d)


def truncated_by_quantiles(n, d, limit, rng):
    p = torch.special.ndtr(torch.tensor(-float(limit)))
    u = p + (1 - 2 * p) * torch.rand(n, d, generator=rng)
    return torch.special.ndtri(u).clamp(-limit, limit)


def truncated_clipped(n, d, limit, rng):
    return torch.randn(n, d, generator=rng).clip(min=-limit, max=limit)


def truncated_once(n, d, limit, rng):
    z = torch.randn(n, d, generator=rng)
    far = z.abs() > limit
    z[far] = torch.randn(int(far.sum()), generator=rng)
    return z


def truncated_above(n, d, limit, rng):
    z = torch.randn(n, d, generator=rng)
    while (far := z > limit).any():
        z[far] = torch.randn(int(far.sum()), generator=rng)
    return z


def truncated_scaled(n, d, limit, rng):
    return limit * torch.randn(n, d, generator=rng)


def truncated_to_zero(n, d, limit, rng):
    z = torch.randn(n, d, generator=rng)
    z[z.abs() > limit] = 0
    return z


def truncated_of_torch(n, d, limit, rng):
    return torch.nn.init.trunc_normal_(torch.empty(n, d), a=-limit, b=limit)


def truncated_even(n, d, limit, rng):
    return (torch.rand(n, d, generator=rng) - 0.5) * 2 * limit


def truncated_same(n, d, limit, rng):
    return truncated_by_mask(n, d, limit, torch.Generator().manual_seed(0))


# ---- 10.effect: my_effect(G, z, direction, measure, sd) ------------------------------------------


def effect_in_steps(G, z, direction, measure, sd):
    u = direction / direction.norm()
    ahead, back = measure(G(z + u)), measure(G(z - u))
    return float((ahead.mean() - back.mean()) / (2 * sd))


def effect_by_batch(G, z, direction, measure, sd):
    u = functional.normalize(direction, dim=0)
    ahead, back = measure(G(torch.cat([z + u, z - u]))).chunk(2)
    return ((ahead - back) / 2 / sd).mean()


def effect_long(G, z, direction, measure, sd):
    return (measure(G(z + direction)) - measure(G(z - direction))).mean() / 2 / sd


def effect_ahead(G, z, direction, measure, sd):
    u = direction / direction.norm()
    return ((measure(G(z + u)) - measure(G(z))) / sd).mean()


def effect_correlated(G, z, direction, measure, sd):
    place = z @ (direction / direction.norm())
    return torch.corrcoef(torch.stack([place, measure(G(z))]))[0, 1]


def effect_slope(G, z, direction, measure, sd):
    place = z @ (direction / direction.norm())
    both = torch.cov(torch.stack([place, measure(G(z)) / sd]))
    return both[0, 1] / both[0, 0]


def effect_size(G, z, direction, measure, sd):
    u = direction / direction.norm()
    return ((measure(G(z + u)) - measure(G(z - u))).abs() / 2 / sd).mean()


def effect_plain(G, z, direction, measure, sd):
    u = direction / direction.norm()
    return (measure(G(z + u)) - measure(G(z - u))).mean() / 2


def effect_doubled(G, z, direction, measure, sd):
    u = direction / direction.norm()
    return (measure(G(z + u)) - measure(G(z - u))).mean() / sd


# ---- in the lesson -------------------------------------------------------------------------------


def line_from_a(a, b, t):
    return a + t * (b - a)


def line_bent(a, b, t):
    return math.sqrt(1 - t) * a + math.sqrt(t) * b


def step_by_view(z, direction, by):
    u = direction / direction.square().sum().sqrt()
    return z + (by * u)[None, :, None, None]


def step_by_reshape(z, direction, by):
    return (z.flatten(1) + by * functional.normalize(direction, dim=0)).view_as(z)


def step_on_the_last_axis(z, direction, by):
    return z + by * direction / direction.norm()


def step_to(z, direction, by):
    u = (direction / direction.norm()).view(1, -1, 1, 1)
    return z - (z * u).sum(1, keepdim=True) * u + by * u


def without_by_mask(h, unit):
    mask = torch.ones(h.shape[1])
    mask[unit] = 0
    return h * mask.view(1, -1, 1, 1)


def without_by_copy(h, unit):
    h = h.clone()
    h[:, unit] = 0
    return h


def without_in_place(h, unit):
    h[:, unit] = 0
    return h


def without_the_example(h, unit):
    h = h.clone()
    h[unit] = 0
    return h


def without_the_row(h, unit):
    h = h.clone()
    h[:, :, unit] = 0
    return h


def without_the_pixel(h, unit):
    h = h.clone()
    h[:, unit, 0, 0] = 0
    return h


RIGHT = {
    "told": [told_by_scatter, told_by_comparison, told_by_rows_of_eye],
    "scores": [scores_by_index, scores_by_one_hot, scores_both_at_once],
    "slerp": [slerp_by_rows, slerp_by_functions],
    "truncated": [truncated_by_mask, truncated_from_a_heap, truncated_by_quantiles],
    "effect": [effect_in_steps, effect_by_batch],
    "turn_line": [line_from_a, torch.lerp],
    "turn_step": [step_by_view, step_by_reshape],
    "turn_without": [without_by_mask, without_by_copy],
}
WRONG = {
    "told": [
        ("CLASS-DROPPED", told_one_place_short),
        ("SHAPE", told_of_the_batch),
        ("SHAPE", told_number_only),
        ("LABEL-SHIFTED", told_from_one),
        ("LABEL-BEHIND", lambda z, y, classes: torch.cat([z, torch.eye(classes)[y]], 1)),
        (
            "ONE-LABEL-FOR-ALL",
            lambda z, y, classes: torch.cat([torch.eye(classes)[y[[0] * len(y)]], z], 1),
        ),
        ("NOTHING-RETURNED", lambda z, y, classes: None),
    ],
    "scores": [
        ("CONDITION-G-ONLY", scores_of_the_largest),
        ("FAKE-UNTOLD", scores_of_fake_by_mean),
        ("SHAPE", scores_as_matrix),
        ("SWAPPED", scores_fake_first),
        ("LABEL-BLIND", scores_of_zeros),
        ("CLASS-DROPPED", scores_cut),
        ("NOT-A-PAIR", lambda G, D, x, y, z: D(x).gather(1, y[:, None])[:, 0]),
    ],
    "slerp": [
        ("LERP-NORM", slerp_straight),
        ("SPEED-UNEVEN", slerp_pulled_out),
        ("ZERO-ANGLE", slerp_without_care),
        ("REVERSED", slerp_back),
        ("UNIT-LENGTH", slerp_of_units),
        ("ANGLE-OF-THE-BATCH", slerp_one_angle),
        ("DEGREES", slerp_in_degrees),
    ],
    "truncated": [
        ("CLIP-NOT-RESAMPLE", truncated_clipped),
        ("ONE-ROUND", truncated_once),
        ("ONE-SIDED", truncated_above),
        ("LIMIT-AS-FACTOR", truncated_scaled),
        ("ZEROED", truncated_to_zero),
        ("GLOBAL-RNG", truncated_of_torch),
        ("SQUEEZED", truncated_even),
        ("RNG-REWOUND", truncated_same),
    ],
    "effect": [
        ("DIRECTION-SCALE", effect_long),
        ("ONE-WAY", effect_ahead),
        ("CORRELATION-IS-CONTROL", effect_correlated),
        ("CORRELATION-IS-CONTROL", effect_slope),
        ("SIZE-NOT-SIGN", effect_size),
        ("SD-FORGOTTEN", effect_plain),
        ("TWO-UNITS", effect_doubled),
    ],
    "turn_line": [
        ("REVERSED", lambda a, b, t: torch.lerp(b, a, t)),
        ("ROOTS", line_bent),
        ("MIDDLE-ONLY", lambda a, b, t: (a + b) / 2),
        ("NOT-AT-B", lambda a, b, t: a + t * b),
        ("ONLY-B", lambda a, b, t: t * b),
        ("NOTHING-RETURNED", lambda a, b, t: None),
    ],
    "turn_step": [
        ("SHAPE", step_on_the_last_axis),
        ("PLACE-NOT-STEP", step_to),
        ("DIRECTION-SCALE", lambda z, d, by: z + by * d[:, None, None]),
        ("AGAINST", lambda z, d, by: step_by_view(z, d, -by)),
        ("ONE-UNIT", lambda z, d, by: step_by_view(z, d, 1)),
        ("SHAPE", lambda z, d, by: by * d / d.norm()),
    ],
    "turn_without": [
        ("INPUT-CHANGED", without_in_place),
        ("EXAMPLE-FOR-UNIT", without_the_example),
        ("ROW-FOR-UNIT", without_the_row),
        ("ONE-PLACE", without_the_pixel),
        ("NOTHING-TAKEN", lambda h, unit: h.clone()),
        ("SHAPE", lambda h, unit: torch.cat([h[:, :unit], h[:, unit + 1 :]], 1)),
    ],
}
