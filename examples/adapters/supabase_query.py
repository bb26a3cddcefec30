"""One line under Supabase's client: its requests are retried, paced and given up as the policy says.

pip install supabase unruffled
API_URL=https://PROJECT.supabase.co SUPABASE_KEY=… python supabase_query.py
"""

import os

import supabase
from supabase.lib.client_options import SyncClientOptions

import unruffled

http = unruffled.httpx.client({"baseUrl": {"env": "API_URL"}, "timeouts": {"attempt": "10s", "total": "30s"}})
options = SyncClientOptions(httpx_client=http, postgrest_client_retry=False)
client = supabase.create_client(os.environ["API_URL"], os.environ.get("SUPABASE_KEY", "none"), options)

print(client.table("things").select("*").execute().data)
