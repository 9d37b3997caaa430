"""Every path of the package on a GPU, or on the stand-in for one where there is none (standin_device.py)."""

import json
import math
import re
from functools import partial
from pathlib import Path

import pytest
import recipes
import standin_device
import torch
from torch import nn

from ganedu import checkpoint, data, losses, metrics, networks, penalties, pretrained, steering
from ganedu.classifier import train_classifier
from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator
from ganedu.diagnostics import class_coverage, mode_coverage
from ganedu.recording import Recorder
from ganedu.texture import Patches, noise, recipe, tile
from ganedu.trainer import NotFinite, Trainer, cosine


@pytest.fixture
def gpu():
    if torch.cuda.is_available():
        yield
    else:
        with standin_device.gpu():
            yield


@pytest.fixture(scope="module")
def few_digits():
    digits = data.digits()
    return data.Images(digits.x[:64], digits.y[:64], "few digits")


def plane(**options):
    options = {"G": networks.MLPGenerator(), "D": networks.MLPDiscriminator(), **options}
    return Trainer(data=data.ring(8), seed=0, batch=16, **options)


ALL_LOSSES = (
    "nonsaturating",
    "saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
)
ALL_PENALTIES = {
    "r1": partial(penalties.r1, gamma=0.1),
    "r2": partial(penalties.r2, gamma=0.1),
    "gradient_penalty": penalties.gradient_penalty,
}


@pytest.mark.parametrize("loss", ALL_LOSSES)
def test_every_loss(gpu, loss):
    trainer = plane(loss=getattr(losses, loss), ema=0.9, schedule=cosine(3))
    row = trainer.fit(3, progress=False)[-1]
    assert trainer.device.type == "cuda" and row["d_loss"] == row["d_loss"]
    assert trainer.sample(5).device.type == "cuda"


@pytest.mark.parametrize("penalty", ALL_PENALTIES.values(), ids=ALL_PENALTIES)
def test_every_penalty(gpu, penalty):
    assert len(plane(penalty=penalty).fit(2, progress=False)) == 2


@pytest.mark.parametrize(
    "D",
    [
        lambda: networks.Packed(networks.MLPDiscriminator(in_dim=4), m=2),
        lambda: nn.Sequential(networks.FourierFeatures(), networks.MLPDiscriminator(in_dim=22)),
        lambda: nn.Sequential(networks.MinibatchStd(), networks.MLPDiscriminator(in_dim=3)),
    ],
    ids=["Packed", "FourierFeatures", "MinibatchStd"],
)
def test_every_part_of_a_discriminator(gpu, D):
    assert len(plane(D=D()).fit(2, progress=False)) == 2


def test_a_run_with_dropout_goes_on_as_if_it_had_never_stopped(gpu):
    whole = recipes.mlp_with_everything()
    whole.fit(2, progress=False)
    state = whole.state_dict()
    whole.fit(3, progress=False)
    resumed = recipes.mlp_with_everything(seed=99)
    torch.manual_seed(7)  # the GPU's own generator too
    resumed.load_state_dict(state)
    assert torch.equal(torch.cuda.get_rng_state("cuda"), state["device_rng"])
    resumed.fit(3, progress=False)
    assert whole.device.type == "cuda" and recipes.same(whole.state_dict(), resumed.state_dict())


def test_no_row_is_kept_of_what_came_after_a_loss_that_was_not_finite(gpu):
    calls = []

    def d(real, fake):
        calls.append(1)
        return losses.logistic_d(real, fake) * (math.nan if len(calls) == 6 else 1.0)

    trainer = plane(loss=losses.Loss(d, losses.nonsaturating_g))
    recorder = Recorder()
    with pytest.raises(NotFinite, match="discriminator's loss is nan at step 6"):
        for now in trainer.steps(50):
            if now["step"] % 2 == 0:
                recorder.look(trainer)
    assert [row["step"] for row in recorder.rows] == [2, 4]


def test_the_cpus_networks_leave_the_gpus_generator_alone(gpu, few_digits):
    torch.manual_seed(7)
    before = torch.cuda.get_rng_state("cuda")
    train_classifier(few_digits, steps=1, batch=8, progress=False)
    metrics.c2st(few_digits.x.flatten(1), few_digits.x.flatten(1), steps=1)
    assert torch.equal(before, torch.cuda.get_rng_state("cuda"))


def test_pictures_and_their_judge(gpu, few_digits):
    G, D = networks.DCGANGenerator(width=4), networks.DCGANDiscriminator(width=4)
    trainer = Trainer(G=G, D=D, data=few_digits, batch=8, ema=0.9, seed=0)
    trainer.fit(2, progress=False)
    judge = train_classifier(few_digits, steps=2, batch=8, progress=False)
    assert 0 <= class_coverage(trainer.sample(16), judge).sure <= 1


OWN_WIDTHS = data.Mixture(torch.eye(2), torch.tensor([0.1, 0.2]), torch.ones(2) / 2)


