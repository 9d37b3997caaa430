"""The networks: shapes, sizes, and initial weights that were really set."""

import math

import pytest
import torch
from torch import nn

from ganedu.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    FourierFeatures,
    MinibatchStd,
    MLPDiscriminator,
    MLPGenerator,
    Packed,
    Residual,
    ResidualDiscriminator,
    ResidualGenerator,
    dcgan_init,
    he_init,
    mlp,
    residual_init,
)


@pytest.fixture(autouse=True)
def same_weights_each_time():
    torch.manual_seed(0)  # networks draw their first weights from torch's global generator


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def sample_z(G, n, seed=0):
    return torch.randn(n, *G.z_shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- sizes and shapes


def test_the_dcgan_at_64_pixels_and_width_64_has_the_published_number_of_parameters():
    """Radford et al. 2015, as most implement it, counted by hand."""
    assert parameters(DCGANGenerator(64, channels=3, width=64, z_dim=100)) == 3_576_704
    assert parameters(DCGANDiscriminator(64, channels=3, width=64)) == 2_765_568


@pytest.mark.parametrize("size, channels", [(8, 3), (16, 4), (28, 1), (32, 3), (64, 3), (128, 3)])
def test_the_dcgan_pair_draws_and_judges_images_of_its_size(size, channels):
    G, D = DCGANGenerator(size, channels, width=2, z_dim=5), DCGANDiscriminator(size, channels, 2)
    x = G(sample_z(G, 3))
    assert G.z_shape == (5, 1, 1) and x.shape == (3, channels, size, size)
    assert x.abs().max() <= 1
    assert D(x).shape == (3,)


@pytest.mark.parametrize(
    "size, sides",
    [(8, [4, 8]), (28, [4, 7, 14, 28]), (32, [4, 8, 16, 32]), (64, [4, 8, 16, 32, 64])],
)
def test_each_transposed_convolution_of_the_generator_doubles_the_side(size, sides):
    G, seen = DCGANGenerator(size, width=2), []
    for layer in G.net:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, __, out: seen.append(out.shape[-1]))
    G(sample_z(G, 2))
    assert seen == sides


@pytest.mark.parametrize("size", [8, 32, 128])
def test_the_residual_pair_draws_and_judges_images_of_its_size_each_example_alone(size):
    torch.manual_seed(0)
    G = ResidualGenerator(size, 3, width=2, z_dim=5)
    D = ResidualDiscriminator(size, 3, width=2)
    z = sample_z(G, 3)
    x = G(z)
    assert G.z_shape == (5,) and x.shape == (3, 3, size, size) and x.abs().max() <= 1
    assert D(x).shape == (3,)
    assert torch.allclose(G(z[:1]), x[:1], atol=1e-6)  # no batch norm: alone as among others
    assert torch.allclose(D(x[:1]), D(x)[:1], atol=1e-5)
    assert not any("BatchNorm" in type(m).__name__ for net in (G, D) for m in net.modules())


def test_residual_blocks_begin_as_nothing_and_learn():
    torch.manual_seed(0)
    block, x = Residual(4), torch.randn(2, 4, 5, 5)
    residual_init(block)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.f[-1].weight.grad.abs().max() > 0


def test_the_residual_pair_begins_with_pictures_and_logits_of_a_moderate_size():
    """The sizes of activations are kept: neither saturated nor vanished at 64 pixels."""
    torch.manual_seed(0)
    G, D = ResidualGenerator(64, 3, width=8), ResidualDiscriminator(64, 3, width=8)
    x = G(sample_z(G, 16))
    assert 0.1 < x.std() < 0.8
    flags = nn.functional.interpolate(torch.randn(16, 3, 4, 4).clamp(-1, 1), size=64)
    assert 0.05 < D(flags).std() < 5  # of noise the averaging leaves little


def test_widths_of_the_residual_pair_halve_down_to_the_last():
    assert ResidualGenerator(64, width=4).widths == [64, 32, 16, 8, 4]
    assert ResidualGenerator(32, width=128, blocks=1).widths == [512, 512, 256, 128]


