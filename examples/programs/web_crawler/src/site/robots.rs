//! What a site asks of crawlers, in its robots.txt, by RFC 9309.

use std::io::Read;
use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use super::{Settings, Web};

/// Whom robots.txt means by us: the name of our user agent, without its version.
const NAME: &str = "rpc-web-crawler";

/// More of a robots.txt is not read: its rules up to here count. The standard asks for at least 500 KiB.
const LONGEST: u64 = 512 << 10;

/// So many redirects are followed, to other hosts as well. After more the standard lets us assume that there is no file.
const MOST_REDIRECTS: usize = 5;

/// A longer pause than this nobody waits for.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

/// The rules of the site of `start`. No file (4xx), no rules. A file that cannot be had for any other reason (5xx, no
/// answer, no end) forbids everything, since nobody knows what it says.
///
/// # Errors
/// When the file cannot be had, or is no text of rules that can be understood: with a sentence.
pub fn robots_of(start: &Url, settings: &Settings) -> Result<Option<Robot>, String> {
    let forbidden = |why: String| {
        format!(
            "cannot crawl {start}: its robots.txt cannot be read ({why}), so nobody knows what may be crawled; \
             try later, or use --ignore-robots"
        )
    };
    let Some(text) = text_of(start, &Web::new(settings)).map_err(forbidden)? else { return Ok(None) };
    Robot::new(NAME, &text).map(Some).map_err(|_| forbidden("it has a rule that is beyond us".to_owned()))
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
            // Half a rule is another rule: `/` where `/private/` was meant.
            text.truncate(
                text.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1),
            );
        }
        return Ok(Some(text));
    }
    Ok(None)
}
