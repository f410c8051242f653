"""The benchmark's model, training step, kappa and regulariser in PyTorch: the peer of bench/model.ts and bench/worker.ts.

Run by `npm run bench` as a process of its own: reads commands as lines of JSON and answers each with one line
(bench/protocol.ts says which). The end of standard input ends it, in the middle of a command too: then its driver is gone. With `--fixture` it prints what test/bench/bench.test.ts compares the TypeScript model with.
Needs nothing but torch. What computes is the backend of the first command: torch-eager and torch-compile on the processor in float32, torch-gpu on CUDA, torch-gpu-bfloat16 there under autocast.
"""
import json
import math
import os
import queue
import resource
import signal
import sys
import threading
import time

PROBE = 12
LAMBDA, CAP = 0.1, 1.0
CONFIGS = {
    "tiny": dict(width=16, heads=4, layers=2, encoder_layers=1, vocabulary=30, text=6, patches=3, patch_width=8),
    "small": dict(width=128, heads=4, layers=4, encoder_layers=2, vocabulary=2048, text=48, patches=16, patch_width=192),
    "stories15m": dict(width=288, heads=6, layers=6, encoder_layers=2, vocabulary=3000, text=48, patches=16, patch_width=2048),
}


def build(config):
    """The model: a causal decoder over [encoded patches, embedded text] whose output projection is its embedding."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self, width, heads, causal):
            super().__init__()
            self.heads, self.causal = heads, causal
            self.attention_norm = nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.o = nn.Linear(width, width)
            self.feed_forward_norm = nn.LayerNorm(width)
            self.up = nn.Linear(width, 4 * width)
            self.down = nn.Linear(4 * width, width)

        def forward(self, x):
            batch, length, width = x.shape
            q, k, v = self.qkv(self.attention_norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
            x = x + self.o(seen.transpose(1, 2).reshape(batch, length, width))
            return x + self.down(F.gelu(self.up(self.feed_forward_norm(x))))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Linear(config["patch_width"], config["width"])
            self.position = nn.Parameter(0.02 * torch.randn(config["patches"], config["width"]))
            self.blocks = nn.ModuleList(Block(config["width"], config["heads"], False) for _ in range(config["encoder_layers"]))

        def forward(self, patches):
            x = self.patch(patches) + self.position
            for block in self.blocks:
                x = block(x)
            return x

    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Parameter(0.02 * torch.randn(config["vocabulary"], config["width"]))
            self.position = nn.Parameter(0.02 * torch.randn(config["patches"] + config["text"], config["width"]))
            self.blocks = nn.ModuleList(Block(config["width"], config["heads"], True) for _ in range(config["layers"]))
            self.norm = nn.LayerNorm(config["width"])

        def forward(self, prefix, tokens):
            x = torch.cat([prefix, F.embedding(tokens, self.embedding)], 1) + self.position
            for block in self.blocks:
                x = block(x)
            return self.norm(x[:, config["patches"]:]) @ self.embedding.T

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.backbone = Encoder(), Backbone()

        def forward(self, patches, tokens):
            return self.backbone(self.encoder(patches), tokens)

    return Model()


class Trainer:
    """One model with its optimiser and fixed batch. `step(kind)` returns (loss, kappa or None)."""

    def __init__(self, model, config, batch, probe, rate, mode="torch-eager"):
        import torch
        self.torch, self.config, self.batch, self.probe, self.model = torch, config, batch, probe, model
        # one program a shape, as the recorded engine has: no recompilation for "any batch"
        self.net = torch.compile(model, dynamic=False) if mode == "torch-compile" else model
        self.autocast = mode.endswith("bfloat16")
        self.optimiser = torch.optim.Adam(model.parameters(), rate)
        self.previous = None

    def log_probabilities(self, examples):
        patches, tokens = examples
        return self.torch.log_softmax(self.net(patches, tokens[:, :-1]), -1)

    def snapshot(self):
        return {name: value.detach().clone() for name, value in self.model.named_parameters()}

    def load(self, values):
        with self.torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(values[name])

    def mixed(self, base, module, other, examples):
        """Log-probabilities with `module` from `other` and the rest from `base`, without a gradient."""
        self.load({name: (other if name.startswith(module + ".") else base)[name] for name in base})
        with self.torch.no_grad():
            return self.log_probabilities(examples)

    @staticmethod
    def divergence(p, q):
        return (p.exp() * (p - q)).sum(-1).mean()

    def step(self, kind):
        torch = self.torch
        measured = kind in ("kappaBatch", "kappaProbe")
        examples = self.probe if kind == "kappaProbe" else self.batch
        old = self.snapshot() if measured or kind == "regularised" else None
        before = self.earlier(old) if kind == "regularised" else None
        if kind == "kappaProbe":
            with torch.no_grad():
                p_old = self.log_probabilities(examples)
        self.optimiser.zero_grad()
        patches, tokens = self.batch
        # kappa is measured in float32 under bfloat16 training, too, as by our runs
        with torch.autocast("cuda", torch.bfloat16, enabled=self.autocast):
            logits = self.net(patches, tokens[:, :-1])
        logits = logits.float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        if before is not None:
            now = torch.log_softmax(logits, -1)
            loss = loss - LAMBDA * sum(0.5 * self.divergence(now, p).clamp(max=CAP) for p in before)
        loss.backward()
        self.optimiser.step()
        if kind == "regularised":
            self.previous = old
        if not measured:
            return loss.item(), None
        if kind == "kappaBatch":
            p_old = torch.log_softmax(logits.detach(), -1)
        new = self.snapshot()
        moved = {module: self.divergence(self.mixed(old, module, new, examples), p_old).item() for module in ("backbone", "encoder")}
        self.load(new)
        return loss.item(), moved["backbone"] / moved["encoder"]

    def earlier(self, old):
        """Log-probabilities with each module in its previous state, the other as it is."""
        previous = self.previous or old
        both = [self.mixed(old, module, previous, self.batch) for module in ("encoder", "backbone")]
        self.load(old)
        return both


def random_examples(torch, config, batch):
    return torch.randn(batch, config["patches"], config["patch_width"]), torch.randint(0, config["vocabulary"], (batch, config["text"] + 1))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def listen():
    """Lines of standard input, read by a thread of their own: a step or a compilation may take minutes, and when the driver
    is gone meanwhile nobody waits for it. Processes that torch.compile has started end, too, where we lead a group."""
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def reply(lines, answer):
    """Answers each command with one line, for ever; a fault is told to the driver, which goes on with the next engine."""
    while True:
        command = json.loads(lines.get())
        try:
            told = dict(did=command["do"], **answer(command))
        except Exception as error:
            told = dict(did="failed", message=f"{type(error).__name__}: {error}".split("\n")[0])
        print(json.dumps(told), flush=True)


def matmul(torch, repeats, dtype):
    """The most GFLOP/s of rows of products of 1024 x 1024 matrices, the first row left out."""
    size, row, best = 1024, 8, 0.0
    matrix = (torch.randn(size, size) / math.sqrt(size)).to(dtype)
    for i in range(repeats + 1):
        begun, x = time.perf_counter(), matrix
        for _ in range(row):
            x = x @ matrix
        x.sum().item()
        if i > 0:
            best = max(best, 2 * row * size**3 / (time.perf_counter() - begun) / 1e9)
    return best


def serve():
    lines = listen()
    import torch
    trainers = {}
    mode = "torch-eager"

    def answer(command):
        nonlocal mode
        do = command["do"]
        if do == "start":
            torch.set_num_threads(command["threads"])
            mode = command["backend"]
            on_gpu = mode.startswith("torch-gpu")
            if on_gpu and not torch.cuda.is_available():
                raise RuntimeError("PyTorch finds no CUDA device")
            torch.set_default_device("cuda" if on_gpu else "cpu")
            (torch.ones(8, 8) @ torch.ones(8, 8)).sum().item()
            return dict(engine=mode, device=torch.cuda.get_device_name() if on_gpu else "cpu", threads=torch.get_num_threads(), versions=dict(python=sys.version.split()[0], torch=torch.__version__))
        if do == "open":
            begun = time.perf_counter()
            torch.manual_seed(0)
            config = CONFIGS[command["config"]]
            batch, probe = random_examples(torch, config, command["batch"]), random_examples(torch, config, PROBE)
            trainers.clear()
            for name in ["plain"] + (["regularised"] if "regularised" in command["kinds"] else []):
                trainers[name] = Trainer(build(config), config, batch, probe, command["rate"], mode)
            return dict(parameters=sum(p.numel() for p in trainers["plain"].model.parameters()), openMs=1e3 * (time.perf_counter() - begun), notice=None)
        if do == "steps":
            trainer, times, processor = trainers["regularised" if command["kind"] == "regularised" else "plain"], [], time.process_time()
            for _ in range(command["steps"]):
                begun = time.perf_counter()
                loss, kappa = trainer.step(command["kind"])
                times.append(1e3 * (time.perf_counter() - begun))
            return dict(ms=times, cpuMs=1e3 * (time.process_time() - processor) / command["steps"], loss=loss, kappa=kappa)
        if do == "matmul":
            return dict(gflops=matmul(torch, command["repeats"], torch.float32))
        if do == "memory":
            return dict(rss=resident(), peak=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        raise ValueError("unknown command " + do)

    reply(lines, answer)


def fixture():
    """Losses and kappas of the tiny model from parameters and examples given by formulas, so that no weights need be stored."""
    import torch
    config = CONFIGS["tiny"]

    def wave(size, offset, scale):
        return torch.tensor([scale * math.sin(offset + 1.3 * i + 0.17 * i * i) for i in range(size)], dtype=torch.float64)

    def start(model):
        with torch.no_grad():
            for number, (name, parameter) in enumerate(model.named_parameters()):
                gain = 1.0 if name.endswith("norm.weight") else 0.0
                parameter.copy_((gain + wave(parameter.numel(), number, 0.4)).view(parameter.shape).float())
        return model

    def examples(batch, offset):
        patches = wave(batch * config["patches"] * config["patch_width"], offset, 1.0).view(batch, config["patches"], config["patch_width"]).float()
        tokens = torch.tensor([(7 * i * i + 3 * i + offset) % config["vocabulary"] for i in range(batch * (config["text"] + 1))])
        return patches, tokens.view(batch, config["text"] + 1)

    def run(kinds):
        trainer = Trainer(start(build(config)), config, examples(3, 1), examples(PROBE, 2), 1e-3)
        steps = []
        for kind in kinds:
            loss, kappa = trainer.step(kind)
            steps.append(dict(kind=kind, loss=loss, kappa=kappa))
        return steps

    counts = {name: sum(p.numel() for p in build(c).parameters()) for name, c in CONFIGS.items()}
    print(json.dumps(dict(
        torch=torch.__version__, parameters=counts, shapes=[list(p.shape) for p in build(config).parameters()],
        measured=run(["plain", "kappaBatch", "kappaProbe", "plain", "kappaBatch"]), regularised=run(["regularised"] * 4),
    ), indent=1))


if __name__ == "__main__":
    fixture() if "--fixture" in sys.argv else serve()