@pytest.mark.parametrize("name", ["digits", "ring", "own widths", "stacks", "patches"])
def test_data_stay_where_they_were(gpu, few_digits, name):
    p_data = {
        "digits": few_digits,
        "ring": data.ring(8),
        "own widths": OWN_WIDTHS,
        "stacks": data.Stacked(few_digits, "few stacks"),
        "patches": Patches(few_digits.x[0].repeat(1, 2, 2)),
    }[name]
    rng = torch.Generator("cuda").manual_seed(0)
    assert p_data.sample(4, rng).device.type == "cuda"
    assert p_data.sample(4, torch.Generator().manual_seed(0)).device.type == "cpu"
    if hasattr(p_data, "labelled"):
        assert p_data.labelled(4, rng)[1].device.type == "cuda"
    tensors = [v for v in vars(p_data).values() if isinstance(v, torch.Tensor)]
    assert all(v.device.type == "cpu" for v in tensors)


def test_data_are_copied_to_a_device_once(gpu, few_digits):
    place = torch.zeros(1, device="cuda").device
    there = data.moved(few_digits, "x", place)
    assert data.moved(few_digits, "x", place) is there
    few_digits.x = few_digits.x.clone()  # other data: another copy
    assert data.moved(few_digits, "x", place) is not there


def test_a_generator_of_textures_and_the_rulers_of_chapter_10(gpu, few_digits):
    picture = few_digits.x[0].repeat(1, 2, 2)
    trainer = recipe(picture, precision=torch.float32).trainer(0, data=Patches(picture))
    trainer.fit(2, progress=False)
    z = noise(trainer.G, 1, (8, 8), torch.Generator("cuda").manual_seed(0))
    assert tile(trainer.average.eval(), z).device.type == "cuda"
    x = few_digits.x.to("cuda")
    assert steering.attributes(x).device.type == "cuda"


def test_classes(gpu, few_digits):
    G = ConditionalGenerator(networks.DCGANGenerator(width=4, z_dim=14))
    D = ConditionalDiscriminator(networks.DCGANDiscriminator(width=4, classes=10))
    trainer = Trainer(G=G, D=D, data=few_digits, batch=8, seed=0)
    trainer.fit(2, progress=False)
    assert trainer.sample(3, y=7).shape == (3, 1, 28, 28)


def test_stacks(gpu, few_digits):
    p_data = data.Stacked(few_digits, "few stacks")
    G = networks.DCGANGenerator(channels=3, width=4)
    trainer = Trainer(G=G, D=networks.DCGANDiscriminator(channels=3, width=4), data=p_data, batch=8)
    assert len(trainer.fit(2, progress=False)) == 2


def test_coverage_and_metrics_take_what_a_gpu_gives(gpu):
    trainer = plane()
    drawn, real = trainer.sample(64), trainer.data.sample(64, torch.Generator("cpu").manual_seed(1))
    assert 0 <= mode_coverage(drawn, data.ring(8)).modes <= 8
    assert metrics.frechet(drawn, real.cpu()) >= 0


def test_a_checkpoint_of_a_gpu_goes_on(gpu, tmp_path):
    trainer = plane(ema=0.9)
    trainer.fit(2, progress=False)
    checkpoint.save(trainer.state_dict(), tmp_path / "gpu.pt")
    again = plane(ema=0.9)
    again.load_state_dict(checkpoint.load(tmp_path / "gpu.pt"))
    assert again.step == 2
    assert again.fit(1, progress=False) == trainer.fit(1, progress=False)


def test_the_shipped_generator(gpu):
    G = pretrained.digits_generator().to("cuda")
    z = torch.randn(2, *G.z_shape, device="cuda")
    assert G(z).device.type == "cuda"


LESSONS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem[:2])
def test_no_lesson_draws_from_a_trainer_whose_generator_it_has_moved(lesson):
    """`.cpu()` moves a network in place; `trainer.sample` then hands it z of the GPU."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    for moved in re.finditer(r"\b(\w+)\.(?:average|G|D)\.(?:cpu|to)\(", code):
        assert f"{moved[1]}.sample(" not in code[moved.end() :], moved[0]


# ------------------------------------------------------------------ what the stand-in must catch


def mixes_in_the_loss():
    plane(penalty=lambda D, real, fake, rng: (torch.zeros(len(real)) * D(real)).mean()).fit(1)


def draws_with_the_wrong_generator():
    torch.randn(3, generator=torch.Generator(), device="cuda")


def forgets_cpu():
    plane().sample(3).numpy()


def keeps_a_constant_behind():
    class Late(networks.MLPDiscriminator):
        mean = torch.zeros(2)  # a tensor that is no buffer does not move

        def forward(self, x):
            return super().forward(x - self.mean)

    plane(D=Late()).fit(1)


def indexes_the_cpu_with_the_gpu():
    torch.zeros(5)[torch.zeros(2, dtype=torch.long, device="cuda")]


@pytest.mark.parametrize(
    "fault",
    [
        mixes_in_the_loss,
        draws_with_the_wrong_generator,
        forgets_cpu,
        keeps_a_constant_behind,
        indexes_the_cpu_with_the_gpu,
    ],
)
def test_a_wrong_device_is_caught(gpu, fault):
    with pytest.raises((RuntimeError, TypeError)):
        fault()
