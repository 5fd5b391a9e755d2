//! Layer 3: a service's own error, shown as its `Display` says, and given as a source.
//!
//! `CallError<E>` is an error for every `E` that has `Debug`, and cannot ask if `E` implements `Display` or `Error`: generic code in
//! Rust has no such question. Generated code names the type, so each method of a stub carries the answer. It is noted when the
//! first error of the type is read, or made by `CallError::service`, and looked up when such an error is shown.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use crate::contract::{ErrorTraits, Method};
use crate::each_process::{self, EachProcess};

/// The traits of the types of errors that this process has read. As many as its traits name, so they need no bound.
static KNOWN: EachProcess<RwLock<HashMap<TypeId, ErrorTraits>>> = EachProcess::new(each_process::present);

/// Notes the traits of the error of a method.
pub(super) fn note<E: 'static>(method: &Method) {
    if let Some(traits) = method.error_traits {
        note_traits::<E>(traits);
    }
}

/// Notes that a type is an error.
pub(super) fn note_error<E: Error + 'static>() {
    note_traits::<E>(ErrorTraits {
        display: |error| error.downcast_ref::<E>().map(|error| error as &dyn fmt::Display),
        error: |error| error.downcast_ref::<E>().map(|error| error as &(dyn Error + 'static)),
    });
}

fn note_traits<E: 'static>(traits: ErrorTraits) {
    if find(TypeId::of::<E>()).is_some() {
        return;
    }
    if let Some(known) = KNOWN.get_or_make(RwLock::default) {
        known.write().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<E>(), traits);
    }
}

fn find(of: TypeId) -> Option<ErrorTraits> {
    let (_, known) = KNOWN.find()?;
    // A panic cannot leave the map inconsistent, so a poisoned lock is safe to use.
    known.read().unwrap_or_else(PoisonError::into_inner).get(&of).copied()
}

/// Returns a service's own error as an `Error`, if it implements that.
pub(super) fn as_error<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    (find(TypeId::of::<E>())?.error)(error)
}

/// Shows a service's own error: as its `Display` says, if it is known to have one, else as `Debug` does.
pub(super) struct Shown<'a, E>(pub(super) &'a E);

impl<E: fmt::Debug + 'static> fmt::Display for Shown<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any: &dyn Any = self.0;
        if let Some(text) = any.downcast_ref::<String>() {
            return f.write_str(text);
        }
        match find(TypeId::of::<E>()).and_then(|traits| (traits.display)(any)) {
            Some(shown) => shown.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallError;

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("the key {key} is not there")]
    struct Missing {
        key: u32,
    }

    #[derive(Debug)]
    struct Bare;

    struct OnlyShown;

    impl fmt::Debug for OnlyShown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("its Debug")
        }
    }

    impl fmt::Display for OnlyShown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("its Display")
        }
    }

    static MISSING: Method = Method::new("Kv.a", "fn a()").fails_with(crate::__rpc_error_traits!(Missing));
    static BARE: Method = Method::new("Kv.b", "fn b()").fails_with(crate::__rpc_error_traits!(Bare));
    static SHOWN: Method = Method::new("Kv.c", "fn c()").fails_with(crate::__rpc_error_traits!(OnlyShown));

    #[test]
    fn an_error_is_shown_by_its_display_and_is_the_source() {
        note::<Missing>(&MISSING);
        note::<Missing>(&MISSING);
        let error = CallError::Service(Missing { key: 7 });
        assert_eq!(error.to_string(), "the key 7 is not there");
        let source = error.source().and_then(|source| source.downcast_ref::<Missing>());
        assert_eq!(source, Some(&Missing { key: 7 }));
    }

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("it is full")]
    struct ByHand;

    #[test]
    fn an_error_that_was_made_by_hand_has_its_text_and_its_source_once_its_type_is_known() {
        let variant = CallError::Service(ByHand);
        assert_eq!(variant.to_string(), "ByHand");
        assert!(variant.source().is_none(), "no client has read such an error");
        let made = CallError::service(ByHand);
        for error in [made, variant] {
            assert_eq!(error.to_string(), "it is full");
            assert_eq!(error.source().and_then(|source| source.downcast_ref()), Some(&ByHand));
        }
    }

    #[test]
    fn an_error_without_display_is_shown_by_its_debug_and_one_without_error_is_no_source() {
        note::<Bare>(&BARE);
        note::<OnlyShown>(&SHOWN);
        let (bare, shown) = (CallError::Service(Bare), CallError::Service(OnlyShown));
        assert_eq!((bare.to_string(), shown.to_string()), ("Bare".to_owned(), "its Display".to_owned()));
        assert!(bare.source().is_none() && shown.source().is_none());
        let boxed: Box<dyn Error + Send + Sync> = CallError::Service(vec![1_u8]).into();
        assert_eq!(boxed.to_string(), "[1]", "it is no type of a stub");
        assert_eq!(CallError::Service("as it is".to_owned()).to_string(), "as it is");
    }
}
