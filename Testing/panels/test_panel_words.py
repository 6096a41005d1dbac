"""Refusals of the command line as a panel says them: every option that a message can name."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "what is missing is the patient's weight (--weight KG); the sex (--sex M|F|O)",
            "What is missing is the patient's weight; the sex",
        ),
        (
            "like Bq/ml: give --pet-units BQML with --weight KG, --dose MBQ, --injected TIME and "
            "--scan-started TIME, or give the DICOM series",
            "Like Bq/ml: give the units as Bq/ml with the weight, the injected dose, the time of "
            "injection and the start of the scan, or give the DICOM series",
        ),
        (
            "If you know the time, give it with --scan-started.",
            "If you know the time, give it as the start of the scan.",
        ),
        (
            "give the right times with --injected and --scan-started",
            "Give the right times as the time of injection and the start of the scan",
        ),
        (
            "taken as SUVbw (if they are, --pet-units SUVbw says so).",
            "Taken as SUVbw.",
        ),
        (
            "if the values are SUVbw, say so with --pet-units SUVbw",
            "If the values are SUVbw, say so",
        ),
        ("give --decay START|ADMIN|NONE", "Give the decay correction"),
        ("give it with --ct, and a PET as PET", "Give it as a CT, and a PET as PET"),
        ("use --region LOW,HIGH", "Use the region"),
        ("--margin 3 leaves less", "The margin 3 leaves less"),
        ("a well-known one -- so to speak", "A well-known one -- so to speak"),
    ],
)
def test_options_become_the_panels_words(host, words, said):
    from HNCLogic.panels.panel_words import for_panel

    assert for_panel(words) == said


def test_the_options_that_are_named(host):
    from HNCLogic.panels.panel_words import options_in

    assert options_in("give --pet-units BQML with --weight KG (--dose)") == {
        "pet-units",
        "weight",
        "dose",
    }
    assert options_in("a well-known one -- so to speak") == frozenset()
