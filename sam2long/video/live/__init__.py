"""Live video: cameras, network streams and pipes, with bounded delay and memory, reconnection and recording.

Knows addresses, connections and time stamps of streams; must not import networks, results or prompts.
"""
