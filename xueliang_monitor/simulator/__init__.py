"""A fleet of cameras that are none: real sockets, real codecs, settable faults."""
