"""The step of bench/large/model.ts in PyTorch: transformers and PEFT on the same checkpoint, from the same adapters.

Run by `npm run bench -- large` as a process of its own: reads commands as lines of JSON and answers each with one line
(bench/large/protocol.ts says which). PyTorch in its best mode on a processor: frozen weights in bfloat16 and mapped from
the file, scaled-dot-product attention, logits at the places of labels only, gradient checkpointing where it is asked for;
what is trained is in float32, as PEFT has it by default. float32 throughout is there for tests.
"""
import json
import os
import sys
import time

from step_torch import listen, matmul, reply

START, ROWS, WIDTH, TEXT, LABELS = 1, 256, 384, 32, 16
RANK, ALPHA, RATE = 16, 32, 1e-4
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# names of a LLaVA's checkpoint -> those of its language model alone
LANGUAGE, HEAD, CONNECTOR = "model.language_model.", "lm_head.", "model.multi_modal_projector."


def load(folder, dtype, checkpointing):
    """The connector, and the language model with its adapters. Tensors stay views of the mapped file where types agree."""
    import torch
    from peft import LoraConfig, get_peft_model
    from safetensors import safe_open
    from torch import nn
    from transformers import LlamaConfig, LlamaForCausalLM

    with open(os.path.join(folder, "config.json")) as file:
        text = json.load(file)["text_config"]
    config = LlamaConfig(**{name: value for name, value in text.items() if name != "model_type"})
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        language = LlamaForCausalLM(config)
    language.model.rotary_emb = type(language.model.rotary_emb)(config)  # its table is made, not read
    connector = nn.Sequential(nn.Linear(WIDTH, config.hidden_size), nn.GELU(), nn.Linear(config.hidden_size, config.hidden_size))
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
        state = {}
        for name in file.keys():
            if name.startswith(LANGUAGE):
                state["model." + name[len(LANGUAGE):]] = file.get_tensor(name).to(dtype)
            elif name.startswith(HEAD):
                state[name] = file.get_tensor(name).to(dtype)
        missing = language.load_state_dict(state, strict=False, assign=True).missing_keys
        if [name for name in missing if not (config.tie_word_embeddings and name.startswith(HEAD))]:
            raise RuntimeError("not in the checkpoint: " + ", ".join(missing))
        language.tie_weights()
        with torch.no_grad():
            for at, layer in ((0, "linear_1."), (2, "linear_2.")):
                connector[at].weight.copy_(file.get_tensor(CONNECTOR + layer + "weight"))
                connector[at].bias.copy_(file.get_tensor(CONNECTOR + layer + "bias"))
    language.requires_grad_(False)
    model = get_peft_model(language, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS))
    with safe_open(os.path.join(folder, "adapter", "adapter_model.safetensors"), "pt") as file, torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
                stored = name.replace(".default.", ".").replace("base_model.model.model.", "base_model.model." + LANGUAGE)
                parameter.copy_(file.get_tensor(stored))
    if checkpointing == "layers":
        language.gradient_checkpointing_enable(gradient_checkpointing_kwargs=dict(use_reentrant=False))
        language.train()
    return connector, model, language


class Trainer:
    """`step()` takes one step and returns the loss before its update."""

    def __init__(self, folder, batch, precision, checkpointing):
        import torch
        self.torch, self.batch, self.rounded = torch, batch, precision == "bfloat16"
        self.connector, model, self.language = load(folder, torch.bfloat16 if self.rounded else torch.float32, checkpointing)
        self.trained = [parameter for part in (self.connector, model) for parameter in part.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(self.trained, lr=RATE, weight_decay=0.0, fused=True)
        count = torch.arange(batch * ROWS * WIDTH, dtype=torch.int64)
        self.features = ((count * 7919 % 1013).double() / 1013 - 0.5).float().view(batch, ROWS, WIDTH)
        self.tokens = (10 + torch.arange(batch * TEXT) * 7919 % 600).view(batch, TEXT)
        self.labels = 10 + torch.arange(batch * LABELS) * 31 % 600

    def loss(self):
        torch, places = self.torch, 1 + ROWS + TEXT - 1
        embed = self.language.get_input_embeddings()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.rounded):
            start = embed(torch.full((self.batch, 1), START)).float()
            sequence = torch.cat([start, self.connector(self.features).float(), embed(self.tokens[:, :-1]).float()], 1)
            if self.rounded:
                sequence = sequence.bfloat16()
            hidden = self.language.model(inputs_embeds=sequence, use_cache=False).last_hidden_state
            logits = self.language.lm_head(hidden[:, places - LABELS:]).float()
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), self.labels)

    def step(self):
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()
        return loss.item()


def serve():
    lines = listen()
    trainer = None

    def answer(command):
        nonlocal trainer
        import torch
        do = command["do"]
        if do == "start":
            import peft
            import transformers
            torch.set_num_threads(command["threads"])
            return dict(versions=dict(python=sys.version.split()[0], torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__))
        if do == "open":
            trainer = None
            torch.manual_seed(0)
            trainer = Trainer(command["folder"], command["batch"], command["precision"], command["checkpointing"])
            return dict(notice=None)
        if do == "steps":
            ms, losses = [], []
            for _ in range(command["steps"]):
                begun = time.perf_counter()
                losses.append(trainer.step())
                ms.append(1e3 * (time.perf_counter() - begun))
            return dict(ms=ms, loss=losses)
        if do == "matmul":
            return dict(gflops=matmul(torch, command["repeats"], torch.bfloat16 if trainer.rounded else torch.float32))
        raise ValueError("unknown command " + do)

    reply(lines, answer)


if __name__ == "__main__":
    serve()
