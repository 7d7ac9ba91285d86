"""Working memory: what a turn is told of the people in it, and what is learned from it afterwards."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.chat import Resource, Thread, Turn
from bot.errors import ModelError, ModelRefused, ModelSilent, PromptTooLong
from bot.ports import Known, Model, Noted, Prompt, Recollection
from bot.prompt import tokens
from memory.content import text_of
from memory.forgetting import Forgetting
from memory.privacy import Audience, place, stored
from memory.working import literal, matter, second_look, upkeep
from memory.working.believing import Believed, Candidate, weigh
from memory.working.page import MOST, Edit, Fact, current
from memory.working.pages import Learned, Pages
from memory.working.upkeep import Heard

log = logging.getLogger(__name__)

BATCH = 20  # messages that are read for the page at a time
BEFORE = 4  # messages before them, so that "yes, that one" can be understood


@dataclass(frozen=True, slots=True)
class Batch:
    """What was said in a thread and is not read for the page yet, by people who may all be read by the same others."""

    thread: Thread
    since: int
    upto: int
    audience: Audience
    space: str | None
    more: bool  # has been said behind it
    heard: Sequence[Heard]

    @property
    def new(self) -> list[Heard]:
        return [heard for heard in self.heard if heard.new]


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
    """A memory: pages about people. `budget`: tokens of all pages in one prompt."""

    pages: Pages
    forgetting: Forgetting
    models: Sequence[Model]
    budget: int

    async def recall(self, turn: Turn) -> Recollection:
        """What may be known here of those who speak here. One round trip."""
        there, speakers = await self.pages.speakers(turn.thread)
        if there is None:
            return Recollection()
        left = self.budget
        known = []
        for speaker in speakers:
            facts, added = self.pages.view(speaker.sheets, there)
            told = [self.pages.template.told(field, value) for field, value in added]
            lines = []
            for line in reversed(self._in_order(facts, told)):  # the newest first, while there is room
                left -= tokens(line)
                if left < 0:
                    break
                lines.append(line)
            if lines:
                known.append(Known(speaker.resource, speaker.name, tuple(reversed(lines))))
        return Recollection(known=tuple(known))

    async def digest(self, thread: Thread) -> list[Noted]:
        """Read what was said since the last time, and write down what was learned; what that was.

        Raises ModelError, and DatabaseError; then nothing is lost, and all is read the next time.
        """
        noted: list[Noted] = []
        more = True
        while more and (batch := await self._batch(thread)) is not None:
            if batch.new:
                noted += await self._learn(batch)
            else:
                await self.pages.learn(thread, batch.since, batch.upto, [])
            more = batch.more
        return noted

    def _in_order(self, facts: Sequence[Fact], added: Sequence[str]) -> list[str]:
        told = [self.pages.template.told(fact.field, fact.value) for fact in facts]
        return list(dict.fromkeys([*added, *told]))

    async def _learn(self, batch: Batch) -> list[Noted]:
        known = await self._known(batch)
        believed = await self._believed(batch, known)
        learned = [
            Learned(
                change.heard.author,
                change.edit.field,
                change.edit.value or "",
                batch.audience,
                change.heard.id,
                change.replaces,
            )
            for change in believed
            if not change.edit.forget
            and not matter.wants_gone(upkeep.own_words(change.heard.text), change.edit.value or "")
        ]
        room = MOST - max(map(len, known.values()), default=0)
        if len(learned) > room:
            log.warning("%s: a page is full: %d lines; not all is written on it", batch.thread, MOST)
        # Before anything counts as read: a process that dies here leaves the wish to the next one. And what is deleted
        # now is not learned from below.
        gone = await self._forget(batch, believed)
        written = await self.pages.learn(batch.thread, batch.since, batch.upto, learned[: max(room, 0)])
        return [*await self._noted(batch, written), *gone]

    async def _believed(self, batch: Batch, known: Mapping[str, Sequence[Fact]]) -> list[Believed]:
        """What a model makes of the batch, as far as it is believed."""
        prompt, shown = upkeep.ask(self.pages.template, batch.heard, known)
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
                log.info("%s: %d notes are not confirmed, since %s", batch.thread, len(doubtful), error)
                return []
            except ModelError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return []

    async def _edits(self, batch: Batch, prompt: Prompt, shown: Mapping[int, Fact]) -> list[Edit]:
        """What the first model that can be asked wants changed. Raises the first one's ModelError when none can."""
        template = self.pages.template
        failures: list[ModelError] = []
        for model in self.models:
            try:
                if not model.trusted:
                    return await self._literal(model, batch, shown)
                return template.edits(await model.call(prompt, template.tool), shown)
            except (ModelSilent, ModelRefused, PromptTooLong) as error:  # it cannot fill in a form
                log.info("%s: read word for word, since %s", batch.thread, error)
                return await self._literal(None, batch, shown)
            except ModelError as error:
                failures.append(error)
        raise failures[0]

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
            counts = await self.forgetting.forget_matter(person, lines, what, keep=[heard.id])
            if gone := counts["facts"] + counts["mastra_messages"]:
                log.info("%s: forgotten on request: %s", batch.thread, dict(counts))
                noted.append(Noted(person, batch.thread, heard.id, post, (), (), gone))
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

    async def _batch(self, thread: Thread) -> Batch | None:
        rows = await self.pages.database.fetch(
            """
            with thread as (select digested, answered, space from public.mastra_threads where id = $1),
            unread as (
                select message.*, true as unread from public.mastra_messages as message, thread
                where thread_id = $1 and coalesce(answers, seq) > digested and coalesce(answers, seq) <= answered
                order by coalesce(answers, seq), seq limit $2
            ), before as (
                select message.*, false as unread from public.mastra_messages as message, thread
                where thread_id = $1 and coalesce(answers, seq) <= digested and role in ('user', 'assistant')
                order by coalesce(answers, seq) desc, seq desc limit $3
            )
            select thread.digested, thread.answered, thread.space, line.id, line.role, line.author, line.name,
                   line.content, line.type, line.audience, coalesce(line.answers, line.seq) as place,
                   line.unread and line.addressed and line.author is not null and not line.off_record
                   and not exists (select from hathi.paused where person = line.author) as new
            from thread left join (select * from unread union all select * from before) as line on true
            where thread.digested < thread.answered
            order by coalesce(line.answers, line.seq), line.seq
            """,
            str(thread),
            2 * BATCH,
            BEFORE,
        )
        if not rows:
            return None
        # Those who may read it are the same for all that is read together.
        audience = next((row["audience"] for row in rows if row["new"]), None)
        end = next((row["place"] for row in rows if row["new"] and row["audience"] != audience), None)
        taken = [row for row in rows if row["place"] is not None and (end is None or row["place"] < end)]
        full = len(taken) >= 2 * BATCH
        upto = taken[-1]["place"] if taken and (full or end is not None) else rows[0]["answered"]
        heard = [
            Heard(
                row["id"],
                row["role"],
                row["author"] or "",
                row["name"] or "",
                text_of(row["content"], row["type"]),
                row["new"],
            )
            for row in taken
            if row["new"] or row["audience"] in (None, audience)
        ]
        more = upto < rows[0]["answered"]
        return Batch(thread, rows[0]["digested"], upto, stored(audience or ""), rows[0]["space"], more, heard)


def _by_label(fields: Sequence[str]) -> dict[str, str]:
    """Fields by what they are called. In a schema, whose fields are JSON pointers, nothing takes what fits nowhere."""
    if all(field.startswith("/") for field in fields):
        return {**{field.rpartition("/")[2]: field for field in fields}, "": ""}
    return {field: field for field in fields}
