"""The script that Redis runs. One call of a process gives permits back and takes others."""

from __future__ import annotations

from typing import Final

# Times are in microseconds. `permits` is a sorted set: each permit with the time at which it is free again.
# `state` has the clock, the gate after a 429, and what the 429s revealed. Both are keys of one slot.
#
# The clock is that of the server, kept from jumps: `offset` is what it is ahead of the time in which permits
# are kept. That time never goes back, nor ahead by more than a process has measured. A call that arrives late
# has been given up by its process, so it takes nothing.
SCRIPT: Final = """
local permits, state, call = KEYS[1], KEYS[2], ARGV[1]
local requests, per, lost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local expected, slack, known = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local jitter, first, want = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local function text(number) return string.format('%.0f', number) end

local pairs_of_state, s = redis.call('HGETALL', state), {}
for i = 1, #pairs_of_state, 2 do
    s[pairs_of_state[i]] = tonumber(pairs_of_state[i + 1]) or pairs_of_state[i + 1]
end
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = s.last or 0
local now = math.max(clock - (s.offset or 0), last)
if expected > 0 and now > expected + slack then
    now, want = math.min(now, math.max(expected, last)), 0
end
s.offset, s.last = clock - now, now
if not s.born then
    s.born, s.created = 'b' .. call .. text(clock), now
end
if known ~= '' and known ~= s.born then
    -- The permits of the last window are lost: nobody sends until it is over.
    s.settled = math.max(s.settled or 0, s.created + per)
end

s.epoch, s.row = s.epoch or 0, s.row or 0
local limit = math.min(s.limit or requests, requests)
for i = 11, #ARGV, 4 do
    local what, permit = ARGV[i], call .. ARGV[i + 1]
    local epoch, number = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
    if what == 'keep' then
        redis.call('ZADD', permits, text(now + lost), permit)
    elseif what == 'release' and number < per then
        redis.call('ZADD', permits, text(now - number + per), permit)
    else
        redis.call('ZREM', permits, permit)
    end
    if what == 'unused' and epoch == s.epoch then
        s.probe = 0
    elseif what == 'release' and epoch == s.epoch then
        s.row, s.probe = 0, 0
    elseif what == 'release' and epoch == s.counted then
        s.admitted = s.admitted + 1
        limit = math.max(limit, math.min(s.admitted, requests))
    elseif what == 'throttled' then
        local pause = math.max(number, 0)
        if epoch == s.epoch then
            local doubled = math.min(1000000, per / 8) * 2 ^ math.min(s.row, 60)
            local guess = math.min(per, doubled) * (1 + jitter / 4)
            if number < 0 or s.row > 0 then pause = math.max(pause, guess) end
            s.row, s.epoch, s.probe = s.row + 1, s.epoch + 1, 0
            if now - (s.cut or 0) >= per then
                s.counted = epoch
                s.admitted = redis.call('ZCOUNT', permits, text(now + 1), text(now + per))
                limit = math.max(1, math.floor(limit / 2), math.min(limit, s.admitted))
                s.cut, s.grows = now, now + 6 * per
            end
        end
        s.blocked = math.max(s.blocked or 0, now + pause)
    end
end
if limit < requests and now >= s.grows then
    local windows = math.floor((now - s.grows) / per) + 1
    limit = math.min(requests, limit + windows * math.ceil(requests / 50))
    s.grows = s.grows + windows * per
end
s.limit = limit < requests and limit or nil

local granted, wait = 0, 0
local blocked = math.max(s.blocked or 0, s.settled or 0)
local probing = s.row > 0 and (s.probe or 0) > now
if blocked > now then
    wait = blocked - now
elseif probing then
    wait = math.min(s.probe - now, per / 50)
else
    redis.call('ZREMRANGEBYSCORE', permits, '-inf', text(now))
    local used = redis.call('ZCARD', permits)
    while granted < want and redis.call('ZSCORE', permits, call .. (first + granted)) do
        -- A connection broke, and the call was sent again.
        granted = granted + 1
    end
    local free = limit - used
    if s.row > 0 then free = math.min(free, 1) end
    while granted < want and free > 0 do
        redis.call('ZADD', permits, text(now + lost), call .. (first + granted))
        granted, free, used = granted + 1, free - 1, used + 1
    end
    if s.row > 0 and granted > 0 then s.probe = now + per end
    if granted < want then
        local index = math.max(0, used - limit)
        local next = redis.call('ZRANGE', permits, index, index, 'WITHSCORES')
        -- A request in flight has its response now at the earliest, and frees its permit a window later.
        wait = next[2] and math.min(tonumber(next[2]) - now, per) or per / 50
        if s.row > 0 then wait = math.min(wait, per / 50) end
    end
end

local fields = {}
for name, value in pairs(s) do
    fields[#fields + 1] = name
    fields[#fields + 1] = type(value) == 'number' and text(value) or value
end
if not s.limit then redis.call('HDEL', state, 'limit') end
redis.call('HSET', state, unpack(fields))
redis.call('PEXPIRE', state, 7200000)
redis.call('PEXPIRE', permits, 7200000)
local throttled = ((s.blocked or 0) > now or (s.row > 0 and granted == 0)) and 1 or 0
return {text(now), s.born, granted, text(wait), throttled, s.epoch, limit}
"""
