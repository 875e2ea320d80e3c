"""Engines from outside: admission, queues, processes. Alone in using the channel and the arenas of models.ipc."""
