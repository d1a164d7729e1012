"""The steps of bench/step in PyTorch: the same maths on the same weights and batch.

  peer.py <encoder|recomputed|swin|parsing> <eager|compiled> <file with weights and batch>

For each line "step <times>" on stdin runs so many steps and prints one JSON line:
milliseconds and seconds of CPU each, the losses, and the process's peak memory in MiB so far.
"""
import json, math, os, resource, struct, sys, time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

case, mode, path = sys.argv[1:4]


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = bytearray(file.read())
    types = {"F32": torch.float32, "I32": torch.int32}
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(body, dtype=types[entry["dtype"]], offset=start, count=(end - start) // 4)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def norm(w, name, x, epsilon):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], epsilon)


def encoder_layer(w, at, x, heads, bias):
    batch, length, size = x.shape
    qkv = [
        linear(w, f"{at}.attention.self.{part}", x).view(batch, length, heads, -1).transpose(1, 2)
        for part in ("query", "key", "value")
    ]
    mixed = F.scaled_dot_product_attention(*qkv, attn_mask=bias).transpose(1, 2).reshape(batch, length, size)
    x = norm(w, f"{at}.attention.output.LayerNorm", x + linear(w, f"{at}.attention.output.dense", mixed), 1e-12)
    hidden = F.gelu(linear(w, f"{at}.intermediate.dense", x))
    return norm(w, f"{at}.output.LayerNorm", x + linear(w, f"{at}.output.dense", hidden), 1e-12)


def encode(w, x, layers, heads, bias, recompute=False):
    for layer in range(layers):
        call = (w, f"encoder.layer.{layer}", x, heads, bias)
        x = checkpoint(encoder_layer, *call, use_reentrant=False) if recompute else encoder_layer(*call)
    return x


def relative_index(window):
    coordinates = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    relative = (coordinates[:, :, None] - coordinates[:, None, :]).permute(1, 2, 0) + window - 1
    return (relative[:, :, 0] * (2 * window - 1) + relative[:, :, 1]).view(-1)


def shift_mask(side, window, shift):
    regions = torch.zeros(1, side, side, 1)
    bands = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in bands for c in bands):
        regions[:, rows, columns] = number
    parts = partition(regions, window).view(-1, window * window)
    return (parts[:, None, :] - parts[:, :, None]).ne(0).float() * -100.0


