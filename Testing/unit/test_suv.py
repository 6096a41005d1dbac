"""SUV from header values: every unit, what is missing, what is given by hand."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from HNCLogic.images.suv import suv_factors, suv_warnings
from HNCLogic.images.suv_body import MASSES, mass_kg, surface_cm2
from HNCLogic.job import SuvByHand
from Testing.unit.dicom_writer import pet_header
from Testing.unit.refusal import refused

USUAL = 70e3 / (350e6 * 0.5 ** (3600 / 6586.2))  # of dicom_writer.pet_header


def header(drop=(), **values):
    """An ordinary PET header with attributes changed or dropped, also in the tracer's item."""
    dataset = pet_header()
    (tracer,) = dataset.RadiopharmaceuticalInformationSequence
    for name in drop:
        delattr(tracer if name in tracer else dataset, name)
    for name, value in values.items():
        into = tracer if name.startswith("Radio") else dataset
        setattr(into, name, value)
    return dataset


def factor(dataset, **by_hand):
    factors, record = suv_factors([dataset, dataset], SuvByHand(**by_hand))
    assert factors.shape == (2,)
    assert factors[0] == factors[1] == record.factor_min == record.factor_max
    return factors[0], record


def test_the_usual_case_and_its_record():
    value, record = factor(header())
    assert value == pytest.approx(USUAL, rel=1e-12)
    assert record.units_found == "BQML"
    assert (record.weight_kg, record.dose_mbq, record.half_life_s) == (70, 350, 6586.2)
    assert record.dose_at_reference_mbq == pytest.approx(350 * 0.5 ** (3600 / 6586.2))
    assert record.injected == "2024-03-05T10:00:00"
    assert record.reference_time == "2024-03-05T11:00:00"
    assert record.decay_correction == "START"
    assert record.warnings == record.given_by_hand == []
    for part in ("70 kg", "350.0 MBq", "10:00:00", "11:00:00", "60.0 min", "109.77 min"):
        assert part in record.formula
    assert "SeriesTime" in record.source


def test_everything_missing_is_named_at_once_with_its_option():
    bare = header(
        drop=[
            *("Units", "PatientWeight", "DecayCorrection", "RadionuclideTotalDose"),
            *("RadionuclideHalfLife", "RadiopharmaceuticalStartTime", "RadionuclideCodeSequence"),
            *("SeriesTime", "AcquisitionTime"),
        ]
    )
    refused(
        *("--weight KG", "--dose MBQ", "--injected TIME", "--scan-started TIME"),
        *("--half-life S", "--pet-units", "--decay START|ADMIN|NONE"),
        by=lambda: factor(bare),
    )
    value, record = factor(
        bare,
        weight_kg=70,
        dose_mbq=350,
        injected="10:00",
        scan_started="11:00:00",
        half_life_s=6586.2,
        units="BQML",
        decay_correction="START",
    )
    assert value == pytest.approx(USUAL, rel=1e-12)
    assert set(record.given_by_hand) == {
        *("weight_kg", "dose_mbq", "injected", "scan_started", "half_life_s", "units"),
        "decay_correction",
    }


@pytest.mark.parametrize(
    ("drop", "option"),
    [
        ("PatientWeight", "--weight KG"),
        ("RadionuclideTotalDose", "--dose MBQ"),
        ("RadiopharmaceuticalStartTime", "--injected TIME"),
        ("DecayCorrection", "--decay START|ADMIN|NONE"),
        ("Units", "--pet-units BQML|SUVbw"),
    ],
)
def test_one_missing_value_is_the_only_one_named(drop, option):
    message = refused(option, by=lambda: factor(header(drop=[drop])))
    assert message.count("--") == 1


@pytest.mark.parametrize("weight", ["0", ""])
def test_a_weight_of_zero_is_no_weight(weight):
    refused("--weight KG", by=lambda: factor(header(PatientWeight=weight)))


def test_by_hand_replaces_the_header():
    assert factor(header(), weight_kg=84)[0] == pytest.approx(USUAL * 1.2)
    assert factor(header(), dose_mbq=175)[0] == pytest.approx(USUAL * 2)
    later = 0.5 ** (600 / 6586.2)
    assert factor(header(), injected="10:10")[0] == pytest.approx(USUAL * later)
    assert factor(header(), injected="2024-03-05T10:10:00")[0] == pytest.approx(USUAL * later)
    assert factor(header(), scan_started="10:50")[0] == pytest.approx(USUAL * later)
    other = 70e3 / (350e6 * 0.5 ** (3600 / 4062.6))
    value, record = factor(header(), half_life_s=4062.6)
    assert value == pytest.approx(other)
    assert "67.7 min is not that of FDG" in record.warnings[0]
    assert factor(header(), decay_correction="ADMIN")[0] == pytest.approx(70e3 / 350e6)


