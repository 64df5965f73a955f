"""Encrypts one text as rage does, an implementation of age in Rust: to the recipients on its input, in
the ways that a file may be written. Answers the files in base64, by name."""

import base64
import json
import sys

import pyrage

given = json.load(sys.stdin)
text = given["text"].encode()
ours = pyrage.x25519.Recipient.from_str(given["recipient"])
others = [pyrage.x25519.Identity.generate().to_public() for _ in range(5)]
files = {
    "binary": pyrage.encrypt(text, [ours]),
    "armored": pyrage.encrypt(text, [ours], armored=True),
    "several": pyrage.encrypt(text, [*others, ours], armored=True),
    "foreign": pyrage.encrypt(text, others),
    "passphrase": pyrage.passphrase.encrypt(text, "correct horse"),
    "ssh": pyrage.encrypt(text, [pyrage.ssh.Recipient.from_str(given["ssh"])]),
}
json.dump({name: base64.b64encode(file).decode() for name, file in files.items()}, sys.stdout)
