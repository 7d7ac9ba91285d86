"""Asking a server: again after what passes, and in another way after a refusal that says how; what works is learned."""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import openai
import tenacity

from bot.errors import ModelBusy, ModelDown, RequestRefused
from bot.models.remote import refusals
from bot.models.remote.client import delay_of
from bot.models.remote.differences import Change, change_after
from bot.models.remote.errors import refusal_of
from bot.models.remote.profile import Profile, in_words
from bot.models.remote.request import Asked, body_of

log = logging.getLogger(__name__)

USEFUL = 64  # tokens of an answer; with fewer it would be cut off in its first sentence
CHANGES = 4  # of one request; a server that takes none of its usual things is answered at the fifth time
LONGEST_DELAY = 120.0  # seconds that a server may have us wait; one that wants more is not asked again
_PASSING = {408, 409, 429}  # and everything from 500

Body = dict[str, object]
Brought = TypeVar("Brought")


class Exchange:
    """The way of asking one model, with what was learned of its server while the process runs."""

    def __init__(self, name: str, profile: Profile, retries: int) -> None:
        """`profile`: what is known beforehand."""
        self.profile = profile
        self._name = name
        self._retries = retries
        self._most: int | None = None  # tokens of an answer that the server gives, where it said so

    async def ask(
        self, asked: Asked, post: Callable[[Body], Awaitable[Brought]], left_out: frozenset[str] = frozenset()
    ) -> Brought:
        """What `post` brings for the body of a request that the server takes; this time without `left_out`.

        Raises what `post` does.
        """
        profile = self.profile.without(left_out) if left_out else self.profile
        asked = self._within_limit(asked)
        learned = frozenset[str]()
        for left in range(CHANGES, -1, -1):
            body = body_of(asked, profile)
            attempt = _Attempt(body, profile, asked)
            try:
                brought = await self._insist(post, attempt)
            except openai.APIError as error:
                if shorter := self._shorter(asked, error):
                    asked = shorter
                    continue
                change = attempt.change_after(error) if left else None
                if change is None:
                    raise
                profile = profile.without(change.leave_out)
                learned |= change.leave_out if change.lasting else frozenset()
            else:
                self.learn(learned)
                return brought
        raise AssertionError("the last time raises or returns")

    def _within_limit(self, asked: Asked) -> Asked:
        """The same, for no longer an answer than the server gives."""
        most = self._most
        return asked if most is None or (asked.limit or 0) <= most else replace(asked, limit=most)

    def _shorter(self, asked: Asked, error: openai.APIError) -> Asked | None:
        """The same, for the shorter answer that a refusal names: what is paid for, or what the model writes at most."""
        refusal = refusal_of(error)
        fewer = refusals.fewer_tokens(refusal)
        if fewer is None or fewer < USEFUL or (asked.limit is not None and fewer >= asked.limit):
            return None
        if refusals.kind(refusal) is RequestRefused:
            self._most = fewer
        log.info("%s: asked for an answer of at most %d tokens, since no more is to be had", self._name, fewer)
        return replace(asked, limit=fewer)

    def learn(self, left_out: frozenset[str]) -> None:
        """Leave something out of all requests from now on."""
        new = left_out - self.profile.left_out
        if new:
            self.profile = self.profile.without(new)
            log.info("%s: its server does not take %s, and is asked without from now on", self._name, in_words(new))

    async def _insist(self, post: Callable[[Body], Awaitable[Brought]], attempt: "_Attempt") -> Brought:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(attempt.passes),
            stop=tenacity.stop_after_attempt(self._retries + 1),
            wait=_delay,
            reraise=True,
        )
        return await retrying(post, attempt.body)


class _Attempt:
    """One form of a request."""

    def __init__(self, body: Body, profile: Profile, asked: Asked) -> None:
        self.body = body
        self._profile = profile
        self._asked = asked

    def change_after(self, error: openai.APIError) -> Change | None:
        """What to leave out after a refusal; None when that is no way out."""
        return change_after(error, self.body, self._profile, lambda profile: body_of(self._asked, profile))

    def passes(self, error: BaseException) -> bool:
        """Whether the same request may succeed a little later."""
        if isinstance(error, openai.APIConnectionError):  # a timeout is one too
            return True
        if not isinstance(error, openai.APIStatusError):
            return False
        asked_for = delay_of(error)
        if asked_for is not None and asked_for > LONGEST_DELAY:
            return False
        said = error.response.headers.get("x-should-retry")
        if said in {"true", "false"}:
            return said == "true"
        if not issubclass(refusals.kind(refusal_of(error)), ModelBusy | ModelDown):
            return False
        return (error.status_code in _PASSING or error.status_code >= 500) and self.change_after(error) is None


def _delay(state: tenacity.RetryCallState) -> float:
    """As long as the server says, else half a second, twice as long each time, up to eight."""
    asked_for = delay_of(state.outcome.exception() if state.outcome else None)
    if asked_for is not None and 0 < asked_for <= LONGEST_DELAY:
        return asked_for
    return min(0.5 * 2.0 ** (state.attempt_number - 1), 8.0) * random.uniform(0.75, 1)  # noqa: S311  # no secret
