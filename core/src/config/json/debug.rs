//! What the JSON reader made of a text, told again in a form that another reader's result can be told in too: for the
//! fuzz target that compares the two.

use super::{Node, Number, Value, parse};
use alloc::format;
use alloc::string::String;

/// The value as one line: texts as Rust shows them, integers as they are, other numbers in millionths (`1500000m`), what
/// has more decimals as `fine`, what has more digits as `huge`. Members in the order of the text, names twice if they
/// stand twice.
///
/// # Errors
/// Why the text is not read: `not JSON`, `too deep` or `text too long`.
pub fn print(text: &str) -> Result<String, &'static str> {
    let value = parse(text).map_err(|broken| broken.what)?;
    let mut out = String::new();
    write_value(&value, &mut out);
    Ok(out)
}

fn write_value(value: &Value, out: &mut String) {
    match &value.node {
        Node::Null => out.push_str("null"),
        Node::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Node::Number(Number::Integer(number)) => out.push_str(&format!("{number}")),
        Node::Number(Number::Millionths(number)) => out.push_str(&format!("{number}m")),
        Node::Number(Number::Fine) => out.push_str("fine"),
        Node::Number(Number::Huge) => out.push_str("huge"),
        Node::Text(text) => out.push_str(&format!("{text:?}")),
        Node::List(parts) => {
            out.push('[');
            for part in parts {
                write_value(part, out);
                out.push(',');
            }
            out.push(']');
        }
        Node::Object(parts) => {
            out.push('{');
            for part in parts {
                out.push_str(&format!("{:?}:", part.key));
                write_value(part, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
