"""Chapter 11: windows to train on, a closed walk in z, a tile on a torus, the seam that tells.

And three blanks of the lesson: how many cells, a ramp between two textures, a palette.
"""

import math

import torch
from torch import nn
from torch.nn.functional import pad as padded

from ganedu import texture
from ganedu.checks.exercise import Case, Exercise, Part
from ganedu.checks.probes import fresh, returned, seeded, tensor
from ganedu.checks.words import Misconception
from ganedu.diagnostics import textures

TURN = 2 * math.pi

# ---- 11.windows: my_windows(height, width, size, hidden) -> bool [height - size + 1, width - size + 1]


def touches(first, size, low, high):
    return (first < high) & (first + size > low)


def windows(
    height,
    width,
    size,
    hidden,
    *,
    count=lambda length, size: length - size + 1,
    rows=touches,
    columns=touches,
    both=lambda r, c: r[:, None] & c,
    end=torch.logical_not,
):
    top, left, bottom, right = hidden
    r = rows(torch.arange(count(height, size)), size, top, bottom)
    c = columns(torch.arange(count(width, size)), size, left, right)
    return end(both(r, c))


def mask(value):
    """A returned table of True and False."""
    returned(value, "What you return")
    if not isinstance(value, torch.Tensor):
        kind = type(value).__name__
        raise Misconception("NOT-A-TENSOR", what="What you return", kind=kind)
    if value.ndim != 2:
        raise Misconception("NOT-A-TABLE", shape=list(value.shape))
    return value.bool()


def either_way(*rules):
    """Rules (first, size, low, high) in the place of both questions."""
    return tuple({"rows": rule, "columns": rule} for rule in rules)


def one_way(*rules):
    return tuple({part: rule} for rule in rules for part in ("rows", "columns"))


