// The page: the story in the address, what the reader does, and the keys for it.
"use strict";

let lessons = [], shown = null, lesson = null, selected = null, playing = null, pages = "story", turn = 0;

const OWN = "v1.1.on.1_";
const SWITCHES = [ // id, click, word, key
  ["split", "p", "split", "s"], ["cut-all", "z", "cutAll", "z"], ["kill", "k", "kill", "k"], ["kill-after", "j", "killAfter", "j"],
  ["restart", "b", "restart", "b"], ["drain", "e", "drain", "e"],
];
const FATES = [ // click, word, key
  ["d", "drop", "d"], ["t", "double", "t"], ["h", "hold", "h"], ["r", "release", "h"], ["o", "reorder", "o"], ["c", "cut", "c"],
];

function showProblem(error) {
  stop();
  $("problem").textContent = error?.message ?? String(error);
  $("problem").hidden = false;
  document.body.dataset.problem = "yes";
  document.body.classList.toggle("no-story", shown == null);
  if (shown == null) drawLessons();
}

// ---- the story in the address: `#STORY@CLICKS`, or `#stubs` ----

const inAddress = () => {
  const [story, at] = decodeURIComponent(location.hash.slice(1)).split("@");
  return { story, at: at === undefined ? undefined : Number(at) };
};

async function play(story, at, keep = false) {
  const mine = ++turn;
  const answer = await host.ask(["play", story, ...(at === undefined ? [] : [String(at)])]);
  if (mine !== turn) return;
  if (answer.error) return showProblem(answer.error);
  $("problem").hidden = true;
  delete document.body.dataset.problem;
  document.body.classList.remove("no-story");
  const before = shown;
  shown = answer;
  if (!keep) lesson = lessons.find((known) => known.story === answer.story) ?? null;
  if (!answer.frames.some((frame) => frame.id === selected)) { selected = null; if (bytesView.frame()) bytesView.close(); }
  const address = `#${answer.story}@${answer.at}`;
  if (location.hash !== address) history.replaceState(null, "", address);
  draw(before);
}

// Does what the reader wants done now: the clicks ahead are forgotten.
function act(click) {
  if (!shown) return;
  if (shown.clicks[shown.at] === click) return play(shown.story, shown.at + 1, true).catch(showProblem);
  const head = shown.story.split("_")[0];
  return play(`${head}_${[...shown.clicks.slice(0, shown.at), click].join(".")}`, undefined, true).catch(showProblem);
}

function step() {
  if (shown.at < shown.of) return play(shown.story, shown.at + 1, true).catch(showProblem);
  return act("s");
}

const go = (at) => play(shown.story, Math.max(0, Math.min(at, shown.of)), true).catch(showProblem);

function stop() {
  clearTimeout(playing);
  playing = null;
  drawButtons();
}

async function run() {
  if (playing) return stop();
  const more = async () => {
    const atEnd = shown.at >= shown.of;
    const idle = atEnd && (shown.quiet || (shown.log.at(-1) ?? [1]).length === 0);
    if (idle || shown.of >= 900) return stop();
    await step();
    if (playing) playing = setTimeout(more, still() ? 500 : 850);
  };
  playing = setTimeout(more, 0);
  drawButtons();
}

function settings(change) {
  const [, seed, filter, clients] = shown.story.split("_")[0].split(".");
  const next = { filter, clients, ...change };
  const usable = next.clients === clients ? shown.story.split("_")[1] : "";
  return play(`v1.${seed}.${next.filter}.${next.clients}_${usable}`, usable ? shown.at : 0, true).catch(showProblem);
}

// ---- drawing ----

function draw(before) {
  drawLessons();
  drawClients(shown, act);
  drawServer(shown);
  drawWire(shown, before, selected, select);
  drawTools();
  drawLog(shown, go);
  drawButtons();
  if (bytesView.frame()) openBytes();
  document.body.dataset.hash = shown.hash;
  document.body.dataset.at = shown.at;
}

function drawLessons() {
  $("lessons").replaceChildren(...[...lessons, null].map((one, index) => element("button", {
    "aria-current": one?.name === lesson?.name ? "true" : null,
    onclick: () => begin(one),
  }, element("span", { class: "nth" }, one ? String(index + 1) : "+"), one ? one.title[language] : words("own"))));
  const ended = lesson && shown && shown.story === lesson.story && shown.at >= shown.of;
  $("lesson-title").textContent = lesson ? lesson.title[language] : words("own");
  $("lesson-ask").textContent = lesson ? lesson.ask[language] : words("ownAsk");
  $("lesson-told").hidden = !ended;
  $("lesson-told").textContent = ended ? lesson.told[language] : "";
}

function begin(one) {
  stop();
  lesson = one;
  return play(one ? one.story : OWN, 0, true).catch(showProblem);
}

const key = (text) => element("kbd", {}, text);

function drawButtons() {
  if (!shown) return;
  const label = (id, word, hint, disabled) => {
    $(id).replaceChildren(words(word), " ", key(hint));
    $(id).disabled = disabled;
  };
  label("begin", "begin", "⇤", shown.at === 0);
  label("back", "back", "←", shown.at === 0);
  label("step", "step", "→", false);
  label("run", playing ? "stop" : "run", "r", false);
  const serves = shown.server != null;
  const off = { "split": false, "cut-all": false, "kill": !serves, "kill-after": !serves || shown.server.handlers.length === 0, "restart": serves, "drain": !serves || shown.server.draining };
  for (const [id, , word, hint] of SWITCHES) label(id, id === "split" && shown.split ? "heal" : word, hint, off[id]);
  $("copy-link").textContent = words("copyLink");
  $("filter").checked = shown.filter;
  $("clients").value = String(shown.clients.length);
}

