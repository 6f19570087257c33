"""Asynchronous streams for several users at once: each chunk of work is billed to whom it belongs.

Start the ledger with ``spanledger up``, set ``OPENAI_API_KEY`` and run ``python examples/streams.py``. Then ask
``spanledger report users`` and ``spanledger report prompts``.
"""

from __future__ import annotations

import asyncio

import openai

import spanledger


async def tell(client: openai.AsyncOpenAI, user_id: str, subject: str) -> None:
    """Stream a story to one user."""
    async with spanledger.execution("story", user_id=user_id), spanledger.step("write"):
        with spanledger.prompt("story", "short"):
            stream = await client.chat.completions.create(
                model="gpt-3.5-turbo",
                messages=[{"role": "user", "content": f"A short story about {subject}."}],
                stream=True,
                stream_options={"include_usage": True},
            )
            words = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        print(f"{user_id}: {''.join(words)[:60]} …")


async def main() -> None:
    """Serve two users at the same time."""
    async with openai.AsyncOpenAI() as client:
        await asyncio.gather(tell(client, "user-123", "a baker"), tell(client, "user-456", "a ledger"))


if __name__ == "__main__":
    spanledger.configure(service_name="story-example")
    asyncio.run(main())
