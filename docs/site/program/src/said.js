// What the page says, read off what it shows: for the check that compares it with the program.
(() => {
  const cells = (row) => [...row.cells].map((cell) => cell.innerText.trim());
  return {
    hash: document.body.dataset.hash,
    at: Number(document.body.dataset.at),
    filter: document.getElementById("filter").checked,
    serves: document.querySelector(".server .dead") === null,
    store: document.getElementById("store").classList.contains("muted") ? "" : document.getElementById("store").innerText,
    ran: [...document.querySelectorAll("#ran .chip")].map((chip) => chip.innerText),
    records: [...document.querySelectorAll(".records tbody tr")].map(cells).map(([, slot, last, state, kept]) => [slot, last, state, kept]),
    slots: [...document.querySelectorAll(".slots tbody tr")].map(cells).map(([slot, last, use]) => [slot, last, use]),
    calls: [...document.querySelectorAll(".calls li")].map((call) => [call.dataset.call, call.querySelector("code").innerText, call.querySelector(".verdict").innerText]),
    frames: [...document.querySelectorAll(".frame")].map((frame) => frame.dataset.frame).sort(),
  };
})()
