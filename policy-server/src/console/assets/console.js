// Makes pages better, never possible: all but passkeys works without it.
"use strict";

// Keeps every [data-live] part of the page up to date: when the server says that something changed, the page is
// fetched anew and the parts that differ are put in, unless the person is in the middle of one.
function live() {
  if (!document.querySelector("[data-live]")) return;
  const source = new EventSource("/console/live");
  let running = false;
  let again = false;
  async function look() {
    if (running) { again = true; return; }
    running = true;
    do {
      again = false;
      const answer = await fetch(location.href, { headers: { "x-quiet": "1" } });
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } while (again);
    running = false;
  }
  source.addEventListener("change", () => look().catch(() => { running = false; }));
}

function swap(fresh) {
  for (const held of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(held.id);
    const busy = held.contains(document.activeElement);
    if (next && !busy && next.innerHTML !== held.innerHTML) held.innerHTML = next.innerHTML;
  }
}

live();
