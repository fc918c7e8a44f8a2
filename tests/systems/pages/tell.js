// A page of a stand-in tells its own server what a person would see: where the named parts of the page are, where the
// pointer is, what happened. `spots` may name parts by selectors where a page has no marks of its own.
(() => {
  const own = location.hostname.split('.')[0];
  window.tell = (what, text = '') =>
    fetch(`/told/${own}/${what}/${encodeURIComponent(text)}`, { cache: 'no-store' }).catch(() => {});
  window.hand = (what, body) => fetch(`/told/${own}/${what}`, { method: 'POST', body });

  const parts = () => {
    const marked = [...document.querySelectorAll('[data-spot]')].map((part) => [part.dataset.spot, part]);
    const named = Object.entries(window.spots ?? {}).map(([name, selector]) => [name, document.querySelector(selector)]);
    return [...marked, ...named].filter(([, part]) => part);
  };
  const seen = new Map();
  const sent = new Map();
  const look = () => {
    for (const [name, part] of parts()) {
      const box = part.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      const focus = document.activeElement === part ? 1 : 0;
      const middle = [box.x + box.width / 2, box.y + box.height / 2, box.width, box.height].map(Math.round);
      const now = `${name}:${middle.join()},${focus}`;
      // Only what has stopped moving.
      if (seen.get(name) === now && sent.get(name) !== now) {
        tell('spot', now);
        sent.set(name, now);
      }
      seen.set(name, now);
    }
  };
  setInterval(look, 100);

  let pointer = null;
  addEventListener('mousemove', (event) => { pointer = `${event.clientX},${event.clientY}`; }, true);
  setInterval(() => {
    if (pointer) tell('pointer', pointer);
    pointer = null;
  }, 50);
  for (const what of ['copy', 'dragstart']) {
    addEventListener(what, () => tell(what, String(getSelection())), true);
  }
})();
