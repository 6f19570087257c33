"""Costs that are metered by themselves beside costs that the engine states.

Start the ledger with ``spanledger up``, have credentials and a bucket for boto3, and run
``python examples/upload_and_render.py BUCKET``. Then ask ``spanledger report services`` and
``spanledger report bottleneck --task-type thumbnails``.
"""

from __future__ import annotations

import sys
from decimal import Decimal

import boto3

import spanledger


@spanledger.execution("thumbnails", user_id="user-456")
def make_thumbnails(bucket: str) -> None:
    """Render a picture and keep it; a task of its own for each call."""
    render()
    upload(bucket)


@spanledger.step("render")
def render() -> None:
    """State a cost: 90 seconds at the price book's rate, and one licence fee at a price of our own."""
    spanledger.record_cost(service="cloudflare_stream", operation="render", quantity=90, unit="seconds")
    spanledger.record_cost(
        service="font_licence", operation="use", quantity=1, unit="pictures", unit_cost=Decimal("0.0125")
    )


@spanledger.step("upload")
def upload(bucket: str) -> None:
    """Keep a picture of one megabyte; boto3 is metered without a word from us."""
    boto3.client("s3").put_object(Bucket=bucket, Key="thumbnail.jpg", Body=bytes(1024 * 1024))


if __name__ == "__main__":
    spanledger.configure(service_name="thumbnail-example")
    make_thumbnails(sys.argv[1])
