"""Makes the references of one full-size model: its weights as transformers saves them, what it gives for drawn inputs in
float32 and float64, and the float64 gradients of all weights, under the names of the weights.

    python full_size.py swin-tiny --seed 1 --out FOLDER

Called by full-size.slow.ts in an environment of requirements.txt (torchvision must be absent).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from drawing import uniform
from safetensors.numpy import save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    ResNetConfig,
    ResNetModel,
    SwinConfig,
    SwinModel,
)


def drawn(seed: int, name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(uniform(seed, name, shape))


def swin(side: int, width: int, depths: list[int], heads: list[int], window: int):
    config = SwinConfig(
        image_size=side, embed_dim=width, depths=depths, num_heads=heads, window_size=window,
        layer_norm_eps=1e-5, drop_path_rate=0.0, attn_implementation="eager",
    )  # fmt: skip

    def run(model, seed, kind):
        pixels = drawn(seed, "pixels", 1, side, side, 3).permute(0, 3, 1, 2).to(kind)
        return {"tokens": model(pixel_values=pixels).last_hidden_state}

    return lambda: SwinModel(config, add_pooling_layer=False), run, "eval"


def bert(vocabulary: int):
    config = BertConfig(vocab_size=vocabulary, layer_norm_eps=1e-12, attn_implementation="eager")

    def run(model, seed, kind):
        ids = (drawn(seed, "ids", 2, 64).double() * 0.5 + 0.5) * vocabulary
        types = drawn(seed, "types", 2, 64) > 0
        mask = torch.ones(2, 64, dtype=torch.long)
        mask[1, 50:] = 0
        states = model.bert(
            input_ids=ids.long().clamp(min=1), token_type_ids=types.long(), attention_mask=mask
        ).last_hidden_state
        return {"states": states, "logits": model.cls.predictions(states[:, :4])}

    return lambda: BertForMaskedLM(config), run, "eval"


def resnet(layer_type: str, depths: list[int], mode: str, side: int = 64):
    """At 224 px as it is used; at 64 px tamed, for gradients: fewer signs of ReLUs are close enough to 0 to flip."""
    expansion = 1 if layer_type == "basic" else 4
    widths = [expansion * width for width in (64, 128, 256, 512)]
    config = ResNetConfig(layer_type=layer_type, depths=depths, hidden_sizes=widths)
    batch, last = (4 if side == 64 else 1), (1 if expansion == 1 else 2)

    def make():
        model = ResNetModel(config)
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                with torch.no_grad():
                    module.running_var.uniform_(0.7, 1.3)
                    module.running_mean.normal_(0, 0.1)
                    # The last norm of a residual branch: at 1, batch statistics of an untrained deep network
                    # amplify every rounding.
                    if side == 64 and name.endswith(f"layer.{last}.normalization"):
                        module.weight.fill_(0.2)
        return model

    def run(model, seed, kind):
        pixels = drawn(seed, "pixels", batch, side, side, 3).permute(0, 3, 1, 2).to(kind)
        return {"grid": model(pixel_values=pixels).last_hidden_state.permute(0, 2, 3, 1)}

    return make, run, mode


PARTS = {
    "swin-tiny": swin(224, 96, [2, 2, 6, 2], [3, 6, 12, 24], 7),
    "swin-base-384": swin(384, 128, [2, 2, 18, 2], [4, 8, 16, 32], 12),
    "bert-base-uncased": bert(30522),
    "bert-base-cased": bert(28996),
    "resnet-18": resnet("basic", [2, 2, 2, 2], "eval", 224),
    "resnet-50": resnet("bottleneck", [3, 4, 6, 3], "eval", 224),
    "resnet-101": resnet("bottleneck", [3, 4, 23, 3], "eval", 224),
    "resnet-18-eval": resnet("basic", [2, 2, 2, 2], "eval"),
    "resnet-50-eval": resnet("bottleneck", [3, 4, 6, 3], "eval"),
    "resnet-18-train": resnet("basic", [2, 2, 2, 2], "train"),
    "resnet-50-train": resnet("bottleneck", [3, 4, 6, 3], "train"),
    "resnet-101-train": resnet("bottleneck", [3, 4, 23, 3], "train"),
}


def gradients_of(model, run, seed: int, kind: torch.dtype):
    model.zero_grad(set_to_none=True)
    outputs = run(model, seed, kind)
    losses = [(output * drawn(seed, f"probe/{name}", *output.shape).to(kind)).sum() for name, output in outputs.items()]
    sum(losses).backward()
    gradients = {name: parameter.grad.double() for name, parameter in model.named_parameters()}
    return {name: output.detach() for name, output in outputs.items()}, gradients


def stored(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    make, run, mode = PARTS[options.part]
    torch.manual_seed(options.seed)
    model = make().train(mode == "train")
    with torch.no_grad():
        # Norms and biases would start as ones and zeros, which hide what a wrong place does.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.02 * torch.randn_like(parameter))
    model.save_pretrained(options.out / "weights")
    single, single_gradients = gradients_of(model, run, options.seed, torch.float32)
    model.double()
    double, gradients = gradients_of(model, run, options.seed, torch.float64)
    errors = [
        float((single_gradients[name] - gradient).norm() / gradient.norm())
        for name, gradient in gradients.items()
        if not name.endswith(("key.bias", "k_proj.bias"))
    ]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(gradients[name])
    model.float().save_pretrained(options.out / "gradients")
    save_file(
        {
            **{f"float32/{name}": stored(tensor) for name, tensor in single.items()},
            **{f"float64/{name}": stored(tensor) for name, tensor in double.items()},
            "float32/gradient_errors": np.array([np.median(errors), max(errors)], dtype=np.float32),
        },
        options.out / "outputs.safetensors",
    )


if __name__ == "__main__":
    main()