def test_a_discriminator_of_classes_has_a_logit_for_each():
    D = DCGANDiscriminator(width=2, classes=10)
    assert D(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    assert D.eval()(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


def test_at_8_pixels_the_pair_is_so_short_that_d_has_no_batch_norm():
    """By hand: G 100 w 16 + 2 w + w C 16 and D C w 16 + w 16, with width w = 16 and C = 3."""
    G, D = DCGANGenerator(8, channels=3, width=16), DCGANDiscriminator(8, channels=3, width=16)
    assert (parameters(G), parameters(D)) == (25_600 + 32 + 768, 768 + 256)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in G.modules()) == 1
    assert not any(isinstance(m, nn.BatchNorm2d) for m in D.modules())


def test_a_default_generator_takes_the_articles_z_of_100_by_1_by_1():
    assert DCGANGenerator().z_shape == (100, 1, 1)


def test_the_mlp_pair_maps_z_to_points_and_points_to_logits():
    G, D = MLPGenerator(z_dim=3, out_dim=2, width=8), MLPDiscriminator(in_dim=2, width=8)
    x = G(sample_z(G, 5))
    assert G.z_shape == (3,) and x.shape == (5, 2) and D(x).shape == (5,)


@pytest.mark.parametrize(
    "D, x", [(MLPDiscriminator(width=4), (1, 2)), (DCGANDiscriminator(width=2), (1, 1, 28, 28))]
)
def test_one_example_gives_one_logit_with_its_axis(D, x):
    assert D.eval()(torch.zeros(x)).shape == (1,)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_counts_the_hidden_layers(depth):
    for net in (MLPGenerator(width=8, depth=depth), MLPDiscriminator(width=8, depth=depth)):
        assert sum(isinstance(m, nn.Linear) for m in net.modules()) == depth + 1


def test_an_mlp_has_an_activation_between_its_layers_and_none_at_its_end():
    kinds = [type(layer) for layer in mlp((2, 8, 8, 1), nn.ReLU)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


@pytest.mark.parametrize("D", [MLPDiscriminator(width=8), DCGANDiscriminator(width=2)])
def test_a_discriminator_ends_with_logits_not_with_a_sigmoid(D):
    """Scaling the last layer by -50 must scale the answer: a sigmoid would hold it in (0, 1)."""
    x = torch.randn(4, *getattr(D, "x_shape", (2,)), generator=torch.Generator().manual_seed(0))
    D.eval()
    before = D(x)
    with torch.no_grad():
        [p.mul_(-50) for p in list(D.net[-1].parameters())]
    assert torch.allclose(D(x), -50 * before, rtol=1e-3)


def test_generators_of_points_are_not_bounded_by_tanh():
    G = MLPGenerator(width=64)
    assert G(100 * sample_z(G, 50)).abs().max() > 2


def test_the_first_layer_of_d_and_the_last_of_g_have_no_batch_norm():
    """Radford et al. 2015, section 3: not on G's output nor on D's input."""
    D, G = DCGANDiscriminator(32, width=2), DCGANGenerator(32, width=2)
    assert isinstance(D.net[1], nn.LeakyReLU) and D.net[1].negative_slope == 0.2
    assert isinstance(G.net[-2], nn.ConvTranspose2d) and isinstance(G.net[-1], nn.Tanh)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in D.modules()) == 2
    assert sum(isinstance(m, nn.BatchNorm2d) for m in G.modules()) == 3


# ---------------------------------------------------------------- initial weights


def test_batch_norm_starts_around_one_not_around_zero_and_with_its_own_eps():
    """`BatchNorm2d(n, 0.8)` sets eps, and normal_(0, 0.02) on its scale silences the layer."""
    for net in (DCGANGenerator(32, width=32), DCGANDiscriminator(32, width=32)):
        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            assert abs(norm.weight.mean() - 1) < 0.02 and 0.01 < norm.weight.std() < 0.03
            assert (norm.bias == 0).all() and norm.eps == 1e-5 and norm.momentum == 0.1


def test_convolutions_start_from_the_papers_normal_with_std_0_02():
    """torch's own start for D's 128 -> 1 layer has std 0.013, and for the first 0.14: not these."""
    for net in (DCGANGenerator(28, width=16), DCGANDiscriminator(28, width=16)):
        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)):
            n = conv.weight.numel()
            assert abs(conv.weight.std() - 0.02) < 5 * 0.02 / (2 * n) ** 0.5  # its sampling error
            assert abs(conv.weight.mean()) < 5 * 0.02 / n**0.5


def test_linear_layers_start_from_he_et_al_with_zero_biases():
    """He et al. 2015, eq. 10: std = sqrt(2 / fan_in)."""
    for net in (MLPGenerator(width=200), MLPDiscriminator(width=200)):
        hidden = net.net[2]
        assert abs(hidden.weight.std() / (2 / 200) ** 0.5 - 1) < 0.03
        assert all((m.bias == 0).all() for m in net.modules() if isinstance(m, nn.Linear))


