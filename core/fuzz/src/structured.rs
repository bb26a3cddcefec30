//! Structured fields beside the crate `sfv`: the same fields are read, with the same values.

use sfv::{BareItem, InnerList, Item, ListEntry, Parameters, Parser};
use std::collections::BTreeMap;
use unruffled_core::headers::structured::{self, Bare, Entry, Form, Level, members, read};

/// The first byte chooses what the field is defined to be.
pub fn target(data: &[u8]) {
    let Some((form, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match form % 3 {
        0 => {
            let theirs = Parser::new(text).parse::<Item>().ok().map(|item| their_item(&item));
            let ours = read(text, Form::Item).map(|entries| our_member(&entries));
            same(ours, theirs, text);
        }
        1 => {
            let theirs = Parser::new(text).parse::<sfv::List>().ok();
            let theirs = theirs.map(|list| list.iter().map(their_member).collect::<Vec<_>>());
            let ours = read(text, Form::List).map(|entries| members(&entries).map(our_member).collect::<Vec<_>>());
            same(ours, theirs, text);
        }
        _ => {
            let theirs = Parser::new(text).parse::<sfv::Dictionary>().ok();
            let theirs = theirs.map(|fields| {
                let pairs = fields.iter().map(|(key, member)| (key.as_str().to_owned(), their_member(member)));
                pairs.collect::<BTreeMap<_, _>>()
            });
            // Of keys that stand twice the last counts.
            let ours = read(text, Form::Dictionary).map(|entries| {
                let pairs = members(&entries).map(|member| (member[0].key.to_owned(), our_member(member)));
                pairs.collect::<BTreeMap<_, _>>()
            });
            same(ours, theirs, text);
        }
    }
}

/// We refuse padding that is there but too short, which `sfv` lets pass; RFC 9651 section 4.2.7 leaves it to the reader.
fn same<T: PartialEq + std::fmt::Debug>(ours: Option<T>, theirs: Option<T>, text: &str) {
    let short_padding = ours.is_none() && text.contains("=:");
    assert!(ours == theirs || short_padding, "{text:?}: {ours:?} {theirs:?}");
}

fn their_item(item: &Item) -> String {
    format!("{}{}", their_bare(&item.bare_item), their_params(&item.params))
}

fn their_member(member: &ListEntry) -> String {
    match member {
        ListEntry::Item(item) => their_item(item),
        ListEntry::InnerList(InnerList { items, params }) => {
            let items: Vec<String> = items.iter().map(their_item).collect();
            format!("({}){}", items.join(" "), their_params(params))
        }
    }
}

fn their_params(params: &Parameters) -> String {
    let all: BTreeMap<_, _> = params.iter().map(|(key, bare)| (key.as_str().to_owned(), their_bare(bare))).collect();
    format!("{all:?}")
}

fn their_bare(bare: &BareItem) -> String {
    match bare {
        BareItem::Decimal(number) => format!("decimal {}", i64::from(number.as_integer_scaled_1000())),
        BareItem::Integer(number) => format!("integer {}", i64::from(*number)),
        BareItem::String(text) => format!("string {:?}", text.as_str()),
        BareItem::ByteSequence(bytes) => format!("bytes {bytes:?}"),
        BareItem::Boolean(value) => format!("boolean {value}"),
        BareItem::Token(text) => format!("token {:?}", text.as_str()),
        BareItem::Date(date) => format!("date {}", i64::from(date.unix_seconds())),
        BareItem::DisplayString(text) => format!("display {text:?}"),
    }
}

fn our_member(entries: &[Entry<'_>]) -> String {
    let value = if entries[0].bare == Bare::Inner {
        let inner = entries.chunk_by(|_, next| next.level != Level::Inner);
        let items = inner.filter(|item| item[0].level == Level::Inner);
        let items: Vec<String> =
            items.map(|item| format!("{}{}", our_bare(item[0].bare), our_params(item, Level::InnerParam))).collect();
        format!("({})", items.join(" "))
    } else {
        our_bare(entries[0].bare)
    };
    format!("{value}{}", our_params(entries, Level::Param))
}

fn our_params(entries: &[Entry<'_>], level: Level) -> String {
    let of = entries.iter().filter(|entry| entry.level == level);
    let all: BTreeMap<_, _> = of.map(|entry| (entry.key.to_owned(), our_bare(entry.bare))).collect();
    format!("{all:?}")
}

fn our_bare(bare: Bare<'_>) -> String {
    match bare {
        Bare::Integer(number) => format!("integer {number}"),
        Bare::Decimal(thousandths) => format!("decimal {thousandths}"),
        Bare::String(text) => format!("string {:?}", structured::string(text)),
        Bare::Token(text) => format!("token {text:?}"),
        Bare::Bytes(text) => format!("bytes {:?}", structured::bytes(text)),
        Bare::Boolean(value) => format!("boolean {value}"),
        Bare::Date(seconds) => format!("date {seconds}"),
        Bare::Display(text) => format!("display {:?}", structured::display(text).unwrap()),
        Bare::Inner => "inner".into(),
    }
}
