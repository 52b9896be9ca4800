"""Runs inside the sandbox: one Vega-Lite specification a line, one answer with a picture each.

It is handed over as a file and imports nothing of ours. A request is a JSON line `{"spec": ...,
"scale": ..., "max_side": ...}`; the answer a JSON line `{"png": bytes that follow}`, `{"large":
[width, height]}` or `{"error": words}`. The drawing is the SVG's, so that its size is known first.
"""

import json
import re
import sys

_SIDES = re.compile(r'<svg[^>]*?\bwidth="([0-9.]+)"[^>]*?\bheight="([0-9.]+)"')


def answer(request: dict) -> tuple[dict, bytes]:
    """The head of the answer and the picture that follows it."""
    import vl_convert

    try:
        svg = vl_convert.vegalite_to_svg(request["spec"], allowed_base_urls=[])
        found = _SIDES.search(svg)
        if not found:
            return {"error": "the specification draws nothing"}, b""
        sides = [float(side) * request["scale"] for side in found.groups()]
        if max(sides) > request["max_side"]:
            return {"large": sides}, b""
        png = vl_convert.svg_to_png(svg, scale=request["scale"])
    except ValueError as error:
        return {"error": str(error)}, b""
    return {"png": len(png)}, png


def main() -> None:
    """Answer until the input ends."""
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        head, png = answer(json.loads(line))
        out.write(json.dumps(head).encode() + b"\n" + png)
        out.flush()


if __name__ == "__main__":
    main()
