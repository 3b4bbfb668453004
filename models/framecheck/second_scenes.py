"""Clean pictures for the test that are easily taken for damaged, and what a camera writes over its pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from second_pixels import Floats, Rng, blurred, detailed_part, disc, levels, light, luma, rounded
from second_screens import FACES, any_colour, text_width, write

from streamclf.frame import Image


def _waves(shape_hw: tuple[int, int], rng: Rng, finest: float) -> Floats:
    """Soft irregular structure, 0..1, down to ``finest`` of the lines: sums of blurred noise."""
    height, width = shape_hw
    total = np.zeros(shape_hw, np.float32)
    size = 0.5
    while size >= finest:
        grid = (max(3, round(width / height / size) + 2), max(3, round(1 / size) + 2))
        cells = rng.standard_normal((grid[1], grid[0])).astype(np.float32)
        total += np.float32(size**0.8) * np.asarray(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC))
        size /= 1.9
    return (total - total.min()) / max(1e-6, float(total.max() - total.min()))


def night(frame: Image, rng: Rng) -> Image:
    """The scene at night: almost black, with lamps, lit windows and headlights."""
    height, width = frame.shape[:2]
    top = float(np.percentile(luma(frame), 98))
    image = levels(light(frame) * np.float32((rng.uniform(12, 70) / max(30.0, top)) ** 2.2))
    glow, sources = np.zeros_like(image), np.zeros_like(image)
    warm = [(120, 200, 255), (200, 235, 255), (255, 255, 255), (60, 60, 255), (120, 255, 120), (255, 210, 160)]
    for _ in range(int(rng.integers(4, 22))):
        colour = warm[rng.integers(len(warm))]
        spot = (int(rng.integers(width)), int(rng.integers(height * 9 // 10)))
        radius = max(1, round(height * float(np.exp(rng.uniform(np.log(0.004), np.log(0.03))))))
        cv2.circle(sources, spot, radius, colour, -1, cv2.LINE_AA)
        cv2.circle(glow, spot, 2 * radius, [v * 0.5 for v in colour], -1)
    for _ in range(int(rng.integers(0, 5))):
        size = height * rng.uniform(0.02, 0.07)
        x, y = rng.uniform(0, width * 0.8), rng.uniform(0, height * 0.6)
        for row in range(int(rng.integers(1, 5))):
            for column in range(int(rng.integers(1, 6))):
                if rng.random() < 0.6:
                    left, high = round(x + column * size * 1.5), round(y + row * size * 1.6)
                    corner = (round(left + size * 0.8), round(high + size))
                    cv2.rectangle(sources, (left, high), corner, [v * rng.uniform(0.7, 1) for v in warm[0]], -1)
    glow = np.asarray(cv2.GaussianBlur(glow, (0, 0), height * 0.015), np.float32)
    return rounded(np.maximum(image + glow * np.float32(rng.uniform(0.2, 0.9)), sources))


def fog(frame: Image, rng: Rng) -> Image:
    """The scene in fog or haze: pale and low in contrast, more so higher up; what is near stays sharp."""
    height = frame.shape[0]
    near, far = sorted(rng.uniform(0.08, 0.45, 2))[::-1]
    share = np.linspace(far, max(near, 0.25), height, dtype=np.float32)[:, None, None]
    veil = np.float32(rng.uniform(130, 225)) * np.float32([1, rng.uniform(0.95, 1), rng.uniform(0.92, 1)])
    return rounded(frame * share + veil * (1 - share))


def snowfall(frame: Image, rng: Rng) -> Image:
    """A white ground and falling flakes before the scene, some near ones out of focus."""
    height, width = frame.shape[:2]
    image = frame.astype(np.float32)
    pale = np.float32(rng.uniform(0.2, 0.6)) * np.linspace(0.3, 1, height, dtype=np.float32)[:, None, None]
    image = image * (1 - pale) + np.float32(228) * pale
    flakes = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(60, 400))):
        spot = (int(rng.integers(width)), int(rng.integers(height)))
        radius = height * float(rng.choice([0.002, 0.003, 0.005, 0.01])) * rng.uniform(0.6, 1.4)
        cv2.circle(flakes, spot, max(1, round(radius)), rng.uniform(0.3, 0.9), -1, cv2.LINE_AA)
    return rounded(image + (np.float32(245) - image) * flakes[..., None])


def wall(frame: Image, rng: Rng) -> Image:
    """A plain wall, unevenly lit, with one thing on it: a picture (a piece of the photograph), a switch, a sign."""
    height, width = frame.shape[:2]
    colour = np.float32(any_colour(rng, 90, 225)) if rng.random() < 0.4 else np.float32([rng.uniform(120, 225)] * 3)
    image = rounded(colour * (np.float32(0.82) + np.float32(0.18) * _waves((height, width), rng, 0.3)[..., None]))
    kind, size = int(rng.integers(3)), rng.uniform(0.18, 0.4)
    if kind == 0:
        h, w = round(height * size), round(min(width * 0.8, height * size * rng.uniform(0.8, 1.5)))
        centre_x, centre_y, side = detailed_part(luma(frame))
        top = int(np.clip(centre_y + side // 2 - h // 2, 0, height - h))
        left = int(np.clip(centre_x + side // 2 - w // 2, 0, width - w))
        piece = frame[top : top + h, left : left + w]
        x, y = int(rng.integers(width - w)), int(rng.integers(height - h))
        image[y : y + h, x : x + w] = piece
        cv2.rectangle(image, (x, y), (x + w, y + h), any_colour(rng, 0, 110), max(2, height // 70))
    elif kind == 1:
        x, y, s = rng.uniform(0.1, 0.7) * width, rng.uniform(0.2, 0.7) * height, height * size * 0.5
        box = (round(x), round(y)), (round(x + s), round(y + s * 1.3))
        cv2.rectangle(image, *box, (235, 240, 240), -1)
        cv2.rectangle(image, *box, (90, 90, 90), max(1, height // 250))
        cv2.rectangle(
            image,
            (round(x + s * 0.3), round(y + s * 0.4)),
            (round(x + s * 0.7), round(y + s * 0.9)),
            (70, 70, 70),
            max(1, height // 250),
        )
        cv2.line(image, (round(x + s / 2), box[1][1]), (round(x + s / 2), height), (60, 60, 60), max(1, height // 120))
    else:
        text = str(rng.choice(["EXIT", "ROOM 12", "No smoking", "Platform 4", "Reception"]))
        cap = min(height * size * 0.3, width * 0.6 / text_width(text, 100) * 100)
        x, y = width * rng.uniform(0.05, 0.3), height * rng.uniform(0.3, 0.8)
        end = (round(x + text_width(text, cap) + cap), round(y + cap))
        cv2.rectangle(image, (round(x - cap), round(y - 2 * cap)), end, any_colour(rng, 0, 120), -1)
        write(image, text, (x, y), cap, (255, 255, 255), int(rng.choice(FACES[:3])))
    return image


def skyline(frame: Image, rng: Rng) -> Image:
    """Sky with clouds over a sharp line of roofs or hills, with aerials, wires and birds."""
    height, width = frame.shape[:2]
    blue = np.float32([rng.uniform(170, 250), rng.uniform(120, 200), rng.uniform(60, 150)])
    white = np.float32([rng.uniform(200, 248)] * 3)
    cloud = np.clip((_waves((height, width), rng, 0.02) - rng.uniform(0.3, 0.7)) * 2.5, 0, 1)[..., None]
    down = np.linspace(0.75, 1.08, height, dtype=np.float32)[:, None, None]
    image = rounded((blue * (1 - cloud) + white * cloud) * down)
    x, base = 0.0, height * rng.uniform(0.7, 0.92)
    ink = any_colour(rng, 5, 80)
    while x < width:
        w, top = width * rng.uniform(0.03, 0.16), base - height * rng.uniform(0, 0.2)
        corners = [
            (x, height),
            (x, top),
            (x + w / 2, top - w * rng.choice([0, 0.3, 0.5])),
            (x + w, top),
            (x + w, height),
        ]
        cv2.fillPoly(
            image, [np.rint(corners).astype(np.int32)], [int(v * rng.uniform(0.7, 1.3)) for v in ink], cv2.LINE_AA
        )
        if rng.random() < 0.3:
            mast = round(x + w / 2)
            cv2.line(
                image, (mast, round(top)), (mast, round(top - height * 0.12)), ink, max(1, height // 300), cv2.LINE_AA
            )
        x += w
    for _ in range(int(rng.integers(0, 9))):
        bx, by, s = rng.uniform(0, width), rng.uniform(0.05, 0.6) * height, height * rng.uniform(0.008, 0.02)
        wings = np.rint([(bx - s, by - s * 0.6), (bx, by), (bx + s, by - s * 0.6)]).astype(np.int32)
        cv2.polylines(image, [wings], False, (40, 40, 40), max(1, height // 350), cv2.LINE_AA)
    return image


_SENTENCE = (
    "Every frame that arrives is shrunk to what the network wants and waits its turn behind those that came before it "
    "while the window shows the last answer with a bar for each class so that one can see how sure it is of itself"
)


def _words(rng: Rng, count: int) -> str:
    words = _SENTENCE.split()
    start = int(rng.integers(len(words)))
    return " ".join(words[(start + i) % len(words)] for i in range(count))


def paper(frame: Image, rng: Rng) -> Image:
    """A printed page: a heading, paragraphs, a rule, perhaps the photograph as a figure."""
    height, width = frame.shape[:2]
    dark = rng.random() < 0.25
    ground, ink = ((30, 26, 24), (225, 225, 225)) if dark else (any_colour(rng, 225, 255), any_colour(rng, 0, 60))
    image = np.full((height, width, 3), ground, np.uint8)
    cap, face = height * rng.uniform(0.016, 0.045), int(rng.choice(FACES[:3]))
    margin, y = width * 0.07, height * 0.04 + 3 * cap
    write(image, _words(rng, 4).capitalize(), (margin, y), cap * 1.7, ink, face)
    while y < height * 0.95:
        y += 2.1 * cap
        if rng.random() < 0.12:
            y += 1.5 * cap
            continue
        text = _words(rng, 30)
        while text_width(text, cap, face) > width - 2 * margin and " " in text:
            text = text.rpartition(" ")[0]
        write(image, text, (margin, y), cap, ink, face)
    if rng.random() < 0.4:
        h, w = round(height * 0.3), round(width * 0.4)
        figure = cv2.resize(frame, (w, h), interpolation=cv2.INTER_AREA)
        top, left = round(height * rng.uniform(0.2, 0.6)), round(rng.uniform(0.05, 0.5) * width)
        image[top : top + h, left : left + w] = figure
    return image


def desktop(frame: Image, rng: Rng) -> Image:
    """A screen: an editor, a table or a chat, with bars, buttons and perhaps the photograph in a window."""
    height, width = frame.shape[:2]
    dark = rng.random() < 0.5
    ground, ink = ((40, 36, 33), (210, 215, 220)) if dark else ((250, 250, 250), (40, 40, 40))
    image = np.full((height, width, 3), ground, np.uint8)
    cap = height * rng.uniform(0.014, 0.03)
    kind, line = int(rng.integers(3)), 2.2 * cap
    for row in range(3, int(height / line)):
        y = row * line
        if kind == 0:  # an editor
            write(image, f"{row:3d}", (0.5 * cap, y), cap, (130, 130, 130))
            text = _words(rng, int(rng.integers(0, 9)))
            hue = any_colour(rng, 110, 255) if dark else any_colour(rng, 0, 140)
            write(image, text, ((4 + 2 * int(rng.integers(5))) * cap, y), cap, hue if rng.random() < 0.5 else ink)
        elif kind == 1:  # a table
            cv2.line(image, (0, round(y + cap / 2)), (width, round(y + cap / 2)), (170, 170, 170), 1)
            for column in range(6):
                write(image, f"{rng.uniform(0, 999):.1f}", (width * (column + 0.08) / 6, y), cap, ink)
        elif row % 3 == 0:  # a chat
            text = _words(rng, int(rng.integers(2, 8)))
            left = rng.choice([0.05, 0.35]) * width
            end = (round(left + text_width(text, cap) + 2 * cap), round(y + cap))
            cv2.rectangle(image, (round(left), round(y - 2 * cap)), end, any_colour(rng, 90, 200), -1)
            write(image, text, (left + cap, y), cap, (10, 10, 10))
    if kind == 1:
        for column in range(7):
            cv2.line(image, (width * column // 6, 0), (width * column // 6, height), (170, 170, 170), 1)
    cv2.rectangle(image, (0, 0), (width, round(2.4 * line)), any_colour(rng, 40, 150), -1)
    for button in range(int(rng.integers(3, 9))):
        write(image, _words(rng, 1).capitalize(), ((1 + 9 * button) * cap, 1.5 * line), cap, (245, 245, 245))
    if rng.random() < 0.35:
        h, w = round(height * 0.4), round(width * 0.4)
        top, left = round(height * rng.uniform(0.2, 0.55)), round(width * rng.uniform(0.05, 0.55))
        image[top : top + h, left : left + w] = cv2.resize(frame, (w, h), interpolation=cv2.INTER_AREA)
        cv2.rectangle(image, (left, top - round(line)), (left + w, top), (200, 120, 60), -1)
    return image


def comic(frame: Image, rng: Rng) -> Image:
    """A drawn scene in flat colours: ground, sun, houses, trees and people with outlines, perhaps a balloon with words."""
    height, width = frame.shape[:2]
    image = np.full((height, width, 3), any_colour(rng, 150, 255), np.uint8)
    ground = round(height * rng.uniform(0.55, 0.8))
    cv2.rectangle(image, (0, ground), (width, height), any_colour(rng, 60, 200), -1)
    pen = max(1, round(height * rng.uniform(0.003, 0.009)))
    cv2.circle(
        image,
        (round(width * rng.uniform(0.1, 0.9)), round(height * 0.15)),
        round(height * 0.08),
        (80, 220, 255),
        -1,
        cv2.LINE_AA,
    )
    for _ in range(int(rng.integers(4, 12))):
        x, y, s = rng.uniform(0.03, 0.95) * width, rng.uniform(ground, height), height * rng.uniform(0.08, 0.3)
        what, colour = int(rng.integers(3)), any_colour(rng, 40, 255)
        if what == 0:  # a house
            body = (round(x), round(y - s)), (round(x + s), round(y))
            roof = np.rint([(x - s * 0.1, y - s), (x + s / 2, y - s * 1.6), (x + s * 1.1, y - s)]).astype(np.int32)
            cv2.rectangle(image, *body, colour, -1)
            cv2.rectangle(image, *body, (0, 0, 0), pen)
            cv2.fillPoly(image, [roof], any_colour(rng, 20, 160), cv2.LINE_AA)
            cv2.polylines(image, [roof], True, (0, 0, 0), pen, cv2.LINE_AA)
        elif what == 1:  # a tree
            cv2.line(image, (round(x), round(y)), (round(x), round(y - s)), (30, 60, 100), max(2, round(s * 0.12)))
            crown = (round(x), round(y - s)), (round(s * 0.4), round(s * 0.5))
            cv2.ellipse(image, *crown, 0, 0, 360, (50, 160, 60), -1, cv2.LINE_AA)
            cv2.ellipse(image, *crown, 0, 0, 360, (0, 0, 0), pen, cv2.LINE_AA)
        else:  # somebody
            head = (round(x), round(y - s * 0.85)), round(s * 0.16)
            for end in ((-0.15, 0), (0.15, 0), (-0.25, -0.5), (0.25, -0.5)):
                hip = y - s * (0.35 if end[1] == 0 else 0.65)
                cv2.line(
                    image,
                    (round(x), round(hip)),
                    (round(x + end[0] * s), round(y + end[1] * s)),
                    (0, 0, 0),
                    2 * pen,
                    cv2.LINE_AA,
                )
            cv2.ellipse(
                image,
                (round(x), round(y - s * 0.5)),
                (round(s * 0.14), round(s * 0.22)),
                0,
                0,
                360,
                colour,
                -1,
                cv2.LINE_AA,
            )
            cv2.circle(image, *head, (150, 190, 230), -1, cv2.LINE_AA)
            cv2.circle(image, *head, (0, 0, 0), pen, cv2.LINE_AA)
    if rng.random() < 0.5:
        text, cap = _words(rng, 3), height * 0.035
        x, y = width * rng.uniform(0.05, 0.4), height * rng.uniform(0.1, 0.3)
        middle = (round(x + text_width(text, cap) / 2), round(y - cap / 2))
        size = (round(text_width(text, cap) * 0.65), round(cap * 2))
        cv2.ellipse(image, middle, size, 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.ellipse(image, middle, size, 0, 0, 360, (0, 0, 0), pen, cv2.LINE_AA)
        write(image, text, (x, y), cap, (0, 0, 0))
    return image


def portrait(frame: Image, rng: Rng) -> Image:
    """A sharp subject before a blurred background: all but an ellipse about the most detailed part is out of focus."""
    height, width = frame.shape[:2]
    lines = min(height, width)
    x, y, side = detailed_part(luma(frame))
    soft = blurred(frame, disc(lines * rng.uniform(0.01, 0.035)))
    keep = np.zeros((height, width), np.float32)
    axes = (round(side * rng.uniform(0.8, 1.6)), round(side * rng.uniform(0.8, 1.6)))
    cv2.ellipse(keep, (x + side // 2, y + side // 2), axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
    keep = np.asarray(cv2.GaussianBlur(keep, (0, 0), lines * 0.006), np.float32)[..., None]
    return rounded(frame * keep + soft * (1 - keep))


def infrared(frame: Image, rng: Rng) -> Image:
    """A grey picture, as of an infrared camera: brightest in the middle."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    fall = 1 - np.float32(rng.uniform(0, 0.5)) * (x * x + y * y) / 2
    grey = luma(frame) if rng.random() < 0.6 else np.ascontiguousarray(frame[..., 2])
    return np.repeat(rounded(grey * fall)[..., None], 3, 2)


