"""What one chat costs, and for whom: the smallest engine.

Start the ledger with ``spanledger up``, set ``OPENAI_API_KEY`` and run ``python examples/chat.py``. Then ask
``spanledger report users``.
"""

from __future__ import annotations

import openai

import spanledger

spanledger.configure(service_name="chat-example")
client = openai.OpenAI()

with spanledger.execution("question", user_id="user-123") as execution, spanledger.step("answer"):
    answer = client.chat.completions.create(
        model="gpt-4", messages=[{"role": "user", "content": "Why do double-entry books balance?"}]
    )
    print(answer.choices[0].message.content)

print(f"execution {execution.id}")
