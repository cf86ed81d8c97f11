"""Results of a round in the formats of other tools.

Every module here is one format and one pure function: results, engagement and round in, bytes out; the same
values give the same bytes. One rule holds in all of them: only 符合 is a pass. 待补证, 无法判定 and 未测 are
never one, and neither is 不适用. Nothing is told that the report does not print; no account, no address of an
asset, no telephone and no path of this machine.
"""
