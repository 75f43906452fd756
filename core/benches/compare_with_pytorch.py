#!/usr/bin/env python3
"""Times `rl4seg bench` and the same work in PyTorch, A B A B, and prints the ratios of this run.

Usage: compare_with_pytorch.py RL4SEG [--work infer step ppo collect] [--sizes 4x256 8x128] [--width 32] [--rounds 3]
                               [--device cpu|cuda]

RL4SEG is the program, built in release, with `--features cuda` for `--device cuda`. Needs Python 3.9 and torch. On the
PyTorch side the network is the U-Net of the published code. On the CPU both memory formats are tried. On a GPU these
ways are tried, each beside rl4seg's float32 and bfloat16: eager with TF32, the same channels-last, autocast to bfloat16,
and `torch.compile` with TF32; first of all `rl4seg bench agreement` must find the CPU's results there. The fastest way
counts. Every measurement is a process of its own, so that memory can be compared too: of the process on the CPU, of
the device on a GPU.

`ppo` and `collect` do what the published code does: in `ppo` the reference policy and the critic answer
at every update, and the policy's loss goes back through the critic too; in `collect` each image has
four noisy copies of the network to itself. Of `collect`, PyTorch's side has the networks alone: no
correction and no validity, which the published code leaves to other libraries.
"""

import argparse
import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import time

WARM_UP, REPETITIONS = 2, 5
WORK = ["infer", "step", "ppo", "collect"]
# How PyTorch may do the work, and how rl4seg may.
WAYS = {"cpu": ["eager", "channels-last"], "cuda": ["eager", "channels-last", "bfloat16", "compile"]}
PRECISIONS = {"cpu": ["float32"], "cuda": ["float32", "bfloat16"]}


def build(torch, inputs, outputs, width):
    """The U-Net with batch normalisation: width/2 channels at the first of six levels."""
    nn = torch.nn

    def double(a, b):
        return nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
            nn.Conv2d(b, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
        )

    class Unet(nn.Module):
        def __init__(self):
            super().__init__()
            level = [width * 2**i // 2 for i in range(6)]
            self.first = double(inputs, level[0])
            self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), double(a, b)) for a, b in zip(level, level[1:]))
            pairs = list(zip(level[1:], level))[::-1]
            self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
            self.merge = nn.ModuleList(double(2 * b, b) for _, b in pairs)
            self.last = nn.Conv2d(level[0], outputs, 1)

        def forward(self, x):
            skips = [self.first(x)]
            for down in self.down:
                skips.append(down(skips[-1]))
            x = skips.pop()
            for up, merge in zip(self.up, self.merge):
                x = merge(torch.cat([skips.pop(), up(x)], 1))
            return self.last(x)

    return Unet()


def work_of(torch, name, batch, size, width, device, way):
    """A function that does the work once."""
    functional = torch.nn.functional
    torch.manual_seed(1)
    channels_last = way in ("channels-last", "bfloat16")

    def place(t):
        t = t.to(device)
        return t.contiguous(memory_format=torch.channels_last) if channels_last else t

    def network(inputs, outputs):
        made = build(torch, inputs, outputs, width).to(device)
        made = made.to(memory_format=torch.channels_last) if channels_last else made
        return torch.compile(made) if way == "compile" else made

    images = place(torch.rand(batch, 1, size, size))
    labels = torch.randint(0, 3, (batch, size, size), device=device)
    actor = network(1, 3)
    if name == "infer":
        actor.eval()

        def infer():
            with torch.no_grad():
                actor(images).argmax(1)

        return infer
    adam = torch.optim.Adam(actor.parameters(), 1e-3)
    if name == "step":

        def step():
            loss = functional.cross_entropy(actor(images), labels)
            adam.zero_grad()
            loss.backward()
            adam.step()

        return step
    if name == "collect":
        return collect_of(torch, actor.eval(), images)
    critic, reward, reference = network(1, 1), network(2, 1), network(1, 3)
    critic_adam = torch.optim.Adam(critic.parameters(), 1e-3)

    def distribution_of(policy):
        return torch.distributions.Categorical(probs=policy(images).softmax(1).permute(0, 2, 3, 1))

    def ppo():
        with torch.no_grad():
            distribution = distribution_of(actor)
            actions = distribution.sample()
            old = distribution.log_prob(actions)
            rewards = torch.sigmoid(reward(place(torch.cat([images, actions[:, None].float()], 1))))[:, 0]
        for _ in range(5):
            distribution = distribution_of(actor)
            log_probs = distribution.log_prob(actions)
            values = torch.sigmoid(critic(images))[:, 0]
            with torch.no_grad():
                penalty = 0.05 * (log_probs - distribution_of(reference).log_prob(actions))
            advantage = rewards - penalty - values
            ratio = (log_probs - old).exp()
            surrogate = torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            loss = -surrogate.mean() - 0.01 * distribution.entropy().mean()
            adam.zero_grad()
            loss.backward(retain_graph=True)
            torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], 0.5)
            adam.step()
            critic_loss = functional.mse_loss(values, rewards)
            critic_adam.zero_grad()
            critic_loss.backward()
            critic_adam.step()

    return ppo


