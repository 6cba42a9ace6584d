#!/usr/bin/env python3
"""Trains the networks that godlas embeds for Fashion-MNIST, and prunes one of them.

    python train.py --data FOLDER --out FOLDER [--only resnet8,resnet8-p90,...] [--threads N]

FOLDER of --data holds the four official IDX files (*.gz). Every network sees the training images less the split `val`
(the last 200 images of each class, in the official order) and nothing else; `val` and the test set are scored once, with
the weights of the last step. Weights are written as safetensors with the names of PyTorch's state_dict; what a reader
needs to use them (preprocessing, classes, measured accuracy) stands in __metadata__.
"""

import argparse
import copy
import gzip
import hashlib
import math
import os
import random
import struct
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
MEAN, STD, PAD = 0.2860, 0.3530, 2  # of the training pixels / 255, before padding
VAL_PER_CLASS = 200


# ---------------------------------------------------------------- data


def idx(path):
    with gzip.open(path, "rb") as f:
        raw = f.read()
    dims = raw[3]
    shape = struct.unpack(">" + "I" * dims, raw[4 : 4 + 4 * dims])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def load(folder):
    """Returns (images, labels) of train, val and test; images are N x 1 x 32 x 32 float32, padded and normalised."""
    x = idx(os.path.join(folder, "train-images-idx3-ubyte.gz"))
    y = idx(os.path.join(folder, "train-labels-idx1-ubyte.gz"))
    val = np.zeros(len(y), bool)
    for c in range(10):
        val[np.flatnonzero(y == c)[-VAL_PER_CLASS:]] = True
    tx = idx(os.path.join(folder, "t10k-images-idx3-ubyte.gz"))
    ty = idx(os.path.join(folder, "t10k-labels-idx1-ubyte.gz"))

    def tensors(x, y):
        x = np.pad(x, ((0, 0), (PAD, PAD), (PAD, PAD))).astype(np.float32) / 255
        return torch.from_numpy((x - MEAN) / STD)[:, None].contiguous(), torch.from_numpy(y.astype(np.int64))

    return tensors(x[~val], y[~val]), tensors(x[val], y[val]), tensors(tx, ty)


def augment(x, rng):
    """Shifts each image by up to 2 pixels each way and mirrors half of them."""
    n, _, h, w = x.shape
    black = (0 - MEAN) / STD
    p = F.pad(x, (2, 2, 2, 2), value=black)[:, 0]
    dy = torch.randint(0, 5, (n, 1, 1), generator=rng)
    dx = torch.randint(0, 5, (n, 1, 1), generator=rng)
    cols = torch.arange(w).view(1, 1, w).expand(n, 1, w)
    flip = torch.rand(n, 1, 1, generator=rng) < 0.5
    cols = torch.where(flip, w - 1 - cols, cols) + dx
    rows = torch.arange(h).view(1, h, 1) + dy
    return p[torch.arange(n).view(n, 1, 1), rows, cols][:, None]


# ---------------------------------------------------------------- networks


def conv(i, o, k=3, s=1, groups=1):
    return nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False)


