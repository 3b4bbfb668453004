"""A generated scene: a valley seen by a camera that pans slowly, with cars, a balloon and birds. The same pixels every time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from streamclf.frame import Image
from streamclf.vision import props
from streamclf.vision.sprite import Sprite
from streamclf.vision.terrain import (
    Field,
    Rng,
    paint_meadow,
    paint_mountains,
    paint_road,
    paint_sky,
    paint_woods,
    ridge,
)

SIZE_WH = (960, 540)
PAN_PX = 700
"""How far the camera pans before it turns back, at a pixel a frame."""
_SEED = 7
_ROAD_HALF_PX = 30


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What stands still, painted once and wider than the picture, and what moves."""

    panorama: Image
    road: Field
    """y of the road's middle line, (W,) float32."""
    cars: tuple[Sprite, Sprite]
    """One to the right, one to the left."""
    balloon: Sprite
    birds: tuple[Sprite, ...]
    """The phases of a wing's beat."""

    def draw(self, index: int) -> Image:
        """The scene as frame ``index`` sees it, (540, 960, 3) uint8 BGR, fresh and without any noise."""
        left = PAN_PX - abs(index % (2 * PAN_PX) - PAN_PX)
        image = self.panorama[:, left : left + SIZE_WH[0]].copy()
        self.balloon.paste(image, (round(610 - 0.4 * index) % 1100 - 70, round(196 + 14 * math.sin(index / 70))))
        for number in range(5):
            beat = self.birds[(index // 2 + 3 * number) % len(self.birds)]
            x = round(1.7 * index + 34 * number) % 1500 - 200
            beat.paste(image, (x, round(74 + 13 * abs(number - 2) + 16 * math.sin(index / 45))))
        self._drive(image, self.cars[1], 1500 - 4.6 * index, -0.1, left)
        self._drive(image, self.cars[0], 120 + 6.2 * index, 0.68, left)
        return image

    def _drive(self, image: Image, car: Sprite, x: float, lane: float, left: int) -> None:
        """``x`` in the panorama, which a car leaves at one end and enters at the other; ``lane`` -1 to 1 across the road."""
        width = self.panorama.shape[1]
        at = round(x) % (width + 260) - 130
        road = float(self.road[min(width - 1, max(0, at))])
        car.paste(image, (at - left, round(road + lane * _ROAD_HALF_PX)))


@lru_cache(maxsize=1)
def valley() -> Scene:
    """The scene, painted on the first call (about a second)."""
    rng = np.random.default_rng(_SEED)
    width, height = SIZE_WH[0] + PAN_PX, SIZE_WH[1]
    image = np.empty((height, width, 3), np.uint8)  # what is painted later lies over what is further away
    paint_sky(rng, image[:340])
    paint_mountains(rng, image[:340], ridge(rng, width, 138, 30, 300, 8, 0.56), haze=0.22)
    paint_woods(rng, image[:360], ridge(rng, width, 252, 10, 300, 5), (9, 26), haze=0.2)
    paint_meadow(rng, image, ridge(rng, width, 318, 6, 500, 3))
    road = np.asarray(452 + 7 * np.sin(np.arange(width) / 230), np.float32)
    paint_road(rng, image, road, _ROAD_HALF_PX)
    _furnish(rng, image)
    paint = ((44, 40, 190), (150, 92, 38))
    right, left = (props.car(rng, colour) for colour in paint)
    return Scene(
        image,
        road,
        (right, left.mirrored()),
        props.balloon(rng, [(60, 60, 200), (236, 238, 240), (70, 190, 240)]),
        tuple(props.bird(rng, math.sin(phase)) for phase in np.arange(0, 2 * math.pi, math.pi / 5)),
    )


def _furnish(rng: Rng, image: Image) -> None:
    """What stands in the meadow, from the far to the near."""
    for x, y, height_px, green in (
        (60, 352, 60, (58, 96, 74)),
        (110, 358, 74, (52, 104, 84)),
        (655, 350, 56, (50, 92, 78)),
        (1010, 356, 70, (58, 98, 80)),
        (1056, 354, 62, (50, 88, 84)),
        (1330, 352, 58, (56, 96, 76)),
    ):
        _stand(image, props.tree(rng, height_px, green), (x, y), shadow_px=height_px * 0.3)
    _stand(image, props.fence(rng, 440), (395, 407))
    _stand(image, props.fence(rng, 330), (1290, 407))
    _stand(image, props.tree(rng, 190, (54, 112, 86)), (240, 414), shadow_px=60)
    _stand(image, props.house(rng, (176, 206, 222), (58, 70, 150)), (420, 408), shadow_px=100)
    _stand(image, props.tree(rng, 150, (46, 98, 96)), (575, 406), shadow_px=50)
    _stand(image, props.sign(rng, ["NORTH LAKE 7", "OLD MILL 12"]), (790, 426), shadow_px=50)
    _stand(image, props.house(rng, (112, 120, 168), (74, 70, 68)), (1180, 408), shadow_px=100)
    _stand(image, props.tree(rng, 205, (48, 104, 78)), (1400, 414), shadow_px=64)
    _stand(image, props.tree(rng, 160, (60, 116, 96)), (1545, 408), shadow_px=52)


def _stand(image: Image, sprite: Sprite, foot_xy: tuple[int, int], shadow_px: float = 0.0) -> None:
    """A sprite with the shadow it throws to the right; ``shadow_px`` is half as wide as that is."""
    if shadow_px:
        shadow = np.zeros(image.shape[:2], np.float32)
        x, y = foot_xy
        cv2.ellipse(shadow, (round(x + shadow_px * 0.35), y - 1), (round(shadow_px), 7), 0, 0, 360, 0.55, -1)
        rows = slice(max(0, y - 24), y + 24)
        soft = cv2.GaussianBlur(shadow[rows], (0, 0), 4)[..., None]
        image[rows] = image[rows] * (1 - soft)
    sprite.paste(image, foot_xy)
