"""To which time values are decay-corrected, where the header's ways to it differ."""

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from HNCLogic.images.suv_header import PetHeader, parse_datetime, parse_time
from HNCLogic.images.suv_time import average_count_time_s, iso, reference_time, value_times

F18 = 6586.2
SCAN = datetime(2024, 3, 5, 11, 0, 0)
INJECTED = SCAN - timedelta(hours=1)


def after(seconds):
    return SCAN + timedelta(seconds=seconds)


def bed(start_s, *, reference_s=None, duration_s=180.0, series=SCAN, acquired=None, **more):
    """A bed that starts ``start_s`` after the scan; DICOM's frame reference time unless given."""
    middle = average_count_time_s(duration_s, F18)
    return PetHeader(
        acquisition=after(start_s) if acquired is None else acquired,
        series=series,
        duration_s=duration_s,
        frame_reference_s=start_s + middle if reference_s is None else reference_s,
        **more,
    )


def found(headers, **more):
    return reference_time(headers, INJECTED, F18, **more)


def seconds_off(answer, at=SCAN):
    return abs((answer.at - at).total_seconds())


def test_all_agree():
    answer = found([bed(s) for s in (0, 180, 360)])
    assert seconds_off(answer) < 0.01
    assert answer.warnings == []
    assert "SeriesTime" in answer.source


@given(st.integers(60, 5000))
def test_a_later_series_time_is_not_believed(late):
    answer = found([bed(s, series=after(late)) for s in (0, 180, 360)])
    assert seconds_off(answer) < 0.01
    assert bool(answer.warnings) == (2 ** (late / F18) - 1 > 0.05)


def test_an_earlier_dummy_series_time_is_outvoted_by_the_frames():
    answer = found([bed(s, series=after(-1200)) for s in (0, 180, 360)])
    assert seconds_off(answer) < 0.01
    assert "12% lower" in answer.warnings[0]
    assert "--scan-started" in answer.warnings[0]


def test_a_series_time_before_the_injection_is_not_used():
    answer = found([bed(0, series=SCAN.replace(hour=0), reference_s=0)])
    assert seconds_off(answer) == 0
    assert "AcquisitionTime" in answer.source


def test_frames_cut_from_the_middle_of_a_scan_still_tell_its_start():
    answer = found([bed(s, series=after(9000)) for s in (720, 900)])
    assert seconds_off(answer) < 0.01


def test_frame_reference_times_that_are_the_frames_starts():
    """Some GE files: 0 in the first bed, so it cannot be the middle of a frame."""
    headers = [bed(s, reference_s=s, series=after(7200)) for s in (0, 243, 486)]
    assert seconds_off(found(headers)) < 0.01


def test_a_decay_factor_tells_starts_from_middles():
    middle = average_count_time_s(180, F18)
    headers = [
        bed(s, reference_s=s, series=after(7200), decay_factor=2 ** ((s + middle) / F18))
        for s in (243, 486)
    ]
    assert seconds_off(found(headers)) < 0.01


def test_one_acquisition_time_for_all_beds_is_the_scans_start():
    headers = [bed(s, reference_s=s, acquired=SCAN) for s in (0, 243, 486)]
    answer = found(headers)
    assert seconds_off(answer) == 0
    assert answer.warnings == []


def test_frame_reference_times_in_seconds_are_not_believed():
    headers = [bed(s, reference_s=(s + 90) / 1000, series=after(3600)) for s in (0, 1800)]
    assert seconds_off(found(headers)) < 0.01  # the earliest acquisition


def test_a_statement_of_the_time_goes_first():
    headers = [
        bed(1800, reference_s=90.0, corrected_to=SCAN, corrected_to_tag="GE's PET scan date")
    ]
    answer = found(headers)
    assert seconds_off(answer) == 0
    assert "GE's PET scan date" in answer.source
    assert "21% higher" in answer.warnings[0]


def test_the_scanners_own_factor_decides():
    headers = [bed(1, reference_s=1328.7, duration_s=120.7)]
    assert seconds_off(found(headers)) == 0  # SeriesTime
    early = found(headers, scanners_own=after(-1268))
    assert seconds_off(early, after(-1267)) < 2
    assert "scanner's own" in early.source


def test_nothing_says():
    assert found([PetHeader()]) is None


def test_values_without_decay_correction_belong_to_each_frames_middle():
    middle = average_count_time_s(180, F18)
    at = value_times([bed(s) for s in (0, 180)], F18)
    assert [(t - SCAN).total_seconds() for t in at] == pytest.approx([middle, 180 + middle])
    same = value_times([bed(s, reference_s=s, acquired=SCAN) for s in (0, 243)], F18)
    assert [(t - SCAN).total_seconds() for t in same] == pytest.approx([middle, 243 + middle])
    assert value_times([bed(0), PetHeader(duration_s=180.0)], F18) is None


@given(st.floats(1, 20000), st.floats(60, 1e6))
def test_average_count_time_is_where_the_mean_activity_is(duration, half_life):
    decay = math.log(2) / half_life
    mean = -math.expm1(-decay * duration) / (decay * duration)
    assert math.exp(-decay * average_count_time_s(duration, half_life)) == pytest.approx(mean)
    assert 0 < average_count_time_s(duration, half_life) <= duration / 2 * (1 + 1e-6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("110203.25", 39723.25),
        ("1102", 39720),
        ("11", 39600),
        ("11:02:03", 39723),
        ("110260", 39779),
    ],
)
def test_times_are_read(text, seconds):
    at = parse_time(text)
    assert at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6 == seconds


@pytest.mark.parametrize("text", ["", "noon", "2460", "11:2", "1 1"])
def test_what_is_no_time(text):
    assert parse_time(text) is None


@pytest.mark.parametrize(
    "text", ["20240305110000", "20240305110000.000000+0100", "2024-03-05T11:00", "2024-03-05 11:00"]
)
def test_dates_with_times_are_read(text):
    assert parse_datetime(text) == SCAN
    assert parse_datetime("20241305110000") is None


def test_private_elements_are_found_in_their_creators_block():
    header = Dataset()
    header.add_new(0x00090010, "LO", "SOMEONE ELSE")
    header.add_new(0x0009100D, "DT", "20200101000000")
    header.add_new(0x00090011, "LO", "GEMS_PETD_01")
    header.add_new(0x0009110D, "UN", b"20240305110000.00\0")
    assert PetHeader.of(header).corrected_to == SCAN


def test_a_time_without_a_date_is_written_without_one():
    header = Dataset()
    header.AcquisitionTime = "110000"
    assert iso(PetHeader.of(header).acquisition) == "11:00:00"
    assert iso(SCAN) == "2024-03-05T11:00:00"
