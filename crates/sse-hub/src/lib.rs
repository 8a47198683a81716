//! A server-sent events hub: zones, clients, replay, presence, three ways to send.
