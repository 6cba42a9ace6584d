"""Decodes a product-quantised file of weights by the rule in its metadata. usage: decode.py FILE OUT

OUT gets a line for each tensor: its name in the network, and the SHA-256 of its elements as little-endian f32,
zeros without a sign.
"""

import hashlib
import json
import sys

import numpy as np

source, target = sys.argv[1:]
raw = open(source, "rb").read()
size = int.from_bytes(raw[:8], "little")
head = json.loads(raw[8 : 8 + size])
assert head.pop("__metadata__")["decode"].startswith("W=codebook[codes_matrix].reshape(out,in,kh,kw)")
kinds = {"F32": "<f4", "F16": "<f2", "U8": "u1", "I16": "<i2"}
given = {}
for name, row in head.items():
    begin, end = row["data_offsets"]
    given[name] = np.frombuffer(raw[8 + size + begin : 8 + size + end], kinds[row["dtype"]]).reshape(row["shape"])
with open(target, "w") as f:
    for name, x in given.items():
        layer, field = name.rsplit(".", 1)
        if field == "codebook":
            continue
        if field == "codes_matrix":
            name, x = layer + ".weight", given[layer + ".codebook"][x.astype(np.int64)]
        f.write(name + " " + hashlib.sha256((x.astype("<f4") + np.float32(0)).tobytes()).hexdigest() + "\n")
