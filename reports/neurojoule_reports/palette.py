"""One colour and one marker a family, the same in the page and in the files.

Colours are those of Okabe & Ito 2008 (Color Universal Design), which people with any common colour
blindness can tell apart; the marker says the same for those who see none.
"""

from dataclasses import dataclass

INK = "#1a1a1a"


@dataclass(frozen=True)
class Style:
    """How a family is drawn.

    Attributes:
        family: its name.
        colour: on white; `text` is the same darkened, for words; `dark` is for a dark page.
        marker: name of the shape in the page's script; `mpl` is matplotlib's.
    """

    family: str
    colour: str
    text: str
    dark: str
    marker: str
    mpl: str


STYLES: tuple[Style, ...] = (
    Style("threshold", "#000000", "#000000", "#dddddd", "cross", "X"),
    Style("point", "#0072b2", "#005f95", "#56a8e0", "circle", "o"),
    Style("dendritic", "#d55e00", "#a84a00", "#f08a3c", "triangle", "^"),
    Style("surrogate", "#009e73", "#006e50", "#2cc79a", "square", "s"),
    Style("recurrent", "#cc79a7", "#93446f", "#e09cc3", "diamond", "D"),
    Style("spiking", "#e69f00", "#7d5600", "#f0b93a", "down", "v"),
    Style("biophysical", "#56b4e9", "#1f6a96", "#9ad4f7", "pentagon", "p"),
)
OTHER = Style("other", "#777777", "#5c5c5c", "#999999", "star", "*")


def style(family: str) -> Style:
    """The style of `family`; grey stars for one that is not known."""
    return next((s for s in STYLES if s.family == family), OTHER)


def css() -> str:
    """Fill and stroke of each family as classes `f-<family>` and `s-<family>`, light and dark."""
    styles = (*STYLES, OTHER)
    light = "".join(_rule(s.family, s.colour) for s in styles)
    dark = [(s.family, s.dark) for s in styles]
    chosen = "".join(_rule(name, colour, ':root[data-theme="dark"] ') for name, colour in dark)
    asked = "".join(
        _rule(name, colour, ':root:not([data-theme="light"]) ') for name, colour in dark
    )
    return f"{light}{chosen}@media (prefers-color-scheme: dark) {{ {asked}}}\n"


def _rule(family: str, colour: str, root: str = "") -> str:
    return f"{root}.f-{family} {{ fill: {colour}; }} {root}.s-{family} {{ stroke: {colour}; }}\n"
