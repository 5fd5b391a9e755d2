//! Bytes in JSON: as a text where they are one, else in hexadecimal digits; base64 and lists of numbers are read as well.

use serde_json::{Map, Value, json};

/// Returns bytes as a value.
pub(crate) fn to_value(bytes: &[u8]) -> Value {
    let is_shown = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(is_shown) => Value::String(text.to_owned()),
        _ => json!({"hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()}),
    }
}

/// Reads bytes. Returns `None` if the value is none of their forms.
pub(crate) fn of_value(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Array(list) => {
            list.iter().map(|byte| byte.as_u64().and_then(|byte| byte.try_into().ok())).collect()
        }
        Value::Object(object) => of_object(object),
        _ => None,
    }
}

fn of_object(object: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut fields = object.iter();
    let ((name, value), None) = (fields.next()?, fields.next()) else { return None };
    match name.as_str() {
        "hex" => hex(value.as_str()?),
        "base64" => base64(value.as_str()?),
        _ => None,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// Reads base64 with or without `=` at its end, in either alphabet.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.trim_end_matches('=').bytes().map(digit).collect();
    let digits = digits?;
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let word = group.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - group.len()));
        let three = [(word >> 16) as u8, (word >> 8) as u8, word as u8];
        bytes.extend(&three[..group.len() - 1]);
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_bytes_is_read() {
        for (form, bytes) in [
            (json!("hé"), "hé".as_bytes()),
            (json!([0, 255]), &[0, 255]),
            (json!({"hex": "00Ff"}), &[0, 255]),
            (json!({"base64": "AP8="}), &[0, 255]),
            (json!({"base64": "AP-_Zg"}), &[0, 255, 191, 102]),
            (json!({"base64": ""}), &[]),
        ] {
            assert_eq!(of_value(&form).as_deref(), Some(bytes), "{form}");
        }
        for wrong in [
            json!({"hex": "0"}),
            json!({"hex": "zz"}),
            json!({"base64": "A"}),
            json!([256]),
            json!({"hex": "", "x": 1}),
            json!(7),
        ] {
            assert_eq!(of_value(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_digits() {
        assert_eq!(to_value(b"a\n"), json!("a\n"));
        assert_eq!(to_value(&[0, 255]), json!({"hex": "00ff"}));
        assert_eq!(to_value(&[27]), json!({"hex": "1b"}));
    }
}
