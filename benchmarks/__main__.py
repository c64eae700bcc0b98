"""`make bench`: the site and its peers, the stages of a call, and the stages of a reading."""

from . import post, reader, server
from .publishing import publish

FOUND = """\
`POST /api/v1/predictions/` of one drawn digit, load generator on the same machine. The site runs as `make run` starts
it, with a database of its own. Each client is a user of its own, whose calls are counted against limits that refuse
none, and every reading is stored before it is answered.

{server}
Where the milliseconds of one such call go, one client, medians; and the floor below it on this disk: gunicorn with an
application of one line, a picture and a row written so that a power cut would leave them.

{post}
Milliseconds of one core and the most memory at once, as Python and numpy count it, for each stage of one reading;
medians. "From pixels" is what the targets are for: from the grey page to the reading.

{reader}"""

if __name__ == "__main__":
    # The reader last: after it, this process stays on one core.
    publish("bench", FOUND.format(server=server.measure(), post=post.measure(), reader=reader.measure()))
