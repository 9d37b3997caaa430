"""`ganedu ...`: tour, training, samples, art, studies. The grammar only: what is asked for is a `Recipe`."""

import argparse
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from ganedu import __version__
from ganedu.kit import commands as kit

LOSSES = ("nonsaturating", "saturating", "least_squares", "hinge", "wasserstein", "relativistic")
DATA = ("ring", "grid", "digits", "mnist", "fashion_mnist", "cifar10")
STEPS = 2400
STUDIES = ("ring", "grid", "stacked")


def main(argv=None):
    """Run one command; errors that a user can mend are one sentence, exit code 2."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a sign that cannot be printed stops nothing
    try:
        if getattr(args, "trains", True):
            leave_room()
        return args.run(args)
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError) as error:
        print(f"ganedu: {in_words(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"ganedu: stopped{f': {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130


def in_words(error):
    """One line; torch's words on memory in a user's."""
    if isinstance(error, MemoryError) or "allocate" in str(error):
        return "the memory is not enough: try a smaller --batch"
    return " ".join(str(error).split())


def leave_room():
    """Use half the cores: a small network gains little from more, and loses all when they are busy."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(max(1, min(torch.get_num_threads(), (cores or 1) // 2)))


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
    tour.add_argument("--steps", type=_count, help="training steps (default: 1200, about a minute)")
    tour.set_defaults(run=run_tour)

    train = commands.add_parser("train", help="train a GAN, with checkpoints")
    train.add_argument(
        "recipe",
        nargs="?",
        metavar="RECIPE.toml",
        help="what to train, as an earlier run's recipe.toml says; the options below change it",
    )
    train.add_argument(
        "--data", help=f"{', '.join(DATA)}, or a folder of pictures (default: digits)"
    )
    train.add_argument("--loss", choices=LOSSES, help="default: nonsaturating")
    train.add_argument("--lr", type=float, help="step size of both (default: 0.0005)")
    train.add_argument("--batch", type=_whole, help="examples a step (default: 64)")
    train.add_argument(
        "--steps", type=_count, help=f"how many; of a resumed run, how many more (default: {STEPS})"
    )
    train.add_argument(
        "--out", default="run", help="folder for checkpoint and pictures (default: %(default)s)"
    )
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.set_defaults(run=run_train)

    sample = commands.add_parser("sample", help="write samples of a trained run as single files")
    sample.add_argument("source", metavar="RUN", help="a run's folder, or a checkpoint of it")
    sample.add_argument("-n", type=_count, default=100, help="how many (default: %(default)s)")
    sample.add_argument("--out", default="samples", help="an empty folder (default: %(default)s)")
    sample.set_defaults(run=run_sample)

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

    art = commands.add_parser("art", help="from one picture to a tile, a poster and a loop")
    art.add_argument(
        "picture", metavar="PICTURE", help="a file, or a name such as terrain or brick"
    )
    art.add_argument("--out", default="art", help="folder for the pictures (default: %(default)s)")
    art.add_argument("--steps", type=_count, help="train so long (default: 3000, if not known)")
    art.add_argument(
        "--side", type=_side, help="shrink the picture's shorter side to so many pixels"
    )
    art.add_argument("--poster", type=_side, default=1024, help="its side (default: %(default)s)")
    art.set_defaults(run=run_art)

    for command in (tour, train, sample, art):
        command.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    for command in (tour, train):
        command.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto)")
    kit.add_to(commands)
    return top


def _whole(text):
    try:
        return int(text)
    except ValueError:
        said = f"invalid number {text!r}: a whole one is wanted, such as 2400"
        raise argparse.ArgumentTypeError(said) from None


def _count(text):
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more; got {number}")
    return number


def _side(text):
    number = _whole(text)
    if not 64 <= number <= 8192:
        raise argparse.ArgumentTypeError(f"must be 64 to 8192 pixels; got {number}")
    return number


def run_tour(args):
    """`ganedu tour`."""
    from ganedu import tour

    steps = args.steps or tour.RECIPE.steps
    tour.tour(args.out, steps=steps, seed=args.seed, device=args.device)
    return 0


def run_art(args):
    """`ganedu art`: what was measured, and where the pictures are."""
    from ganedu.art import art, page

    found = art(
        args.picture,
        args.out,
        steps=args.steps,
        seed=args.seed,
        side=args.side,
        poster=args.poster,
    )
    for what, value, meaning in page.lines(found):
        print(f"{what:34} {value:34} {meaning}".rstrip())
    print(f"Look at {(Path(args.out).expanduser() / 'index.html').resolve()}")
    return 0


# ---------------------------------------------------------------- train


def find_data(name):
    """How to make the data set of that name, or that of the pictures in that folder."""
    from ganedu import data
    from ganedu.recipe import named

    folder = Path(name).expanduser()
    if name in DATA:
        if folder.is_dir():
            print(f"Training on the data set {name}; the folder of that name is ./{name}.")
        return named(name, "data", "--data")
    if folder.is_dir():
        return partial(data.pictures, folder=str(folder.resolve()))
    raise ValueError(f"no data set or folder called {name!r}; data sets: {', '.join(DATA)}")


