"""What SUVs are normalised to: body weight, lean body mass, ideal weight, body surface.

Weight in kg, height in cm. For sex "O" the mean of both formulas, for want of a consensus.
Formulas: DICOM PS3.16 CID 85 and, for IBW, Sugawara et al., Radiology 213 (1999) 521.
"""

from __future__ import annotations

from collections.abc import Callable


def _lean_morgan(weight: float, height: float, sex: str) -> float:
    if sex == "M":
        return 1.10 * weight - 120 * (weight / height) ** 2
    return 1.07 * weight - 148 * (weight / height) ** 2


def _lean_james(weight: float, height: float, sex: str) -> float:
    if sex == "M":
        return 1.10 * weight - 128 * (weight / height) ** 2
    return 1.07 * weight - 148 * (weight / height) ** 2


def _lean_janmahasatian(weight: float, height: float, sex: str) -> float:
    mass_index = weight / (height / 100) ** 2
    if sex == "M":
        return 9270 * weight / (6680 + 216 * mass_index)
    return 9270 * weight / (8780 + 244 * mass_index)


def _ideal(weight: float, height: float, sex: str) -> float:
    if sex == "M":
        return 48.0 + 1.06 * (height - 152)
    return 45.5 + 0.91 * (height - 152)


MASSES: dict[str, tuple[str, Callable[[float, float, str], float]]] = {
    "LBM": ("lean body mass (Morgan)", _lean_morgan),
    "LBMJAMES128": ("lean body mass (James)", _lean_james),
    "LBMJANMA": ("lean body mass (Janmahasatian)", _lean_janmahasatian),
    "IBW": ("ideal body weight", _ideal),
}


def mass_kg(suv_type: str, weight_kg: float, height_m: float, sex: str) -> float:
    """The mass in kg that an SUV of DICOM's ``SUVType`` (a key of ``MASSES``) is relative to."""
    formula = MASSES[suv_type][1]
    sexes = ("M", "F") if sex == "O" else (sex,)
    return sum(formula(weight_kg, height_m * 100, one) for one in sexes) / len(sexes)


def surface_cm2(weight_kg: float, height_m: float) -> float:
    """Body surface area in cm² (Du Bois and Du Bois 1916)."""
    return 0.007184 * weight_kg**0.425 * (height_m * 100) ** 0.725 * 1e4
