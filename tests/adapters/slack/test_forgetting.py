"""What belongs to a workspace goes with it, direct messages too."""

from tests.adapters.slack.conftest import House
from tests.stores import forgetting_in


async def test_a_workspace_is_forgotten_with_its_direct_messages(house: House) -> None:
    await house.start()
    await house.ask("hello")
    await house.ask("a secret", channel=house.dm)
    counts = await forgetting_in(house.transcript.database).leave(f"slack:{house.slack.team}")
    assert (counts["mastra_messages"], counts["mastra_threads"], counts["facts"]) == (4, 2, 0)
