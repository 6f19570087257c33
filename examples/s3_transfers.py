"""Files kept in S3 and read from it, in boto3's own threads, for the user whose task it is.

Start the ledger with ``spanledger up``, have credentials and a bucket for boto3, and run
``python examples/s3_transfers.py BUCKET FILE``. Then ask ``spanledger report users``. Reading costs nothing by the
built-in price book; a price file with a row for ``s3`` that has the meter ``download_bytes`` charges it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import boto3

import spanledger


def keep(bucket: str, path: Path) -> int:
    """Upload a file in parts, copy it, and read it back."""
    s3 = boto3.client("s3")
    with spanledger.step("upload"):
        s3.upload_file(str(path), bucket, path.name)
    with spanledger.step("copy"):
        s3.copy({"Bucket": bucket, "Key": path.name}, bucket, f"{path.name}.copy")
    with spanledger.step("read"):
        content = io.BytesIO()
        s3.download_fileobj(bucket, path.name, content)
    return len(content.getvalue())


if __name__ == "__main__":
    spanledger.configure(service_name="storage-example")
    with spanledger.execution("archive", user_id="user-789"):
        print(f"{keep(sys.argv[1], Path(sys.argv[2]))} bytes")
