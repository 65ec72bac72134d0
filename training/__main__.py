"""`python -m training`: train the bundled model, export it, measure it, plot its curve."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from sam2long.errors import ConfigError, UserError
from sam2long.model import load_model
from sam2long.model.checkpoints.loading import save_model
from sam2long.synthetic.suites import SUITES
from training.judging.evaluate import FrameFacts, SuiteScore, as_line, measure_suite, summarise, table
from training.judging.plot import plot_curve
from training.judging.reliability import plot_reliability
from training.loop import LOG_FILE, STATE_FILE, RunOptions, continued_state, pretrained_state, train
from training.recipe import NANO, RECIPE, scaled
from training.showcase import draw_examples, render_demo
from training.state import averaged, load_state
from training.team import run_team

_REPORTED = [name for name in SUITES if name != "validation"]


def main() -> None:
    """Run one subcommand; errors of the user end in one line and status 2."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("train", help="train nano by its recipe")
    command.add_argument("--out", type=Path, default=Path("runs/nano"), help="folder of the states and the log")
    command.add_argument("--photos", type=Path, required=True, help="folder of photos with masks; docs/training.md")
    command.add_argument("--scale", type=float, default=1.0, help="times as many steps in every stage")
    command.add_argument("--resume", action="store_true", help="go on where the run in --out ended, if there is one")
    command.add_argument("--weights", type=Path, help="start from this checkpoint instead of the pretrained trunk")
    command.add_argument("--stage", choices=[stage.name for stage in RECIPE], help="start with this stage")
    command.add_argument("--device", help="cpu, cuda...; by default the fastest")
    command.add_argument("--processes", type=int, default=1, help="of one thread each, for CPUs")
    command.add_argument("--workers", type=int, default=0, help="processes that make clips, for each that trains")
    command.add_argument("--minutes", type=float, help="save and end after this time")
    command.set_defaults(run=_train)

    command = commands.add_parser("export", help="write the average weights of a run as a half-precision checkpoint")
    command.add_argument(
        "--state",
        type=Path,
        nargs="+",
        default=[Path("runs/nano") / STATE_FILE],
        help="file of the run, or several, whose mean is taken",
    )
    command.add_argument("--weights", type=Path, required=True, help="file to write")
    command.add_argument("--image-size", type=int, default=NANO.image_size, help="side it is to be used with, pixels")
    command.set_defaults(run=_export)

    command = commands.add_parser("evaluate", help="measure plain SAM 2 and the tree on the suites")
    command.add_argument("--weights", type=Path, required=True)
    command.add_argument("--suites", nargs="+", choices=sorted(SUITES), default=_REPORTED)
    command.add_argument("--videos", type=int, help="only the first so many videos of a suite")
    command.add_argument("--limit", type=int, help="only the first so many frames of a video")
    command.add_argument(
        "--table", type=Path, required=True, help="Markdown file to write; figures go beside it as JSON"
    )
    command.add_argument("--reliability", type=Path, help="picture to draw of how far its scores can be believed")
    command.add_argument("--device")
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("showcase", help="render the demo's clip of photos and a picture of pseudo-videos")
    command.add_argument("--photos", type=Path, required=True)
    command.add_argument("--picture", type=Path, required=True)
    command.set_defaults(run=_showcase)

    command = commands.add_parser("plot", help="draw the curve of a run")
    command.add_argument("--out", type=Path, default=Path("runs/nano"), help="folder of the run")
    command.add_argument("--picture", type=Path, required=True)
    command.set_defaults(run=lambda arguments: plot_curve(arguments.out / LOG_FILE, arguments.picture))
    return parser


def _train(arguments: argparse.Namespace) -> None:
    begun = (arguments.out / STATE_FILE).exists()
    if begun and not arguments.resume:
        raise ConfigError(f"{str(arguments.out)!r} holds a run; add --resume to go on with it, or choose another --out")
    options = RunOptions(
        folder=arguments.out,
        photos=arguments.photos,
        resume=begun,
        device=arguments.device,
        workers=arguments.workers,
        stop_after=arguments.minutes * 60 if arguments.minutes else None,
    )
    recipe = scaled(RECIPE, arguments.scale)
    number = [stage.name for stage in recipe].index(arguments.stage or recipe[0].name)
    if arguments.weights:
        start = partial(continued_state, arguments.weights, number, NANO, options)
    elif number:
        raise ConfigError("--stage needs --weights to start from")
    else:
        start = partial(pretrained_state, NANO, recipe[0], options)
    run_team(arguments.processes, partial(train, start, NANO, recipe, options))


def _export(arguments: argparse.Namespace) -> None:
    states = [load_state(path, NANO, torch.device("cpu")) for path in arguments.state]
    arguments.weights.parent.mkdir(parents=True, exist_ok=True)
    save_model(averaged(states, arguments.image_size), arguments.weights, torch.float16)


def _evaluate(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.weights, device=arguments.device, precision="float32")
    suites: list[SuiteScore] = []
    facts: dict[str, Sequence[FrameFacts]] = {}
    for name in arguments.suites:
        scores = []
        for score in measure_suite(model, name, arguments.videos, arguments.limit):
            scores.append(score)
            print(
                f"{score.video}: greedy {score.greedy_j:.3f} / {score.greedy_f:.3f}, gain {score.gain:+.3f}", flush=True
            )
        suites.append(summarise(name, scores))
        facts[name] = [frame for score in scores for frame in score.frames]
        arguments.table.write_text(table(suites), encoding="utf-8")
        lines = json.dumps([as_line(suite) for suite in suites], indent=1)
        arguments.table.with_suffix(".json").write_text(lines + "\n", encoding="utf-8")
    if arguments.reliability:
        plot_reliability(facts, arguments.reliability)
    print(table(suites))


def _showcase(arguments: argparse.Namespace) -> None:
    draw_examples(arguments.photos, arguments.picture)
    render_demo(arguments.photos)


if __name__ == "__main__":
    main()
