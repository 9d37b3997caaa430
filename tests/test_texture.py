"""A GAN of one picture: what is held out stays unseen, and no size, place or strip changes what is drawn."""

from copy import deepcopy

import pytest
import torch

from ganedu import recipe as recipes
from ganedu.diagnostics.textures import copying, gram_distance, loop_jump, patches_of, seam, strides
from ganedu.networks import dcgan_init
from ganedu.texture import (
    CELL,
    REACH,
    Album,
    PatchDiscriminator,
    Patches,
    TextureGenerator,
    around,
    circle,
    noise,
    recipe,
    split,
    strips,
    tile,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=200, width=240, channels=3, seed=0):
    return torch.rand(channels, height, width, generator=seeded(seed)) * 2 - 1


@pytest.fixture(scope="module")
def G():
    """A generator whose weights are large enough that every z matters."""
    torch.manual_seed(0)
    net = TextureGenerator(channels=3, width=8)
    dcgan_init(net)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(10 if p.ndim > 1 else 1)
    return net.eval()


# ---- patches ---------------------------------------------------------------------------------------


def test_patches_are_windows_of_the_picture():
    x = picture(40, 50)
    patches = Patches(x)
    assert len(patches) == 9 * 19
    assert torch.equal(patches.at(torch.tensor([[3, 7]]))[0], x[:, 3:35, 7:39])
    drawn = patches.sample(5, seeded())
    windows = patches.at(patches.corners).flatten(1)
    assert drawn.shape == (5, 3, 32, 32)
    assert all((windows == patch.flatten()).all(1).any() for patch in drawn)


def test_every_window_is_drawn():
    patches = Patches(picture(34, 33))
    drawn = patches.sample(500, seeded()).flatten(1).unique(dim=0)
    assert len(drawn) == len(patches) == 6


def test_a_picture_smaller_than_a_patch_is_refused():
    with pytest.raises(ValueError, match="at least 32 pixels a side"):
        Patches(picture(31, 50))


def test_no_window_trained_on_holds_a_pixel_of_the_held_out_group():
    x = torch.arange(200 * 240.0).reshape(1, 200, 240)  # each pixel its own number
    seen, (held_out, *trained) = split(x)
    hidden = held_out.at(held_out.corners).unique()
    shown = seen.at(seen.corners).unique()
    assert len(hidden) > 0.1 * x.numel() and not torch.isin(hidden, shown).any()
    for group in trained:
        assert torch.isin(group.at(group.corners).unique(), shown).float().mean() > 0.9


def test_groups_to_compare_with_are_equally_large_and_share_no_pixel():
    x = torch.arange(200 * 240.0).reshape(1, 200, 240)
    pixels = [group.at(group.corners).unique() for group in split(x)[1]]
    assert len({len(p) for p in pixels}) == 1 and len(pixels) == 5
    assert len(torch.cat(pixels).unique()) == sum(map(len, pixels))


def test_of_a_picture_too_small_nothing_is_held_out():
    seen, groups = split(picture(64, 64))
    assert groups == [] and len(seen) == 33**2


def test_an_album_draws_each_picture_alike_often_and_says_which():
    flat = [Patches(torch.full((1, 40, 40), value)) for value in (-0.5, 0.0, 0.5)]
    x, y = Album(flat).labelled(3000, seeded())
    assert torch.equal(x[:, 0, 0, 0], (y - 1) / 2)
    assert (y.bincount() - 1000).abs().max() < 4 * (3000 * 2 / 9) ** 0.5


# ---- the generator -------------------------------------------------------------------------------


def test_a_cell_of_z_is_eight_pixels_and_a_margin_is_needed(G):
    z = torch.randn(2, 16, 10, 13, generator=seeded())
    assert G(z).shape == (2, 3, 8 * (10 - 6), 8 * (13 - 6))
    with pytest.raises(ValueError, match="h and w above 6"):
        G(z[:, :, :6])