LEAKS = (
    lambda f, s, low, high: (f >= low) & (f < high),  # the corner is hidden
    lambda f, s, low, high: (f + s // 2 >= low) & (f + s // 2 < high),  # the middle is
    lambda f, s, low, high: (f >= low) & (f + s <= high),  # all of it is
    lambda f, s, low, high: (f + s > low) & (f + s <= high),  # the last pixel is
)
count, rows, columns, both, end = Part.of(windows)
WINDOWS_MISTAKES = {
    "LAST-WINDOW-MISSED": count(lambda length, size: length - size),
    "BEYOND-THE-EDGE": count(
        lambda length, size: length,
        lambda length, size: length - 1,
        lambda length, size: length - size + 2,
    ),
    "AXES-SWAPPED": both(lambda r, c: c[:, None] & r),
    "TURNED-ROUND": end(lambda x: x),
    "BAND-FOR-BLOCK": both(lambda r, c: r[:, None] | c),
    "PATCH-LEAK": (*either_way(*LEAKS), *one_way(*LEAKS)),
    "ONE-PIXEL-LEAKS": either_way(
        lambda f, s, low, high: (f < high) & (f + s - 1 > low),
        lambda f, s, low, high: (f < high - 1) & (f + s > low),
        lambda f, s, low, high: (f < high - 1) & (f + s - 1 > low),
    ),
    "ONE-TOO-CAREFUL": either_way(
        lambda f, s, low, high: (f <= high) & (f + s >= low),
        lambda f, s, low, high: (f <= high) & (f + s > low),
        lambda f, s, low, high: (f < high) & (f + s >= low),
    ),
}


def windows_cases(seed):
    rng = seeded(seed)

    def draw(low, high):
        return int(torch.randint(low, high, (), generator=rng))

    cases = []
    for _ in range(4):
        size, height = draw(4, 6), draw(17, 20)
        width, top, left = height + draw(3, 6), draw(3, 6), draw(5, 8)
        hidden = (top, left, top + size + draw(2, 4), left + size + draw(2, 4))
        says = f"a picture of {height} x {width}, windows of {size}, and {hidden} hidden"
        cases.append(Case(says, (height, width, size, hidden)))
    return cases


window_table = Exercise(
    "11.windows", windows, WINDOWS_MISTAKES, windows_cases, read=mask, what="your table"
)

# ---- 11.loop: my_loop(a, b, frames) -> [frames, *a.shape] ------------------------------------------


def circular(t, a, b):
    return math.cos(t) * a + math.sin(t) * b


def loop(a, b, frames, *, angle=lambda k, n: TURN * k / n, mix=circular):
    return torch.stack([mix(angle(k, frames), a, b) for k in range(frames)])


def there_and_back(share):
    return lambda t, a, b: (1 - share(t)) * a + share(t) * b


angle, mix = Part.of(loop)
LOOP_MISTAKES = {
    "FIRST-FRAME-TWICE": angle(lambda k, n: TURN * k / (n - 1)),
    "LOOP-JUMP": (
        *angle(
            lambda k, n: math.pi * k / n,
            lambda k, n: math.pi * k / (n - 1),
            lambda k, n: math.pi / 2 * k / n,
            lambda k, n: math.pi / 2 * k / (n - 1),
            lambda k, n: k / n,
        ),
        *mix(lambda t, a, b: (1 - t / TURN) * a + t / TURN * b),
        {
            "angle": lambda k, n: TURN * k / (n - 1),
            "mix": lambda t, a, b: (1 - t / TURN) * a + t / TURN * b,
        },
    ),
    "THERE-AND-BACK": mix(
        there_and_back(lambda t: 1 - abs(t / math.pi - 1)),
        there_and_back(lambda t: (1 - math.cos(t)) / 2),
        there_and_back(lambda t: math.sin(t / 2)),
    ),
    "STARTS-ELSEWHERE": (
        *mix(lambda t, a, b: math.sin(t) * a + math.cos(t) * b),
        *angle(lambda k, n: TURN * (k + 1) / n),
    ),
    "BACKWARDS": mix(lambda t, a, b: math.cos(t) * a - math.sin(t) * b),
    "DEGREES": angle(lambda k, n: 360 * k / n),
    "WEIGHTS-SUM-TO-ONE": mix(
        lambda t, a, b: circular(t, a, b) / (math.cos(t) + math.sin(t)),
        lambda t, a, b: circular(t, a, b) / (abs(math.cos(t)) + abs(math.sin(t))),
    ),
    "ALL-FRAMES-ALIKE": mix(lambda t, a, b: a),
}


def play_loop(answer, case):
    a, b, frames = fresh(case.args)
    given = returned(answer(a, b, frames), "What you return")
    if not isinstance(given, torch.Tensor):
        given = torch.stack([*given])
    return tensor(given, (frames, *a.shape), "What you return")


def loop_cases(seed):
    rng = seeded(seed)
    fields = [torch.randn(2, 1, 3, 4, 5, generator=rng) for _ in range(3)]
    return [Case(f"{n} frames", (a, b, n)) for n, (a, b) in zip((8, 12, 7), fields)]


closed_loop = Exercise(
    "11.loop",
    loop,
    LOOP_MISTAKES,
    loop_cases,
    observe=play_loop,
    what="your frames",
    library=lambda a, b, frames: torch.stack([*texture.circle(a, b, frames)]),
)

# ---- 11.tile: my_tile(G, z) -> [n, C, 8 h, 8 w] ----------------------------------------------------

REACH, CELL = texture.REACH, texture.CELL


class Toy(nn.Module):
    """The least that draws as G does: z [n, 2, h, w] -> [n, 1, 8 (h - 6), 8 (w - 6)]."""

    def __init__(self, seed):
        super().__init__()
        weight = torch.randn(1, 2, 2 * REACH + 1, 2 * REACH + 1, generator=seeded(seed))
        self.register_buffer("weight", weight)

    def forward(self, z):
        drawn = nn.functional.conv2d(z, self.weight)
        return nn.functional.interpolate(drawn, scale_factor=CELL)


def around(z, k=REACH):
    return padded(z, (k, k, k, k), mode="circular")


def tile(G, z, *, go_on=around, draw=lambda G, z: G(z)):
    return draw(G, go_on(z))


def continued(**how):
    return lambda z: padded(z, (REACH,) * 4, **how)


def one_axis(first, second):
    """Wrapped along one axis, empty along the other."""
    return lambda z: padded(padded(z, first, mode="circular"), second)


def constant(cell):
    return lambda z: around(cell(z).expand_as(z))


ACROSS, DOWN = (REACH, REACH, 0, 0), (0, 0, REACH, REACH)
go_on, draw = Part.of(tile)
TILE_MISTAKES = {
    "PADDED-TOO-LITTLE": go_on(
        lambda z: around(z, 1), lambda z: around(z, 2), lambda z: around(z[:, :, 1:-1, 1:-1])
    ),
    "NOT-CONTINUED": go_on(lambda z: z),
    "PADDED-TOO-MUCH": go_on(lambda z: around(z, 4), lambda z: around(z, 6)),
    "BORDER-SEAM": go_on(
        continued(), continued(mode="replicate"), continued(mode="reflect"), continued(value=1.0)
    ),
    "ONE-AXIS-WRAPPED": go_on(
        one_axis(ACROSS, DOWN),
        one_axis(DOWN, ACROSS),
        lambda z: padded(z, ACROSS, mode="circular"),
        lambda z: padded(z, DOWN, mode="circular"),
    ),
    "WRONG-END": go_on(
        lambda z: torch.cat(
            [
                torch.cat([x[..., :REACH], x, x[..., -REACH:]], 3)
                for x in [torch.cat([z[:, :, :REACH], z, z[:, :, -REACH:]], 2)]
            ]
        ),
    ),
    "SHIFTED": go_on(
        lambda z: padded(z, (0, 2 * REACH, 0, 2 * REACH), mode="circular"),
        lambda z: padded(z, (2 * REACH, 0, 2 * REACH, 0), mode="circular"),
    ),
    "SPATIAL-Z-CONSTANT": go_on(
        constant(lambda z: z.mean((2, 3), keepdim=True)), constant(lambda z: z[:, :, :1, :1])
    ),
    "PICTURE-PADDED": (
        {
            "go_on": lambda z: z,
            "draw": lambda G, z: padded(G(z), (CELL * REACH,) * 4, mode="circular"),
        },
    ),
    "PICTURE-TWICE": draw(lambda G, z: G(z).repeat(1, 1, 2, 2)),
}


def picture(value):
    returned(value, "What you return")
    if not isinstance(value, torch.Tensor):
        kind = type(value).__name__
        raise Misconception("NOT-A-TENSOR", what="What you return", kind=kind)
    return value.detach()


def tile_cases(seed):
    rng = seeded(seed)
    sizes = ((1, 9, 12), (2, 11, 10))
    return [
        Case(f"z of {h} x {w} cells", (Toy(seed + k), torch.randn(n, 2, h, w, generator=rng)))
        for k, (n, h, w) in enumerate(sizes)
    ]


seamless_tile = Exercise(
    "11.tile",
    tile,
    TILE_MISTAKES,
    tile_cases,
    read=picture,
    what="your tile",
    library=texture.tile,
)

# ---- 11.seam: my_seam(x) -> number -----------------------------------------------------------------


def edges(x):
    return [x[:, :, 0] - x[:, :, -1], x[:, :, :, 0] - x[:, :, :, -1]]


def inner(x):
    return [x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]]