def networks_for(p_data):
    """How to make a pair (G, D) that fits: for 28, 32 or 64 pixels a DCGAN, for points an MLP."""
    from ganedu import data, networks

    if isinstance(p_data, data.Mixture):
        return networks.MLPGenerator, networks.MLPDiscriminator
    _, channels, _, size = p_data.x.shape
    pair = (networks.DCGANGenerator, networks.DCGANDiscriminator)
    return tuple(partial(net, size=size, channels=channels) for net in pair)


def recipe_of(args, state):
    """(what to train, its data): a resumed run's, a file's, or the usual; and what the options change."""
    from ganedu.recipe import Recipe, made

    stored, p_data = state.get("recipe"), None
    if args.resume and args.recipe:
        raise ValueError(f"a run that is resumed has its own recipe: leave out {args.recipe}")
    if stored:
        recipe = Recipe.from_toml(stored)
        refuse_another(args, recipe)
    elif args.recipe:
        recipe = Recipe.from_toml(Path(args.recipe).expanduser().read_text(encoding="utf-8"))
    else:
        make = find_data(args.data or "digits")
        p_data = made(make)
        G, D = networks_for(p_data)
        recipe = Recipe(data=make, G=G, D=D, lr_g=5e-4, lr_d=5e-4, batch=64, ema=0.995, steps=STEPS)
    recipe = replace(recipe, **options(args))
    more = args.steps or (STEPS if stored else recipe.steps)
    recipe = replace(recipe, steps=state.get("step", 0) + more)
    return recipe, made(recipe.data) if p_data is None else p_data


def options(args):
    """The fields of a recipe that the options change."""
    from ganedu.recipe import named

    if args.lr is not None and not args.lr > 0:
        raise ValueError(f"--lr must be above 0; got {args.lr}")
    given = {
        "data": args.data and find_data(args.data),
        "loss": args.loss and named(args.loss, "losses", "--loss"),
        "batch": args.batch,
        "lr_g": args.lr,
        "lr_d": args.lr,
    }
    return {name: value for name, value in given.items() if value is not None}


def refuse_another(args, recipe):
    """A resumed run keeps its data and its loss."""
    from ganedu.recipe import spelled

    given = options(args)
    for key, home in (("data", "data"), ("loss", "losses")):
        before, now = (spelled(x, home) for x in (getattr(recipe, key), given.get(key)))
        if key in given and before != now:
            said = before.get("folder", before["name"]) if isinstance(before, dict) else before
            raise ValueError(
                f"this run is on --{key} {said}, not {getattr(args, key)}: leave --{key} out to go "
                "on, or choose another --out"
            )


def run_train(args):
    """`ganedu train`: a checkpoint every 500 steps and at the end, then a picture."""
    from ganedu import checkpoint
    from ganedu.files import write_text

    out = Path(args.out).expanduser()
    file = out / "checkpoint.pt"
    if file.exists() and not args.resume:
        raise FileExistsError(f"{file} exists: add --resume to go on, or choose another --out")
    state = checkpoint.load(file) if args.resume else {}
    recipe, p_data = recipe_of(args, state)
    look_at_pictures(recipe, out)
    trainer = recipe.trainer(args.seed, device=args.device, data=p_data)
    if args.resume:
        trainer.load_state_dict(state)
        print(f"Going on from step {trainer.step:,}.")
    write_text(out / "recipe.toml", recipe.to_toml())  # where it cannot be written, no time is lost
    rows = train_saving(trainer, recipe.steps - trainer.step, file)
    draw(trainer, rows, out)
    print(f"Step {trainer.step:,} is saved in {file.resolve()}", flush=True)
    print(f"Pictures: {out.resolve()}")
    return 0


def look_at_pictures(recipe, out):
    """Say what is read of a folder of pictures; a run's own pictures are no data of it."""
    from ganedu import data

    folder = getattr(recipe.data, "keywords", {}).get("folder")
    if folder and out.resolve().is_relative_to(Path(folder).resolve()):
        raise ValueError(f"--out {out} lies among the pictures of --data: choose another place")
    if folder:
        print(data.inventory(folder))


def train_saving(trainer, steps, file, every=500):
    """Train in one go with a progress bar; save each `every` steps, at the end and after Ctrl-C."""
    from ganedu import checkpoint
    from ganedu.recording import Recorder, progress

    recorder, end = Recorder(), trainer.step + steps
    with progress(trainer, steps) as training:
        for now in training:
            if now["step"] % 10 == 0:
                recorder.look(trainer)
            if now["step"] % every == 0:
                checkpoint.save(trainer.state_dict(), file)
    checkpoint.save(trainer.state_dict(), file)
    if trainer.step < end:
        print(f"Stopped after step {trainer.step:,}; --resume goes on from here.")
    return recorder.rows


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


def run_sample(args):
    """`ganedu sample`."""
    from ganedu import drawing

    drawing.write(args.source, args.out, args.n, args.seed)
    print(f"{args.n:,} samples: {Path(args.out).expanduser().resolve()}")
    return 0


# ---------------------------------------------------------------- study


def run_study(args):
    """`ganedu study`: what was run before is not run again; the table and the picture always are."""
    from ganedu import studies, treatments

    trials = chosen(treatments.trial(args.name, steps=args.steps), args.recipes)
    if args.list:
        print("\n".join(trials))
        return 0
    out = Path(args.out).expanduser() / args.name
    rows = studies.study(trials, range(args.seeds), folder=out / "runs", jobs=args.jobs)
    studies.save(rows, out)
    draw_study(rows, out / "study.png")
    print(studies.show(studies.table(rows)))
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
