import { EventSource } from "eventsource-v4";
import reconnecting from "reconnecting-eventsource";
import { print, url } from "./print.mjs";

const Reconnecting = reconnecting.default ?? reconnecting;
const source = new Reconnecting(url, { eventSourceClass: EventSource, max_retry_time: 20 });
for (const type of ["message", "gap", "ping"]) source.addEventListener(type, ({ data }) => print(type, data));
