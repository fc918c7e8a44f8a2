// A person's walk through the console. Prints a JSON line for each step that held and each fault of a page.
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const told = JSON.parse(process.argv[2]);
const axe = readFileSync(join(told.home, "node_modules/axe-core/axe.min.js"), "utf8");
const say = (line) => console.log(JSON.stringify(line));
const must = (what, held) => { if (!held) throw new Error(what); };

const context = await chromium.launchPersistentContext(join(told.home, "profile"), {
  executablePath: told.chromium,
  args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP ${told.host} 127.0.0.1`],
  viewport: { width: 1280, height: 900 },
  locale: "ja-JP",
  // Colours that are still on their way from one to the other cannot be judged.
  reducedMotion: "reduce",
});
context.setDefaultTimeout(60000);
const page = context.pages()[0] ?? (await context.newPage());
page.on("pageerror", (error) => say({ fault: `script: ${error.message}` }));
page.on("console", (line) => { if (/Content Security Policy/.test(line.text())) say({ fault: line.text() }); });
page.on("response", (answer) => { if (answer.status() >= 500) say({ fault: `${answer.status()}: ${answer.url()}` }); });
const devtools = await context.newCDPSession(page);
await devtools.send("WebAuthn.enable");

async function newAuthenticator() {
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  return (await devtools.send("WebAuthn.addVirtualAuthenticator", { options })).authenticatorId;
}

// A page as it stands now: nothing serious for axe, nothing wider than the screen.
async function look(name, width, scope) {
  const options = JSON.stringify({ resultTypes: ["violations"], ...scope });
  const { violations } = await page.evaluate(`if (!window.axe) { ${axe} }; axe.run(document, ${options})`);
  for (const one of violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
    say({ fault: `axe: ${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`, page: name });
  }
  const wide = await page.evaluate("document.documentElement.scrollWidth");
  if (wide > width) say({ fault: `${wide} px wide on ${width}`, page: name });
  if (told.shots) await page.screenshot({ path: join(told.shots, `${name}.png`), fullPage: true });
}

// On a desk and on a phone, in the light and in the dark, where nothing but colours is another.
async function inspect(name) {
  const dark = { runOnly: { type: "rule", values: ["color-contrast"] } };
  for (const [size, width, height] of [["phone", 390, 844], ["desktop", 1280, 900]]) {
    await page.setViewportSize({ width, height });
    await look(`${name}-${size}-light`, width, {});
    await page.emulateMedia({ colorScheme: "dark" });
    await look(`${name}-${size}-dark`, width, dark);
    await page.emulateMedia({ colorScheme: "light" });
  }
}

async function inspectBoth(name) {
  await inspect(`${name}-ja`);
  await page.click("button[lang=en]");
  await page.waitForSelector("html[lang=en]");
  await inspect(`${name}-en`);
  await page.click("button[lang=ja]");
  await page.waitForSelector("html[lang=ja]");
}

const at = (path) => page.waitForURL((url) => url.pathname === path);
const clickPasskey = () => page.click("[data-passkey]");

const to = (path) => page.goto(new URL(path, told.link).href);

async function invite(person) {
  await page.fill("#person", person);
  await page.click("button.main");
  await page.waitForSelector("svg.qr");
  return (await page.textContent("#invitation")).trim();
}

// The real program of a device; the test's host has no name here but in Chromium, and devices go by the pinned key.
function enroll(number, link, name) {
  const here = link.replace(told.host, "127.0.0.1");
  const [program, ...first] = told.browser;
  const args = ["enroll", here, "--pin-stdin", "--json", "--name", name, "--profile", join(told.devices, `${number}`)];
  const env = { ...process.env, HOME: told.devices, TMPDIR: told.devices, XDG_RUNTIME_DIR: told.devices };
  execFileSync(program, [...first, ...args], { cwd: told.devices, env, input: "493817\n", stdio: "pipe" });
}

// What an admin does with the devices, and each page that shows them.
async function devicePages() {
  await to("/console/devices");
  must("three devices", (await page.locator("#rows tr").count()) === 3);
  await inspectBoth("devices");
  await page.locator("#rows a", { hasText: "貸出機" }).click();
  await page.fill("#borrower", "田中 一郎");
  await page.click("form[action$='/lend'] button");
  await page.waitForSelector("form[action$='/take-back']");
  await to("/console/devices");
  await page.locator("#rows a", { hasText: "佐藤" }).click();
  await page.click("form[action$='/lock'] button");
  await page.waitForSelector("form[action$='/release']");
  await inspectBoth("device");
  await page.click("a[href$='/wipe']");
  await page.fill("#label", "ほかの端末");
  await page.click("button.danger");
  must("a wipe of another name is refused", await page.isVisible("#label-fault"));
  await inspect("wipe-ja");
  await to("/console/devices");
  await page.check("#rows tr:first-child input");
  await page.click("form[action='/console/devices/many'] button");
  await at("/console/devices/many");
  await inspectBoth("many");
  await to("/console/lending");
  must("the loan is in the book", (await page.textContent("#loans")).includes("田中 一郎"));
  await inspectBoth("lending");
}

async function policyPages() {
  await to("/console/policies");
  await inspectBoth("policies");
  await page.click("#groups a[href^='/console/policy/']");
  await page.fill("#url", "https://www.medical-care.net/");
  await page.click("form.find button");
  await page.waitForSelector("form.find + .note");
  await inspectBoth("policy");
  await page.click("form[action$='/draft'] button");
  await page.waitForSelector("#toml");
  await inspectBoth("text");
  await to("/console/learning");
  await inspectBoth("learning");
}

async function recordPages() {
  await to("/console/audit");
  await inspectBoth("audit");
  await page.click("input[name=verify] + button");
  await page.waitForSelector(".note.good[role=status]");
  await to("/console/evidence");
  await inspectBoth("evidence");
  const saved = page.waitForEvent("download");
  await page.click("a[href$='devices.csv']");
  await (await saved).saveAs(join(told.home, "devices.csv"));
  must("the ledger names the devices", readFileSync(join(told.home, "devices.csv"), "utf8").includes("貸出機"));
  for (const name of ["ledger", "review", "sheet"]) {
    await to(`/console/evidence/${name}`);
    await inspectBoth(`evidence-${name}`);
  }
}

async function staffPages(invitation) {
  await to("/enroll");
  must("no invitation, no button", !(await page.isVisible("[data-open]")));
  await to("/enroll/seen");
  await inspectBoth("seen");
  await to(`/enroll#${invitation.split("?")[1]}`);
  await inspectBoth("enroll");
  must("the link opens the program", (await page.getAttribute("[data-open]", "href")) === invitation);
  must("the code does not stay in the address", !page.url().includes("#"));
}

async function signOut() {
  await page.click("form[action='/console/sign-out'] button");
  await at("/console/sign-in");
}

try {
  let authenticator = await newAuthenticator();
  await page.goto(told.link);
  await inspectBoth("start");
  say({ step: "link" });
  await page.fill("#label", "事務所のPC");
  await clickPasskey();
  await at("/console/setup/recovery");
  await inspectBoth("setup-recovery");
  say({ step: "passkey" });

  await page.click("form[action='/console/setup/recovery'] button");
  await page.waitForSelector("#code");
  const code = (await page.textContent("#code")).trim();
  must("a code of five groups", /^([A-Z2-9]{5}-){4}[A-Z2-9]{5}$/.test(code));
  await inspect("sheet-ja");
  await page.click("a.main");
  await at("/console/setup/systems");
  say({ step: "sheet" });

  await inspectBoth("systems");
  await page.check("input[name=use-mcs]");
  await page.check("input[name=use-orthanc]");
  await page.click("button.main");
  must("a missing host is told beside its field", await page.isVisible("#fault-orthanc"));
  must("the choice is kept", await page.isChecked("input[name=use-mcs]"));
  await page.fill("#host-orthanc", "orthanc.kango.jp");
  await page.click("button.main");
  await at("/console/setup/boundary");
  say({ step: "systems" });

  await inspectBoth("boundary");
  const saved = page.waitForEvent("download");
  await page.click("a[download]");
  await (await saved).saveAs(join(told.home, "boundary.toml"));
  const run = (...args) => execFileSync(told.program, args, { cwd: told.home, stdio: "pipe" });
  run("boundary", "sign", "boundary.toml", "--root-key", told.rootKey, "--out", "boundary.signed");
  run("boundary", "apply", "boundary.signed", "--data", told.data);
  // By push: nobody loads the page again.
  await page.waitForSelector("#boundary-state .tag.good");
  await page.click("form[action='/console/setup/apply'] button");
  await at("/console/setup/invite");
  say({ step: "boundary" });

  const first = await invite("山田 花子");
  must("an invitation", first.startsWith("secure-workspace://enroll"));
  await inspect("invitation-ja");
  say({ step: "invitation" });

  const second = await invite("佐藤 健");
  const third = await invite("鈴木 美咲");
  const fourth = await invite("高橋 恵");
  await to("/console");
  enroll(1, first, "山田のノートPC");
  // By push, as with the boundary.
  await page.waitForSelector("#standing div:first-child dd:text-is('1')");
  enroll(2, second, "佐藤の自宅PC");
  enroll(3, third, "貸出機 1号");
  await page.waitForSelector("#standing div:first-child dd:text-is('3')");
  say({ step: "devices" });

  await to("/console");
  await inspectBoth("overview");
  say({ step: "overview" });
  await to("/console/accounts");
  await page.fill("#name", "監査 太郎");
  await page.selectOption("#role", "auditor");
  await page.click("form[action='/console/accounts'] button");
  await page.waitForSelector("#account-link");
  await inspect("account-made-ja");
  await to("/console/accounts");
  await inspectBoth("accounts");
  await to("/console/passkeys");
  await inspectBoth("passkeys");
  say({ step: "accounts" });

  await devicePages();
  await policyPages();
  await recordPages();
  await staffPages(fourth);
  say({ step: "pages" });

  await to("/console");
  await page.keyboard.press("Tab");
  must("the first stop is the way to the content", (await page.evaluate("document.activeElement.className")) === "skip");
  await page.keyboard.press("Enter");
  must("the content has the focus", (await page.evaluate("document.activeElement.id")) === "main");
  say({ step: "keyboard" });

  await signOut();
  await inspectBoth("sign-in");
  await clickPasskey();
  await at("/console");
  say({ step: "signed-out-and-in" });

  await signOut();
  const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId: authenticator });
  await devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: authenticator });
  authenticator = await newAuthenticator();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const forged = {
    credentialId: credentials[0].credentialId, isResidentCredential: true, rpId: told.host,
    userHandle: credentials[0].userHandle, signCount: credentials[0].signCount + 10,
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
  await devtools.send("WebAuthn.addCredential", { authenticatorId: authenticator, credential: forged });
  await clickPasskey();
  await page.waitForSelector("[data-trouble]:not([hidden])");
  must("still outside", new URL(page.url()).pathname === "/console/sign-in");
  await inspect("refused-ja");
  say({ step: "wrong-passkey-refused" });

  await devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: authenticator });
  authenticator = await newAuthenticator();
  await page.click("a[href='/console/recovery']");
  await at("/console/recovery");
  await inspectBoth("recovery");
  await page.fill("#code", code.toLowerCase().replaceAll("-", " "));
  await page.click("main button.main");
  await page.waitForSelector("#code.code");
  const next = (await page.textContent("#code")).trim();
  must("a new code", next !== code);
  await page.click("a.main");
  await at("/console/passkeys");
  await clickPasskey();
  await page.waitForSelector("main tbody tr:nth-child(2)");
  await signOut();
  await clickPasskey();
  await at("/console");
  say({ step: "recovered" });

  await signOut();
  await page.click("a[href='/console/recovery']");
  await page.fill("#code", code);
  await page.click("main button.main");
  await page.waitForSelector("#refused");
  say({ step: "old-code-refused" });
} catch (error) {
  say({ fault: `${error.stack} at ${page.url()}` });
  if (told.shots) await page.screenshot({ path: join(told.shots, "fault.png"), fullPage: true }).catch(() => {});
}
await context.close();
