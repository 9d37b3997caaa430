"""Answers to the exercises of chapter 11: windows, a loop, a tile, the seam; and to the lesson's blanks."""

import math

import numpy as np
import torch
from torch.nn.functional import pad

from ganedu import texture

# ---------------------------------------------------- my_windows(height, width, size, hidden)


def w_by_pixels(height, width, size, hidden):
    """Hide pixels, look into every window."""
    top, left, bottom, right = hidden
    secret = torch.zeros(height, width, dtype=torch.bool)
    secret[top:bottom, left:right] = True
    return ~secret.unfold(0, size, 1).unfold(1, size, 1).flatten(2).any(2)


def w_by_loops(height, width, size, hidden):
    top, left, bottom, right = hidden
    table = torch.ones(height - size + 1, width - size + 1)
    for r in range(len(table)):
        for c in range(table.shape[1]):
            if r + size > top and r < bottom and c + size > left and c < right:
                table[r, c] = 0
    return table


def w_by_slices(height, width, size, hidden):
    top, left, bottom, right = hidden
    table = torch.ones((height - size + 1, width - size + 1), dtype=torch.bool)
    table[max(0, top - size + 1) : bottom, max(0, left - size + 1) : right] = False
    return table


def w_corner_alone(height, width, size, hidden):
    top, left, bottom, right = hidden
    table = torch.ones((height - size + 1, width - size + 1), dtype=torch.bool)
    table[top:bottom, left:right] = False
    return table


def w_one_pixel(height, width, size, hidden):
    top, left, bottom, right = hidden
    table = torch.ones((height - size + 1, width - size + 1), dtype=torch.bool)
    table[max(0, top - size + 2) : bottom, max(0, left - size + 2) : right] = False
    return table


def w_turned(*args):
    return ~w_by_slices(*args)


def w_too_few(*args):
    return w_by_slices(*args)[:-1, :-1]


def w_bands(height, width, size, hidden):
    top, left, bottom, right = hidden
    table = torch.ones((height - size + 1, width - size + 1), dtype=torch.bool)
    table[max(0, top - size + 1) : bottom] = False
    table[:, max(0, left - size + 1) : right] = False
    return table


def w_beyond(height, width, size, hidden):
    """A table as large as the picture."""
    return w_by_slices(height + size - 1, width + size - 1, size, hidden)


# ---------------------------------------------------- my_loop(a, b, frames)


def l_broadcast(a, b, frames):
    t = torch.arange(frames) * (2 * math.pi / frames)
    t = t.view(-1, *[1] * a.ndim)
    return t.cos() * a + t.sin() * b


def l_list(a, b, frames):
    return [
        math.cos(math.tau * k / frames) * a + math.sin(math.tau * k / frames) * b
        for k in range(frames)
    ]


def l_linspace(a, b, frames):
    angles = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    return torch.stack([float(np.cos(t)) * a + float(np.sin(t)) * b for t in angles])


def l_end_twice(a, b, frames):
    angles = np.linspace(0, 2 * np.pi, frames)
    return torch.stack([float(np.cos(t)) * a + float(np.sin(t)) * b for t in angles])


def l_line(a, b, frames):
    return torch.stack([torch.lerp(a, b, k / frames) for k in range(frames)])


def l_line_to_the_end(a, b, frames):
    return torch.stack([torch.lerp(a, b, k / (frames - 1)) for k in range(frames)])


def l_back(a, b, frames):
    return torch.stack([torch.lerp(a, b, 1 - abs(2 * k / frames - 1)) for k in range(frames)])


def l_still(a, b, frames):
    return a.expand(frames, *a.shape)


def l_from_b(a, b, frames):
    return l_broadcast(b, a, frames)


# ---------------------------------------------------- my_tile(G, z)


def t_indices(G, z):
    h, w = z.shape[2:]
    return G(z[:, :, torch.arange(-3, h + 3) % h][:, :, :, torch.arange(-3, w + 3) % w])


def t_cat(G, z):
    z = torch.cat([z[..., -3:], z, z[..., :3]], dim=3)
    return G(torch.cat([z[:, :, -3:], z, z[:, :, :3]], dim=2))


def t_nine(G, z):
    """Nine copies of z, and the middle cut out."""
    h, w = z.shape[2:]
    drawn = G(z.repeat(1, 1, 3, 3))
    top, left = 8 * (h - 3), 8 * (w - 3)
    return drawn[:, :, top : top + 8 * h, left : left + 8 * w]


def t_zeros(G, z):
    return G(pad(z, (3, 3, 3, 3)))


