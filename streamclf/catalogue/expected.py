"""What another engine said of pictures, written down beside a network's card: ``expected.json``. ``streamclf models verify`` compares.

The answers are made by ``scripts/make_expectations.py`` with engines other than the one that streamclf runs, and with a preparation of
pictures of its own, so that a mistake here does not confirm itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamclf.errors import CardError
from streamclf.wording import complaint

EXPECTED_NAME = "expected.json"

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
ExpectedClass: TypeAlias = tuple[int, str, Probability]
"""Class id, label, probability."""
ExpectedClasses: TypeAlias = Annotated[tuple[ExpectedClass, ...], Field(min_length=1)]
ExpectedBox: TypeAlias = tuple[int, str, Probability, tuple[float, float, float, float]]
"""Class id, label, score, and corners in pixels of the picture: left, top, right, bottom."""


class Expectation(BaseModel):
    """A network's answers by picture: ``classes`` of a classifier, the best first, or ``boxes`` of a detector."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    made_by: str
    """The engine and its version."""
    prepared_by: str
    """What made the network's input of the pictures."""
    labels_sha256: str
    """Of the label list, see ``labels_digest``."""
    tolerance: Annotated[float, Field(gt=0)]
    """How far an answer may be off: a classifier's probabilities by this factor (their root mean square, over all classes and pictures
    written down), a detector's scores by this difference (each of them)."""
    classes: Annotated[dict[str, ExpectedClasses], Field(min_length=1)] | None = None
    boxes: Annotated[dict[str, tuple[ExpectedBox, ...]], Field(min_length=1)] | None = None

    @property
    def pictures(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.classes or self.boxes or ())

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.classes is None) == (self.boxes is None):
            raise ValueError("give either classes or boxes")
        return self


def read_expectation(path: Path) -> Expectation | None:
    """What ``path`` holds; None if there is no such file.

    Raises:
        CardError: it cannot be read, or is no such description.
    """
    try:
        return Expectation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise CardError(f"{path}: {where + ': ' if where else ''}{complaint(fault)}") from error


def labels_digest(labels: Sequence[str]) -> str:
    """The SHA-256 of the labels, one a line."""
    return hashlib.sha256("\n".join(labels).encode()).hexdigest()
