// Opens a frame: each byte in the colour of its field, as the decoder reads it; a changed byte is judged by the decoder.
"use strict";

const bytesView = (() => {
  let frame, bytes, chosen, first = null;

  function open(one, act) {
    if (frame?.id !== one.id) { bytes = one.bytes.match(/../g) ?? []; chosen = null; first = null; }
    frame = one;
    draw(act);
  }

  function close() {
    frame = null;
    $("opened").hidden = true;
  }

  async function draw(act) {
    const opened = await host.ask(["frame", bytes.join("")]);
    if (!frame) return;
    const original = frame.bytes.match(/../g) ?? [];
    const changes = bytes.flatMap((byte, at) => (byte === original[at] ? [] : [at]));
    const fieldAt = (at) => opened.fields.findIndex((field) => at >= field.from && at < field.to);
    const cells = bytes.map((byte, at) => {
      const field = fieldAt(at);
      return element("button", {
        class: `byte field-${field}${changes.includes(at) ? " changed" : ""}${chosen === at ? " chosen" : ""}`,
        title: field < 0 ? "" : opened.fields[field].name, "data-at": at, "aria-pressed": chosen === at,
        onclick: () => { chosen = at; first = null; draw(act).then(() => $("opened").querySelector(".chosen")?.focus()); },
        onkeydown: (event) => type(event, at, act),
      }, byte);
    });
    const fields = opened.fields.map((field, index) => element("tr", {},
      element("td", {}, element("span", { class: `byte field-${index}` }, `${field.from}..${field.to}`)), element("th", { scope: "row" }, field.name), element("td", {}, field.value)));
    const judgement = opened.refused
      ? element("p", { class: "judgement refused", id: "judgement" }, `${words("refusedBytes")} ${opened.refused}`)
      : element("p", { class: "judgement accepted", id: "judgement" }, words("accepted"));
    const one = changes.length === 1 ? changes[0] : null;
    $("opened").replaceChildren(...[
      element("div", { class: "card-head" }, element("h3", {}, `${words("bytesOf")} ${frameName(frame)}`), element("button", { class: "quiet", onclick: close }, words("close"))),
      element("div", { class: "bytes", role: "group", "aria-label": words("bytes") }, cells),
      judgement, element("p", { class: "muted" }, words("changeByte")),
      one == null ? null : element("button", { id: "send-changed", onclick: () => { const click = `y${frame.id}-${one}-${bytes[one]}`; close(); act(click); } }, words("sendChanged")),
      element("table", { class: "fields" }, element("tbody", {}, fields)),
    ].filter(Boolean));
    $("opened").hidden = false;
  }

  // Two hexadecimal digits replace a byte; arrows move.
  function type(event, at, act) {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 16, ArrowUp: -16 }[event.key];
    if (move) {
      event.preventDefault(); event.stopPropagation();
      $("opened").querySelector(`[data-at="${at + move}"]`)?.focus();
      return;
    }
    if (!/^[0-9a-fA-F]$/.test(event.key) || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); event.stopPropagation();
    if (first?.at !== at) { first = { at, digit: event.key.toLowerCase() }; return; }
    bytes[at] = first.digit + event.key.toLowerCase();
    first = null;
    chosen = at;
    draw(act).then(() => $("opened").querySelector(".chosen")?.focus());
  }

  return { open, close, frame: () => frame?.id };
})();