def test_times_by_hand_that_are_no_times():
    refused("--injected noon", "HH:MM", by=lambda: factor(header(), injected="noon"))
    refused("--scan-started 25:00", by=lambda: factor(header(), scan_started="25:00"))


def test_weight_in_grams_and_dose_in_mbq_are_told_and_noted():
    value, record = factor(header(PatientWeight="70000", RadionuclideTotalDose="350"))
    assert value == pytest.approx(USUAL)
    assert (record.weight_kg, record.dose_mbq) == (70, 350)
    assert any("grams" in warning for warning in record.warnings)
    assert any("MBq" in warning for warning in record.warnings)


def test_weight_and_dose_that_fit_no_unit():
    refused("neither kg nor g", "--weight KG", by=lambda: factor(header(PatientWeight="1.75")))
    refused("neither Bq nor MBq", by=lambda: factor(header(RadionuclideTotalDose="350000")))
    refused("to be given in MBq", by=lambda: factor(header(), dose_mbq=350e6))
    assert factor(header(PatientWeight="1.75"), weight_kg=70)[0] == pytest.approx(USUAL)
    mci = factor(header(RadionuclideTotalDose="9.5"))[1]  # 9.5 mCi, read as MBq
    assert any("unusual" in warning for warning in mci.warnings)


def test_half_life_from_the_nuclide_and_against_it():
    value, record = factor(header(drop=["RadionuclideHalfLife"]))
    assert value == pytest.approx(USUAL)
    assert any("fluorine-18" in warning for warning in record.warnings)
    refused("not that of fluorine-18", by=lambda: factor(header(RadionuclideHalfLife="109.77")))
    drop = ["RadionuclideHalfLife", "RadionuclideCodeSequence"]
    refused("--half-life S", by=lambda: factor(header(drop=drop)))


def test_another_tracer_is_a_warning():
    record = factor(header(Radiopharmaceutical="18F-FMISO"))[1]
    assert "The tracer is 18F-FMISO, not FDG" in record.warnings[0]
    assert factor(header(Radiopharmaceutical="Fluorodeoxyglucose"))[1].warnings == []
    gallium = header(RadionuclideHalfLife="4062.6", drop=["RadionuclideCodeSequence"])
    gallium.RadiopharmaceuticalInformationSequence[0].Radiopharmaceutical = "DOTATATE"
    assert "DOTATATE with a half-life of 67.7 min, not FDG" in factor(gallium)[1].warnings[0]


def test_injection_and_scan_must_fit():
    refused(
        *("injection at 11:30:00", "scan at 11:00:00", "after the scan", "--injected"),
        by=lambda: factor(header(RadiopharmaceuticalStartTime="113000")),
    )
    for start, fault in (("20240304100000", "too long before"), ("20240306100000", "after")):
        refused(fault, by=lambda s=start: factor(header(RadiopharmaceuticalStartDateTime=s)))
    record = factor(header(RadiopharmaceuticalStartTime="105500"))[1]
    assert record.warnings == ["5 min from injection to scan is unusual for FDG: check it."]


def test_ten_half_lives_are_too_long():
    short = header(RadionuclideHalfLife="122.24", drop=["RadionuclideCodeSequence"])
    refused("scan at", by=lambda: factor(short))


def test_over_midnight():
    night = {
        "SeriesDate": "20240306",
        "AcquisitionDate": "20240306",
        "SeriesTime": "003000",
        "AcquisitionTime": "003000",
    }
    value, record = factor(header(**night, RadiopharmaceuticalStartTime="233000"))
    assert value == pytest.approx(USUAL)
    assert record.injected == "2024-03-05T23:30:00"
    late = header(**night, drop=["RadiopharmaceuticalStartTime"])
    assert factor(late, injected="23:30")[0] == pytest.approx(USUAL)


