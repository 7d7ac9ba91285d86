"""Views of the small strict Slack: the app's home of each person, and forms, which live as long as they are open."""

import time

from tests.fakes.slack_delivery import Courier
from tests.fakes.slack_rules import JSON, Problem, check_view
from tests.fakes.slack_world import Install


class Views(Courier):
    """What an app shows beside messages."""

    def __init__(self) -> None:
        super().__init__()
        self.homes: dict[str, JSON] = {}  # by user
        self.views: dict[str, JSON] = {}  # forms that are open, by id
        self.trigger_seconds = 3.0

    def form(self) -> JSON:
        """The one form that is open."""
        (view,) = self.views.values()
        return view

    def close(self) -> None:
        """Somebody closes the form."""
        self.views.clear()

    def _publish(self, args: JSON, me: Install) -> JSON:
        if args.get("user_id") not in self.people:
            raise Problem("user_not_found")
        check_view(args.get("view"), "home")
        self.homes[args["user_id"]] = args["view"]
        return {"view": {"id": f"V{args['user_id'][1:]}", "hash": self._id(""), **args["view"]}}

    def _open_view(self, args: JSON, me: Install) -> JSON:
        at = self.triggers.get(args.get("trigger_id", ""))
        if at is None:
            raise Problem("exchanged_trigger_id" if args.get("trigger_id") in self.exchanged else "invalid_trigger_id")
        if time.monotonic() - at > self.trigger_seconds:
            raise Problem("expired_trigger_id")
        check_view(args.get("view"), "modal")
        del self.triggers[args["trigger_id"]]
        self.exchanged.add(args["trigger_id"])
        return {"view": self._kept(self._id("V"), args["view"], me)}

    def _update_view(self, args: JSON, me: Install) -> JSON:
        before = self.views.get(args.get("view_id", ""))
        if before is None or before["team_id"] != me.team:
            raise Problem("not_found")
        if args.get("hash", before["hash"]) != before["hash"]:
            raise Problem("hash_conflict")
        check_view(args.get("view"), "modal")
        return {"view": self._kept(before["id"], args["view"], me)}

    def _kept(self, id_: str, view: JSON, me: Install) -> JSON:
        """A form as Slack tells it."""
        blocks = [{"block_id": self._id("b"), **block} for block in view["blocks"]]
        defaults = {"private_metadata": "", "callback_id": "", "submit": None, "close": None}
        self.views[id_] = {
            **defaults, **view, "id": id_, "team_id": me.team, "app_id": self.app_id, "bot_id": me.bot_id,
            "hash": self._id(""), "root_view_id": id_, "previous_view_id": None, "external_id": "", "blocks": blocks,
            "state": {"values": {}}, "clear_on_close": False, "notify_on_close": False,
        }  # fmt: skip
        return self.views[id_]
