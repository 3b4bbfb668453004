"""What networks answer, found out without OpenCV and without streamclf's own preparation of pictures: a second opinion on a card.

Nothing here imports ``cv2`` or what it checks; the one exception, the fit of framecheck, says so in ``preparation.py``.
"""


class NotKnown(Exception):
    """A framework, a layer or a preparation that nobody here can give a second opinion on; the message names it."""
