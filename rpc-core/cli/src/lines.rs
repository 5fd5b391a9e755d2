//! `rpc call --lines`: a call for each line of standard input, several in flight, and a line for each reply.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use rpc_json::{Encoded, JsonClient, JsonError, JsonMethod, JsonPending};
use serde_json::json;

use crate::arguments::CallOptions;
use crate::call::end;
use crate::output::one_line;
use crate::status::{Failure, Status};
use crate::words;

/// The longest line: longer than the arguments of any call in JSON.
const LONGEST_LINE: u64 = 256 << 20;

/// A line whose call is under way, or the reason for which there is none.
type Begun = Result<JsonPending, Failure>;

/// Makes the calls. A line that is wrong, or a call that fails, does not end the others; the status is that of the first of them.
pub(crate) fn call_each(
    client: &JsonClient,
    method: &Arc<JsonMethod>,
    options: &CallOptions,
) -> Result<(), Failure> {
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut under_way: VecDeque<Begun> = VecDeque::new();
    let (mut failed, mut count) = (None::<Status>, 0_u64);
    let mut note = |status: Option<Status>| {
        count += u64::from(status.is_some());
        failed = failed.or(status);
    };
    while let Some(line) = next(&mut input)? {
        if line.trim().is_empty() {
            continue;
        }
        let bytes = words::parse(&line).and_then(|value| words::in_json(method, &value));
        under_way.push_back(bytes.map(|bytes| client.start_encoded(Arc::clone(method), &Encoded(bytes))));
        if under_way.len() >= usize::from(options.in_flight) {
            note(under_way.pop_front().map_or(Ok(None), |first| write(&mut out, first, options))?);
        }
    }
    for begun in under_way {
        note(write(&mut out, begun, options)?);
    }
    out.flush()?;
    client.close();
    match failed {
        None => Ok(()),
        Some(status) => Err(Failure::new(status, format_args!("{count} of the calls have no value"))),
    }
}

/// Reads a line; `None` at the end of the input.
fn next(input: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let mut line = String::new();
    let read = input.take(LONGEST_LINE).read_line(&mut line)?;
    match read as u64 {
        0 => Ok(None),
        LONGEST_LINE => Err(Failure::usage(format_args!("a line is longer than {LONGEST_LINE} bytes"))),
        _ => Ok(Some(line)),
    }
}

/// Waits for a call and writes its line. Returns the status if it has no value.
fn write(out: &mut impl Write, begun: Begun, options: &CallOptions) -> Result<Option<Status>, Failure> {
    let failure = match begun.map(|pending| end(pending, options.resolve)) {
        Ok(Ok(value)) => {
            one_line(out, &json!({"ok": value}))?;
            return Ok(None);
        }
        Ok(Err(JsonError::Service(error))) => {
            one_line(out, &json!({"error": error}))?;
            return Ok(Some(Status::Negative));
        }
        Ok(Err(error)) => Failure::from(error),
        Err(failure) => failure,
    };
    one_line(out, &json!({"failed": failure.text, "status": failure.status as u8}))?;
    Ok(Some(failure.status))
}
