"""The front's side of engines: admission, queues, processes. The only user of the channel and arenas of models.ipc."""