def test_a_pixel_depends_on_the_cells_within_reach_and_on_no_other(G):
    z = torch.randn(1, 16, 15, 15, generator=seeded())
    moved = z.clone()
    moved[0, :, 7, 7] += 1  # it is drawn at rows 32 to 39: cell 7 less the margin, 4
    rows = (G(z) - G(moved)).abs().amax((0, 1, 3)).nonzero().flatten()
    assert CELL * (4 - REACH) <= rows.min() and rows.max() < CELL * (5 + REACH)
    assert rows.min() < CELL * 3 and rows.max() >= CELL * 6  # so a reach of 1 would be a lie


def test_what_is_drawn_does_not_depend_on_where(G):
    z = torch.randn(1, 16, 9, 12, generator=seeded())
    there = tile(G, z.roll((2, 5), (2, 3)))
    torch.testing.assert_close(there, tile(G, z).roll((16, 40), (2, 3)), atol=1e-5, rtol=0)


def test_a_tile_laid_beside_itself_is_the_tile_of_z_laid_beside_itself(G):
    z = torch.randn(1, 16, 5, 4, generator=seeded())
    twice = tile(G, z.repeat(1, 1, 2, 3))
    torch.testing.assert_close(twice, tile(G, z).repeat(1, 1, 2, 3), atol=1e-5, rtol=0)


