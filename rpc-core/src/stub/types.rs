//! The types of a method, named by generated code, so that their formats can be found.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::types::{Traced, trace};

/// Returns the function that finds the formats of a method: of the tuple of its arguments, its value, and its own error.
///
/// Like `stub::error_traits!` it takes the first trait that fits. So a type without serde's traits is no error here: the checks of
/// the stubs report it once, at its place in the trait.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_types {
    ($arguments:ty, $value:ty) => {
        $crate::stub::types!(@ $arguments, $value, (), false)
    };
    ($arguments:ty, $value:ty, $error:ty) => {
        $crate::stub::types!(@ $arguments, $value, $error, true)
    };
    (@ $arguments:ty, $value:ty, $error:ty, $has_error:literal) => {
        $crate::stub::as_function(|| {
            #[allow(unused_imports, reason = "one of the two is chosen")]
            use $crate::stub::{CanTrace as _, CannotTrace as _};
            (&$crate::stub::TypesOfMethod::<$arguments, $value, $error>::NAMED).trace($has_error)
        })
    };
}

/// Returns a closure without captures as a function.
#[doc(hidden)]
pub const fn as_function(trace: fn() -> Traced) -> fn() -> Traced {
    trace
}

/// The types of a method.
#[doc(hidden)]
#[derive(Debug)]
pub struct TypesOfMethod<A: ?Sized, T: ?Sized, E: ?Sized>(
    pub PhantomData<A>,
    pub PhantomData<T>,
    pub PhantomData<E>,
);

impl<A: ?Sized, T: ?Sized, E: ?Sized> TypesOfMethod<A, T, E> {
    /// The types of a method. They need not have a size: those that lack one are reported elsewhere.
    pub const NAMED: Self = TypesOfMethod(PhantomData, PhantomData, PhantomData);
}

/// The case that the types have serde's traits.
#[doc(hidden)]
pub trait CanTrace {
    /// Finds the formats.
    fn trace(&self, has_error: bool) -> Traced;
}

impl<'de, A, T, E> CanTrace for TypesOfMethod<A, T, E>
where
    A: Deserialize<'de> + Serialize,
    T: Deserialize<'de> + Serialize,
    E: Deserialize<'de> + Serialize,
{
    fn trace(&self, has_error: bool) -> Traced {
        trace::<A, T, E>(has_error)
    }
}

/// The other case, in which the program does not compile.
#[doc(hidden)]
pub trait CannotTrace {
    /// Returns the reason.
    fn trace(&self, has_error: bool) -> Traced;
}

impl<A: ?Sized, T: ?Sized, E: ?Sized> CannotTrace for &TypesOfMethod<A, T, E> {
    fn trace(&self, _: bool) -> Traced {
        Traced::Untraced("a type has not serde's traits".to_owned())
    }
}
