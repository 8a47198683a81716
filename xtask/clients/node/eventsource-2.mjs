import EventSource from "eventsource-v2";
import { print, url } from "./print.mjs";

const source = new EventSource(url);
for (const type of ["message", "gap", "ping"]) source.addEventListener(type, ({ data }) => print(type, data));
