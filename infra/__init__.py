"""How it is put together and run: app, settings, command line, demo."""