def test_two_times_of_injection_that_differ_are_noted():
    both = header(RadiopharmaceuticalStartDateTime="20240305103000")
    value, record = factor(both)
    assert value == pytest.approx(70e3 / (350e6 * 0.5 ** (1800 / 6586.2)))
    assert "10:30:00 (used) and 10:00:00" in record.warnings[0]
    zone = header(RadiopharmaceuticalStartDateTime="20240305100000.0+0100")
    assert factor(zone)[0] == pytest.approx(USUAL)


def test_decay_corrected_to_the_injection_needs_no_times():
    admin = header(
        DecayCorrection="ADMIN", drop=["RadiopharmaceuticalStartTime", "RadionuclideHalfLife"]
    )
    assert factor(admin)[0] == pytest.approx(70e3 / 350e6)


def test_without_decay_correction_each_slice_has_its_own_time():
    slices = []
    for minute in (0, 3, 6):
        one = header(DecayCorrection="NONE", AcquisitionTime=f"11{minute:02d}00")
        one.CorrectedImage = ["NORM", "ATTN"]
        slices.append(one)
    factors, record = suv_factors(slices)
    decay = math.log(2) / 6586.2
    for minute, value in zip((0, 3, 6), factors, strict=True):
        frame = (1 - math.exp(-decay * 180)) / (decay * 180)  # mean decay within 180 s
        left = math.exp(-decay * (3600 + 60 * minute)) * frame
        assert value == pytest.approx(70e3 / (350e6 * left), rel=1e-9)
    assert record.factor_min == factors[0] < factors[2] == record.factor_max
    assert "by slice" in record.formula


def test_an_unknown_decay_correction():
    refused("OTHER is none of", by=lambda: factor(header(DecayCorrection="OTHER")))


@pytest.mark.parametrize("units", ["CPS", "PROPCPS", "PROPCNTS", "1CM", "KPA"])
def test_units_without_a_way_to_suv(units):
    refused(f"values are in {units}", by=lambda: factor(header(Units=units)))


def test_counts_without_factors():
    refused("(7053,1000)", "(7053,1009)", by=lambda: factor(header(Units="CNTS")))
    zero = header(Units="CNTS")
    philips(zero, suv="0.0", activity="0")
    refused("(7053,1000)", by=lambda: factor(zero))


def philips(dataset, suv=None, activity=None):
    dataset.Manufacturer = "Philips Medical Systems"
    dataset.add_new(0x70530010, "LO", "Philips PET Private Group")
    if suv is not None:
        dataset.add_new(0x70531000, "DS", suv)
    if activity is not None:
        dataset.add_new(0x70531009, "DS", activity)
    return dataset


def test_philips_factors():
    counts = philips(header(Units="CNTS"), suv="0.0006")
    assert factor(counts)[0] == 0.0006
    activity = philips(header(Units="CNTS"), activity="1.6")
    assert factor(activity)[0] == pytest.approx(1.6 * USUAL)
    both = philips(header(Units="CNTS"), suv=f"{1.6 * USUAL:.6g}", activity="1.6")
    assert factor(both)[0] == float(f"{1.6 * USUAL:.6g}")
    assert factor(both)[1].warnings == []
    odd = philips(header(Units="CNTS"), suv=f"{1.6 * USUAL * 1.3:.6g}", activity="1.6")
    assert "+30% off" in factor(odd)[1].warnings[0]
    by_hand = factor(both, weight_kg=84)  # by the activity factor, so that it takes effect
    assert by_hand[0] == pytest.approx(1.2 * 1.6 * USUAL)
    assert factor(counts, weight_kg=84)[0] == pytest.approx(0.00072)
    refused("--injected cannot be applied", by=lambda: factor(counts, injected="10:00"))


def test_suv_already():
    ready = header(Units="GML")
    value, record = factor(ready)
    assert value == 1
    assert "SUVbw already" in record.formula
    assert factor(ready, weight_kg=84)[0] == pytest.approx(1.2)
    assert factor(ready, dose_mbq=700)[0] == pytest.approx(0.5)
    refused("--decay cannot", by=lambda: factor(ready, decay_correction="NONE"))
    nameless = header(Units="GML", drop=["PatientWeight"])
    assert factor(nameless)[0] == 1
    refused("--weight cannot", by=lambda: factor(nameless, weight_kg=84))
    assert factor(header(), units="SUVbw")[0] == 1


