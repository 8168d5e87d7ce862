"""Event files that are written and read by tensorboardX's own parts."""

import struct

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary


def written(folder, name, scalars):
    """A file with one scalar, by its steps."""
    writer = EventsWriter(str(folder / "events"), f".{name}")
    for step, value in scalars.items():
        summary = Summary(value=[Summary.Value(tag="loss", simple_value=value)])
        writer.write_event(Event(step=step, summary=summary))
    writer.close()
    return next(folder.glob(f"*.{name}"))


def values(path):
    """The steps and values of the scalars in a file."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        found += [(event.step, value.simple_value) for value in event.summary.value]
        content = content[16 + length :]
    return found
