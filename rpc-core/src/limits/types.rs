//! Layer 0: the bounds of tracing the types of a trait: the code of the types runs with made-up values, and must end. And of what a
//! server tells about itself.

/// Most types inside each other while one value is made up: each takes a few hundred bytes of stack, a kilobyte in a build without
/// optimization, so that a thread of 2 MiB is enough. A type that contains itself without an end reaches it.
pub const MAX_NESTED_TYPES: usize = 200;
/// Most values that are made up of one type: an enum needs one for each variant, and a type that checks its values some more.
pub const MAX_PASSES: usize = 4096;
/// Most simple values, such as a number or a text, in all made-up values of one method: about 10 ms.
pub const MAX_LEAVES: usize = 400_000;
/// Most types in one method. What was seen has 300; a type of so many is made by a program.
pub const MAX_TRACED_TYPES: usize = 16_384;
/// Longest text of the formats of one method, in bytes, that is sent to the other side: longer ones are compared, and not shown.
/// Its length has two bytes.
pub const MAX_FORMATS_TEXT: usize = (64 << 10) - 1;
/// Most bytes of such texts in one TABLE, so that a server of many large types has one that every client takes.
pub const MAX_TABLE_FORMATS: usize = 256 << 10;
/// Most variants of an enum that does not name them: such an enum is written by hand, or says `[]`.
pub const MAX_UNNAMED_VARIANTS: u32 = 1024;

/// Bytes of one reply that describes a service, about: some hundred methods, in a frame that any limit allows that is in use. The rest
/// of the service comes with the next reply. A server whose frames are shorter sends shorter pages.
pub const REFLECTION_PAGE: usize = 256 << 10;

/// Longest documentation of one method or service that is told, in bytes: a page of text. The rest is cut off.
pub const MAX_DOCS: usize = 8 << 10;
