"""Publishes with cent for a while, and prints what it cost as one line of JSON.

Usage: bench.py API_URL KEY one|batch|concurrent BYTES SECONDS
"""
import asyncio
import json
import resource
import sys
import time

from cent import AsyncClient, BatchRequest, Client, PublishRequest

CHANNEL = "news"
BATCH = 100
CALLERS = 64
WARM_UP = 0.5

number = 0


def publication(text):
    global number
    number = (number + 1) % 1_000_000
    return PublishRequest(channel=CHANNEL, data={"n": 1_000_000 + number, "text": text})


def one_by_one(client, text, end):
    published = 0
    while time.monotonic() < end:
        client.publish(publication(text))
        published += 1
    return published


def in_batches(client, text, end):
    published = 0
    while time.monotonic() < end:
        requests = [publication(text) for _ in range(BATCH)]
        result = client.batch(BatchRequest(requests=requests))
        published += len(result.replies)
    return published


async def concurrently(client, text, end):
    async def caller():
        published = 0
        while time.monotonic() < end:
            await client.publish(publication(text))
            published += 1
        return published

    return sum(await asyncio.gather(*(caller() for _ in range(CALLERS))))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def asynchronous(url, key, text, seconds):
    client = AsyncClient(url, key)
    await concurrently(client, text, time.monotonic() + WARM_UP)
    used, begin = cpu(), time.monotonic()
    published = await concurrently(client, text, begin + seconds)
    told = published, time.monotonic() - begin, cpu() - used
    await client.close()
    return told


def synchronous(work, url, key, text, seconds):
    client = Client(url, key)
    work(client, text, time.monotonic() + WARM_UP)
    used, begin = cpu(), time.monotonic()
    published = work(client, text, begin + seconds)
    return published, time.monotonic() - begin, cpu() - used


def main():
    url, key, mode, size, seconds = sys.argv[1:]
    text, seconds = "x" * (int(size) - len('{"n":1000000,"text":""}')), float(seconds)
    if mode == "concurrent":
        told = asyncio.run(asynchronous(url, key, text, seconds))
    else:
        work = {"one": one_by_one, "batch": in_batches}[mode]
        told = synchronous(work, url, key, text, seconds)
    print(json.dumps(dict(zip(("publishes", "seconds", "cpu_seconds"), told))))


main()
