// A person's walk through the console. Prints a JSON line for each step that held and each fault of a page.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  at, become, browser, clickPasskey, devtools, first, inspect, inspectBoth, must, newAuthenticator, page, press, say,
  second, tabTo, to, told,
} from "./people.mjs";

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

// The workspace as its person has it open: the real program on a display of its own.
function openWorkspace(number) {
  const [program, ...before] = told.browser;
  const args = [...before, "open", "--json", "--pin-stdin", "--profile", join(told.devices, `${number}`)];
  const env = {
    ...process.env, HOME: told.devices, TMPDIR: told.devices, XDG_RUNTIME_DIR: told.devices,
    DISPLAY: told.display, XAUTHORITY: told.cookie,
  };
  const child = spawn(program, args, { cwd: told.devices, env, stdio: ["pipe", "pipe", "inherit"] });
  const [events, waiting] = [[], []];
  createInterface({ input: child.stdout }).on("line", (line) => {
    events.push(JSON.parse(line));
    waiting.splice(0).forEach((look) => look());
  });
  const ended = new Promise((done) => child.on("exit", (code) => { done(code); waiting.splice(0).forEach((look) => look()); }));
  child.stdin.write("493817\n");
  async function event(name, fits = () => true) {
    const late = setTimeout(() => child.kill(), 60000);
    for (;;) {
      const found = events.find((one) => one.event === name && fits(one));
      if (found) { clearTimeout(late); return found; }
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`no ${name}: ${JSON.stringify(events)}`);
      await new Promise((look) => waiting.push(look));
    }
  }
  return { event, ended };
}

// A wider policy: drafted and proposed by one, approved by the other, tried by a few, then given to all.
async function changePolicy(workspace) {
  await to("/console/policies");
  await page.click("#groups a[href^='/console/policy/']");
  await page.click("form[action$='/draft'] button");
  await page.waitForSelector("#toml");
  await page.fill("#toml", (await page.inputValue("#toml")).replace('idle_lock = "5m"', 'idle_lock = "10m"'));
  await page.click("#words button");
  await page.waitForSelector("form[action$='/propose']");
  const path = new URL(page.url()).pathname.replace(/\/save$/, "");
  await page.click("form[action$='/propose'] button");
  await page.waitForSelector("form[action$='/withdraw']");
  must("nobody approves his own", !(await page.isVisible("form[action$='/approve']")));
  become(second);
  await to(path);
  await inspectBoth("text-waiting");
  await page.click("form[action$='/approve'] button");
  await page.waitForSelector("form[action$='/begin']");
  become(first);
  await to(path);
  await page.click("form[action$='/begin'] button");
  await page.waitForSelector("form[action$='/release']");
  await inspectBoth("text-trial");
  await page.click("form[action$='/release'] button");
  await workspace.event("policy", (one) => one.version > 1);
}

// A lost device, by keyboard alone: from the list to the wipe, and the page tells by itself how far it is.
async function wipeDevice(workspace) {
  await to("/console/devices");
  const path = await page.locator("#rows a", { hasText: "山田" }).getAttribute("href");
  await press(`a[href="${path}"]`);
  await at(path);
  await press("a[href$='/wipe']");
  await at(`${path}/wipe`);
  await tabTo("#label");
  await page.keyboard.type("山田のノートPC");
  await press("button.danger");
  await at(path);
  await page.evaluate(() => { window.stayed = true; });
  await page.locator("#orders .state.good", { hasText: "受領書を確認済み" }).waitFor();
  must("the page was not loaded again", await page.evaluate(() => window.stayed === true));
  must("wiped from afar", (await workspace.event("wiped")).cause === "remote");
  must("it ended as such", (await workspace.ended) === 10);
  await inspectBoth("device-wiped");
}

// Both receipts, checked without the server, and found again in its log.
async function checkReceipts() {
  const links = page.locator("#orders a[download]");
  must("two receipts", (await links.count()) === 2);
  for (const [number, stage] of [[0, "accepted"], [1, "destroyed"]]) {
    const saved = page.waitForEvent("download");
    await links.nth(number).click();
    const file = join(told.home, `receipt-${stage}.json`);
    await (await saved).saveAs(file);
    const check = () => spawnSync(told.program, ["device", "receipt", file, "--json"], { encoding: "utf8" });
    const said = JSON.parse(check().stdout);
    must("the receipt is good", said.ok && said.stage === stage);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(`"stage":"${stage}"`, '"stage":"epoch-mismatch"'));
    must("a changed receipt is refused", check().status === 1);
    const search = async (path) => (await fetch(path)).text();
    const log = await page.evaluate(search, `/console/audit?q=${said.sha256}`);
    must("the log knows the receipt", log.includes("device.receipt"));
  }
}

