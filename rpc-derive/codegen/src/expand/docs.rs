//! Stage 4: writes the documentation of the trait and of its methods into the contract, from where a server tells it.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Returns the documentation as one text, without the space that a comment begins with: `.docs("Returns the value of a key.")`.
/// Returns nothing if there is none.
pub(super) fn expand<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> Option<TokenStream> {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        if !pair.path.is_ident("doc") {
            continue;
        }
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => {
                let line = line.value();
                text.push_str(line.strip_prefix(' ').unwrap_or(&line));
            }
            // A text of another file: `#[doc = include_str!("get.md")]`.
            other => {
                parts.push(Literal::string(&std::mem::take(&mut text)).into_token_stream());
                parts.push(other.into_token_stream());
            }
        }
        text.push('\n');
    }
    let text = text.trim_end();
    if parts.is_empty() {
        let text = text.trim_start();
        return (!text.is_empty()).then(|| quote!(.docs(#text)));
    }
    Some(quote!(.docs(::core::concat!(#(#parts,)* #text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn written(attributes: &[Attribute]) -> String {
        expand(attributes).map(|tokens| tokens.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_lines_of_a_comment_are_one_text_without_their_first_space() {
        let lines: [Attribute; 4] = [
            parse_quote!(#[doc = " One."]),
            parse_quote!(#[inline]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   Two."]),
        ];
        assert_eq!(written(&lines), r#". docs ("One.\n\n  Two.")"#);
        assert_eq!(written(&[parse_quote!(#[doc(hidden)])]), "");
    }

    #[test]
    fn a_text_of_another_file_is_left_to_the_compiler() {
        let lines: [Attribute; 2] =
            [parse_quote!(#[doc = " One."]), parse_quote!(#[doc = include_str!("two.md")])];
        assert_eq!(
            written(&lines),
            r#". docs (:: core :: concat ! ("One.\n" , include_str ! ("two.md") , ""))"#
        );
    }
}
