"""Decisions as data: the labelled cases under ``tests/cases``, as files that the command reads and answers that it must give."""

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]
FOLDER = Path(__file__).parent / "cases"
GIVEN: Document = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))


def books() -> Iterator[Document]:
    """Every file of cases; one without a world of its own has that of the given cases."""
    for path in sorted(FOLDER.glob("*.json")):
        yield {"world": GIVEN["world"], "order": GIVEN["order"], **json.loads(path.read_text(encoding="utf-8"))}


def cases() -> list[tuple[Document, Document]]:
    """Each case with its book."""
    return [(book, case) for book in books() for case in book["cases"]]


def change(document: Document, changes: Document) -> Document:
    """Sets, by JSON Pointer, what differs; null removes."""
    document = copy.deepcopy(document)
    for pointer, value in changes.items():
        *path, last = pointer.split("/")[1:]
        target: Any = document
        for part in path:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        place: Any = int(last) if isinstance(target, list) else last
        if value is None:
            del target[place]
        elif isinstance(target, list) and place == len(target):
            target.append(value)
        else:
            target[place] = value
    return document


def message(base: Document, spec: Document, number: int) -> bytes:
    """One order of a case, as it is sent."""
    order = change(base, {"/order_id": f"SO-{number}"} | {k: v for k, v in spec.items() if k.startswith("/")})
    if "lines" in spec:
        order["lines"] = [{**order["lines"][0], "line": n} for n in range(1, spec["lines"] + 1)]
    text: str = spec.get("text", json.dumps(order, ensure_ascii=False))
    if "replace" in spec:
        old, new = spec["replace"]
        assert text.count(old) == 1, (number, old)
        text = text.replace(old, new)
    return text.encode(spec.get("encoding", "utf-8")).ljust(spec.get("size", 0))


def messages(book: Document, case: Document) -> list[bytes]:
    return [message(book["order"], spec, number) for number, spec in enumerate(case["orders"], 1)]


def registry_file(book: Document, case: Document) -> bytes:
    """The snapshot of a case; with ``as_of`` it has a header, which ``header`` changes."""
    facts = [f for f in book["world"] if "as_of" not in case or f["program"] == "lemtrada"] + case.get("facts", [])
    body = "".join((f if isinstance(f, str) else json.dumps(f)) + "\n" for f in facts).encode()
    if "as_of" not in case:
        return body
    sequence = max(fact["sequence"] for fact in facts if isinstance(fact, dict))
    header = {"snapshot": "lemtrada", "sequence": sequence, "as_of": case["as_of"], "facts": len(facts)}
    header["sha256"] = hashlib.sha256(body).hexdigest()
    return json.dumps(header | case.get("header", {})).encode() + b"\n" + body


def written(answer: Document) -> list[str]:
    """An answer as a case writes it: repeat, then each line's outcome with its codes; brackets do not stop; ``@`` is the site."""
    lines = []
    for line in answer["lines"]:
        codes = [reason["code"] if reason["stops"] else f"({reason['code']})" for reason in line["reasons"]]
        lines.append(" ".join([line["outcome"], *codes, f"@{line['site_id'] or '-'}"]))
    return ["repeat", *lines] if answer.get("repeat") else lines


def difference(expected: Any, answer: Document) -> str | None:
    """How an answer differs from what a case expects of it."""
    if isinstance(expected, dict):
        wanted = [[pointers] if isinstance(pointers, str) else pointers for pointers in expected["refused"]]
        got = answer.get("refused", {}).get("problems", {})
        return None if got and all(set(pointers) & set(got) for pointers in wanted) else f"wanted {expected}, got {answer}"
    if "refused" in answer:
        return f"wanted {expected}, got {answer}"
    lines = written(answer)
    if len(lines) != len(expected):
        return f"wanted {expected}, got {lines}"
    # The site is compared where the case names it.
    sited = [line if "@" in line or line == "repeat" else f"{line} {got.split()[-1]}" for line, got in zip(expected, lines, strict=True)]
    fits = [sorted(line.split()) for line in sited] == [sorted(line.split()) for line in lines]
    return None if fits else f"wanted {expected}, got {lines}"
