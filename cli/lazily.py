"""`exec --server --lazy`: the child is started at once, and what serves it is got ready meanwhile.

Most of a start is loading the AWS libraries, and asyncio is a quarter of the rest: neither is imported before
the child runs. It finds its endpoint bound already, and whoever connects before it is served waits.
Only where nobody may have to be asked for a login or a code: that comes before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.child.end import ChildEnd
from cli.child.run import start_child
from cli.context import run
from cli.seats import SeatNote, SeatNotes
from cli.wish import Place, Teller, Wish, announce_lazy, command_of, served_environment, told_end
from sentinel_server import wiring
from sentinel_server.credentials.endpoints import region_of

if TYPE_CHECKING:
    from sentinel_server.credentials.profiles import Profile
    from sentinel_server.settings.resolve import Settings


def run_lazily(settings: Settings, wish: Wish, profile: Profile) -> ChildEnd:
    """Run the child to its end, and serve it as soon as that can be.

    Raises InvalidSetting before it is started. What cannot be opened afterwards is said,
    and is a refusal of every fetch.
    """
    seat = SeatNotes(SeatNote(profile=wish.profile, pid=os.getpid()))
    teller = Teller(live=True, seat=seat)
    region = settings.region or region_of(profile, settings.environ)
    with wiring.open_entrance(settings) as entrance, wiring.runtime_directory(settings) as write:
        seat.keep_in(write)
        env = served_environment(settings, wish, entrance, write, Place(profile, region))
        announce_lazy(wish, entrance)
        with start_child(command_of(wish, env), env) as child:
            if isinstance(child, ChildEnd):
                return told_end(child, teller)
            from cli.beside import serve_until_ended

            end = run(serve_until_ended(child, settings, wish, entrance, teller, seat))
    return told_end(end, teller)
