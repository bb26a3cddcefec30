"""One line under OpenAI's client: its requests are retried, paced and given up as the policy says.

pip install openai unruffled
API_URL=https://api.openai.com/v1 OPENAI_API_KEY=… python openai_client.py
"""

import os

import openai

import unruffled

POLICY = {
    "baseUrl": {"env": "API_URL"},
    "timeouts": {"attempt": "30s", "idle": "30s"},
    # A prompt may be asked twice: it costs tokens, but changes nothing.
    "routes": {"POST /chat/completions": {"repeatable": True}},
}

http = unruffled.httpx2.client(POLICY)
client = openai.OpenAI(
    base_url=os.environ["API_URL"],
    api_key=os.environ.get("OPENAI_API_KEY", "none"),
    http_client=http,
    max_retries=0,
)

answer = client.chat.completions.create(
    model="gpt-5-mini", messages=[{"role": "user", "content": "Say this is a test."}]
)
print(answer.choices[0].message.content)
print(http.snapshot()["attempts"], "attempts")