HARD: tuple[Callable[[Image, Rng], Image], ...] = (
    night, fog, snowfall, wall, skyline, paper, desktop, comic, portrait, infrared,
)  # fmt: skip
DRAWN = (wall, skyline, paper, desktop, comic)
"""Those of ``HARD`` that need no detail in the photograph."""


def stamp(image: Image, rng: Rng) -> None:
    """What a camera writes over its picture: a clock or its name, in one or two corners; in place."""
    height, width = image.shape[:2]
    cap, face = max(6.0, min(height, width) * rng.uniform(0.018, 0.045)), int(rng.choice(FACES))
    clock = f"20{rng.integers(10, 30)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d} {rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    texts = [clock, str(rng.choice(["CAM 01", "Front door", "Garage", "IPC-7", "Channel 4", "REC"]))]
    ink, edge = ((255, 255, 255), (0, 0, 0)) if rng.random() < 0.8 else ((0, 255, 255), (40, 40, 40))
    corners = [int(rng.integers(2)), 2 + int(rng.integers(2))]  # one above, one below: they never meet
    rng.shuffle(corners)
    for text, corner in list(zip(texts, corners, strict=True))[: int(rng.integers(1, 3))]:
        wide = text_width(text, cap, face)
        x = 0.03 * width if corner % 2 else max(0.0, 0.97 * width - wide)
        y = 0.03 * height + 1.2 * cap if corner < 2 else 0.97 * height
        if edge == (0, 0, 0):
            for dx, dy in ((-1, -1), (1, 1), (1, -1), (-1, 1)):
                write(image, text, (x + dx, y + dy), cap, edge, face)
        else:
            cv2.rectangle(
                image,
                (round(x - cap / 2), round(y - 1.5 * cap)),
                (round(x + wide + cap / 2), round(y + cap / 2)),
                edge,
                -1,
            )
        write(image, text, (x, y), cap, ink, face)