def t_tube(G, z):
    return G(pad(pad(z, (3, 3, 0, 0), mode="circular"), (0, 0, 3, 3)))


def t_wrong_end(G, z):
    z = torch.cat([z[..., :3], z, z[..., -3:]], dim=3)
    return G(torch.cat([z[:, :, :3], z, z[:, :, -3:]], dim=2))


def t_one_number(G, z):
    return G(pad(z[:, :, :1, :1].expand_as(z), (3, 3, 3, 3), mode="circular"))


def t_raw(G, z):
    return G(z)


def t_picture(G, z):
    return pad(G(z), (24, 24, 24, 24), mode="circular")


def t_two(G, z):
    return G(pad(z, (2, 2, 2, 2), mode="circular"))


# ---------------------------------------------------- my_seam(x)


def s_rolled(x):
    across, inside = [], []
    for axis in (2, 3):
        steps = (x - x.roll(1, axis)).abs().movedim(axis, 0)
        across.append(steps[0].flatten())
        inside.append(steps[1:].flatten())
    return torch.cat(across).mean() / torch.cat(inside).mean()


def s_numpy(x):
    x = x.numpy()
    edge = [x[..., 0] - x[..., -1], x[:, :, 0] - x[:, :, -1]]
    inside = [np.diff(x, axis=3), np.diff(x, axis=2)]
    mean = [
        np.abs(np.concatenate([part.ravel() for part in parts])).mean() for parts in (edge, inside)
    ]
    return mean[0] / mean[1]


def s_beside_itself(x):
    """The tile laid beside itself, and what the step there is."""
    right, down = torch.cat([x, x], 3).diff(dim=3).abs(), torch.cat([x, x], 2).diff(dim=2).abs()
    h, w = x.shape[2:]
    edge = torch.cat([right[..., w - 1].flatten(), down[:, :, h - 1].flatten()])
    inside = torch.cat([right[..., : w - 1].flatten(), down[:, :, : h - 1].flatten()])
    return (edge.mean() / inside.mean()).item()


def s_signs(x):
    edge = torch.cat([(x[..., 0] - x[..., -1]).flatten(), (x[:, :, 0] - x[:, :, -1]).flatten()])
    inside = torch.cat([x.diff(dim=3).flatten(), x.diff(dim=2).flatten()])
    return edge.mean() / inside.mean()


def s_right_edge_alone(x):
    return (x[..., 0] - x[..., -1]).abs().mean() / x.diff(dim=3).abs().mean()


def s_with_the_seam(x):
    steps = [(x - x.roll(1, axis)).abs().movedim(axis, 0) for axis in (2, 3)]
    across = torch.cat([step[0].flatten() for step in steps]).mean()
    return across / torch.cat([step.flatten() for step in steps]).mean()


def s_over(x):
    return 1 / s_rolled(x)


def s_second_line(x):
    edge = torch.cat([(x[..., 0] - x[..., 1]).flatten(), (x[:, :, 0] - x[:, :, 1]).flatten()])
    inside = torch.cat([x.diff(dim=3).flatten(), x.diff(dim=2).flatten()])
    return edge.abs().mean() / inside.abs().mean()


def s_squares(x):
    edge = torch.cat([(x[..., 0] - x[..., -1]).flatten(), (x[:, :, 0] - x[:, :, -1]).flatten()])
    inside = torch.cat([x.diff(dim=3).flatten(), x.diff(dim=2).flatten()])
    return (edge**2).mean() / (inside**2).mean()


# ---------------------------------------------------- blanks


def ramp_with(formula):
    def my_ramp(width):
        return formula(torch.arange(width) / width, width)

    return my_ramp


def palette_with(formula):
    def my_palette(x, dark, light):
        return formula((x + 1) / 2, dark.view(3, 1, 1), light.view(3, 1, 1), x)

    return my_palette


