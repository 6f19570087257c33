"""A video is analysed by Google, and its result read by another process that knows only the operation's name.

Start the ledger with ``spanledger up``, have Google's credentials, and run
``python examples/google_video.py submit gs://bucket/video.mp4``; it prints the operation's name. Then run
``python examples/google_video.py collect NAME`` as often as you like: the video is in ``spanledger report services``
once. An emulator needs no credentials: its address is in ``VIDEO_INTELLIGENCE_EMULATOR_HOST``.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import grpc
from google.api_core import operation
from google.cloud import videointelligence_v1 as video
from google.cloud.videointelligence_v1.services.video_intelligence_service import transports

import spanledger


def connect() -> video.VideoIntelligenceServiceClient:
    """Google's service, or the emulator that the environment names."""
    emulator = os.environ.get("VIDEO_INTELLIGENCE_EMULATOR_HOST")
    if emulator is None:
        return video.VideoIntelligenceServiceClient()
    channel = grpc.insecure_channel(emulator)
    return video.VideoIntelligenceServiceClient(
        transport=transports.VideoIntelligenceServiceGrpcTransport(channel=channel)
    )


def submit(client: video.VideoIntelligenceServiceClient, address: str) -> None:
    """Begin: a span that says what was asked for, without a cost."""
    future: Any = client.annotate_video(request={"input_uri": address, "features": ["LABEL_DETECTION"]})
    print(future.operation.name)


def collect(client: video.VideoIntelligenceServiceClient, name: str) -> None:
    """Read the result: the cost record, by the minutes of the video."""
    transport: Any = client.transport
    operations: Any = transport.operations_client
    state: Any = operations.get_operation(name)
    future: Any = operation.from_gapic(state, operations, video.AnnotateVideoResponse)  # type: ignore[no-untyped-call]
    print(future.result())


if __name__ == "__main__":
    spanledger.configure(service_name="video-example")
    with spanledger.execution("material_analysis", user_id="user-123"), spanledger.step("video_analysis"):
        {"submit": submit, "collect": collect}[sys.argv[1]](connect(), sys.argv[2])
