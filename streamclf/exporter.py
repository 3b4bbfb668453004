"""The seam to another framework's network that is to become an ONNX file and a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.catalogue.card import InputSpec
    from streamclf.engine import FloatArray
    from streamclf.frame import Image


NOT_FOR_EXPORT = ("weights", "config", "framework", "boxes", "layout", "background", "output_layer")
"""Options of a network without a card that an exported one does not need."""


class SourceNetwork(Protocol):
    """A network open in its own framework; ``write`` exports it, ``answers`` says what it has to answer afterwards."""

    @property
    def name(self) -> str:
        """As the user calls it, for messages: ``keras:resnet50``."""

    @property
    def plain_name(self) -> str:
        """What it may be called among streamclf's networks."""

    @property
    def made_by(self) -> str:
        """The framework and its version."""

    @property
    def known(self) -> Mapping[str, Any]:
        """What the framework itself tells of it, as values of :class:`~streamclf.catalogue.network_options.NetworkOptions`."""

    @property
    def classes(self) -> int | None:
        """How many numbers it puts out for a picture; None where it does not say before it runs."""

    @property
    def found(self) -> tuple[str, ...]:
        """Sentences for the user."""

    @property
    def note(self) -> str | None:
        """What a user should know before taking it; it goes into the card."""

    @property
    def prepares_itself(self) -> str | None:
        """What in it prepares pictures of levels 0 to 255, "a Rescaling layer"; None where nothing is known to."""

    @property
    def had_softmax(self) -> bool:
        """A softmax was taken off its end."""

    def prepare(self, spec: InputSpec, pictures: Sequence[Image]) -> None:
        """Get ready to be written and to answer: its input is that of ``spec``; ``pictures`` are fitted (H, W, C) uint8 examples.

        Raises:
            ModelFileError: it does not run on them, or does not put out a row of numbers for each.
        """

    def write(self, path: Path) -> None:
        """Write the ONNX file; raises ModelFileError where the framework cannot."""

    def answers(self, fitted: npt.NDArray[np.uint8]) -> FloatArray:
        """Fitted pictures (N, H, W, C) uint8, BGR or grey, to the rows (N, classes) that the network itself puts out.

        The way from levels to the network's input is not streamclf's, but the framework's own or plain numpy.
        """
