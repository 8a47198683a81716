import requests
import sseclient

from reader import URL, follow


def connect(headers):
    response = requests.get(URL, stream=True, headers=headers, timeout=60)
    yield from sseclient.SSEClient(response).events()


follow(connect, requests.exceptions.RequestException)
