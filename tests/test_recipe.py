"""Recipes: the same text is the same run, names become objects in one place, misfits are one sentence."""

from dataclasses import FrozenInstanceError, replace
from functools import partial

import numpy as np
import pytest
import torch
from recipes import same

from ganedu import checkpoint, conditional, data, losses, networks, penalties
from ganedu.losses import Loss
from ganedu.networks import MLPDiscriminator, MLPGenerator, Packed
from ganedu.recipe import HOMES, LENT, Recipe, made, named, spelled
from ganedu.trainer import Trainer, cosine, geometric
from ganedu.treatments.base import Unrolled

torch.set_num_threads(1)
SMALL = Recipe(
    data=data.ring,
    G=partial(MLPGenerator, width=8),
    D=partial(MLPDiscriminator, width=8),
    steps=20,
    batch=16,
)
RICH = replace(
    SMALL,
    data=partial(data.ring, 5, std=0.1),
    D=partial(Packed, partial(MLPDiscriminator, in_dim=4, width=8), 2),
    loss=losses.relativistic,
    penalty=partial(penalties.r1_r2, gamma=0.05),
    lr_g=1e-3,
    lr_d=3e-3,
    betas=(0.0, 0.9),
    d_steps=2,
    schedule=cosine,
    penalty_schedule=partial(geometric, end=0.004),
    ema=0.9,
    precision=torch.float32,
    kind=Unrolled,
)
OWN = Loss(losses.logistic_d, losses.critic_g, probabilities=False)
KINDS = {"small": SMALL, "rich": RICH, "its own loss": replace(SMALL, loss=OWN)}
each_recipe = pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)


def state_after(trainer, n=3):
    trainer.fit(n, progress=False)
    return {k: v for k, v in trainer.state_dict().items() if k != "global_rng"}


# ---------------------------------------------------------------- a run


def test_a_recipe_is_the_trainer_one_would_write():
    torch.manual_seed(3)
    D = Packed(MLPDiscriminator(in_dim=4, width=8), 2)
    G = MLPGenerator(width=8)
    torch.manual_seed(3)
    G, D = MLPGenerator(width=8), Packed(MLPDiscriminator(in_dim=4, width=8), 2)
    trainer = Unrolled(
        G=G,
        D=D,
        data=data.ring(5, std=0.1),
        loss=losses.relativistic,
        penalty=partial(penalties.r1_r2, gamma=0.05),
        batch=16,
        lr_g=1e-3,
        lr_d=3e-3,
        betas=(0.0, 0.9),
        d_steps=2,
        schedule=cosine(20),
        penalty_schedule=geometric(20, 0.004),
        ema=0.9,
        precision=torch.float32,
        seed=3,
    )
    made_by_it = RICH.trainer(3)
    assert type(made_by_it) is Unrolled and made_by_it.seed == 3
    a, b = state_after(made_by_it), state_after(trainer)
    del a["recipe"]
    assert same(a, b)


def test_another_seed_is_other_weights_and_other_draws():
    one, again, other = (SMALL.trainer(seed) for seed in (1, 1, 2))
    assert same(state_after(one), state_after(again))
    assert not same(one.G.state_dict(), other.G.state_dict())


def test_schedules_are_as_long_as_the_run():
    long = replace(RICH, steps=40).trainer()
    assert long.schedule(20) == pytest.approx(0.5) and RICH.trainer().schedule(20) == 0
    assert long.penalty_schedule(40) == pytest.approx(0.004)


def test_data_that_are_made_already_are_used_as_they_are():
    p_data = data.ring(5)
    assert SMALL.trainer(data=p_data).data is p_data
    assert len(SMALL.trainer().data.means) == 8


def test_a_recipe_is_a_value():
    assert replace(SMALL, batch=32).batch == 32 and SMALL.batch == 16
    with pytest.raises(FrozenInstanceError):
        SMALL.batch = 3


