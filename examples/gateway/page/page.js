// The page of the gateway: presence, the ways to send, and what ties them to
// the transports and their columns.

import { Column, duration, element, plural } from "/column.js";
import { Poll } from "/poll.js";
import { OWN_TYPES, ask, now, parse } from "/shared.js";
import { Stream } from "/stream.js";

const PEOPLE = 100; // clients listed by name

const $ = (id) => document.getElementById(id);

// Presence

const people = new Map();
let asking = false;

async function presence() {
  if (asking || document.hidden || stream.state !== "live") return;
  asking = true;
  const zone = stream.zone;
  const { ok, value } = await ask(`/presence?${new URLSearchParams({ zone })}`);
  asking = false;
  if (ok && zone === stream.zone && Array.isArray(value?.clients)) showPresence(value);
}

function showPresence({ zone, clients, total = clients.length }) {
  const own = $("sse-client-id").textContent;
  const rank = (client) => (client.id === own ? 0 : 1);
  const listed = clients.toSorted((a, b) => rank(a) - rank(b) || a.connected_since - b.connected_since).slice(0, PEOPLE);
  const ids = new Set(listed.map(({ id }) => id));
  for (const [id, node] of people) if (!ids.has(id)) { node.remove(); people.delete(id); }
  listed.forEach((client, index) => {
    const node = people.get(client.id) ?? person(client.id);
    const ms = Math.max(0, Date.now() - client.connected_since);
    const age = ms < 60_000 ? `${Math.floor(ms / 1000)} s` : duration(ms);
    node.querySelector(".since").textContent = client.connections > 1 ? `${age} · ${plural(client.connections, "connection")}` : age;
    node.toggleAttribute("data-own", client.id === own);
    node.querySelector(".badge").hidden = client.id !== own;
    const there = $("presence").children[index];
    if (there !== node) $("presence").insertBefore(node, there ?? null);
  });
  $("presence-total").textContent = total;
  $("presence-zone").textContent = zone ?? stream.zone;
  $("presence-more").hidden = total <= listed.length;
  $("presence-more").textContent = `and ${total - listed.length} more`;
  $("clients").replaceChildren(...listed.map(({ id }) => Object.assign(document.createElement("option"), { value: id })));
}

function person(id) {
  const node = element("li", "person");
  node.dataset.client = id;
  const button = element("button", "pick", id);
  button.type = "button";
  button.title = "Send to this client";
  button.addEventListener("click", () => {
    $("send-way").value = "client";
    $("send-client").value = id;
    showWay();
    $("send-text").focus();
  });
  node.append(button, element("span", "badge", "this page"), element("span", "since"));
  people.set(id, node);
  return node;
}

// Sending

function showWay() {
  const way = $("send-way").value;
  for (const node of $("send").querySelectorAll("[data-for]")) node.hidden = !node.dataset.for.split(" ").includes(way);
  showCurl();
}

function publication(text) {
  const value = parse(text);
  if (Array.isArray(value)) return value;
  return { ...(value && typeof value === "object" ? value : { text }), sent_at: now() };
}

// The path and the body for what the form says.
function request(way, text) {
  if (way === "publish") return ["/publish", { category: stream.zone, data: publication(text) }];
  const message = { event: $("send-event").value, data: text };
  for (const name of ["id", "retry", "comment"]) if ($(`send-${name}`).value) message[name] = $(`send-${name}`).value;
  const body = { message, broadcast: way !== "client" };
  if (way !== "all") body.zone = stream.zone;
  if (way === "client") body.client_id = $("send-client").value;
  return ["/send", body];
}

const post = ([path, body]) => ask(path, { method: "POST", body });

function showCurl() {
  const [path, body] = request($("send-way").value, $("send-text").value || "hello");
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  $("send-curl").textContent = `curl -H 'Content-Type: application/json' -d '${json}' ${location.origin}${path}`;
}

function result(ok, text) {
  $("send-result").dataset.ok = String(ok);
  $("send-result").textContent = text;
}

async function send() {
  const way = $("send-way").value;
  const text = $("send-text").value;
  const { ok, value, error } = await post(request(way, text));
  if (!ok) return result(false, error);
  if ($("send-text").value === text) $("send-text").value = "";
  if (way === "publish") return result(true, "Published.");
  const type = $("send-event").value || "message";
  const deaf = ![...OWN_TYPES, ...stream.types].includes(type) && way !== "client";
  result(true, `Reached ${plural(value?.reached ?? 0, "client")}.${deaf ? ` This page does not listen to “${type}”: add it to the event types.` : ""}`);
}

