"""Paint a landscape: noise that looks grown, and with it a sky, mountains, woods, a meadow and a road."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from streamclf.frame import Image

Field = npt.NDArray[np.float32]
"""(h, w) float32."""
Rng = np.random.Generator
Colour = Sequence[float]
"""Blue, green, red, each 0 to 255."""

_HAZE: Colour = (222, 208, 192)
_LUSH: Colour = (50, 104, 84)
_DRY: Colour = (104, 156, 164)
_FLOWERS: tuple[Colour, ...] = ((70, 204, 232), (230, 234, 236), (160, 116, 188))
_SHIFT = 4
"""cv2 draws at sixteenths of a pixel: small things keep their shape."""


def fractal(rng: Rng, size_wh: tuple[int, int], cell_wh: tuple[float, float], octaves: int, gain: float = 0.5) -> Field:
    """Smooth noise of mean 0 and deviation 1: the coarsest grain is ``cell_wh`` pixels, each octave half that and weaker."""
    width, height = size_wh
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        columns, rows = (
            max(2, round(side / max(1.0, cell / 2**octave))) + 3 for side, cell in zip(size_wh, cell_wh, strict=True)
        )
        grid = rng.standard_normal((rows, columns), dtype=np.float32)
        total += gain**octave * cv2.resize(grid, size_wh, interpolation=cv2.INTER_CUBIC)
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def ridge(
    rng: Rng, width: int, base_y: float, height: float, cell: float, octaves: int = 7, gain: float = 0.5
) -> Field:
    """A skyline: (width,) float32, y of its upper edge; ``height`` is its deviation in pixels."""
    return np.asarray(base_y + height * fractal(rng, (width, 2), (cell, 2.0), octaves, gain)[0], np.float32)


def paint_sky(rng: Rng, image: Image) -> None:
    """Blue, paler towards the lower edge, with heaped clouds that are lit from the upper left; all of ``image``, in place."""
    height, width = image.shape[:2]
    image[:] = _mixed((196, 132, 66), _HAZE, (np.linspace(0, 1, height) ** 0.8)[:, None, None]).round()
    clouds = fractal(rng, (width, height), (330, 130), 7, 0.55)
    cover = np.clip((clouds - 0.35) / 0.9, 0, 1)
    light = _lit(np.asarray(cv2.GaussianBlur(clouds, (0, 0), 2.0), np.float32), 14.0)
    tone = np.clip(226 + 22 * light - 30 * np.clip(clouds - 0.9, 0, 2), 150, 252)
    _lay(image, tone[..., None] * (1.0, 0.985, 0.965), 0.93 * cover * cover * (3 - 2 * cover))


def paint_mountains(rng: Rng, image: Image, skyline: Field, haze: float) -> None:
    """Rock and snow below ``skyline`` down to the lower edge of ``image``, in place; ``haze`` 0 to 1 is the air in between."""
    height, width = image.shape[:2]
    folds = 1 - np.abs(fractal(rng, (width, height), (130, 190), 8, 0.55))
    light = _lit(folds, 13.0)
    rock = np.clip(0.8 + 0.55 * light, 0.3, 1.5)[..., None] * (88, 94, 104)
    rock += 6 * fractal(rng, (width, height), (5, 4), 2)[..., None]
    # snow lies high up and where the rock is not too steep
    snowy = np.clip((152 - _rows(image) + 24 * folds + 20 * light) / 12, 0, 1)
    snow = np.clip(196 + 56 * light, 112, 250)[..., None] * (1.0, 0.97, 0.93)
    depth = _rows(image) - skyline
    stone = _mixed(rock, snow, snowy[..., None])
    _lay(image, _mixed(stone, _HAZE, np.clip(haze + depth / 900, 0, 0.8)[..., None]), depth + 0.5)


def paint_woods(rng: Rng, image: Image, skyline: Field, tree_px: tuple[float, float], haze: float) -> None:
    """Conifers row after row below ``skyline``, in place, growing from ``tree_px[0]`` to ``tree_px[1]`` towards the viewer."""
    height, width = image.shape[:2]
    small, large = tree_px
    patches = fractal(rng, (width, height), (120, 40), 4)
    _lay(image, (52, 66, 54), _rows(image) - skyline)
    depth, deepest = -0.3 * small, float(height - skyline.min())
    while depth < deepest:
        near = max(0.0, depth) / deepest
        size, air = small + (large - small) * near, haze * (1 - 0.6 * near)
        x = rng.uniform(0, size)
        while x < width:
            y = float(skyline[int(x)] + depth + rng.uniform(-0.3, 0.3) * size)
            if y < height + size:
                tone = 1 + 0.16 * float(patches[min(height - 1, max(0, int(y))), int(x)]) + rng.uniform(-0.16, 0.16)
                _conifer(image, (x, y), size * rng.uniform(0.75, 1.3), tone, air)
            x += size * rng.uniform(0.3, 0.65)
        depth += size * 0.42


def paint_meadow(rng: Rng, image: Image, skyline: Field) -> None:
    """Grass and flowers below ``skyline`` down to the lower edge, in place, finer in the distance."""
    height, width = image.shape[:2]
    top = float(skyline.min())
    patches = fractal(rng, (width, height), (210, 16), 6, 0.6)
    near = np.clip((_rows(image) - top) / (height - top), 0, 1)[..., None]
    ground = _mixed((78, 140, 136), (40, 92, 78), near) * (1 + 0.1 * patches[..., None])
    _lay(image, ground, _rows(image) - skyline + 0.5)
    y = top
    while y < height + 14:
        grown = max(0.0, (y - top) / (height - top))
        _grass_row(rng, image, y, grown, skyline, patches[min(height - 1, int(y))])
        y += 0.9 + 4.2 * grown


def paint_road(rng: Rng, image: Image, middle: Field, half_px: float) -> None:
    """A tarred road from the left edge to the right, in place; ``middle`` is its middle line's y, (W,) float32."""
    height, width = image.shape[:2]
    across = np.abs(_rows(image) - middle) / half_px  # 0 on the middle line, 1 at the edges
    ragged = 0.05 * fractal(rng, (width, 2), (14, 2), 3)[0]
    gravel = 22 * fractal(rng, (width, height), (3, 2), 2)[..., None] + (112, 132, 146)
    _lay(image, gravel, (1.16 - across + 2 * ragged) * half_px / 3)
    tar = (1 + 0.05 * fractal(rng, (width, height), (90, 5), 4))[..., None] * (98, 97, 96)
    tar += 9 * fractal(rng, (width, height), (2.6, 2.2), 1)[..., None]
    tar *= (1 - 0.1 * np.exp(-(((across - 0.45) / 0.14) ** 2)))[..., None]  # where the wheels go
    dashes = np.clip((0.045 - across) * half_px + 0.4, 0, 1) * (np.arange(width) % 74 < 40)
    lines = np.maximum(dashes, np.clip((0.03 - np.abs(across - 0.88)) * half_px + 0.4, 0, 1))
    worn = np.clip(0.9 + 0.15 * fractal(rng, (width, height), (6, 3), 2), 0, 1)
    _lay(image, _mixed(tar, (206, 212, 214), (lines * worn)[..., None]), (1 - across + ragged) * half_px)