RIGHT = {
    "windows": [w_by_pixels, w_by_loops, w_by_slices],
    "loop": [l_broadcast, l_list, l_linspace, lambda a, b, n: [*texture.circle(a, b, n)]],
    "tile": [t_indices, t_cat, t_nine, lambda G, z: G(texture.around(z))],
    "seam": [s_rolled, s_numpy, s_beside_itself],
    "turn_cells": [lambda p: p // 8 + 6, lambda pixels: (pixels + 48) / 8],
    "turn_ramp": [
        ramp_with(lambda t, w: 0.5 - 0.5 * torch.cos(2 * torch.pi * t)),
        ramp_with(lambda t, w: torch.sin(torch.pi * t) ** 2),
    ],
    "turn_palette": [
        palette_with(lambda t, dark, light, x: (1 - t) * dark + t * light),
        palette_with(
            lambda t, dark, light, x: torch.lerp(
                dark.expand(3, *x.shape[1:]), light.expand(3, *x.shape[1:]), t
            )
        ),
    ],
}

WRONG = {
    "windows": [
        ("PATCH-LEAK", w_corner_alone),
        ("ONE-PIXEL-LEAKS", w_one_pixel),
        ("TURNED-ROUND", w_turned),
        ("LAST-WINDOW-MISSED", w_too_few),
        ("BAND-FOR-BLOCK", w_bands),
        ("BEYOND-THE-EDGE", w_beyond),
        ("AXES-SWAPPED", lambda *args: w_by_loops(*args).T),
        ("NOT-A-TABLE", lambda *args: w_by_slices(*args).nonzero()[:, 0]),
        ("NOT-A-TENSOR", lambda *args: w_by_slices(*args).tolist()),
        ("NOTHING-RETURNED", lambda *args: None),
    ],
    "loop": [
        ("FIRST-FRAME-TWICE", l_end_twice),
        ("LOOP-JUMP", l_line),
        ("LOOP-JUMP", l_line_to_the_end),
        ("THERE-AND-BACK", l_back),
        ("ALL-FRAMES-ALIKE", l_still),
        ("STARTS-ELSEWHERE", l_from_b),
        ("BACKWARDS", lambda a, b, n: l_broadcast(a, -b, n)),
        ("SHAPE", lambda a, b, n: l_broadcast(a, b, n)[:-1]),
    ],
    "tile": [
        ("BORDER-SEAM", t_zeros),
        ("BORDER-SEAM", lambda G, z: G(pad(z, (3, 3, 3, 3), mode="reflect"))),
        ("ONE-AXIS-WRAPPED", t_tube),
        ("WRONG-END", t_wrong_end),
        ("SPATIAL-Z-CONSTANT", t_one_number),
        ("NOT-CONTINUED", t_raw),
        ("PICTURE-PADDED", t_picture),
        ("PADDED-TOO-LITTLE", t_two),
    ],
    "seam": [
        ("SIGNS-CANCEL", s_signs),
        ("ONE-DIRECTION", s_right_edge_alone),
        ("SEAM-COUNTED-INSIDE", s_with_the_seam),
        ("UPSIDE-DOWN", s_over),
        ("WRONG-PAIR", s_second_line),
        ("SQUARED-STEPS", s_squares),
        ("UNREDUCED", lambda x: s_rolled(x) * torch.ones(2)),
    ],
    "turn_cells": [
        ("MARGIN-FORGOTTEN", lambda p: p // 8),
        ("MARGIN-ONCE", lambda p: 3 + p // 8),
        ("MARGIN-CUT-OFF", lambda p: p // 8 - 6),
        ("MARGIN-IN-PIXELS", lambda p: (p + 6) / 8),
        ("PIXELS-OF-CELLS", lambda p: 8 * (p - 6)),
        ("MARGIN-ONCE", lambda p: (p + 24) / 8),
    ],
    "turn_ramp": [
        ("FIRST-COLUMN-TWICE", lambda w: 0.5 - 0.5 * torch.cos(torch.linspace(0, 2 * torch.pi, w))),
        ("BORDER-SEAM", ramp_with(lambda t, w: t)),
        ("BORDER-SEAM", lambda w: torch.linspace(0, 1, w)),
        ("STARTS-AT-ONE", ramp_with(lambda t, w: 0.5 + 0.5 * torch.cos(2 * torch.pi * t))),
        ("NOT-HALVED", ramp_with(lambda t, w: 2 * torch.sin(torch.pi * t) ** 2)),
        ("BELOW-ZERO", ramp_with(lambda t, w: torch.cos(2 * torch.pi * t))),
    ],
    "turn_palette": [
        ("RANGE-MISMATCH", palette_with(lambda t, dark, light, x: dark + x * (light - dark))),
        ("COLOURS-SWAPPED", palette_with(lambda t, dark, light, x: t * dark + (1 - t) * light)),
        ("DARK-FORGOTTEN", palette_with(lambda t, dark, light, x: t * light + 0 * dark)),
        ("ADDED-ON-TOP", palette_with(lambda t, dark, light, x: light * t + dark)),
        (
            "TWO-COLOURS-ONLY",
            palette_with(lambda t, dark, light, x: torch.where(x > 0, light, dark)),
        ),
        ("SHAPE", lambda x, dark, light: x),
    ],
}
