// Starts the OpenID Connect provider `oidc-provider`, unmodified, on a loopback port of the system's choosing, with one
// client and users who sign in with a form and any password. For tests.
//
// Standard input: first a line {"redirect": URL, "clientId", "clientSecret", "users": {ID: CLAIMS…}}, then any number of
// lines {"user": ID, "claims": CLAIMS}, which change a user. Standard output: {"issuer": URL}, then {"ok": true} for
// each change. Ends with standard input.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

// Standard output is for answers; the library's remarks are not.
console.log = console.info = console.error;
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

function provider(issuer, { redirect, clientId, clientSecret, users }) {
  return new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirect],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username"],
      groups: ["groups"],
    },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) =>
      Object.hasOwn(users, id)
        ? { accountId: id, claims: () => ({ sub: id, ...users[id] }) }
        : undefined,
    // Everybody has agreed already: signing in is one form.
    async loadExistingGrant(ctx) {
      const { client, session, params } = ctx.oidc;
      const grant = new ctx.oidc.provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
  });
}

const server = createServer();
let settings;
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const told = JSON.parse(line);
  if (settings === undefined) {
    settings = told;
    server.listen(0, "127.0.0.1", () => {
      const issuer = `http://127.0.0.1:${server.address().port}`;
      server.on("request", provider(issuer, settings).callback());
      say({ issuer });
    });
  } else {
    settings.users[told.user] = told.claims;
    say({ ok: true });
  }
});
lines.on("close", () => process.exit(0));
