"""Pictures for the test that hold no scene: what electronics make of no signal, and a lens with something over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from second_damage import RANGES
from second_pixels import Floats, Rng, grainy, rounded

from streamclf.frame import Image

FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_PLAIN)


def text_width(text: str, cap_px: float, face: int = FACES[0]) -> int:
    """How wide ``write`` makes a text, in pixels."""
    scale = cap_px / (9.0 if face == cv2.FONT_HERSHEY_PLAIN else 21.0)
    return int(cv2.getTextSize(text, face, scale, max(1, round(cap_px / 9)))[0][0])


def write(
    image: Image, text: str, xy: tuple[float, float], cap_px: float, ink: Sequence[int], face: int = FACES[0]
) -> None:
    """Text with its lower left corner at ``xy``, capitals ``cap_px`` high, in place."""
    scale = cap_px / (9.0 if face == cv2.FONT_HERSHEY_PLAIN else 21.0)
    spot = (round(xy[0]), round(xy[1]))
    cv2.putText(image, text, spot, face, scale, tuple(int(v) for v in ink), max(1, round(cap_px / 9)), cv2.LINE_AA)


def any_colour(rng: Rng, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    """Blue, green, red."""
    return int(rng.integers(low, high + 1)), int(rng.integers(low, high + 1)), int(rng.integers(low, high + 1))


# --- no signal ---


def constant(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """One colour all over: black, blue, green, grey, or any."""
    usual = [
        (0, 0, 0),
        (0, 0, 0),
        (16, 16, 16),
        (255, 0, 0),
        (180, 0, 0),
        (0, 128, 0),
        (128, 128, 128),
        (255, 255, 255),
    ]
    colour = usual[rng.integers(len(usual))] if rng.random() < 0.6 else any_colour(rng)
    return np.full((*shape_hw, 3), colour, np.uint8), f"constant {colour}"


_SEVEN = ((1, 1, 1), (0, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 1), (1, 0, 0))  # white ... blue, as BGR


def bars(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """Colour bars: upright, or upright over a second row of other bars and a third with a grey wedge."""
    height, width = shape_hw
    image = np.zeros((height, width, 3), np.uint8)
    top = int(rng.choice([180, 191, 235, 255]))
    colours = [tuple(int(v * top) for v in bar) for bar in _SEVEN]
    if rng.random() < 0.4:
        colours.append((0, 0, 0))
    if rng.random() < 0.2:
        colours = [colours[i] for i in rng.permutation(len(colours))]
    rows = int(rng.integers(1, 4))
    ends = [1.0] if rows == 1 else [0.67, 1.0] if rows == 2 else [0.62, 0.75, 1.0]
    cut = np.linspace(0, width, len(colours) + 1).round().astype(int)
    for number, colour in enumerate(colours):
        image[: round(ends[0] * height), cut[number] : cut[number + 1]] = colour
    if rows >= 2:
        for number in range(len(colours)):
            middle = colours[-1 - number] if number % 2 else (16, 16, 16)
            image[round(ends[0] * height) : round(ends[1] * height), cut[number] : cut[number + 1]] = middle
    if rows == 3:
        steps = int(rng.integers(6, 18))
        wedge = np.repeat(np.linspace(0, 255, steps).astype(np.uint8), -(-width // steps))[:width]
        image[round(ends[1] * height) :] = wedge[None, :, None]
    if rng.random() < 0.15:
        image = np.ascontiguousarray(np.rot90(np.zeros((width, height, 3), np.uint8)))
        cut = np.linspace(0, height, len(colours) + 1).round().astype(int)
        for number, colour in enumerate(colours):
            image[cut[number] : cut[number + 1]] = colour
    return image, f"{len(colours)} bars in {rows} rows"


def card(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """A test card: a grid with circles, wedges and stripes; or checks; or a hue ramp with a counter."""
    height, width = shape_hw
    kind = int(rng.integers(3))
    if kind == 0:
        image = np.full((height, width, 3), any_colour(rng, 40, 140), np.uint8)
        cell = max(6, round(height / rng.uniform(8, 16)))
        thin = max(1, height // 300)
        for x in range(width % cell // 2, width, cell):
            cv2.line(image, (x, 0), (x, height), (255, 255, 255), thin)
        for y in range(height % cell // 2, height, cell):
            cv2.line(image, (0, y), (width, y), (255, 255, 255), thin)
        inside, _ = bars((round(height * 0.3), round(height * 0.7)), rng)
        top, left = round(height * 0.2), (width - inside.shape[1]) // 2
        if left >= 0:
            image[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        period = np.linspace(0.3, 1.6, max(2, round(height * 0.7)))
        stripes = np.where(np.sin(np.cumsum(period)) > 0, 255, 0).astype(np.uint8)
        top, left = round(height * 0.58), max(0, (width - len(stripes)) // 2)
        image[top : top + height // 8, left : left + len(stripes)] = stripes[None, : width - left, None]
        cv2.circle(
            image, (width // 2, height // 2), round(min(width, height) * 0.45), (255, 255, 255), 2 * thin, cv2.LINE_AA
        )
        return image, "grid card"
    if kind == 1:
        cell = max(4, round(height / rng.uniform(5, 20)))
        rows, columns = np.indices((height, width)) // cell
        image = np.where(((rows + columns) % 2 == 0)[..., None], any_colour(rng, 0, 90), any_colour(rng, 160, 255))
        return image.astype(np.uint8), f"checks of {cell} px"
    hue = np.linspace(0, 179, width).astype(np.uint8)
    hsv = np.stack(
        np.broadcast_arrays(hue[None], np.uint8(255), np.linspace(255, 90, height).astype(np.uint8)[:, None]), 2
    )
    image = np.asarray(cv2.cvtColor(np.ascontiguousarray(hsv), cv2.COLOR_HSV2BGR), np.uint8)
    side = round(height * 0.3)
    image[height // 2 - side // 2 : height // 2 + side // 2, width // 2 - side // 2 : width // 2 + side // 2] = 0
    write(
        image, str(rng.integers(100)), (width / 2 - side * 0.35, height / 2 + side * 0.2), side * 0.4, (255, 255, 255)
    )
    return image, "hue ramp with a counter"


def static(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """The snow of an untuned receiver: grey, fine or coarse, perhaps drawn out along the lines, perhaps with a rolling bar."""
    height, width = shape_hw
    cell = float(np.exp(rng.uniform(0, np.log(max(2.0, height / 90)))))
    long = cell * rng.uniform(1, 2.5)
    grid = (max(2, round(width / long)), max(2, round(height / cell)))
    spread = rng.uniform(45, 90)
    field = rng.normal(rng.uniform(90, 140), spread, (grid[1], grid[0])).astype(np.float32)
    if rng.random() < 0.3:
        field = np.where(field > field.mean(), rng.uniform(190, 255), rng.uniform(0, 60)).astype(np.float32)
    how = cv2.INTER_NEAREST if rng.random() < 0.5 or cell < 1.5 else cv2.INTER_LINEAR
    field = np.asarray(cv2.resize(field, (width, height), interpolation=how), np.float32)
    if rng.random() < 0.3:
        y = np.arange(height, dtype=np.float32)[:, None] / height
        field += np.float32(30) * np.sin(2 * np.pi * (y * rng.uniform(0.5, 2) + rng.random())).astype(np.float32)
    return rounded(np.repeat(field[..., None], 3, 2)), f"snow, {cell:.1f} px"


_MESSAGES = ("NO SIGNAL", "No signal", "VIDEO LOSS", "Camera offline", "No input detected", "Connecting ...", "CH3 NO VIDEO",
             "Kein Signal", "Please stand by", "HDMI 1: no signal", "Error 503", "Stream not available")  # fmt: skip


def message(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """A blue, black, grey or green screen with a line or two of text, perhaps in a box or under a drawn camera."""
    height, width = shape_hw
    grounds = [(200, 0, 0), (255, 0, 0), (120, 30, 0), (0, 0, 0), (0, 0, 0), (30, 30, 30), (110, 110, 110), (0, 110, 0)]
    ground = grounds[rng.integers(len(grounds))]
    image = np.full((height, width, 3), ground, np.uint8)
    ink = (255, 255, 255) if rng.random() < 0.7 else (0, 255, 255)
    text, face = str(rng.choice(_MESSAGES)), int(rng.choice(FACES[:3]))
    cap = min(height * rng.uniform(0.03, 0.12), width * 0.85 / max(1, text_width(text, 100, face)) * 100)
    x, y = (width - text_width(text, cap, face)) / 2, height * rng.uniform(0.3, 0.75)
    if rng.random() < 0.2:
        x, y = width * 0.04, height * rng.choice([0.1, 0.94])
    if rng.random() < 0.25:
        box = (round(x - cap), round(y - 2 * cap)), (round(x + text_width(text, cap, face) + cap), round(y + cap))
        cv2.rectangle(image, *box, any_colour(rng), -1)
    write(image, text, (x, y), cap, ink, face)
    if rng.random() < 0.3:
        size = height * 0.08
        centre = (width // 2, round(height * 0.18))
        box = (
            (round(centre[0] - size), round(centre[1] - size * 0.6)),
            (round(centre[0] + size), round(centre[1] + size * 0.6)),
        )
        cv2.rectangle(image, *box, ink, max(1, height // 150))
        cv2.line(image, box[0], box[1], (0, 0, 255), max(2, height // 100), cv2.LINE_AA)
    return image, f"message {text!r} on {ground}"


NO_SIGNAL: tuple[Callable[[tuple[int, int], Rng], tuple[Image, str]], ...] = (constant, bars, card, static, message)


def no_signal(shape_hw: tuple[int, int], rng: Rng) -> tuple[Image, str]:
    """What electronics show where no camera picture is, and which."""
    return NO_SIGNAL[rng.integers(len(NO_SIGNAL))](shape_hw, rng)


# --- something over the lens ---


def _slope(shape_hw: tuple[int, int], rng: Rng) -> Floats:
    """A soft field of 0..1 without structure: a slope, a spot of light, or a few very wide waves."""
    height, width = shape_hw
    y, x = np.mgrid[0:1:48j, 0:1:64j].astype(np.float32)
    turn, kind = rng.uniform(0, 2 * np.pi), int(rng.integers(3))
    if kind == 0:
        field = x * np.cos(turn) + y * np.sin(turn)
    elif kind == 1:
        cx, cy, wide = rng.uniform(-0.2, 1.2), rng.uniform(-0.2, 1.2), rng.uniform(0.3, 0.9)
        field = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * wide**2))
    else:
        field = sum(
            np.sin(2 * np.pi * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1) + rng.random())) for _ in range(3)
        )
    field = (field - field.min()) / max(1e-6, float(field.max() - field.min()))
    return np.asarray(cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _gradient(base: Sequence[float], shape_hw: tuple[int, int], rng: Rng, least: float, most: float) -> Floats:
    spread = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    tint = np.float32(base) / max(1.0, max(base)) if rng.random() < 0.7 else np.ones(3, np.float32)
    return np.float32(base) + (_slope(shape_hw, rng)[..., None] - np.float32(0.5)) * np.float32(spread) * tint


def _hand(frame: Image, rng: Rng) -> Floats:
    # Light shines red through fingers and palm.
    red = rng.uniform(25, 225)
    green = red * rng.uniform(0.15, 0.6)
    least, most = RANGES["covered: gradient"].bounds(0)
    return _gradient((green * rng.uniform(0.5, 1.0), green, red), frame.shape[:2], rng, least, most)


def _cap(frame: Image, rng: Rng) -> Floats:
    base = rng.uniform(1, 22) * np.float32([rng.uniform(0.7, 1.3), 1, rng.uniform(0.7, 1.3)])
    return _gradient(base.tolist(), frame.shape[:2], rng, 1, 12)


def _cloth(frame: Image, rng: Rng) -> Floats:
    # Cloth, tape, a leaf, snow or paper against the glass: some colour, some slope.
    base = any_colour(rng, 20, 220) if rng.random() < 0.6 else (rng.uniform(20, 235),) * 3
    least, most = RANGES["covered: gradient"].bounds(0)
    return _gradient(base, frame.shape[:2], rng, least, most)


def _leak(frame: Image, rng: Rng) -> Floats:
    # A cover that does not close: light from one side with a soft edge.
    height, width = frame.shape[:2]
    dark = rng.uniform(0, 40)
    y, x = np.mgrid[0:1:48j, 0:1:64j].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) + rng.uniform(-0.1, 0.1) * np.sin(4 * x + 3 * y)
    light = 1 / (1 + np.exp(-(along - rng.uniform(0.25, 0.5)) / rng.uniform(0.06, 0.2)))
    light = cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    colour = np.float32([rng.uniform(0.6, 1), rng.uniform(0.75, 1), 1])
    return np.float32(dark) + np.asarray(light)[..., None] * np.float32(rng.uniform(40, 215)) * colour


def _steamed(frame: Image, rng: Rng) -> Floats:
    # Wet, greasy or frosted glass, or a translucent foil: the scene's light is left, blurred by 15 % H and more.
    height, width = frame.shape[:2]
    factor = max(1, min(height, width) // 60)
    small = cv2.resize(frame, (width // factor, height // factor), interpolation=cv2.INTER_AREA).astype(np.float32)
    sigma = RANGES["covered: blur of what remains (sigma)"].draw(rng, min(small.shape[:2]))
    soft = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    veil, share = np.float32([rng.uniform(60, 230)] * 3), np.float32(rng.uniform(0, 0.6))
    soft = (soft * (1 - share) + veil * share) * np.float32(rng.uniform(0.35, 1.0))
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


COVERS: tuple[Callable[[Image, Rng], Floats], ...] = (_hand, _cap, _cloth, _leak, _steamed)


def covered(frame: Image, rng: Rng) -> tuple[Image, str]:
    """The lens with something over it, in front of the scene of ``frame`` (H, W, 3); and what."""
    cover = COVERS[rng.integers(len(COVERS))]
    field = cover(frame, rng)
    if rng.random() < 0.85:
        sigma = RANGES["covered: noise sigma"].draw(rng, 0)
        # Added before rounding: black is not clipped to constant, and a slope does not end in steps.
        image, kind = grainy(field, sigma, rng)
        return image, f"{cover.__name__[1:]}, {kind} sigma {sigma:.1f}"
    dither = rng.uniform(-0.5, 0.5, field.shape).astype(np.float32)
    return rounded(field + dither), cover.__name__[1:]
