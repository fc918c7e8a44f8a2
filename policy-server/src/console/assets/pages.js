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
