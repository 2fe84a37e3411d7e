"""The command as an analyst meets it: on record first, readable, and nothing raw."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result
from kruispunt_consumers.inbox import commands, consultation, presentation, wording
from kruispunt_consumers.inbox.intake import Event
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_producers.posting_box import Limits, PostingBox, box_path
from kruispunt_schemas import keys
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.command import kruispunt
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.records.backbone import Status, Withdrawal
from kruispunt_schemas.records.frame import Lifecycle, Withheld
from kruispunt_schemas.records.judgements import PseudonymChange
from kruispunt_schemas.signing import Signer
from kruispunt_schemas.untrusted import safe

from tests.consumers.inbox.deliveries import (
    JUDGEMENT,
    ME,
    MONDAY,
    NOW,
    RELEASED,
    SECRET_WORDS,
    WITHHELD,
    arrival,
    intake,
    output_id,
    recall_view,
    renamed,
    request,
    signal,
    signer_of,
    status,
    view,
    withdrawal,
)

EVIL = "\x1b[2Jgone \x1b]8;;http://x\x07 \u202egnp.exe [bold]b[/bold] :bomb: \x9b1m\nsecond line"
WHO = ("--user", "j.peeters", "--purpose", "file 2026/118")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    keys.create_participant(tmp_path, ME)
    records: list[SignedBytes | Withdrawal | Status] = [
        view(signal(), 1),
        view(signal(reference="evil", statement=EVIL), 2),
        view(
            signal(reference="evil", version=2, lifecycle=Lifecycle.CORRECTION), 3, replaces=(output_id(2),)
        ),
        view(
            signal(reference="thin"),
            4,
            released=frozenset({"context"}),
            withheld=(Withheld(section="subject", rules=("guard-clearance",)), *WITHHELD),
        ),
        view(signal(reference="gone"), 5),
        recall_view(6, output_id(5), reference="gone"),
        view(signal(reference="forged", signer=signer_of("stranger")), 7),
        status(9, reason="value"),
    ]
    with InboxStore(store_path(tmp_path, ME)) as store:
        intake(store).take([arrival(record, place) for place, record in enumerate(records)], NOW)
    return tmp_path


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        kruispunt, ["inbox", *arguments, "--as", ME, "--data", str(data)], env={"COLUMNS": "110"}
    )


def consultations(data: Path) -> int:
    with PostingBox(box_path(data, ME)) as box:
        return box.summary().queued


def harmless(text: str) -> bool:
    return all(safe(character) or character == "\n" for character in text)


def test_show_displays_the_signal_and_records_the_consultation(data: Path) -> None:
    result = run(data, "show", str(output_id(1)), *WHO)
    assert result.exit_code == 0
    for words in (
        SECRET_WORDS,
        "RADICALISATION CASE",
        "Joris van den Broeck",
        "1991-05-??",
        "Antwerpen (11002)",
        "Assessment: opinion of the originator",
        "verified under key ocad-1 of ocad",
        "The task force, the prosecutor or a centre of the district is competent",
        "withheld: No rule entitles this service to this section.",
        "recorded for j.peeters",
    ):
        assert words in result.stdout
    assert consultations(data) == 1


def requested(data: Path, number: int, *, urgent: bool, released: frozenset[str] = RELEASED) -> None:
    """Take in a request for information that arrived on 2 March 2026, 9.30."""
    made = view(request(f"KS/{number}", urgent=urgent), number, released=released, withheld=())
    with InboxStore(store_path(data, ME)) as store:
        intake(store).take([replace(arrival(made, 20 + number), appended_at=MONDAY)], NOW)


@pytest.mark.parametrize(
    ("urgent", "due"), [(True, "2026-03-02 17:30:00 UTC"), (False, "2026-03-09 09:30:00 UTC")]
)
def test_a_request_says_when_a_reply_is_due(
    data: Path, urgent: bool, due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested(data, 11, urgent=urgent)
    for later, words in ((timedelta(hours=8), "reply due "), (timedelta(days=8), "reply was due ")):
        monkeypatch.setattr(commands, "now", lambda later=later: MONDAY + later)
        for shown in (run(data, "list").stdout, run(data, "show", str(output_id(11)), *WHO).stdout):
            assert words + due in " ".join(shown.split())
    document = json.loads(run(data, "show", str(output_id(11)), *WHO, "--json").stdout)
    (item,) = [
        item
        for item in json.loads(run(data, "list", "--json").stdout)["items"]
        if item["output_id"] == str(output_id(11))
    ]
    assert document["reply_due_at"] == item["facts"]["reply_due_at"]
    assert document["reply_due_at"].startswith(due[:10])


def test_a_request_that_may_not_be_read_here_shows_no_time(data: Path) -> None:
    requested(data, 11, urgent=True, released=frozenset({"context"}))
    assert "reply" not in run(data, "list").stdout + run(data, "show", str(output_id(11)), *WHO).stdout


def test_facts_stand_before_assessments(data: Path) -> None:
    text = run(data, "show", str(output_id(1)), *WHO).stdout
    assert text.index("Situation: facts") < text.index("Contact") < text.index("Assessment: opinion")


def test_an_absent_section_is_shown_as_not_given(data: Path) -> None:
    text = run(data, "show", str(output_id(4)), *WHO).stdout
    assert "withheld: The classification lies above this service's clearance.  (guard-clearance)" in text
    assert text.count("not given") == 4


@pytest.mark.parametrize("left_out", [0, 2])
def test_without_user_or_purpose_nothing_is_shown_nor_recorded(data: Path, left_out: int) -> None:
    given = [*WHO[:left_out], *WHO[left_out + 2 :]]
    result = run(data, "show", str(output_id(1)), *given)
    assert result.exit_code == 2
    assert f"Missing option '{WHO[left_out]}'" in result.stderr
    assert (result.stdout, consultations(data)) == ("", 0)


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[0m", "x" * 201])
def test_what_goes_on_record_is_one_printable_line(data: Path, text: str) -> None:
    result = run(data, "show", str(output_id(1)), "--user", "j.peeters", "--purpose", text)
    assert (result.exit_code, result.stdout, consultations(data)) == (2, "", 0)


def test_the_consultation_is_on_disk_before_anything_is_displayed(data: Path) -> None:
    """Whatever fails after it, it was recorded; and when displaying begins, it is there."""
    seen: list[int] = []

    def display(_opened: consultation.Opened, _language: object) -> str:
        seen.append(consultations(data))
        raise SystemExit(9)

    with patch.object(presentation, "signal", display):
        assert run(data, "show", str(output_id(1)), *WHO).exit_code == 9
    assert seen == [1]


def test_without_a_record_nothing_is_displayed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = PostingBox(box_path(data, ME), Limits(postings=0))
    monkeypatch.setattr(Clerk, "__init__", _with_box(full))
    result = run(data, "show", str(output_id(1)), *WHO)
    assert isinstance(result.exception, KruispuntError)
    assert "is full" in str(result.exception)
    assert SECRET_WORDS not in result.output


def _with_box(box: PostingBox) -> Callable[..., None]:
    def construct(self: Clerk, participant: str, signer: Signer, _box: PostingBox) -> None:
        self._participant, self._signer, self._box = participant, signer, box

    return construct


def test_an_id_may_be_shortened(data: Path) -> None:
    assert run(data, "show", str(output_id(1))[:8], *WHO).exit_code == 0


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (str(output_id(5)), "it was withdrawn by"),
        (str(output_id(6)), "it is a recall and has no content"),
        (str(output_id(7)), "it was rejected (unknown-key: proof.key_id)"),
        ("ffffffff", "no output has this id"),
        ("ff", "at least 6 characters"),
    ],
)
def test_what_cannot_be_shown_says_why_and_is_not_recorded(data: Path, output: str, reason: str) -> None:
    result = run(data, "show", output, *WHO)
    assert result.exit_code == 1
    assert reason in " ".join(result.stderr.split())
    assert (result.stdout, consultations(data)) == ("", 0)


def test_a_replaced_view_names_the_later_one(data: Path) -> None:
    text = run(data, "show", str(output_id(2)), *WHO).stdout
    assert f"There is a later version: {output_id(3)}" in text


def test_untrusted_text_never_reaches_the_terminal_raw(data: Path) -> None:
    result = run(data, "show", str(output_id(2)), *WHO)
    assert harmless(result.stdout)
    assert "␛[2Jgone ␛]8;;http://x␇ ⟦U+202E⟧gnp.exe [bold]b[/bold] :bomb: ⟦U+009B⟧1m" in result.stdout
    assert "second line" in result.stdout


def test_json_is_escaped_and_exact(data: Path) -> None:
    result = run(data, "show", str(output_id(2)), *WHO, "--json")
    assert harmless(result.stdout)
    document = json.loads(result.stdout)
    assert document["sections"]["situation"]["content"]["facts"][0]["statement"] == EVIL
    assert document["sections"]["sources"] == {
        "state": "withheld",
        "rules": [],
        "words": "No rule entitles this service to this section.",
    }
    assert document["state"] == "replaced"
    assert document["signature"]["verified"] is True
    assert "salt" not in result.stdout
    assert consultations(data) == 1


def test_a_copy_that_was_tampered_with_is_not_shown(data: Path) -> None:
    with sqlite3.connect(store_path(data, ME)) as db:
        (payload,) = db.execute(
            "select payload from item where output_id = ?", (str(output_id(1)),)
        ).fetchone()
        changed = payload.replace(b"harbour", b"airport")
        db.execute("update item set payload = ? where output_id = ?", (changed, str(output_id(1))))
    db.close()
    result = run(data, "show", str(output_id(1)), *WHO)
    assert (result.exit_code, result.stdout, consultations(data)) == (1, "", 0)
    assert "no longer verifies (commitment-mismatch: situation)" in " ".join(result.stderr.split())


def test_list_shows_what_was_received_and_what_needs_attention(data: Path) -> None:
    result = run(data, "list")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for words in (
        "current",
        "replaced",
        "withdrawn",
        "rejected",
        "7 of 7 outputs",
        "did not verify",
        "v2 correction",
    ):
        assert words in text
    assert "offset 9" in text
    assert SECRET_WORDS not in result.stdout
    assert harmless(result.stdout)
    assert consultations(data) == 0


def test_list_fits_eighty_columns(data: Path) -> None:
    result = CliRunner().invoke(
        kruispunt, ["inbox", "list", "--as", ME, "--data", str(data)], env={"COLUMNS": "80"}
    )
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "…" not in result.stdout


def test_list_as_json(data: Path) -> None:
    document = json.loads(run(data, "list", "--json", "--state", "current").stdout)
    assert [item["output_id"] for item in document["items"]] == [str(output_id(n)) for n in (1, 3, 4)]
    assert document["items"][0]["facts"]["grounds"] == ["ground-territory"]
    assert set(document["items"][0]["facts"]["shown"]) == RELEASED
    assert [alert["kind"] for alert in document["alerts"]] == ["rejected"]
    assert [status["reason"] for status in document["refused_postings"]] == ["value"]


def test_an_inbox_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path, "list")
    assert isinstance(result.exception, KruispuntError)
    assert "inbox follow" in str(result.exception)


def test_a_name_that_is_no_participant_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(kruispunt, ["inbox", "list", "--as", "../x", "--data", str(tmp_path)])
    assert isinstance(result.exception, KruispuntError)


@pytest.mark.parametrize("command", [[], ["follow"], ["list"], ["show"]])
def test_help_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(commands.inbox, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example: kruispunt inbox" in result.stdout


def test_every_line_of_follow_is_one_harmless_line_without_content(store: InboxStore) -> None:
    evil_field = Arrival(9, NOW, b"?", {"ce_id": b"\x1b[2J"})
    arrivals = [
        arrival(view(signal(statement=EVIL), 1), 0),
        arrival(view(signal(version=2, lifecycle=Lifecycle.CORRECTION), 2, replaces=(output_id(1),)), 1),
        arrival(withdrawal(3, output_id(2)), 2),
        arrival(status(4), 3),
        evil_field,
    ]
    events: tuple[Event, ...] = intake(store).take(arrivals, NOW)
    lines = [presentation.arrival(event).plain for event in events]
    assert all(map(harmless, lines))
    assert not any("\n" in line or "gnp" in line for line in lines)
    assert f"replaces {str(output_id(1))[:8]}" in lines[1]
    assert f"took back {str(output_id(2))[:8]}" in lines[2]
    assert "offsets 4 to 8 were gone before they were read" in lines[4]


def judged(data: Path) -> None:
    """Take in what a judgement brings: a view decided again, other pseudonyms for it, and another signal of the same event."""
    records: list[SignedBytes | PseudonymChange] = [
        view(signal(reference="judged"), 21),
        view(signal(reference="judged"), 22, replaces=(output_id(21),), judgement=JUDGEMENT),
        renamed(22, output_id(22), "0b" * 16),
        view(signal(reference="seen too"), 23, corroborates=(output_id(22),)),
    ]
    with InboxStore(store_path(data, ME)) as store:
        intake(store).take([arrival(record, 40 + place) for place, record in enumerate(records)], NOW)


def words_of(result: Result) -> str:
    """Return what stands on the screen, without frames and breaks of lines."""
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.replace("┃", " ").replace("│", " ").split())


def test_the_list_says_what_a_judgement_brought_and_what_tells_of_the_same(data: Path) -> None:
    judged(data)
    shown = run(data, "list", "--limit", "4").stdout
    told = shown.replace("\n", " ")
    short = {number: str(output_id(number))[:8] for number in (21, 22, 23)}
    for what in ("again", "taken", "renamed", "same event"):
        # The column is narrow: the words stand on several lines.
        assert all(word in told for word in wording.said(what).split())
    assert f"{short[22]}" in shown
    rows = {item["output_id"]: item for item in json.loads(run(data, "list", "--json").stdout)["items"]}
    assert rows[str(output_id(21))]["state"] == "withdrawn"
    assert rows[str(output_id(21))]["ended_by"] == str(output_id(22))
    assert rows[str(output_id(22))]["facts"]["again"] is True
    assert rows[str(output_id(23))]["facts"]["corroborates"] == [str(output_id(22))]
    dutch = run(data, "list", "--limit", "4", "--language", "nl").stdout
    assert all(word in dutch for word in wording.said("again", Language.NL).split())


@pytest.mark.parametrize("language", list(Language))
def test_a_view_decided_again_says_so_and_what_its_persons_are_called_now(
    data: Path, language: Language
) -> None:
    judged(data)
    words = words_of(run(data, "show", str(output_id(22)), *WHO, "--language", language.value))
    assert wording.said("again", language) in words
    assert f"{'0b' * 16} 2026-03-02 11:30:00 UTC: {wording.said('renamed', language)}" in words
    assert "0a" * 16 not in words
    document = json.loads(run(data, "show", str(output_id(22)), *WHO, "--json").stdout)
    assert (document["decided_again"], document["persons"]) == (True, ["0b" * 16])
    assert document["renamed"]["persons"] == ["0b" * 16]


def test_a_view_names_what_tells_of_the_same_event(data: Path) -> None:
    judged(data)
    words = words_of(run(data, "show", str(output_id(23)), *WHO, "--language", "fr"))
    assert f"Concerne le même événement que {str(output_id(22))[:8]}" in words
    assert json.loads(run(data, "show", str(output_id(23)), *WHO, "--json").stdout)["corroborates"] == [
        str(output_id(22))
    ]


def test_a_view_that_was_decided_again_names_the_one_that_took_its_place(data: Path) -> None:
    judged(data)
    result = run(data, "show", str(output_id(21)), *WHO, "--language", "de")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert f"{wording.said('taken', Language.DE)} {output_id(22)}" in said
    assert f"kruispunt inbox show {output_id(22)}" in said


def test_other_pseudonyms_are_no_view_and_name_theirs(data: Path) -> None:
    judged(data)
    result = run(data, "show", str(renamed(22, output_id(22)).output_id), *WHO)
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert f"not shown: {wording.said('renamed')} ({output_id(22)})" in said


def test_following_tells_what_a_judgement_brought(data: Path) -> None:
    with InboxStore(store_path(data, ME)) as store:
        events = intake(store).take(
            [
                arrival(view(signal(reference="judged"), 21), 40),
                arrival(
                    view(signal(reference="judged"), 22, replaces=(output_id(21),), judgement=JUDGEMENT), 41
                ),
                arrival(renamed(22, output_id(22), "0b" * 16), 42),
            ],
            NOW,
        )
    lines = [presentation.arrival(event).plain for event in events[-2:]]
    assert lines[0].startswith("again")
    assert f"takes the place of {str(output_id(21))[:8]}" in lines[0]
    assert lines[1].startswith("renamed")
    assert f"other pseudonyms for {str(output_id(22))[:8]}" in lines[1]
