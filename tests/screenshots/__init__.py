"""Pictures of every state of the window, for the eyes of whoever changes it: `python -m tests.screenshots OUT`."""