// Three at a time: a browser has six connections to a server, and two are the columns'.
async function burst(size = 50) {
  const begun = performance.now();
  const text = $("send-text").value || "burst";
  let next = 1, failed;
  const worker = async () => {
    while (next <= size && !failed) {
      const { ok, error } = await post(request("publish", JSON.stringify({ text, n: next++ })));
      if (!ok) failed = error;
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  result(!failed, failed ?? `Published ${size} in ${duration(performance.now() - begun)}.`);
}

// All of it together

function connect() {
  const zone = $("zone").value.trim() || "default";
  const types = $("types").value.split(",").map((type) => type.trim()).filter(Boolean).slice(0, 50);
  if (zone !== stream.zone) {
    for (const { column } of both) column.reset();
    showPresence({ zone, clients: [] });
  }
  const query = new URLSearchParams({ zone, events: types.join(",") });
  history.replaceState(null, "", `?${query}`);
  document.title = `${zone} · Live events`;
  for (const { transport } of both) transport.start(zone, types);
  showCurl();
}

// A transport with its column; also is told its events.
function shown(name, title, Transport, also = () => {}) {
  const column = new Column(document.querySelector(`[data-transport="${name}"]`), title);
  const transport = new Transport({
    state(state, why, until) {
      column.state(state, why, until);
      if (state === "live") $("token-form").hidden = true;
      showControls();
    },
    event(event) {
      column.event(event, transport.openedAt);
      also(event, column);
    },
    reconnect: () => column.count("reconnects"),
  });
  return { name, column, transport };
}

const both = [
  shown("sse", "Server-sent events", Stream, (event, column) => {
    const [zone, tail] = [`${stream.zone}->`, " Connection Successful!"];
    if (event.type !== "ping" || !event.data.startsWith(zone) || !event.data.endsWith(tail)) return;
    column.show("client-id", event.data.slice(zone.length, -tail.length));
    presence();
  }),
  shown("poll", "Long polling", Poll, (_event, column) => column.show("cursor", poll.position)),
];
const [stream, poll] = both.map(({ transport }) => transport);

function showControls() {
  document.body.dataset.state = stream.state;
  const stopped = both.every(({ transport }) => transport.state === "stopped");
  $("connect").textContent = stopped ? "Connect" : "Reconnect";
  $("stop").disabled = stopped;
  if (stream.state !== "live") both[0].column.show("client-id", "");
  both[1].column.show("cursor", poll.position);
}

// A reload goes on where it was: the places are kept with the tab.
const PLACES = "places";
let resume = [];

function keepPlaces() {
  const places = both.map(({ transport: { zone, position } }) => ({ zone, position }));
  try { sessionStorage.setItem(PLACES, JSON.stringify(places)); } catch { /* no storage is no harm */ }
}

function findPlaces() {
  let places;
  try { places = parse(sessionStorage.getItem(PLACES)); } catch { /* as above */ }
  both.forEach(({ transport }, index) => {
    const { zone, position } = places?.[index] ?? {};
    if (typeof zone === "string" && typeof position === "string") Object.assign(transport, { zone, position });
  });
}

const busy = (button, work) => async (event) => {
  event.preventDefault();
  button.disabled = true;
  $("send-result").textContent = "";
  try { await work(); } finally { button.disabled = false; }
};

$("connect-form").addEventListener("submit", (event) => { event.preventDefault(); connect(); });
$("stop").addEventListener("click", () => both.forEach(({ transport }) => transport.stop("Stopped by hand.")));
$("send-way").addEventListener("change", showWay);
$("send").addEventListener("input", showCurl);
$("send").addEventListener("submit", busy($("send-button"), send));
$("burst").addEventListener("click", busy($("burst"), () => burst()));
$("send-text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("send").requestSubmit();
});
$("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { ok, status, error } = await ask("/session", { method: "POST", headers: { Authorization: `Bearer ${$("token").value}` } });
  $("token-result").textContent = ok ? "" : status === 401 ? "That is not the gateway's token." : error;
  if (!ok) return;
  $("token").value = "";
  connect();
});
window.addEventListener("token-wanted", () => {
  if (!$("token-form").hidden) return;
  $("token-form").hidden = false;
  $("token").focus();
});
document.addEventListener("visibilitychange", presence);
// A page that is kept for the way back would hold its two connections of the browser's six.
window.addEventListener("pagehide", () => {
  keepPlaces();
  resume = both.filter(({ transport }) => transport.state !== "stopped");
  for (const { transport } of resume) transport.stop("");
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const { transport } of resume) transport.start(transport.zone, transport.types);
});

const query = new URLSearchParams(location.search);
if (query.get("zone")) $("zone").value = query.get("zone");
if (query.get("events")) $("types").value = query.get("events").split(",").join(", ");
$("host").textContent = location.host;
findPlaces();
connect();
showWay();
setInterval(presence, 2000);