def to_image(pixels: npt.NDArray[np.floating]) -> Image:
    """(H, W, 3) of any float to uint8, rounded and clipped."""
    return np.asarray(np.clip(pixels + 0.5, 0, 255), np.uint8)


def sixteenths(points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    """Points in pixels, (n, 2), as cv2's fixed-point ones with ``shift`` 4."""
    return np.asarray(np.round(np.array(points, np.float32) * 2**_SHIFT), np.int32)


def fill(image: Image, points: Sequence[tuple[float, float]], colour: Colour) -> None:
    """A polygon with smooth edges, in place."""
    cv2.fillPoly(image, [sixteenths(points)], tuple(colour), cv2.LINE_AA, _SHIFT)


def _rows(image: Image) -> Field:
    """Each row's own y, (H, 1)."""
    return np.arange(image.shape[0], dtype=np.float32)[:, None]


def _mixed(one: npt.ArrayLike, other: npt.ArrayLike, share: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """``one``, and of ``other`` as much as ``share`` (0 to 1)."""
    one = np.asarray(one, np.float64)
    return np.asarray(one + (np.asarray(other) - one) * share, np.float64)


def _lay(image: Image, colour: npt.ArrayLike, cover: npt.NDArray[np.floating]) -> None:
    """``colour`` over ``image``, in place, where ``cover`` (H, W) says so: none at 0 and below, all of it from 1 on."""
    image[:] = to_image(_mixed(image, colour, np.clip(cover, 0, 1)[..., None]))


def _lit(heights: Field, steepness: float) -> Field:
    """Light on a relief from the upper left: about -1 (away from it) to 1 (towards it)."""
    across, down = cv2.Sobel(heights, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(heights, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.tanh(steepness * (across + 0.7 * down)).astype(np.float32)


def _conifer(image: Image, foot_xy: tuple[float, float], size: float, tone: float, air: float) -> None:
    """One conifer of ``size`` pixels, its right side in the shade; ``air`` 0 to 1 is the haze before it."""
    (x, y), half = foot_xy, 0.22 * size

    def leaf(points: Sequence[tuple[float, float]], light: float) -> None:
        fill(image, points, _bgr(_mixed(np.array((42, 66, 48)) * tone * light, _HAZE, air)))

    leaf([(x, y - size), (x + half, y), (x - half * 0.1, y)], 0.55)
    leaf([(x, y - size), (x - half, y), (x + half * 0.15, y)], 1.15)
    if size > 9:
        for step in (0.3, 0.5, 0.7, 0.9):  # branches
            reach, level = half * step * 1.5, y - size + size * step
            leaf([(x, level - 0.2 * size), (x + reach, level), (x, level - 0.05 * size)], 0.75)
            leaf([(x, level - 0.2 * size), (x - reach, level), (x, level - 0.05 * size)], 1.35)


def _grass_row(rng: Rng, image: Image, y: float, grown: float, skyline: Field, patches: Field) -> None:
    """Blades with their feet near ``y``; ``grown`` 0 (far) to 1 (near); ``patches`` (W,) is where they are dry."""
    width = image.shape[1]
    length = 1.6 + 13 * grown
    x = rng.uniform(0, width, int(width / (1.1 + 2.2 * grown)))
    feet = y + rng.uniform(-1, 1, len(x)) * (0.6 + 2.5 * grown)
    there = feet > skyline[x.astype(int)] + 1
    x, feet = x[there], feet[there]
    tips_x = x + rng.normal(0.15, 0.35, len(x)) * length
    tips_y = feet - length * rng.uniform(0.5, 1.2, len(x))
    blades = np.round(np.stack([x, feet, tips_x, tips_y], axis=1).reshape(-1, 2, 2) * 2**_SHIFT).astype(np.int32)
    dryness = np.clip(0.3 + 0.3 * patches[x.astype(int)] + rng.normal(0, 0.22, len(x)), 0, 0.999)
    shades = rng.integers(0, 5, len(x))
    for dry in range(4):
        for shade in range(5):
            colour = _mixed(_LUSH, _DRY, dry / 3) * (0.62 + 0.15 * shade) * (1.12 - 0.2 * grown)
            chosen = blades[((dryness * 4).astype(int) == dry) & (shades == shade)]
            cv2.polylines(image, list(chosen), False, _bgr(colour), 1, cv2.LINE_AA, _SHIFT)
    for _ in range(rng.poisson(3 + 5 * grown)):
        at = int(rng.integers(0, width))
        if y > skyline[at] + 2:
            petals = _FLOWERS[int(rng.integers(0, len(_FLOWERS)))]
            ((cx, cy),) = sixteenths([(at, y - length * 0.8)]).tolist()
            cv2.circle(image, (cx, cy), int((0.5 + 1.5 * grown) * 2**_SHIFT), petals, -1, cv2.LINE_AA, _SHIFT)


def _bgr(colour: npt.NDArray[np.floating]) -> tuple[float, float, float]:
    blue, green, red = (float(each) for each in colour)
    return blue, green, red
