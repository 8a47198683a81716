"""The calls that cent.rs makes with our client, made with Python's cent.

Usage: with_cent.py API_URL KEY make CHANNEL | see CHANNEL... | user USER
Prints one line of JSON: what the calls gave.
"""

import json
import sys

from cent import (
    BatchRequest,
    BroadcastRequest,
    CentApiResponseError,
    ChannelsRequest,
    Client,
    DisconnectRequest,
    HistoryRemoveRequest,
    HistoryRequest,
    InfoRequest,
    PresenceRequest,
    PresenceStatsRequest,
    PublishRequest,
    RefreshRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)


def make(client, channel):
    client.publish(PublishRequest(channel=channel, data={"n": 1}, tags={"k": "v"}))
    for _ in range(2):
        once = PublishRequest(channel=channel, data="once", idempotency_key="id-1")
        last = client.publish(once)
    client.publish(PublishRequest(channel=channel, data=[1, None], skip_history=True))
    channels = [channel, channel + "-b", "nonamespace:x"]
    told = client.broadcast(BroadcastRequest(channels=channels, data={"b": 1}))
    responses = [one.error.code if one.error else one.result.offset for one in told.responses]
    client.batch(BatchRequest(requests=[PublishRequest(channel=channel, data=n) for n in range(3)]))
    client.history_remove(HistoryRemoveRequest(channel=channel + "-b"))
    code = None
    try:
        client.presence(PresenceRequest(channel="plain"))
    except CentApiResponseError as error:
        code = error.code
    return {"last": last.offset, "responses": responses, "code": code}


def see(client, channels):
    seen = {}
    for channel in channels:
        history = client.history(HistoryRequest(channel=channel, limit=-1))
        publications = [
            {"data": one.data, "offset": one.offset, "tags": one.tags or {}}
            for one in history.publications
        ]
        stats = client.presence_stats(PresenceStatsRequest(channel=channel))
        presence = client.presence(PresenceRequest(channel=channel)).presence
        seen[channel] = {
            "publications": publications,
            "offset": history.offset,
            "epoch": history.epoch,
            "stats": [stats.num_clients, stats.num_users],
            "presence": sorted([one.user, one.client] for one in presence.values()),
        }
    names = sorted(client.channels(ChannelsRequest(pattern="public:*")).channels)
    nodes = [node.uid for node in client.info(InfoRequest()).nodes]
    return {"channels": seen, "names": names, "nodes": nodes}


def user(client, name):
    client.subscribe(SubscribeRequest(user=name, channel="public:by-python"))
    client.refresh(RefreshRequest(user=name, expire_at=4102444800))
    client.unsubscribe(UnsubscribeRequest(user=name, channel="public:by-python"))
    client.disconnect(DisconnectRequest(user=name))
    return None


def main():
    url, key, what, *rest = sys.argv[1:]
    with Client(url, key) as client:
        calls = {"make": lambda: make(client, *rest), "see": lambda: see(client, rest)}
        calls["user"] = lambda: user(client, *rest)
        print(json.dumps(calls[what]()))


main()
