//! The links that a crawl follows: one origin, one path prefix, and the rules of robots.txt.

use texting_robots::Robot;
use url::Url;

use crate::percent::plain_escapes;

/// Longer addresses are not followed: a site that makes them makes more and more of them.
pub const LONGEST_URL: usize = 2048;

/// The limits of a crawl.
#[derive(Debug)]
pub struct Scope {
    prefix: Url,
    robot: Option<Robot>,
}

impl Scope {
    /// Everything at and below the folder of `prefix`: same scheme, host and port.
    pub fn below(prefix: &Url) -> Self {
        let mut prefix = prefix.clone();
        prefix.set_query(None);
        prefix.set_fragment(None);
        let folder = prefix.path().rfind('/').map_or("/", |slash| &prefix.path()[..=slash]).to_owned();
        prefix.set_path(&folder);
        Scope { prefix, robot: None }
    }

    /// The same, without what the site's robots.txt excludes.
    #[must_use]
    pub fn obeying(mut self, robot: Option<Robot>) -> Self {
        self.robot = robot;
        self
    }

    /// The folder that the scope is.
    pub fn prefix(&self) -> &Url {
        &self.prefix
    }

    /// Returns true if `url` is inside, independent of robots.txt.
    pub fn contains(&self, url: &Url) -> bool {
        url.origin() == self.prefix.origin() && url.path().starts_with(self.prefix.path())
    }

    /// Returns true if robots.txt allows `url`.
    pub fn allows(&self, url: &Url) -> bool {
        self.robot.as_ref().is_none_or(|robot| robot.allowed(&plain_escapes(url.as_str())))
    }

    /// Returns true if `url` would be followed if its address were shorter.
    pub fn is_too_long(&self, url: &Url) -> bool {
        url.as_str().len() > LONGEST_URL && self.contains(url) && self.allows(url)
    }

    /// Returns true if a link to `url` is followed.
    pub fn follows(&self, url: &Url) -> bool {
        self.contains(url) && url.as_str().len() <= LONGEST_URL && self.allows(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn the_scope_is_the_folder_of_the_start_at_the_same_origin() {
        let scope = Scope::below(&url("http://h:8080/a/b.html?q#f"));
        assert_eq!(scope.prefix().as_str(), "http://h:8080/a/");
        assert!(scope.follows(&url("http://h:8080/a/c/d")));
        for outside in [
            "http://h:8080/",
            "http://h/a/b.html",
            "https://h:8080/a/",
            "http://i:8080/a/",
            "http://h:8080/ab",
        ] {
            assert!(!scope.follows(&url(outside)), "{outside}");
        }
    }

    #[test]
    fn what_robots_txt_excludes_is_not_followed() {
        let robot = Robot::new("crawl", b"User-agent: *\nDisallow: /private/\n").expect("it parses");
        let scope = Scope::below(&url("http://h/")).obeying(Some(robot));
        assert!(scope.follows(&url("http://h/public/")));
        assert!(scope.contains(&url("http://h/private/x")) && !scope.follows(&url("http://h/private/x")));
    }
}