def partition(x, window):
    batch, height, width, channels = x.shape
    x = x.view(batch, height // window, window, width // window, window, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, channels)


def merge_windows(x, window, side):
    parts = side // window
    x = x.view(-1, parts, parts, window, window, x.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(x.shape[0], side, side, -1)


class Swin:
    def __init__(self, prefix, image, dim, depths, heads, window):
        self.prefix, self.dim, self.depths, self.heads = prefix, dim, depths, heads
        sides = [image // 4 // 2**stage for stage in range(len(depths))]
        self.stages = [(side, min(window, side)) for side in sides]
        self.index = {w: relative_index(w) for _, w in self.stages}
        self.masks = {side: shift_mask(side, w, w // 2) for side, w in self.stages if side > w}

    def __call__(self, w, x):
        p = self.prefix
        x = F.conv2d(x, w[p + "patch_embed.proj.weight"], w[p + "patch_embed.proj.bias"], stride=4)
        x = norm(w, p + "patch_embed.norm", x.flatten(2).transpose(1, 2), 1e-5)
        for stage, depth in enumerate(self.depths):
            side, window = self.stages[stage]
            for block in range(depth):
                shift = window // 2 if side > window and block % 2 == 1 else 0
                x, attention = self.block(w, f"{p}layers.{stage}.blocks.{block}", x, (side, window, shift, self.heads[stage]))
            if stage + 1 < len(self.depths):
                x = self.merge(w, f"{p}layers.{stage}.downsample", x, side)
        return norm(w, p + "norm", x, 1e-5), attention

    def block(self, w, at, x, shape):
        side, window, shift, heads = shape
        batch, _, channels = x.shape
        grid = norm(w, at + ".norm1", x, 1e-5).view(batch, side, side, channels)
        if shift:
            grid = torch.roll(grid, (-shift, -shift), (1, 2))
        windows = partition(grid, window)
        count, tokens, _ = windows.shape
        q, k, v = linear(w, at + ".attn.qkv", windows).view(count, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        attention = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        table = w[at + ".attn.relative_position_bias_table"]
        bias = table[self.index[window]].view(tokens, tokens, heads).permute(2, 0, 1)
        attention = attention + bias.unsqueeze(0)
        if shift:
            mask = self.masks[side]
            attention = attention.view(-1, mask.shape[0], heads, tokens, tokens) + mask[None, :, None]
            attention = attention.view(-1, heads, tokens, tokens)
        attention = attention.softmax(-1)
        mixed = linear(w, at + ".attn.proj", (attention @ v).transpose(1, 2).reshape(count, tokens, channels))
        grid = merge_windows(mixed, window, side)
        if shift:
            grid = torch.roll(grid, (shift, shift), (1, 2))
        x = x + grid.view(batch, side * side, channels)
        hidden = F.gelu(linear(w, at + ".mlp.fc1", norm(w, at + ".norm2", x, 1e-5)))
        return x + linear(w, at + ".mlp.fc2", hidden), attention

    def merge(self, w, at, x, side):
        batch, _, channels = x.shape
        x = x.view(batch, side, side, channels)
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        x = norm(w, at + ".norm", torch.cat(parts, -1).view(batch, -1, 4 * channels), 1e-5)
        return F.linear(x, w[at + ".reduction.weight"])


def encoder_loss(w, b):
    return F.mse_loss(encode(w, b["tokens"], 6, 6, None), b["target"])


def recomputed_loss(w, b):
    return F.mse_loss(encode(w, b["tokens"], 6, 6, None, recompute=True), b["target"])


swin_tiny = Swin("", 224, 96, [2, 2, 6, 2], [3, 6, 12, 24], 7)


def swin_loss(w, b):
    tokens, _ = swin_tiny(w, b["pictures"].permute(0, 3, 1, 2))
    return F.cross_entropy(linear(w, "head", tokens.mean(1)), b["labels"])


swin_small = Swin("visual.", 112, 32, [2, 2, 2], [2, 4, 8], 7)
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def sine_positions(side, size):
    half = size // 2
    coordinate = torch.arange(1, side + 1) * (2 * math.pi / (side + 1e-6))
    index = torch.arange(half)
    angle = coordinate[:, None] / 10000 ** (2 * (index // 2) / half)
    code = torch.where(index % 2 == 0, angle.sin(), angle.cos())
    rows, columns = code[:, None].expand(side, side, half), code[None].expand(side, side, half)
    return torch.cat([rows, columns], -1).view(side * side, size)


POSITIONS = sine_positions(7, 128)


def parsing_loss(w, b):
    pixels = ((b["pixels"].float() / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2)
    features, attention = swin_small(w, pixels)
    at, count = b["pictureOfPair"], len(b["pictureOfPair"])
    with torch.no_grad():
        flow = attention.mean(1) + torch.eye(49)
        masked = flow[at, b["pivots"]].topk(7, -1).indices
        hidden = torch.zeros(count, 49).scatter_(1, masked, 1.0)[:, :, None]
        targets = features[at[:, None], masked]
    place = lambda x: norm(w, "visual_embedding.LayerNorm", x + POSITIONS, 1e-12)
    visual = place(linear(w, "visual_embedding.projection", features))[at]
    visual = visual * (1 - hidden) + place(w["visual_embedding.mask"]) * hidden
    table = w["embeddings.word_embeddings.weight"]
    length = b["tokenIds"].shape[1]
    words = F.embedding(b["tokenIds"], table) + w["embeddings.position_embeddings.weight"][:length]
    words = norm(w, "embeddings.LayerNorm", words, 1e-12)
    mask = torch.cat([b["tokenMask"], torch.ones(count, 49)], 1)
    bias = ((1 - mask) * -10000.0)[:, None, None]
    joint = encode(w, torch.cat([words, visual], 1), 3, 4, bias)
    itm = F.cross_entropy(linear(w, "itm_head", joint[:, 0]), b["matched"])
    chosen = joint[:, :length].reshape(-1, 128)[b["maskedRows"]]
    logits = F.linear(chosen, table, w["mlm_head.bias"])
    mlm = F.cross_entropy(logits, b["maskedLabels"])
    regressed = linear(w, "mfr_head", joint[:, length:].gather(1, masked[:, :, None].expand(-1, -1, 128)))
    per_pair = (targets - regressed).square().sum((1, 2))
    matched = b["matched"].eq(1).float()
    mfr = (per_pair * matched).sum() / matched.sum()
    return mlm + itm + 0.001 * mfr


losses = {"encoder": encoder_loss, "recomputed": recomputed_loss, "swin": swin_loss, "parsing": parsing_loss}
weights, batch = {}, {}
for name, tensor in read(path).items():
    side, _, rest = name.partition(":")
    (weights if side == "weight" else batch)[rest] = tensor
for name, tensor in batch.items():
    if tensor.dtype == torch.int32 and name not in ("pixels",):
        batch[name] = tensor.long()
for tensor in weights.values():
    tensor.requires_grad_()
loss_of = torch.compile(losses[case]) if mode == "compiled" else losses[case]
decays = lambda name, tensor: tensor.dim() > 1 and not name.endswith("relative_position_bias_table")
optimizer = torch.optim.AdamW(
    [
        {"params": [t for n, t in weights.items() if decays(n, t)], "weight_decay": 0.01},
        {"params": [t for n, t in weights.items() if not decays(n, t)], "weight_decay": 0.0},
    ],
    lr=1e-3,
    betas=(0.9, 0.98),
    eps=1e-6,
    fused=os.environ.get("PEER_FUSED", "1") == "1",
)


def step():
    optimizer.zero_grad()
    loss = loss_of(weights, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
    optimizer.step()
    return loss.item()


print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    readings = []
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(line.split()[1])):
        readings.append(step())
    times = len(readings)
    milliseconds = (time.perf_counter() - start) * 1000 / times
    print(
        json.dumps(
            {
                "milliseconds": milliseconds,
                "cpuMilliseconds": (time.process_time() - cpu) * 1000 / times,
                "losses": readings,
                "peakMebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        ),
        flush=True,
    )
