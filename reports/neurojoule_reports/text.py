"""Tables as plain text, for the terminal and for Markdown."""

from collections.abc import Sequence
from unicodedata import east_asian_width


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 2) -> str:
    """Columns padded to a common width; all but the first `left` are set right."""
    lines = [[_line(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(_width(row[i]) for row in lines) for i in range(len(heads))]
    out = [
        "  ".join(_pad(c, w, left=i < left) for i, (c, w) in enumerate(_z(r, widths)))
        for r in lines
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in (out[0], rule, *out[1:]))


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 2) -> str:
    """A table as GitHub reads it, with bars and angle brackets in names made harmless."""
    rule = [":--" if i < left else "--:" for i in range(len(heads))]
    escaped = [[_markdown(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *escaped))


def plain(sentence: str) -> str:
    """A sentence as GitHub reads it: nothing in a name becomes markup or a new line."""
    return _markdown(sentence)


def _markdown(cell: str) -> str:
    text = _line(cell).replace("\\", "\\\\").replace("|", "\\|")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("`", "\\`")


def _line(cell: str) -> str:
    return "".join(c if c.isprintable() else " " for c in cell)


def _z(row: Sequence[str], widths: Sequence[int]) -> list[tuple[str, int]]:
    return list(zip(row, widths, strict=True))


def _width(text: str) -> int:
    """Columns in a terminal: wide characters take two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _pad(cell: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(cell))
    return cell + space if left else space + cell
