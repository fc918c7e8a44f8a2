// The site tells its own server what happens on its pages, so that a test can point, click and check without guessing:
// where the named parts of the page are, where the pointer is, what was copied.
(() => {
  const named = {
    user: 'input[name="jid"]',
    password: 'input[name="password"]',
    message: 'textarea.chat-textarea',
    latest: '.chat-msg:last-of-type .chat-msg__text',
  };
  const page = Math.random().toString(36).slice(2);
  const send = (what, fields) =>
    fetch('/seen?' + new URLSearchParams({ what, page, ...fields }), { cache: 'no-store' }).catch(() => {});

  const spots = () => {
    const found = [...document.querySelectorAll('[data-spot]')].map((part) => [part.dataset.spot, part]);
    for (const [name, selector] of Object.entries(named)) {
      const parts = document.querySelectorAll(selector);
      if (parts.length) found.push([name, parts[parts.length - 1]]);
    }
    return found;
  };
  // What a field holds; of a password only how long it is.
  const words = (part) =>
    part.type === 'password' ? '*'.repeat(part.value.length) : (part.value ?? part.textContent).trim();
  const told = new Map();
  const look = () => {
    for (const [name, part] of spots()) {
      const box = part.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      const x = Math.round(box.x + box.width / 2);
      const y = Math.round(box.y + box.height / 2);
      const focus = document.activeElement === part ? 1 : 0;
      const text = words(part).slice(0, 60);
      const now = [x, y, focus, text].join();
      // Tell a place only when it has stopped moving.
      if (told.get(name)?.seen === now && told.get(name).sent !== now) {
        send('spot', { name, x, y, focus, text });
        told.set(name, { seen: now, sent: now });
      } else if (told.get(name)?.seen !== now) {
        told.set(name, { ...told.get(name), seen: now });
      }
    }
  };
  setInterval(look, 100);

  // Only where the pointer came to, not every place on its way.
  let pointer = null;
  addEventListener('mousemove', (event) => { pointer = { x: event.clientX, y: event.clientY }; }, true);
  setInterval(() => {
    if (pointer) send('pointer', pointer);
    pointer = null;
  }, 50);
  for (const what of ['copy', 'cut', 'paste']) {
    document.addEventListener(what, () => send(what, { text: String(getSelection()) }), true);
  }
  document.addEventListener('click', (event) => {
    const part = event.target.closest?.('[data-spot]');
    if (part) send('click', { name: part.dataset.spot });
  }, true);
})();
