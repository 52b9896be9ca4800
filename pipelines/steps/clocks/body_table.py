"""All watch and clock bodies, one entry each; a new body is an entry here and nothing else.

The last few are dials that are no clocks: the time is not shown on them.
"""

from typing import Any

from pipelines.steps.clocks.bodies import (
    FLIP,
    FONT,
    GAUGE,
    JUMP,
    MATRIX,
    SEGMENTS,
    Body,
    Digits,
    Names,
    Subdial,
)

_SPORT = ("sword", "pencil", "arrow", "mercedes", "syringe")
_CLASSIC = ("breguet", "spade", "leaf", "dauphine")
_SLIM = ("baton", "dauphine", "leaf", "alpha")
_PLAIN = ("baton", "paddle", "pencil")
_SMALL = (Subdial("second", 0, 0.45, 0.28),)
_TWO = (Subdial("second", -0.44, 0, 0.26), Subdial("chrono_minute", 0.44, 0, 0.26))
_THREE = (*_TWO, Subdial("chrono_hour", 0, 0.44, 0.26))
_TALL = (
    Subdial("chrono_minute", 0, -0.44, 0.25),
    Subdial("second", -0.44, 0, 0.25),
    Subdial("chrono_hour", 0, 0.44, 0.25),
)
_CALENDAR = (Subdial("day", -0.42, 0, 0.26), Subdial("date", 0.42, 0, 0.26))


def _dial(name: str, numerals: str, marks: str, hands: Names = (), **more: Any) -> Body:
    """An analogue body; alternatives are separated by blanks."""
    return Body(
        name,
        numerals=tuple(numerals.split()),
        marks=tuple(marks.split()),
        hands=hands or Body.hands,
        **more,
    )


def _display(name: str, case: str, display: str, digits: Digits, scene: str) -> Body:
    outline = "round" if case == "smart_round" else "square"
    return Body(name, case, outline, display, seconds="", digits=digits, scene=scene)


def _gauge(name: str, case: str, low: int, high: int, unit: str) -> Body:
    return Body(name, case, display=GAUGE, hands=("needle",), seconds="", scale=(low, high, unit))


_WATCHES = (
    _dial("dress_bars", "none", "bars", _SLIM, seconds=""),
    _dial("dress_roman", "roman", "railroad dots", _CLASSIC),
    _dial("dress_diamonds", "none quarters", "diamonds", _SLIM),
    _dial("field_watch", "arabic24", "railroad bars", _SPORT),
    _dial("pilot_watch", "pilot", "bars", ("sword", "pencil")),
    _dial("minimal_dots", "none", "dots", _SLIM, seconds=""),
    _dial("minimal_bare", "none", "none", _SLIM, seconds=""),
    _dial("minimal_twelve", "twelve", "none dots", _SLIM),
    _dial("quarters_arabic", "quarters", "bars dots"),
    _dial("quarters_roman", "roman_quarters", "bars", _CLASSIC),
    _dial("even_numerals", "even", "bars railroad"),
    _dial("minute_numerals", "minutes", "railroad", _SPORT),
    _dial("diver", "none", "plots", _SPORT, bezel="diver"),
    _dial("diver_date", "none", "plots", _SPORT, bezel="diver", date="3"),
    _dial("two_zones", "none", "plots", _SPORT, bezel="hours24", extra=("gmt",)),
    _dial(
        "chronograph_two",
        "none even",
        "bars",
        _SLIM,
        seconds="small",
        subdials=_TWO,
        extra=("chronograph",),
    ),
    _dial(
        "chronograph_three",
        "none twelve",
        "bars",
        _SPORT,
        seconds="small",
        subdials=_THREE,
        extra=("chronograph",),
        bezel="tachymeter",
    ),
    _dial(
        "chronograph_tall",
        "none quarters",
        "bars plots",
        _SPORT,
        seconds="small",
        subdials=_TALL,
        extra=("chronograph",),
        date="3",
    ),
    _dial("small_seconds", "arabic even", "railroad", _SLIM, seconds="small", subdials=_SMALL),
    _dial("small_seconds_roman", "roman", "dots", _CLASSIC, seconds="small", subdials=_SMALL),
    _dial("date_three", "none even", "bars", date="3"),
    _dial("date_six", "quarters none", "bars", date="6"),
    _dial("date_half_past_four", "none twelve", "bars plots", _SPORT, date="4"),
    _dial("day_and_date", "none", "bars", _SLIM, date="day"),
    _dial("moon_phase", "roman arabic", "dots", _CLASSIC, extra=("moon",)),
    _dial("calendar_dials", "none", "bars", _SLIM, subdials=_CALENDAR, extra=("moon",)),
    _dial("am_pm_window", "even none", "bars", date="3", extra=("ampm",)),
    _dial(
        "regulator",
        "none",
        "railroad",
        _CLASSIC,
        seconds="small",
        subdials=(Subdial("hour", 0, -0.42, 0.33), Subdial("second", 0, 0.45, 0.29)),
    ),
    _dial("jumping_hour", "minutes", "dots", ("rim",), display=JUMP, seconds=""),
    _dial("dial_24_hours", "hours24", "hours24", _SPORT, dial_hours=24),
    _dial("dial_24_sparse", "hours24_even", "hours24", _PLAIN, dial_hours=24, seconds=""),
    _dial("square_bars", "none", "bars", _SLIM, outline="square"),
    _dial("square_arabic", "arabic", "dots", _PLAIN, outline="square"),
    _dial("tonneau_roman", "roman", "none dots", _CLASSIC, outline="tonneau"),
    _dial("tonneau_arabic", "arabic", "none", _SPORT, outline="tonneau", date="6"),
    _dial("rectangle_roman", "roman", "none", ("sword", "spade"), outline="rectangle", seconds=""),
    _dial("rectangle_deco", "even", "bars", _SLIM, outline="rectangle"),
    _dial("cushion_diver", "quarters", "plots", _SPORT, outline="cushion", date="3"),
    _dial("octagon_sport", "none", "bars", _PLAIN, outline="octagon", date="3"),
    _dial("oval_bracelet", "roman_quarters none", "dots", _SLIM, outline="oval", seconds=""),
    _dial("nurse_fob", "arabic", "railroad", _PLAIN, case="fob"),
    _dial("pocket_roman", "roman", "railroad", _CLASSIC, case="pocket", scene="classic"),
    _dial(
        "pocket_seconds",
        "arabic",
        "railroad",
        _CLASSIC,
        case="pocket",
        seconds="small",
        subdials=_SMALL,
        scene="classic",
    ),
)

