//! The rules of a site for crawlers, from its robots.txt, by RFC 9309.

use std::io::Read;
use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use super::{Settings, Web};
use crate::percent::plain_escapes;

/// The name of this crawler in robots.txt: the name of the user agent, without its version.
const NAME: &str = "rpc-web-crawler";

/// Length of the part of a robots.txt that is read. The standard asks for at least 500 KiB.
const LONGEST: u64 = 512 << 10;

/// Number of redirects that are followed, also to other hosts. After more, the standard allows to assume that there is no file.
const MOST_REDIRECTS: usize = 5;

/// The longest pause that is respected.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

/// Returns the rules of the site of `start`. Without a file (4xx), there are no rules. A file that cannot be fetched for any
/// other reason (5xx, no answer, no end) forbids everything, since its rules are unknown.
///
/// # Errors
/// Returns an error with a sentence if the file cannot be fetched, or has no rules that can be understood.
pub fn robots_of(start: &Url, settings: &Settings) -> Result<Option<Robot>, String> {
    let forbidden = |why: String| {
        format!(
            "cannot crawl {start}: its robots.txt cannot be read ({why}), so it is not known what may be crawled; \
             try later, or use --ignore-robots"
        )
    };
    let Some(text) = text_of(start, &Web::new(settings)).map_err(forbidden)? else { return Ok(None) };
    let text = plain_escapes(&String::from_utf8_lossy(&text)); // bytes that are no UTF-8 are in no address either
    Robot::new(NAME, text.as_bytes())
        .map(Some)
        .map_err(|_| forbidden("it has a rule that is beyond us".to_owned()))
}

/// The pause between two fetches that a site asks for.
pub fn delay_of(robot: &Robot) -> Duration {
    let seconds = robot.delay.unwrap_or_default();
    Duration::try_from_secs_f32(seconds).unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY) // `inf` is a number, too
}

fn text_of(start: &Url, web: &Web) -> Result<Option<Vec<u8>>, String> {
    let Ok(mut address) = start.join("/robots.txt") else { return Ok(None) };
    for _ in 0..=MOST_REDIRECTS {
        let mut response = web.get(&address).map_err(|error| Web::why(&error))?;
        let status = response.status();
        if status.is_server_error() {
            return Err(format!("status {}", status.as_u16()));
        }
        if let Some(target) = Web::target(&address, &response) {
            address = target;
            continue;
        }
        if !status.is_success() {
            return Ok(None);
        }
        let mut text = Vec::new();
        let read = response.body_mut().as_reader().take(LONGEST).read_to_end(&mut text);
        read.map_err(|error| Web::why(&error.into()))?;
        if text.len() as u64 == LONGEST {
            // Half a rule is another rule: `/` in place of `/private/`.
            text.truncate(
                text.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1),
            );
        }
        return Ok(Some(text));
    }
    Ok(None)
}
