//! Floats in JSON, which has no NaN and no infinity: each value of 32 and of 64 bits has its own form.

use serde_json::{Number, Value};

/// Returns a float as a value. `narrow` has the same one of 32 bits, if it is one: it is written with the digits that it needs.
pub(crate) fn to_value(wide: f64, narrow: Option<f32>) -> Value {
    if wide.is_finite() {
        let digits =
            narrow.and_then(|narrow| narrow.to_string().parse::<f64>().ok().filter(|wide| is(*wide, narrow)));
        return Number::from_f64(digits.unwrap_or(wide)).map_or(Value::Null, Value::Number); // it is finite
    }
    let text = match (wide, narrow) {
        (f64::INFINITY, _) => "inf".to_owned(),
        (f64::NEG_INFINITY, _) => "-inf".to_owned(),
        (_, Some(narrow)) if narrow.to_bits() != f32::NAN.to_bits() => {
            format!("NaN:{:08x}", narrow.to_bits())
        }
        (_, None) if wide.to_bits() != f64::NAN.to_bits() => format!("NaN:{:016x}", wide.to_bits()),
        _ => "NaN".to_owned(),
    };
    Value::String(text)
}

/// Returns true if a float of 64 bits becomes this one of 32 bits.
fn is(wide: f64, narrow: f32) -> bool {
    (wide as f32).to_bits() == narrow.to_bits()
}

/// Reads a float of 64 bits. Returns `None` if the value is none.
pub(crate) fn wide(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => {
                let bits = u64::from_str_radix(text.strip_prefix("NaN:")?, 16).ok()?;
                Some(f64::from_bits(bits)).filter(|float| float.is_nan())
            }
        },
        _ => None,
    }
}

/// Reads a float of 32 bits. Returns `None` if the value is none, or is finite and too large for one.
pub(crate) fn narrow(value: &Value) -> Option<f32> {
    if value.as_str() == Some("NaN") {
        return Some(f32::NAN);
    }
    if let Some(bits) = value.as_str().and_then(|text| text.strip_prefix("NaN:")) {
        let bits = u32::from_str_radix(bits, 16).ok()?;
        return Some(f32::from_bits(bits)).filter(|float| float.is_nan());
    }
    let wide = wide(value)?;
    Some(wide as f32).filter(|narrow| narrow.is_finite() == wide.is_finite())
}
