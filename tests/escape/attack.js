// Runs the channels of one batch. Each is told to its own server before it is tried and after, so that a channel that
// never ran is seen. Names for the table: n id, U https, P http, W wss, WP ws, H host, A another port of this host.
'use strict';
const ask = new URLSearchParams(location.search);
const el = (tag, attributes, parent = document.body) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  if (tag === 'iframe') setTimeout(() => element.remove(), 4000);
  return element;
};
const html = markup => el('iframe', { srcdoc: '<!doctype html><body>' + markup });
const css = (text, name) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: text }));
  el('div', { class: name, 'data-a': 's' }).textContent = 'a';
};
const make = ({ type = 'text/html', headers = {}, body = '' }) =>
  location.origin + '/make?' + new URLSearchParams({ ...headers, 'content-type': type, body });
const page = what => el('iframe', { src: make(what) });
const to = (status, url) => location.origin + '/to?' + new URLSearchParams({ status, url });
const worker = (body, options) => new Worker(make({ type: 'text/javascript', body }), options);
const xhr = (method, url) => { const x = new XMLHttpRequest; x.open(method, url); x.send('x'); };
const sw = async (name, body, visit) => {
  const script = new URL(make({ type: 'text/javascript', body }));
  const scope = `/scope/${name}/`;
  script.searchParams.set('service-worker-allowed', '/');
  const registration = await navigator.serviceWorker.register(script, { scope });
  if (visit) setTimeout(() => el('iframe', { src: scope }), 800);
  return registration;
};
const rtc = (urls, each = () => {}) => {
  const peer = new RTCPeerConnection({ iceServers: [{ urls, username: 'u', credential: 'p' }] });
  peer.onicecandidate = each;
  peer.createDataChannel('x');
  peer.createOffer().then(offer => peer.setLocalDescription(offer));
};
const tell = what => fetch('/note/' + what, { method: 'POST', keepalive: true }).catch(() => {});
const rest = time => new Promise(done => setTimeout(done, time));
const names = 'n,U,P,W,WP,H,A,ports,el,html,css,make,page,to,worker,xhr,sw,rtc,leak';
async function attempt([n, code], ports) {
  const H = `${n}.sink.test`, at = (scheme, host, port) => `${scheme}://${host}:${port}/${n}`;
  const values = [n, at('https', H, ports.https), at('http', H, ports.http), at('wss', H, ports.https),
    at('ws', H, ports.http), H, at('https', 'chat.care.test', ports.https), ports, el, html, css, make, page, to,
    worker, xhr, sw, rtc, how => tell(`leaked/${n}/${how}`)];
  await tell('start/' + n);
  let outcome = 'ran';
  try {
    const result = new Function(...names.split(','), code)(...values);
    Promise.resolve(result).catch(() => {});
  } catch (error) {
    outcome = error.name;
  }
  await tell(`tried/${n}/${outcome}`);
}
async function run() {
  const { ports, channels } = await (await fetch('/batch' + location.search)).json();
  for (const channel of channels) await Promise.race([attempt(channel, ports), rest(3000)]);
  await rest(Number(ask.get('rest')));
  await tell('done/' + ask.get('name'));
  if (ask.get('next')) location.href = '/attack?' + ask.get('next');
}
async function byHand() {
  const { ports, channels } = await (await fetch('/batch' + location.search)).json();
  addEventListener('click', () => { const channel = channels.shift(); if (channel) attempt(channel, ports); });
  await tell('done/' + ask.get('name'));
}
for (const way of ['unhandledrejection', 'error']) addEventListener(way, event => event.preventDefault());
window.alert = window.confirm = window.prompt = () => null;
ask.get('hand') ? byHand() : run();
