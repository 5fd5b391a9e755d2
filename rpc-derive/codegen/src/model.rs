//! Stage 3: says what a sound trait means: its methods, how each argument is passed, and what is returned.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Meta, Path, ReturnType, Type, Visibility, parse_quote};

use crate::options::Policies;
use crate::parse::{Parsed, ParsedArgument, ParsedMethod};
use crate::shape::{
    is_blob, is_byte, is_maybe_blob, is_unit, later_argument, plain, plain_name, result_arguments,
};
use crate::spell;

/// A trait, as a service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The trait's name, at its place in the source.
    pub ident: Ident,
    /// The trait's visibility, which the stubs have as well.
    pub vis: Visibility,
    /// The path of the runtime crate.
    pub runtime: Path,
    /// The lints that are allowed on the trait, and so in all of its stubs: `#[allow(non_camel_case_types)]`.
    pub allowed: Vec<Attribute>,
    /// The documentation of the trait, for the contract.
    pub docs: Vec<Attribute>,
    /// True if the trait or one of its methods is deprecated.
    pub deprecated: bool,
    /// The methods, in order: the index is the one in the contract.
    pub methods: Vec<Method>,
}

/// A method, as a remote call.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name, at its place in the source.
    pub ident: Ident,
    /// The user's attributes that the stubs' methods have as well.
    pub attributes: Vec<Attribute>,
    /// Its options.
    pub policies: Policies,
    /// The type of its call context, as written. It is not sent.
    pub context: Option<Type>,
    /// The arguments that are sent.
    pub arguments: Vec<Argument>,
    /// Its reply.
    pub reply: Reply,
    /// True if its implementation returns a `Later`: the reply is the type inside, on both sides and in the contract.
    pub later: bool,
    /// Its signature as text, the same for every formatting: no receiver, no context.
    pub signature: String,
}

/// An argument that is sent.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name.
    pub name: Ident,
    /// Its type, as written.
    pub ty: Type,
    /// The way that it is passed to the implementation.
    pub passing: Passing,
}

/// The way that an argument is encoded, decoded and passed. The tokens of its type decide: an alias counts as what it looks like.
#[derive(Clone, Debug)]
pub enum Passing {
    /// Passed as it was decoded: `&str`, which borrows from the frame, or an owned type.
    AsWritten,
    /// `&[u8]`: borrowed from the frame, sent as bytes.
    Bytes,
    /// `Vec<u8>`: owned, sent as bytes.
    Blob,
    /// `&[T]`: decoded as a `Vec<T>`, passed by reference.
    Slice(Type),
    /// `&T`: decoded as a `T`, passed by reference.
    ByRef(Type),
}

/// The reply of a method: a `T`, or a `Result<T, E>`.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The `T`, as written.
    pub value: Type,
    /// The encoding of the `T`.
    pub encoding: Encoding,
    /// The `E`, if there is one.
    pub error: Option<Type>,
}

/// The encoding of a value that is returned. The tokens of its type decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `Vec<u8>`: bytes in one piece.
    Blob,
    /// `Option<Vec<u8>>`: the same, if there is a value.
    MaybeBlob,
    /// Anything else: as its type implements serde.
    Serde,
}

impl Service {
    /// Returns the meaning of a trait whose methods are sound. Returns `None` if one is not: [`validate`] drops those.
    ///
    /// [`validate`]: crate::validate
    pub fn of(parsed: Parsed) -> Option<Self> {
        let Parsed { item, runtime, methods } = parsed;
        let mut attributes = item.attrs.iter().chain(methods.iter().flat_map(|method| &method.item.attrs));
        let deprecated = attributes.any(|attribute| attribute.path().is_ident("deprecated"));
        let allowed = item.attrs.iter().filter_map(allowance).collect();
        let docs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect();
        let methods = methods.into_iter().map(Method::of).collect::<Option<_>>()?;
        Some(Service { ident: item.ident, vis: item.vis, runtime, allowed, docs, deprecated, methods })
    }

    /// Returns the service's name: the trait's.
    pub fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

/// Returns an attribute of a method as its stubs have it; `None` for those that stubs do not have.
fn for_stubs(attribute: &Attribute) -> Option<Attribute> {
    let copied = attribute.path().is_ident("doc") || attribute.path().is_ident("deprecated");
    if copied { Some(attribute.clone()) } else { allowance(attribute) }
}

/// Returns `#[allow(lint)]` for itself and for `#[expect(lint)]`: what the trait is allowed, its stubs are. The stubs
/// expect nothing, since a lint may see no reason in them.
fn allowance(attribute: &Attribute) -> Option<Attribute> {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") => Some(attribute.clone()),
        Meta::List(list) if list.path.is_ident("expect") => {
            let lints = &list.tokens;
            Some(parse_quote!(#[allow(#lints)]))
        }
        _ => None,
    }
}

impl Method {
    fn of(parsed: ParsedMethod) -> Option<Self> {
        let ParsedMethod { item, policies, context, arguments } = parsed;
        let arguments = arguments.into_iter().map(Argument::of).collect::<Option<Vec<_>>>()?;
        let typed = arguments.iter().map(|argument| (&argument.name, &argument.ty));
        let (output, later) = reply_of(item.sig.output);
        let signature = spell::signature(&item.sig.ident, typed, &output, policies.later_version());
        Some(Method {
            ident: item.sig.ident,
            attributes: item.attrs.iter().filter_map(for_stubs).collect(),
            policies,
            context,
            arguments,
            reply: Reply::of(output),
            later,
            signature,
        })
    }

    /// Returns its name on the wire, without the trait's.
    pub fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// Returns the tokens that the user wrote for its arguments and its reply.
    pub fn written(&self) -> TokenStream {
        let Method { context, reply, .. } = self;
        let arguments = self.arguments.iter().map(|Argument { name, ty, .. }| quote!(#name #ty));
        let (value, error) = (&reply.value, &reply.error);
        quote!(#context #(#arguments)* #value #error)
    }
}

impl Argument {
    fn of(parsed: ParsedArgument) -> Option<Self> {
        let name = plain_name(&parsed.input.pat)?.clone();
        let passing = Passing::of(&parsed.input.ty);
        Some(Argument { name, ty: *parsed.input.ty, passing })
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
            target => Passing::ByRef(target.clone()),
        }
    }
}

/// Returns the type that callers get: what a method returns, or the type inside of its `Later`. True if there is one.
pub fn reply_of(output: ReturnType) -> (ReturnType, bool) {
    match output {
        ReturnType::Type(arrow, ty) => match later_argument(&ty).cloned() {
            Some(inside) if is_unit(&inside) => (ReturnType::Default, true),
            Some(inside) => (ReturnType::Type(arrow, Box::new(inside)), true),
            None => (ReturnType::Type(arrow, ty), false),
        },
        ReturnType::Default => (ReturnType::Default, false),
    }
}

impl Reply {
    fn of(output: ReturnType) -> Self {
        let ty = match output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => *ty,
        };
        let (value, error) = match result_arguments(&ty).as_deref() {
            Some([value, error]) => ((*value).clone(), Some((*error).clone())),
            _ => (ty, None),
        };
        Reply { encoding: Encoding::of(&value), value, error }
    }

    /// Returns the types that are returned: the value, and the error if there is one.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        std::iter::once(&self.value).chain(&self.error)
    }
}

impl Encoding {
    fn of(ty: &Type) -> Self {
        match ty {
            ty if is_blob(ty) => Encoding::Blob,
            ty if is_maybe_blob(ty) => Encoding::MaybeBlob,
            _ => Encoding::Serde,
        }
    }
}
