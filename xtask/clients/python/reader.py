"""What the programs here share: one line an event, and a loop that reconnects.

None of these clients reconnects by itself when a connection breaks, so each is driven as its
documentation shows: connect again with the id of the last event that it gave.
"""

import sys
import time

URL = sys.argv[1]
RETRY = 0.02


def show(kind, data):
    text = data.replace("\n", "\\n")
    sys.stdout.write(f"{kind or 'message'} {text}\n")
    sys.stdout.flush()


def follow(connect, errors):
    """Connects with the last id, again and again; `connect(headers)` gives events."""
    last_id = ""
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            for event in connect(headers):
                last_id = event.id or last_id
                show(event.event, event.data)
        except errors:
            pass
        time.sleep(RETRY)
