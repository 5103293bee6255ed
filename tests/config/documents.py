"""Random TOML 1.1 documents from a seed, as awkward as the language allows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

SCALARS: Final = (
    "1", "-17", "0x1F", "1_000", "1.5", "6.02e23", "inf", "-nan", "true", "false", '""', "''", '"a#b"',
    "'a#b]'",
    '"tab\\tquote\\" back\\\\"', r"'C:\x'", '"\\u00e9 \\U0001F600"', '"\\e[0m\\x41"', '"日本"', "'é,}'",
    "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5-07:00", "1979-05-27 07:32", "1979-05-27", "07:32",
)  # fmt: skip
MULTI_LINE: Final = (
    '"""\nfirst\n  second # no comment\n[not.a.header]\n"""',
    '"""two quotes "" inside, and a \\""" escaped"""',
    '"""ends with quotes"""""',
    '""""begins with one"""',
    '"""a \\\n    b"""',
    "'''\nraw \\ text\n'' two\n'''",
    "'''ends with quotes'''''",
    '""""""',
    "''''''",
)
BARE: Final = ("a", "b", "c-d", "e_f", "1", "07", "1979-05-27", "true", "inf", "Z")
QUOTED: Final = ('"a.b"', "'a.b'", '"]"', '"= #"', '"\\u00e9"', "'日本'", '""', '"q\\"q"', "' '", '"a\\tb"')


class Writer:
    """Writes one document; names never meet by accident, because each new one gets a number."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def document(self) -> str:
        out = [self.pair(0) for _ in range(self.random.randint(0, 4))]
        out += [self.section() for _ in range(self.random.randint(0, 5))]
        text = "".join(out)
        if self.random.random() < 0.2:
            text = text.removesuffix("\n")
        if self.random.random() < 0.3:
            text = text.replace("\n", "\r\n")
        return text

    def key_part(self) -> str:
        self.count += 1
        if self.random.random() < 0.7:
            return f"{self.random.choice(BARE)}_{self.count}"
        quoted = self.random.choice(QUOTED)
        return f"{quoted[:-1]}_{self.count}{quoted[-1]}"

    def key(self) -> str:
        parts = [self.key_part() for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        return self.random.choice((".", " . ", "\t.")).join(parts)

    def section(self) -> str:
        match self.random.randint(0, 3):
            case 0:
                return self.header(f"[{self.pad(self.key())}]") + self.pairs()
            case 1:
                return self.tables()
            case 2:
                return self.dotted_siblings()
            case _:
                name = self.key()
                lower = self.header(f"[{name}.{self.key_part()}]") + self.pairs()
                return lower + self.header(f"[{name}]") + self.pairs()  # the upper table after the lower one

    def tables(self) -> str:
        name, inner = self.key(), self.key_part()
        out = ""
        for _ in range(self.random.randint(1, 4)):
            out += self.header(f"[[{self.pad(name)}]]") + self.pairs()
            if self.random.random() < 0.4:
                out += self.header(f"[{name}.{inner}]") + self.pairs()
            elif self.random.random() < 0.5:
                out += "".join(self.header(f"[[{name}.{inner}]]") + self.pairs() for _ in range(2))
        return out

    def dotted_siblings(self) -> str:
        first, second = self.key_part(), self.key_part()
        pairs = "".join(f"{first}.{second}.{self.key_part()} = {self.value(0)}\n" for _ in range(2))
        return self.header(f"[{self.key()}]") + pairs + f"{first}.{self.key_part()} = {self.value(0)}\n"

    def header(self, text: str) -> str:
        return f"{self.blank()}{self.random.choice(('', '  '))}{text}{self.comment()}\n"

    def pairs(self) -> str:
        return "".join(self.pair(0) for _ in range(self.random.randint(0, 3)))

    def pair(self, depth: int) -> str:
        return f"{self.blank()}{self.key()}{self.equals()}{self.value(depth)}{self.comment()}\n"

    def equals(self) -> str:
        return self.random.choice(("=", " = ", "\t=  "))

    def value(self, depth: int) -> str:
        kinds: tuple[Callable[[int], str], ...] = (self.scalar, self.scalar, self.array, self.table)
        return self.random.choice(kinds)(depth) if depth < 4 else self.scalar(depth)

    def scalar(self, depth: int) -> str:
        del depth
        return self.random.choice(SCALARS if self.random.random() < 0.8 else MULTI_LINE)

    def array(self, depth: int) -> str:
        return "[" + self.items([self.value(depth + 1) for _ in range(self.random.randint(0, 3))]) + "]"

    def table(self, depth: int) -> str:
        pairs = [
            f"{self.key()}{self.equals()}{self.value(depth + 1)}" for _ in range(self.random.randint(0, 3))
        ]
        return "{" + self.items(pairs) + "}"

    def items(self, items: list[str]) -> str:
        trailing = "," if items and self.random.random() < 0.4 else ""
        return self.gap() + f"{self.gap()},{self.gap()}".join(items) + self.gap() + trailing + self.gap()

    def gap(self) -> str:
        return self.random.choice(("", "", " ", "\n", ' # ] } , "\n  '))

    def pad(self, text: str) -> str:
        return f" {text} " if self.random.random() < 0.2 else text

    def blank(self) -> str:
        return self.random.choice(("", "", "", "\n", "# [no] 'header' = \"\n", "  \t\n"))

    def comment(self) -> str:
        return self.random.choice(("", "", " # = [ {", "  "))