def test_numbers_of_numpy_become_pythons():
    recipe = replace(SMALL, lr_g=np.float64(0.1), steps=np.int64(5), betas=(np.float32(0.5), 0.9))
    assert [type(x) for x in (recipe.lr_g, recipe.steps, recipe.betas[0])] == [float, int, float]


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"steps": 0}, "steps must be above 0; got 0"),
        ({"steps": 2.5}, "steps must be a whole number; got 2.5"),
        ({"lr_g": -1}, "lr_g must be above 0; got -1"),
        ({"loss": 3}, "<int> has no name|3"),
        ({"penalty": object()}, "has no name in ganedu"),
    ],
)
def test_what_does_not_make_a_recipe_is_said_at_once(changes, says):
    with pytest.raises((ValueError, TypeError), match=says):
        replace(SMALL, **changes).trainer()


# ---------------------------------------------------------------- as text


@each_recipe
def test_written_and_read_again_it_is_the_same_run_bit_for_bit(recipe):
    again = Recipe.from_toml(recipe.to_toml())
    assert again.to_toml() == recipe.to_toml() and again.plain() == recipe.plain()
    assert same(state_after(again.trainer(7)), state_after(recipe.trainer(7)))


def test_the_text_is_one_that_a_person_would_write():
    assert RICH.to_toml().splitlines() == [
        'data = { name = "ring", modes = 5, std = 0.1 }',
        'G = { name = "MLPGenerator", width = 8 }',
        'D = { name = "Packed", D = { name = "MLPDiscriminator", in_dim = 4, width = 8 }, m = 2 }',
        "steps = 20",
        'loss = "relativistic"',
        'penalty = { name = "r1_r2", gamma = 0.05 }',
        "batch = 16",
        "lr_g = 0.001",
        "lr_d = 0.003",
        "betas = [0.0, 0.9]",
        "d_steps = 2",
        'schedule = "cosine"',
        'penalty_schedule = { name = "geometric", end = 0.004 }',
        "ema = 0.9",
        'precision = "float32"',
        'kind = "treatments.base.Unrolled"',
    ]


def test_a_loss_of_ones_own_is_written_by_its_parts():
    line = next(x for x in replace(SMALL, loss=OWN).to_toml().splitlines() if x.startswith("loss"))
    assert line == (
        'loss = { name = "Loss", d = { function = "logistic_d" }, g = { function = "critic_g" }, '
        "g_sees_real = false, probabilities = false }"
    )
    assert Recipe.from_toml(replace(SMALL, loss=OWN).to_toml()).loss == OWN


def test_words_and_lists_among_the_arguments_come_back_as_they_were():
    odd = 'a "quoted" \\ path\n\t\x00 γ'
    recipe = replace(SMALL, data=partial(data.pictures, folder=odd))
    assert Recipe.from_toml(recipe.to_toml()).data.keywords == {"folder": odd}
    recipe = replace(SMALL, D=partial(networks.FourierFeatures, [1.0, 2e-9], fade=float("inf")))
    again = Recipe.from_toml(recipe.to_toml())
    assert again.D.keywords == {"frequencies": [1.0, 2e-9], "fade": float("inf")}


def test_a_conditional_pair_is_a_recipe_too():
    recipe = Recipe(
        data=data.small_digits,
        G=partial(conditional.ConditionalGenerator, partial(networks.DCGANGenerator, 8, width=4)),
        D=partial(
            conditional.ConditionalDiscriminator,
            partial(networks.DCGANDiscriminator, 8, width=4, classes=10),
        ),
        batch=4,
    )
    again = Recipe.from_toml(recipe.to_toml())
    assert same(state_after(again.trainer()), state_after(recipe.trainer()))


def test_numbers_may_be_written_short_and_what_is_left_out_is_usual():
    text = 'data = "ring"\nG = "MLPGenerator"\nD = "MLPDiscriminator"\nlr_g = 1\n'
    recipe = Recipe.from_toml(text)
    assert recipe.lr_g == 1.0 and type(recipe.lr_g) is float
    assert recipe.loss is losses.nonsaturating and recipe.kind is Trainer and recipe.steps == 3000


PARTS = 'data = "ring"\nG = "MLPGenerator"\nD = "MLPDiscriminator"\n'