def test_the_init_functions_reach_layers_at_any_depth():
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 4)), nn.ModuleList([nn.Conv2d(1, 8, 5)]))
    with torch.no_grad():
        [p.fill_(9.0) for p in net.parameters()]
    he_init(net), dcgan_init(net)
    assert net[0][0].weight.abs().max() < 9 and net[1][0].weight.abs().max() < 0.2


def test_initial_weights_follow_torchs_seed():
    def first_weights(kind, seed):
        torch.manual_seed(seed)
        return next(kind(width=2).parameters())

    for kind in (MLPGenerator, MLPDiscriminator, DCGANGenerator, DCGANDiscriminator):
        assert torch.equal(first_weights(kind, 1), first_weights(kind, 1))
        assert not torch.equal(first_weights(kind, 1), first_weights(kind, 2))


# ---------------------------------------------------------------- what D may see besides x


def test_fourier_features_are_the_coordinates_then_their_sines_then_their_cosines():
    """By hand: sin(pi/2) = 1, sin(pi) = 0, cos(pi/2) = 0, cos(pi) = -1, and a coordinate at 0."""
    x = torch.tensor([[0.5, 0.0]])
    found = FourierFeatures((math.pi, 2 * math.pi))(x)
    known = torch.tensor([[0.5, 0.0, 1, 0, 0, 0, 0, -1, 1, 1]])
    assert torch.allclose(found, known, atol=1e-6)


def test_the_default_frequencies_are_quarter_turns_times_powers_of_two():
    features = FourierFeatures()
    assert torch.allclose(features.frequencies / (math.pi / 2), torch.tensor([1.0, 2, 4, 8, 16]))


@pytest.mark.parametrize("d, k", [(1, 3), (2, 5), (4, 1), (3, 0)])
def test_out_dim_is_the_width_that_comes_out(d, k):
    features = FourierFeatures(tuple(range(1, k + 1)))
    assert features(torch.zeros(6, d)).shape == (6, features.out_dim(d)) == (6, d * (1 + 2 * k))


def test_fourier_features_learn_nothing_but_belong_to_the_checkpoint():
    features = FourierFeatures((1.0, 3.0))
    assert parameters(features) == 0
    other = FourierFeatures((5.0, 7.0))
    other.load_state_dict(features.state_dict())
    assert other.frequencies.tolist() == [1.0, 3.0]


def test_a_discriminator_with_fourier_features_is_two_layers_in_a_row():
    features = FourierFeatures()
    D = nn.Sequential(features, MLPDiscriminator(in_dim=features.out_dim(2), width=8))
    assert D(torch.zeros(5, 2)).shape == (5,)


def test_minibatch_std_of_points_is_their_mean_deviation_in_a_column_of_its_own():
    """Deviations of the columns (1, 3), (0, 8), (5, 5): 1, 4 and 0, on average 5/3."""
    x = torch.tensor([[1.0, 0.0, 5.0], [3.0, 8.0, 5.0]])
    found = MinibatchStd()(x)
    assert torch.equal(found[:, :3], x)
    assert torch.allclose(found[:, 3], torch.full((2,), 5 / 3), atol=1e-4)


def test_minibatch_std_of_images_is_one_more_channel_of_one_number():
    x = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = MinibatchStd()(x)
    assert found.shape == (6, 4, 4, 5) and torch.equal(found[:, :3], x)
    expected = torch.tensor(x.numpy().std(axis=0).mean())  # numpy divides by n, as the paper does
    assert torch.allclose(found[:, 3], expected.expand(6, 4, 5), atol=1e-4)


def test_minibatch_std_looks_across_examples_not_across_features():
    x = torch.tensor([[1.0, 100.0, -7.0]]).repeat(4, 1)  # four times the same example
    assert MinibatchStd()(x)[:, 3].max() < 1e-3


def test_a_batch_without_any_variation_has_a_finite_gradient():
    x = torch.ones(4, 2, requires_grad=True)
    MinibatchStd()(x)[:, -1].sum().backward()
    assert torch.isfinite(x.grad).all()


def test_the_spread_that_is_shown_to_d_tells_g_how_to_raise_it():
    x = torch.tensor([[1.0], [3.0]], requires_grad=True)
    MinibatchStd()(x)[:, -1].sum().backward()
    assert x.grad[0] < 0 < x.grad[1]


class Seen(nn.Module):
    """A D that keeps what it was shown and answers with its first number."""

    def forward(self, x):
        self.x = x
        return x.flatten(1)[:, 0]


def test_a_packed_d_sees_consecutive_examples_side_by_side():
    D = Packed(Seen(), 2)
    logits = D(torch.tensor([[1.0, 2], [3, 4], [5, 6], [7, 8]]))
    assert D.D.x.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert logits.tolist() == [1, 1, 5, 5]


