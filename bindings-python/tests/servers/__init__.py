"""Servers that tests call: the fault server, one that sends scripted bytes, one of HTTP/2, and one without sockets."""
