"""A captured screen with its colours as an SVG picture."""

import re
from html import escape

CELL, LINE, MARGIN = 8.4, 18, 12
BASE = ["#1d1f21", "#cc6666", "#8fb35f", "#d9a441", "#6f9fd8", "#b294bb", "#70b8b0", "#c5c8c6",
        "#707880", "#e07a7a", "#b5d689", "#f0c674", "#93b8e8", "#c9aed3", "#93d3cb", "#ffffff"]
INK, PAPER = "#c5c8c6", "#1d1f21"


def color(number):
    if number < 16:
        return BASE[number]
    if number >= 232:
        level = 8 + (number - 232) * 10
        return f"#{level:02x}{level:02x}{level:02x}"
    steps = (0, 95, 135, 175, 215, 255)
    number -= 16
    return "#" + "".join(f"{steps[part]:02x}" for part in (number // 36, number // 6 % 6, number % 6))


def runs(line):
    """Pieces of a line with the look that escape sequences give them."""
    look = {"ink": None, "paper": None, "bold": False, "reverse": False, "underline": False, "dim": False}
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        match = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if not match:
            if part:
                yield part, dict(look)
            continue
        codes = [int(code or 0) for code in match.group(1).split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                look.update(ink=None, paper=None, bold=False, reverse=False, underline=False, dim=False)
            elif code in (1, 22):
                look["bold"] = code == 1
            elif code == 2:
                look["dim"] = True
            elif code in (4, 24):
                look["underline"] = code == 4
            elif code in (7, 27):
                look["reverse"] = code == 7
            elif code in (38, 48) and len(codes) >= 2 and codes[0] == 5:
                look["ink" if code == 38 else "paper"] = color(codes[1])
                codes = codes[2:]
            elif code in (39, 49):
                look["ink" if code == 39 else "paper"] = None
            elif 30 <= code <= 37 or 90 <= code <= 97:
                look["ink"] = color(code - 30 if code < 90 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                look["paper"] = color(code - 40 if code < 100 else code - 92)


def svg(screen, title):
    """The picture. Every character has a place of its own, whatever font there is."""
    lines = screen.rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = columns * CELL + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}" '
        'font-family="ui-monospace,DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14">',
        f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>']
    for row, line in enumerate(lines):
        column, top = 0, MARGIN + row * LINE
        for text, look in runs(line):
            ink, paper = look["ink"] or INK, look["paper"]
            if look["reverse"]:
                ink, paper = paper or PAPER, look["ink"] or INK
            left = MARGIN + column * CELL
            if paper:
                parts.append(f'<rect x="{left:.1f}" y="{top}" width="{len(text) * CELL:.1f}" height="{LINE}" '
                             f'fill="{paper}"/>')
            if text.strip():
                style = ' font-weight="bold"' if look["bold"] else ""
                style += ' text-decoration="underline"' if look["underline"] else ""
                style += ' opacity="0.65"' if look["dim"] else ""
                parts.append(f'<text x="{left:.1f}" y="{top + 14}" fill="{ink}" textLength="{len(text) * CELL:.1f}" '
                             f'xml:space="preserve"{style}>{escape(text)}</text>')
            column += len(text)
    return "\n".join(parts + ["</svg>", ""])
