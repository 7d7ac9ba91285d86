"""Working memory: what a turn is told of the people in it, and what is learned from it afterwards."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from bot.chat import Resource, Thread, Turn
from bot.errors import DigestUnfinished, ModelError, ModelRefused, ModelSilent, PromptTooLong
from bot.ports import Known, Model, Noted, Prompt, Recollection
from bot.prompt import tokens
from bot.zones import day_in
from memory.forgetting import Forgetting
from memory.matters import matter
from memory.privacy import place
from memory.working import batches, kinds, literal, portions, room, second_look, upkeep
from memory.working.batches import Batch
from memory.working.believing import Believed, Candidate, weigh
from memory.working.days import dated, sentence_of, span
from memory.working.page import MOST, Edit, Fact, current
from memory.working.pages import SPEAKERS, Learned, Pages, Speaker
from memory.working.room import Line
from memory.working.sameness import Sayings

log = logging.getLogger(__name__)

HOPELESS = 3  # messages left out, and none read, after which models are taken for unable to fill in a form


@dataclass(slots=True)
class Reading:
    """How the models of this process have done at reading for the page."""

    worked: bool = False  # once, at least
    left_out: int = 0  # messages that none of them could read

    @property
    def hopeless(self) -> bool:
        """Whether they cannot do it at all: then nothing is asked twice."""
        return not self.worked and self.left_out >= HOPELESS


@dataclass(frozen=True, slots=True)
class Unread:
    """A memory that learns nothing: what is said while working memory is off is not read for it later."""

    pages: Pages

    async def recall(self, turn: Turn) -> Recollection:
        """Nothing."""
        return Recollection()

    async def digest(self, thread: Thread) -> list[Noted]:
        """Counts as read."""
        await self.pages.skip(thread)
        return []


@dataclass(frozen=True, slots=True)
class WorkingMemory:
    """A memory: pages about people. `budget`: tokens of one person's page in a prompt; `total`: of all pages."""

    pages: Pages
    forgetting: Forgetting
    models: Sequence[Model]
    budget: int
    total: int | None = None  # without it, as much as there may be people
    reading: Reading = field(default_factory=Reading)

    async def recall(self, turn: Turn) -> Recollection:
        """What may be known here of those who speak here. One round trip."""
        asked, speakers = await self.pages.speakers(turn.thread)
        if asked is None:
            return Recollection()
        views = [(speaker, *self.pages.view(speaker.sheets, asked.there)) for speaker in speakers]
        theirs = [fact for speaker, facts, _ in views if speaker.resource == asked.author for fact in facts]
        zone = self.pages.zone(theirs, asked.zone)
        today = day_in(datetime.now(UTC), zone, self.pages.timezone)
        pages = [(speaker, self._lines(facts, added, today)) for speaker, facts, added in views]
        wanted = {speaker.resource: sum(line.tokens for line in page) for speaker, page in pages}
        total = self.budget * SPEAKERS if self.total is None else self.total
        budgets = room.shares(wanted, self.budget, total)
        known: list[Known] = []
        pertinent: list[Known] = []
        for speaker, page in pages:
            budget = budgets[speaker.resource]
            shown = room.chosen(page, budget)
            left_out = [line for line in page if line not in shown]
            more = room.pertinent(page, left_out, asked.words, budget // room.ASKED) if left_out else []
            known += _known(speaker, shown)
            pertinent += _known(speaker, more)
        return Recollection(known=tuple(known), pertinent=tuple(pertinent), zone=zone)

    def _lines(self, facts: Sequence[Fact], added: Sequence[tuple[str, str]], today: date) -> list[Line]:
        """The lines of a page, oldest first, those that say the same once; first what Mastra has added."""
        template = self.pages.template
        said: dict[str, Sayings] = {}
        found = []
        for field_, value, fact in [*((*one, None) for one in added), *((one.field, one.value, one) for one in facts)]:
            if not said.setdefault(field_, Sayings()).add(value):
                continue
            text = template.told(field_, value) if fact is None else self.pages.told(fact, today)
            month = "" if fact is None else f"{day_in(fact.at, self.pages.timezone):%B %Y}"
            worth = 1 if fact is None else (len(fact.sources) + fact.used).bit_length()
            found.append(
                Line(
                    text,
                    month,
                    template.label(field_),
                    template.typed(value),
                    bool(template.kinds(field_, value)),
                    worth,
                    tokens(f"{text} [{month}]"),
                )
            )
        return found

    async def digest(self, thread: Thread) -> list[Noted]:
        """Read what was said since the last time, and write down what was learned; what that was.

        Raises ModelError, and DatabaseError; then nothing is lost, and all is read the next time. DigestUnfinished when
        no model could read it: what was understood all the same is noted, and the rest is read again.
        """
        noted: list[Noted] = []
        more = True
        while more and (batch := await batches.next_batch(self.pages.database, thread)) is not None:
            more = batch.more
            try:
                await self._learn(batch, noted)
            except ModelError as error:  # none can be asked now
                if noted:
                    raise DigestUnfinished(error, noted) from error
                raise
            if batch.failures:
                if not await batches.go_on(self.pages.database, batch, hopeless=self.reading.hopeless):
                    raise DigestUnfinished(batch.failures[0], noted) from batch.failures[0]
                self.reading.left_out += len(batch.new) == 1
                more = True
        return noted

    async def _learn(self, batch: Batch, noted: list[Noted]) -> None:
        """Read a batch, a portion at a time; it counts as read when all of it was. Adds what was noted to `noted`."""
        if not batch.new:
            await self.pages.learn(batch.thread, batch.since, batch.upto, [])
            return
        for message in batch.new:
            if portions.too_long(message):
                log.warning("%s: message %s is read up to its %dth character", batch.thread, message.id, portions.MOST)
        cut = portions.portions(batch.heard)
        for number, heard in enumerate(cut, 1):
            portion = replace(batch, heard=heard)
            known = await self._known(portion)
            believed = await self._believed(portion, known)
            learned = [
                self._learned(portion, change, known)
                for change in believed
                if not change.edit.forget
                and not matter.wants_gone(upkeep.own_words(change.heard.text), change.edit.value or "")
            ]
            space = MOST - max(map(len, known.values()), default=0)
            if len(learned) > space:
                log.warning("%s: a page is full: %d lines; not all is written on it", batch.thread, MOST)
            # Before anything counts as read: a process that dies here leaves the wish to the next one. And what is
            # deleted now is not learned from below.
            gone = await self._forget(portion, believed)
            upto = batch.upto if number == len(cut) and not batch.failures else None
            used = self._used(portion, known)
            written = await self.pages.learn(batch.thread, batch.since, upto, learned[: max(space, 0)], used)
            noted += [*await self._noted(batch, written), *gone]

    def _learned(self, batch: Batch, change: Believed, known: Mapping[str, Sequence[Fact]]) -> Learned:
        """A change that is believed, as it is written down: with the days that it means."""
        template, heard, edit = self.pages.template, change.heard, change.edit
        text = upkeep.own_words(heard.text)
        said = heard.said or datetime.now(UTC)
        day = day_in(said, self.pages.zone(known.get(heard.author, ()), heard.zone), self.pages.timezone)
        value = template.reworded(edit.field, edit.value, lambda words: dated(words, day, text)) if edit.value else ""
        return Learned(
            heard.author,
            edit.field,
            value,
            batch.audience,
            heard.id,
            change.replaces,
            at=said,
            about=span(template.typed(value), day) if value else None,
            beside=kinds.beside(sentence_of(f"{edit.quote} {edit.value}", text)),
        )

    def _used(self, batch: Batch, known: Mapping[str, Sequence[Fact]]) -> list[int]:
        """The lines that new questions of the same person are about."""
        told = {fact.id: self.pages.template.told(fact.field, fact.value) for page in known.values() for fact in page}
        return [
            fact.id
            for heard in batch.new
            if heard.text.rstrip().endswith(("?", "？"))
            for fact in room.about([(one, told[one.id]) for one in known.get(heard.author, ())], heard.text)
        ]

    async def _believed(self, batch: Batch, known: Mapping[str, Sequence[Fact]]) -> list[Believed]:
        """What a model makes of the batch, as far as it is believed."""
        told = {heard.author: heard.zone for heard in batch.heard if heard.zone}
        zones = {author: self.pages.zone(facts, told.get(author, "")) for author, facts in known.items()}
        prompt, shown = upkeep.ask(
            self.pages.template, batch.heard, known, now=datetime.now(UTC), zones=zones, timezone=self.pages.timezone
        )
        edits = await self._edits(batch, prompt, shown)
        candidates = await asyncio.to_thread(weigh, edits, batch.heard, shown, known)
        doubtful = [candidate for candidate in candidates if not candidate.certain]
        confirmed = await self._confirmed(batch, doubtful, shown) if doubtful else []
        believed = [one.change for one in candidates if one.certain or any(one is other for other in confirmed)]
        if refused := len(edits) - len(believed):
            log.warning(
                "%s: %d changes of the page are refused: nobody said so, or not as a fact", batch.thread, refused
            )
        return believed

    async def _confirmed(
        self, batch: Batch, doubtful: Sequence[Candidate], shown: Mapping[int, Fact]
    ) -> Sequence[Candidate]:
        """Those of the changes that rules cannot decide to which a model says yes, asked about all in one call.

        Raises the first model's ModelError when none can be asked now; then all is read again the next time.
        """
        told = {fact.id: self.pages.template.told(fact.field, fact.value) for fact in shown.values()}
        prompt = second_look.ask(self.pages.template, doubtful, told)
        failures: list[ModelError] = []
        for model in self.models:
            if not model.trusted:
                continue
            try:
                return second_look.confirmed(doubtful, await model.call(prompt, second_look.TOOL))
            except (ModelSilent, ModelRefused, PromptTooLong) as error:
                log.info("%s: %s does not confirm %d notes: %s", batch.thread, model.name, len(doubtful), error)
            except ModelError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return []

    async def _edits(self, batch: Batch, prompt: Prompt, shown: Mapping[int, Fact]) -> list[Edit]:
        """What the first model that can be asked wants changed. Raises the first one's ModelError when none can.

        Where a model cannot fill in a form, what people say of themselves is read word for word, and read again later.
        """
        template = self.pages.template
        failures: list[ModelError] = []
        unread: ModelError | None = None
        for model in self.models:
            try:
                if not model.trusted:
                    batch.failures.extend([unread] if unread else [])
                    return await self._literal(model, batch, shown)
                edits = template.edits(await model.call(prompt, template.tool), shown)
            except (ModelSilent, ModelRefused, PromptTooLong) as error:
                unread = unread or error
            except ModelError as error:
                failures.append(error)
            else:
                self.reading.worked = True
                return edits
        if unread is None:
            raise failures[0]
        log.info("%s: read word for word, and later again, since %s", batch.thread, unread)
        batch.failures.append(unread)
        return await self._literal(None, batch, shown)

    async def _literal(self, model: Model | None, batch: Batch, shown: Mapping[int, Fact]) -> list[Edit]:
        """What people say of themselves, word for word: for a model that cannot be trusted with more."""
        texts = [upkeep.own_words(heard.text) for heard in batch.new]
        template = self.pages.template
        fields = _by_label(template.fields)
        edits = []
        for found in await literal.find(model, texts, list(fields)):
            field = fields[found.field]
            value = template.value(field, found.value) if field else None
            if value is None or any((fact.field, fact.value) == (field, value) for fact in shown.values()):
                continue
            same = (number for number, fact in shown.items() if fact.field == field)
            old = tuple(number for number in same if literal.same_matter(shown[number].value, value))
            edits.append(Edit(field, value, found.message + 1, found.value, old, verbatim=True))
        return edits

    async def _forget(self, batch: Batch, believed: Sequence[Believed]) -> list[Noted]:
        """What people asked to have forgotten is deleted: lines, and the messages that say it."""
        noted = []
        for heard in batch.new:
            asked = [change.replaces for change in believed if change.heard is heard and change.edit.forget]
            what = matter.asked(upkeep.own_words(heard.text)) or ""
            if not asked and not what:
                continue
            person = Resource.parse(heard.author)
            lines = frozenset[int]().union(*asked)
            post = await self._post(heard.id)  # before the answer goes too
            went = await self.forgetting.forget_and_tell(person, lines, what, keep=[heard.id])
            lines_gone = went.counts["facts"]
            if gone := lines_gone + went.counts["mastra_messages"]:
                log.info("%s: forgotten on request: %s", batch.thread, dict(went.counts))
                noted.append(Noted(person, batch.thread, heard.id, post, (), went.lines, gone, lines_gone))
        return noted

    async def _noted(self, batch: Batch, written: Sequence[int]) -> list[Noted]:
        """What was written, by the message that says it."""
        if not written:
            return []
        rows = await self.pages.database.fetch(
            "select id, person, field, value, sources[1] as message from hathi.facts where id = any($1) order by id",
            list(written),
        )
        by_message: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for row in rows:
            text = self.pages.template.told(row["field"], row["value"]) if row["value"] else ""
            by_message.setdefault((row["person"], row["message"]), []).append((row["id"], text))
        return [
            Noted(
                Resource.parse(person),
                batch.thread,
                message,
                await self._post(message),
                tuple(id_ for id_, _ in lines),
                tuple(text for _, text in lines if text),
            )
            for (person, message), lines in by_message.items()
        ]

    async def _post(self, message: str) -> str:
        """The last post of the answer to a message."""
        rows = await self.pages.database.fetch(
            """
            select post.post from public.mastra_messages as message
            join lateral (
                select turn from public.mastra_messages as answer
                where answer.thread_id = message.thread_id and answer.answers >= message.seq
                order by answer.answers limit 1
            ) as answer on true
            join hathi.posts as post on post.turn = answer.turn
            where message.id = $1 order by post.piece desc limit 1
            """,
            message,
        )
        return rows[0]["post"] if rows else ""

    async def _known(self, batch: Batch) -> dict[str, list[Fact]]:
        """What may be known where this was said, by who speaks there."""
        authors = list(dict.fromkeys(heard.author for heard in batch.new))
        learned = await self.pages.learned_from(authors, batch.thread)
        return {
            author: current(facts, place(batch.audience, batch.space, people))
            for author, (people, facts) in learned.items()
        }


def _known(speaker: Speaker, lines: Sequence[Line]) -> list[Known]:
    """What is known of somebody, if anything is."""
    texts, months = tuple(line.text for line in lines), tuple(line.month for line in lines)
    return [Known(speaker.resource, speaker.name, texts, months)] if lines else []


def _by_label(fields: Sequence[str]) -> dict[str, str]:
    """Fields by what they are called. In a schema, whose fields are JSON pointers, nothing takes what fits nowhere."""
    if all(field.startswith("/") for field in fields):
        return {**{field.rpartition("/")[2]: field for field in fields}, "": ""}
    return {field: field for field in fields}
