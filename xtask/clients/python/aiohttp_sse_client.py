import asyncio
from datetime import timedelta

import aiohttp
from aiohttp_sse_client2 import client

from reader import RETRY, URL, show


async def main():
    last_id = ""
    while True:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        pause = timedelta(seconds=RETRY)
        try:
            async with client.EventSource(
                URL, headers=headers, reconnection_time=pause
            ) as source:
                async for event in source:
                    last_id = event.last_event_id or last_id
                    show(event.type, event.data)
        except (ConnectionError, aiohttp.ClientError):
            pass
        await asyncio.sleep(RETRY)


asyncio.run(main())
