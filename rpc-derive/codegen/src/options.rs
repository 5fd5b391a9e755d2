//! Stage 1: reads the options inside `#[rpc(..)]`, on a trait, on a method, and on an argument.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path, Result, Token, parse_quote};

use crate::report::Report;

/// The options of a method, each with its place in the source.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// `idempotent`: to run it twice has the same effect as to run it once.
    pub idempotent: Option<Span>,
    /// `slow`: it runs for long, or blocks.
    pub slow: Option<Span>,
    /// `deadline = "250ms"`, in milliseconds.
    pub deadline_ms: Option<(Span, u64)>,
    /// `max_cached_reply = 65536`, in bytes.
    pub max_cached_reply: Option<(Span, usize)>,
    /// `version = 2`: the number of the method's meaning.
    pub version: Option<(Span, u32)>,
}

impl Policies {
    /// Returns the version, if it is another than the first: a method without the option has version 1.
    pub fn later_version(&self) -> Option<u32> {
        self.version.map(|(_, number)| number).filter(|number| *number > 1)
    }
}

/// Reads the options of a trait and returns the path of the runtime.
pub fn of_trait(attribute: TokenStream, report: &mut Report) -> Path {
    let mut found: Option<Path> = None;
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("crate") {
            return unknown(
                &meta,
                "a trait has `crate = \"path\"`; the other options go on its methods",
                report,
            );
        }
        if found.is_some() {
            twice(&meta, report);
        }
        if let Some(value) = value(&meta, "crate = \"path\"", report)? {
            found = Some(runtime_path(&value, report));
        }
        Ok(())
    });
    if let Err(error) = parser.parse2(attribute) {
        report.syntax(error);
    }
    found.unwrap_or_else(|| parse_quote!(::rpc_core))
}

/// Reads the options of a method.
pub fn of_method(attributes: &[Attribute], report: &mut Report) -> Policies {
    let mut policies = Policies::default();
    for attribute in attributes {
        each_option(attribute, report, |meta, report| method_option(&mut policies, &meta, report));
    }
    policies
}

/// Returns true if an argument is marked as the call context. Rule: it has no other option. Proved by `ui/unknown_option`.
pub fn is_context(attributes: &[Attribute], report: &mut Report) -> bool {
    let mut context = false;
    for attribute in attributes {
        each_option(attribute, report, |meta, report| {
            if !meta.path.is_ident("context") {
                return unknown(&meta, "an argument has `context`", report);
            }
            if std::mem::replace(&mut context, true) {
                twice(&meta, report);
            }
            no_value(&meta, "context", report)
        });
    }
    context
}

/// Reads one option of a method.
fn method_option(policies: &mut Policies, meta: &ParseNestedMeta<'_>, report: &mut Report) -> Result<()> {
    const KNOWN: &str = "a method has `idempotent`, `slow`, `deadline = \"250ms\"`, \
                         `max_cached_reply = 65536` and `version = 2`";
    let span = meta.path.segments.first().map_or_else(Span::call_site, |first| first.ident.span());
    let before = if meta.path.is_ident("idempotent") {
        no_value(meta, "idempotent", report)?;
        policies.idempotent.replace(span).is_some()
    } else if meta.path.is_ident("slow") {
        no_value(meta, "slow", report)?;
        policies.slow.replace(span).is_some()
    } else if meta.path.is_ident("deadline") {
        let Some(value) = value(meta, "deadline = \"250ms\"", report)? else { return Ok(()) };
        policies.deadline_ms.replace((span, milliseconds(&value, report))).is_some()
    } else if meta.path.is_ident("max_cached_reply") {
        let Some(value) = value(meta, "max_cached_reply = 65536", report)? else { return Ok(()) };
        policies.max_cached_reply.replace((span, bytes(&value, report))).is_some()
    } else if meta.path.is_ident("version") {
        let Some(value) = value(meta, "version = 2", report)? else { return Ok(()) };
        policies.version.replace((span, version(&value, report))).is_some()
    } else {
        return unknown(meta, KNOWN, report);
    };
    if before {
        twice(meta, report);
    }
    Ok(())
}

/// Reads each option of one attribute. Rule: there is at least one. Proved by `ui/empty_option`.
fn each_option(
    attribute: &Attribute,
    report: &mut Report,
    mut read: impl FnMut(ParseNestedMeta<'_>, &mut Report) -> Result<()>,
) {
    match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => {
            if let Err(error) = attribute.parse_nested_meta(|meta| read(meta, report)) {
                report.syntax(error);
            }
        }
        other => report.at(other, "this has no option: write one, as in `#[rpc(idempotent)]`, or remove it"),
    }
}

