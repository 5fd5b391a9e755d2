//! Pages that are too large are cut off and reported: they exist, but their links are unknown.

use std::io::{self, Read};

use rpc_web_crawler::local_server::{Answer, LocalServer};

use crate::agreement::{FORMS, crawl};
use crate::site::MAX_BYTES;

const INDEX: &str = "<a href=never>x</a><a href=big>x</a><a href=exact>x</a><a href=image.png>x</a>";

/// A page without end, as fast as it can be sent; one that is twice too large; one that just fits; a large image.
fn site() -> LocalServer {
    let server = LocalServer::start(Box::new(|path| {
        let html = |bytes: u64| Answer::stream("text/html", io::repeat(b'x').take(bytes), Some(bytes));
        Ok(match path {
            "/" => Answer::page("text/html", INDEX),
            "/never" => Answer::stream("text/html", io::repeat(b'x'), None),
            "/big" => html(2 * MAX_BYTES),
            "/exact" => html(MAX_BYTES),
            "/image.png" => Answer::stream("image/png", io::repeat(0).take(1 << 20), Some(1 << 20)),
            _ => Answer::missing(),
        })
    }));
    server.expect("a free port")
}

#[test]
fn what_is_cut_off_at_the_limit_is_told_and_counts_what_was_read_in_every_form() {
    let server = site();
    let max = MAX_BYTES.to_string();
    for form in FORMS {
        let output = crawl()
            .args(["--form", form, "--format", "json", "--max-bytes", &max, server.url().as_str()])
            .output()
            .expect("it starts");
        let summary = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(0), "{form}: none of them is dead: {summary}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let told: Vec<(String, u64, bool)> = lines
            .map(|line| {
                let path = line["url"].as_str().expect("a URL").replace(server.url().as_str(), "/");
                let cut_off = line["cut_off"] == "longer than --max-bytes allows: its links were not read";
                assert_eq!(line["status"], 200, "{form}: {path}");
                (path, line["bytes"].as_u64().expect("a number"), cut_off)
            })
            .collect();
        let expected = [
            ("/", INDEX.len() as u64, false),
            ("/big", MAX_BYTES, true),
            ("/exact", MAX_BYTES, false),
            ("/image.png", 0, false),
            ("/never", MAX_BYTES, true),
        ];
        assert_eq!(told, expected.map(|(path, bytes, cut_off)| (path.to_owned(), bytes, cut_off)), "{form}");
        let url = server.url();
        for path in ["big", "never"] {
            let line = format!(
                "\n  {url}{path} (longer than --max-bytes allows: its links were not read), found on {url}\n"
            );
            assert!(summary.contains(&line), "{form}: {summary}");
        }
        assert!(summary.contains("\n2 pages were cut off, or not read:\n"), "{form}: {summary}");
        assert!(summary.ends_with("\nno dead links\n"), "{form}: {summary}");
    }
}
