"""Whose turn it is, where several sources share one network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count


@dataclass(slots=True)
class _Account:
    served: int = 0
    """Turns it had, raised to the others' after a time without a frame."""
    favoured: int = 0
    """For how many more turns it comes ``LEAD`` below the others."""
    since: int | None = None
    """Its place among those that wait, by when they began to; None while it does not."""


class Turns:
    """Max-min fair shares: who offers less than an equal share gets all of it, the others share the rest equally.

    Who was served least is next, and of equals who waits longest. A stream that comes with a frame after a time without any
    is level with the others from then on: it cannot save up turns. But a camera whose frames are replaced while long batches
    are classified has lost them by no fault of its own: the third of four at 60, 30, 15 and 5 frames per second got 0.86 of its
    share, with batches up to four and 25 ms a picture. So who lost a frame is favoured for a while: it comes ``LEAD`` turns
    below the others, which makes it first, and who is that far ahead of it does not lengthen its batch.
    """

    LEAD = 3
    """With 2 the same four sources filled hardly any batch of four."""
    FAVOURED_TURNS = 20
    """With 4 a source that loses frames only when it is not favoured could still lose one in six."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._level = 0
        """The turns of whoever had had least of them when it was last asked."""
        self._arrivals = count()

    def add(self, stream: str) -> None:
        """A stream that may wait from now on."""
        self._accounts[stream] = _Account()

    def waits(self, stream: str) -> None:
        """It has a frame: the first one, or still one after its turn."""
        account = self._accounts[stream]
        if account.since is None:
            account.since = next(self._arrivals)
            account.served = max(account.served, self._level - (self.LEAD if account.favoured else 0))

    def order(self) -> list[str]:
        """Those that wait, who is next first."""
        waiting = sorted((a.served, a.since, stream) for stream, a in self._accounts.items() if a.since is not None)
        if waiting:
            self._level = max(self._level, waiting[0][0])
        return [stream for _, _, stream in waiting]

    def company(self, order: list[str]) -> list[str]:
        """Of those in ``order`` who may share a batch with the first one."""
        limit = self._accounts[order[0]].served + self.LEAD
        return [stream for stream in order if self._accounts[stream].served < limit]

    def served(self, stream: str) -> None:
        """It had a turn, and waits no longer."""
        account = self._accounts[stream]
        account.served, account.since = account.served + 1, None
        account.favoured = max(0, account.favoured - 1)

    def lost(self, stream: str) -> None:
        """A frame of it was dropped for a newer one, or for want of room."""
        self._accounts[stream].favoured = self.FAVOURED_TURNS