/// Reads the value of an option. Rule: the option has one. Proved by `ui/option_value`.
fn value(meta: &ParseNestedMeta<'_>, form: &str, report: &mut Report) -> Result<Option<Expr>> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse().map(bare).map(Some);
    }
    report.at(&meta.path, format!("this option needs a value: write `{form}`"));
    skip_value(meta).map(|()| None)
}

/// Returns a value without parentheses, also without the invisible ones that a `macro_rules!` leaves around `$deadline`.
/// Proved by `compiles/macro_rules.rs`.
fn bare(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => bare(*group.expr),
        Expr::Paren(paren) => bare(*paren.expr),
        other => other,
    }
}

/// Rule: the option has no value. Proved by `ui/option_value`.
fn no_value(meta: &ParseNestedMeta<'_>, form: &str, report: &mut Report) -> Result<()> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Ok(());
    }
    report.at(&meta.path, format!("this option takes no value: write `{form}` alone"));
    skip_value(meta)
}

/// Rule: the option exists. Proved by `ui/unknown_option`.
fn unknown(meta: &ParseNestedMeta<'_>, known: &str, report: &mut Report) -> Result<()> {
    report.at(&meta.path, format!("unknown option: {known}"));
    skip_value(meta)
}

/// Rule: the option is given once. Proved by `ui/option_twice`.
fn twice(meta: &ParseNestedMeta<'_>, report: &mut Report) {
    report.at(&meta.path, "this option is given twice: remove one");
}

/// Skips the value of an option that was reported, so that the next option can be read.
fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}

/// Rule: the runtime is a path, plain or in quotes. Proved by `ui/bad_crate`.
fn runtime_path(value: &Expr, report: &mut Report) -> Path {
    let path = match value {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.parse_with(Path::parse_mod_style).ok(),
        _ => None,
    };
    path.filter(is_module).unwrap_or_else(|| {
        report.at(value, "write the path of the runtime crate, as in `crate = \"my_rpc_core\"`");
        parse_quote!(::rpc_core)
    })
}

/// Returns true if a path may name a module, and not a type, as `Self` and a path with generic arguments do.
fn is_module(path: &Path) -> bool {
    path.segments.iter().enumerate().all(|(at, segment)| {
        let is_start = segment.ident == "self" || segment.ident == "crate";
        segment.arguments.is_empty()
            && segment.ident != "Self"
            && !(is_start && (at > 0 || path.leading_colon.is_some()))
    })
}

/// Reads a deadline as milliseconds. Rule: it is a number and a unit, and not zero. Proved by `ui/bad_deadline`.
fn milliseconds(value: &Expr, report: &mut Report) -> u64 {
    let parsed = match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => duration(&text.value()),
        _ => None,
    };
    match parsed {
        Some(milliseconds) if milliseconds > 0 => return milliseconds,
        Some(_) => {
            report.at(value, "no call can meet a deadline of zero: write a longer one, or remove the option")
        }
        None => report.at(
            value,
            "write a whole number and a unit, `ms`, `s` or `m`, in quotes: `deadline = \"250ms\"`",
        ),
    }
    1 // the mistake is reported, and the method has no stub
}

/// Parses a duration such as `250ms`.
fn duration(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reads a number of bytes. Rule: it is below 4 GiB. Proved by `ui/bad_max_cached_reply`.
fn bytes(value: &Expr, report: &mut Report) -> usize {
    let parsed = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse::<u32>().ok(),
        _ => None,
    };
    parsed.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_else(|| {
        report.at(value, "write a number of bytes below 4294967296, as in `max_cached_reply = 65536`");
        0
    })
}

/// Reads the number of a version. Rule: it is 1 or more. Proved by `ui/bad_version`.
fn version(value: &Expr, report: &mut Report) -> u32 {
    let parsed = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse::<u32>().ok(),
        _ => None,
    };
    parsed.filter(|number| *number > 0).unwrap_or_else(|| {
        report.at(
            value,
            "write a whole number: a method without the option has version 1, and `version = 2` is its first \
             change of meaning",
        );
        1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        assert_eq!(duration("250ms"), Some(250));
        assert_eq!(duration("5s"), Some(5_000));
        assert_eq!(duration("2m"), Some(120_000));
        for wrong in ["", "5", "s", "-5s", "1.5s", "5 s", "5h", "5sec", "18446744073709551615m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_path_of_the_runtime_names_a_module_and_no_type() {
        let path = |text: &str| Path::parse_mod_style.parse_str(text).or_else(|_| syn::parse_str(text));
        for right in ["a", "::a::b", "crate", "crate::a", "self::a", "super::super::a", "r#type"] {
            assert!(is_module(&path(right).expect("a path")), "{right}");
        }
        for wrong in ["Self", "a::Self", "a::<u8>", "a<u8>::b", "a::self", "a::crate", "::crate"] {
            assert!(!is_module(&path(wrong).expect("a path")), "{wrong}");
        }
    }
}
