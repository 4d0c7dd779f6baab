"""Texts that harm a careless reader. Deep and long ones are built here, never kept in a file."""

DEEP = 100_000
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 30)
)
"""Two kilobytes that are 9 to the power of 30 values."""
LADDER = "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 2000))
"""Deep because of its aliases, not because of its text."""

# Each is put in the place of a field's value.
VALUES = {
    "deep lists": "[" * DEEP,
    "deep mappings": "{a: " * DEEP,
    "deep keys": "? " * DEEP,
    "deep blocks": "\n  " + "- " * DEEP,
    "a number of 6,000 digits": "9" * 6000,
    "a hexadecimal number of 6,000 digits": "0x" + "f" * 6000,
    "a number of base 60": "1" + ":59" * 100_000,
    "a float beyond all bounds": "1.0e+999",
    "no number": ".nan",
    "a number without digits": "0x_",
    "half a character": '"\\ud800"',
    "an object of Python": "!!python/object/apply:os.system [exit]",
    "a tag": "!!binary aGk=",
    "a list": "[a, b]",
    "a mapping": "{a: b}",
    "a list for a name": "{[a]: b}",
    "a mapping for a name": "{{a: b}: c}",
    "an alias for a name": "&a x\n*a : y",
    "merged": "{<<: {a: b}}",
    "an alias of itself": "&a [*a]",
    "an alias of nothing": "*nobody",
    "a tab": "\n\tx: y",
    "an open quote": "'abc",
    "a control character": "\x07",
    "NUL": "a\0b",
    "many values": "[" + "a," * 400_000 + "]",
    "a long text": "x" * 900_000,
    "true": "true",
    "nothing": "~",
}
# Each is a whole file.
FILES = {
    "empty": b"",
    "comments": b"# nothing\n",
    "one word": b"word\n",
    "a list": b"- a\n",
    "two documents": b"---\na: b\n---\nc: d\n",
    "not UTF-8": b"a: \xff\xfe\n",
    "UTF-16": "mode: overlay\n".encode("utf-16"),
    "no text": bytes(range(256)),
    "another YAML": b"%YAML 9.9\n---\na: b\n",
    "laughs": LAUGHS.encode(),
    "a ladder": LADDER.encode(),
    "large": b"# " + b"x" * (8 << 20),
    "many lines": b"a: b\n" * 150_000,
}
