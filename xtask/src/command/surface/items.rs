//! Items as the listing shows them: without docs, bodies and what is private.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Fields, Ident, ImplItem, Item, ItemImpl, LitInt, LitStr, Meta, Token, TraitItem, Visibility, braced,
};

/// Attributes that are part of the surface.
const SHOWN: [&str; 4] = ["cfg", "derive", "non_exhaustive", "repr"];

/// Returns a public item without its docs, bodies and private fields.
pub fn clean(item: &Item) -> Option<Item> {
    let mut item = item.clone();
    let (visibility, attributes) = match &mut item {
        Item::Const(item) => {
            *item.expr = nothing();
            (&item.vis, &mut item.attrs)
        }
        Item::Enum(item) => {
            for variant in &mut item.variants {
                variant.attrs.retain(is_shown);
                variant.fields.iter_mut().for_each(|field| field.attrs.retain(is_shown));
            }
            (&item.vis, &mut item.attrs)
        }
        Item::Fn(item) => {
            item.block.stmts.clear();
            (&item.vis, &mut item.attrs)
        }
        Item::Static(item) => {
            *item.expr = nothing();
            (&item.vis, &mut item.attrs)
        }
        Item::Struct(item) => {
            public_fields(&mut item.fields);
            (&item.vis, &mut item.attrs)
        }
        Item::Trait(item) => {
            for member in &mut item.items {
                if let TraitItem::Fn(member) = member {
                    member.attrs.retain(is_shown);
                    member.default.iter_mut().for_each(|block| block.stmts.clear());
                }
            }
            (&item.vis, &mut item.attrs)
        }
        Item::Type(item) => (&item.vis, &mut item.attrs),
        _ => return None,
    };
    if !matches!(visibility, Visibility::Public(_)) {
        return None;
    }
    attributes.retain(is_shown);
    Some(item)
}

/// Returns an implementation with its public members; `None` for an inherent one without any.
pub fn implementation(item: &ItemImpl) -> Option<Item> {
    let mut item = item.clone();
    item.attrs.retain(is_shown);
    if item.trait_.is_some() {
        item.items.clear();
        return Some(Item::Impl(item));
    }
    item.items.retain_mut(|member| {
        let (visibility, attributes) = match member {
            ImplItem::Fn(member) => {
                member.block.stmts.clear();
                (&member.vis, &mut member.attrs)
            }
            ImplItem::Const(member) => {
                member.expr = nothing();
                (&member.vis, &mut member.attrs)
            }
            _ => return false,
        };
        attributes.retain(is_shown);
        matches!(visibility, Visibility::Public(_))
    });
    (!item.items.is_empty()).then_some(Item::Impl(item))
}

/// Prints items as Rust, with a `;` for each empty body, and a comment for the private fields.
pub fn print(items: Vec<Item>) -> String {
    let mut file: syn::File = syn::parse_quote!();
    file.items = items;
    prettyplease::unparse(&file).replace(" {}\n", ";\n").replace("_private: (),", "// private fields")
}

