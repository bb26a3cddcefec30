//! Bodies that vendors' SDKs take for a good answer: one for all of them, so that a scenario need not know who plays it.

use serde_json::{Value, json};

/// Two pieces of a chat as server-sent events, in the words of both OpenAI and Anthropic, and the ends of both.
pub const EVENTS: &str = concat!(
    "event: message_start\n",
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"r1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,",
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}},",
    "\"id\":\"r1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":null}]}\n\n",
    "event: message_delta\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2},",
    "\"id\":\"r1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n",
    "event: message_stop\n",
    "data: {\"type\":\"message_stop\",\"id\":\"r1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[]}\n\n",
    "data: [DONE]\n\n",
);

/// An object with every field that some SDK asks for, that of an error too from 400 on; to a JSON-RPC request (`asked`)
/// with that request's id.
pub fn json(status: u16, asked: &[u8]) -> Value {
    let mut body = json!({
        "id": "r1", "object": "thing", "ok": true, "type": "message", "role": "assistant", "model": "m", "created": 1,
        "content": [{"type": "text", "text": "ok"}],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "data": {"thing": "ok"},
    });
    if status >= 400 {
        body["error"] = json!({"type": "thing_error", "code": "thing", "message": "no thing"});
        // PostgREST's clients see no other trace of the status.
        body["code"] = json!(status.to_string());
    }
    let asked: Option<Value> = serde_json::from_slice(asked).ok();
    if let Some(id) =
        asked.filter(|asked| asked["jsonrpc"] == "2.0").and_then(|mut asked| asked.get_mut("id").map(Value::take))
    {
        body = json!({
            "jsonrpc": "2.0", "id": id,
            "result": {
                "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "thing", "version": "1"},
                "tools": [{"name": "thing", "inputSchema": {"type": "object"}}], "content": [{"type": "text", "text": "ok"}],
                // Of the version of 2026-07-28, which shakes no hands.
                "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
            },
        });
    }
    body
}
