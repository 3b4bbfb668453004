"""Text as coverage masks: cv2's stroke font drawn large once a character, shrunk smooth, and kept."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np

from streamclf.frame import Image

Colour = tuple[int, int, int]
"""Blue, green, red, each 0 to 255."""

_FACE = cv2.FONT_HERSHEY_SIMPLEX
_FACE_CAP = 21
"""Height of a capital at scale 1, in pixels; about a third of that hangs below the line."""
_OVERSAMPLE = 4

_LETTERS = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D",
    "ł": "l", "Ł": "L", "þ": "th", "Þ": "Th", "ı": "i", "µ": "u", "×": "x", "–": "-", "—": "-", "−": "-", "·": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "€": "EUR", "£": "GBP", "°": " deg", "⁄": "/",
}  # fmt: skip
_ALPHABETS = (
    "а=a б=b в=v г=g д=d е=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y "
    "ь= э=e ю=yu я=ya є=ye і=i ї=yi ґ=g α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y "
    "φ=f χ=ch ψ=ps ω=o"
)
for _pair in _ALPHABETS.split():
    _letter, _, _spelt = _pair.partition("=")
    _LETTERS |= {_letter.upper(): _spelt.capitalize(), _letter: _spelt}


@lru_cache(maxsize=4096)
def to_ascii(text: str) -> str:
    """``text`` in the characters the font has: accents go, Greek and Cyrillic are spelt out, what is left becomes one "?" a run."""
    out: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        for part in [char] if char in _LETTERS else unicodedata.normalize("NFKD", char):
            plain = _LETTERS.get(part, part)
            if plain.isascii() and plain.isprintable():
                out.append(plain)
            elif plain.isspace():
                out.append(" ")
            elif not unicodedata.combining(part) and unicodedata.category(part) != "Cf" and out[-1:] != ["?"]:
                out.append("?")
    return "".join(out)


def percent(probability: float) -> str:
    """A probability as a person reads it: one decimal, and "100%" only within half a thousandth of certainty."""
    return "100%" if probability >= 0.9995 else f"{probability * 100:.1f}%"


class Font:
    """One size of the font in one colour. ``cap_px`` is the height of a capital; ``weight`` the stroke as a part of it."""

    def __init__(self, cap_px: int, weight: float, colour: Colour):
        self.cap_px = cap_px
        self.line_px = round(cap_px * 1.5)
        """Height of a line: a capital, what hangs below it, and a little above."""
        self._colour = colour
        self._stroke = max(1, round(cap_px * weight * _OVERSAMPLE))
        self._scale = (cap_px * _OVERSAMPLE - self._stroke) / _FACE_CAP
        self._glyphs: dict[str, Image] = {}
        digits = [self._draw(digit) for digit in "0123456789"]
        widest = max(glyph.shape[1] for glyph in digits)
        for digit, glyph in zip("0123456789", digits, strict=True):  # equal widths: numbers must not jitter
            spare = widest - glyph.shape[1]
            self._glyphs[digit] = np.pad(glyph, ((0, 0), (spare // 2, spare - spare // 2), (0, 0)))

    def width(self, text: str) -> int:
        """How wide ``text`` will be, in pixels."""
        return sum(self._glyph(char).shape[1] for char in to_ascii(text))

    def shorten(self, text: str, width_px: int) -> str:
        """``text``, or as much of it as fits: whole names of a list with commas, otherwise letters and an ellipsis."""
        text = to_ascii(text)
        while self.width(text) > width_px and "," in text:
            text = text.rpartition(",")[0]
        if self.width(text) <= width_px:
            return text
        dots = "..." if self.width("...") < width_px / 2 else ""
        room = width_px - self.width(dots)
        end = 0
        while end < len(text) and (room := room - self._glyph(text[end]).shape[1]) >= 0:
            end += 1
        return text[: max(1, end)].rstrip(" -(") + dots

    def write(self, image: Image, text: str, xy: tuple[int, int]) -> None:
        """Lay ``text`` onto a dark part of ``image`` (H, W, 3), in place, clipped at the edges; ``xy`` is its upper left corner.

        The lighter of text and picture stays: on a dark plate that looks like blending, in a tenth of its time.
        """
        glyphs = [self._glyph(char) for char in to_ascii(text)]
        x, y = xy
        part = image[y : y + self.line_px, x:]
        if glyphs and part.size:
            line = np.hstack(glyphs)[: part.shape[0], : part.shape[1]]
            part = part[:, : line.shape[1]]
            cv2.max(part, line, dst=part)

    def _glyph(self, char: str) -> Image:
        if char not in self._glyphs:
            self._glyphs[char] = self._draw(char)
        return self._glyphs[char]

    def _draw(self, char: str) -> Image:
        advance = cv2.getTextSize(char, _FACE, self._scale, self._stroke)[0][0] - self._stroke // 2 - round(self._scale)
        width = max(1, round(advance / _OVERSAMPLE))
        large = np.zeros((self.line_px * _OVERSAMPLE, width * _OVERSAMPLE), np.uint8)
        base = (self.line_px // 8 + self.cap_px) * _OVERSAMPLE - self._stroke // 2
        cv2.putText(large, char, (0, base), _FACE, self._scale, 255, self._stroke, cv2.LINE_AA)
        cover = cv2.resize(large, (width, self.line_px), interpolation=cv2.INTER_AREA)[..., None].astype(np.uint16)
        return np.asarray(cover * np.array(self._colour, np.uint16) // 255, np.uint8)


@lru_cache(maxsize=128)
def font(cap_px: int, weight: float, colour: Colour) -> Font:
    """The font of that size and colour, made once."""
    return Font(cap_px, weight, colour)
