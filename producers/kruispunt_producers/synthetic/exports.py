"""CSV exports of police zones and safety cells, and how a made-up case is written into a line.

Rules: semicolons, Latin-1, dd/mm/yyyy, quotes only where a field needs them, CRLF. Must not: write a file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from kruispunt_producers.adapters import police_export
from kruispunt_producers.adapters.csv_export import ENCODING, SEPARATOR
from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.legacy import (
    CLASSIFICATION_NL,
    HANDLING,
    INFORMATION,
    MEASURE_NL,
    SEX_NL,
    SUBJECT_NL,
    Values,
    birth,
    dotted_number,
    full_name,
)
from kruispunt_producers.synthetic.writing import in_latin_1

LINE_END: Final = "\r\n"


def police_row(case: Case) -> Values:
    """Return the fields of a police zone's line."""
    local = case.observed_at.astimezone(police_export.BRUSSELS)
    return _texts(
        {
            "PV_NR": case.reference,
            "STATUS": "NIEUW" if case.withdrawn_at is None else "INGETROKKEN",
            "DATUM": f"{local:%d/%m/%Y}",
            "UUR": f"{local:%H:%M}",
            "NAAM": case.written.family,
            "VOORNAAM": case.written.given,
            "GEBOREN": birth(case, "/"),
            "GEBOORTEPLAATS": case.person.birth_place,
            "GESLACHT": SEX_NL[case.person.sex],
            "RRN": dotted_number(case.written.national_number),
            "NATIONALITEIT": case.person.nationality,
            "HOEDANIGHEID": SUBJECT_NL[case.data_subject],
            "NIS": case.municipality,
            "FEITEN": "|".join(case.statements),
            "INDICATOREN": "|".join(case.indicators),
            "BEOORDELING": case.opinion,
            "CATEGORIE": ",".join(case.person.categories),
            "BRON": case.source.value,
            "INFO": INFORMATION[case.information],
            "CLASSIF": CLASSIFICATION_NL[case.classification],
            "MARKERING": ",".join(HANDLING[item] for item in case.handling),
            "MAATREGEL": "|".join(case.measures),
            "EENHEID": "lokale recherche",
            "BESTEMD": ",".join(case.named),
            "NIET_VOOR": ",".join(case.excluded),
        }
    )


def safety_cell_row(case: Case) -> Values:
    """Return the fields of a safety cell's line."""
    return _texts(
        {
            "FICHE": case.reference,
            "STATUS": "VASTGESTELD" if case.withdrawn_at is None else "INGETROKKEN",
            "VERGADERD_OP": f"{case.observed_at:%d/%m/%Y}",
            "PERSOON": full_name(case),
            "GEBOREN": birth(case, "/"),
            "GESLACHT": SEX_NL[case.person.sex],
            "RRN": dotted_number(case.written.national_number),
            "HOEDANIGHEID": SUBJECT_NL[case.data_subject],
            "NIS": case.municipality,
            "CONSENSUS": "J" if case.consensus else "N",
            "BEROEPSGEHEIM": "J" if case.secrecy else "N",
            "AANWEZIG": str(case.members),
            "FEITEN": "|".join(case.statements),
            "SAMENVATTING": case.opinion,
            "ADVIES": case.advice,
            "BRON": case.source.value,
            "INFO": INFORMATION[case.information],
            "CLASSIF": CLASSIFICATION_NL[case.classification],
            "MARKERING": ",".join(HANDLING[item] for item in case.handling),
            "SOORT_MAATREGEL": MEASURE_NL[case.measure_kind],
            "MAATREGEL": "|".join(case.measures),
            "VOORZITTER": "kabinet van de burgemeester",
            "BESTEMD": ",".join(case.named),
            "NIET_VOOR": ",".join(case.excluded),
        }
    )


def line(columns: Sequence[str], values: Mapping[str, object]) -> str:
    """Return one line without its end."""
    out = io.StringIO()
    csv.writer(out, delimiter=SEPARATOR, lineterminator="").writerow([values[column] for column in columns])
    return out.getvalue()


def file_content(columns: Sequence[str], lines: Sequence[str]) -> bytes:
    """Return the bytes of an export: the columns' names, then the lines."""
    return "".join(each + LINE_END for each in (SEPARATOR.join(columns), *lines)).encode(ENCODING)


def _texts(values: Mapping[str, str | None]) -> Values:
    return {column: in_latin_1(value or "") for column, value in values.items()}
