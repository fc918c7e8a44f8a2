// Makes pages better, never possible: all but passkeys works without it.
"use strict";

// Keeps every [data-live] part of the page up to date: when the server says that something changed, the page is
// fetched anew and the parts that differ are put in, unless the person is in the middle of one.
function live() {
  if (!document.querySelector("[data-live]")) return;
  let source = null;
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
  const soon = () => look().catch(() => { running = false; });
  // The server's counts may be two seconds old: what came within them is seen by a second look.
  let later = 0;
  function changed() {
    soon();
    clearTimeout(later);
    later = setTimeout(soon, 3000);
  }
  // Only the window that is seen holds a stream: browsers allow few connections to one server.
  function follow() {
    if (document.hidden) {
      if (source) source.close();
      source = null;
    } else if (!source) {
      source = new EventSource("/console/live");
      // What changed before the stream was there would be missed.
      source.addEventListener("open", changed);
      source.addEventListener("change", changed);
    }
  }
  document.addEventListener("visibilitychange", () => { follow(); if (!document.hidden) soon(); });
  follow();
}

function swap(fresh) {
  for (const held of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(held.id);
    const busy = held.contains(document.activeElement);
    if (next && !busy && next.innerHTML !== held.innerHTML) held.innerHTML = next.innerHTML;
  }
}

live();

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes || []))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// Sends JSON with the page's forgery token; a refusal comes back as a sentence to show.
async function send(path, body) {
  const csrf = document.querySelector("meta[name=csrf]").content;
  const headers = { "content-type": "application/json", accept: "application/json", "x-csrf": csrf };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.sentence);
  return said;
}

async function makePasskey(button) {
  const asked = await send(button.dataset.base + "/begin", {});
  const key = asked.publicKey;
  key.challenge = toBytes(key.challenge);
  key.user.id = toBytes(key.user.id);
  for (const held of key.excludeCredentials) held.id = toBytes(held.id);
  const made = await navigator.credentials.create({ publicKey: key });
  const label = document.getElementById(button.dataset.label);
  return send(button.dataset.base + "/finish", {
    ceremony: asked.ceremony,
    label: label ? label.value : "",
    client_data: toText(made.response.clientDataJSON),
    attestation: toText(made.response.attestationObject),
  });
}

async function usePasskey(button) {
  const asked = await send(button.dataset.base + "/begin", {});
  asked.publicKey.challenge = toBytes(asked.publicKey.challenge);
  const given = await navigator.credentials.get({ publicKey: asked.publicKey });
  return send(button.dataset.base + "/finish", {
    ceremony: asked.ceremony,
    id: toText(given.rawId),
    user: toText(given.response.userHandle),
    next: button.dataset.next,
    client_data: toText(given.response.clientDataJSON),
    authenticator_data: toText(given.response.authenticatorData),
    signature: toText(given.response.signature),
  });
}

function passkeys() {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const trouble = button.parentElement.querySelector("[data-trouble]");
    button.addEventListener("click", async () => {
      button.disabled = true;
      trouble.hidden = true;
      try {
        const said = await (button.dataset.passkey === "create" ? makePasskey(button) : usePasskey(button));
        location.assign(said.next);
      } catch (error) {
        // What the browser itself says of a passkey is in its own words and language; ours is one sentence.
        const own = error instanceof DOMException || error instanceof TypeError;
        trouble.textContent = own ? button.dataset.failed : error.message;
        trouble.hidden = false;
        button.disabled = false;
      }
    });
  }
}

function printing() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}

passkeys();
printing();
