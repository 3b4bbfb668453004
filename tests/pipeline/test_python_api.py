from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import streamclf
from streamclf.errors import (
    ChannelClosed,
    ConfigError,
    ModelFileError,
    SourceNotFoundError,
    UnknownModelError,
)

pytestmark = pytest.mark.usefixtures("models_env")
MODEL = "mobilenet-v1-0.25"


def test_a_stream_gives_every_frame_in_order_with_its_time_and_picture(videos: Path) -> None:
    with streamclf.open(str(videos / "torchcodec_h265_video.mp4"), model=MODEL) as stream:
        predictions = list(stream)
    assert [prediction.frame.pts_s for prediction in predictions] == [round(i / 10, 6) for i in range(10)]
    assert predictions[0].frame.image.shape == (128, 128, 3)
    assert abs(float(predictions[0].probabilities.sum()) - 1) < 1e-5
    assert predictions[0].top == predictions[0].scores[0]
    assert not predictions[0].frame.image.flags.writeable


def test_poll_tells_nothing_yet_from_the_end(videos: Path) -> None:
    with streamclf.open(str(videos / "torchcodec_h265_video.mp4"), model=MODEL) as stream:
        count = 0
        while True:
            try:
                count += len(stream.poll(timeout_s=0.001))
            except ChannelClosed:
                break
    assert count == 10


def test_without_pictures_the_pixels_are_let_go_but_the_size_stays(videos: Path) -> None:
    with streamclf.open(str(videos / "torchcodec_h265_video.mp4"), model=MODEL, pictures=False) as stream:
        prediction = next(iter(stream))
    assert prediction.frame.picture.size_wh == (128, 128)
    with pytest.raises(ValueError, match="pictures=True"):
        _ = prediction.frame.image


def test_leaving_early_is_no_failure(videos: Path) -> None:
    with streamclf.open(str(videos / "intel_bottle-detection.mp4"), model=MODEL) as stream:
        for _, _prediction in zip(range(3), stream, strict=False):
            pass
    stats = stream.stats
    assert stats.captured == stats.classified + stats.dropped


def test_several_sources_come_as_one_stream(videos: Path) -> None:
    clip = str(videos / "torchcodec_h265_video.mp4")
    with streamclf.open([clip, f"b={clip}"], model=MODEL, max_frames=4) as stream:
        names = [prediction.frame.stream for prediction in stream]
    assert sorted(names) == ["b"] * 4 + ["torchcodec_h265_video.mp4"] * 4


@pytest.mark.parametrize(
    ("source", "options", "error"),
    [
        ("clip.mp4", {"modle": MODEL}, ConfigError),
        ("clip.mp4", {"model": "absent"}, UnknownModelError),
        ("absent.mp4", {"model": MODEL}, SourceNotFoundError),
    ],
)
def test_a_wrong_request_raises_its_own_error(source: str, options: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error), streamclf.open(source, **options):
        pass


def test_a_missing_file_of_a_network_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMCLF_MIRROR", "")
    with pytest.raises(ModelFileError, match="licence"):
        streamclf.open("clip.mp4", model=MODEL)


def test_the_classifier_and_the_stream_agree(videos: Path) -> None:
    """To the last digit where one engine answers both; for a file and for single pictures another one may be the fastest."""
    with streamclf.open(str(videos / "torchcodec_h265_video.mp4"), model=MODEL, engine="opencv") as stream:
        predictions = list(stream)
    with streamclf.Classifier(MODEL, engine="opencv") as classifier:
        again = [classifier.classify(prediction.frame.image) for prediction in predictions]
    for one, other in zip(predictions, again, strict=True):
        assert one.top.label == other.top.label
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
