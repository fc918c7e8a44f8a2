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
});
context.setDefaultTimeout(60000);
const page = context.pages()[0] ?? (await context.newPage());
page.on("pageerror", (error) => say({ fault: `script: ${error.message}` }));
page.on("console", (line) => { if (/Content Security Policy/.test(line.text())) say({ fault: line.text() }); });
const devtools = await context.newCDPSession(page);
await devtools.send("WebAuthn.enable");

async function newAuthenticator() {
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  return (await devtools.send("WebAuthn.addVirtualAuthenticator", { options })).authenticatorId;
}

// Each page in both widths: nothing serious for axe, nothing wider than the screen.
async function inspect(name) {
  const problems = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
  for (const one of problems.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
    say({ fault: `axe: ${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`, page: name });
  }
  for (const [size, width] of [["desktop", 1280], ["phone", 390]]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    const wide = await page.evaluate("document.documentElement.scrollWidth");
    if (wide > width) say({ fault: `${wide} px wide on ${width}`, page: name });
    if (!told.shots) continue;
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(told.shots, `${name}-${size}-${colorScheme}.png`), fullPage: true });
    }
    await page.emulateMedia({ colorScheme: "light" });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

// Contrast is judged in the dark too, and words in the other language.
async function inspectBoth(name) {
  await inspect(`${name}-ja`);
  await page.click("button[lang=en]");
  await page.waitForSelector("html[lang=en]");
  await page.emulateMedia({ colorScheme: "dark" });
  await inspect(`${name}-en`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.click("button[lang=ja]");
  await page.waitForSelector("html[lang=ja]");
}

const at = (path) => page.waitForURL((url) => url.pathname === path);
const clickPasskey = () => page.click("[data-passkey]");

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

  await page.fill("#person", "山田 花子");
  await page.click("button.main");
  await page.waitForSelector("svg.qr");
  must("an invitation", (await page.textContent("#invitation")).startsWith("secure-workspace://enroll"));
  await inspect("invitation-ja");
  say({ step: "invitation" });

  await page.goto(new URL("/console", told.link).href);
  await inspectBoth("overview");
  say({ step: "overview" });
  await page.goto(new URL("/console/accounts", told.link).href);
  await page.fill("#name", "監査 太郎");
  await page.selectOption("#role", "auditor");
  await page.click("form[action='/console/accounts'] button");
  await page.waitForSelector("#account-link");
  await inspect("account-made-ja");
  await page.goto(new URL("/console/accounts", told.link).href);
  await inspectBoth("accounts");
  await page.goto(new URL("/console/passkeys", told.link).href);
  await inspectBoth("passkeys");
  say({ step: "accounts" });

  await page.goto(new URL("/console", told.link).href);
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
  say({ fault: `${error.message} at ${page.url()}` });
  if (told.shots) await page.screenshot({ path: join(told.shots, "fault.png"), fullPage: true }).catch(() => {});
}
await context.close();
