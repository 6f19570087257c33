"""What viewers download, and the video rendered for them: CloudFront by its bytes, Cloudflare Stream by its seconds.

Start the ledger with ``spanledger up``, set ``CLOUDFLARE_API_TOKEN``, and run
``python examples/cdn.py ACCOUNT https://d111111abcdef8.cloudfront.net/video.mp4``. A distribution under a name of your
own is told to ``spanledger.configure(cloudfront_hosts=["cdn.example.com"])``, or stands in
``SPANLEDGER_CLOUDFRONT_HOSTS``; ``CLOUDFLARE_BASE_URL`` leads to a proxy of Cloudflare's API. Then ask
``spanledger report services``.
"""

from __future__ import annotations

import os
import sys
import time

import httpx

import spanledger

SECONDS_BETWEEN_ASKING = 2
CLOUDFLARE = os.environ.get("CLOUDFLARE_BASE_URL", "https://api.cloudflare.com/client/v4")


def download(address: str) -> int:
    """Read a file piece by piece; only what has come is paid for, also if the reader stops early."""
    size = 0
    with httpx.stream("GET", address) as response:
        for piece in response.iter_bytes():
            size += len(piece)
    return size


def render(client: httpx.Client, address: str) -> float:
    """Have a video rendered, and wait for its duration; it is charged once, however often one asks."""
    uid = client.post("copy", json={"url": address}).raise_for_status().json()["result"]["uid"]
    while (duration := client.get(uid).raise_for_status().json()["result"]["duration"]) < 0:
        time.sleep(SECONDS_BETWEEN_ASKING)
    return float(duration)


if __name__ == "__main__":
    spanledger.configure(service_name="delivery-example")
    account, source = sys.argv[1:]
    api = httpx.Client(
        base_url=f"{CLOUDFLARE}/accounts/{account}/stream/",
        headers={"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"},
    )
    with api, spanledger.execution("video_generation", user_id="user-456"):
        with spanledger.step("fetch"):
            print(f"{download(source)} bytes")
        with spanledger.step("render"):
            print(f"{render(api, source)} seconds")
