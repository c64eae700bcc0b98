"""`make bench`: the site and its peers, the stages of a call, and the stages of a reading."""

from . import post, reader, server
from .publishing import publish

FOUND = """\
`POST /api/v1/predictions/` of one drawn digit, load generator on the same machine. The site runs as `make run` starts
it, with a new database. Each client is a separate user, with rate limits that are counted but refuse nothing. Every
reading is stored before it is answered.

{server}
Milliseconds of one such call by stage, one client, medians; and the lower bound on this disk: gunicorn with a one-line
application, and a row with its picture written durably.

{post}
Milliseconds on one core, and peak memory as Python and numpy count it, for each stage of one reading; medians. The
targets are for the row "from pixels": from the grey page to the reading.

{reader}"""

if __name__ == "__main__":
    # The reader last: after it, this process stays on one core.
    publish("bench", FOUND.format(server=server.measure(), post=post.measure(), reader=reader.measure()))
