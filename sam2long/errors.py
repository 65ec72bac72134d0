"""Errors that a user can cause: one line that says what was wrong, where, and what to do."""


class UserError(Exception):
    """Base of every error a user can cause; the command line prints it and exits with status 2."""


class VideoError(UserError):
    """A video, image folder or frame that cannot be read."""


class PromptError(UserError):
    """A point, box or mask that cannot be used."""


class CheckpointError(UserError):
    """An unknown model name, or a checkpoint file that does not fit the model."""


class OutputError(UserError):
    """A result folder or file that cannot be written."""


class SessionError(UserError):
    """A saved session that cannot be opened: damaged, made by a newer version, or of another video or model."""


class ConfigError(UserError, ValueError):
    """A setting outside its range."""


class DatasetError(UserError):
    """A data set, or a folder of predictions for one, that is not laid out as its rules say."""
