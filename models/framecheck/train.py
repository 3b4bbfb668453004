"""Train framecheck from scratch, calibrate it, and write framecheck.onnx and its place in card.toml.

python models/framecheck/train.py                  # samples into ~/.cache, an hour and a half on two cores
python models/framecheck/train.py --chunks 4 --epochs 2 --out /tmp/quick     # a quick look
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dataset
import numpy as np
import numpy.typing as npt
import torch
from damage import LABELS, OK
from dataset import PLAN, Samples, turned
from network import FrameCheck
from torch import Tensor
from torch.nn import functional

HERE = Path(__file__).parent
SEED = 1
BATCH = 128
OK_WEIGHT = 8.0
MEAN, STD = 0.5 * 255, 0.25 * 255
# Half precision where the processor has it for real: three times as fast, and the result is the same within the noise of training.
BFLOAT16 = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def to_blob(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """(N, h, w, 3) uint8 to the normalised (N, 3, h, w) that the card describes."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().sub_(MEAN).div_(STD)


def batches(samples: Samples, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order, mirrored; the next batch is read while this one is used."""
    order = rng.permutation(len(samples))
    parts = [order[start : start + BATCH] for start in range(0, len(order) - BATCH + 1, BATCH)]

    def read(part: npt.NDArray[np.int64]) -> Tensor:
        return to_blob(turned(samples.pictures(part), rng))

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, parts[0])
        for number, part in enumerate(parts):
            blob = coming.result()
            if number + 1 < len(parts):
                coming = reader.submit(read, parts[number + 1])
            yield blob, torch.from_numpy(samples.targets[part])


def logits_of(network: FrameCheck, samples: Samples) -> Tensor:
    """(N, 9) for all samples, in their order."""
    network.eval()
    with torch.inference_mode():
        numbers = np.arange(len(samples))
        return torch.cat(
            [network(to_blob(samples.pictures(numbers[at : at + BATCH]))) for at in range(0, len(numbers), BATCH)]
        )


def told(logits: Tensor, samples: Samples) -> str:
    """Top-1 by lines, and the recall of each class, over the samples with a certain answer."""
    sure = samples.targets.max(1) == 1
    right = (logits.argmax(1).numpy() == samples.targets.argmax(1))[sure]
    truth, lines = samples.targets.argmax(1)[sure], samples.lines[sure]
    spans = ((0, 300), (300, 600), (600, 900), (900, 2000))
    sizes = " ".join(f"{right[(lines >= low) & (lines < high)].mean():.3f}" for low, high in spans)
    classes = " ".join(f"{label} {right[truth == number].mean():.3f}" for number, label in enumerate(LABELS))
    return f"top-1 {right.mean():.4f} by lines {sizes} | {classes}"


def calibrate(network: FrameCheck, check: Samples) -> None:
    """Fold a divisor and an offset of each logit into the last layer: those with the least cross-entropy on ``check``.

    These are frames the network was not trained on. Every damage counts the same there, and ``ok`` as much as ``OK_WEIGHT`` of
    them: in the field nearly every frame is fine.
    """
    sure = torch.from_numpy(check.targets.max(1) == 1)
    truth = torch.from_numpy(check.targets.argmax(1))[sure]
    logits = logits_of(network, check)[sure]
    weights = 1 / torch.bincount(truth, minlength=len(LABELS)).float()
    weights[OK] *= OK_WEIGHT
    scale = torch.ones(1, requires_grad=True)
    offset = torch.zeros(len(LABELS), requires_grad=True)
    optimiser = torch.optim.LBFGS([scale, offset], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(logits * scale + offset, truth, weights)
        value.backward()
        return value

    optimiser.step(loss)
    print(f"calibration: times {scale.item():.3f}, plus {' '.join(f'{value:.2f}' for value in offset.tolist())}")
    last = network.head[-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale).add_(offset)


def train(samples: Samples, check: Samples, epochs: int, rate: float) -> FrameCheck:
    """The trained network: the running average of its weights, calibrated."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    network = FrameCheck().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.04)
    steps = epochs * (len(samples) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.15)
    done = 0
    for epoch in range(epochs):
        network.train()
        begun, total = time.monotonic(), 0.0
        for blob, targets in batches(samples, rng):
            with torch.autocast("cpu", torch.bfloat16, enabled=BFLOAT16):
                logits = network(blob.to(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits.float(), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
            done += 1
            _follow(average, network, min(0.998, (1 + done) / (10 + done)))
        took = time.monotonic() - begun
        line = f"epoch {epoch + 1}/{epochs} {took:.0f} s, loss {total / (len(samples) // BATCH):.4f}"
        if epoch % 3 == 2 or epoch == epochs - 1:
            line += "\n  " + told(logits_of(average, check), check)
        print(line, flush=True)
    calibrate(average, check)
    print("calibrated: " + told(logits_of(average, check), check))
    return average.eval()


def _follow(average: FrameCheck, network: FrameCheck, keep: float) -> None:
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if value.dtype.is_floating_point:
                mean.mul_(keep).add_(value, alpha=1 - keep)


def export(network: FrameCheck, path: Path) -> None:
    """Write the ONNX file; the batch is free, since nothing in the graph depends on it."""
    width, height = PLAN.size_wh
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            (torch.zeros(1, 3, height, width),),
            str(path),
            input_names=["frames"],
            output_names=["logits"],
            dynamic_axes={"frames": {0: "n"}, "logits": {0: "n"}},
            opset_version=13,
            dynamo=False,
        )


def enter_in_card(card: Path, weights: Path) -> None:
    """Put the file's size and digest into the card. Its figures are still another network's: evaluate.py --enter renews them."""
    text = card.read_text(encoding="utf-8")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    text = re.sub(r"^bytes = \d+$", f"bytes = {weights.stat().st_size}", text, count=1, flags=re.MULTILINE)
    text = re.sub(r'^sha256 = "[0-9a-f]+"$', f'sha256 = "{digest}"', text, count=1, flags=re.MULTILINE)
    card.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, default=Path.home() / ".cache" / "streamclf" / "framecheck")
    parser.add_argument("--chunks", type=int, default=112, help="thousands of training samples")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=0.004, help="highest learning rate")
    parser.add_argument(
        "--out", type=Path, default=HERE, help="folder for framecheck.onnx; card.toml there is brought up to date"
    )
    options = parser.parse_args()
    check = dataset.make(options.samples, "val", 4, SEED + 1)
    samples = dataset.make(options.samples, "train", options.chunks, SEED)
    network = train(samples, check, options.epochs, options.rate)
    options.out.mkdir(parents=True, exist_ok=True)
    part = options.out / "framecheck.onnx.part"  # whole or not at all: it is the default network
    export(network, part)
    part.replace(options.out / "framecheck.onnx")
    if (options.out / "card.toml").is_file():
        enter_in_card(options.out / "card.toml", options.out / "framecheck.onnx")
    print(f"wrote {options.out / 'framecheck.onnx'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
