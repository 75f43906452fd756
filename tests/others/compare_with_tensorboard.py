#!/usr/bin/env python3
"""Compares what TensorBoard reads of a run's event files with the run's metrics.jsonl.

Usage: compare_with_tensorboard.py RL4SEG [RUN ...]

RL4SEG is target/debug/rl4seg, which `cargo build` makes. Without RUN a short run on synthetic images is made here: one that is whole, and
one that is stopped in the middle and goes on. Needs the package tensorboard. Prints a row for each run; fails if a scalar is missing, is
there twice, has another value or another step, or a time that is not that of the run.
"""

import json
import math
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

WITH_EPOCHS = ["pretrain", "fit-reward", "improve-policy"]
SHORT = ["network.width=4", "pretrain.epochs=20", "pretrain.augment.probability=0.0", "pretrain.batch=4"]
SHORT += ["pretrain.learning_rate=0.04", "collect.cases=6", "collect.batch=4", "collect.correction_agreement=0.0"]
SHORT += ["reward.epochs=2", "reward.learning_rate=0.02", "reward.batch=8", "policy.epochs=2", "policy.batch=4.0", "iterations=2"]


def expected(run):
    """Tag -> list of (step, value), as docs/metrics.md says."""
    scalars, epochs = {}, dict.fromkeys(WITH_EPOCHS, 0)
    for text in (run / "metrics.jsonl").read_text().splitlines():
        line = json.loads(text)
        iteration, step, epoch = line.pop("iteration"), line.pop("step"), line.pop("epoch", None)
        if epoch is None:
            group, at = (f"{step}-result" if step in WITH_EPOCHS else step), iteration
        else:
            epochs[step] += 1
            group, at = step, epochs[step]
        for name, value in line.items():
            scalars.setdefault(f"{group}/{name}", []).append((at, value))
    return scalars


def difference(run):
    """How what TensorBoard reads differs, or nothing; and how many scalars it reads."""
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    found, wanted = set(accumulator.Tags()["scalars"]), expected(run)
    if found != set(wanted):
        return f"other tags: {sorted(found ^ set(wanted))}", 0
    times = [json.loads(line)["time_ms"] / 1e3 for line in (run / "journal.jsonl").read_text().splitlines()]
    count = 0
    for tag, points in wanted.items():
        events = accumulator.Scalars(tag)
        if [event.step for event in events] != [at for at, _ in points]:
            return f"{tag}: steps {[event.step for event in events]}, not {[at for at, _ in points]}", 0
        for event, (_, value) in zip(events, points):
            if not math.isclose(event.value, value, rel_tol=1e-6, abs_tol=1e-30):
                return f"{tag}: {event.value}, not {value}", 0
            if not times[0] <= event.wall_time <= times[-1]:
                return f"{tag}: at {event.wall_time}, and the run was from {times[0]} to {times[-1]}", 0
            count += 1
    return None, count


def made(program, folder):
    """A whole run, and one that is stopped and goes on."""
    program = pathlib.Path(program).resolve()

    def rl4seg(*words):
        subprocess.run([program, *words], check=True, cwd=folder, capture_output=True)

    parts = ["--size", "48", "--train", "16", "--validation", "2", "--test", "2"]
    for domain in ["source", "target"]:
        rl4seg("phantom", "--modality", "echo", "--domain", domain, "--out", domain, *parts)
    rl4seg("init", "--modality", "echo", "--source", "source", "--target", "target", "--out", "run.toml")
    sets = [word for value in SHORT for word in ("--set", value)]
    rl4seg("adapt", "run.toml", *sets, "--set", "output=whole")
    yield folder / "whole"
    command = [program, "adapt", "run.toml", *sets, "--set", "output=stopped", "--quiet"]
    for word in ["pretrain", "improve-policy"]:
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        metrics = folder / "stopped" / "metrics.jsonl"
        while child.poll() is None and not (metrics.exists() and word in metrics.read_text()):
            time.sleep(0.005)
        child.send_signal(signal.SIGINT if word == "pretrain" else signal.SIGKILL)
        child.wait()
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    yield folder / "stopped"


def main():
    program, *runs = sys.argv[1:]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for run in map(pathlib.Path, runs) if runs else made(program, pathlib.Path(folder)):
            unlike, count = difference(run)
            wrong += unlike is not None
            size = sum(file.stat().st_size for file in (run / "tensorboard").iterdir())
            print(f"{'OTHERWISE' if unlike else 'the same':10} {run.name}: {unlike or f'{count} scalars in {size} bytes'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