def test_images_are_packed_along_channels_and_stay_whole():
    x = torch.arange(4 * 3 * 2 * 2.0).reshape(4, 3, 2, 2)
    packed = Packed(Seen(), 2).pack(x)
    assert packed.shape == (2, 6, 2, 2)
    assert torch.equal(packed[1], torch.cat([x[2], x[3]]))


def test_a_pack_of_one_is_d_itself():
    D, x = MLPDiscriminator(width=8), torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Packed(D, 1)(x), D(x))


def test_each_example_of_a_pack_has_its_own_part_in_the_verdict():
    D, x = Packed(MLPDiscriminator(in_dim=6, width=8), 3), torch.ones(6, 2, requires_grad=True)
    D(x)[0].backward()
    assert (x.grad[:3] != 0).any(1).all() and (x.grad[3:] == 0).all()


def test_a_batch_that_does_not_divide_into_packs_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"multiple of 4; got \[10, 2\]"):
        Packed(MLPDiscriminator(in_dim=8), 4)(torch.zeros(10, 2))


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: MLPGenerator(z_dim=0), "z_dim must be at least 1; got 0"),
        (lambda: DCGANGenerator(z_dim=0), "z_dim must be at least 1; got 0"),
        (lambda: MLPGenerator(depth=0), "depth must be at least 1; got 0"),
        (lambda: MLPDiscriminator(width=-8), "width must be at least 1; got -8"),
        (lambda: DCGANDiscriminator(channels=0), "channels must be at least 1; got 0"),
        (lambda: DCGANGenerator(48), r"\[8, 16, 28, 32, 64, 128\] pixels; got size = 48"),
        (lambda: ResidualGenerator(28), "built for 8, 16, ... 128 pixels; got size = 28"),
        (lambda: Packed(MLPDiscriminator(), 0), "m must be at least 1; got 0"),
        (lambda: FourierFeatures((1.0, math.nan)), "frequencies must be a row of finite numbers"),
        (lambda: FourierFeatures(3.0), "frequencies must be a row of finite numbers; got 3.0"),
        (lambda: DCGANDiscriminator(48), r"\[8, 16, 28, 32, 64, 128\] pixels; got size = 48"),
    ],
)
def test_an_impossible_network_is_one_sentence_that_says_what_was_given(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    "net, x, says",
    [
        (
            DCGANGenerator(width=2),
            torch.zeros(4, 100),
            r"z must have .* \[n, 100, 1, 1\]; got \[4, 100\]: add two axes, z\[:, :, None, None\]",
        ),
        (MLPGenerator(width=2), torch.zeros(4, 3), r"z must have shape \[n, 2\]; got \[4, 3\]$"),
        (MLPGenerator(width=2), torch.zeros(2), r"z must have shape \[n, 2\]; got \[2\]$"),
        (
            MLPDiscriminator(width=2),
            torch.zeros(4, 1),
            r"x must have shape \[n, 2\]; got \[4, 1\]$",
        ),
        (
            DCGANDiscriminator(width=2),
            torch.zeros(4, 1, 32, 32),
            r"x must have shape \[n, 1, 28, 28\]; got \[4, 1, 32, 32\]$",
        ),
        (FourierFeatures(), torch.zeros(4, 2, 1), r"x must have shape \[n, d\]; got \[4, 2, 1\]$"),
        (MinibatchStd(), torch.zeros(4), r"x must have shape \[n, features, ...\]; got \[4\]$"),
        (DCGANDiscriminator(width=2), torch.zeros(4, 3, 28, 28), r"got \[4, 3, 28, 28\]$"),
    ],
)
def test_an_input_of_another_shape_is_one_sentence_with_both_shapes(net, x, says):
    with pytest.raises(ValueError, match=says):
        net(x)


@pytest.mark.parametrize("net", [MLPGenerator(width=2), MLPDiscriminator(width=2)])
def test_whole_numbers_are_refused_by_name(net):
    with pytest.raises(TypeError, match=r"must be floating point; got torch\.int64"):
        net(torch.zeros(4, 2, dtype=torch.long))


def test_fading_waves_are_lower_the_faster_they_are():
    waves = FourierFeatures((1.0, 2.0, 8.0), fade=1.0)(torch.full((1, 1), 0.3))[0]
    expected = [
        0.3,
        *(math.sin(0.3 * f) / f for f in (1, 2, 8)),
        *(math.cos(0.3 * f) / f for f in (1, 2, 8)),
    ]
    assert waves.tolist() == pytest.approx(expected, abs=1e-6)