def test_a_torus_smaller_than_the_reach_is_continued_all_the_same():
    z = torch.arange(2.0).reshape(1, 1, 1, 2)
    assert around(z).shape == (1, 1, 7, 8)
    assert around(z)[0, 0, 0].tolist() == [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("rows", [1, 4, 7, 50])
def test_strips_are_the_whole_exactly(G, rows):
    G = deepcopy(G).double()  # in float32 the way a convolution is computed changes with its size
    z = torch.randn(1, 16, 11, 9, generator=seeded()).double()
    parts = [*strips(G, z, rows=rows)]
    assert len(parts) == -(-11 // rows)
    torch.testing.assert_close(torch.cat(parts, 2), tile(G, z), atol=1e-12, rtol=0)


def test_painted_kinds_in_strips_are_the_whole_exactly():
    torch.manual_seed(0)
    G = TextureGenerator(channels=1, kinds=2, width=8).eval().double()
    z, paint = torch.randn(1, 16, 9, 8).double(), torch.rand(1, 2, 9, 8).double()
    parts = torch.cat([*strips(G, z, paint, rows=4)], 2)
    torch.testing.assert_close(parts, tile(G, z, paint), atol=1e-12, rtol=0)


def test_a_label_is_the_paint_that_is_the_same_everywhere():
    torch.manual_seed(0)
    G = TextureGenerator(channels=1, kinds=3, width=8).eval()
    z, paint = torch.randn(2, 16, 10, 10), torch.zeros(2, 3, 10, 10)
    paint[0, 1], paint[1, 2] = 1, 1
    assert torch.equal(G(z, torch.tensor([1, 2])), G(z, paint))
    assert not torch.equal(G(z, torch.tensor([1, 2])), G(z, torch.tensor([2, 1])))


def test_the_discriminator_judges_the_texture_that_it_is_told():
    torch.manual_seed(0)
    D, x = PatchDiscriminator(channels=1, kinds=2, width=4), picture(32, 32, 1)[None]
    one, two = (D(x, torch.tensor([k])) for k in (0, 1))
    assert one.shape == (1,) and not torch.equal(one, two)


def test_the_recipe_trains_both_kinds_and_survives_its_text():
    x = picture(80, 80, 1)
    for data, kinds in ((Patches(x), None), (Album([Patches(x)] * 2), 2)):
        made = recipe(x, kinds, batch=4, steps=2)
        assert recipes.Recipe.from_toml(made.to_toml()).plain() == made.plain()
        trainer = made.trainer(0, device="cpu", data=data)
        before = [p.clone() for p in trainer.G.parameters()]
        trainer.fit(2, progress=False)
        assert any(not torch.equal(a, b) for a, b in zip(before, trainer.G.parameters()))


# ---- a loop ----------------------------------------------------------------------------------------


def test_a_circle_begins_at_a_passes_b_and_keeps_the_spread_of_noise():
    a, b = torch.randn(2, 1, 16, 20, 20, generator=seeded())
    path = [*circle(a, b, 8)]
    assert torch.equal(path[0], a)
    torch.testing.assert_close(path[2], b, atol=1e-5, rtol=0)
    torch.testing.assert_close(path[4], -a, atol=1e-5, rtol=0)
    assert all(abs(z.std() - 1) < 0.03 for z in path)  # 6,400 numbers: 0.009


def test_a_loop_on_a_circle_closes_and_one_on_a_line_jumps(G):
    a, b = (noise(G, 1, (16, 16), seeded(k)) for k in (1, 2))
    closed = [tile(G, z) for z in circle(a, b, 12)]
    line = [tile(G, a + k / 11 * (b - a)) for k in range(12)]
    assert abs(loop_jump(closed) - 1) < 0.1
    assert loop_jump(line) > 3
    assert strides(closed).shape == (12,)


# ---- measures --------------------------------------------------------------------------------------


def test_noise_has_no_seam_and_a_ramp_has_one_of_its_own_height():
    x = torch.rand(50, 3, 40, 40, generator=seeded())
    found = seam(x)
    assert abs(found.ratio - 1) < 4 * found.error and found.error < 0.02
    ramp = torch.linspace(-1, 1, 40).expand(1, 1, 40, 40)  # steps of 2/39 to the right, none down
    assert seam(ramp).across == pytest.approx(1.0)  # 2 in one direction, 0 in the other
    assert seam(ramp).inside == pytest.approx(1 / 39)


def test_a_seam_in_either_direction_is_seen():
    x = torch.rand(20, 1, 40, 40, generator=seeded())
    for axis in (2, 3):
        bent = x + 2 * torch.linspace(0, 1, 40).view([-1 if k == axis else 1 for k in range(4)])
        assert seam(bent).ratio > 1.5


def test_an_edge_between_cells_is_compared_with_other_borders_of_cells():
    """What a generator does alike in each cell is no seam, and hides none."""
    x = torch.rand(30, 1, 40, 40, generator=seeded())
    woven = x + 0.5 * (torch.arange(40) % 8 < 4).float()  # steps of .5 at each fourth pixel
    assert seam(woven).ratio > 1 + 4 * seam(woven).error
    like = seam(woven, every=8)
    assert abs(like.ratio - 1) < 4 * like.error
    assert seam(woven[..., :36], every=8).ratio < 0.95  # 36 pixels: no step where 4 and 4 meet
    for every in (0, 40):
        with pytest.raises(ValueError, match=f"is {every} pixels from the edge"):
            seam(x, every)


def test_copies_are_far_from_what_was_held_out_and_fresh_patches_are_not():
    x = torch.nn.functional.avg_pool2d(picture(400, 480), 4, 1)  # neighbours are alike
    groups = split(x)[1]
    copies = torch.cat([group.at(group.corners[::97]) for group in groups[1:]])
    other = Patches(torch.nn.functional.avg_pool2d(picture(400, 480, seed=1), 4, 1))
    fresh = other.sample(len(copies), seeded())
    assert copying(copies, groups).excess > 10
    assert abs(copying(fresh, groups).excess) < 3


def test_patches_are_cut_where_they_should_be():
    x = torch.arange(100 * 130.0).reshape(1, 1, 100, 130)
    found = patches_of(x, 32, 48)
    assert found.shape == (2 * 3, 1, 32, 32)
    assert torch.equal(found[4], x[0, :, 48:80, 48:80])


def test_statistics_know_a_texture_from_another_wherever_its_parts_lie():
    x = torch.nn.functional.avg_pool2d(picture(300, 300), 5, 1)
    same, other = x.roll((70, 110), (1, 2)), picture(300, 300, seed=1) * x.std() / 0.577
    here, there = gram_distance(same, x), gram_distance(other, x)
    assert list(here) == [1, 2, 4, 8]
    for scale in (1, 2, 4):  # at 8 a picture of 300 pixels is too small to tell
        assert here[scale] < 0.05 and there[scale] > 5 * here[scale]
