//! The JSON Schema (draft 2020-12) of the policy file, for editors, from the same table that the reader uses. What it
//! cannot say (ranges of texts such as `"3s"`, what keys mean together) only the reader checks.

use super::json::write::Json;
use super::keys::{self, Form, Key, Place};
use alloc::string::String;

/// The schema as JSON. Keys of later versions are not in it, so an editor marks them.
#[must_use]
pub fn json_schema() -> String {
    let mut schema = Schema { json: Json::new(), route: false };
    let json = &mut schema.json;
    json.object().field_text("$schema", "https://json-schema.org/draft/2020-12/schema");
    json.field_text("title", "unruffled policy").field_text("type", "object");
    schema.members(keys::POLICY);
    schema.json.key("$defs").object().key("route").object();
    schema.json.key("type").raw(r#"["object","null"]"#);
    schema.route = true;
    schema.members(keys::POLICY);
    schema.json.end_object().end_object().end_object();
    schema.json.finish()
}

const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const HEADER_LINE: &str = "^([!-~]([ -~]*[!-~])?)?$";

struct Schema {
    json: Json,
    /// Inside a route.
    route: bool,
}

impl Schema {
    /// `properties` and that there are no others.
    fn members(&mut self, keys: &'static [Key]) {
        self.json.key("properties").object();
        for key in keys {
            let here = if self.route { key.place != Place::Policy } else { key.place != Place::Route };
            if !here || matches!(key.form, Form::Later) {
                continue;
            }
            self.json.key(key.name).object().field_text("description", key.meaning);
            self.form(key.form);
            self.json.end_object();
        }
        self.json.end_object().field_flag("additionalProperties", false);
    }

    /// An object of our keys, some of them required.
    fn object(&mut self, keys: &'static [Key], required: &[&str]) {
        self.json.key("type").raw(r#"["object","null"]"#);
        self.members(keys);
        if !required.is_empty() {
            self.json.key("required").array();
            for name in required {
                self.json.text(name);
            }
            self.json.end_array();
        }
    }

    /// An object of names from the file.
    fn names(&mut self, pattern: &str, inner: &str) {
        self.json.key("type").raw(r#"["object","null"]"#).field_number("maxProperties", 64);
        self.json.key("propertyNames").object().field_text("pattern", pattern).end_object();
        self.json.key("additionalProperties").raw(inner);
    }

    fn text(&mut self, pattern: &str) {
        self.json.key("type").raw(r#"["string","null"]"#).field_text("pattern", pattern);
    }

    fn range(&mut self, kinds: &str, least: u64, most: u64) {
        self.json.key("type").raw(kinds).field_number("minimum", least).field_number("maximum", most);
    }

    fn list(&mut self, most: Option<u64>) {
        self.json.key("type").raw(r#"["array","null"]"#);
        match most {
            Some(most) => self.json.field_number("maxItems", most),
            None => self.json.field_number("minItems", 1),
        };
        self.json.key("items").object();
    }

    /// One of these words, `null`, and what else.
    fn words(&mut self, words: &[&str], others: &[&str]) {
        self.json.key("enum").array();
        for word in words {
            self.json.text(word);
        }
        for other in others {
            self.json.raw(other);
        }
        self.json.end_array();
    }

    /// Either of two, the second written by `then`.
    fn either(&mut self, first: &mut dyn FnMut(&mut Self), second: &mut dyn FnMut(&mut Self)) {
        self.json.key("anyOf").array().object();
        first(self);
        self.json.end_object().object();
        second(self);
        self.json.end_object().end_array();
    }

    fn form(&mut self, form: Form) {
        let (least, most) = form.range();
        match form {
            Form::Note => {
                self.json.key("type").raw(r#"["string","null"]"#);
            }
            Form::Later => {}
            Form::Major => self.words(&[], &["1", "null"]),
            Form::Time(..) => {
                self.range(r#"["string","integer","null"]"#, least, most);
                self.json.field_text("pattern", "^[0-9]+(ms|s|m|h)$");
            }
            Form::Size(..) => {
                self.range(r#"["string","integer","null"]"#, least, most);
                self.json.field_text("pattern", "^[0-9]+(KiB|MiB|GiB)$");
            }
            Form::Whole(..) => self.range(r#"["integer","null"]"#, least, most),
            Form::Ratio(..) => {
                self.json.key("type").raw(r#"["number","null"]"#);
                match least {
                    1 => self.json.field_number("exclusiveMinimum", 0),
                    _ => self.json.key("minimum").raw(&super::issues::decimal(least)),
                };
                self.json.key("maximum").raw(&super::issues::decimal(most));
            }
            Form::Bool => self.words(&[], &["true", "false", "null"]),
            Form::Word(words) => self.words(words, &["null"]),
            Form::Id => self.text("^[a-z0-9][a-z0-9._-]{0,63}$"),
            Form::Text => self.text("^[^\u{0}-\u{1f}\u{7f}-\u{9f}]+$"),
            Form::Line => self.text("^[!-~]([ -~]*[!-~])?$"),
            Form::Header => self.text(TOKEN),
            Form::HeaderOrFalse => self.either(&mut |s| s.text(TOKEN), &mut |s| s.words(&[], &["false"])),
            Form::Pointer => self.text("^/([^~]|~[01])*$"),
            Form::Base => self.either(&mut |s| s.text("^[hH][tT][tT][pP][sS]?://[^?#@]+$"), &mut |s| {
                s.json.field_text("type", "object").key("properties").object();
                s.json.key("env").raw(r#"{"type":"string","pattern":"^[A-Za-z_][A-Za-z0-9_]*$"}"#);
                s.json.key("note").raw(r#"{"type":"string"}"#).end_object();
                s.json.key("required").raw(r#"["env"]"#).field_flag("additionalProperties", false);
            }),
            Form::Headers => {
                let mut inner = Json::new();
                inner.object().key("type").raw(r#"["string","null"]"#);
                inner.field_text("pattern", HEADER_LINE).end_object();
                self.names(TOKEN, &inner.finish());
            }
            Form::Query => self.names("", r#"{"type":["string","null"]}"#),
            Form::Methods => {
                self.list(None);
                self.words(keys::KEYED, &[]);
                self.json.end_object();
            }
            Form::Statuses => self.either(&mut |s| s.range(r#"["integer","null"]"#, 200, 599), &mut |s| {
                s.list(None);
                s.range(r#""integer""#, 200, 599);
                s.json.end_object();
            }),
            Form::Values => {
                self.list(None);
                self.json.key("type").raw(r#"["string","integer","boolean"]"#).end_object();
            }
            Form::Family => self.either(&mut |s| s.words(keys::FAMILIES, &["null"]), &mut |s| {
                s.object(keys::NAMED, &["remaining"]);
            }),
            Form::Object(keys) => self.object(keys, &[]),
            Form::ObjectOrFalse(keys) => {
                self.either(&mut |s| s.object(keys, &[]), &mut |s| s.words(&[], &["false"]));
            }
            Form::Rules => {
                self.list(Some(64));
                self.object(keys::RULE, &["status", "as"]);
                self.json.end_object();
            }
            Form::Limits => {
                self.list(Some(16));
                self.object(keys::LIMIT, &["name"]);
                self.json.end_object();
            }
            Form::Costs => {
                self.json.key("type").raw(r#"["object","null"]"#).key("additionalProperties").object();
                self.range(r#"["integer","null"]"#, 0, 1_000_000);
                self.json.end_object();
            }
            Form::Routes => {
                self.json.key("type").raw(r#"["object","null"]"#).key("patternProperties").object();
                self.json.key("^([A-Z0-9-]+ )?/").raw(r##"{"$ref":"#/$defs/route"}"##).end_object();
                self.json.key("properties").raw(r#"{"note":{"type":"string"}}"#);
                self.json.field_flag("additionalProperties", false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::string::ToString;
    use std::{fs, path};

    /// Whether a value fits a schema, as far as this schema's keywords go; `pattern` is left to real validators.
    fn fits(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
        let wrong = |why: &str| Err(std::format!("{why}: {value} {schema}"));
        if let Some(reference) = schema["$ref"].as_str() {
            return fits(root, root.pointer(&reference[1..]).unwrap(), value);
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is = |name: &Value| name == kind || name == "number" && kind == "integer";
        match &schema["type"] {
            Value::Null => {}
            Value::Array(kinds) if kinds.iter().any(is) => {}
            name if is(name) => {}
            _ => return wrong("type"),
        }
        if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
            return wrong("enum");
        }
        if let Some(ways) = schema["anyOf"].as_array()
            && !ways.iter().any(|way| fits(root, way, value).is_ok())
        {
            return wrong("anyOf");
        }
        if let Some(number) = value.as_f64() {
            let bound = |name: &str| schema[name].as_f64();
            if bound("minimum").is_some_and(|least| number < least)
                || bound("maximum").is_some_and(|most| number > most)
                || bound("exclusiveMinimum").is_some_and(|least| number <= least)
            {
                return wrong("range");
            }
        }
        for inner in value.as_array().into_iter().flatten() {
            fits(root, &schema["items"], inner)?;
        }
        let Some(members) = value.as_object() else { return Ok(()) };
        if schema["required"].as_array().into_iter().flatten().any(|name| !members.contains_key(name.as_str().unwrap()))
        {
            return wrong("required");
        }
        for (name, inner) in members {
            let path = schema["patternProperties"].as_object().and_then(|ways| ways.values().next());
            let path = path.filter(|_| name.contains('/'));
            match (&schema["properties"][name], path, &schema["additionalProperties"]) {
                (Value::Null, Some(path), _) => fits(root, path, inner)?,
                (Value::Null, None, Value::Bool(false)) => return wrong(name),
                (Value::Null, None, others) => fits(root, others, inner)?,
                (own, _, _) => fits(root, own, inner)?,
            }
        }
        Ok(())
    }

    #[test]
    fn the_schema_takes_what_the_reader_takes_and_marks_most_of_what_it_refuses() {
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        let folder = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/config");
        let (mut taken, mut refused, mut missed) = (0, 0, 0);
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let vector: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            if !vector["policy"].is_object() || vector["lenient"] == true {
                continue;
            }
            let fit = fits(&schema, &schema, &vector["policy"]);
            if vector["issues"].is_null() {
                assert_eq!(fit, Ok(()), "{}", file.display());
                taken += 1;
            } else if fit.is_err() {
                refused += 1;
            } else {
                missed += 1;
            }
        }
        assert!(taken > 50 && refused > 50 && missed < refused, "{taken} {refused} {missed}");
    }

    #[test]
    fn every_key_of_the_table_is_described() {
        let schema = json_schema();
        for key in keys::POLICY.iter().filter(|key| !matches!(key.form, Form::Later)) {
            assert!(schema.contains(&std::format!("\"{}\":{{\"description\":", key.name)), "{}", key.name);
            assert!(key.meaning.ends_with('.') && !key.meaning.to_string().is_empty(), "{}", key.name);
        }
        assert!(!schema.contains("\"auth\""));
    }
}
