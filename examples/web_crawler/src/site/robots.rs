//! What a site asks of crawlers, in its robots.txt.

use texting_robots::Robot;
use url::Url;

use super::{Settings, Web};

/// Whom robots.txt means by us: the name of our user agent, without its version.
const NAME: &str = "rpc-web-crawler";

/// More of a robots.txt is not read; the standard asks for at least 500 KiB.
const LONGEST: u64 = 512 << 10;

/// The rules of the site of `start`. No file, no rules; a file that cannot be had for the server's own trouble (5xx)
/// forbids everything, as RFC 9309 asks, and is told as a sentence.
///
/// # Errors
/// When the server has trouble with its robots.txt. A server that does not answer at all is left to the first fetch to tell.
pub fn robots_of(start: &Url, settings: &Settings) -> Result<Option<Robot>, String> {
    let Ok(address) = start.join("/robots.txt") else { return Ok(None) };
    let Ok(mut response) = Web::new(settings).get(&address) else { return Ok(None) };
    let status = response.status();
    if status.is_server_error() {
        return Err(format!(
            "{address} answers {status}, so nobody knows what may be crawled; try later, or use --ignore-robots"
        ));
    }
    if !status.is_success() {
        return Ok(None);
    }
    let Ok(text) = response.body_mut().with_config().limit(LONGEST).read_to_vec() else { return Ok(None) };
    Ok(Robot::new(NAME, &text).ok())
}
