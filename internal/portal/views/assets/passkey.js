// Signs in with a passkey, and adds one: what HTML alone cannot do. It writes no HTML.
(() => {
  'use strict'

  const box = document.getElementById('passkey')
  if (!box || !window.PublicKeyCredential || !navigator.credentials) return
  const button = box.querySelector('button')
  const problem = box.querySelector('.wrong')
  const named = box.querySelector('.field')

  // Bytes and base64url (RFC 4648, Section 5).
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  const text = (buffer) => {
    let s = ''
    for (const b of new Uint8Array(buffer)) s += String.fromCharCode(b)
    return btoa(s).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  }

  const post = async (url, body) => {
    const answer = await fetch(url, {
      method: 'POST', credentials: 'same-origin', redirect: 'error',
      headers: { 'Content-Type': 'application/json', 'Accept': 'application/json', 'X-Sanmon-Csrf': box.dataset.token },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw Object.assign(new Error('refused'), { status: answer.status })
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

  const signIn = async () => {
    const email = document.getElementById('email')
    const begun = await post(box.dataset.begin, email && email.value && email.checkValidity() ? { email: email.value } : {})
    const o = begun.publicKey
    const got = await navigator.credentials.get({
      publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: credentials(o.allowCredentials) },
    })
    const me = await post(box.dataset.end, { ticket: begun.ticket, next: box.dataset.next || '/', response: response(got) })
    location.replace(me.next || '/')
  }

  button.addEventListener('click', async () => {
    button.disabled = true
    problem.hidden = true
    try {
      await (named ? add() : signIn())
    } catch (e) {
      // Somebody who closes the browser's window has not failed.
      if (e.name !== 'NotAllowedError' && e.name !== 'AbortError') {
        problem.textContent = e.status === 429 ? problem.dataset.busy : problem.dataset.failed
        problem.hidden = false
      }
      if (e.status === 401 && named) location.reload()
      button.disabled = false
      button.focus()
    }
  })

  button.hidden = false
  if (named) named.hidden = false
})()
