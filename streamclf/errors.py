"""Every error streamclf raises, one tree.

    StreamclfError
    |-- UsageError (ValueError)              exit 2: the request itself is wrong
    |   |-- ConfigError                      an option, a configuration file
    |   |-- UnknownModelError (LookupError)  no card of that name
    |   |-- CardError                        a card that contradicts itself or its network
    |   `-- OutputExistsError (FileExistsError)
    |-- SourceError (OSError)                exit 1: a camera, clip, picture or stream cannot be read
    |   |-- SourceNotFoundError (FileNotFoundError)
    |   `-- NothingDecodableError
    |-- ModelFileError (OSError)             a network's file is missing, altered or unreadable
    |-- EngineError (RuntimeError)           the network cannot be loaded or run
    |-- SinkError (OSError)                  an output cannot be opened or written
    |-- StageStuck (TimeoutError)            a thread did not end within its deadline
    `-- ChannelClosed                        not a fault: the channel has ended

Each message names the value and the way out. ``exit_code`` is what the command line leaves with.
"""

from __future__ import annotations


class StreamclfError(Exception):
    """Base of everything streamclf raises on purpose."""

    exit_code = 1


class UsageError(StreamclfError, ValueError):
    """The request itself is wrong; nothing was started."""

    exit_code = 2


class ConfigError(UsageError):
    """An option or a configuration file says something impossible."""


class UnknownModelError(UsageError, LookupError):
    """No model card of that name in any of the searched folders."""


class CardError(UsageError):
    """A model card is unreadable, contradicts itself, or does not fit its network."""


class OutputExistsError(UsageError, FileExistsError):
    """An output is already there and ``--overwrite`` was not given."""


class SourceError(StreamclfError, OSError):
    """A source cannot be opened or read on."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """There is no such file, device or address."""


class NothingDecodableError(SourceError):
    """The source opened, but not one frame of it could be decoded."""


class ModelFileError(StreamclfError, OSError):
    """A network's file is missing, has the wrong digest, or cannot be read."""


class EngineError(StreamclfError, RuntimeError):
    """The engine cannot load or run the network."""


class SinkError(StreamclfError, OSError):
    """An output cannot be opened or written."""


class StageStuck(StreamclfError, TimeoutError):
    """A stage's thread did not end within the deadline; the message names it."""


class ChannelClosed(StreamclfError):
    """The channel has ended: nothing more will come out, or may be put in."""
