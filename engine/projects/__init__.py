"""Project folders: what they hold, who may write in them, and that nothing in them is lost."""
