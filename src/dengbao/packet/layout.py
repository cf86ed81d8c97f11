"""Where everything lies in a packet: a BagIt 1.0 bag (RFC 8493) whose payload is an engagement folder.

```
<name>/
  bagit.txt  bag-info.txt  README.txt
  manifest-sha256.txt      every payload file; `sha256sum -c` reads it
  sm3sums.txt              the same files by SM3
  seal.json                who sealed what when (`model.Seal`)
  tagmanifest-sha256.txt   the tag files above; its own sha256 is the packet's digest
  statement.dsse.json      in-toto statement over all of it, signed with Ed25519
  data/
    engagement.yaml  custody.jsonl
    suites/<id>/…          the suite as it was used
    runs/round-N/…         every round: facts, raw transcripts, records, events
    evidence/…             the records that count, with their files
    out/…                  the report and forms
```
"""

from __future__ import annotations

from typing import Final

BAGIT: Final = "bagit.txt"
BAG_INFO: Final = "bag-info.txt"
README: Final = "README.txt"
MANIFEST: Final = "manifest-sha256.txt"
SM3_SUMS: Final = "sm3sums.txt"
SEAL: Final = "seal.json"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
STATEMENT: Final = "statement.dsse.json"
PAYLOAD: Final = "data"
CUSTODY: Final = "custody.jsonl"

# The tag files that the tag manifest lists; it cannot list itself, nor the signature that covers it.
TAGS: Final = (BAGIT, BAG_INFO, MANIFEST, SM3_SUMS, README, SEAL)
SCHEMA: Final = 1
