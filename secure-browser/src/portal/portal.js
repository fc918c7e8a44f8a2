// The portal's own script: passes wishes to the shell, asks it which tiles a search finds. Holds no data.
"use strict";

const wish = (message) => window.ipc.postMessage(JSON.stringify(message));

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const message = { do: button.dataset.do };
  if (message.do === "open") message.id = button.dataset.id;
  if (message.do === "language") message.lang = button.dataset.lang;
  wish(message);
});

// A notice goes at its end, and with the last one their heading.
const news = document.querySelector(".news");
function look() {
  const now = Date.now() / 1000;
  for (const item of news.querySelectorAll("[data-until]")) item.hidden = now >= Number(item.dataset.until);
  news.hidden = !news.querySelector("[data-until]:not([hidden])");
}
if (news) setInterval(look, 30000);

const query = document.getElementById("query");
if (query) {
  const own = document.getElementById("own");
  const near = document.getElementById("near");
  const nearList = near.querySelector("ul");
  const none = document.getElementById("none");
  const tiles = new Map([...own.children].map((item) => [item.dataset.id, item]));
  const chips = [...document.querySelectorAll(".chip")];
  let area = "";
  let asked = 0;

  const show = (lines) => {
    own.replaceChildren();
    nearList.replaceChildren();
    for (const line of lines) {
      const gap = line.indexOf(" ");
      const item = tiles.get(line.slice(gap + 1));
      if (item) (line.slice(0, gap) === "near" ? nearList : own).append(item);
    }
    near.hidden = nearList.children.length === 0;
    none.hidden = tiles.size === 0 || lines.length > 0;
  };

  const search = async () => {
    const turn = ++asked;
    const wanted = new URLSearchParams({ query: query.value, area });
    const answer = await fetch("/find?" + wanted);
    const text = await answer.text();
    // Answers may overtake each other; only the last question counts.
    if (turn === asked) show(text.split("\n").filter(Boolean));
  };

  query.addEventListener("input", search);
  query.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = own.querySelector("button.tile");
    if (first && query.value) first.click();
  });
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      area = chip.dataset.area;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      search();
    });
  }
  query.focus();
}