/// Makes a public module of these items.
pub fn module(name: &str, items: Vec<Item>) -> Item {
    let name = Ident::new(name, Span::call_site());
    let mut module: syn::ItemMod = syn::parse_quote!(pub mod #name {});
    if let Some((_, content)) = &mut module.content {
        *content = items;
    }
    Item::Mod(module)
}

/// Whether an item defines this name.
pub fn defines(item: &Item, name: &str) -> bool {
    match item {
        Item::Macro(_) => codes(item).is_some_and(|codes| codes.name == name),
        Item::Impl(_) | Item::Use(_) | Item::Mod(_) => false,
        item => name_of(item).1 == name,
    }
}

/// Gives a re-exported item the name that it has outside.
pub fn rename(item: &mut Item, from: &str, to: &str) {
    let ident = match item {
        Item::Const(item) => &mut item.ident,
        Item::Enum(item) => &mut item.ident,
        Item::Fn(item) => &mut item.sig.ident,
        Item::Static(item) => &mut item.ident,
        Item::Struct(item) => &mut item.ident,
        Item::Trait(item) => &mut item.ident,
        Item::Type(item) => &mut item.ident,
        _ => return,
    };
    if ident == from {
        *ident = Ident::new(to, Span::call_site());
    }
}

/// Returns what items are sorted by: the kind, then the name; a type stands before its implementations.
pub fn name_of(item: &Item) -> (u8, String, String) {
    match item {
        Item::Mod(item) => (0, item.ident.to_string(), String::new()),
        Item::Const(item) => (1, item.ident.to_string(), String::new()),
        Item::Static(item) => (1, item.ident.to_string(), String::new()),
        Item::Fn(item) => (2, item.sig.ident.to_string(), String::new()),
        Item::Type(item) => (3, item.ident.to_string(), String::new()),
        Item::Trait(item) => (4, item.ident.to_string(), String::new()),
        Item::Enum(item) => (5, item.ident.to_string(), String::new()),
        Item::Struct(item) => (5, item.ident.to_string(), String::new()),
        Item::Impl(of) => {
            let name = match &*of.self_ty {
                syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
                _ => None,
            };
            (5, name.unwrap_or_default(), print(vec![item.clone()]))
        }
        _ => (6, String::new(), String::new()),
    }
}

/// A table of the macro `codes!`: it defines an enum, and the same members for each.
pub struct Codes {
    pub name: String,
    variants: Vec<(Ident, LitInt)>,
}

impl Parse for Codes {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Attribute::parse_outer(input)?;
        let name = input.parse::<Ident>()?.to_string();
        let inner;
        braced!(inner in input);
        let variant = |input: ParseStream<'_>| {
            Attribute::parse_outer(input)?;
            let ident = input.parse()?;
            input.parse::<Token![=]>()?;
            let code = input.parse()?;
            input.parse::<LitStr>()?;
            Ok((ident, code))
        };
        let variants = Punctuated::<(Ident, LitInt), Token![,]>::parse_terminated_with(&inner, variant)?;
        Ok(Self { name, variants: variants.into_iter().collect() })
    }
}

/// Reads an item that is a table of codes.
pub fn codes(item: &Item) -> Option<Codes> {
    let Item::Macro(item) = item else { return None };
    item.mac.path.is_ident("codes").then(|| item.mac.parse_body().ok()).flatten()
}

/// Returns what the macro makes of a table.
pub fn of_codes(codes: &Codes) -> Vec<Item> {
    let name = Ident::new(&codes.name, Span::call_site());
    let variants = codes.variants.iter().map(|(ident, code)| -> syn::Variant { syn::parse_quote!(#ident = #code) });
    let variants: Punctuated<syn::Variant, Token![,]> = variants.collect();
    vec![
        syn::parse_quote!(#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)] #[repr(u8)] pub enum #name { #variants }),
        syn::parse_quote!(impl #name {
            pub const ALL: &'static [Self] = _;
            pub const fn from_code(code: u64) -> Option<Self> {}
            pub const fn text(self) -> &'static str {}
        }),
    ]
}

fn public_fields(fields: &mut Fields) {
    let is_public = |field: &syn::Field| matches!(field.vis, Visibility::Public(_));
    match fields {
        Fields::Named(fields) => {
            let count = fields.named.len();
            fields.named = std::mem::take(&mut fields.named).into_iter().filter(is_public).collect();
            if fields.named.len() < count {
                fields.named.push(syn::parse_quote!(_private: ()));
            }
        }
        Fields::Unnamed(fields) => {
            for field in fields.unnamed.iter_mut().filter(|field| !is_public(field)) {
                field.ty = syn::parse_quote!(_);
            }
        }
        Fields::Unit => {}
    }
    fields.iter_mut().for_each(|field| field.attrs.retain(is_shown));
}

fn is_shown(attribute: &Attribute) -> bool {
    SHOWN.iter().any(|name| attribute.path().is_ident(name)) && !matches!(&attribute.meta, Meta::NameValue(_))
}

fn nothing() -> syn::Expr {
    syn::parse_quote!(_)
}
