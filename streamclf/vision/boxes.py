"""Boxes drawn onto a picture: an outline in the class's own colour, and a tag that says what it is and how probable."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Sequence

import cv2

from streamclf.frame import Image
from streamclf.prediction import Box
from streamclf.vision.plate import draw_plate
from streamclf.vision.text import Colour, font, percent

_INK: Colour = (250, 250, 250)
_EDGE: Colour = (24, 20, 18)
_GOLDEN = 0.6180339887
Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in whole pixels."""


def class_colour(class_id: int) -> Colour:
    """A bright colour (BGR) that is the same for a class in every run; classes with near numbers differ most."""
    hue, saturation = (class_id * _GOLDEN + 0.36) % 1.0, 0.75 if class_id % 2 else 0.5
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 1.0)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw_boxes(image: Image, boxes: Sequence[Box], cap_px: int) -> None:
    """Draw ``boxes``, best first, onto ``image`` (H, W, 3) in place; ``cap_px`` is the height of the tags' capitals.

    The more probable ones lie on top. A tag stands above its box at the left, or where else at the box there is room; one that
    could only cover the tag of a more probable box is left out.
    """
    thick = max(2, cap_px // 4)
    for box in reversed(boxes):
        left, top, right, bottom = _whole(box)
        for colour, width in ((_EDGE, thick + 2), (class_colour(box.class_id), thick)):
            cv2.rectangle(image, (left, top), (right - 1, bottom - 1), colour, width)
    taken: list[Rectangle] = []
    for box in boxes:
        _draw_tag(image, box, cap_px, thick, taken)


def _draw_tag(image: Image, box: Box, cap_px: int, thick: int, taken: list[Rectangle]) -> None:
    face = font(cap_px, 0.13, _INK)
    pad = max(2, cap_px // 2)
    height, width = image.shape[:2]
    value = percent(box.probability)
    room = width - thick - 2 * pad - face.width(f" {value}")
    if room < cap_px:
        return
    text = f"{face.shorten(box.label, room)} {value}"
    tag_w, tag_h = face.width(text) + thick + 2 * pad, face.line_px + pad // 2
    left, top, right, bottom = _whole(box)
    for x, y in itertools.product((left, right - tag_w), (top - tag_h, top, bottom, bottom - tag_h)):
        x = max(0, min(x, width - tag_w))
        place = (x, y, x + tag_w, y + tag_h)
        if y >= 0 and place[3] <= height and not any(_overlap(place, other) for other in taken):
            taken.append(place)
            draw_plate(image, (x, y, tag_w, tag_h), 0)
            image[y : y + tag_h, x : x + thick] = class_colour(box.class_id)
            face.write(image, text, (x + thick + pad, y + (pad // 2 + 1) // 2))
            return


def _whole(box: Box) -> Rectangle:
    left, top, right, bottom = (round(side) for side in box.box_xyxy)
    return left, top, right, bottom


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
