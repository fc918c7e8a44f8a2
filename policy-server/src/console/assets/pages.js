// Looks at words while they are typed: the form's part [data-check] answers with what the engine says of them.
function check() {
  const form = document.querySelector("form[data-check]");
  if (!form) return;
  let waiting = 0;
  let asked = 0;
  async function look() {
    const mine = ++asked;
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.check, { method: "POST", body });
    if (!answer.ok || mine !== asked) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("findings");
    if (fresh) document.getElementById("findings").innerHTML = fresh.innerHTML;
  }
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => look().catch(() => {}), 400);
  });
}

check();

// Puts a chosen file where its words could be pasted; one that is no text goes in base64.
function choose() {
  const part = document.querySelector("[data-choose]");
  if (!part) return;
  const [input, words] = [part.querySelector("input"), document.getElementById(part.dataset.choose)];
  part.hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file || file.size > 4 << 20) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    try {
      words.value = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      words.value = "base64:" + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }
  });
}

choose();
