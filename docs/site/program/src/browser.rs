//! A headless Chromium, spoken to over a pair of pipes in the DevTools protocol.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The names under which systems have it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// A browser that does not answer for so long hangs. A page is drawn in a hundredth of that, and a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Without a sandbox, so that it runs as root; and without the connections that it makes by itself.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--lang=en-US",
];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    profile: PathBuf,
    session: String,
    last: u64,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Errors
    /// Returns a sentence if there is none, or it does not answer.
    pub(crate) fn start() -> Result<Browser, String> {
        let profile = std::env::temp_dir().join(format!("rpc-site-{}", std::process::id()));
        let name = NAMES.into_iter().find(|name| found(name)).ok_or(
            "there is no Chromium to play the lessons in; on Debian, `apt-get install chromium` installs it",
        )?;
        // The browser reads descriptor 3 and writes 4. A shell makes them of its input and output, which needs no `unsafe`.
        let command = format!("exec {name} \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null");
        let mut child = Command::new("sh")
            .args(["-c", &command, "sh"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let (Some(to), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the browser has no pipes".to_owned());
        };
        let (give, from) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(value) = serde_json::from_slice(&message.unwrap_or_default()) else { return };
                if give.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser { child, to, from, profile, session: String::new(), last: 0 };
        let made = browser.ask("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": made["targetId"], "flatten": true });
        browser.session = text(&browser.ask("Target.attachToTarget", attach)?["sessionId"]);
        Ok(browser)
    }

    /// Sends a command, and returns its result.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let sent = self.to.write_all(format!("{command}\0").as_bytes()).and_then(|()| self.to.flush());
        sent.map_err(|error| format!("the browser has ended: {error}"))?;
        loop {
            let answer = self.from.recv_timeout(PATIENCE);
            let answer = answer.map_err(|_| format!("the browser does not answer {method}"))?;
            if answer["id"] == json!(self.last) {
                return match &answer["error"] {
                    Value::Null => Ok(answer["result"].clone()),
                    error => Err(format!("{method}: {error}")),
                };
            }
        }
    }

    /// Sets the size of the window.
    pub(crate) fn resize(&mut self, width: u32, height: u32) -> Result<(), String> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size).map(drop)
    }

    /// Says that the reader wants no motion, so that each picture is final at once.
    pub(crate) fn reduce_motion(&mut self) -> Result<(), String> {
        let features = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
        self.ask("Emulation.setEmulatedMedia", features).map(drop)
    }

    /// Loads an address.
    pub(crate) fn open(&mut self, address: &str) -> Result<(), String> {
        self.ask("Page.navigate", json!({ "url": "about:blank" }))?; // another fragment alone loads nothing
        self.ask("Page.navigate", json!({ "url": address })).map(drop)
    }

    /// Returns the value of an expression in the page; a promise is waited for.
    pub(crate) fn eval(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.ask("Runtime.evaluate", params)?;
        match &result["exceptionDetails"] {
            Value::Null => Ok(result["result"]["value"].clone()),
            thrown => Err(format!("`{expression}` fails: {}", thrown["exception"]["description"])),
        }
    }

    /// Waits until an expression in the page is true.
    pub(crate) fn until(&mut self, expression: &str) -> Result<(), String> {
        let wait = format!(
            "new Promise((done) => {{ const began = Date.now(); const look = () => {{ let is; try {{ is = {expression}; }} catch {{ }} \
             if (is || Date.now() - began > 30000) done(!!is); else setTimeout(look, 10); }}; look(); }})"
        );
        match self.eval(&wait)? {
            Value::Bool(true) => Ok(()),
            _ => Err(format!(
                "the page never comes to `{expression}`: {}",
                self.eval("document.body.innerText")?
            )),
        }
    }

    /// Presses a key, as a keyboard does.
    pub(crate) fn press(&mut self, key: &str) -> Result<(), String> {
        let text = if key.chars().count() == 1 { key } else { "" };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            _ => 0,
        };
        let text = if key == "Enter" { "\r" } else { text };
        let down = if text.is_empty() { down } else { "keyDown" };
        self.ask(
            "Input.dispatchKeyEvent",
            json!({ "type": down, "key": key, "text": text, "windowsVirtualKeyCode": code }),
        )?;
        self.ask(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        )
        .map(drop)
    }

    /// Returns a picture of the window as a PNG in base64.
    pub(crate) fn picture(&mut self) -> Result<String, String> {
        let taken = self.ask("Page.captureScreenshot", json!({ "format": "png" }))?;
        Ok(text(&taken["data"]))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile); // a folder of our own
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns true if a program of this name is in the path.
fn found(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
}
