// Signing in at a real identity provider, as somebody who is not linked yet and then as somebody who is.
import { execFileSync } from "node:child_process";
import { request } from "node:https";
import { at, browser, inspect, inspectBoth, must, page, press, say, tabTo, to, told } from "./people.mjs";

const button = "form[action='/console/sign-in/provider'] button";

// Out to the provider; by keyboard, as all that is asked of a person is a button and a name.
async function leave() {
  await to("/console/sign-in");
  await press(button);
}

// What the door of devices answers to a browser.
function deviceDoor(path) {
  const to = { host: "127.0.0.1", port: told.devicePort, path, rejectUnauthorized: false };
  return new Promise((done, fail) => {
    request(to, (answer) => { answer.resume(); done(answer.statusCode); }).on("error", fail).end();
  });
}

try {
  must("devices come in there", (await deviceDoor("/healthz")) === 200);
  must("the console does not", (await deviceDoor("/console/sign-in")) >= 400);
  say({ step: "a-door-of-its-own" });
  await to("/console/sign-in");
  await inspectBoth("sign-in-provider");
  await leave();
  await page.waitForSelector("input[name=login]");
  must("at the provider", new URL(page.url()).origin === told.issuer);
  await tabTo("input[name=login]");
  await page.keyboard.type(told.subject);
  await page.fill("input[name=password]", "x");
  await page.keyboard.press("Enter");
  // The provider's own question.
  await page.waitForSelector("button[autofocus]");
  await page.keyboard.press("Enter");
  await at("/console/sign-in/provider/back");
  must("it tells what to give to an admin", (await page.textContent("main")).includes(told.subject));
  await inspect("provider-unlinked-ja");
  await to("/console");
  must("still outside", new URL(page.url()).pathname === "/console/sign-in");
  say({ step: "unlinked-refused" });

  const link = ["console", "identity", "link", "admin", told.subject, "--data", told.data];
  execFileSync(told.program, link, { stdio: "pipe" });
  await leave();
  await at("/console");
  must("signed in", (await page.textContent(".me")).includes("admin"));
  say({ step: "signed-in" });
  await to("/console/provider");
  await inspectBoth("provider");
  await to("/console/notices");
  await inspectBoth("notices");
  say({ step: "settings" });

  const unlink = ["console", "identity", "unlink", "admin", told.subject, "--data", told.data];
  execFileSync(told.program, unlink, { stdio: "pipe" });
  await to("/console");
  must("outside at once", new URL(page.url()).pathname === "/console/sign-in");
  say({ step: "unlinked" });
} catch (error) {
  say({ fault: `${error.stack} at ${page.url()}` });
}
await browser.close();