class Basic(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.conv1, self.bn1 = conv(i, o, 3, s), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = conv(o, o), nn.BatchNorm2d(o)
        self.downsample = nn.Sequential(conv(i, o, 1, s), nn.BatchNorm2d(o)) if s != 1 or i != o else None

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet8(nn.Module):
    """The residual network of MLPerf Tiny's image classification: one basic block a stage, 16, 32 and 64 channels."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(1, 16), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Basic(16, 16, 1))
        self.layer2 = nn.Sequential(Basic(16, 32, 2))
        self.layer3 = nn.Sequential(Basic(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class Inverted(nn.Module):
    def __init__(self, i, o, s, t):
        super().__init__()
        m, layers = i * t, []
        if t != 1:
            layers += [conv(i, m, 1), nn.BatchNorm2d(m), nn.ReLU6()]
        layers += [conv(m, m, 3, s, groups=m), nn.BatchNorm2d(m), nn.ReLU6(), conv(m, o, 1), nn.BatchNorm2d(o)]
        self.conv = nn.Sequential(*layers)
        self.add = s == 1 and i == o

    def forward(self, x):
        return x + self.conv(x) if self.add else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 cut to 32x32 inputs and about 60 thousand parameters."""

    # expansion, output channels, blocks, stride of the first
    BLOCKS = [(1, 16, 1, 1), (4, 24, 1, 1), (4, 32, 2, 2), (4, 48, 2, 1)]
    STEM, HEAD = 16, 128

    def __init__(self):
        super().__init__()
        f = [nn.Sequential(conv(1, self.STEM, 3, 2), nn.BatchNorm2d(self.STEM), nn.ReLU6())]
        i = self.STEM
        for t, o, n, s in self.BLOCKS:
            for k in range(n):
                f.append(Inverted(i, o, s if k == 0 else 1, t))
                i = o
        f.append(nn.Sequential(conv(i, self.HEAD, 1), nn.BatchNorm2d(self.HEAD), nn.ReLU6()))
        self.features = nn.Sequential(*f)
        self.classifier = nn.Linear(self.HEAD, 10)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class VGG7(nn.Module):
    """Six 3x3 convolutions in pairs, each pair followed by max pooling, and one linear layer on the flat map."""

    def __init__(self):
        super().__init__()
        layers, i = [], 1
        for o in (16, 32, 64):
            for _ in range(2):
                layers += [conv(i, o), nn.BatchNorm2d(o), nn.ReLU()]
                i = o
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(64 * 4 * 4, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


NETWORKS = {"resnet8": ResNet8, "mobilenetv2": MobileNetV2, "vgg7": VGG7}
EPOCHS = {"resnet8": 10, "resnet8-p90": 7, "vgg7": 10, "mobilenetv2": 8}


# ---------------------------------------------------------------- training


def say(*words):
    print(time.strftime("%H:%M:%S", time.gmtime()), *words, flush=True)


def seed(s):
    random.seed(s)
    np.random.seed(s)
    torch.manual_seed(s)
    return torch.Generator().manual_seed(s)


@torch.no_grad()
def score(net, data):
    """Top-1 in float32, in chunks."""
    net.eval()
    x, y = data
    hit = 0
    for i in range(0, len(y), 1000):
        hit += (net(x[i : i + 1000].to(memory_format=torch.channels_last)).argmax(1) == y[i : i + 1000]).sum().item()
    return hit / len(y)


def prunable(net):
    return [m.weight for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


@torch.no_grad()
def magnitude_masks(weights, p):
    """Masks that keep all but the round(p*n) smallest weights of all layers together, ties by index."""
    flat = torch.cat([w.abs().flatten() for w in weights])
    drop = torch.sort(flat, stable=True).indices[: round(p * len(flat))]
    keep = torch.ones(len(flat), dtype=torch.bool)
    keep[drop] = False
    masks, at = [], 0
    for w in weights:
        masks.append(keep[at : at + w.numel()].view_as(w))
        at += w.numel()
    return masks


def fit(net, train, rng, epochs, peak, warm, args, teacher=None, sparsity=None):
    """SGD with a linear warm-up and a cosine decay to 0. sparsity(t), t in 0..1, says how much of the weights is zero
    at that part of the run; teacher adds its own soft labels to the true ones."""
    net.to(memory_format=torch.channels_last)
    decay = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() == 1]
    opt = torch.optim.SGD(
        [{"params": decay, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}],
        lr=peak, momentum=0.9, nesterov=True,
    )
    x, y = train
    batch, steps = 128, epochs * (len(y) // 128)
    weights, masks, step = prunable(net), None, 0
    for e in range(epochs):
        net.train()
        order, t0, total = torch.randperm(len(y), generator=rng), time.time(), 0.0
        for i in range(0, len(y) - batch + 1, batch):
            t = step / steps
            lr = peak * (t / warm if t < warm else 0.5 * (1 + math.cos(math.pi * (t - warm) / (1 - warm))))
            for g in opt.param_groups:
                g["lr"] = lr
            if sparsity is not None and (masks is None or step % 32 == 0 and sparsity(t) != sparsity((step - 32) / steps)):
                masks = magnitude_masks(weights, sparsity(t))
                with torch.no_grad():
                    for w, m in zip(weights, masks):
                        w.mul_(m)
            j = order[i : i + batch]
            xb, yb = augment(x[j], rng).to(memory_format=torch.channels_last), y[j]
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                out = net(xb).float()
                if teacher is not None:
                    with torch.no_grad():
                        soft = teacher(xb).float()
            loss = F.cross_entropy(out, yb, label_smoothing=0.05)
            if teacher is not None:
                T = 3.0
                kd = F.kl_div(F.log_softmax(out / T, 1), F.softmax(soft / T, 1), reduction="batchmean") * T * T
                loss = 0.3 * loss + 0.7 * kd
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            if masks is not None:
                with torch.no_grad():
                    for w, m in zip(weights, masks):
                        w.mul_(m)
            total += loss.item()
            step += 1
            if args.steps and step >= args.steps:
                say(f"  {step} steps in {time.time() - t0:.1f} s")
                return
        zeros = sum((w == 0).sum().item() for w in weights) / sum(w.numel() for w in weights)
        say(f"  epoch {e + 1}/{epochs}: loss {total / (len(y) // batch):.4f}, zeros {zeros:.4f}, {time.time() - t0:.0f} s")


def save(net, name, sets, args, note):
    net = net.to(memory_format=torch.contiguous_format).float()
    train, val, test = sets
    v, t = score(net, val), score(net, test)
    state = {k: p.contiguous() for k, p in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    weights = prunable(net)
    n, zeros = sum(w.numel() for w in weights), sum((w == 0).sum().item() for w in weights)
    params = sum(p.numel() for p in net.parameters())
    path = os.path.join(args.out, name + ".safetensors")
    save_file(state, path, metadata={
        "format": "pt", "model": name, "data": "fashion-mnist", "licence": "BSD-3-Clause",
        "mean": str(MEAN), "std": str(STD), "scale": "1/255", "pad": str(PAD), "classes": "\t".join(CLASSES),
        "top1_test": f"{t:.4f}", "top1_val": f"{v:.4f}", "training": note,
    })
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    say(f"{name}: top-1 test {t:.4f}, val {v:.4f}; {params} parameters, {zeros} of {n} weights zero; "
        f"{os.path.getsize(path)} bytes, sha256 {digest}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--data", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--only", default="resnet8,resnet8-p90,vgg7,mobilenetv2")
    a.add_argument("--epochs", type=int, help="of each network, in place of EPOCHS")
    a.add_argument("--threads", type=int, default=1, help="the committed weights were trained with 1")
    a.add_argument("--bf16", action="store_true", help="compute in bfloat16 (weights stay float32)")
    a.add_argument("--steps", type=int, default=0, help="stop after so many steps (to time one)")
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    os.makedirs(args.out, exist_ok=True)
    sets = load(args.data)
    say(f"torch {torch.__version__}, {args.threads} threads, bf16 {args.bf16}; "
        f"{len(sets[0][1])} train, {len(sets[1][1])} val, {len(sets[2][1])} test images")
    for name in args.only.split(","):
        rng = seed(1)
        epochs = args.epochs or EPOCHS[name]
        if name == "resnet8-p90":
            net = ResNet8()
            net.load_state_dict(load_file(os.path.join(args.out, "resnet8.safetensors")), strict=False)
            teacher = copy.deepcopy(net).eval().to(memory_format=torch.channels_last)
            note = (f"from resnet8: global magnitude 0.5 to 0.9 (cubic) over the first 60 % of {epochs} epochs, "
                    "fine-tuned with resnet8 as teacher; seed 1")
            say(f"{name}: {note}")
            ramp = lambda t: 0.9 - 0.4 * (1 - min(1.0, t / 0.6)) ** 3
            fit(net, sets[0], rng, epochs, 0.05, 0.05, args, teacher, ramp)
        else:
            net = NETWORKS[name]()
            note = f"{epochs} epochs of SGD (batch 128, peak rate 0.2, cosine), shifts and flips, label smoothing 0.05; seed 1"
            say(f"{name}: {note}")
            fit(net, sets[0], rng, epochs, 0.2, 0.15, args)
        if not args.steps:
            save(net, name, sets, args, note)


if __name__ == "__main__":
    main()
