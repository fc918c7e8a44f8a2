// A real identity provider: anybody may sign in under any name, which becomes the identifier. Prints "ready" once it is.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const told = JSON.parse(process.argv[2]);
const provider = new Provider(told.issuer, {
  clients: [{ client_id: told.client, client_secret: told.secret, redirect_uris: [told.redirect] }],
  cookies: { keys: [told.secret] },
  pkce: { required: () => true },
});
const tls = { cert: readFileSync(told.cert), key: readFileSync(told.key) };
createServer(tls, provider.callback()).listen(told.port, "127.0.0.1", () => console.log("ready"));
