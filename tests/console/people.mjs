// People at their browsers: who acts now, how a page is looked at, by eye, by axe and by keyboard.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const told = JSON.parse(process.argv[2]);
const axe = readFileSync(join(told.home, "node_modules/axe-core/axe.min.js"), "utf8");
export const say = (line) => console.log(JSON.stringify(line));
export const must = (what, held) => { if (!held) throw new Error(what); };

export const browser = await chromium.launch({
  executablePath: told.chromium,
  args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP ${told.host} 127.0.0.1`],
});

// One person at one browser, which has an authenticator in it.
export async function person() {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: "ja-JP",
    // Colours that are still on their way from one to the other cannot be judged.
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(60000);
  const page = await context.newPage();
  page.on("pageerror", (error) => say({ fault: `script: ${error.message}` }));
  page.on("console", (line) => { if (/Content Security Policy/.test(line.text())) say({ fault: line.text() }); });
  page.on("response", (answer) => { if (answer.status() >= 500) say({ fault: `${answer.status()}: ${answer.url()}` }); });
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  return { page, devtools };
}

export const first = await person();
export const second = await person();
// Whoever acts now.
export let { page, devtools } = first;
export const become = (who) => { ({ page, devtools } = who); };

export async function newAuthenticator() {
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  return (await devtools.send("WebAuthn.addVirtualAuthenticator", { options })).authenticatorId;
}

// A page as it stands now: nothing serious for axe, nothing wider than the screen.
async function look(name, width) {
  const options = JSON.stringify({ resultTypes: ["violations"] });
  const { violations } = await page.evaluate(`if (!window.axe) { ${axe} }; axe.run(document, ${options})`);
  for (const one of violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
    say({ fault: `axe: ${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`, page: name });
  }
  const wide = await page.evaluate("document.documentElement.scrollWidth");
  if (wide > width) say({ fault: `${wide} px wide on ${width}`, page: name });
  if (told.shots) await page.screenshot({ path: join(told.shots, `${name}.png`), fullPage: true });
}

// On a desk and on a phone, in the light and in the dark.
export async function inspect(name) {
  for (const [size, width, height] of [["phone", 390, 844], ["desktop", 1280, 900]]) {
    await page.setViewportSize({ width, height });
    await look(`${name}-${size}-light`, width);
    await page.emulateMedia({ colorScheme: "dark" });
    await look(`${name}-${size}-dark`, width);
    await page.emulateMedia({ colorScheme: "light" });
  }
}

export async function inspectBoth(name) {
  await inspect(`${name}-ja`);
  await page.click("button[lang=en]");
  await page.waitForSelector("html[lang=en]");
  await inspect(`${name}-en`);
  await page.click("button[lang=ja]");
  await page.waitForSelector("html[lang=ja]");
}

export const at = (path) => page.waitForURL((url) => url.pathname === path);
export const clickPasskey = () => page.click("[data-passkey]");

export const to = (path) => page.goto(new URL(path, told.link).href);

// Goes on with the Tab key until the focus is where it should be, as somebody without a mouse does.
export async function tabTo(selector) {
  for (let stops = 0; stops < 200; stops++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not come to ${selector}`);
}

export async function press(selector) {
  await tabTo(selector);
  await page.keyboard.press("Enter");
}
