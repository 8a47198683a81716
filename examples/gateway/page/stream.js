// A transport: one event stream, how it is doing, and why it ended. Each transport
// is a class with the same face: start, stop, state, zone, types, position, openedAt,
// and the callbacks.

import { OWN_TYPES, ask, explain, now, parse } from "/shared.js";

const CLOSED = /~(closed|replaced)~/; // in the id of the event after which this client stays away

export class Stream {
  #source; #timer; #watch; #interval = 0; #run = 0; #tries = 0; #wasLive = false; #lost = false; #why = "";
  zone; types = []; position = ""; openedAt = 0; state = "stopped";

  // on: state(state, why, until), event({type, data, id}), reconnect()
  constructor(on) { this.on = on; }

  // By hand. In the same zone it goes on from the last event that was seen.
  start(zone, types) {
    this.#end();
    if (zone !== this.zone) this.position = "";
    Object.assign(this, { zone, types });
    this.#tries = 0;
    this.#wasLive = this.#lost = false;
    this.#open();
  }

  stop(why) {
    this.#end();
    this.#set("stopped", why);
  }

  #end() {
    this.#run += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#source?.close();
  }

  // A peer that is gone ends nothing, and a browser waits for it for ever. Any event is a sign of
  // life; after 2.5 intervals without one the stream is given up for another.
  #alive() {
    clearTimeout(this.#watch);
    if (!(this.#interval > 0)) return;
    this.#watch = setTimeout(() => {
      this.#end();
      this.#lost = true;
      this.#later("Nothing came for too long. The connection is taken for dead.");
    }, 2.5 * this.#interval);
  }

  #set(state, why = "", until = 0) {
    this.state = state;
    this.#why = why;
    this.on.state(state, why, until);
  }

  #url() {
    const query = new URLSearchParams({ zone: this.zone, heartbeat: "event" });
    if (this.position) query.set("last_event_id", this.position);
    return `/sse?${query}`;
  }

  #open() {
    const source = this.#source = new EventSource(this.#url());
    this.#alive(); // the connection that the browser takes for it may be dead, too
    this.#set(this.#lost ? "reconnecting" : "connecting", this.#lost ? this.#why : "");
    // An event may be of type "open" or "error": those carry data, the browser's own do not.
    const carries = (event) => event instanceof MessageEvent;
    for (const type of new Set([...OWN_TYPES, ...this.types])) {
      source.addEventListener(type, (event) => carries(event) && this.#received(event));
    }
    source.addEventListener("open", (event) => carries(event) || this.#opened());
    source.addEventListener("error", (event) => carries(event) || this.#cut(source));
  }

  #opened() {
    if (this.#lost && this.#wasLive) this.on.reconnect();
    this.#tries = 0;
    this.#lost = false;
    this.#wasLive = true;
    this.openedAt = now();
    this.#set("live");
  }

  #received({ type, data, lastEventId }) {
    const closed = type === "close" && CLOSED.test(lastEventId); // else it is somebody's own event
    if (lastEventId) this.position = lastEventId;
    if (type === "heartbeat" && !this.types.includes(type)) {
      this.#interval = Math.min(parse(data)?.interval, 600_000);
      return this.#alive();
    }
    this.#alive();
    if (type === "limit") this.#limited(explain(parse(data)));
    this.on.event({ type, data, id: lastEventId, at: now() });
    if (closed) this.stop(`The gateway ended this stream for good: ${parse(data)?.reason || "it was closed"}.`);
  }

  // The gateway ends the stream after this, and has told the browser to wait.
  #limited(why) {
    this.#wasLive = false;
    this.#set("reconnecting", why || "A limit of the gateway refused this stream.");
  }

  async #cut(source) {
    const run = ++this.#run;
    clearTimeout(this.#watch);
    this.#lost = true;
    const again = source.readyState === EventSource.CONNECTING;
    this.#set("reconnecting", this.#why || (again ? "The stream ended. The browser connects again by itself." : ""));
    const health = await ask("/healthz");
    if (run !== this.#run || this.state === "live") return;
    if (health.status === 0 || health.status >= 500) {
      if (again) this.#set("reconnecting", "The gateway does not answer. The browser keeps trying.");
      else this.#later("The gateway does not answer.");
    } else if (!again) {
      await this.#refused(run);
    }
  }

  // EventSource gave up and does not say why: the same request by fetch does.
  async #refused(run) {
    const answer = await ask(this.#url(), { headers: { Accept: "text/event-stream" }, bodyless: true });
    if (run !== this.#run) return;
    const { status, error } = answer;
    if (status === 204) this.stop("The gateway ended this stream for good: this client was closed or replaced.");
    else if (status === 401) this.stop(""); // the field for the token says it
    else if (answer.ok) this.#later("The gateway refused once, and would accept now.");
    else if (status === 0 || status === 408 || status === 429 || status >= 500) this.#later(`The gateway cannot take this stream now: ${error}`);
    else this.stop(`The gateway refused: ${error}`);
  }

  #later(why) {
    const wait = Math.min(30_000, 1000 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    this.#set("reconnecting", why, Date.now() + wait);
    this.#timer = setTimeout(() => this.#open(), wait);
  }
}
