// An OAuth and OpenID client made of openid-client, as its documentation shows it. It
// takes one command a line, {"do": …}, and answers each with one line of JSON.
import { createInterface } from 'node:readline'

const { ISSUER, COOKIE, CLIENT_ID, REDIRECT, SERVICE_ID, SERVICE_SECRET, DPOP, SCOPE } = process.env
const client = await import(process.env.OPENID_CLIENT)
const insecure = { execute: [client.allowInsecureRequests] } // http on loopback

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, client.None(), insecure)
client.enableNonRepudiationChecks(config) // the signature of ID tokens, by our JWK Set
const service = await client.discovery(new URL(ISSUER), SERVICE_ID, SERVICE_SECRET, client.ClientSecretBasic(SERVICE_SECRET), { ...insecure, algorithm: 'oauth2' })
const dpop = DPOP ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined
const extra = dpop ? { DPoP: dpop } : undefined

let tokens, first

const call = async (as, token, method, path) => {
  const res = await client.fetchProtectedResource(as, token, new URL(path, ISSUER), method, undefined, undefined, as === config ? extra : undefined)
  return { status: res.status, body: await res.text() }
}

const commands = {
  async authorize() {
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const expectedNonce = client.randomNonce()
    const parameters = {
      redirect_uri: REDIRECT, scope: SCOPE, state: expectedState, nonce: expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
    }
    if (dpop) parameters.dpop_jkt = await dpop.calculateThumbprint()
    const url = client.buildAuthorizationUrl(config, parameters)
    const res = await fetch(url, { headers: { cookie: COOKIE }, redirect: 'manual' })
    const to = res.headers.get('location')
    if (!to || !to.startsWith(REDIRECT)) return { error: `sent to ${to}, ${res.status}` }
    tokens = await client.authorizationCodeGrant(config, new URL(to), { pkceCodeVerifier, expectedState, expectedNonce }, undefined, extra)
    first = tokens.refresh_token
    const claims = tokens.claims()
    return { type: tokens.token_type, scope: tokens.scope, sub: claims?.sub, email: claims?.email }
  },
  call: ({ method, path }) => call(config, tokens.access_token, method, path),
  async refresh({ old }) {
    const next = await client.refreshTokenGrant(config, old ? first : tokens.refresh_token, undefined, extra)
    if (!old) tokens = next
    return { type: next.token_type, scope: next.scope }
  },
  async revoke() {
    await client.tokenRevocation(config, tokens.refresh_token)
    return {}
  },
  async introspect() {
    const about = await client.tokenIntrospection(service, tokens.access_token)
    return { active: about.active, scope: about.scope, sub: about.sub }
  },
  async service({ path }) {
    const t = await client.clientCredentialsGrant(service, { scope: 'notes:read' })
    return { ...(await call(service, t.access_token, 'GET', path)), scope: t.scope, refresh: t.refresh_token !== undefined }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  let answer
  try {
    answer = await commands[command.do](command)
  } catch (e) {
    answer = { error: e.error ?? e.cause?.[0]?.parameters?.error ?? String(e), status: e.status }
  }
  console.log(JSON.stringify(answer))
}
