import { createEventSource } from "eventsource-client";
import { print, url } from "./print.mjs";

createEventSource({ url, onMessage: ({ event, data }) => print(event, data) });
