"""A small writer of SVG: shapes in the colours of a theme."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    paper: str
    text: str
    muted: str
    grid: str
    band: str
    gain: str
    loss: str


LIGHT = Theme("#ffffff", "#1f2328", "#59636e", "#d8dee4", "#f6f8fa", "#0f766e", "#c2410c")
DARK = Theme("#0d1117", "#f0f6fc", "#9198a1", "#30363d", "#151b23", "#2dd4bf", "#fb923c")
THEMES = {"light": LIGHT, "dark": DARK}

FONT = (
    "-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif"
)


@dataclass
class Picture:
    """A picture that grows by shapes."""

    width: int
    height: int
    theme: Theme
    about: str
    shapes: list[str] = field(default_factory=list)

    def rectangle(
        self, x: float, y: float, width: float, height: float, fill: str, opacity: float = 1
    ) -> None:
        """Draw a filled rectangle."""
        self._add("rect", x=x, y=y, width=max(width, 0), height=height, fill=fill, fill_opacity=opacity)

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1) -> None:
        """Draw a line."""
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width)

    def dot(
        self, x: float, y: float, radius: float, fill: str, title: str = "", opacity: float = 0.6
    ) -> None:
        """Draw a dot; where the picture is opened by itself, pointing at it shows the title."""
        self._add("circle", title, cx=x, cy=y, r=radius, fill=fill, fill_opacity=opacity)

    def diamond(self, x: float, y: float, radius: float, fill: str, title: str = "") -> None:
        """Draw a square that stands on a corner."""
        corners = ((0, -radius), (radius, 0), (0, radius), (-radius, 0))
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        self._add("polygon", title, points=points, fill=fill)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        fill: str,
        size: float = 12,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Write a line of text with its base line at y."""
        weight = "600" if bold else "400"
        self._add(
            "text", None, text, x=x, y=y, fill=fill, font_size=size, text_anchor=anchor, font_weight=weight
        )

    def _add(self, tag: str, title: str | None = None, content: str = "", **attributes: object) -> None:
        written = " ".join(
            f"{name.replace('_', '-')}={quoteattr(_number(value))}"
            for name, value in attributes.items()
            if not (name == "fill_opacity" and value == 1)
        )
        inner = f"<title>{escape(title)}</title>" if title else escape(content)
        self.shapes.append(f"<{tag} {written}>{inner}</{tag}>" if inner else f"<{tag} {written}/>")

    def __str__(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img" font-family={quoteattr(FONT)}>'
        )
        paper = f'<rect width="100%" height="100%" fill="{self.theme.paper}"/>'
        return "\n".join([head, f"<title>{escape(self.about)}</title>", paper, *self.shapes, "</svg>", ""])


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
