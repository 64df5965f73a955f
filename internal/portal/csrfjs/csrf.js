// Gives the requests that scripts make, and the forms that scripts build or that have been
// open for long, the token by which Sanmon knows that a page of this site sent them. What it
// does and what it leaves alone is said in doc.go. What is served has no comments: every
// line that begins with two slashes is dropped, so no string may hold such a line.
(() => {
'use strict';
const mark = Symbol.for('sanmon.csrf'), xhr = XMLHttpRequest.prototype, form0 = HTMLFormElement.prototype;
if (xhr[mark]) return;
Object.defineProperty(xhr, mark, { value: true });

// YOUNG is how long a token is sent without asking, in ms: less than token.race, for which a
// token outlives the secret it is bound to. WAIT bounds the question, MANY what is remembered.
const FIELD = '_sanmon', HEADER = 'X-Sanmon-Csrf', PREFIX = '/.sanmon/', YOUNG = 8000, WAIT = 3000, MANY = 200;
const fetch0 = window.fetch.bind(window), start = Date.now();
const meta = document.querySelector('meta[name=sanmon]');
const known = new Map();
let session = { token: meta ? meta.content : '', at: start };

const young = at => Math.abs(Date.now() - at) < YOUNG;

// place is "METHOD /path" of a request that needs a token; '' for every other: without
// effect, to another origin, not over HTTP.
const place = (method, url) => {
  method = String(method).toUpperCase();
  try {
    const u = new URL(url, document.baseURI);
    if (/^(GET|HEAD|OPTIONS)$/.test(method) || u.origin !== self.origin || !/^http/.test(u.protocol)) return '';
    return method + ' ' + u.pathname;
  } catch (e) {
    return '';
  }
};

// learn keeps an answer. The first letter of a token is its kind: s(ession), p(age), o(nce).
// '' says that no token is needed there, undefined that nobody knows.
const learn = (key, token) => {
  if (token === undefined) return token;
  const now = { token, at: Date.now(), kind: token[0] };
  if (now.kind === 's') session = now;
  if (known.size >= MANY) known.clear();
  known.set(key, now);
  return token;
};

// held is what need not be asked for; undefined when it must be.
const held = key => {
  const k = known.get(key);
  if (!k || k.kind === 'o') return undefined;
  if (!k.kind) return '';
  const t = k.kind === 's' ? session : k;
  return young(t.at) ? t.token : undefined;
};

const source = key => {
  const path = key.slice(key.indexOf(' ') + 1);
  return PREFIX + 'session' + (path.startsWith(PREFIX) ? '' : '?route=' + encodeURIComponent(key));
};
const meaning = (status, text) => status === 200 ? JSON.parse(text).csrf_token : status === 404 ? '' : undefined;

const ask = key => {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), WAIT);
  return fetch0(source(key), { credentials: 'same-origin', cache: 'no-store', redirect: 'error', signal: stop.signal })
    .then(r => r.text().then(text => learn(key, meaning(r.status, text))))
    .catch(() => undefined)
    .then(token => { clearTimeout(timer); return token; });
};

// 1. fetch

