"""Codes of the legacy sources and what they stand for in the contract. Data only."""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.records.frame import Classification, Handling
from kruispunt_schemas.records.sections import (
    DataSubject,
    EntityCategory,
    InformationReliability,
    MeasureKind,
    Sex,
    SourceReliability,
)

CLASSIFICATION_NL: Final = {
    "NG": Classification.UNCLASSIFIED,
    "BEP": Classification.RESTRICTED,
    "VER": Classification.CONFIDENTIAL,
    "GEH": Classification.SECRET,
    "ZGH": Classification.TOP_SECRET,
}
CLASSIFICATION_FR: Final = {
    "NC": Classification.UNCLASSIFIED,
    "RES": Classification.RESTRICTED,
    "CON": Classification.CONFIDENTIAL,
    "SEC": Classification.SECRET,
}
SEX_NL: Final = {"M": Sex.MALE, "V": Sex.FEMALE, "O": Sex.UNKNOWN}
SEX_FR: Final = {"M": Sex.MALE, "F": Sex.FEMALE, "I": Sex.UNKNOWN}
SOURCE: Final = {item.value: item for item in SourceReliability if len(item.value) == 1}
INFORMATION: Final = {
    "1": InformationReliability.ONE,
    "2": InformationReliability.TWO,
    "3": InformationReliability.THREE,
    "4": InformationReliability.FOUR,
}
CATEGORY: Final = {
    "FTF": EntityCategory.FTF,
    "HTF": EntityCategory.HTF,
    "HP": EntityCategory.HP,
    "PVE": EntityCategory.PVE,
    "PGE": EntityCategory.PVE,
    "EPV": EntityCategory.PVE,
    "PCT": EntityCategory.PCT,
    "TV": EntityCategory.PCT,
}
DATA_SUBJECT_NL: Final = {
    "verdachte": DataSubject.SUSPECT,
    "veroordeelde": DataSubject.CONVICTED,
    "slachtoffer": DataSubject.VICTIM,
    "getuige": DataSubject.WITNESS,
    "andere": DataSubject.OTHER,
}
DATA_SUBJECT_FR: Final = {
    "suspect": DataSubject.SUSPECT,
    "condamné": DataSubject.CONVICTED,
    "victime": DataSubject.VICTIM,
    "témoin": DataSubject.WITNESS,
    "autre": DataSubject.OTHER,
}
HANDLING: Final = {
    "DR": Handling.DIFFUSION_RESTREINTE,
    "TPR": Handling.THIRD_PARTY_RULE,
    "H0": Handling.EUROPOL_H0,
    "H1": Handling.EUROPOL_H1,
    "H2": Handling.EUROPOL_H2,
    "AMBER": Handling.TLP_AMBER,
    "RED": Handling.TLP_RED,
}
MEASURE_NL: Final = {
    "PRO": MeasureKind.PROACTIVE,
    "PREV": MeasureKind.PREVENTIVE,
    "REPR": MeasureKind.REPRESSIVE,
    "REINT": MeasureKind.REINTEGRATION,
}
YES_NO: Final = {"J": True, "N": False}
