#!/usr/bin/env python3
"""Times `rl4seg bench` and the same work in PyTorch, A B A B, and prints the ratios of this run.

Usage: compare_with_pytorch.py RL4SEG [--work infer step ppo collect] [--sizes 4x256 8x128] [--width 32] [--rounds 3]

RL4SEG is the program, built in release. Needs Python 3.9 and torch. On the PyTorch side the network
is the U-Net of the published code, and both memory formats are tried; the faster one counts. Every
measurement is a process of its own, so that memory can be compared too.

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


def work_of(torch, name, batch, size, width, channels_last):
    """A function that does the work once."""
    functional = torch.nn.functional
    torch.manual_seed(1)

    def place(t):
        return t.contiguous(memory_format=torch.channels_last) if channels_last else t

    def network(inputs, outputs):
        made = build(torch, inputs, outputs, width)
        return made.to(memory_format=torch.channels_last) if channels_last else made

    images = place(torch.rand(batch, 1, size, size))
    labels = torch.randint(0, 3, (batch, size, size))
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


def measure_torch(name, batch, size, width, layout):
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    work = work_of(torch, name, batch, size, width, layout == "channels-last")
    for _ in range(WARM_UP):
        work()
    cpu, seconds = time.process_time(), []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        work()
        seconds.append((time.perf_counter() - started) / batch)
    print(json.dumps({
        "median_s_per_image": statistics.median(seconds),
        "cpu_s_per_image": (time.process_time() - cpu) / (batch * REPETITIONS),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--work", nargs="+", default=WORK, choices=WORK)
    parser.add_argument("--sizes", nargs="+", default=["4x256", "8x128"], help="images at a time x pixels a side")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch:
        name, batch, size, layout = args.torch
        return measure_torch(name, int(batch), int(size), args.width, layout)
    print(f"{'work':7} {'size':>6}  {'rl4seg ms':>9} {'torch ms':>9} {'faster':>7}  {'rl4seg MiB':>10} {'torch MiB':>9}")
    for name in args.work:
        for shape in args.sizes:
            batch, size = shape.split("x")
            found = {"rl4seg": [], "channels-first": [], "channels-last": []}
            for _ in range(args.rounds):
                width = str(args.width)
                found["rl4seg"].append(run([args.program, "bench", name, "--size", size, "--batch", batch,
                                            "--width", width, "--json"]))
                for layout in ["channels-first", "channels-last"]:
                    found[layout].append(run([sys.executable, __file__, args.program, "--width", width,
                                              "--torch", name, batch, size, layout]))
            median = {side: statistics.median(m["median_s_per_image"] for m in of) for side, of in found.items()}
            memory = {side: min(m["peak_rss_bytes"] for m in of) >> 20 for side, of in found.items()}
            torch = min(median["channels-first"], median["channels-last"])
            torch_memory = min(memory["channels-first"], memory["channels-last"])
            print(f"{name:7} {shape:>6}  {1e3 * median['rl4seg']:9.1f} {1e3 * torch:9.1f} "
                  f"{torch / median['rl4seg']:6.2f}x  {memory['rl4seg']:10} {torch_memory:9}", flush=True)


if __name__ == "__main__":
    main()