# By hand from the formulas of PS3.16 CID 85 and Sugawara 1999 for 80 kg, 160 cm (BMI 31.25)
BY_HAND = {
    ("LBM", "M"): 88 - 120 * 0.25,
    ("LBM", "F"): 85.6 - 148 * 0.25,
    ("LBMJAMES128", "M"): 88 - 128 * 0.25,
    ("LBMJAMES128", "F"): 85.6 - 148 * 0.25,
    ("LBMJANMA", "M"): 741600 / (6680 + 6750),
    ("LBMJANMA", "F"): 741600 / (8780 + 7625),
    ("IBW", "M"): 48 + 1.06 * 8,
    ("IBW", "F"): 45.5 + 0.91 * 8,
}


@pytest.mark.parametrize(("kind", "sex"), BY_HAND)
def test_suv_relative_to_other_masses(kind, sex):
    assert mass_kg(kind, 80, 1.6, sex) == pytest.approx(BY_HAND[kind, sex], rel=1e-9)
    other = header(Units="GML", SUVType=kind, PatientSex=sex, PatientWeight="80", PatientSize="1.6")
    assert factor(other)[0] == pytest.approx(80 / BY_HAND[kind, sex])
    unknown = header(
        Units="GML", SUVType=kind, PatientSex="O", PatientWeight="80", PatientSize="1.6"
    )
    mean = (BY_HAND[kind, "M"] + BY_HAND[kind, "F"]) / 2
    assert factor(unknown)[0] == pytest.approx(80 / mean)
    bare = header(Units="GML", SUVType=kind, drop=["PatientSize", "PatientSex"])
    refused("--height M", "--sex", by=lambda: factor(bare))
    assert factor(bare, height_m=1.6, sex=sex, weight_kg=80)[0] > 0


def test_suv_relative_to_body_surface():
    surface = 0.007184 * 70**0.425 * 175**0.725  # m²: 1.848 for this patient
    assert surface == pytest.approx(1.848, abs=1e-3)
    assert surface_cm2(70, 1.75) == pytest.approx(surface * 1e4)
    assert factor(header(Units="CM2ML", SUVType="BSA"))[0] == pytest.approx(7 / surface)
    assert factor(header(Units="CM2ML"))[0] == pytest.approx(7 / surface)
    assert factor(header(Units="CM2ML", PatientSize="175"))[0] == pytest.approx(7 / surface)
    refused("contradict", by=lambda: factor(header(Units="CM2ML", SUVType="LBM")))
    refused("contradict", by=lambda: factor(header(Units="GML", SUVType="BSA")))


@given(st.floats(40, 120), st.floats(1.4, 2.0), st.sampled_from("MFO"))
def test_masses_are_those_of_a_body(weight, height, sex):
    for kind in MASSES:
        assert 10 < mass_kg(kind, weight, height, sex) < 130
    assert 10000 < surface_cm2(weight, height) < 26000


def test_an_intercept_is_not_allowed():
    refused("RescaleIntercept of -10", by=lambda: factor(header(RescaleIntercept="-10")))


def test_without_attenuation_correction_there_is_no_suv():
    raw = header(CorrectedImage=["NORM", "DTIM", "DECY"])
    refused("not attenuation-corrected", by=lambda: factor(raw))
    assert "attenuation" in factor(raw, units="BQML")[1].warnings[0]
    said_elsewhere = header(CorrectedImage=["DECY"], AttenuationCorrectionMethod="measured,CT")
    assert "attenuation" in factor(said_elsewhere)[1].warnings[0]
    silent = factor(header(drop=["CorrectedImage"]))[1]
    assert "does not say whether attenuation" in silent.warnings[0]


def test_contradictions_about_decay_correction_are_noted():
    listed = factor(header(CorrectedImage=["ATTN"]))[1]
    assert "does not list it" in listed.warnings[0]


def test_slices_that_disagree_are_not_one_series():
    refused(
        *("disagree about PatientWeight", "70.0, 80.0"),
        by=lambda: suv_factors([header(), header(PatientWeight="80")]),
    )


@pytest.mark.parametrize(("largest", "says"), [(101, "over 100"), (0.8, "over 1"), (12, None)])
def test_an_odd_largest_suv(largest, says):
    image = sitk.GetImageFromArray(np.linspace(0, largest, 60, dtype="f4").reshape(3, 4, 5))
    warnings = suv_warnings(image)
    assert len(warnings) == (says is not None)
    assert all(says in warning for warning in warnings)
