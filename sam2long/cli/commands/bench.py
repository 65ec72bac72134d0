"""`sam2long bench`: measures tracking speed on this machine, and where the time goes."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Annotated

import typer

from sam2long.cli.options import results
from sam2long.cli.options.network import Compile, Precision
from sam2long.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table
    from torch import Tensor

    from sam2long.bench import Load, Roofline, Timing
    from sam2long.bench.scripted import MeasuredSAM2
    from sam2long.model import SAM2Config


def bench(
    model: Annotated[str, typer.Option(metavar="NAME", help="Network to use, with random weights.")] = (
        "sam2.1-hiera-tiny"
    ),
    image_size: Annotated[
        int | None, typer.Option(help="Side of the network's square input in pixels. Default: the network's own.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the fastest available.")
    ] = None,
    precision: Precision = "auto",
    compile: Compile = False,
    frames: Annotated[int, typer.Option(min=1, help="Frames per measurement; the median is reported.")] = 3,
    pathways: Annotated[
        str, typer.Option(metavar="N,N...", help="Pathway counts to time, with one object.")
    ] = "1,2,3,4",
    objects: Annotated[
        str, typer.Option(metavar="N,N...", help="Object counts to time, with three pathways.")
    ] = "1,4,16",
    as_json: results.AsJson = False,
) -> None:
    """Measure tracking speed; print a table, then one line of JSON for scripts."""
    from sam2long.bench import file_stages, measured_model, roofline
    from sam2long.cli.running.events import choose
    from sam2long.model.checkpoints.loading import choose_device
    from sam2long.model.compilation import compile_model
    from sam2long.model.config import preset
    from sam2long.model.precision import choose_precision, set_precision

    loads = _loads(_counts(pathways, "--pathways"), _counts(objects, "--objects"))
    config, target = preset(model, image_size), choose_device(device)
    dtype = choose_precision(precision, target)
    images, file_milliseconds = file_stages(config, frames)
    network = measured_model(config, target)
    set_precision(network, dtype)
    compile_seconds = compile_model(network) if compile else None
    roof = roofline(network, images[:1])
    events = choose(as_json, len(loads))
    timings = [_time(network, images, load, f"{number}/{len(loads)}") for number, load in enumerate(loads, start=1)]
    machine = {
        **_machine(target.type),
        "precision": str(dtype).removeprefix("torch."),
        "compiled_in_s": compile_seconds,
    }
    record = _record(config, machine, timings, file_milliseconds, roof)
    if events is not None:
        events.result(**record)
        return
    _print_tables(config, machine, timings, file_milliseconds, roof)
    typer.echo(json.dumps(record))


def _time(network: MeasuredSAM2, images: Tensor, load: Load, place: str) -> Timing:
    """Time one load, and say so."""
    from sam2long.bench import time_frames
    from sam2long.cli.running.events import current

    name = f"{load.objects} object(s), {load.tree.pathways} pathway(s)"
    events = current()
    if events is None:
        sys.stderr.write(f"{place}: {name}\n")
        return time_frames(network, images, load)
    job = f"{name}, {'certain' if load.certain else 'uncertain'}"
    events.started(job)
    timing = time_frames(network, images, load)
    events.done(job, frames_per_second=round(timing.frames_per_second, 3))
    return timing


def _counts(text: str, option: str) -> list[int]:
    words = text.split(",")
    if not all(word.strip().isdigit() and int(word) > 0 for word in words):
        raise ConfigError(f"{option} {text!r} is not a list of positive whole numbers, such as 1,2,3")
    return [int(word) for word in words]


def _loads(pathways: list[int], objects: list[int]) -> list[Load]:
    """Each number of pathways with one object, then each number of objects with three pathways, without repeats."""
    from sam2long.bench import Load
    from sam2long.tree import TreeConfig

    pairs = dict.fromkeys([(1, count) for count in pathways] + [(count, 3) for count in objects])
    return [
        Load(count, TreeConfig(pathways=wide), certain)
        for count, wide in pairs
        for certain in (True, False)
        if certain or wide > 1
    ]


def _machine(device: str) -> dict[str, object]:
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else _processor()
    return {
        "device": device,
        "name": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Name of the CPU; Linux gives it only in a file."""
    from pathlib import Path

    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _print_tables(
    config: SAM2Config, machine: dict[str, object], timings: list[Timing], files: dict[str, float], roof: Roofline
) -> None:
    from rich.console import Console

    # A pipe has no width; fix one so that rows do not wrap.
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(
        f"{config.name} at {config.image_size} x {config.image_size}, random weights, full memory; "
        f"{machine['name']} ({machine['device']}, {machine['threads']} threads), torch {machine['torch']}, "
        f"{machine['precision']}"
    )
    if machine["compiled_in_s"] is not None:
        console.print(f"compiled first, in {machine['compiled_in_s']:.0f} s")
    console.print(_table(timings))
    console.print(
        f"on separate threads, next to the network: decode {files['decode']:.1f} ms, write {files['write']:.1f} ms"
    )
    console.print(
        f"roofline: of {roof.peak:.0f} GFLOP/s in matrix products, the encoder reaches {roof.encode / roof.peak:.0%} "
        f"and memory attention {roof.attend / roof.peak:.0%}"
    )


def _table(timings: list[Timing]) -> Table:
    from rich.table import Table

    table = Table(title="milliseconds per frame", title_justify="left")
    stages = list(timings[0].milliseconds)
    for name in ("objects", "pathways", "stretch", *stages, "frame", "frames/s", "peak MB"):
        table.add_column(name, justify="left" if name == "stretch" else "right")
    for timing in timings:
        load = timing.load
        table.add_row(
            str(load.objects),
            str(load.tree.pathways),
            "certain" if load.certain else "uncertain",
            *(f"{timing.milliseconds[stage]:.1f}" for stage in stages),
            f"{timing.frame_milliseconds:.1f}",
            f"{timing.frames_per_second:.2f}",
            f"{timing.peak_megabytes:.0f}",
        )
    return table


def _record(
    config: SAM2Config, machine: dict[str, object], timings: list[Timing], files: dict[str, float], roof: Roofline
) -> dict[str, object]:
    return {
        "model": config.name,
        "image_size": config.image_size,
        "machine": machine,
        "file_milliseconds": _rounded(files),
        "gflops_per_second": _rounded(asdict(roof)),
        "timings": [
            {
                "objects": timing.load.objects,
                "pathways": timing.load.tree.pathways,
                "certain": timing.load.certain,
                "milliseconds": _rounded(timing.milliseconds),
                "frame_milliseconds": round(timing.frame_milliseconds, 2),
                # JSON has no NaN.
                "peak_megabytes": None if isnan(timing.peak_megabytes) else round(timing.peak_megabytes, 1),
            }
            for timing in timings
        ],
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}
