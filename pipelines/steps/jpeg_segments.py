"""JPEG files as marker segments (ITU-T T.81, annex B): orientation, decoding body, stripping.

The choice worth knowing: a decoder is given the file without its end marker. libjpeg fills what a
damaged scan lacks with grey and only whispers about it; without the marker it has to ask for more
bytes, so missing picture data become an error instead of a grey stripe.
"""

import bisect
from dataclasses import dataclass

import numpy as np

from pipelines.steps.exif_orientation import UPRIGHT, minimal_exif, read_orientation

Bytes = bytes | memoryview
_SOI = b"\xff\xd8"
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_SEQUENTIAL = (0xC0, 0xC1)
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
# What may follow a scan: tables, the next scan, application data and the end (T.81, B.2).
_AFTER_SCAN = frozenset((0xC4, 0xCC, *range(0xD9, 0xDE), *range(0xE0, 0xF0), _COM))
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
# The decoder looks up to eight bytes ahead. All-ones bits are no Huffman code (T.81, annex C), so
# they satisfy the look-ahead and yet cannot stand in for missing blocks.
_PADDING = b"\xff\x00" * 8


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment, `data[start:end]`; a scan's segment includes its entropy-coded data."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JpegFile:
    """The segments after SOI in file order; `whole` says that the end marker was reached.

    `stray_at` is the offset of bytes inside the picture data that belong to no scan, or 0.
    """

    segments: tuple[Segment, ...]
    whole: bool
    stray_at: int = 0


def scan_jpeg(data: Bytes) -> JpegFile:
    """Split a JPEG into segments as far as its structure holds; never raises."""
    segments: list[Segment] = []
    at = 2
    markers: list[int] | None = None  # those behind the first scan
    while at + 1 < len(data):
        marker = data[at + 1]
        seen_scan = markers is not None
        if data[at] != 0xFF or (seen_scan and marker != 0xFF and marker not in _AFTER_SCAN):
            return JpegFile(tuple(segments), False, at if seen_scan else 0)
        if marker == _EOI:
            return JpegFile((*segments, Segment(_EOI, at, at + 2)), True)
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            break
        if marker == _SOS:
            markers = _markers(data, end) if markers is None else markers
            found = bisect.bisect_left(markers, end)
            end = markers[found] if found < len(markers) else len(data)
        segments.append(Segment(marker, at, end))
        at = end
    return JpegFile(tuple(segments), False)


def _markers(data: Bytes, start: int) -> list[int]:
    """Where markers stand behind `start`, but for restarts, stuffed zeros and fill bytes."""
    values = np.frombuffer(data, np.uint8)[start:]
    stuffed = values[1:] == 0  # nearly all of them: left out before positions are made
    at = np.flatnonzero((values[:-1] == 0xFF) & ~stuffed)
    after = values[at + 1]
    ends = (after != 0xFF) & (after & 0xF8 != 0xD0)
    found: list[int] = (at[ends] + start).tolist()
    return found


def jpeg_orientation(data: Bytes, file: JpegFile) -> int:
    """EXIF orientation 1-8 of the first Exif (or XMP) segment; 1 where it is absent or broken."""
    exif = xmp = None
    for segment in file.segments:
        if segment.marker == _APP1:
            payload = bytes(data[segment.start + 4 : segment.end])
            if payload.startswith(b"Exif\0\0"):
                exif = exif or payload
            elif payload.startswith(_XMP):
                xmp = xmp or payload
    return read_orientation(exif, xmp)


def jpeg_body(data: bytes, file: JpegFile) -> bytes:
    """The file for a decoder: no metadata, and of a single scan no end marker (see above)."""
    kept = [_SOI, *(_kept(data, segment) for segment in file.segments)]
    if file.whole and _one_sequential_scan(data, file):
        return b"".join([*kept[:-1], _PADDING])
    rest = file.segments[-1].end if file.segments else 2
    return b"".join(kept) + (b"" if file.whole else data[rest:])


def strip_jpeg(data: Bytes) -> list[Bytes] | None:
    """The same picture data without metadata or anything behind the end marker; None if broken.

    It comes in pieces to be joined, so that an export copies the picture data once. Kept are JFIF
    (without its thumbnail), ICC profiles and Adobe's colour transform. A picture that has to be
    turned keeps an Exif segment with the orientation alone.
    """
    file = scan_jpeg(data)
    if not file.whole:
        return None
    view = memoryview(data)
    pieces = [_kept(view, segment) for segment in file.segments]
    orientation = jpeg_orientation(data, file)
    if orientation != UPRIGHT:
        # JFIF has to come first; every reader looks for Exif behind it as well.
        pieces.insert(1 if pieces[0][:2] == b"\xff\xe0" else 0, _exif_segment(orientation))
    return [_SOI, *pieces]


def _exif_segment(orientation: int) -> bytes:
    payload = b"Exif\0\0" + minimal_exif(orientation)
    return b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload


def _kept(data: Bytes, segment: Segment) -> Bytes:
    """The segment as it stays, b"" if it is metadata."""
    marker, raw = segment.marker, data[segment.start : segment.end]
    if marker == _APP0 and raw[4:9] == b"JFIF\0" and len(raw) >= 18:
        return b"".join([raw[:2], b"\x00\x10", raw[4:16], b"\0\0"])
    if marker == _APP2 and raw[4:16] == b"ICC_PROFILE\0":
        return raw
    if marker == _APP14 and raw[4:9] == b"Adobe":
        return raw
    return b"" if marker == _COM or _APP0 <= marker <= _APP15 else raw


def _one_sequential_scan(data: bytes, file: JpegFile) -> bool:
    """Whether one Huffman-coded scan holds all components, so that the end marker can go."""
    scans = [segment for segment in file.segments if segment.marker == _SOS]
    frames = [segment for segment in file.segments if segment.marker in _SEQUENTIAL]
    if len(scans) != 1 or len(frames) != 1 or frames[0].end - frames[0].start < 10:
        return False
    return data[scans[0].start + 4] == data[frames[0].start + 9]
