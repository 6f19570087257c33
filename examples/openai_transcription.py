"""Transcribe a recording and stream a summary of it: the minutes and the tokens, billed to one user.

Start the ledger with ``spanledger up``, set ``OPENAI_API_KEY`` and run ``python examples/openai_transcription.py
RECORDING``. Then ask ``spanledger report services`` and ``spanledger report users``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import openai

import spanledger

spanledger.configure(service_name="transcription-example")
client = openai.OpenAI()

with spanledger.execution("minutes", user_id="user-123"):
    with spanledger.step("transcribe"):
        recording = Path(sys.argv[1])
        text = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="text")
    with spanledger.step("summarise"):
        chunks = client.chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": f"Summarise in one line: {text}"}], stream=True
        )
        print("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
