"""What ffmpeg's own filters make of a real clip, and the pictures it makes itself: the test of framecheck that we had no hand in."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

STARVED_KBIT_S: Mapping[str, int] = MappingProxyType(
    {
        "flipping_a_pancake.mkv": 16,
        "intel_bottle-detection.mp4": 14,
        "intel_one-by-one-person-detection.mp4": 8,
        "decord_video_0.mov": 40,
    }
)
"""Bit rates at which a viewer calls the clip blocky, looked at one by one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A clip to be damaged: its name, lines, seconds, how many of them the training has seen, and the sorted luma of one frame."""

    name: str
    lines: int
    seconds: float
    seen_s: float
    light: npt.NDArray[np.uint8]

    def level(self, share: float) -> float:
        """The luma, 0..1, that so many of the pixels do not exceed."""
        return float(self.light[int(share * (len(self.light) - 1))]) / 255


Filter = Callable[[Scene], str]
FILTERS: tuple[tuple[str, Filter], ...] = (
    ("defocus", lambda scene: f"gblur=sigma={0.006 * scene.lines:.1f}"),
    ("defocus", lambda scene: f"gblur=sigma={0.011 * scene.lines:.1f}"),
    ("defocus", lambda scene: f"gblur=sigma={0.018 * scene.lines:.1f}"),
    ("defocus", lambda scene: f"boxblur=luma_radius={round(0.008 * scene.lines)}:luma_power=2"),
    ("defocus", lambda scene: f"boxblur=luma_radius={round(0.02 * scene.lines)}:luma_power=1"),
    ("motion_blur", lambda scene: _smear("row", 0.025 * scene.lines)),
    ("motion_blur", lambda scene: _smear("column", 0.045 * scene.lines)),
    ("dark", lambda scene: f"eq={_eq(scene.level(0.98), 0.5, 45 / 255)}"),
    ("dark", lambda scene: f"eq={_eq(scene.level(0.98), 0.2, 35 / 255)}"),
    ("dark", lambda scene: f"eq=gamma=0.4:{_eq(scene.level(0.98), 0.6, 0.5)}"),
    ("bright", lambda scene: f"eq={_eq(scene.level(0.4), 1.0, 0.995)}"),
    ("bright", lambda scene: f"eq={_eq(scene.level(0.3), 1.6, 0.995)}"),
    ("noise", lambda scene: "noise=alls=25:allf=t"),
    ("noise", lambda scene: "noise=alls=40:allf=t"),
    ("noise", lambda scene: "noise=alls=40:allf=t+u"),
    ("noise", lambda scene: "noise=alls=60:allf=t+u"),
    ("covered", lambda scene: f"gblur=sigma={0.2 * scene.lines:.1f}:steps=3,eq={_eq(scene.level(0.5), 1.0, 0.3)}"),
    (
        "covered",
        lambda scene: (
            f"gblur=sigma={0.3 * scene.lines:.1f}:steps=3,eq={_eq(scene.level(0.5), 0.6, 0.12)},noise=alls=6:allf=t"
        ),
    ),
)
TEST_PICTURES = (
    "smptebars", "smptehdbars", "pal75bars", "rgbtestsrc", "testsrc", "testsrc2", "color=black", "color=blue", "color=0x808080",
    "nullsrc,geq=lum=random(1)*255:cb=128:cr=128",
)  # fmt: skip


def _smear(way: str, path_px: float) -> str:
    # The mean along one direction only, at most 49 pixels; avgblur and boxblur blur the other direction too.
    kernel = " ".join(["1"] * min(49, max(5, round(path_px) // 2 * 2 + 1)))
    planes = ":".join(f"{plane}m={kernel}:{plane}mode={way}" for plane in range(3))
    return f"format=yuv444p,convolution={planes}"


def _eq(level: float, contrast: float, wanted: float) -> str:
    # eq's contrast and the brightness that brings a level, 0..1, to the one wanted. It works on video's Y, 16 to 235 of 255.
    before, after = ((16 + 219 * value) / 255 for value in (level, wanted))
    return f"contrast={contrast:g}:brightness={after - 0.5 - (before - 0.5) * contrast:.2f}"


def find_ffmpeg() -> str:
    """The program on PATH.

    Raises:
        SystemExit: there is none.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise SystemExit("ffmpeg: not found on PATH; install it (apt install ffmpeg), or run with --only generated")
    return program


def ffmpeg(arguments: list[str]) -> str:
    """Run it; the command as one line.

    Raises:
        SystemExit: there is none, or it failed.
    """
    program = find_ffmpeg()
    done = subprocess.run([program, "-v", "error", "-nostdin", "-y", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"ffmpeg {shlex.join(arguments)}: {done.stderr.strip()}")
    return shlex.join(arguments)


def damages(scene: Scene) -> list[tuple[str, list[str]]]:
    """Class and ffmpeg's arguments between input and output, for everything that is done to a scene."""
    lossless = ["-c:v", "ffv1", "-pix_fmt", "yuv420p"]
    done = [(label, ["-vf", make(scene), *lossless]) for label, make in FILTERS]
    for rate in (1.0, 1.7):
        kbit_s = round(STARVED_KBIT_S[scene.name] * rate)
        # Without a least quantiser a scene that stands still is fine again after a second.
        limits = ["-qmin", "42", "-b:v", f"{kbit_s}k", "-maxrate", f"{kbit_s}k", "-bufsize", f"{kbit_s}k"]
        done.append(("blocky", ["-c:v", "libx264", "-preset", "veryfast", *limits]))
    return done
