// Draws what the module has said: clients, server, the frames between them, and the list of what has happened.
"use strict";

const $ = (id) => document.getElementById(id);

// An element with its properties and children. Text is always text, never markup.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

const clientName = (client) => (client == null ? "?" : `${words("client")} ${client + 1}`);
const verdictClass = (verdict) => (verdict.ran === true ? "ran" : verdict.ran === false ? "not-ran" : "unknown");
const seconds = (micros) => `${(micros / 1e6).toFixed(3)} s`;

function heading(title, under, state) {
  return element("div", { class: "card-head" }, element("h3", {}, title), element("span", { class: `dot ${state}` }), element("span", { class: "muted" }, under));
}

function table(head, rows, kind) {
  return element("table", { class: kind },
    element("thead", {}, element("tr", {}, head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, rows));
}

// ---- the clients ----

function drawClients(shown, act) {
  $("client-column").replaceChildren(...shown.clients.map((client, index) => {
    const under = client.session == null ? words("noSession") : `${words("session")} ${client.session}`;
    const state = client.draining ? "draining" : client.attached ? "attached" : "detached";
    const slots = client.slots.map((slot) => element("tr", { class: slot.usage.replace(" ", "-") },
      element("td", {}, String(slot.slot)), element("td", {}, String(slot.last)),
      element("td", {}, words(slot.usage)),
      element("td", {}, slot.call == null ? "" : shown.clients[index].calls.find((call) => call.number === slot.call)?.text ?? "")));
    return element("section", { class: "card client", "data-client": index, "aria-label": clientName(index) },
      heading(clientName(index), under, state),
      element("div", { class: "row" }, [["a", "append"], ["w", "appendSlowly"], ["g", "get"]].map(([click, name]) =>
        element("button", { onclick: () => act(`${click}${index}`), title: index === 0 ? `key ${click}` : null }, words(name)))),
      element("h4", {}, words("slots")),
      slots.length ? table([words("slot"), words("number"), words("usage"), words("call")], slots, "slots") : element("p", { class: "muted" }, words("free")),
      element("h4", {}, words("calls")),
      client.calls.length ? element("ul", { class: "calls" }, client.calls.map((call) => drawCall(call, act))) : element("p", { class: "muted" }, words("noCalls")));
  }));
}

function drawCall(call, act) {
  const open = call.verdict == null && !call.cancelled;
  const verdict = call.verdict != null
    ? element("span", { class: `verdict ${verdictClass(call.verdict)}`, title: call.verdict.text }, words(call.verdict.kind), call.verdict.kind === "value" ? ` ${call.verdict.text}` : "")
    : element("span", { class: `verdict ${call.cancelled ? "cancelled" : "open"}` }, words(call.cancelled ? "cancelled" : "waits"));
  const ran = call.text.startsWith("get") ? null : element("span", { class: `count ${call.ran > 1 ? "twice" : ""}` }, `${words("ranTimes")} ${call.ran}${words("times")}`);
  return element("li", { "data-call": call.number },
    element("code", {}, call.text), element("span", { class: "facts" }, verdict, ran,
      call.resolved ? element("span", { class: "muted" }, `${words("laterKnown")} ${words(call.resolved)}`) : null,
      open ? element("button", { class: "small", onclick: () => act(`x${call.number}`) }, words("cancel")) : null),
    call.verdict != null && call.verdict.kind !== "value" ? element("p", { class: "text" }, call.verdict.text) : null);
}

// ---- the server ----

function drawServer(shown) {
  const server = shown.server;
  const parts = [];
  if (server == null) {
    parts.push(heading(words("server"), "", "detached"), element("p", { class: "dead" }, words("dead")));
  } else {
    const under = `${words("life")} ${server.life}${server.drained ? ` · ${words("drained")}` : server.draining ? ` · ${words("draining")}` : ""}`;
    parts.push(heading(words("server"), under, server.draining ? "draining" : "attached"));
    parts.push(element("h4", {}, words("handlers")));
    parts.push(server.handlers.length ? element("ul", { class: "handlers" }, server.handlers.map((handler) => {
      const part = Math.max(0, Math.min(1, (shown.now - handler.began) / Math.max(1, handler.returns - handler.began)));
      return element("li", {}, element("code", {}, callText(shown, handler.call) ?? handler.method), element("progress", { value: part, max: 1, "aria-label": handler.method }));
    })) : element("p", { class: "muted" }, words("noHandler")));
    const rows = server.sessions.flatMap((session) => session.records.map((record) => element("tr", { class: record.state.replace(" ", "-") },
      element("td", {}, session.client == null ? session.id : clientName(session.client)), element("td", {}, String(record.slot)),
      element("td", {}, String(record.last)), element("td", {}, words(record.state === "kept" ? "isKept" : record.state)), element("td", {}, record.kept == null ? "" : element("code", {}, record.kept)))));
    parts.push(element("h4", {}, words("records")));
    parts.push(rows.length ? table([words("session"), words("slot"), words("last"), words("state"), words("kept")], rows, "records") : element("p", { class: "muted" }, words("noRecords")));
  }
  const store = shown.store.map(([key, text]) => `${key} = ${text}`).join(", ");
  const disk = element("section", { class: "card disk", "aria-label": words("store") },
    element("h4", {}, words("store")), element("p", { id: "store", class: store ? "text-of-store" : "muted" }, store || words("storeEmpty")),
    element("h4", {}, words("ran")), shown.ran.length ? element("p", { id: "ran" }, shown.ran.map((value) => element("span", { class: "chip" }, value))) : element("p", { id: "ran", class: "muted" }, words("nothingRan")));
  $("server-column").replaceChildren(element("section", { class: `card server ${server ? "" : "gone"}`, "aria-label": words("server") }, parts), disk);
}

function callText(shown, number) {
  return shown.clients.flatMap((client) => client.calls).find((call) => call.number === number)?.text;
}

// ---- the frames between them ----

const frameName = (frame) => {
  const kind = frame.kind === "end" ? words("end") : frame.kind;
  return frame.slot == null ? kind : `${kind} ${frame.slot}/${frame.seq}`;
};

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Places the frames of each lane and direction so that none covers another.
function rowsOf(frames) {
  const rows = new Map();
  for (const key of new Set(frames.map((frame) => `${frame.client}${frame.to_server}`))) {
    const lane = frames.filter((frame) => `${frame.client}${frame.to_server}` === key).sort((a, b) => a.way - b.way);
    const ends = [];
    for (const frame of lane) {
      let row = ends.findIndex((end) => frame.way - end > 330);
      if (row < 0) row = ends.length;
      ends[row] = frame.way;
      rows.set(frame.id, row);
    }
  }
  return rows;
}

function drawWire(shown, before, selected, select) {
  const wire = $("wire");
  wire.className = shown.split ? "is-split" : "";
  const rows = rowsOf(shown.frames);
  const most = Math.max(0, ...rows.values());
  if (wire.children.length !== shown.clients.length || !wire.querySelector(".lane")) {
    wire.replaceChildren(...shown.clients.map((_, client) => element("div", { class: "lane", "data-client": client },
      element("span", { class: "lane-name" }, clientName(client)), element("span", { class: "rail up" }), element("span", { class: "rail down" }), element("div", { class: "frames" }))));
  }
  for (const [client, lane] of [...wire.children].entries()) {
    lane.style.setProperty("--rows", most + 1);
    lane.querySelector(".lane-name").textContent = clientName(client);
  }
  const known = new Map([...wire.querySelectorAll(".frame:not(.leaves)")].map((one) => [one.dataset.frame, one]));
  const place = (one, frame, way) => {
    const share = (frame.to_server ? way : 1000 - way) / 1000;
    one.style.setProperty("--way", share);
    one.style.setProperty("--row", rows.get(frame.id) ?? 0);
  };
  for (const frame of shown.frames) {
    let one = known.get(frame.id);
    known.delete(frame.id);
    const isNew = !one;
    if (isNew) {
      one = element("button", { "data-frame": frame.id, onclick: () => select(frame.id) });
      const lane = wire.children[frame.client ?? 0];
      (lane ?? wire.children[0]).querySelector(".frames").append(one);
      place(one, frame, still() ? frame.way : 0);
    }
    one.className = `frame ${frame.kind.toLowerCase()} ${frame.to_server ? "up" : "down"}${frame.held ? " held" : ""}${frame.copy ? " copy" : ""}${frame.changed ? " changed" : ""}${selected === frame.id ? " selected" : ""}`;
    one.setAttribute("aria-pressed", selected === frame.id);
    one.title = frame.says;
    one.replaceChildren(element("b", {}, frameName(frame)), element("span", {}, [frame.copy && words("copy"), frame.changed && words("changed"), frame.held && words("held")].filter(Boolean).join(" · ") || frame.says));
    if (isNew && !still()) { one.getBoundingClientRect(); }
    place(one, frame, frame.way);
  }
  leave(known, shown, place);
  const note = shown.split ? words("isSplit") : shown.frames.length === 0 ? words(shown.quiet ? "quiet" : "nothingFlies") : "";
  $("clock").replaceChildren(element("span", { class: "time" }, seconds(shown.now)), " ", element("span", { class: "muted" }, note));
}

// Frames that are on their way no longer: they arrive, or they are lost. What was sent and delivered in one step is not shown.
function leave(gone, shown, place) {
  const last = shown.log.at(-1) ?? [];
  for (const [id, one] of gone) {
    const event = last.find((event) => event.frame?.id === id && (event.what === "delivered" || event.what === "dropped"));
    if (still() || !event) { one.remove(); continue; }
    one.classList.remove("selected");
    one.classList.add("leaves", event.what);
    one.tabIndex = -1;
    if (event.what === "delivered") place(one, { id, to_server: event.frame.to_server }, 1000);
    setTimeout(() => one.remove(), 700);
  }
}

// ---- the list of what has happened ----

function eventText(event, shown) {
  const named = event.frame?.kind === "end" ? words("endOf") : event.frame && frameName(event.frame);
  const frame = event.frame && `${named}${event.frame.says ? ` ${event.frame.says}` : ""}`;
  const toServer = event.frame?.to_server;
  return words(`e:${event.what}`, {
    client: clientName(event.client),
    call: callText(shown, event.call) ?? event.more,
    frame,
    who: toServer ? clientName(event.client) : words("theServer"),
    to: toServer ? words("theServer") : clientName(event.client),
    more: words(event.more ?? ""),
  });
}

function drawLog(shown, jump) {
  const jumps = (click, index) => element("button", { class: "click", onclick: () => jump(index + 1), "aria-current": index + 1 === shown.at ? "step" : null }, words(`c:${click[0]}`));
  const done = shown.clicks.slice(0, shown.at).map((click, index) => {
    const events = shown.log[index];
    const name = jumps(click, index);
    const lines = events.length ? events.map((event) => element("span", { class: `event e-${event.what}` }, eventText(event, shown))) : [element("span", { class: "event muted" }, words(WORDS[`f:${click[0]}`] ? `f:${click[0]}` : "nothing"))];
    return element("li", { class: index + 1 === shown.at ? "now" : "" }, name, element("span", { class: "when" }, events[0] ? seconds(events[0].at) : ""), element("div", {}, lines));
  });
  const ahead = shown.clicks.map(jumps).slice(shown.at);
  const rest = ahead.length ? element("li", { class: "ahead" }, element("span", { class: "muted" }, words("ahead")), element("div", { class: "row" }, ahead)) : null;
  $("log").replaceChildren(...[...done, rest].filter(Boolean));
  const now = $("log").querySelector(".now");
  if (now) $("log").scrollTop = Math.max(0, (now.previousElementSibling ?? now).offsetTop - $("log").offsetTop);
}
