// The playground: a trait on the left, on the right the stubs that the macro writes for it, or its messages.
"use strict";

const playground = (() => {
  const EXAMPLE = `use rpc_core::rpc;

/// Texts under keys.
#[rpc]
pub trait Kv {
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Option<String>;
    fn append(&self, key: &str, value: &str);
}
`;
  let waiting, turn = 0;

  async function expand() {
    const mine = ++turn;
    const answer = await host.ask(["expand"], $("trait").value);
    if (mine !== turn) return; // the reader has typed on
    $("messages").replaceChildren(...(answer.messages ?? []).map((message) => element("li", {},
      element("button", { class: "quiet", onclick: () => place(message) }, `${message.line}:${message.column}`), " ", message.text)));
    $("stubs").classList.toggle("old", answer.stubs === "");
    if (answer.stubs) $("stubs").textContent = answer.stubs;
    document.body.dataset.expanded = mine;
  }

  // Moves the cursor to the place of a message.
  function place({ line, column }) {
    const lines = $("trait").value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
    $("trait").focus();
    $("trait").setSelectionRange(at, at + 1);
  }

  function begin() {
    if ($("trait").value === "") $("trait").value = EXAMPLE;
    $("trait").oninput = () => { clearTimeout(waiting); waiting = setTimeout(() => expand().catch(showProblem), 150); };
    return expand();
  }

  return { begin };
})();
