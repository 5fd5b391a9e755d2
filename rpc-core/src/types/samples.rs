//! Values that are made up for the types of a trait. The first of each kind fits most types; the others are for those that check.

/// Numbers.
pub(super) const NUMBERS: [u8; 10] = [0, 1, 2, 3, 7, 10, 16, 64, 100, 255];

/// Numbers with a fraction.
pub(super) const FLOATS: [f32; 5] = [0.0, 1.0, 0.5, 100.0, -1.0];

/// Characters.
pub(super) const CHARS: [char; 4] = ['a', '0', 'A', ' '];

/// Texts: of types that are read from one. `with = ".."` of a crate of dates or addresses is the usual case.
pub(super) const TEXTS: [&str; 20] = [
    "",
    "a",
    "0",
    "1",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01",
    "00:00:00",
    "127.0.0.1",
    "127.0.0.1:80",
    "::1",
    "10.0.0.0/8",
    "00000000-0000-4000-8000-000000000000",
    "http://localhost/",
    "a@example.org",
    "1.0.0",
    "UTC",
    "true",
    "PT1S",
    "en",
];

/// Lengths of bytes: of numbers, ids and hashes that are read from bytes.
pub(super) const LENGTHS: [usize; 12] = [0, 16, 1, 4, 8, 12, 20, 24, 32, 33, 48, 64];

/// Bytes that are all 0.
pub(super) const ZEROS: [u8; 64] = [0; 64];
