//! Types of the standard library and of other crates.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI64, NonZeroU8, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, SystemTime};

use super::text;

#[test]
fn types_of_the_standard_library_are_traced() {
    assert_eq!(text::<Duration>(), "Duration; struct Duration { secs: u64, nanos: u32 }");
    assert_eq!(
        text::<SystemTime>(),
        "SystemTime; struct SystemTime { secs_since_epoch: u64, nanos_since_epoch: u32 }"
    );
    assert_eq!(text::<IpAddr>(), "IpAddr; enum IpAddr { V4([u8; 4]), V6([u8; 16]) }");
    assert_eq!(
        text::<SocketAddr>(),
        "SocketAddr; enum SocketAddr { V4(([u8; 4], u16)), V6(([u8; 16], u16)) }"
    );
    assert_eq!((text::<NonZeroU8>(), text::<NonZeroI64>()), ("u8".into(), "i64".into()));
    assert_eq!((text::<Wrapping<u8>>(), text::<AtomicU32>()), ("u8".into(), "u32".into()));
    assert_eq!((text::<PathBuf>(), text::<VecDeque<bool>>()), ("str".into(), "[bool]".into()));
    assert_eq!(text::<Range<u8>>(), "Range; struct Range { start: u8, end: u8 }");
    assert_eq!(text::<RangeInclusive<u8>>(), "RangeInclusive; struct RangeInclusive { start: u8, end: u8 }");
    assert_eq!(text::<Bound<u8>>(), "Bound; enum Bound { Unbounded, Included(u8), Excluded(u8) }");
}

#[test]
fn types_of_other_crates_are_traced() {
    assert_eq!((text::<uuid::Uuid>(), text::<smol_str::SmolStr>()), ("bytes".into(), "str".into()));
    assert_eq!((text::<bytes::Bytes>(), text::<serde_bytes::ByteBuf>()), ("bytes".into(), "bytes".into()));
    assert_eq!(text::<chrono::DateTime<chrono::Utc>>(), "str");
    assert_eq!((text::<chrono::NaiveDate>(), text::<chrono::NaiveTime>()), ("str".into(), "str".into()));
    assert_eq!(text::<chrono::NaiveDateTime>(), "str");
}