function drawTools() {
  const frame = shown.frames.find((one) => one.id === selected);
  $("tools").hidden = !frame;
  if (!frame) return;
  const isEnd = frame.kind === "end";
  const fits = (click) => (frame.held ? click === "r" : click !== "r" && !(isEnd && (click === "d" || click === "t")));
  $("tools").replaceChildren(element("b", {}, frameName(frame)), " ", element("code", {}, frame.says), element("div", { class: "row" },
    FATES.filter(([click]) => fits(click)).map(([click, word, hint]) => element("button", { "data-fate": click, onclick: () => act(`${click}${frame.id}`) }, words(word), " ", key(hint))),
    isEnd ? null : element("button", { "data-fate": "bytes", onclick: openBytes }, words("bytes"), " ", key("y"))));
}

function select(id) {
  selected = selected === id ? null : id;
  stop();
  draw(shown);
}

function openBytes() {
  const frame = shown.frames.find((one) => one.id === selected);
  if (frame && frame.kind !== "end") bytesView.open(frame, act);
}

function drawWords() {
  document.documentElement.lang = language;
  document.title = words("title");
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = words(one.dataset.word);
  $("language").textContent = language === "zh" ? "English" : "中文";
  $("language").lang = language === "zh" ? "en" : "zh";
  const rows = [["→", "step"], ["←", "back"], ["Home", "begin"], ["r", "run"], ["a w g", "calls"], ...SWITCHES.map(([, , word, hint]) => [hint, word]),
    ["f", "filter"], ["n p", "tabStory"], ...FATES.map(([, word, hint]) => [hint, word]), ["y", "bytes"]];
  $("key-table").replaceChildren(...rows.map(([keys, word]) => element("span", {}, keys.split(" ").map(key), " ", words(word))));
}

function showPage(to) {
  pages = to;
  $("page-story").hidden = to !== "story";
  $("page-stubs").hidden = to !== "stubs";
  $("tab-story").setAttribute("aria-pressed", to === "story");
  $("tab-stubs").setAttribute("aria-pressed", to === "stubs");
  if (to === "stubs") {
    history.replaceState(null, "", "#stubs");
    return playground.begin().catch(showProblem);
  }
  return shown ? play(shown.story, shown.at, true).catch(showProblem) : begin(lessons[0]);
}

// ---- what the reader does ----

function typed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || pages !== "story" || !shown) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const once = (action) => { event.preventDefault(); action(); };
  const pressed = event.key;
  const frame = shown.frames.find((one) => one.id === selected);
  if (frame && pressed === "Escape") return once(() => select(selected));
  if (frame && pressed === "y") return once(openBytes);
  const fate = frame && FATES.find(([click, , hint]) => hint === pressed && (frame.held ? click === "r" : click !== "r"));
  if (fate) return once(() => document.querySelector(`[data-fate="${fate[0]}"]`)?.click());
  const button = { ArrowRight: "step", ArrowLeft: "back", Home: "begin", r: "run", ...Object.fromEntries(SWITCHES.map(([id, , , hint]) => [hint, id])) }[pressed];
  if (button) return once(() => $(button).click());
  if (/^[awg]$/.test(pressed)) return once(() => act(`${pressed}0`));
  if (/^[AWG]$/.test(pressed) && shown.clients.length > 1) return once(() => act(`${pressed.toLowerCase()}1`));
  if (pressed === "f") return once(() => $("filter").click());
  if (pressed === "n" || pressed === "p") {
    const at = lessons.findIndex((one) => one.name === lesson?.name) + (pressed === "n" ? 1 : -1);
    if (lessons[at]) once(() => begin(lessons[at]));
  }
}

async function start() {
  drawWords();
  const answer = await host.ask(["lessons"]);
  lessons = answer.lessons;
  $("begin").onclick = () => { stop(); go(0); };
  $("back").onclick = () => { stop(); go(shown.at - 1); };
  $("step").onclick = () => { stop(); step(); };
  $("run").onclick = run;
  for (const [id, click] of SWITCHES) $(id).onclick = () => { stop(); act(id === "split" && shown.split ? "q" : click); };
  $("filter").onchange = () => settings({ filter: $("filter").checked ? "on" : "off" });
  $("clients").onchange = () => settings({ clients: $("clients").value });
  $("copy-link").onclick = async () => {
    try { await navigator.clipboard.writeText(location.href); $("copy-link").textContent = words("copied"); } catch { prompt(words("copyLink"), location.href); }
  };
  $("language").onclick = () => { setLanguage(language === "zh" ? "en" : "zh"); drawWords(); if (shown) draw(shown); };
  $("tab-story").onclick = () => showPage("story");
  $("tab-stubs").onclick = () => showPage("stubs");
  document.addEventListener("keydown", typed);
  addEventListener("hashchange", fromAddress);
  await fromAddress();
  document.body.dataset.ready = "yes";
}

function fromAddress() {
  const { story, at } = inAddress();
  if (story === "stubs") return showPage("stubs");
  if (pages !== "story") { pages = "story"; $("page-story").hidden = false; $("page-stubs").hidden = true; }
  return story ? play(story, Number.isNaN(at) ? undefined : at).catch(showProblem) : begin(lessons[0]);
}

start().catch(showProblem);