@pytest.mark.parametrize(
    "text, says",
    [
        (PARTS + "lerning = 3", "a recipe has no 'lerning'"),
        (PARTS + "bach = 3", "a recipe has no 'bach'; the nearest is 'batch'"),
        (PARTS + 'loss = "hing"', "loss: no 'hing' in ganedu.losses; the nearest is 'hinge'"),
        (PARTS.replace("ring", "rnig"), "data: no 'rnig' in ganedu.data; the nearest is 'ring'"),
        (
            PARTS + 'penalty = { name = "r1", gama = 2 }',
            "penalty: r1 takes no 'gama'; the nearest is 'gamma'",
        ),
        (
            PARTS + 'penalty = { name = "os.system", command = "x" }',
            "penalty: recipes know no module 'os'",
        ),
        (PARTS + 'schedule = "checkpoint.save"', "schedule: recipes know no module 'checkpoint'"),
        (PARTS + 'loss = "_OfFake"', "loss: no '_OfFake' in ganedu.losses"),
        (PARTS + 'loss = "losses.torch"', "loss: no 'torch' in ganedu.losses"),
        (PARTS + "loss = 3", "loss must be a name, or a table with a name; got 3"),
        (PARTS + "penalty = { gamma = 2 }", "penalty must be a name, or a table with a name"),
        (
            PARTS + 'precision = "int8"',
            "precision must be float32, bfloat16 or float16; got 'int8'",
        ),
        (PARTS + "betas = 0.5", "betas must be two numbers; got"),
        (PARTS + 'batch = "many"', "batch must be a whole number; got 'many'"),
        ('G = "MLPGenerator"', "a recipe needs data, such as data = 'ring'"),
        (PARTS + "lr_g 3", r"the recipe is no TOML: .*line 4"),
    ],
)
def test_a_text_that_is_not_understood_is_one_sentence_with_the_nearest_name(text, says):
    with pytest.raises(ValueError, match=says) as error:
        Recipe.from_toml(text)
    assert "\n" not in str(error.value)


def test_every_module_that_lends_names_is_there_and_every_home_is_one():
    assert set(HOMES.values()) <= set(LENT)
    assert named("treatments.plane.critic", "networks", "D").__name__ == "critic"
    assert named("hinge", "losses", "loss") is losses.hinge


def test_parts_among_the_arguments_are_made_first_and_functions_are_handed_over():
    packed = made(partial(Packed, partial(MLPDiscriminator, in_dim=4), m=2))
    assert isinstance(packed.D, MLPDiscriminator)
    assert made(partial(Loss, d=losses.logistic_d, g=losses.critic_g)).d is losses.logistic_d


def test_a_name_of_ones_own_is_written_with_its_whole_address_and_not_read():
    assert spelled(state_after) == f"{__name__}.state_after"
    text = replace(SMALL, penalty=state_after).to_toml()
    with pytest.raises(ValueError, match="penalty: recipes know no module"):
        Recipe.from_toml(text)


# ---------------------------------------------------------------- in a checkpoint


def test_a_checkpoint_says_what_run_it_is_of(tmp_path):
    trainer = RICH.trainer(2)
    trainer.fit(2, progress=False)
    checkpoint.save(trainer.state_dict(), tmp_path / "run.pt")
    state = checkpoint.load(tmp_path / "run.pt")
    resumed = Recipe.from_toml(state["recipe"]).trainer(99)
    resumed.load_state_dict(state)
    assert same(state_after(resumed), state_after(trainer))


def test_a_trainer_made_by_hand_has_no_recipe_to_tell():
    p_data, G, D = data.ring(8), MLPGenerator(), MLPDiscriminator()
    assert "recipe" not in Trainer(G=G, D=D, data=p_data).state_dict()


def test_a_part_without_a_name_trains_and_is_saved_though_it_cannot_be_read_back(tmp_path):
    recipe = replace(SMALL, penalty=lambda D, real, fake, rng: D(real).square().mean())
    checkpoint.save(recipe.trainer().state_dict(), tmp_path / "run.pt")
    with pytest.raises(ValueError, match="penalty: recipes know no module"):
        Recipe.from_toml(checkpoint.load(tmp_path / "run.pt")["recipe"])
