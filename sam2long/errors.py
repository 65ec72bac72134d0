"""Errors caused by user input; each message is one line that says what is wrong, where, and how to fix it."""


class UserError(Exception):
    """Base class of all errors caused by user input; the command line prints them and exits with status 2."""


class VideoError(UserError):
    """A video, image folder or frame that cannot be read."""


class PromptError(UserError):
    """A point, box or mask that cannot be used."""


class CheckpointError(UserError):
    """An unknown model name, or a checkpoint file that does not fit the model."""


class OutputError(UserError):
    """A result folder or file that cannot be written."""


class SessionError(UserError):
    """A saved session that cannot be opened: damaged, saved by a newer version, or for another video or model."""


class ConfigError(UserError, ValueError):
    """A setting that is out of range or cannot be used."""


class DatasetError(UserError):
    """A data set, or a folder of predictions for one, whose layout is not as expected."""