async function checkLog() {
  await to("/console/audit");
  await press("input[name=verify] + button");
  await page.waitForSelector(".note.good[role=status]");
  const folder = join(told.home, "log");
  execFileSync(told.program, ["audit", "export", folder, "--data", told.data], { stdio: "pipe" });
  execFileSync(told.program, ["audit", "verify", folder], { stdio: "pipe" });
}

// Many at once need two people: the other sees it first of all, looks, and agrees, by keyboard alone.
async function wipeMany() {
  for (const [number, name] of [[4, "高橋のPC"], [5, "伊藤のPC"]]) {
    await to("/console/setup/invite");
    enroll(number, await invite(name), name);
  }
  await to("/console/devices");
  for (const name of ["佐藤", "貸出機", "高橋", "伊藤"]) {
    await page.locator("#rows tr", { has: page.locator("a", { hasText: name }) }).locator("input").check();
  }
  await page.selectOption("#do", "wipe");
  await page.click("form[action='/console/devices/many'] button");
  await at("/console/devices/many");
  await page.check("input[name=agreed]");
  await page.click("button.danger");
  await page.locator(".state.warn", { hasText: "承認を待っています" }).nth(1).waitFor();
  await to("/console/waiting");
  must("one's own cannot be approved", !(await page.isVisible("button[value=approve]")));
  await inspect("waiting-own-ja");
  become(second);
  await to("/console");
  must("it stands first", (await page.getAttribute("#act li:first-child a", "href")) === "/console/waiting");
  await press("#act li:first-child a");
  await at("/console/waiting");
  await inspectBoth("waiting");
  await tabTo("input[name=agreed]");
  await page.keyboard.press("Space");
  await press("button[value=approve]");
  await page.locator("#done-title").waitFor();
  must("both are ordered", (await page.locator(".state.good").count()) === 2);
  await inspect("waiting-done-ja");
  become(first);
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

  const links = [await invite("山田 花子")];
  must("an invitation", links[0].startsWith("secure-workspace://enroll"));
  await inspect("invitation-ja");
  say({ step: "invitation" });

  for (const name of ["佐藤 健", "鈴木 美咲", "高橋 恵"]) links.push(await invite(name));
  await to("/console");
  enroll(1, links[0], "山田のノートPC");
  // By push, as with the boundary.
  await page.waitForSelector("#standing div:first-child dd:text-is('1')");
  enroll(2, links[1], "佐藤の自宅PC");
  enroll(3, links[2], "貸出機 1号");
  await page.waitForSelector("#standing div:first-child dd:text-is('3')");
  say({ step: "devices" });

  await to("/console");
  await inspectBoth("overview");
  say({ step: "overview" });
  await to("/console/accounts");
  await page.fill("#name", "副管理 次郎");
  await page.selectOption("#role", "admin");
  await page.click("form[action='/console/accounts'] button");
  const beside = (await page.textContent("#account-link")).trim();
  become(second);
  await newAuthenticator();
  await page.goto(beside);
  await page.fill("#label", "自宅のPC");
  await clickPasskey();
  await at("/console/passkeys");
  become(first);
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
  await staffPages(links[3]);
  say({ step: "pages" });

  const workspace = openWorkspace(1);
  await workspace.event("ready");
  await to("/console/devices");
  await page.locator("#rows tr", { hasText: "山田" }).locator(".tag.good").waitFor();
  say({ step: "opened" });
  await changePolicy(workspace);
  say({ step: "policy-changed-by-two" });
  await wipeDevice(workspace);
  say({ step: "wiped" });
  await checkReceipts();
  say({ step: "receipts-checked" });
  await checkLog();
  say({ step: "log-checked" });
  await wipeMany();
  say({ step: "many-wiped-by-two" });

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
await browser.close();