def collect_of(torch, policy, images):
    """A function that segments the images and makes eight distorted label maps of each."""

    def collect():
        with torch.no_grad():
            probabilities = policy(images).softmax(1)
            probabilities.argmax(1)
            torch.distributions.Categorical(probs=probabilities.permute(0, 2, 3, 1)).sample()
            for image in images.split(1):
                for std in [0.005, 0.01, 0.015, 0.02]:
                    noisy = copy.deepcopy(policy)
                    for parameter in noisy.parameters():
                        parameter.add_(torch.randn_like(parameter), alpha=std)
                    noisy(image).argmax(1)
                for factor in [0.7, 0.8]:
                    policy(image * factor).argmax(1)
                for std in [0.05, 0.1]:
                    changed = image + std * torch.randn_like(image)
                    policy(changed / changed.max()).argmax(1)

    return collect


def measure_torch(name, batch, size, width, device, way):
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    on_gpu = device != "cpu"
    if on_gpu:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    work = work_of(torch, name, batch, size, width, device, way)

    def once():
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=way == "bfloat16"):
            work()
        if on_gpu:
            torch.cuda.synchronize()

    for _ in range(WARM_UP):
        once()
    cpu, seconds = time.process_time(), []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        once()
        seconds.append((time.perf_counter() - started) / batch)
    print(json.dumps({
        "median_s_per_image": statistics.median(seconds),
        "cpu_s_per_image": (time.process_time() - cpu) / (batch * REPETITIONS),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "device_memory_bytes": torch.cuda.max_memory_reserved() if on_gpu else None,
    }))


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def fastest(found):
    """Which way is the fastest, its median over the rounds, and the least memory of any."""
    medians = {way: statistics.median(m["median_s_per_image"] for m in of) for way, of in found.items()}
    way = min(medians, key=medians.get)
    memory = min((m.get("device_memory_bytes") or m["peak_rss_bytes"]) for of in found.values() for m in of)
    return way, medians[way], memory >> 20


def compare(args, name, shape):
    """One row of the table."""
    batch, size = shape.split("x")
    shared = ["--size", size, "--batch", batch, "--width", str(args.width), "--device", args.device, "--json"]
    ours = {precision: [] for precision in PRECISIONS[args.device]}
    # Networks that are copied for every image are not worth compiling.
    theirs = {way: [] for way in WAYS[args.device] if (name, way) != ("collect", "compile")}
    for _ in range(args.rounds):
        for precision, found in ours.items():
            found.append(run([args.program, "bench", name, "--precision", precision, *shared]))
        for way, found in theirs.items():
            found.append(run([sys.executable, __file__, args.program, "--width", str(args.width),
                              "--torch", name, batch, size, args.device, way]))
    our_way, our_time, our_memory = fastest(ours)
    way, their_time, their_memory = fastest(theirs)
    print(f"{name:7} {shape:>6}  {1e3 * our_time:9.2f} {1e3 * their_time:9.2f} {their_time / our_time:6.2f}x  "
          f"{our_memory:10} {their_memory:9}  {our_way} beside {way}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--work", nargs="+", default=WORK, choices=WORK)
    parser.add_argument("--sizes", nargs="+", default=["4x256", "8x128"], help="images at a time x pixels a side")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=list(WAYS), default="cpu")
    parser.add_argument("--torch", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch:
        name, batch, size, device, way = args.torch
        return measure_torch(name, int(batch), int(size), args.width, device, way)
    if args.device != "cpu":
        for precision in PRECISIONS[args.device]:
            agreement = run([args.program, "bench", "agreement", "--size", "64", "--width", str(args.width),
                             "--device", args.device, "--precision", precision, "--json"])
            print(f"{precision}: probabilities differ from the CPU's by {agreement['fresh']:.5f}, "
                  f"after training steps by {agreement['trained']:.5f}")
    print(f"{'work':7} {'size':>6}  {'rl4seg ms':>9} {'torch ms':>9} {'faster':>7}  {'rl4seg MiB':>10} {'torch MiB':>9}")
    for name in args.work:
        for shape in args.sizes:
            compare(args, name, shape)


if __name__ == "__main__":
    main()
