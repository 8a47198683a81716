import httpx
from httpx_sse import connect_sse

from reader import URL, follow

CLIENT = httpx.Client(timeout=60, trust_env=False)


def connect(headers):
    with connect_sse(CLIENT, "GET", URL, headers=headers) as source:
        yield from source.iter_sse()


follow(connect, httpx.TransportError)
