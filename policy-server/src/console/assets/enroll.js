// Turns what stands behind the # of the address into the link that the browser's program opens. The server never sees
// it, and it does not stay in the address.
"use strict";

const secret = location.hash.slice(1);
if (/^h=[\w.:%[\]-]+(&[pric]=[\w-]+){4}$/.test(secret)) {
  const link = "secure-workspace://enroll?" + secret;
  document.querySelector("[data-link]").value = link;
  document.querySelector("[data-open]").href = link;
  document.querySelector("[data-command]").textContent = "secure-browser enroll '" + link + "'";
  document.querySelector("[data-ready]").hidden = false;
  document.querySelector("[data-unready]").hidden = true;
  // The other language comes back to this page; browsers carry what stands behind the # over such a way.
  document.querySelector("form").action += "#" + secret;
  history.replaceState(null, "", location.pathname);
  document.querySelector("[data-copy]").addEventListener("click", async (event) => {
    await navigator.clipboard.writeText(link);
    event.target.textContent = event.target.dataset.copied;
  });
}