// refused tells whether the gate itself said no to the token. It says so before anything is
// forwarded; behind a redirect something has been.
const refused = r => r.status === 403 && !r.redirected && /^application\/problem\+json/.test(r.headers.get('Content-Type'))
  ? r.clone().json().then(p => /^\/\.sanmon\/problems#csrf_(missing|invalid)$/.test(p.type), () => false) : false;

const deliver = async (key, request, whole) => {
  const spare = whole ? request.clone() : null, kind = known.has(key) ? known.get(key).kind : 's';
  const put = (r, token) => { if (token) r.headers.set(HEADER, token); return fetch0(r); };
  let token = held(key);
  if (token === undefined && spare && kind === 's' && session.token) token = session.token;
  if (token === undefined) token = await ask(key);
  const answer = await put(request, token === undefined ? session.token : token);
  if (!spare || !await refused(answer)) return answer;
  token = await ask(key);
  return token ? put(spare, token) : answer;
};

window.fetch = function fetch(input, init) {
  const given = input instanceof Request, o = init || {};
  const key = place(o.method !== undefined ? o.method : given ? input.method : 'GET', given ? input.url : input);
  if (!key) return fetch0.apply(null, arguments);
  const body = o.body !== undefined && o.body !== null ? o.body : given ? input.body : null;
  const whole = body === null || !(given && body === input.body) && !body.getReader;
  let request;
  try {
    request = new Request(input, init);
    if (request.credentials === 'omit' || request.headers.has(HEADER)) return fetch0(request);
    // A no-cors request drops our header.
    if (request.mode === 'no-cors') request = new Request(request, { mode: 'same-origin' });
  } catch (e) {
    return Promise.reject(e);
  }
  return deliver(key, request, whole);
};

// A beacon has no headers; a fetch that outlives its page is the same with headers.
const beacon = Navigator.prototype.sendBeacon;
if (beacon) Navigator.prototype.sendBeacon = function sendBeacon(url, data) {
  const size = data ? data.size || data.byteLength || data.length || 0 : 0;
  if (!place('POST', url) || !session.token || size > 65536) return beacon.apply(this, arguments);
  window.fetch(url, { method: 'POST', body: data, keepalive: true, credentials: 'include' }).catch(() => {});
  return true;
};

// 2. XMLHttpRequest. It cannot be replayed, so its token is asked for before.
const plans = new WeakMap(), open = xhr.open, setHeader = xhr.setRequestHeader, send = xhr.send, abort = xhr.abort;

const askNow = key => {
  const x = new XMLHttpRequest();
  try {
    open.call(x, 'GET', source(key), false);
    send.call(x);
    return learn(key, meaning(x.status, x.responseText));
  } catch (e) {
    return undefined;
  }
};

xhr.open = function (method, url) {
  open.apply(this, arguments);
  plans.set(this, { key: place(method, url), sync: arguments.length > 2 && !arguments[2] });
};

xhr.setRequestHeader = function (name) {
  setHeader.apply(this, arguments);
  const plan = plans.get(this);
  if (plan && String(name).toLowerCase() === HEADER.toLowerCase()) plan.key = '';
};

xhr.send = function () {
  const plan = plans.get(this) || {};
  if (plan.asking) throw new DOMException('The request is being sent.', 'InvalidStateError');
  const go = token => {
    if (token === undefined) token = session.token;
    if (token) setHeader.call(this, HEADER, token);
    send.apply(this, arguments);
  };
  if (!plan.key) return send.apply(this, arguments);
  let token = held(plan.key);
  if (token === undefined && plan.sync) token = askNow(plan.key);
  if (token !== undefined || plan.sync) return go(token);
  plan.asking = true;
  ask(plan.key).then(answer => {
    if (!plan.asking || plans.get(this) !== plan) return;
    plan.asking = false;
    go(answer);
  });
};

xhr.abort = function () {
  const plan = plans.get(this) || {}, asking = plan.asking;
  plan.asking = false;
  abort.call(this);
  if (asking) for (const type of ['abort', 'loadend']) this.dispatchEvent(new ProgressEvent(type));
};

// 3. Forms. Properties of a form may be hidden by controls of that name, so none is used.
const submit = form0.submit, requestSubmit = form0.requestSubmit;
const controls = Object.getOwnPropertyDescriptor(form0, 'elements').get;
const submitters = new WeakMap(), births = new WeakMap(), loose = new WeakMap(), used = new WeakSet(), waiting = new WeakSet();
let building = 0, passing = null;

const attribute = (element, name) => element ? Element.prototype.getAttribute.call(element, name) : null;
const fieldOf = form => Array.from(controls.call(form)).find(c => c.name === FIELD);

// aim says where a form goes (HTML, Section 4.10.22.3): key as of place, foreign when it
// leaves this origin.
const aim = form => {
  const by = submitters.get(form);
  const pick = name => { const own = attribute(by, 'form' + name); return own === null ? attribute(form, name) || '' : own; };
  const url = pick('action') || document.URL, post = /^post$/i.test(pick('method'));
  return {
    key: post && !/^text\/plain$/i.test(pick('enctype')) ? place('POST', url) : '',
    foreign: !place('POST', url),
  };
};

// ready tells whether a form can go as it is. A once token that was sent before is sent
// again: that the gate says so is what it is for.
const ready = (form, key) => {
  const field = fieldOf(form), token = field ? field.value : loose.get(form);
  if (!token) return held(key) !== undefined;
  if (token[0] === 'o' && used.has(form)) return true;
  used.add(form);
  return young(births.get(form) || start);
};

// prepare asks for the token of a form and then calls go.
const prepare = (form, key, go) => {
  if (waiting.has(form)) return;
  waiting.add(form);
  ask(key).then(token => {
    waiting.delete(form);
    if (token) {
      const field = fieldOf(form);
      if (field) field.value = token;
      else if (token[0] === 'o') loose.set(form, token);
      births.set(form, Date.now());
      used.add(form);
    }
    go();
  });
};

const last = event => {
  const form = event.target, by = event.submitter || null, enabled = by && !by.disabled;
  if (event.defaultPrevented) return;
  const key = aim(form).key;
  if (!key || ready(form, key)) return;
  event.preventDefault();
  prepare(form, key, () => {
    // The page's own listeners have had their say: they are not asked again.
    const off = enabled && by.disabled;
    passing = form;
    try {
      if (off) by.disabled = false;
      requestSubmit.call(form, by);
    } catch (e) {
      submit.call(form);
    } finally {
      passing = null;
      if (off) by.disabled = true;
    }
  });
};

addEventListener('submit', event => {
  if (passing === event.target) return event.stopImmediatePropagation();
  submitters.set(event.target, event.submitter);
  // To be the last listener, it is added last.
  removeEventListener('submit', last);
  addEventListener('submit', last);
}, true);

form0.submit = function () {
  submitters.delete(this);
  const key = aim(this).key;
  if (!key || !this.isConnected || ready(this, key)) return submit.call(this);
  prepare(this, key, () => {
    const gone = !this.isConnected;
    if (gone) document.documentElement.appendChild(this);
    submit.call(this);
    if (gone) this.remove();
  });
};

// What a script reads out of a form is sent with a header, or to somebody else.
window.FormData = new Proxy(FormData, {
  construct(target, args, made) {
    building++;
    try {
      const data = Reflect.construct(target, args, made);
      if (args[0]) data.delete(FIELD);
      return data;
    } finally {
      building--;
    }
  },
});

addEventListener('formdata', event => {
  if (building) return;
  const form = event.target, data = event.formData, to = aim(form);
  if (to.foreign) data.delete(FIELD);
  if (!to.key || data.has(FIELD)) return;
  const ours = held(to.key), token = loose.get(form) || (ours === undefined ? session.token : ours);
  if (!token) return;
  // First, because the gate looks for it in the first part of a multipart body.
  const all = Array.from(data);
  for (const [name] of all) data.delete(name);
  data.append(FIELD, token);
  for (const [name, value] of all) data.append(name, value);
}, true);
})();