def pooled(steps, size, mean):
    return mean(torch.cat([size(step).flatten() for step in steps]))


def ratio(
    x,
    *,
    across=edges,
    inside=inner,
    size=torch.abs,
    mean=torch.mean,
    end=lambda a, i: a / i,
):
    return end(pooled(across(x), size, mean), pooled(inside(x), size, mean))


across, inside, size, mean, end = Part.of(ratio)
SEAM_MISTAKES = {
    "SIGNS-CANCEL": (
        *size(lambda step: step),
        {"size": lambda step: step, "end": lambda a, i: a.abs() / i.abs()},
    ),
    "SQUARED-STEPS": (
        *size(torch.square),
        {"size": torch.square, "end": lambda a, i: (a / i).sqrt()},
    ),
    "ONE-DIRECTION": tuple(
        {"across": lambda x, k=k: edges(x)[k : k + 1], "inside": lambda x, k=k: inner(x)[k : k + 1]}
        for k in (0, 1)
    ),
    "EDGE-OF-ONE-DIRECTION": across(lambda x: edges(x)[:1], lambda x: edges(x)[1:]),
    "WRONG-PAIR": across(
        lambda x: [x[:, :, 0] - x[:, :, 1], x[:, :, :, 0] - x[:, :, :, 1]],
        lambda x: [x[:, :, -1] - x[:, :, -2], x[:, :, :, -1] - x[:, :, :, -2]],
    ),
    "SEAM-COUNTED-INSIDE": inside(lambda x: [x - x.roll(1, 2), x - x.roll(1, 3)]),
    "UPSIDE-DOWN": end(lambda a, i: i / a),
    "DIFFERENCE-FOR-RATIO": end(lambda a, i: a - i),
    "SUM-FOR-MEAN": mean(torch.sum),
    "MEDIAN-FOR-MEAN": mean(torch.median),
    "EDGE-ALONE": end(lambda a, i: a),
}


def seam_cases(seed):
    rng = seeded(seed)
    cases = []
    for n, h, w in ((2, 7, 9), (1, 10, 6)):
        x = torch.rand(n, 2, h, w, generator=rng) - 0.5
        slope = torch.linspace(-0.5, 0.5, h)[:, None] + torch.linspace(0.4, -0.4, w)
        cases.append(Case(f"{n} tiles of {h} x {w} pixels", (x + slope,)))
    return cases


seam = Exercise(
    "11.seam",
    ratio,
    SEAM_MISTAKES,
    seam_cases,
    what="your ratio",
    library=lambda x: textures.seam(x).ratio,
)

# ---- 11.turn_cells: my_cells(pixels) -> number -----------------------------------------------------


def cells(pixels, *, over=lambda p: p / CELL, margin=lambda c: c + 2 * REACH):
    return margin(over(pixels))


