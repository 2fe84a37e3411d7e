"""What a Belgian national number says: a date of birth and a sex (RD of 3 April 1984; BIS: RD of 8 February 1991).

Rules: YYMMDD, a serial that is odd for a man and even for a woman, and a check that tells the century. In a BIS number the
month is raised by 40 when the sex was known and by 20 when it was not. A month or day that is not known is 00.

Must not: be asked about a number with wrong check digits.
"""

from __future__ import annotations


def is_bis(number: str) -> bool:
    """Tell whether a number was given to somebody outside the register; he may be given another one later."""
    return number[2:4] > "19"


def implied(number: str) -> tuple[tuple[int, int, int], str]:
    """Return the date of birth that a valid national number says (0 is unknown), and the sex: 'F', 'M' or ''."""
    first = int(number[:9])
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    year += 1900 if 97 - first % 97 == int(number[9:]) else 2000
    raised = month // 20 * 20
    month -= raised
    sex = "" if raised == 20 else "M" if int(number[6:9]) % 2 else "F"
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        # A number goes on counting in month and day when the serials of a date are spent: no date can be read from it.
        return (year, 0, 0), sex
    return (year, month, day), sex
