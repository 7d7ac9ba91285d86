"""The days that a line names, in seven languages; what comes round again, and what is no day at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.working.days import Span, dated, repeats, span

MONDAY = date(2026, 5, 11)

# (what a model noted, what stands on the page): said on Monday, 11 May 2026.
NAMED = [
    ("driving exam tomorrow", "driving exam on 12 May 2026"),
    ("tomorrow: driving exam", "12 May 2026: driving exam"),
    ("driving exam (tomorrow)", "driving exam (12 May 2026)"),
    ("Driving exam today at 3pm", "Driving exam on 11 May 2026 at 3pm"),
    ("concert tonight", "concert on 11 May 2026"),
    ("party the day after tomorrow", "party on 13 May 2026"),
    ("saw a doctor yesterday", "saw a doctor on 10 May 2026"),
    ("met Bob the day before yesterday", "met Bob on 9 May 2026"),
    ("moves to Porto next week", "moves to Porto in the week of 18 May 2026"),
    ("was in Rome last week", "was in Rome in the week of 4 May 2026"),
    ("conference this weekend", "conference on the weekend of 16 May 2026"),
    ("new job next month", "new job in June 2026"),
    ("graduates next year", "graduates in 2027"),
    ("moved here two years ago", "moved here in 2024"),
    ("interview in 3 days", "interview on 14 May 2026"),
    ("trip in two weeks", "trip in the week of 25 May 2026"),
    ("exam in a week's time", "exam in the week of 18 May 2026"),
    ("started 3 weeks ago", "started in the week of 20 April 2026"),
    ("holiday in July", "holiday in July 2026"),
    ("holiday in March", "holiday in March 2027"),
    ("moved to Porto in March", "moved to Porto in March 2026"),
    ("trip in early June", "trip in early June 2026"),
    ("wedding next May", "wedding in May 2027"),
    ("exam on Friday", "exam on 15 May 2026"),
    ("exam this Friday", "exam on 15 May 2026"),
    ("exam next Friday", "exam on 22 May 2026"),
    ("had an exam on Friday", "had an exam on 8 May 2026"),
    ("exam last Friday", "exam on 8 May 2026"),
    ("dentist Friday 3pm", "dentist on 15 May 2026 3pm"),
    ("deadline: Friday", "deadline: 15 May 2026"),
    ("works until next Friday", "works until 22 May 2026"),
    ("has lived here since Monday", "has lived here since 4 May 2026"),
    ("on holiday from tomorrow until next Monday", "on holiday from 12 May 2026 until 18 May 2026"),
    ("exam on May 20", "exam on 20 May 2026"),
    ("exam on the 20th of May", "exam on 20 May 2026"),
    ("exam on the 20th", "exam on 20 May 2026"),
    ("report due by the end of the month", "report due by the end of May 2026"),
    ("birthday tomorrow", "birthday on 12 May 2026"),
    ("Fahrprüfung morgen", "Fahrprüfung am 12. Mai 2026"),
    ("Umzug nächste Woche", "Umzug in der Woche vom 18. Mai 2026"),
    ("Arzt am Freitag", "Arzt am 15. Mai 2026"),
    ("habe am Freitag eine Prüfung", "habe am 15. Mai 2026 eine Prüfung"),
    ("fährt übermorgen nach Wien", "fährt am 13. Mai 2026 nach Wien"),
    ("neue Stelle im September", "neue Stelle im September 2026"),
    ("Urlaub in zwei Wochen", "Urlaub in der Woche vom 25. Mai 2026"),
    ("examen de conduite demain", "examen de conduite le 12 mai 2026"),
    ("déménage la semaine prochaine", "déménage la semaine du 18 mai 2026"),
    ("rentre vendredi prochain", "rentre le 15 mai 2026"),
    ("se marie en juin", "se marie en juin 2026"),
    ("examen de conducir mañana", "examen de conducir el 12 de mayo de 2026"),
    ("se muda la semana que viene", "se muda la semana del 18 de mayo de 2026"),
    ("tiene cita el viernes", "tiene cita el 15 de mayo de 2026"),
    ("el examen es pasado mañana", "el examen es el 13 de mayo de 2026"),
    ("prova de condução amanhã", "prova de condução em 12 de maio de 2026"),
    ("viaja na próxima semana", "viaja na semana de 18 de maio de 2026"),
    ("tem prova na sexta-feira", "tem prova em 15 de maio de 2026"),
    ("esame di guida domani", "esame di guida il 12 maggio 2026"),
    ("si trasferisce la prossima settimana", "si trasferisce nella settimana del 18 maggio 2026"),
    ("viaggio tra due settimane", "viaggio nella settimana del 25 maggio 2026"),
    ("heeft morgen rijexamen", "heeft op 12 mei 2026 rijexamen"),
    ("verhuist volgende week", "verhuist in de week van 18 mei 2026"),
    ("tandarts op vrijdag", "tandarts op 15 mei 2026"),
]

# What stays as it is: no day, or one that comes round again.
KEPT = """
likes green tea
may like tea
likes sun and second hand books
works at March & Co
reads USA Today
loves the song "Yesterday"
Black Friday sales
favourite day is Friday
swims every Monday
works Monday to Friday
yoga on Tuesdays
birthday on 12 May
birthday in May
ran it in 3 hours
wakes up early in the morning
born in May
jeden Morgen joggen
freitags Chor
ich wohne hier
por la mañana corre
los lunes nada
le lundi il nage
ogni lunedì nuota
elke maandag zwemmen
flight on 2026-05-14
exam on 12 May 2026
trip 12-15 May 2027
""".strip().splitlines()


@pytest.mark.parametrize(("noted", "page"), NAMED)
def test_a_line_names_the_day_that_was_meant(noted: str, page: str) -> None:
    assert dated(noted, MONDAY) == page
    assert dated(page, date(2027, 1, 31)) == page  # whenever it is looked at again


@pytest.mark.parametrize("value", KEPT)
def test_what_means_no_day_or_comes_round_again_stays_as_it_is(value: str) -> None:
    assert dated(value, MONDAY) == value


@pytest.mark.parametrize(
    ("value", "context", "page"),
    [
        ("driving exam on Friday", "I had my driving exam on Friday. It went well.", "driving exam on 8 May 2026"),
        ("driving exam on Friday", "It was sunny. My driving exam is on Friday.", "driving exam on 15 May 2026"),
        ("driving exam tomorrow", "Morgen habe ich Fahrprüfung", "driving exam on 12 May 2026"),
        ("morgen rijexamen", "Ik heb morgen rijexamen", "12 mei 2026 rijexamen"),
        ("hier", "Ich wohne hier in Hamburg", "hier"),
        ("examen hier", "J'ai eu mon examen hier", "examen le 10 mai 2026"),
    ],
)
def test_the_message_tells_the_language_and_what_is_past(value: str, context: str, page: str) -> None:
    assert dated(value, MONDAY, context) == page


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("driving exam on 12 May 2026", "2026-05-12", "2026-05-12"),
        ("driving exam on May 12th, 2026", "2026-05-12", "2026-05-12"),
        ("flight on 2026-05-14", "2026-05-14", "2026-05-14"),
        ("Flug am 14. Mai 2026", "2026-05-14", "2026-05-14"),
        ("Flug am 14.05.2026", "2026-05-14", "2026-05-14"),
        ("flight on 5/6/2026", "2026-05-06", "2026-06-05"),  # either way
        ("trip 12-15 May 2026", "2026-05-12", "2026-05-15"),
        ("on holiday from 12 May 2026 until 18 May 2026", "2026-05-12", "2026-05-18"),
        ("moves in the week of 18 May 2026", "2026-05-18", "2026-05-24"),
        ("conference on the weekend of 16 May 2026", "2026-05-16", "2026-05-17"),
        ("wedding in June 2026", "2026-06-01", "2026-06-30"),
        ("graduates in 2027", "2027-01-01", "2027-12-31"),
        ("birthday party on 12 May 2026", "2026-05-12", "2026-05-12"),
        ("examen el 12 de mayo de 2026", "2026-05-12", "2026-05-12"),
    ],
)
def test_a_line_is_about_its_days(value: str, first: str, last: str) -> None:
    assert span(value, MONDAY) == Span(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "value",
    [
        "likes tea",
        "birthday on 12 May 2026",  # comes round again
        "swims every Monday from 18 May 2026",
        "has lived in Porto since 3 May 2027",  # has begun, and goes on
        "works at Acme from 1 June 2026",
        "moved to Porto in March 2021",  # was over when it was said
        "born on 3 May 1990",
        "likes the year 2000",
        "exam on 31 June 2026",
    ],
)
def test_what_is_not_over_one_day_is_about_none(value: str) -> None:
    assert span(value, MONDAY) is None


def test_the_day_counts_from_the_day_of_the_message_over_ends_of_months_and_years() -> None:
    assert dated("exam tomorrow", date(2026, 12, 31)) == "exam on 1 January 2027"
    assert dated("exam tomorrow", date(2028, 2, 28)) == "exam on 29 February 2028"
    assert dated("trip in 2 months", date(2026, 12, 31)) == "trip in February 2027"
    assert dated("exam on the 31st", date(2026, 2, 1)) == "exam on 31 March 2026"


def test_one_occasion_of_what_comes_round_again_is_about_its_day() -> None:
    assert repeats("birthday on 12 May")
    assert not repeats("birthday dinner on 12 May 2026")


_PIECES = """
    exam on next last this Friday friday May in 3 days two weeks ago until since tomorrow the 12th 12 2026 of
    morgen nächste Woche am el viernes la semana que viene demain hier prochain domani tra due giorni volgende
    week birthday every ( ) , : " tea
""".split()


@given(st.lists(st.sampled_from(_PIECES), max_size=9).map(" ".join), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_whatever_stands_there_is_named_once_and_spans_are_in_order(value: str, said: date) -> None:
    named = dated(value, said, value)
    about = span(named, said)
    assert about is None or about.first <= about.last >= said
    assert len(named) <= 30 * (len(value) + 1)
