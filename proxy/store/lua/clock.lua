-- Fragment: the time of the store, the only clock of buckets, periods, leases and queues.
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)