_CLOCKS = (
    _dial("wall_arabic", "arabic", "railroad bars", _PLAIN, case="wall", scene="wall"),
    _dial("wall_roman", "roman", "dots railroad", _CLASSIC, case="wall", scene="wall", seconds=""),
    _dial("wall_minimal", "none", "bars dots", _PLAIN, case="wall", scene="wall", seconds=""),
    _dial("wall_square", "arabic", "dots", _PLAIN, case="wall", outline="square", scene="wall"),
    _dial("school_clock", "arabic24", "railroad", _PLAIN, case="wall", scene="wall"),
    _dial("sunburst", "twelve quarters", "bars", _PLAIN, case="sunburst", scene="wall", seconds=""),
    _dial("station_bars", "none", "station", ("paddle",), case="station", scene="station"),
    _dial("station_numerals", "arabic", "bars", ("paddle",), case="station", scene="station"),
    _dial("tower_clock", "roman", "railroad", ("spade",), case="tower", scene="tower", seconds=""),
    _dial("cuckoo_clock", "roman", "none", ("spade", "leaf"), case="cuckoo", seconds=""),
    _dial("mantel_clock", "roman arabic", "dots", _CLASSIC, case="mantel", scene="classic"),
    _dial(
        "longcase_clock",
        "roman",
        "railroad",
        ("spade", "breguet"),
        case="longcase",
        scene="classic",
        seconds="small",
        subdials=_SMALL,
    ),
    _dial("alarm_bells", "arabic", "railroad", _PLAIN, case="bells", extra=("alarm",)),
    _dial(
        "alarm_travel",
        "arabic",
        "dots",
        _PLAIN,
        case="desk",
        outline="cushion",
        extra=("alarm",),
    ),
    _dial("smart_analogue", "quarters none", "bars", _PLAIN, case="smart_round", scene="screen"),
    _dial(
        "smart_square_hands",
        "none even",
        "dots",
        _PLAIN,
        case="smart_square",
        outline="cushion",
        scene="screen",
        date="3",
    ),
    _dial(
        "hands_and_digits",
        "none",
        "bars",
        _SPORT,
        case="dual",
        digits=Digits(24, seconds=True),
        seconds="",
    ),
)

_DISPLAYS = (
    _display("digital_12", "digital", SEGMENTS, Digits(12, True, True, True), "lcd"),
    _display("digital_24", "digital", SEGMENTS, Digits(24, False, True, True), "lcd"),
    _display("digital_plain_12", "digital", SEGMENTS, Digits(12), "lcd"),
    _display("digital_led", "digital", SEGMENTS, Digits(12), "led"),
    _display("matrix_watch", "digital", MATRIX, Digits(24, date=True), "matrix"),
    _display("bedside_12", "bedside", SEGMENTS, Digits(12, True), "led"),
    _display("bedside_24", "bedside", SEGMENTS, Digits(24), "led"),
    _display("bedside_matrix", "bedside", MATRIX, Digits(12, True), "matrix"),
    _display("platform_board", "panel", MATRIX, Digits(24, seconds=True), "matrix"),
    _display("oven_clock", "panel", SEGMENTS, Digits(24), "led"),
    _display("dashboard_clock", "panel", SEGMENTS, Digits(12, True), "led"),
    _display("flip_24", "flip", FLIP, Digits(24), "flip"),
    _display("flip_12", "flip", FLIP, Digits(12, True), "flip"),
    _display("smart_round_digits", "smart_round", FONT, Digits(24, date=True), "screen"),
    _display("smart_square_12", "smart_square", FONT, Digits(12, True, date=True), "screen"),
    _display("smart_square_seconds", "smart_square", FONT, Digits(24, seconds=True), "screen"),
    _display("phone_lock_screen", "phone", FONT, Digits(24, date=True), "screen"),
    _display("phone_lock_12", "phone", FONT, Digits(12, date=True), "screen"),
)

_NO_CLOCKS = (
    _gauge("pressure_gauge", "wall", 0, 10, "bar"),
    _gauge("thermometer", "wall", -40, 60, "°C"),
    _gauge("speedometer", "wall", 0, 200, "km/h"),
    _gauge("kitchen_scale", "desk", 0, 10, "kg"),
)

BODIES = {body.name: body for body in (*_WATCHES, *_CLOCKS, *_DISPLAYS, *_NO_CLOCKS)}
