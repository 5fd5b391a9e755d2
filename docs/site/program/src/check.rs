//! Plays every lesson in a browser, step by step and by keyboard, and compares what the page says with what the program says here.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rpc_site::ask::answer;
use rpc_site::lessons::{LESSONS, Lesson};
use rpc_site::link::VERSION;
use serde_json::{Value, json};

use crate::browser::Browser;

/// A script that reads off the page the state that it shows.
const SAYS: &str = include_str!("said.js");

/// Returns the same, as the program says it here.
fn expected(story: &str, at: usize) -> Value {
    let shown = ask(&["play", story, &at.to_string()]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let clients = list(&shown["clients"]);
    let sessions = list(&shown["server"]["sessions"]);
    let records = sessions.iter().flat_map(|session| list(&session["records"])).map(|record| {
        let state = match record["state"].as_str() {
            Some("kept") => "ran, reply kept",
            Some("not kept") => "ran, not kept",
            other => other.unwrap_or_default(),
        };
        json!([
            record["slot"].to_string(),
            record["last"].to_string(),
            state,
            record["kept"].as_str().unwrap_or_default()
        ])
    });
    let slots = clients.iter().flat_map(|client| list(&client["slots"]));
    let slots = slots.map(|slot| json!([slot["slot"].to_string(), slot["last"].to_string(), slot["usage"]]));
    let calls = clients.iter().flat_map(|client| list(&client["calls"])).map(|call| {
        let verdict = match (call["verdict"]["kind"].as_str(), call["cancelled"].as_bool()) {
            (Some("value"), _) => format!("value {}", call["verdict"]["text"].as_str().unwrap_or_default()),
            (Some(kind), _) => kind.to_owned(),
            (None, Some(true)) => "cancelled by its caller".to_owned(),
            (None, _) => "waits".to_owned(),
        };
        json!([call["number"].to_string(), call["text"], verdict])
    });
    let mut frames: Vec<String> =
        list(&shown["frames"]).iter().filter_map(|f| f["id"].as_str().map(str::to_owned)).collect();
    frames.sort();
    let store = list(&shown["store"])
        .iter()
        .map(|entry| format!("{} = {}", word(&entry[0]), word(&entry[1])))
        .collect::<Vec<_>>();
    json!({
        "hash": shown["hash"],
        "at": shown["at"],
        "filter": shown["filter"],
        "serves": !shown["server"].is_null(),
        "store": store.join(", "),
        "ran": shown["ran"],
        "records": records.collect::<Vec<_>>(),
        "slots": slots.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
        "frames": frames,
    })
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn ask(question: &[&str]) -> Value {
    let question: Vec<String> = question.iter().map(|word| (*word).to_owned()).collect();
    answer(&question, String::new)
}

/// Plays every lesson in a browser. With `pictures`, keeps a picture of each in `screenshots`.
///
/// # Errors
/// Returns a sentence: there is no browser, or the page says something else than the program does here.
pub(crate) fn check(page: &Path, pictures: bool) -> Result<(), String> {
    let address = format!("file://{}", page.display());
    let mut browser = Browser::start()?;
    browser.reduce_motion()?;
    browser.resize(1500, 1000)?;
    browser.open(&address)?;
    browser.until("document.body.dataset.ready === 'yes'")?;
    browser.eval("setLanguage('en'), drawWords()")?;
    let mut states = 0;
    for lesson in &LESSONS {
        states += by_keyboard(&mut browser, &address, lesson)?;
        if pictures {
            picture(&mut browser, &address, page, lesson)?;
        }
    }
    filter_makes_the_difference(&mut browser, &address)?;
    clicks_on_frames(&mut browser, &address)?;
    bytes(&mut browser, &address)?;
    mistakes(&mut browser, &address)?;
    stubs(&mut browser, &address)?;
    if pictures {
        other_pictures(&mut browser, &address, page)?;
    }
    println!("{} lessons, {states} states, are the same in the browser and here", LESSONS.len());
    Ok(())
}

fn load(browser: &mut Browser, address: &str, story: &str) -> Result<(), String> {
    browser.open(&format!("{address}#{story}"))?;
    browser.until("document.body.dataset.ready === 'yes'")
}

fn compare(browser: &mut Browser, story: &str, at: usize, what: &str) -> Result<(), String> {
    let (says, expected) = (browser.eval(SAYS)?, expected(story, at));
    if says == expected {
        return Ok(());
    }
    Err(format!("{what}, after {at} clicks of {story}:\n the page says {says}\n and here it is {expected}"))
}

/// Plays a lesson with the arrow keys alone, to its end and back to its middle. Returns the number of states that were compared.
fn by_keyboard(browser: &mut Browser, address: &str, lesson: &Lesson) -> Result<usize, String> {
    load(browser, address, &format!("{}@0", lesson.story))?;
    let clicks = ask(&["play", lesson.story])["of"].as_u64().unwrap_or_default() as usize;
    compare(browser, lesson.story, 0, lesson.name)?;
    for at in 1..=clicks {
        browser.press("ArrowRight")?;
        browser.until(&format!("document.body.dataset.at === '{at}'"))?;
        compare(browser, lesson.story, at, lesson.name)?;
    }
    if browser.eval("document.getElementById('lesson-told').innerText")? != json!(lesson.told.en) {
        return Err(format!("{}: the answer is not shown at the end", lesson.name));
    }
    let middle = clicks / 2;
    for at in (middle..clicks).rev() {
        browser.press("ArrowLeft")?;
        browser.until(&format!("document.body.dataset.at === '{at}'"))?;
    }
    compare(browser, lesson.story, middle, lesson.name)?;
    Ok(clicks + 2)
}

/// The same link shows one append twice with the filter off, and once with it on.
fn filter_makes_the_difference(browser: &mut Browser, address: &str) -> Result<(), String> {
    let Some(lesson) = LESSONS.iter().find(|lesson| lesson.name == "filter-off") else {
        return Err("the lesson `filter-off` is gone".to_owned());
    };
    for (story, store) in
        [(lesson.story.to_owned(), "k = aa"), (lesson.story.replace(".off.", ".on."), "k = a")]
    {
        load(browser, address, &story)?;
        if browser.eval("document.getElementById('store').innerText")? != json!(store) {
            return Err(format!("{story}: the store is not `{store}`"));
        }
    }
    Ok(())
}

/// A story of one's own: a frame is chosen with Tab and Enter, and dropped, and the link is the story.
fn clicks_on_frames(browser: &mut Browser, address: &str) -> Result<(), String> {
    load(browser, address, "v1.1.on.1_@0")?;
    browser.press("a")?;
    browser.until("document.querySelector('.frame.call')")?;
    browser.eval("document.querySelector('.frame.call').focus()")?;
    browser.press("Enter")?;
    browser.until("document.querySelector('.frame.selected')")?;
    browser.press("d")?;
    browser.until("document.body.dataset.at === '2'")?;
    browser.press("ArrowRight")?;
    browser.until("document.body.dataset.at === '3'")?;
    compare(browser, "v1.1.on.1_a0.d1u2.s", 3, "a story of one's own")?;
    match browser.eval("location.hash")? {
        Value::String(hash) if hash == "#v1.1.on.1_a0.d1u2.s@3" => Ok(()),
        other => Err(format!("the link is {other}")),
    }
}

/// A frame is opened, a byte is changed, and the decoder refuses it; let go, the server does.
fn bytes(browser: &mut Browser, address: &str) -> Result<(), String> {
    load(browser, address, "v1.1.on.1_a0@1")?;
    browser.eval("document.querySelector('.frame.call').click()")?;
    browser.press("y")?;
    browser.until("document.getElementById('judgement').classList.contains('accepted')")?;
    browser.eval("document.querySelector('#opened [data-at=\"40\"]').focus()")?;
    browser.press("7")?;
    browser.press("a")?;
    browser.until("document.getElementById('judgement').classList.contains('refused')")?;
    browser.eval("document.getElementById('send-changed').click()")?;
    browser.until("document.body.dataset.at === '2'")?;
    compare(browser, "v1.1.on.1_a0.y1u2-40-7a", 2, "a changed byte")
}

/// A link that is no story of this page gives a sentence.
fn mistakes(browser: &mut Browser, address: &str) -> Result<(), String> {
    let later = VERSION + 1;
    for (story, says) in [
        (format!("v{later}.1.on.1_a0"), format!("version {later}")),
        ("hello".to_owned(), "no story".to_owned()),
        ("v1.1.on.1_a0.d9u9".to_owned(), "click 2".to_owned()),
    ] {
        browser.open(&format!("{address}#{story}"))?;
        browser.until("document.body.dataset.problem === 'yes'")?;
        let said = browser.eval("document.getElementById('problem').innerText")?;
        if !word(&said).contains(&says) {
            return Err(format!("#{story}: the page says {said}"));
        }
    }
    Ok(())
}

/// The playground shows the stubs, and a message at its column.
fn stubs(browser: &mut Browser, address: &str) -> Result<(), String> {
    browser.open(&format!("{address}#stubs"))?;
    browser.until("document.getElementById('stubs').textContent.includes('pub struct KvClient')")?;
    let typed = "#[rpc]\\ntrait Bad {\\n    fn get(self);\\n}\\n";
    browser.eval(&format!("trait.value = '{typed}', trait.dispatchEvent(new Event('input'))"))?;
    browser.until("document.querySelector('#messages li')")?;
    let said = browser.eval("document.getElementById('messages').innerText")?;
    if word(&said).starts_with("3:") { Ok(()) } else { Err(format!("the playground says {said}")) }
}

/// Keeps a picture of the last moment of a lesson at which a frame is on its way that is more than an ACK.
fn picture(browser: &mut Browser, address: &str, page: &Path, lesson: &Lesson) -> Result<(), String> {
    let clicks = ask(&["play", lesson.story])["of"].as_u64().unwrap_or_default();
    let flies = |at: &u64| {
        let shown = ask(&["play", lesson.story, &at.to_string()]);
        shown["frames"].as_array().is_some_and(|frames| frames.iter().any(|frame| frame["kind"] != "ACK"))
    };
    let at = (0..=clicks).rev().find(flies).unwrap_or(clicks);
    load(browser, address, &format!("{}@{at}", lesson.story))?;
    keep(browser, page, lesson.name)
}

fn other_pictures(browser: &mut Browser, address: &str, page: &Path) -> Result<(), String> {
    load(browser, address, "v1.1.on.2_a0.a1.s3.w0.h1u3.a1.t2u3@8")?;
    keep(browser, page, "on-the-way")?;
    load(browser, address, "v1.1.on.1_a0@1")?;
    browser.eval("document.querySelector('.frame.call').click()")?;
    browser.press("y")?;
    browser.until("document.getElementById('judgement')")?;
    browser.eval("document.getElementById('opened').scrollIntoView()")?;
    keep(browser, page, "bytes")?;
    load(browser, address, "v1.1.on.1_a0.p.s@3")?;
    browser.eval("document.getElementById('language').click()")?;
    keep(browser, page, "chinese")?;
    browser.eval("document.getElementById('language').click()")?;
    browser.open(&format!("{address}#stubs"))?;
    browser.until("document.getElementById('stubs').textContent.includes('KvClient')")?;
    keep(browser, page, "stubs")?;
    browser.resize(420, 900)?;
    load(browser, address, "v1.1.on.1_a0.s2@2")?;
    keep(browser, page, "narrow")
}

fn keep(browser: &mut Browser, page: &Path, name: &str) -> Result<(), String> {
    let bytes =
        STANDARD.decode(browser.picture()?).map_err(|error| format!("the picture of {name}: {error}"))?;
    let folder = page.with_file_name("screenshots");
    let file = folder.join(format!("{name}.png"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, bytes))
        .map_err(|error| format!("{}: {error}", file.display()))
}
