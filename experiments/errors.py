"""The one exception for what a user can mend."""


class UserError(Exception):
    """A mistake in the config, the data or the call.

    Its text names the key or file, the value received, what was expected and the way out. The entry points print it
    without a traceback and exit with status 2 (see docs/errors.md).
    """
