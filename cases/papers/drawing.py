"""The plan of a paper as a picture, for what holds no drawing of its own."""

import io

from PIL import Image, ImageDraw, ImageFont

from cases.papers.blocks import Plan

WIDTH = 1_600
# Drawn larger and made smaller, so that lines are smooth.
_FINER = 2


def draw_plan(plan: Plan) -> bytes:
    """Return a plan as PNG, ``WIDTH`` pixels wide, north up, with its scale bar."""
    scale = WIDTH * _FINER / plan.size[0]
    height = plan.size[1]
    picture = Image.new("RGB", (WIDTH * _FINER, round(height * scale)), "white")
    pen = ImageDraw.Draw(picture)
    for (fill, outline), rings in plan.layers():
        for ring in rings:
            points = [(x * scale, (height - y) * scale) for x, y in ring]
            pen.polygon(points, fill=fill, outline=outline, width=2 * _FINER)
    _scale(pen, plan, scale)
    smooth = picture.resize((WIDTH, picture.height // _FINER), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    smooth.save(out, "PNG", optimize=True)
    return out.getvalue()


def _scale(pen: ImageDraw.ImageDraw, plan: Plan, scale: float) -> None:
    unit, bottom = max(plan.size) / 100 * scale, plan.size[1] * scale
    left, right, low = 2 * unit, 2 * unit + plan.bar_m * scale, bottom - 2 * unit
    pen.rectangle([unit, bottom - 7 * unit, right + unit, bottom - unit], fill="white")
    ends = [(left, low - 0.8 * unit), (left, low), (right, low), (right, low - 0.8 * unit)]
    pen.line(ends, fill="#222222", width=max(1, round(unit / 5)))
    font = ImageFont.load_default(3 * unit)
    pen.text((left, bottom - 6.6 * unit), f"{plan.bar_m} m", fill="#222222", font=font)
