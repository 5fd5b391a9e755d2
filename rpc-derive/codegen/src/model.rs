//! Stage 2: what a trait means: its methods, how each argument travels, and what comes back.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, Ident, ItemTrait, Pat, PatType, Path, ReturnType, TraitItemFn, Type, parse_quote,
};

use crate::options::Policies;
use crate::parse::{Parsed, ParsedMethod};
use crate::shape::{is_blob, is_byte, is_context, is_maybe_blob, plain, result_arguments};
use crate::spell;

/// The attributes of a method that its stubs have as well.
const COPIED: [&str; 3] = ["doc", "deprecated", "allow"];

/// A trait, as a service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The trait as the user sees it.
    pub item: ItemTrait,
    /// The path of the runtime crate.
    pub runtime: Path,
    /// Its methods, in order: the index is the one in the contract.
    pub methods: Vec<Method>,
}

/// A method, as a remote call.
#[derive(Clone, Debug)]
pub struct Method {
    /// The method as the user sees it.
    pub item: TraitItemFn,
    /// What its options say.
    pub policies: Policies,
    /// The type of its context argument, as written. It is not sent.
    pub context: Option<Type>,
    /// What is sent.
    pub arguments: Vec<Argument>,
    /// What comes back.
    pub reply: Reply,
}

/// An argument that is sent.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name, or one of ours where the user wrote a pattern.
    pub name: Ident,
    /// Its type, as written.
    pub ty: Type,
    /// How it travels.
    pub passing: Passing,
    /// Whether it is marked as the context, which it cannot be in its place.
    pub marked: bool,
}

/// How an argument travels. The tokens decide: an alias is taken for what it looks like.
#[derive(Clone, Debug)]
pub enum Passing {
    /// `&str`, or any type that is passed as it was decoded.
    AsWritten,
    /// `&[u8]`: borrowed from the frame, sent as bytes.
    Bytes,
    /// `Vec<u8>`: owned, sent as bytes.
    Blob,
    /// `&[T]`: decoded as a `Vec<T>` and lent.
    Slice(Type),
    /// `&T`: decoded as a `T` and lent.
    Lent(Type),
}

/// What comes back: a `T`, or a `Result<T, E>`.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The `T`.
    pub value: Value,
    /// The `E`, if there is one.
    pub error: Option<Type>,
}

/// A value that comes back.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its type, as written.
    pub ty: Type,
    /// Whether it travels as bytes, which its spelling tells.
    pub spelled: Spelled,
}

/// How a value that comes back is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelled {
    /// `Vec<u8>`: bytes in one piece.
    Blob,
    /// `Option<Vec<u8>>`: the same, if it is there.
    MaybeBlob,
    /// Anything else: as serde has it.
    Otherwise,
}

impl Service {
    /// The meaning of a trait. It never fails: what it cannot make sense of, the next stage refuses.
    pub fn of(parsed: Parsed) -> Self {
        let methods = parsed.methods.into_iter().map(Method::of).collect();
        Service { item: parsed.item, runtime: parsed.runtime, methods }
    }

    /// The service's name: the trait's.
    pub fn name(&self) -> String {
        self.item.ident.unraw().to_string()
    }
}

impl Method {
    fn of(parsed: ParsedMethod) -> Self {
        let ParsedMethod { item, policies, marked } = parsed;
        let mut context = None;
        let mut arguments = Vec::new();
        for (index, input) in item.sig.inputs.iter().enumerate() {
            let FnArg::Typed(input) = input else { continue };
            let marked = marked.contains(&index);
            if (marked || is_context(&input.ty)) && context.is_none() && arguments.is_empty() {
                context = Some((*input.ty).clone());
            } else {
                arguments.push(Argument::of(input, index, marked));
            }
        }
        let reply = Reply::of(&item.sig.output);
        Method { item, policies, context, arguments, reply }
    }

    /// The method's ident, at its place in the trait.
    pub fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// Its name on the wire, without the trait's.
    pub fn name(&self) -> String {
        self.ident().unraw().to_string()
    }

    /// Its signature as text that does not depend on how the user formats: no receiver, no context.
    pub fn signature(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| (&argument.name, &argument.ty));
        spell::signature(self.ident(), arguments, &self.item.sig.output)
    }

    /// Those of the user's attributes that hold for the stubs' methods as well.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        let copied = |attribute: &&Attribute| COPIED.iter().any(|name| attribute.path().is_ident(name));
        self.item.attrs.iter().filter(copied)
    }
}

impl Argument {
    fn of(input: &PatType, index: usize, marked: bool) -> Self {
        let name = Argument::plain_name(&input.pat)
            .cloned()
            .unwrap_or_else(|| format_ident!("argument_{index}", span = Span::mixed_site()));
        Argument { name, ty: (*input.ty).clone(), passing: Passing::of(&input.ty), marked }
    }

    /// The name that is all of a pattern, as in `key: &str`.
    pub fn plain_name(pattern: &Pat) -> Option<&Ident> {
        match pattern {
            Pat::Ident(pattern)
                if pattern.by_ref.is_none() && pattern.mutability.is_none() && pattern.subpat.is_none() =>
            {
                Some(&pattern.ident)
            }
            _ => None,
        }
    }
}

impl Passing {
    fn of(ty: &Type) -> Self {
        let Type::Reference(reference) = plain(ty) else {
            return if is_blob(ty) { Passing::Blob } else { Passing::AsWritten };
        };
        match plain(&reference.elem) {
            Type::Path(target) if target.path.is_ident("str") => Passing::AsWritten,
            Type::Slice(slice) if is_byte(&slice.elem) => Passing::Bytes,
            Type::Slice(slice) => Passing::Slice((*slice.elem).clone()),
            target => Passing::Lent(target.clone()),
        }
    }
}

impl Reply {
    fn of(output: &ReturnType) -> Self {
        let ty = match output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        match result_arguments(&ty).as_deref() {
            Some([value, error]) => {
                Reply { value: Value::of((*value).clone()), error: Some((*error).clone()) }
            }
            _ => Reply { value: Value::of(ty), error: None },
        }
    }

    /// The types that come back.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        std::iter::once(&self.value.ty).chain(&self.error)
    }
}

impl Value {
    fn of(ty: Type) -> Self {
        let spelled = match &ty {
            ty if is_blob(ty) => Spelled::Blob,
            ty if is_maybe_blob(ty) => Spelled::MaybeBlob,
            _ => Spelled::Otherwise,
        };
        Value { ty, spelled }
    }
}