over, margin = Part.of(cells)
CELLS_MISTAKES = {
    "MARGIN-FORGOTTEN": margin(lambda c: c),
    "MARGIN-ONCE": margin(lambda c: c + REACH),
    "MARGIN-CUT-OFF": margin(lambda c: c - 2 * REACH, lambda c: c - REACH),
    "MARGIN-IN-PIXELS": (
        {"over": lambda p: (p + 2 * REACH) / CELL, "margin": lambda c: c},
        {"over": lambda p: p, "margin": lambda c: c + 2 * REACH},
    ),
    "PIXELS-OF-CELLS": (
        *over(lambda p: p * CELL),
        {"over": lambda p: CELL * (p - 2 * REACH), "margin": lambda c: c},
        {"over": lambda p: CELL * (p + 2 * REACH), "margin": lambda c: c},
    ),
}


def cells_cases(seed):
    sizes = torch.randperm(200, generator=seeded(seed))[:4] + 4
    return [Case(f"{8 * k} pixels", (8 * k,)) for k in sizes.tolist()]


turn_cells = Exercise(
    "11.turn_cells", cells, CELLS_MISTAKES, cells_cases, what="your number of cells"
)

# ---- 11.turn_ramp: my_ramp(width) -> [width] -------------------------------------------------------


def ramp(width, *, angle=lambda j, w: TURN * j / w, height=lambda t: (1 - torch.cos(t)) / 2):
    return height(angle(torch.arange(width), width))


angle, height = Part.of(ramp)
RAMP_MISTAKES = {
    "FIRST-COLUMN-TWICE": angle(lambda j, w: TURN * j / (w - 1)),
    "BORDER-SEAM": (
        *angle(lambda j, w: math.pi * j / w, lambda j, w: math.pi * j / (w - 1)),
        *height(lambda t: t / TURN),
        {"angle": lambda j, w: TURN * j / (w - 1), "height": lambda t: t / TURN},
    ),
    "STARTS-AT-ONE": height(lambda t: (1 + torch.cos(t)) / 2),
    "NOT-HALVED": height(lambda t: 1 - torch.cos(t)),
    "BELOW-ZERO": height(lambda t: -torch.cos(t), torch.cos),
    "SINE-FOR-COSINE": height(lambda t: (1 - torch.sin(t)) / 2, lambda t: (1 + torch.sin(t)) / 2),
    "DEGREES": angle(lambda j, w: 360 * j / w),
    "NO-RAMP": height(torch.zeros_like, torch.ones_like),
}


def play_ramp(answer, case):
    (width,) = case.args
    return tensor(answer(width), (width,), "What you return").double()


turn_ramp = Exercise(
    "11.turn_ramp",
    ramp,
    RAMP_MISTAKES,
    lambda seed: [Case(f"{w} columns", (w,)) for w in (8 + seed % 5, 13, 20)],
    observe=play_ramp,
    what="your ramp",
)

# ---- 11.turn_palette: my_palette(x, dark, light) -> [3, H, W] --------------------------------------


def palette(
    x,
    dark,
    light,
    *,
    share=lambda x: (x + 1) / 2,
    mix=lambda t, dark, light: dark + t * (light - dark),
):
    return mix(share(x), dark[:, None, None], light[:, None, None])


share, mix = Part.of(palette)
PALETTE_MISTAKES = {
    "RANGE-MISMATCH": share(lambda x: x, lambda x: x + 1, lambda x: x / 2, lambda x: x / 255),
    "COLOURS-SWAPPED": mix(lambda t, dark, light: light + t * (dark - light)),
    "DARK-FORGOTTEN": mix(lambda t, dark, light: t * light),
    "ADDED-ON-TOP": mix(lambda t, dark, light: dark + t * light),
    "DARK-EVERYWHERE": mix(lambda t, dark, light: dark + t * (light + dark)),
    "AS-IT-WAS": mix(lambda t, dark, light: (2 * t - 1).expand(3, *t.shape[1:])),
    "TWO-COLOURS-ONLY": mix(lambda t, dark, light: torch.where(t > 0.5, light, dark)),
}


def play_palette(answer, case):
    given = answer(*fresh(case.args))
    return tensor(given, (3, *case.args[0].shape[1:]), "What you return")


def palette_cases(seed):
    rng = seeded(seed)
    cases = []
    for h, w in ((5, 7), (6, 4)):
        x = torch.rand(1, h, w, generator=rng) * 2 - 1
        dark, light = torch.rand(2, 3, generator=rng)
        cases.append(Case(f"a picture of {h} x {w} pixels", (x, dark - 1, light)))
    return cases


turn_palette = Exercise(
    "11.turn_palette",
    palette,
    PALETTE_MISTAKES,
    palette_cases,
    observe=play_palette,
    what="your picture",
)

EXERCISES = {
    "windows": window_table,
    "loop": closed_loop,
    "tile": seamless_tile,
    "seam": seam,
    "turn_cells": turn_cells,
    "turn_ramp": turn_ramp,
    "turn_palette": turn_palette,
}
