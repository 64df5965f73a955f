// An OpenID provider for the tests of signing in: node-oidc-provider with its own pages for
// development, where any name signs in.
//
// usage: oidc_provider.mjs PORT REDIRECT_URI
// A line on standard input is the client's secret from then on. What the token endpoint says is printed.
// People: "ada", "eve" and "olga" have verified addresses, "mallory" one that is not verified.
// Whatever olga does, she has authenticated an hour before.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const verified = { ada: true, eve: true, olga: true, mallory: false };
const groups = { ada: ["staff", "chess"], eve: ["chess"], mallory: [] };

const provider = new Provider(issuer, {
  clients: [{
    client_id: "sanmon", client_secret: "hunter2 hunter2 hunter2", redirect_uris: [redirect],
    grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "client_secret_basic",
  }],
  pkce: { required: () => true, methods: ["S256"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"], profile: ["name"] },
  scopes: ["openid", "email", "profile", "groups"],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id === "mallory" ? "ada" : id}@example.com`, email_verified: verified[id] ?? false, groups: groups[id] ?? [], name: id }),
  }),
});

provider.on("grant.success", () => console.log(JSON.stringify({ token: "granted" })));
provider.on("grant.error", (_, e) => console.log(JSON.stringify({ token: e.error })));
createInterface({ input: process.stdin }).on("line", async (secret) => {
  (await provider.Client.find("sanmon")).clientSecret = secret;
  console.log(JSON.stringify({ changed: true }));
});
const said = provider.Session.prototype.authTime;
provider.Session.prototype.authTime = function authTime() {
  return said.call(this) - (this.accountId === "olga" ? 3600 : 0);
};

createServer(provider.callback()).listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({ ready: issuer })));
