"""`ganedu ...`: tour, training, studies. Names become objects here, nowhere else."""

import argparse
import hashlib
import os
import sys
from functools import partial
from pathlib import Path

from ganedu import __version__

LOSSES = ("nonsaturating", "saturating", "least_squares", "hinge", "wasserstein", "relativistic")
RECIPE = {"data": "digits", "loss": "nonsaturating", "lr": 5e-4, "batch": 64}
DATA = ("ring", "grid", "digits", "mnist", "fashion_mnist", "cifar10")
STUDIES = ("ring", "grid", "stacked")


def main(argv=None):
    """Run one command; errors that a user can mend are one sentence, exit code 2."""
    args = parser().parse_args(argv)
    try:
        leave_room()
        return args.run(args)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        print(f"ganedu: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"ganedu: stopped{f': {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130


def leave_room():
    """Use half the cores: a small network gains little from more, and loses all when they are busy."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def parser():
    """The command line's grammar and its help."""
    top = argparse.ArgumentParser(
        prog="ganedu", description="Generative adversarial networks, built piece by piece."
    )
    top.add_argument("--version", action="version", version=f"ganedu {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    tour = commands.add_parser(
        "tour", help="train on real digits, draw pictures, say what was measured"
    )
    tour.add_argument(
        "--out", default="tour", help="folder for the pictures (default: %(default)s)"
    )
    tour.add_argument(
        "--steps", type=_count, help="training steps (default: 1600, about 50 seconds)"
    )
    tour.set_defaults(run=run_tour)

    train = commands.add_parser("train", help="train a GAN, with checkpoints")
    train.add_argument(
        "--data", help=f"{', '.join(DATA)}, or a folder of pictures (default: {RECIPE['data']})"
    )
    train.add_argument("--loss", choices=LOSSES, help=f"default: {RECIPE['loss']}")
    train.add_argument("--lr", type=float, help=f"step size of both (default: {RECIPE['lr']})")
    train.add_argument("--batch", type=int, help=f"examples a step (default: {RECIPE['batch']})")
    train.add_argument(
        "--steps", type=_count, default=2400, help="steps to add (default: %(default)s)"
    )
    train.add_argument(
        "--out", default="run", help="folder for checkpoint and pictures (default: %(default)s)"
    )
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.set_defaults(run=run_train)

    study = commands.add_parser(
        "study", help="train recipes against mode collapse over seeds; a table and a picture"
    )
    study.add_argument("name", choices=STUDIES, help="the data; stacked: 1,000 modes of digits")
    study.add_argument("--seeds", type=_count, default=5, help="default: %(default)s")
    study.add_argument("--jobs", type=_count, help="runs at a time (default: one for each core)")
    study.add_argument("--steps", type=_count, help="of a run (default: as each recipe says)")
    study.add_argument("--recipes", help="some of them, as a,b,c (default: all)")
    study.add_argument("--list", action="store_true", help="name the recipes, run nothing")
    study.add_argument(
        "--out", default="study", help="folder for runs, table and picture (default: %(default)s)"
    )
    study.set_defaults(run=run_study)

    for command in (tour, train):
        command.add_argument("--seed", type=int, default=0, help="default: %(default)s")
        command.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto)")
    return top


def _count(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more; got {number}")
    return number


def run_tour(args):
    """`ganedu tour`."""
    from ganedu import tour

    tour.tour(args.out, steps=args.steps or tour.STEPS, seed=args.seed, device=args.device)
    return 0


def find_data(name):
    """The data set of that name, or the pictures of that folder."""
    from ganedu import data

    if name in DATA:
        return getattr(data, name)()
    if Path(name).is_dir():
        return data.pictures(name)
    raise ValueError(f"no data set or folder called {name!r}; data sets: {', '.join(DATA)}")


def networks_for(p_data):
    """A pair (G, D) that fits: DCGAN for images of 28, 32 or 64 pixels, else an MLP on points."""
    from ganedu import data, networks

    if isinstance(p_data, data.Mixture):
        return networks.MLPGenerator(), networks.MLPDiscriminator()
    _, channels, _, size = p_data.x.shape
    return (
        networks.DCGANGenerator(size=size, channels=channels),
        networks.DCGANDiscriminator(size=size, channels=channels),
    )


def recipe_of(args, stored):
    """What to train: the stored recipe of a run, else the defaults, with what the user gave."""
    given = {key: getattr(args, key) for key in RECIPE if getattr(args, key) is not None}
    for key in ("data", "loss"):
        if stored and key in given and given[key] != stored[key]:
            raise ValueError(
                f"this run is on --{key} {stored[key]}, not {given[key]}: leave --{key} out to go "
                "on, or choose another --out"
            )
    return {**RECIPE, **stored, **given}


def run_train(args):
    """`ganedu train`: a checkpoint every 500 steps and at the end, then a picture."""
    import torch

    from ganedu import checkpoint, losses
    from ganedu.trainer import Trainer

    file = Path(args.out) / "checkpoint.pt"
    if file.exists() and not args.resume:
        raise FileExistsError(f"{file} exists: add --resume to go on, or choose another --out")
    state = checkpoint.load(file) if args.resume else {}
    recipe = recipe_of(args, state.get("recipe", {}))
    p_data, lr = find_data(recipe["data"]), recipe["lr"]
    torch.manual_seed(args.seed)
    G, D = networks_for(p_data)
    settings = {"loss": getattr(losses, recipe["loss"]), "batch": recipe["batch"], "ema": 0.995}
    settings |= {"lr_g": lr, "lr_d": lr, "seed": args.seed, "device": args.device}
    trainer = Trainer(G=G, D=D, data=p_data, **settings)
    if args.resume:
        trainer.load_state_dict(state)
        print(f"Going on from step {trainer.step:,}.")
    rows = train_saving(trainer, args.steps, file, recipe)
    print(f"Step {trainer.step:,} is saved in {file.resolve()}", flush=True)
    draw(trainer, rows, Path(args.out))
    print(f"Pictures: {Path(args.out).resolve()}")
    return 0


def train_saving(trainer, steps, file, recipe, every=500):
    """Train in one go with a progress bar; save each `every` steps, at the end and after Ctrl-C."""
    from tqdm.auto import tqdm

    from ganedu import checkpoint
    from ganedu.trainer import numbers, stop_on_ctrl_c

    rows = []
    with stop_on_ctrl_c() as stop:
        for row in tqdm(trainer.steps(steps), total=steps, leave=False):
            if row["step"] % 10 == 0:
                rows.append(numbers(row))
            if row["step"] % every == 0:
                checkpoint.save({**trainer.state_dict(), "recipe": recipe}, file)
            if stop.is_set():
                print(f"Stopped after step {trainer.step:,}; --resume goes on from here.")
                break
    checkpoint.save({**trainer.state_dict(), "recipe": recipe}, file)
    return rows


def draw(trainer, rows, out):
    """samples.png, and training.png when there is something to plot."""
    import torch
    from matplotlib.figure import Figure

    from ganedu import viz

    viz.use()
    x = trainer.sample(100 if hasattr(trainer.data, "x") else 2500).cpu()
    fig = Figure(figsize=(6, 6), layout="constrained")
    if x.ndim == 4:
        viz.images(x, ax=fig.subplots(), columns=10, title=f"Step {trainer.step:,}")
    else:
        real = trainer.data.sample(2500, torch.Generator().manual_seed(0))
        viz.scatter(real, x, ax=fig.subplots(), title=f"Step {trainer.step:,}")
    fig.savefig(out / "samples.png", dpi=110)
    if rows:
        fig = Figure(figsize=(viz.WIDTH, 3), layout="constrained")
        title = f"The two losses, steps {rows[0]['step']:,} to {rows[-1]['step']:,}"
        viz.curves(rows, ax=fig.subplots(), title=title)
        fig.savefig(out / "training.png", dpi=110)


def run_study(args):
    """`ganedu study`: what was run before is not run again; the table and the picture always are."""
    from ganedu import studies, treatments

    recipes = chosen(treatments.trial(args.name), args.recipes)
    if args.list:
        print("\n".join(recipes))
        return 0
    files = sorted(Path(treatments.__file__).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files)  # another text, other recipes
    settings = {"steps": args.steps, "treatments": hashlib.sha256(text).hexdigest()[:16]}
    if args.steps:
        recipes = {name: partial(recipe, steps=args.steps) for name, recipe in recipes.items()}
    out = Path(args.out) / args.name
    rows = studies.study(
        recipes, range(args.seeds), folder=out / "runs", settings=settings, jobs=args.jobs
    )
    print(studies.show(studies.table(rows)))
    studies.save(rows, out)
    draw_study(rows, out / "study.png")
    print(f"Rows, table and picture: {out.resolve()}")
    return 0


def chosen(recipes, names):
    """The recipes named "a,b,c", in the order of all of them; without names all."""
    wanted = [name.strip() for name in names.split(",")] if names else list(recipes)
    for name in wanted:
        if name not in recipes:
            raise ValueError(f"no recipe called {name!r}; recipes: {', '.join(recipes)}")
    return {name: recipe for name, recipe in recipes.items() if name in wanted}


def draw_study(rows, path):
    """A panel for each of the first four measures."""
    from matplotlib.figure import Figure

    from ganedu import studies, viz

    viz.use()
    names = studies.measures(rows)[:4]
    if not names:
        return  # every run failed: there is nothing to draw
    recipes = len({row["recipe"] for row in rows})
    fig = Figure(figsize=(3 + 2.4 * len(names), 0.9 + 0.32 * recipes), layout="constrained")
    axes = fig.subplots(1, len(names), sharey=True, squeeze=False)
    viz.study(rows, names, axes=axes, title="A dot for each seed; the bar is mean ± SD")
    fig.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
