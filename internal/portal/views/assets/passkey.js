// Signs in with a passkey, and adds one: what HTML alone cannot do. It writes no HTML.
(() => {
  'use strict'

  const box = document.getElementById('passkey')
  if (!box || !window.PublicKeyCredential || !navigator.credentials) return
  const button = box.querySelector('button')
  const problem = box.querySelector('.wrong')
  const named = box.querySelector('.field') // on the account page, which adds one

  // Bytes and base64url (RFC 4648, Section 5).
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  const text = (buffer) => {
    let s = ''
    for (const b of new Uint8Array(buffer)) s += String.fromCharCode(b)
    return btoa(s).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  }

  const post = async (url, body, signal) => {
    const answer = await fetch(url, {
      method: 'POST', credentials: 'same-origin', redirect: 'error', signal,
      headers: { 'Content-Type': 'application/json', 'Accept': 'application/json', 'X-Sanmon-Csrf': box.dataset.token },
      body: JSON.stringify(body),
    })
    if (!answer.ok) {
      const { code } = await answer.json().catch(() => ({}))
      throw Object.assign(new Error('refused'), { status: answer.status, code })
    }
    return answer.status === 204 ? {} : answer.json()
  }

  const credentials = (list) => (list || []).map((c) => ({ ...c, id: bytes(c.id) }))

  const response = (credential) => {
    const r = credential.response
    const out = {
      id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {},
      response: { clientDataJSON: text(r.clientDataJSON) },
    }
    if (credential.authenticatorAttachment) out.authenticatorAttachment = credential.authenticatorAttachment
    if (r.attestationObject) {
      out.response.attestationObject = text(r.attestationObject)
      out.response.transports = r.getTransports ? r.getTransports() : []
      return out
    }
    out.response.authenticatorData = text(r.authenticatorData)
    out.response.signature = text(r.signature)
    if (r.userHandle) out.response.userHandle = text(r.userHandle)
    return out
  }

  const add = async () => {
    const begun = await post(box.dataset.begin, {})
    const o = begun.publicKey
    const made = await navigator.credentials.create({
      publicKey: { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: credentials(o.excludeCredentials) },
    })
    await post(box.dataset.end, { ticket: begun.ticket, name: named.querySelector('input').value, response: response(made) })
    location.replace(location.pathname)
  }

  const pick = (begun, more) => {
    const o = begun.publicKey
    return navigator.credentials.get({
      ...more, publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: credentials(o.allowCredentials) },
    })
  }

  let gone = false // to the page behind the login
  const enter = async (begun, got) => {
    const me = await post(box.dataset.end, { ticket: begun.ticket, next: box.dataset.next || '/', response: response(got) })
    gone = true
    location.replace(me.next || '/')
  }

  const signIn = async () => {
    const typed = email && email.value && email.checkValidity() ? { email: email.value } : {}
    const begun = await post(box.dataset.begin, typed)
    await enter(begun, await pick(begun))
  }

  const tell = (e) => {
    // Somebody who closes the browser's window has not failed.
    if (e.name === 'NotAllowedError' || e.name === 'AbortError') return
    const { failed, busy, full } = problem.dataset // full: all was right, and no place for another session is free
    problem.textContent = e.status === 429 ? busy : e.code === 'permission_missing' && full || failed
    problem.hidden = false
  }

  // The offer: where the browser can, it lists passkeys among the names that it fills in, and
  // waits until somebody picks one ("conditional" mediation, Web Authentication, Section 5.1.4).
  const email = document.querySelector('input[autocomplete~="webauthn"]')
  let offered = null
  let asked = false // by the button, whose request is under way
  let renewing = false

  const wait = async (offer) => {
    const begun = await post(box.dataset.begin, {}, offer.stop.signal)
    offer.until = Date.now() + begun.publicKey.timeout / 2
    const got = await pick(begun, { mediation: 'conditional', signal: offer.stop.signal })
    offer.picked = true
    problem.hidden = true
    await enter(begun, got)
  }

  const begin = () => {
    const offer = { stop: new AbortController(), until: Infinity, picked: false }
    offered = offer
    offer.over = wait(offer).catch((e) => {
      if (offer.picked) tell(e) // else nobody has asked for anything: the button is there
    }).finally(() => { offered = null })
  }

  // A browser takes one request at a time.
  const withdraw = async () => {
    if (!offered) return
    const { stop, over } = offered
    stop.abort()
    await over
  }

  // The challenge of an offer is good for minutes only, and a page may be open for hours: at
  // half of its time, or when somebody comes back, another takes its place.
  const renew = async () => {
    if (gone || asked || renewing || document.hidden || (offered && (offered.picked || Date.now() < offered.until))) return
    renewing = true
    await withdraw()
    renewing = false
    if (!gone && !asked) begin()
  }

  const offerAlways = async () => {
    const can = PublicKeyCredential.isConditionalMediationAvailable
    if (!email || !can || !await can.call(PublicKeyCredential)) return
    await renew()
    setInterval(renew, 30000)
    document.addEventListener('visibilitychange', renew)
    email.addEventListener('focus', renew)
    return true
  }
  const offers = named ? Promise.resolve() : offerAlways().catch(() => {})

  button.addEventListener('click', async () => {
    button.disabled = true
    problem.hidden = true
    asked = true
    try {
      await withdraw()
      if (!gone) await (named ? add() : signIn())
    } catch (e) {
      tell(e)
      if (e.status === 401 && named) location.reload()
      button.disabled = false
      button.focus()
    }
    asked = false
    if (await offers) renew()
  })

  button.hidden = false
  if (named) named.hidden = false
})()
