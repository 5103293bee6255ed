"""The picture as an object, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vsmtp.inspect.drawing.picture import Box, Picture


def as_object(picture: Picture) -> dict[str, Any]:
    """`stages` with their `tables` and `chains`, each rule with the key of the table that it jumps to."""
    return {
        "stages": [
            {
                "stage": strip.stage,
                "tables": [_box(picture, box) for box in strip.tables],
                "chains": [_box(picture, box) for box in strip.chains],
            }
            for strip in picture.strips
        ],
    }


def _box(picture: Picture, box: Box) -> dict[str, Any]:
    jumps = picture.jumps(box)
    return {
        "key": box.key,
        "title": box.title,
        "about": box.about,
        "rules": [{**asdict(entry), "jump": jumps.get(n)} for n, entry in enumerate(box.entries)],
    }
