"""The SUV box's fields: read from headers and records, checked, and the formula they make."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from HNCLogic.images.suv import suv_factors
from HNCLogic.images.suv_header import PetHeader
from HNCLogic.job import SuvByHand
from Testing.unit.dicom_writer import pet_header


@pytest.fixture
def suv_fields(host):
    from HNCLogic.panels import suv_fields

    return suv_fields


def headers(**changes) -> list[PetHeader]:
    made = pet_header()
    tracer = made.RadiopharmaceuticalInformationSequence[0]
    for name, value in changes.items():
        setattr(tracer if name.startswith("Radio") else made, name, value)
    return [PetHeader.of(made)]


def test_the_fields_of_an_ordinary_header(suv_fields):
    found = suv_fields.from_headers(headers())
    assert found == suv_fields.SuvFields("70", "350", "10:00:00", "START", "11:00:00", "109.77")
    assert suv_fields.missing(found) == []
    assert suv_fields.problems(found) == {}


def test_grams_and_mbq_are_told_as_when_the_image_is_read(suv_fields):
    found = suv_fields.from_headers(headers(PatientWeight="70000", RadionuclideTotalDose="350"))
    assert (found.weight, found.dose) == ("70", "350")


def test_what_a_header_does_not_say_stays_empty_and_is_named(suv_fields):
    found = suv_fields.from_headers(
        headers(
            PatientWeight="",
            RadionuclideTotalDose="0",
            RadiopharmaceuticalStartTime="",
            DecayCorrection="",
        )
    )
    assert (found.weight, found.dose, found.injected, found.decay) == ("", "", "", "")
    assert suv_fields.missing(found) == ["weight", "dose", "injected"]
    assert suv_fields.formula(found.with_defaults()) == ""


@pytest.mark.parametrize(
    ("changes", "by_hand"),
    [
        ({}, {}),
        ({}, {"weight": "82,5", "injected": "10:20"}),
        ({}, {"dose": "212", "half_life": "20.36", "reference": "10:31:30"}),
        ({"DecayCorrection": "ADMIN"}, {}),
        (
            {
                "RadiopharmaceuticalStartTime": "233000",
                "SeriesTime": "001500",
                "AcquisitionTime": "001500",
            },
            {},
        ),
        (
            {
                "RadiopharmaceuticalStartDateTime": "20240304233000",
                "RadiopharmaceuticalStartTime": "233000",
                "SeriesTime": "001500",
                "AcquisitionTime": "001500",
            },
            {"weight": "61"},
        ),
    ],
)
def test_the_formula_shown_gives_the_factor_that_is_used(suv_fields, changes, by_hand):
    header = headers(**changes)
    found = suv_fields.from_headers(header)
    given = replace(found, **by_hand)
    shown = float(re.search(r"value\s×\s([\d.e-]+)$", suv_fields.formula(given))[1])
    stated = suv_fields.by_hand(given, suv_fields.changed(given, found))
    assert set(stated) == {suv_fields.JOB_NAMES[name] for name in by_hand}
    factors, _record = suv_factors(header, SuvByHand(**stated))
    assert shown == pytest.approx(float(factors[0]), rel=1e-3)


def test_a_volume_without_headers_gets_everything_by_hand(suv_fields):
    given = replace(
        suv_fields.SuvFields().with_defaults(),
        weight="70",
        dose="350",
        injected="10:00",
        reference="11:00",
    )
    stated = suv_fields.by_hand(given, list(suv_fields.JOB_NAMES))
    assert stated == {
        "weight_kg": 70.0,
        "dose_mbq": 350.0,
        "injected": "10:00:00",
        "decay_correction": "START",
        "scan_started": "11:00:00",
        "half_life_s": pytest.approx(6586.2),
    }
    factors, record = suv_factors(
        [PetHeader(corrections=("ATTN",))], SuvByHand(units="BQML", **stated)
    )
    assert f"×\N{NO-BREAK SPACE}{factors[0]:.4g}" in suv_fields.formula(given)
    again = suv_fields.from_record(record.model_dump(mode="json"))
    assert suv_fields.changed(again, given) == []


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("weight", "seventy", "not a number"),
        ("weight", "1", "Between 2 and 500"),
        ("weight", "nan", "Between 2 and 500"),
        ("dose", "350000000", "Between 0.1 and 10000"),
        ("half_life", "0", "Between"),
        ("injected", "10", "HH:MM"),
        ("injected", "25:00", "HH:MM"),
        ("injected", "11:30", "after the scan"),
        ("injected", "2024-03-04 10:00", "too long before"),
        ("reference", "soon", "HH:MM"),
    ],
)
def test_bad_text_is_said_at_its_field(suv_fields, field, text, words):
    found = suv_fields.SuvFields("70", "350", "10:00:00", "START", "2024-03-05 11:00:00", "109.77")
    given = replace(found, **{field: text})
    problems = suv_fields.problems(given)
    assert list(problems) == [field]
    assert words in problems[field]
    assert suv_fields.formula(given) == ""


def test_spelling_is_no_change(suv_fields):
    found = suv_fields.from_headers(headers())
    given = replace(found, weight="70,0", injected="10:00")
    assert suv_fields.changed(given, found) == []


def test_a_scan_after_midnight_shows_the_dates(suv_fields):
    found = suv_fields.from_headers(
        headers(
            RadiopharmaceuticalStartTime="233000", SeriesTime="001500", AcquisitionTime="001500"
        )
    )
    assert (found.injected, found.reference) == ("2024-03-04 23:30:00", "2024-03-05 00:15:00")


def test_what_was_given_by_hand_is_laid_over_the_headers(suv_fields):
    header = headers()
    factors, record = suv_factors(header, SuvByHand(weight_kg=82.5, injected="10:05"))
    found = suv_fields.from_headers(header)
    shown = suv_fields.with_hand(found, record.model_dump(mode="json"))
    assert suv_fields.changed(shown, found) == ["weight", "injected"]
    assert f"×\N{NO-BREAK SPACE}{factors[0]:.4g}" in suv_fields.formula(shown)
